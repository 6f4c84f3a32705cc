/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection's life: input, events of its session, replies, end. See conn.h; the disk's side of a request is in request.c. */
#include "nbdd/conn.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "nbdd/backend.h"
#include "nbdd/coalesce.h"
#include "nbdd/target.h"
#include "nbdd/worker.h"

struct conn *conn_new(struct worker *w, int fd, const char *address, const struct net_address *from, uint64_t number, enum session_tls tls)
{
        struct conn *c = calloc(1, sizeof *c);

        if (!c || !(c->input = malloc(CONN_INPUT_BYTES))) {
                free(c);
                (void)close(fd);
                return NULL;
        }
        c->worker = w;
        c->fd = fd;
        list_init(&c->link);
        list_init(&c->dirty);
        list_init(&c->inflight);
        list_init(&c->replies);
        list_init(&c->sending);
        session_init(&c->session);
        c->session.tls = tls;
        c->send_flags = MSG_NOSIGNAL | MSG_WAITALL;
        c->handshake_deadline_ns = w->now_ns + engine_limit(w->engine, LIMIT_HANDSHAKE_MS) * 1000000ull;
        c->registration.number = number;
        c->registration.worker = w;
        c->registration.start_ns = w->now_ns;
        (void)snprintf(c->registration.address, sizeof c->registration.address, "%s", address);
        c->registration.client.address = *from;
        engine_session_open(w->engine, &c->registration);
        list_append(&w->conns, &c->link);
        conn_mark(c);
        return c;
}

void conn_mark(struct conn *c)
{
        if (list_empty(&c->dirty))
                list_append(&c->worker->dirty, &c->dirty);
}

static void conn_free(struct conn *c)
{
        struct worker *w = c->worker;

        w->backend->forget(c);
        list_remove(&c->link);
        list_remove(&c->dirty);
        engine_session_close(w->engine, &c->registration); /* the last word: older sessions' successors may go on now */
        atomic_fetch_sub(&w->conn_count, 1);
        (void)close(c->fd);
        conn_tls_free(c);
        session_release(&c->session);
        free(c->handshake_output);
        free(c->input);
        free(c);
}

static void put_buffer(struct request *q)
{
        struct conn *c = q->conn;

        if (!q->buffer)
                return;
        c->inflight_bytes -= q->buffer_size;
        pool_put(&c->worker->pool, q->buffer, q->buffer_size);
        q->buffer = NULL;
        if (q->charged_bytes && budget_give(c->worker, q->charged_bytes))
                worker_memory_came(c->worker);
}

void conn_request_free(struct request *q)
{
        struct conn *c = q->conn;

        list_remove(&q->link);
        put_buffer(q);
        c->inflight_count--;
        free(q->extents);
        free(q);
}

static void free_list(struct list *head)
{
        list_each(q, head, struct request, link)
                conn_request_free(q);
}

void conn_end(struct conn *c, const char *why)
{
        if (c->ending)
                return;
        if (why)
                log_info("session %" PRIu64 " of %s ended: %s", c->registration.number, c->registration.address, why);
        c->ending = true;
        atomic_store(&c->registration.hung_up, true);
        c->session.phase = SESSION_PHASE_CLOSED;
        (void)shutdown(c->fd, SHUT_RDWR); /* a receive or send under way completes */
        if (c->payload_request && !c->receiving) {
                conn_request_free(c->payload_request);
                c->payload_request = NULL;
        }
        free_list(&c->replies);
        c->input_start = c->input_end = 0;
        conn_mark(c);
}

static void drop(struct conn *c, const char *reason)
{
        log_warning("session %" PRIu64 " of %s dropped: %s", c->registration.number, c->registration.address, reason);
        conn_end(c, NULL);
}

/* ---- time ---- */

/* Its next step has as long as the first. */
static void payload_goes_on(struct conn *c)
{
        c->payload_step_bytes = c->payload_bytes;
        c->payload_deadline_ns = c->worker->now_ns + engine_limit(c->worker->engine, LIMIT_PAYLOAD_MS) * 1000000ull;
        c->payload_late = false;
}

/*
 * A payload that does not come keeps its buffer, and with it a part of the budget that others wait for. It is late when it is so at two looks: after a
 * stop of this process or machine the first one may be before the bytes that have been waiting in the socket.
 */
