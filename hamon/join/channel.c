/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/join/channel.h"

#include "net/json_text.h"
#include "net/whole_io.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int join_secret(char ret[JOIN_SECRET_TEXT])
{
        uint8_t bytes[(JOIN_SECRET_TEXT - 1) / 2];
        if (gnutls_rnd(GNUTLS_RND_KEY, bytes, sizeof bytes) != 0)
                return -EIO;
        for (size_t i = 0; i < sizeof bytes; i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]); /* fits */
        explicit_bzero(bytes, sizeof bytes);
        return 0;
}

/* The keys are read from a file that has no name and is nobody else's. */
static int load_keys(bool server, const char *psks, struct tls_keys **ret, char *why, size_t why_size)
{
        char path[64];
        int fd = memfd_create("join", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* fits */
        const struct tls_files files = {.psk = path};
        int r = fchmod(fd, 0600) < 0 || write(fd, psks, strlen(psks)) != (ssize_t)strlen(psks) ? -EIO : 0;
        if (r == 0)
                r = tls_keys_load(server ? TLS_SERVER : TLS_CLIENT, &files, ret, why, why_size);
        close(fd);
        return r;
}

static int flush(struct join_channel *c)
{
        size_t bytes;
        for (const uint8_t *data = tls_output(c->tls, &bytes); bytes > 0; data = tls_output(c->tls, &bytes)) {
                int r = send_whole(c->fd, data, bytes, c->deadline_ns);
                if (r < 0)
                        return r;
                tls_sent(c->tls, bytes);
        }
        return 0;
}

static int fill(struct join_channel *c)
{
        size_t room;
        uint8_t *to = tls_room(c->tls, &room);
        uint64_t now = whole_io_deadline(0);
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int ready = now >= c->deadline_ns ? 0 : poll(&p, 1, (int)((c->deadline_ns - now) / 1000000) + 1);
        if (ready <= 0)
                return ready < 0 && errno == EINTR ? 0 : -ETIMEDOUT;
        ssize_t n = recv(c->fd, to, room, MSG_DONTWAIT);
        if (n > 0)
                tls_received(c->tls, (size_t)n);
        return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)) ? 0 : n == 0 ? -EPIPE : -errno;
}

static int shake_hands(struct join_channel *c)
{
        for (;;) {
                int r = tls_handshake(c->tls), sent = flush(c);
                if (r != -EAGAIN)
                        return r < 0 ? r : sent;
                if (sent < 0 || (sent = fill(c)) < 0)
                        return sent;
        }
}

int join_channel_open(struct join_channel *c, int fd, bool server, const char *psks, char *why, size_t why_size)
{
        *c = (struct join_channel){.fd = fd, .deadline_ns = whole_io_deadline(JOIN_PATIENCE_MS)};
        *why = '\0';
        int r = load_keys(server, psks, &c->keys, why, why_size);
        r = r < 0 ? r : tls_new(c->keys, &c->tls);
        r = r < 0 ? r : shake_hands(c);
        r = r < 0 ? r : tls_bulk(c->tls);
        if (r == 0)
                return 0;
        if (!*why && c->tls && tls_reason(c->tls))
                (void)snprintf(why, why_size, "%s", tls_reason(c->tls));
        if (!*why)
                (void)snprintf(why, why_size, "%s", r == -EPIPE ? "the other side has hung up: the secret is wrong, used or too old" : strerrordesc_np(-r));
        join_channel_close(c);
        return r;
}

void join_channel_close(struct join_channel *c)
{
        tls_free(c->tls);
        tls_keys_free(c->keys);
        if (c->fd >= 0)
                close(c->fd);
        *c = (struct join_channel){.fd = -1};
}

static int send_bytes(struct join_channel *c, const void *data, size_t size)
{
        for (size_t done = 0; done < size;) {
                const struct iovec part = {.iov_base = (char *)data + done, .iov_len = size - done};
                ssize_t n = tls_write(c->tls, &part, 1);
                int r = n < 0 ? (int)n : flush(c);
                if (r < 0)
                        return r;
                done += (size_t)n;
        }
        return 0;
}

static int receive_bytes(struct join_channel *c, void *data, size_t size)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = tls_read(c->tls, (char *)data + done, size - done);
                int r = n == 0 ? -EPIPE : n == -EAGAIN ? fill(c) : n < 0 ? (int)n : 0;
                if (r < 0)
                        return r;
                done += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

int join_channel_send(struct join_channel *c, const json_t *j)
{
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        if (!text)
                return -ENOMEM;
        size_t n = strlen(text);
        const uint8_t head[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
        int r = n > JOIN_FRAME_MAX ? -EMSGSIZE : send_bytes(c, head, sizeof head);
        r = r < 0 ? r : send_bytes(c, text, n);
        explicit_bzero(text, n);
        free(text);
        return r;
}

int join_channel_receive(struct join_channel *c, json_t **ret)
{
        uint8_t head[4];
        int r = receive_bytes(c, head, sizeof head);
        if (r < 0)
                return r;
        size_t n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        char *text = n <= JOIN_FRAME_MAX ? malloc(n + 1) : NULL;
        if (!text)
                return n <= JOIN_FRAME_MAX ? -ENOMEM : -EBADMSG;
        r = receive_bytes(c, text, n);
        *ret = r == 0 ? json_text_load(text, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
        explicit_bzero(text, n);
        free(text);
        return r < 0 ? r : *ret ? 0 : -EBADMSG;
}
