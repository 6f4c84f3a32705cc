/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The relay between NBD and the 0.2 protocol. See classic_relay.h. */
#include "net/classic_relay.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/whole_io.h"
#include "wire/classic_wire.h"
#include "wire/nbd_wire.h"

#define PIECE_BYTES (64u << 10)
#define HEADER_BYTES_MAX 32u

/* A request on its way. Its index is the handle that the server sees, so that a client may use one handle twice. */
struct slot {
        bool used;
        uint64_t handle;
        uint32_t read_bytes; /* data behind a successful reply */
};

struct pump {
        const struct classic_relay *relay;
        pthread_mutex_t lock; /* slots, ended, result */
        pthread_cond_t freed;
        struct slot slots[CLASSIC_INFLIGHT_MAX];
        bool ended;
        int result;
        const char *why;
        pthread_mutex_t replying; /* a reply leaves whole */
        uint8_t request_piece[PIECE_BYTES], reply_piece[PIECE_BYTES];
};

/* A request in neither form. */
struct request {
        uint16_t command; /* enum nbd_command */
        uint64_t handle;
        uint64_t offset_bytes;
        uint32_t length_bytes;
};

/* to_fd -1: thrown away */
static int copy(int from_fd, int to_fd, size_t size_bytes, uint8_t piece[PIECE_BYTES])
{
        int r = 0;
        while (r == 0 && size_bytes > 0) {
                size_t n = size_bytes < PIECE_BYTES ? size_bytes : PIECE_BYTES;
                r = receive_whole(from_fd, piece, n, WHOLE_IO_FOR_EVER);
                if (r == 0 && to_fd >= 0)
                        r = send_whole(to_fd, piece, n, WHOLE_IO_FOR_EVER);
                size_bytes -= n;
        }
        return r;
}

/* The first end counts; both sockets wake whoever waits in them. */
static void end(struct pump *p, int result, const char *why)
{
        (void)pthread_mutex_lock(&p->lock);
        if (!p->ended) {
                p->ended = true;
                p->result = result;
                p->why = why;
                (void)shutdown(p->relay->request_fd, SHUT_RDWR);
                (void)shutdown(p->relay->server_fd, SHUT_RDWR);
                (void)pthread_cond_broadcast(&p->freed);
        }
        (void)pthread_mutex_unlock(&p->lock);
}

/* ---- requests ---- */

static int request_receive(const struct pump *p, struct request *ret)
{
        uint8_t raw[HEADER_BYTES_MAX];
        bool classic = p->relay->direction == CLASSIC_TO_NBD;
        size_t size = classic ? CLASSIC_REQUEST_BYTES : NBD_REQUEST_BYTES;
        struct breader r = breader_of(raw, size);
        struct classic_request old;
        struct nbd_request new;
        int error = receive_whole(p->relay->request_fd, raw, size, WHOLE_IO_FOR_EVER);

        if (error < 0)
                return error;
        if (classic) {
                if (classic_request_decode(&r, &old) < 0)
                        return -EPROTO;
                *ret = (struct request){
                    .handle = old.handle, .offset_bytes = old.from_bytes, .length_bytes = old.length_bytes};
                ret->command = old.type == CLASSIC_READ ? NBD_COMMAND_READ : old.type == CLASSIC_WRITE ? NBD_COMMAND_WRITE : UINT16_MAX;
        } else {
                if (nbd_request_decode(&r, &new) < 0)
                        return -EPROTO;
                *ret = (struct request){.command = new.command,
                                        .handle = new.cookie,
                                        .offset_bytes = new.offset_bytes,
                                        .length_bytes = new.length_bytes};
        }
        return 0;
}