void conn_check_time(struct conn *c)
{
        uint64_t now_ns = c->worker->now_ns;

        if (c->handshake_deadline_ns && now_ns > c->handshake_deadline_ns)
                conn_end(c, "the handshake took too long");
        if (!c->payload_request || now_ns <= c->payload_deadline_ns)
                return;
#ifndef MUTANT_payload_without_limit
        if (c->payload_late)
                conn_end(c, "the data of a write did not come within payload_timeout_ms");
#endif
        c->payload_late = true;
}

/* ---- requests ---- */

static void note_oldest(struct conn *c)
{
        const struct request *oldest = list_first(&c->inflight, struct request, link);
        atomic_store_explicit(&c->registration.oldest_ns, oldest ? oldest->start_ns : 0, memory_order_relaxed);
        atomic_store_explicit(&c->registration.inflight, c->disk_count, memory_order_relaxed);
}

void conn_reply(struct request *q, uint32_t error)
{
        struct conn *c = q->conn;
        struct engine_session *s = &c->registration;

        list_remove(&q->link);
        c->disk_count--;
        note_oldest(c);
        stats_count(&s->stats, stats_kind_of(q->nbd.command), q->nbd.length_bytes, monotonic_ns() - q->start_ns, error);
        if (q->nbd.command != NBD_COMMAND_READ || error)
                put_buffer(q);
        reply_encode(q, error);
        list_append(&c->replies, &q->link);
        c->reply_bytes += reply_bytes(q);
        if (c->ending)
                conn_request_free(q);
        conn_mark(c);
}

static bool has_payload(const struct nbd_request *nbd)
{
        return (nbd->command == NBD_COMMAND_READ || nbd->command == NBD_COMMAND_WRITE) && nbd->length_bytes;
}

/* Where a read finds its data without being read. Records that we make ourselves would be made from the mapping: a file that shrinks would be our end. */
static const uint8_t *mapped_data(const struct conn *c, const struct nbd_request *nbd)
{
        bool kernel_reads = c->tls.stage == CONN_CLEAR || c->tls.stage == CONN_KERNEL;

        if (nbd->command != NBD_COMMAND_READ || nbd->length_bytes == 0 || !kernel_reads)
                return NULL;
        return mapping_at(&c->target->mapping, c->target->offset_bytes + nbd->offset_bytes, nbd->length_bytes);
}

/* What a request of it is charged for its buffer, whose size is a power of two. */
static size_t charge(const struct conn *c, const struct nbd_request *nbd)
{
        size_t size = POOL_BUFFER_MIN;

        if (!has_payload(nbd) || mapped_data(c, nbd) || (c->inflight_count == 0 && nbd->length_bytes <= LIMITS_FREE_BYTES))
                return 0;
        while (size < nbd->length_bytes)
                size *= 2;
        return size;
}

static struct request *request_new(struct conn *c, const struct nbd_request *nbd, size_t charged_bytes)
{
        struct request *q = calloc(1, sizeof *q);

        if (!q)
                return NULL;
        q->conn = c;
        q->nbd = *nbd;
        q->charged_bytes = charged_bytes;
        q->start_ns = c->worker->now_ns;
        list_init(&q->link);
        q->mapped = mapped_data(c, nbd);
        if (has_payload(nbd) && !q->mapped) {
                q->buffer = pool_get(&c->worker->pool, nbd->length_bytes, &q->buffer_size);
                if (!q->buffer) {
                        free(q);
                        return NULL;
                }
                c->inflight_bytes += q->buffer_size;
        }
        c->inflight_count++;
        return q;
}

static void request_go(struct request *q)
{
        struct conn *c = q->conn;

        list_append(&c->inflight, &q->link);
        c->disk_count++;
        c->worker->taken += coalesce_weight(q->nbd.length_bytes, q->nbd.command == NBD_COMMAND_WRITE);
        request_start(q);
        if (!c->ending)
                note_oldest(c);
}

