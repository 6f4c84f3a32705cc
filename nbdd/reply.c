/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of a reply: "Simple reply message" and "Structured reply chunk message" of doc/proto.md.
 *
 * Without structured replies everything is a simple reply. With them a READ never is (its answer is chunks, its failure an error chunk), every
 * error carries a text, and what succeeds without data stays simple, which the specification allows and is the shortest.
 */
#include <stdlib.h>
#include <string.h>

#include "nbdd/conn.h"
#include "nbdd/worker.h"

static void encode_error(struct request *q, struct bwriter *w, uint32_t error)
{
        q->tail = q->text;
        q->tail_bytes = q->text ? (uint32_t)strlen(q->text) : 0;
        nbd_chunk_error_encode(w, q->nbd.cookie, error, (uint16_t)q->tail_bytes);
}

static const uint8_t *read_data(const struct request *q)
{
        return q->mapped ? q->mapped : q->buffer;
}

static void encode_read(struct request *q, struct bwriter *w)
{
        if (q->nbd.length_bytes == 0) { /* "Structured reply types": OFFSET_DATA has at least one byte of data */
                nbd_chunk_none_encode(w, q->nbd.cookie);
                return;
        }
        nbd_chunk_data_encode(w, q->nbd.cookie, NBD_CHUNK_FLAG_DONE, q->nbd.offset_bytes, q->nbd.length_bytes);
        q->tail = read_data(q);
        q->tail_bytes = q->nbd.length_bytes;
}

/* One chunk for each extent; their data are slices of the buffer. */
static void encode_sparse_read(struct request *q)
{
        uint64_t at = q->nbd.offset_bytes;

        for (unsigned i = 0; i < q->extents->count; i++) {
                struct extent *x = &q->extents->list[i];
                struct bwriter w = bwriter_of(x->head, sizeof x->head);
                uint16_t flags = i + 1 == q->extents->count ? NBD_CHUNK_FLAG_DONE : 0;
                if (x->is_hole)
                        nbd_chunk_hole_encode(&w, q->nbd.cookie, flags, at, x->length_bytes);
                else
                        nbd_chunk_data_encode(&w, q->nbd.cookie, flags, at, x->length_bytes);
                at += x->length_bytes;
        }
}

/* "NBD_REPLY_TYPE_BLOCK_STATUS": one chunk, for there is one context. */
static void encode_status(struct request *q, struct bwriter *w)
{
        const struct extents *x = q->extents;
        size_t size = 8u * x->count;

        q->buffer = pool_get(&q->conn->worker->pool, size, &q->buffer_size);
        if (!q->buffer) {
                q->text = "out of memory";
                encode_error(q, w, NBD_ERROR_ENOMEM);
                return;
        }
        q->conn->inflight_bytes += q->buffer_size;
        struct bwriter body = bwriter_of(q->buffer, size);
        for (unsigned i = 0; i < x->count; i++) {
                bwriter_be32(&body, x->list[i].length_bytes);
                bwriter_be32(&body, x->list[i].is_hole ? NBD_STATE_HOLE | NBD_STATE_ZERO : 0);
        }
        nbd_chunk_status_encode(w, q->nbd.cookie, SESSION_CONTEXT_ALLOCATION, x->count);
        q->tail = q->buffer;
        q->tail_bytes = (uint32_t)size;
}

void reply_encode(struct request *q, uint32_t error)
{
        struct bwriter w = bwriter_of(q->head, sizeof q->head);
        bool is_structured = q->conn->session.structured_replies;

        if (q->extents && !error && q->nbd.command == NBD_COMMAND_READ) {
                encode_sparse_read(q);
                return;
        }
        if (is_structured && error) {
                encode_error(q, &w, error);
        } else if (is_structured && q->nbd.command == NBD_COMMAND_READ) {
                encode_read(q, &w);
        } else if (q->nbd.command == NBD_COMMAND_BLOCK_STATUS && !error) {
                encode_status(q, &w);
        } else {
                nbd_simple_reply_encode(&w, q->nbd.cookie, error);
                if (q->nbd.command == NBD_COMMAND_READ && !error) {
                        q->tail = read_data(q);
                        q->tail_bytes = q->nbd.length_bytes;
                }
        }
        q->head_bytes = (uint32_t)w.offset_bytes;
        free(q->extents);
        q->extents = NULL;
}

static uint32_t head_of(const struct extent *x)
{
        return NBD_CHUNK_HEADER_BYTES + (x->is_hole ? 12 : 8);
}

size_t reply_bytes(const struct request *q)
{
        size_t bytes = (size_t)q->head_bytes + q->tail_bytes;

        for (unsigned i = 0; q->extents && i < q->extents->count; i++)
                bytes += head_of(&q->extents->list[i]) + (q->extents->list[i].is_hole ? 0 : q->extents->list[i].length_bytes);
        return bytes;
}

size_t reply_pieces(const struct request *q)
{
        return q->extents ? 2 * (size_t)q->extents->count : 2;
}

static size_t gather_sparse(const struct request *q, struct iovec *ret_iov)
{
        size_t n = 0;
        uint8_t *data = q->buffer;

        for (unsigned i = 0; i < q->extents->count; i++) {
                struct extent *x = &q->extents->list[i];
                ret_iov[n++] = (struct iovec){x->head, head_of(x)};
                if (!x->is_hole)
                        ret_iov[n++] = (struct iovec){data, x->length_bytes};
                data += x->length_bytes;
        }
        return n;
}

size_t reply_gather(const struct request *q, struct iovec *ret_iov)
{
        if (q->extents)
                return gather_sparse(q, ret_iov);
        ret_iov[0] = (struct iovec){(void *)(uintptr_t)q->head, q->head_bytes};
        if (!q->tail_bytes)
                return 1;
        ret_iov[1] = (struct iovec){(void *)(uintptr_t)q->tail, q->tail_bytes}; /* sendmsg() reads only */
        return 2;
}