static int request_send(const struct pump *p, const struct request *q, uint64_t cookie)
{
        uint8_t raw[HEADER_BYTES_MAX];
        struct bwriter w = bwriter_of(raw, sizeof raw);

        if (p->relay->direction == CLASSIC_TO_NBD)
                nbd_request_encode(&w, &(struct nbd_request){.command = q->command,
                                                             .flags = p->relay->fua && q->command == NBD_COMMAND_WRITE ? NBD_CMDFLAG_FUA : 0,
                                                             .cookie = cookie,
                                                             .offset_bytes = q->offset_bytes,
                                                             .length_bytes = q->length_bytes});
        else
                classic_request_encode(&w, &(struct classic_request){.from_bytes = (uint32_t)q->offset_bytes,
                                                                     .length_bytes = q->length_bytes,
                                                                     .handle = cookie,
                                                                     .type = q->command == NBD_COMMAND_WRITE ? CLASSIC_WRITE : CLASSIC_READ});
        return send_whole(p->relay->server_fd, raw, w.offset_bytes, WHOLE_IO_FOR_EVER);
}

static size_t reply_encode(const struct pump *p, uint8_t raw[HEADER_BYTES_MAX], uint64_t handle, uint32_t error)
{
        struct bwriter w = bwriter_of(raw, HEADER_BYTES_MAX);

        if (p->relay->direction == CLASSIC_TO_NBD)
                classic_reply_encode(&w, handle, error);
        else
                nbd_simple_reply_encode(&w, handle, error);
        return w.offset_bytes;
}

/* Our own answer to a request that the server shall not see; its data, if any, is thrown away. */
static int refuse(struct pump *p, const struct request *q, uint32_t error)
{
        uint8_t raw[HEADER_BYTES_MAX];
        int r = q->command == NBD_COMMAND_WRITE ? copy(p->relay->request_fd, -1, q->length_bytes, p->request_piece) : 0;

        if (r < 0)
                return r;
        (void)pthread_mutex_lock(&p->replying);
        r = send_whole(p->relay->request_fd, raw, reply_encode(p, raw, q->handle, error), WHOLE_IO_FOR_EVER);
        (void)pthread_mutex_unlock(&p->replying);
        return r;
}

/* 0, or the error that doc/proto.md names for it ("Error values"). */
static uint32_t request_check(const struct classic_relay *relay, const struct request *q)
{
        bool write = q->command == NBD_COMMAND_WRITE;

        if ((!write && q->command != NBD_COMMAND_READ) || q->length_bytes == 0)
                return NBD_ERROR_EINVAL;
        if (write && relay->read_only)
                return NBD_ERROR_EPERM;
        if (q->offset_bytes > relay->size_bytes || q->length_bytes > relay->size_bytes - q->offset_bytes)
                return write ? NBD_ERROR_ENOSPC : NBD_ERROR_EINVAL;
        return NBD_ERROR_OK;
}

/* Waits for a place. False: it is over. */
static bool slot_take(struct pump *p, const struct request *q, uint64_t *ret_index)
{
        (void)pthread_mutex_lock(&p->lock);
        for (;;) {
                for (unsigned i = 0; !p->ended && i < CLASSIC_INFLIGHT_MAX; i++) {
                        if (p->slots[i].used)
                                continue;
                        p->slots[i] = (struct slot){.used = true,
                                                    .handle = q->handle,
                                                    .read_bytes = q->command == NBD_COMMAND_READ ? q->length_bytes : 0};
                        *ret_index = i;
                        (void)pthread_mutex_unlock(&p->lock);
                        return true;
                }
                if (p->ended)
                        break;
                (void)pthread_cond_wait(&p->freed, &p->lock);
        }
        (void)pthread_mutex_unlock(&p->lock);
        return false;
}

static int forward_request(struct pump *p, const struct request *q)
{
        uint32_t error = request_check(p->relay, q);
        uint64_t index;
        int r;

        if (error)
                return refuse(p, q, error);
        if (!slot_take(p, q, &index))
                return -ECANCELED;
        r = request_send(p, q, index);
        if (r == 0 && q->command == NBD_COMMAND_WRITE)
                r = copy(p->relay->request_fd, p->relay->server_fd, q->length_bytes, p->request_piece);
        return r;
}