static void on_request(struct conn *c, const struct nbd_request *nbd)
{
        size_t charged_bytes = charge(c, nbd);

        c->held = charged_bytes && !budget_take(c->worker, charged_bytes);
        if (c->held) {
                c->held_request = *nbd;
                return;
        }
        struct request *q = request_new(c, nbd, charged_bytes);
        if (!q) {
                if (charged_bytes)
                        (void)budget_give(c->worker, charged_bytes);
                drop(c, "out of memory for a request");
                return;
        }
        c->large_writes = q->nbd.command == NBD_COMMAND_WRITE && q->nbd.length_bytes >= 2 * CONN_DIRECT_PAYLOAD_BYTES;
        if (q->nbd.command == NBD_COMMAND_WRITE) {
                size_t there = c->input_end - c->input_start;
                size_t n = there < q->nbd.length_bytes ? there : q->nbd.length_bytes;
                if (n)
                        memcpy(q->buffer, c->input + c->input_start, n);
                c->input_start += n;
                if (n < q->nbd.length_bytes) {
                        c->payload_request = q;
                        c->payload_bytes = (uint32_t)n;
                        payload_goes_on(c);
                        return;
                }
        }
        request_go(q);
}

static void on_reject(struct conn *c, const struct session_event *event)
{
        if (c->registration.is_leg) { /* a leg answers no errors */
                drop(c, event->reason);
                return;
        }
        log_info("session %" PRIu64 " of %s: %s", c->registration.number, c->registration.address, event->reason);
        struct nbd_request nbd = event->request;
        nbd.length_bytes = 0;
        struct request *q = request_new(c, &nbd, 0);
        if (!q) {
                drop(c, "out of memory for a request");
                return;
        }
        list_append(&c->inflight, &q->link);
        c->disk_count++;
        q->text = event->reason;
        conn_reply(q, event->error);
}

/* ---- handshake ---- */

static void attached(struct conn *c, const struct nbd_export_info *info)
{
        c->handshake_deadline_ns = 0;
        session_attached(&c->session, info);
}

static void refused(struct conn *c, const struct engine_refusal *refusal, const char *name, size_t name_bytes)
{
        log_warning("session %" PRIu64 " of %s refused: export \"%.*s\": %s", c->registration.number, c->registration.address,
                    (int)(name_bytes < 128 ? name_bytes : 128), name, refusal->text);
        session_refused(&c->session, refusal->rep_error, refusal->text);
        if (c->session.phase == SESSION_PHASE_CLOSED)
                c->finishing = true;
}

static void on_attach(struct conn *c, const struct session_event *event)
{
        struct nbd_export_info info;
        struct engine_refusal refusal;

        switch (engine_session_attach(c->worker->engine, &c->registration, event->name, event->name_bytes, &info, &c->target,
                                      &refusal)) {
        case ENGINE_ATTACHED:
                attached(c, &info);
                break;
        case ENGINE_ATTACH_LATER:
                c->handshake_deadline_ns = 0;
                break;
        case ENGINE_REFUSED:
                refused(c, &refusal, event->name, event->name_bytes);
                break;
        }
}

void conn_attached(struct conn *c)
{
        struct nbd_export_info info;

        if (c->ending || !engine_session_take(c->worker->engine, &c->registration, &info, &c->target))
                return;
        attached(c, &info);
        conn_mark(c);
}

static void on_info(struct conn *c, const struct session_event *event)
{
        struct nbd_export_info info;
        struct engine_refusal refusal;

        if (engine_session_describe(c->worker->engine, &c->registration, event->name, event->name_bytes, &info, &refusal) == 0)
                session_described(&c->session, &info);
        else
                refused(c, &refusal, event->name, event->name_bytes);
}

static void on_list(struct conn *c)
{
        size_t count = 0;
        struct engine_listed *listed = engine_session_list(c->worker->engine, &c->registration, &count);

        for (size_t i = 0; i < count; i++)
                session_list_entry(&c->session, listed[i].name, listed[i].description);
        if (listed)
                session_list_end(&c->session);
        else
                session_list_refused(&c->session, "this server does not list its exports");
        free(listed);
}

/* ---- input ---- */

static bool has_room(const struct conn *c)
{
        return !c->held && c->inflight_count < CONN_DEPTH_MAX && c->inflight_bytes < (uint64_t)engine_limit(c->worker->engine, LIMIT_CONNECTION_MIB) << 20;
}

static void send_replies(struct conn *c);

