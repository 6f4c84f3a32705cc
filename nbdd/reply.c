/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of a reply: "Simple reply message" and "Structured reply chunk message" of doc/proto.md.
 *
 * Without structured replies everything is a simple reply. With them a READ never is (its answer is chunks, its failure an error chunk), every
 * error carries a text, and what succeeds without data stays simple, which the specification allows and is the shortest.
 */
#include <string.h>

#include "nbdd/conn.h"

static void encode_error(struct request *q, struct bwriter *w, uint32_t error)
{
        q->tail = q->text;
        q->tail_bytes = q->text ? (uint32_t)strlen(q->text) : 0;
        nbd_chunk_error_encode(w, q->nbd.cookie, error, (uint16_t)q->tail_bytes);
}

static void encode_read(struct request *q, struct bwriter *w)
{
        if (q->nbd.length_bytes == 0) { /* "Structured reply types": OFFSET_DATA has at least one byte of data */
                nbd_chunk_none_encode(w, q->nbd.cookie);
                return;
        }
        nbd_chunk_data_encode(w, q->nbd.cookie, NBD_CHUNK_FLAG_DONE, q->nbd.offset_bytes, q->nbd.length_bytes);
        q->tail = q->buffer;
        q->tail_bytes = q->nbd.length_bytes;
}

void reply_encode(struct request *q, uint32_t error)
{
        struct bwriter w = bwriter_of(q->head, sizeof q->head);
        bool is_structured = q->conn->session.structured_replies;

        if (is_structured && error) {
                encode_error(q, &w, error);
        } else if (is_structured && q->nbd.command == NBD_COMMAND_READ) {
                encode_read(q, &w);
        } else {
                nbd_simple_reply_encode(&w, q->nbd.cookie, error);
                if (q->nbd.command == NBD_COMMAND_READ && !error) {
                        q->tail = q->buffer;
                        q->tail_bytes = q->nbd.length_bytes;
                }
        }
        q->head_bytes = (uint32_t)w.offset_bytes;
}

size_t reply_bytes(const struct request *q)
{
        return (size_t)q->head_bytes + q->tail_bytes;
}

size_t reply_pieces(const struct request *q)
{
        return q->tail_bytes ? 2 : 1;
}

size_t reply_gather(const struct request *q, struct iovec *ret_iov)
{
        ret_iov[0] = (struct iovec){(void *)(uintptr_t)q->head, q->head_bytes};
        if (!q->tail_bytes)
                return 1;
        ret_iov[1] = (struct iovec){(void *)(uintptr_t)q->tail, q->tail_bytes}; /* sendmsg() reads only */
        return 2;
}
