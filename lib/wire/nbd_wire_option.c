/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NBD handshake messages: "Newstyle negotiation" and "Option types" of doc/proto.md. See nbd_wire.h. */
#include "wire/nbd_wire.h"

#include <errno.h>

void nbd_greeting_encode(struct bwriter *w, uint16_t handshake_flags)
{
        bwriter_be64(w, NBD_MAGIC_INIT);
        bwriter_be64(w, NBD_MAGIC_OPTION);
        bwriter_be16(w, handshake_flags);
}

int nbd_greeting_decode(struct breader *r, uint16_t *ret_handshake_flags)
{
        uint64_t init = breader_be64(r), option = breader_be64(r);
        uint16_t flags = breader_be16(r);
        if (r->bad || init != NBD_MAGIC_INIT || option != NBD_MAGIC_OPTION)
                return -EBADMSG;
        *ret_handshake_flags = flags;
        return 0;
}

void nbd_client_flags_encode(struct bwriter *w, uint32_t flags)
{
        bwriter_be32(w, flags);
}

int nbd_client_flags_decode(struct breader *r, uint32_t *ret_flags)
{
        uint32_t flags = breader_be32(r);
        if (r->bad)
                return -EBADMSG;
        *ret_flags = flags;
        return 0;
}

void nbd_option_header_encode(struct bwriter *w, const struct nbd_option_header *h)
{
        bwriter_be64(w, NBD_MAGIC_OPTION);
        bwriter_be32(w, h->option);
        bwriter_be32(w, h->length_bytes);
}

int nbd_option_header_decode(struct breader *r, struct nbd_option_header *ret)
{
        uint64_t magic = breader_be64(r);
        struct nbd_option_header h = {.option = breader_be32(r)};
        h.length_bytes = breader_be32(r);
        if (r->bad || magic != NBD_MAGIC_OPTION)
                return -EBADMSG;
        *ret = h;
        return 0;
}

void nbd_option_encode(struct bwriter *w, uint32_t option, const void *data, size_t size_bytes)
{
        if (size_bytes > UINT32_MAX) {
                w->bad = true;
                return;
        }
        nbd_option_header_encode(w, &(struct nbd_option_header){option, (uint32_t)size_bytes});
        if (size_bytes)
                bwriter_copy(w, data, size_bytes);
}

void nbd_option_go_encode(struct bwriter *w, uint32_t option, const struct nbd_option_go *go)
{
        if (go->name_bytes > NBD_STRING_MAX || go->info_count > NBD_GO_INFOS_MAX) {
                w->bad = true;
                return;
        }
        uint32_t length_bytes = (uint32_t)(4 + go->name_bytes + 2 + 2 * go->info_count);
        nbd_option_header_encode(w, &(struct nbd_option_header){option, length_bytes});
        bwriter_be32(w, (uint32_t)go->name_bytes);
        if (go->name_bytes)
                bwriter_copy(w, go->name, go->name_bytes);
        bwriter_be16(w, (uint16_t)go->info_count);
        for (size_t i = 0; i < go->info_count; i++)
                bwriter_be16(w, go->infos[i]);
}

int nbd_option_go_decode(const void *data, size_t size_bytes, struct nbd_option_go *ret)
{
        struct breader r = breader_of(data, size_bytes);
        struct nbd_option_go go = {.name_bytes = breader_be32(&r)};
        if (go.name_bytes > NBD_STRING_MAX)
                return -EBADMSG;
        go.name = (const char *)breader_take(&r, go.name_bytes);
        size_t count = breader_be16(&r);
        if (r.bad || breader_left(&r) != 2 * count)
                return -EBADMSG;
        for (size_t i = 0; i < count && go.info_count < NBD_GO_INFOS_MAX; i++)
                go.infos[go.info_count++] = breader_be16(&r);
        *ret = go;
        return 0;
}

void nbd_option_meta_encode(struct bwriter *w, uint32_t option, const char *name, const char *const *queries, uint32_t query_count)
{
        size_t length_bytes = 4 + strlen(name) + 4;
        for (uint32_t i = 0; i < query_count; i++)
                length_bytes += 4 + strlen(queries[i]);
        if (length_bytes > NBD_OPTION_MAX) {
                w->bad = true;
                return;
        }
        nbd_option_header_encode(w, &(struct nbd_option_header){option, (uint32_t)length_bytes});
        bwriter_be32(w, (uint32_t)strlen(name));
        bwriter_copy(w, name, strlen(name));
        bwriter_be32(w, query_count);
        for (uint32_t i = 0; i < query_count; i++) {
                bwriter_be32(w, (uint32_t)strlen(queries[i]));
                bwriter_copy(w, queries[i], strlen(queries[i]));
        }
}

