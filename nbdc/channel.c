/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/channel.h"

#include <errno.h>
#include <sys/socket.h>

#include "net/tls.h"

int channel_secure(struct channel *c, const struct tls_keys *keys)
{
        return tls_new(keys, &c->tls);
}

/* All of it: a handshake and a request or two fit into any socket's buffer, so that one that takes no more is as good as gone. */
static int flush(struct channel *c)
{
        size_t bytes;
        for (const uint8_t *data = tls_output(c->tls, &bytes); bytes > 0; data = tls_output(c->tls, &bytes)) {
                ssize_t n = send(c->fd, data, bytes, MSG_NOSIGNAL);
                if (n < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                tls_sent(c->tls, (size_t)n);
        }
        return 0;
}

/* More ciphertext: 0, or why there is none. */
static int fill(struct channel *c)
{
        size_t room;
        uint8_t *to = tls_room(c->tls, &room);
        if (room == 0)
                return -EPROTO;
        ssize_t n = recv(c->fd, to, room, 0);
        if (n <= 0)
                return n == 0 ? -ECONNRESET : -errno;
        tls_received(c->tls, (size_t)n);
        return 0;
}

int channel_shake(struct channel *c)
{
        for (;;) {
                int rc = tls_handshake(c->tls), sent = flush(c);
                if (rc != -EAGAIN)
                        return rc == 0 ? sent : rc;
                if (sent < 0)
                        return sent;
                rc = fill(c);
                if (rc < 0)
                        return rc;
        }
}

const char *channel_reason(const struct channel *c)
{
        return c->tls ? tls_reason(c->tls) : "";
}

ssize_t channel_receive(struct channel *c, void *to, size_t bytes)
{
        if (!c->tls) {
                ssize_t n = recv(c->fd, to, bytes, 0);
                return n < 0 ? -errno : n;
        }
        for (;;) {
                ssize_t n = tls_read(c->tls, to, bytes);
                if (n != -EAGAIN)
                        return n;
                int rc = fill(c);
                if (rc < 0)
                        return rc == -ECONNRESET ? 0 : rc;
        }
}

ssize_t channel_send(struct channel *c, const void *from, size_t bytes)
{
        if (!c->tls) {
                ssize_t n = send(c->fd, from, bytes, MSG_NOSIGNAL);
                return n < 0 ? -errno : n;
        }
        ssize_t n = tls_write(c->tls, &(struct iovec){(void *)from, bytes}, 1);
        int rc = n < 0 ? (int)n : flush(c);
        return rc < 0 ? rc : n;
}

void channel_release(struct channel *c)
{
        tls_free(c->tls);
        c->tls = NULL;
}