static void parse(struct conn *c)
{
        struct session_event event;

        if (c->held && !c->ending)
                on_request(c, &(struct nbd_request){c->held_request.flags, c->held_request.command, c->held_request.cookie,
                                                    c->held_request.offset_bytes, c->held_request.length_bytes});
        while (!c->ending && !c->finishing && !c->payload_request && has_room(c)) {
                if (c->reply_bytes >= CONN_SEND_EARLY_BYTES && !c->sending_now)
                        send_replies(c);
                c->input_start += session_input(&c->session, c->input + c->input_start, c->input_end - c->input_start, &event);
                switch (event.type) {
                case SESSION_MORE:
                        return;
                case SESSION_INFO:
                        on_info(c, &event);
                        break;
                case SESSION_ATTACH:
                        on_attach(c, &event);
                        break;
                case SESSION_LIST:
                        on_list(c);
                        break;
                case SESSION_STARTTLS:
                        conn_tls_start(c);
                        break;
                case SESSION_REQUEST:
                        on_request(c, &event.request);
                        break;
                case SESSION_REJECT:
                        on_reject(c, &event);
                        break;
                case SESSION_DISCONNECT:
                        c->finishing = true;
                        break;
                case SESSION_DROP:
                        drop(c, event.reason);
                        break;
                }
        }
}

static void take_received(struct conn *c, ssize_t result);

static void receive(struct conn *c)
{
        c->receive_flags = 0;
        c->receive_msg = (struct msghdr){.msg_iov = c->receive_iov, .msg_iovlen = 1};
        if (c->input_start == c->input_end) {
                c->input_start = c->input_end = 0;
        } else if (c->input_start) {
                memmove(c->input, c->input + c->input_start, c->input_end - c->input_start);
                c->input_end -= c->input_start;
                c->input_start = 0;
        }
        struct iovec *v = c->receive_iov;
        if (c->payload_request) {
                struct request *q = c->payload_request;
                uint32_t left = q->nbd.length_bytes - c->payload_bytes;
                bool is_direct = left >= CONN_DIRECT_PAYLOAD_BYTES;
                *v++ = (struct iovec){q->buffer + c->payload_bytes, is_direct && left > CONN_PAYLOAD_STEP_BYTES ? CONN_PAYLOAD_STEP_BYTES : left};
                if (is_direct)
                        c->receive_flags = MSG_WAITALL; /* one wake-up for all of it, and nothing in the input buffer */
                else
                        c->receive_msg.msg_iovlen = 2;
        }
        size_t room = CONN_INPUT_BYTES - c->input_end;
        if (c->large_writes && !c->payload_request && c->input_end == 0)
                room = NBD_REQUEST_BYTES; /* the header alone: not one byte of the payload is copied */
        *v = (struct iovec){c->input + c->input_end, room};
        if (!conn_tls_wraps(c)) {
                c->receiving = true;
                c->worker->backend->receive(c);
                return;
        }
        c->receive_msg.msg_iovlen = (size_t)(v - c->receive_iov) + 1;
        ssize_t n = conn_tls_receive(c);
        if (n != -EAGAIN) {
                conn_mark(c);
                take_received(c, n);
        }
}

bool conn_is_ahead(const struct conn *c)
{
        int waiting = 0;
        uint32_t payload_left = c->payload_request ? c->payload_request->nbd.length_bytes - c->payload_bytes : 0;

        return ioctl(c->fd, FIONREAD, &waiting) == 0 && waiting > 0 && (uint32_t)waiting > payload_left;
}

void conn_received(struct conn *c, ssize_t result)
{
        c->receiving = false;
        conn_mark(c);
        if (c->ending) {
                if (c->payload_request) {
                        conn_request_free(c->payload_request);
                        c->payload_request = NULL;
                }
        } else if (result > 0 && conn_tls_wraps(c)) {
                conn_tls_received(c, (size_t)result);
        } else {
                take_received(c, result);
        }
}

/* Plain bytes in receive_iov, 0: the end, or -errno. */
static void take_received(struct conn *c, ssize_t result)
{
        if (result <= 0) {
                if (result == -EINTR || result == -EAGAIN)
                        return;
                bool broke_off = result < 0 && result != -ECONNRESET;
                conn_end(c, broke_off                                          ? strerror((int)-result) /* of TLS in the kernel: EIO, EBADMSG */
                            : c->session.phase == SESSION_PHASE_TRANSMISSION ? "the client hung up"
                                                                             : NULL);
                return;
        }
        size_t n = (size_t)result;
        if (c->payload_request) {
                struct request *q = c->payload_request;
                uint32_t left = q->nbd.length_bytes - c->payload_bytes;
                uint32_t part = n < left ? (uint32_t)n : left;
                c->payload_bytes += part;
                n -= part;
                if (c->payload_bytes == q->nbd.length_bytes) {
                        c->payload_request = NULL;
                        request_go(q);
                } else if (c->payload_bytes - c->payload_step_bytes >= CONN_PAYLOAD_STEP_BYTES) {
                        payload_goes_on(c);
                }
        }
        c->input_end += n;
}