int nbd_option_meta_decode(const void *data, size_t size_bytes, struct nbd_option_meta *ret)
{
        struct breader r = breader_of(data, size_bytes);
        struct nbd_option_meta meta = {.name_bytes = breader_be32(&r)};
        if (meta.name_bytes > NBD_STRING_MAX)
                return -EBADMSG;
        meta.name = (const char *)breader_take(&r, meta.name_bytes);
        meta.query_count = breader_be32(&r);
        meta.queries = r;
        for (uint32_t i = 0; i < meta.query_count && !r.bad; i++) { /* each takes at least 4 bytes: a count that lies ends it */
                uint32_t n = breader_be32(&r);
                if (n > NBD_STRING_MAX)
                        return -EBADMSG;
                (void)breader_take(&r, n);
        }
        if (r.bad || breader_left(&r))
                return -EBADMSG;
        *ret = meta;
        return 0;
}

bool nbd_option_meta_next(struct nbd_option_meta *meta, const char **ret_query, size_t *ret_bytes)
{
        if (breader_left(&meta->queries) == 0)
                return false;
        *ret_bytes = breader_be32(&meta->queries);
        *ret_query = (const char *)breader_take(&meta->queries, *ret_bytes);
        return *ret_query != NULL;
}

void nbd_rep_meta_context_encode(struct bwriter *w, uint32_t option, uint32_t id, const char *name)
{
        nbd_option_reply_header_encode(w, &(struct nbd_option_reply){option, NBD_REP_META_CONTEXT, (uint32_t)(4 + strlen(name))});
        bwriter_be32(w, id);
        bwriter_copy(w, name, strlen(name));
}

void nbd_option_reply_header_encode(struct bwriter *w, const struct nbd_option_reply *reply)
{
        bwriter_be64(w, NBD_MAGIC_OPTION_REPLY);
        bwriter_be32(w, reply->option);
        bwriter_be32(w, reply->type);
        bwriter_be32(w, reply->length_bytes);
}

void nbd_option_reply_encode(struct bwriter *w, uint32_t option, uint32_t type, const void *data, size_t size_bytes)
{
        if (size_bytes > UINT32_MAX) {
                w->bad = true;
                return;
        }
        nbd_option_reply_header_encode(w, &(struct nbd_option_reply){option, type, (uint32_t)size_bytes});
        if (size_bytes)
                bwriter_copy(w, data, size_bytes);
}

int nbd_option_reply_header_decode(struct breader *r, struct nbd_option_reply *ret)
{
        uint64_t magic = breader_be64(r);
        struct nbd_option_reply reply = {.option = breader_be32(r)};
        reply.type = breader_be32(r);
        reply.length_bytes = breader_be32(r);
        if (r->bad || magic != NBD_MAGIC_OPTION_REPLY)
                return -EBADMSG;
        *ret = reply;
        return 0;
}

const char *nbd_option_error_text(uint32_t type)
{
        switch (type) {
        case NBD_REP_ERR_UNSUP:
                return "the server does not know this option";
        case NBD_REP_ERR_POLICY:
                return "the server's policy forbids it";
        case NBD_REP_ERR_INVALID:
                return "the option was malformed";
        case NBD_REP_ERR_PLATFORM:
                return "the server's platform does not support it";
        case NBD_REP_ERR_TLS_REQD:
                return "the server requires TLS first";
        case NBD_REP_ERR_UNKNOWN:
                return "the server has no such export";
        case NBD_REP_ERR_SHUTDOWN:
                return "the server is shutting down";
        case NBD_REP_ERR_BLOCK_SIZE_REQD:
                return "the server requires that the client asks for block sizes";
        case NBD_REP_ERR_TOO_BIG:
                return "the request is too big for the server";
        case NBD_REP_ERR_EXT_HEADER_REQD:
                return "the server requires extended headers";
        default:
                return "the server refused for a reason that this program does not know";
        }
}

void nbd_info_export_encode(struct bwriter *w, uint32_t option, const struct nbd_export_info *info)
{
        nbd_option_reply_header_encode(w, &(struct nbd_option_reply){option, NBD_REP_INFO, 12});
        bwriter_be16(w, NBD_INFO_EXPORT);
        bwriter_be64(w, info->size_bytes);
        bwriter_be16(w, info->transmission_flags);
}