static void pump_requests(struct pump *p)
{
        struct request q;
        int r = 0;

        while (r == 0) {
                r = request_receive(p, &q);
                if (r < 0)
                        break;
                if (p->relay->direction == NBD_TO_CLASSIC && q.command == NBD_COMMAND_DISC) {
                        r = -EPIPE;
                        break;
                }
                if (q.length_bytes > NBD_PAYLOAD_MAX) {
                        end(p, -EPROTO, "a request of more than 32 MiB");
                        return;
                }
                r = forward_request(p, &q);
        }
        /* In order: what was asked for is done before the session ends (NBD_CMD_DISC drains). */
        if (r == -EPIPE && p->relay->direction == CLASSIC_TO_NBD)
                (void)request_send(p, &(struct request){.command = NBD_COMMAND_DISC}, 0);
        if (r == -EPROTO)
                end(p, r, "a request does not begin with the protocol's magic number");
        else
                end(p, r == -EPIPE ? 0 : r, NULL);
}

/* ---- replies ---- */

static int reply_receive(const struct pump *p, uint64_t *ret_index, uint32_t *ret_error)
{
        uint8_t raw[HEADER_BYTES_MAX];
        bool classic = p->relay->direction == NBD_TO_CLASSIC;
        size_t size = classic ? CLASSIC_REPLY_BYTES : NBD_SIMPLE_REPLY_BYTES;
        struct breader r = breader_of(raw, size);
        int error = receive_whole(p->relay->server_fd, raw, size, WHOLE_IO_FOR_EVER);

        if (error < 0)
                return error;
        error = classic ? classic_reply_decode(&r, ret_index, ret_error) : nbd_simple_reply_decode(&r, ret_index, ret_error);
        return error < 0 ? -EPROTO : 0;
}

/* The slot of a reply, freed. False: nobody asked. */
static bool slot_give(struct pump *p, uint64_t index, struct slot *ret)
{
        bool known = index < CLASSIC_INFLIGHT_MAX;

        (void)pthread_mutex_lock(&p->lock);
        known = known && p->slots[index].used;
        if (known) {
                *ret = p->slots[index];
                p->slots[index].used = false;
                (void)pthread_cond_signal(&p->freed);
        }
        (void)pthread_mutex_unlock(&p->lock);
        return known;
}

static void *pump_replies(void *userdata)
{
        struct pump *p = userdata;
        uint8_t raw[HEADER_BYTES_MAX];
        uint64_t index;
        uint32_t error;
        struct slot slot;
        int r;

        for (;;) {
                if ((r = reply_receive(p, &index, &error)) < 0)
                        break;
                if (!slot_give(p, index, &slot)) {
                        r = -EPROTO;
                        break;
                }
                (void)pthread_mutex_lock(&p->replying);
                r = send_whole(p->relay->request_fd, raw, reply_encode(p, raw, slot.handle, error), WHOLE_IO_FOR_EVER);
                if (r == 0 && !error)
                        r = copy(p->relay->server_fd, p->relay->request_fd, slot.read_bytes, p->reply_piece);
                (void)pthread_mutex_unlock(&p->replying);
                if (r < 0)
                        break;
        }
        end(p, r, r == -EPROTO ? "a reply that belongs to no request" : NULL);
        return NULL;
}

int classic_relay_run(const struct classic_relay *relay, const char **ret_why)
{
        pthread_t replies;
        struct pump *p = calloc(1, sizeof *p);
        int r;

        *ret_why = NULL;
        if (!p)
                return -ENOMEM;
        p->relay = relay;
        (void)pthread_mutex_init(&p->lock, NULL);
        (void)pthread_mutex_init(&p->replying, NULL);
        (void)pthread_cond_init(&p->freed, NULL);
        r = -pthread_create(&replies, NULL, pump_replies, p);
        if (r == 0) {
                pump_requests(p);
                (void)pthread_join(replies, NULL);
                r = p->result;
                *ret_why = p->why;
        }
        (void)pthread_cond_destroy(&p->freed);
        (void)pthread_mutex_destroy(&p->replying);
        (void)pthread_mutex_destroy(&p->lock);
        free(p);
        return r;
}