/* ---- output ---- */

/* Moves what is to be sent into send_msg; false: nothing. */
static bool gather_replies(struct conn *c)
{
        size_t n = 0, bytes = 0;
        uint8_t *output = session_take_output(&c->session, &bytes);

        if (output) {
                c->handshake_output = output;
                c->send_iov[n++] = (struct iovec){output, bytes};
        }
        list_each(q, &c->replies, struct request, link) {
                if (n + reply_pieces(q) > CONN_SEND_IOV_MAX)
                        break;
                n += reply_gather(q, c->send_iov + n);
                c->reply_bytes -= reply_bytes(q);
                list_remove(&q->link);
                list_append(&c->sending, &q->link);
        }
        c->send_msg = (struct msghdr){.msg_iov = c->send_iov, .msg_iovlen = n};
        return n > 0;
}

/* At once, so that the client gets to work on them; what the socket does not take goes the backend's way. */
static void send_now(struct conn *c)
{
        c->sending_now = true;
        ssize_t n = sendmsg(c->fd, &c->send_msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        conn_sent(c, n < 0 ? -errno : n);
}

static void send_replies(struct conn *c)
{
        bool something = gather_replies(c);

        if (something && c->tls.stage == CONN_RECORDS)
                conn_tls_send(c);
        else if (something) /* the answer to STARTTLS, too */
                send_now(c);
        else if (conn_tls_wraps(c))
                conn_tls_flush(c);
}

void conn_iov_advance(struct msghdr *m, size_t bytes)
{
        while (m->msg_iovlen && bytes >= m->msg_iov->iov_len) {
                bytes -= m->msg_iov->iov_len;
                m->msg_iov++;
                m->msg_iovlen--;
        }
        if (m->msg_iovlen) {
                m->msg_iov->iov_base = (uint8_t *)m->msg_iov->iov_base + bytes;
                m->msg_iov->iov_len -= bytes;
        }
}

static void sent_plain(struct conn *c, size_t bytes)
{
        conn_iov_advance(&c->send_msg, bytes);
        if (c->tls.stage == CONN_KERNEL && !conn_tls_count(c, bytes))
                conn_end(c, "its TLS key has protected as many records as one may; connect again");
        if (c->send_msg.msg_iovlen && !c->ending) {
                c->sending_now = true;
                c->worker->backend->send(c);
        }
}

void conn_sent(struct conn *c, ssize_t result)
{
        c->sending_now = false;
        conn_mark(c);
        if (result == -EFAULT && c->target) {
                mapping_give_up(&c->target->mapping); /* the next session's reads get an error instead */
                conn_end(c, "the export's file became shorter while it was sent");
        } else if (result < 0 && result != -EINTR && result != -EAGAIN) {
                conn_end(c, "the client does not take replies any more");
        }
        size_t n = result > 0 ? (size_t)result : 0;
        if (c->tls.sending_output)
                conn_tls_sent(c, n);
        else
                sent_plain(c, n);
        if (c->sending_now)
                return;
        free(c->handshake_output);
        c->handshake_output = NULL;
        free_list(&c->sending);
}

void conn_service(struct conn *c)
{
        conn_tls_settle(c);
        if (!c->receiving)
                parse(c);
        /* Without room requests are left in the input, and whoever waits for their replies sends nothing more. What makes room marks us again. */
        bool parsed_all = c->payload_request || has_room(c);
        if (!c->ending && !c->sending_now)
                send_replies(c);
        if (c->finishing && !c->ending && c->inflight_count == 0 && !c->sending_now && !c->handshake_output)
                conn_end(c, NULL);
        bool waits_for_input = !c->finishing && c->session.phase != SESSION_PHASE_ATTACHING && parsed_all;
        if (!c->ending && !c->receiving && waits_for_input)
                receive(c);
        if (c->ending && c->disk_count == 0 && !c->receiving && !c->sending_now) {
                assert(c->inflight_count == 0);
                conn_free(c);
        }
}
