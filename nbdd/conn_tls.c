/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdd/conn_tls.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "nbdd/backend.h"
#include "nbdd/conn.h"
#include "nbdd/security.h"
#include "nbdd/worker.h"
#include "net/tls.h"

static void refuse(struct conn *c, const char *why)
{
        log_warning("session %" PRIu64 " of %s dropped: TLS: %s", c->registration.number, c->registration.address, why);
        conn_end(c, NULL);
}

void conn_tls_start(struct conn *c)
{
        struct conn_tls *t = &c->tls;
        struct tls_keys *keys = security_hold_keys(c->worker->security);

        if (!keys)
                refuse(c, "a reload took the keys away; connect again");
        else if (tls_new(keys, &t->session) < 0)
                refuse(c, "no memory for a session");
        else
                t->stage = CONN_SHAKING;
        tls_keys_free(keys); /* the session has them */
}

void conn_tls_free(struct conn *c)
{
        tls_free(c->tls.session);
        c->tls.session = NULL;
}

bool conn_tls_wraps(const struct conn *c)
{
        return c->tls.session != NULL;
}

/* ---- handshake ---- */

static void shake(struct conn *c)
{
        struct tls *session = c->tls.session;
        int r = tls_handshake(session);
        size_t bytes;

        if (r == -EAGAIN)
                return;
        if (r < 0) {
                /* The alert is a courtesy: it goes if the socket takes it now. */
                const uint8_t *alert = tls_output(session, &bytes);
                if (!c->sending_now && bytes)
                        (void)!send(c->fd, alert, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
                refuse(c, tls_reason(session));
                return;
        }
        c->tls.stage = CONN_SETTLING;
}

static void secured(struct conn *c)
{
        const char *identity = tls_identity(c->tls.session);
        bool is_psk = tls_is_psk(c->tls.session);

        engine_session_secured(c->worker->engine, &c->registration, is_psk ? "" : identity, is_psk ? identity : "");
        log_info("session %" PRIu64 " of %s is %s \"%s\" by TLS", c->registration.number, c->registration.address,
                 is_psk ? "the key" : "the certificate", identity);
        session_secured(&c->session);
}

void conn_tls_settle(struct conn *c)
{
        struct conn_tls *t = &c->tls;
        size_t waiting;

        if (t->stage != CONN_SETTLING || c->sending_now || c->ending)
                return;
        (void)tls_output(t->session, &waiting);
        if (waiting)
                return;
        int r = security_kernel(c->worker->security) ? tls_to_kernel(t->session, c->fd) : -ENOENT;
        if (r == -EPROTO) {
                refuse(c, "the kernel and the client do not agree on where the records begin");
                return;
        }
        secured(c);
        if (r == 0) {
                t->stage = CONN_KERNEL;
                c->send_flags = MSG_NOSIGNAL; /* the kernel's TLS refuses MSG_WAITALL, and takes all or says how much */
                conn_tls_free(c);
        } else if (tls_bulk(t->session) == 0) {
                t->stage = CONN_RECORDS;
        } else {
                refuse(c, "no memory for records");
        }
}

/* ---- input ---- */

static ssize_t read_plain(struct conn *c)
{
        ssize_t total = 0;

        for (size_t i = 0; i < c->receive_msg.msg_iovlen; i++) {
                struct iovec *v = &c->receive_iov[i];
                for (size_t have = 0; have < v->iov_len;) {
                        ssize_t n = tls_read(c->tls.session, (uint8_t *)v->iov_base + have, v->iov_len - have);
                        if (n <= 0)
                                return total > 0 ? total : n; /* said again when nothing is left before it */
                        have += (size_t)n;
                        total += n;
                }
        }
        return total;
}

ssize_t conn_tls_receive(struct conn *c)
{
        size_t room;

        if (c->tls.stage == CONN_SETTLING)
                return -EAGAIN; /* what comes next is for the record layer that is not chosen yet */
        if (c->tls.stage == CONN_RECORDS) {
                ssize_t n = read_plain(c);
                if (n >= 0)
                        return n;
                if (n != -EAGAIN) {
                        refuse(c, tls_reason(c->tls.session));
                        return -EAGAIN;
                }
        }
        uint8_t *to = tls_room(c->tls.session, &room);
        assert(room); /* it has no whole record, and room for one */
        c->receive_iov[0] = (struct iovec){to, room};
        c->receive_msg = (struct msghdr){.msg_iov = c->receive_iov, .msg_iovlen = 1};
        c->receive_flags = 0;
        c->receiving = true;
        c->worker->backend->receive(c);
        return -EAGAIN;
}

void conn_tls_received(struct conn *c, size_t bytes)
{
        tls_received(c->tls.session, bytes);
        if (c->tls.stage == CONN_SHAKING)
                shake(c);
}

/* ---- output ---- */

void conn_tls_flush(struct conn *c)
{
        struct conn_tls *t = &c->tls;
        size_t bytes;
        const uint8_t *data = tls_output(t->session, &bytes);

        if (bytes == 0)
                return;
        t->output = (struct iovec){(void *)data, bytes};
        c->send_msg = (struct msghdr){.msg_iov = &t->output, .msg_iovlen = 1};
        t->sending_output = c->sending_now = true;
        c->worker->backend->send(c);
}

static bool encrypt(struct conn *c)
{
        struct msghdr *m = &c->tls.plain;
        ssize_t taken = tls_write(c->tls.session, m->msg_iov, m->msg_iovlen);

        if (taken < 0) {
                refuse(c, "a reply cannot be encrypted");
                return false;
        }
        conn_iov_advance(m, (size_t)taken);
        return true;
}

void conn_tls_send(struct conn *c)
{
        c->tls.plain = c->send_msg;
        if (encrypt(c))
                conn_tls_flush(c);
}

void conn_tls_sent(struct conn *c, size_t bytes)
{
        struct conn_tls *t = &c->tls;

        t->sending_output = false;
        tls_sent(t->session, bytes);
        if (!c->ending && (t->plain.msg_iovlen == 0 || encrypt(c)))
                conn_tls_flush(c);
}

bool conn_tls_count(struct conn *c, size_t bytes)
{
        c->tls.records += bytes / TLS_RECORD_PLAIN_BYTES + 1;
        return c->tls.records < TLS_RECORDS_MAX;
}
