/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NBD transmission messages: "Request message", "Simple reply message", "Structured reply chunk message". See nbd_wire.h. */
#include "wire/nbd_wire.h"

#include <errno.h>

void nbd_request_encode(struct bwriter *w, const struct nbd_request *request)
{
        bwriter_be32(w, NBD_MAGIC_REQUEST);
        bwriter_be16(w, request->flags);
        bwriter_be16(w, request->command);
        bwriter_be64(w, request->cookie);
        bwriter_be64(w, request->offset_bytes);
        bwriter_be32(w, request->length_bytes);
}

int nbd_request_decode(struct breader *r, struct nbd_request *ret)
{
        uint32_t magic = breader_be32(r);
        struct nbd_request request = {.flags = breader_be16(r)};
        request.command = breader_be16(r);
        request.cookie = breader_be64(r);
        request.offset_bytes = breader_be64(r);
        request.length_bytes = breader_be32(r);
        if (r->bad || magic != NBD_MAGIC_REQUEST)
                return -EBADMSG;
        *ret = request;
        return 0;
}

void nbd_simple_reply_encode(struct bwriter *w, uint64_t cookie, uint32_t error)
{
        bwriter_be32(w, NBD_MAGIC_SIMPLE_REPLY);
        bwriter_be32(w, error);
        bwriter_be64(w, cookie);
}

int nbd_simple_reply_decode(struct breader *r, uint64_t *ret_cookie, uint32_t *ret_error)
{
        uint32_t magic = breader_be32(r), error = breader_be32(r);
        uint64_t cookie = breader_be64(r);
        if (r->bad || magic != NBD_MAGIC_SIMPLE_REPLY)
                return -EBADMSG;
        *ret_cookie = cookie;
        *ret_error = error;
        return 0;
}

void nbd_chunk_header_encode(struct bwriter *w, const struct nbd_chunk *chunk)
{
        bwriter_be32(w, NBD_MAGIC_STRUCTURED_REPLY);
        bwriter_be16(w, chunk->flags);
        bwriter_be16(w, chunk->type);
        bwriter_be64(w, chunk->cookie);
        bwriter_be32(w, chunk->length_bytes);
}

int nbd_chunk_header_decode(struct breader *r, struct nbd_chunk *ret)
{
        uint32_t magic = breader_be32(r);
        struct nbd_chunk chunk = {.flags = breader_be16(r)};
        chunk.type = breader_be16(r);
        chunk.cookie = breader_be64(r);
        chunk.length_bytes = breader_be32(r);
        if (r->bad || magic != NBD_MAGIC_STRUCTURED_REPLY)
                return -EBADMSG;
        *ret = chunk;
        return 0;
}

void nbd_chunk_error_encode(struct bwriter *w, uint64_t cookie, uint32_t error, uint16_t text_bytes)
{
        nbd_chunk_header_encode(w, &(struct nbd_chunk){NBD_CHUNK_FLAG_DONE, NBD_CHUNK_ERROR, cookie, 4 + 2 + (uint32_t)text_bytes});
        bwriter_be32(w, error);
        bwriter_be16(w, text_bytes);
}

void nbd_chunk_data_encode(struct bwriter *w, uint64_t cookie, uint16_t flags, uint64_t offset_bytes, uint32_t data_bytes)
{
        nbd_chunk_header_encode(w, &(struct nbd_chunk){flags, NBD_CHUNK_OFFSET_DATA, cookie, 8 + data_bytes});
        bwriter_be64(w, offset_bytes);
}

void nbd_chunk_hole_encode(struct bwriter *w, uint64_t cookie, uint16_t flags, uint64_t offset_bytes, uint32_t hole_bytes)
{
        nbd_chunk_header_encode(w, &(struct nbd_chunk){flags, NBD_CHUNK_OFFSET_HOLE, cookie, 8 + 4});
        bwriter_be64(w, offset_bytes);
        bwriter_be32(w, hole_bytes);
}

void nbd_chunk_status_encode(struct bwriter *w, uint64_t cookie, uint32_t context, uint32_t count)
{
        nbd_chunk_header_encode(w, &(struct nbd_chunk){NBD_CHUNK_FLAG_DONE, NBD_CHUNK_BLOCK_STATUS, cookie, 4 + 8 * count});
        bwriter_be32(w, context);
}

void nbd_chunk_none_encode(struct bwriter *w, uint64_t cookie)
{
        nbd_chunk_header_encode(w, &(struct nbd_chunk){NBD_CHUNK_FLAG_DONE, NBD_CHUNK_NONE, cookie, 0});
}

uint32_t nbd_error_from_errno(int error)
{
        switch (error) {
        case 0:
                return NBD_ERROR_OK;
        case EPERM:
        case EROFS:
        case EACCES:
                return NBD_ERROR_EPERM;
        case ENOMEM:
                return NBD_ERROR_ENOMEM;
        case EINVAL:
                return NBD_ERROR_EINVAL;
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
                return NBD_ERROR_ENOSPC;
        case EOVERFLOW:
                return NBD_ERROR_EOVERFLOW;
        case EOPNOTSUPP:
                return NBD_ERROR_ENOTSUP;
        case ESHUTDOWN:
                return NBD_ERROR_ESHUTDOWN;
        default:
                return NBD_ERROR_EIO;
        }
}

int nbd_error_to_errno(uint32_t error)
{
        switch (error) {
        case NBD_ERROR_OK:
                return 0;
        case NBD_ERROR_EPERM:
                return EPERM;
        case NBD_ERROR_ENOMEM:
                return ENOMEM;
        case NBD_ERROR_EINVAL:
                return EINVAL;
        case NBD_ERROR_ENOSPC:
                return ENOSPC;
        case NBD_ERROR_EOVERFLOW:
                return EOVERFLOW;
        case NBD_ERROR_ENOTSUP:
                return EOPNOTSUPP;
        case NBD_ERROR_ESHUTDOWN:
                return ESHUTDOWN;
        default:
                return EIO;
        }
}
