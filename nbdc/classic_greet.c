/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The relay as an NBD server towards its nbdc: greeting and one GO (doc/proto.md, "Newstyle negotiation"). See classic.h. */
#include <errno.h>
#include <string.h>

#include "nbdc/classic.h"
#include "net/whole_io.h"
#include "wire/nbd_proto.h"
#include "wire/nbd_wire.h"

#define GO_DATA_MAX 1024u /* nbdc's own GO is far smaller */

int classic_greet(int fd, uint64_t deadline_ns)
{
        uint8_t out[NBD_GREETING_BYTES], in[GO_DATA_MAX];
        struct bwriter w = bwriter_of(out, sizeof out);
        struct breader r = breader_of(in, NBD_CLIENT_FLAGS_BYTES);
        struct nbd_option_header option;
        uint32_t flags;
        int error;

        nbd_greeting_encode(&w, NBD_HANDSHAKE_FIXED_NEWSTYLE | NBD_HANDSHAKE_NO_ZEROES);
        if ((error = send_whole(fd, out, w.offset_bytes, deadline_ns)) < 0 || (error = receive_whole(fd, in, NBD_CLIENT_FLAGS_BYTES, deadline_ns)) < 0)
                return error;
        if (nbd_client_flags_decode(&r, &flags) < 0)
                return -EPROTO;
        if ((error = receive_whole(fd, in, NBD_OPTION_HEADER_BYTES, deadline_ns)) < 0)
                return error;
        r = breader_of(in, NBD_OPTION_HEADER_BYTES);
        if (nbd_option_header_decode(&r, &option) < 0 || option.option != NBD_OPT_GO || option.length_bytes > sizeof in)
                return -EPROTO;
        return receive_whole(fd, in, option.length_bytes, deadline_ns); /* the export is the one that the relay was started for */
}

int classic_answer_go(int fd, const struct classic_offer *offer, uint64_t deadline_ns)
{
        /* No flush: a 0.2 server's answer to a write is its last word about it, so that there is nothing to flush. */
        struct nbd_export_info info = {.size_bytes = offer->size_bytes,
                                       .transmission_flags = (uint16_t)(NBD_TFLAG_HAS_FLAGS | (offer->read_only ? NBD_TFLAG_READ_ONLY : 0))};
        uint8_t out[128];
        struct bwriter w = bwriter_of(out, sizeof out);

        nbd_info_export_encode(&w, NBD_OPT_GO, &info);
        nbd_option_reply_encode(&w, NBD_OPT_GO, NBD_REP_ACK, NULL, 0);
        return w.bad ? -EOVERFLOW : send_whole(fd, out, w.offset_bytes, deadline_ns);
}

int classic_refuse_go(int fd, const char *sentence, uint64_t deadline_ns)
{
        uint8_t out[NBD_OPTION_REPLY_BYTES + 512];
        struct bwriter w = bwriter_of(out, sizeof out);

        nbd_option_reply_encode(&w, NBD_OPT_GO, NBD_REP_ERR_POLICY, sentence, strnlen(sentence, 500));
        return w.bad ? -EOVERFLOW : send_whole(fd, out, w.offset_bytes, deadline_ns);
}
