/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client of our own NBD session (doc/proto.md, "Newstyle negotiation" and NBD_OPT_GO), for the 0.2 protocol's relay. See classic.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/text.h"
#include "nbdd/classic.h"
#include "net/whole_io.h"
#include "wire/nbd_proto.h"

#define REPLY_DATA_MAX 8192u
#define REPLIES_MAX 32u

static int greet(int fd, uint64_t id, uint64_t deadline_ns)
{
        uint8_t greeting[NBD_GREETING_BYTES], out[256];
        struct breader r = breader_of(greeting, sizeof greeting);
        struct bwriter w = bwriter_of(out, sizeof out);
        char name[EXPORT_ID_TEXT_SIZE];
        uint16_t flags;
        int error = receive_whole(fd, greeting, sizeof greeting, deadline_ns);

        if (error < 0)
                return error;
        if (nbd_greeting_decode(&r, &flags) < 0)
                return -EBADMSG;
        export_id_format(id, name);
        nbd_client_flags_encode(&w, NBD_HANDSHAKE_FIXED_NEWSTYLE | NBD_HANDSHAKE_NO_ZEROES);
        nbd_option_go_encode(&w, NBD_OPT_GO, &(struct nbd_option_go){.name = name, .name_bytes = strlen(name)});
        return w.bad ? -EOVERFLOW : send_whole(fd, out, w.offset_bytes, deadline_ns);
}

static int refused(const struct nbd_option_reply *reply, const uint8_t *data, char *reason, size_t reason_size)
{
        char words[REPLY_DATA_MAX + 1];

        memcpy(words, data, reply->length_bytes);
        words[reply->length_bytes] = '\0';
        text_printable(words[0] ? words : nbd_option_error_text(reply->type), reason, reason_size);
        return reply->type == NBD_REP_ERR_UNKNOWN ? -ENOENT : -EACCES;
}

int classic_attach(int fd, uint64_t id, uint64_t deadline_ns, struct nbd_export_info *ret_info, char *reason, size_t reason_size)
{
        uint8_t header[NBD_OPTION_REPLY_BYTES], data[REPLY_DATA_MAX];
        struct nbd_option_reply reply;
        int error = greet(fd, id, deadline_ns);

        *ret_info = (struct nbd_export_info){0};
        for (unsigned i = 0; error == 0 && i < REPLIES_MAX; i++) {
                struct breader r = breader_of(header, sizeof header);
                if ((error = receive_whole(fd, header, sizeof header, deadline_ns)) < 0)
                        break;
                if (nbd_option_reply_header_decode(&r, &reply) < 0 || reply.length_bytes > sizeof data) {
                        error = -EBADMSG;
                        break;
                }
                if ((error = receive_whole(fd, data, reply.length_bytes, deadline_ns)) < 0)
                        break;
                if (reply.type & NBD_REP_FLAG_ERROR)
                        return refused(&reply, data, reason, reason_size);
                if (reply.type == NBD_REP_ACK)
                        return 0;
                if (reply.type == NBD_REP_INFO)
                        error = nbd_info_decode(data, reply.length_bytes, ret_info);
        }
        error = error ? error : -EBADMSG;
        (void)snprintf(reason, reason_size, "our own session ended: %s", strerror(-error));
        return error;
}