void nbd_info_block_size_encode(struct bwriter *w, uint32_t option, const struct nbd_export_info *info)
{
        nbd_option_reply_header_encode(w, &(struct nbd_option_reply){option, NBD_REP_INFO, 14});
        bwriter_be16(w, NBD_INFO_BLOCK_SIZE);
        bwriter_be32(w, info->block_minimum_bytes);
        bwriter_be32(w, info->block_preferred_bytes);
        bwriter_be32(w, info->block_maximum_bytes);
}

void nbd_info_name_encode(struct bwriter *w, uint32_t option, const char *name, size_t name_bytes)
{
        if (name_bytes > NBD_STRING_MAX) {
                w->bad = true;
                return;
        }
        nbd_option_reply_header_encode(w, &(struct nbd_option_reply){option, NBD_REP_INFO, (uint32_t)(2 + name_bytes)});
        bwriter_be16(w, NBD_INFO_NAME);
        bwriter_copy(w, name, name_bytes);
}

/* "NBD_INFO_DESCRIPTION": type16 text. */
void nbd_info_description_encode(struct bwriter *w, uint32_t option, const char *text)
{
        size_t n = strnlen(text, NBD_STRING_MAX);

        nbd_option_reply_header_encode(w, &(struct nbd_option_reply){option, NBD_REP_INFO, (uint32_t)(2 + n)});
        bwriter_be16(w, NBD_INFO_DESCRIPTION);
        bwriter_copy(w, text, n);
}

int nbd_info_decode(const void *data, size_t size_bytes, struct nbd_export_info *info)
{
        struct breader r = breader_of(data, size_bytes);
        uint16_t type = breader_be16(&r);
        if (r.bad)
                return -EBADMSG;
        if (type == NBD_INFO_EXPORT) {
                uint64_t export_bytes = breader_be64(&r);
                uint16_t flags = breader_be16(&r);
                if (r.bad || breader_left(&r))
                        return -EBADMSG;
                info->size_bytes = export_bytes;
                info->transmission_flags = flags;
                info->has_export = true;
        } else if (type == NBD_INFO_BLOCK_SIZE) {
                uint32_t minimum = breader_be32(&r), preferred = breader_be32(&r), maximum = breader_be32(&r);
                if (r.bad || breader_left(&r) || minimum == 0 || (minimum & (minimum - 1)) || preferred < minimum)
                        return -EBADMSG;
                info->block_minimum_bytes = minimum;
                info->block_preferred_bytes = preferred;
                info->block_maximum_bytes = maximum;
                info->has_block_size = true;
        }
        return 0; /* a type that we did not ask for is ignored, as the specification says */
}

void nbd_rep_server_encode(struct bwriter *w, const char *name, size_t name_bytes, const char *description)
{
        size_t description_bytes = description ? strlen(description) : 0;

        if (name_bytes > NBD_STRING_MAX || description_bytes > NBD_STRING_MAX) {
                w->bad = true;
                return;
        }
        nbd_option_reply_header_encode(
            w, &(struct nbd_option_reply){NBD_OPT_LIST, NBD_REP_SERVER, (uint32_t)(4 + name_bytes + description_bytes)});
        bwriter_be32(w, (uint32_t)name_bytes);
        bwriter_copy(w, name, name_bytes);
        bwriter_copy(w, description, description_bytes);
}

int nbd_rep_server_decode(const void *data, size_t size_bytes, const char **ret_name, size_t *ret_name_bytes)
{
        struct breader r = breader_of(data, size_bytes);
        size_t name_bytes = breader_be32(&r);
        const uint8_t *name = breader_take(&r, name_bytes);
        if (r.bad || name_bytes > NBD_STRING_MAX)
                return -EBADMSG;
        *ret_name = (const char *)name;
        *ret_name_bytes = name_bytes;
        return 0;
}

void nbd_export_name_reply_encode(struct bwriter *w, const struct nbd_export_info *info, bool no_zeroes)
{
        bwriter_be64(w, info->size_bytes);
        bwriter_be16(w, info->transmission_flags);
        if (!no_zeroes) {
                uint8_t *zeroes = bwriter_take(w, NBD_EXPORT_NAME_ZEROES);
                if (zeroes)
                        memset(zeroes, 0, NBD_EXPORT_NAME_ZEROES);
        }
}
