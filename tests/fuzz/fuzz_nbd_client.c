/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The decoders of what a server sends (nbdc's side) and of export names. Run by `make fuzz` and by the unit tests. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/export_name.h"
#include "wire/nbd_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void export_names(const uint8_t *data, size_t size)
{
        struct export_name name, again;
        char reason[256], text[EXPORT_NAME_TEXT_SIZE];

        if (export_name_parse((const char *)data, size, &name, reason, sizeof reason) < 0) {
                assert(memchr(reason, '\0', sizeof reason) && reason[0]);
                return;
        }
        assert(name.id != 0);
        export_name_format(&name, text);
        assert(export_name_parse(text, strlen(text), &again, reason, sizeof reason) == 0);
        assert(again.id == name.id && again.epoch == name.epoch && again.has_session == name.has_session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct breader r = breader_of(data, size);
        struct nbd_export_info info = {0};
        struct nbd_option_go go;
        struct nbd_chunk chunk;
        const char *name;
        size_t name_bytes;
        uint64_t cookie;
        uint32_t error;
        uint16_t flags;

        export_names(data, size);
        (void)nbd_greeting_decode(&r, &flags);
        struct nbd_option_reply reply;
        while (breader_left(&r) && nbd_option_reply_header_decode(&r, &reply) == 0) {
                const uint8_t *body = breader_take(&r, reply.length_bytes);
                if (body && reply.type == NBD_REP_INFO && nbd_info_decode(body, reply.length_bytes, &info) == 0)
                        assert(!info.has_block_size || info.block_minimum_bytes);
                if (body && reply.type == NBD_REP_SERVER && nbd_rep_server_decode(body, reply.length_bytes, &name, &name_bytes) == 0)
                        assert((const uint8_t *)name + name_bytes <= data + size);
                assert(nbd_option_error_text(reply.type));
        }
        r = breader_of(data, size);
        (void)nbd_simple_reply_decode(&r, &cookie, &error);
        r = breader_of(data, size);
        (void)nbd_chunk_header_decode(&r, &chunk);
        struct nbd_option_meta meta;
        if (nbd_option_meta_decode(data, size, &meta) == 0) {
                const char *query;
                size_t query_bytes;
                uint32_t count = 0;
                while (nbd_option_meta_next(&meta, &query, &query_bytes)) {
                        assert((const uint8_t *)query + query_bytes <= data + size);
                        count++;
                }
                assert(count == meta.query_count && (const uint8_t *)meta.name + meta.name_bytes <= data + size);
        }
        if (nbd_option_go_decode(data, size, &go) == 0)
                assert(go.info_count <= NBD_GO_INFOS_MAX && go.name_bytes <= size);
        return 0;
}
