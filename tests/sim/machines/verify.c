/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamon-act's second socket over the models' disks. What a block of the model holds is one number (the write that it has), beside it a sector that nothing
 * is written to and that may rot; a digest is of these numbers: equal exactly where the contents are. A window without writes is one in which the
 * application rests.
 */
#include "tests/sim/machines/machines.h"

#include "hamon/verify/ask.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Who asks: one question at a time. */
struct asker {
        int fd; /* 0: nobody */
        uint8_t node;
        bool asked, holds;
        struct verify_ask ask;
        uint64_t due_us, held_until_us;
};

static struct asker askers[MACHINE_ASKERS_MAX];
static int listeners[NODES] = {-1, -1};
static bool rotten[NODES][BLOCKS];
static unsigned pace_kib = MACHINE_PACE_KIB;

void verify_pace(unsigned kib)
{
        pace_kib = kib;
}

void verify_rot(uint8_t node, unsigned block)
{
        rotten[node][block] = !rotten[node][block];
}

void verify_new_disk(uint8_t node)
{
        memset(rotten[node], 0, sizeof rotten[node]);
}

void verify_open(uint8_t node, const char *folder, const char *name)
{
        listeners[node] = machine_listen(folder, name, VERIFY_SOCKET);
}

static void hang_up(struct sim *s, struct asker *a)
{
        if (a->holds)
                s->quiet = false;
        close(a->fd);
        *a = (struct asker){.fd = 0};
}

void verify_close(struct sim *s, uint8_t node)
{
        if (listeners[node] >= 0)
                close(listeners[node]);
        listeners[node] = -1;
        for (struct asker *a = askers; a < askers + MACHINE_ASKERS_MAX; a++)
                if (a->fd && a->node == node)
                        hang_up(s, a);
}

size_t verify_fds(struct pollfd *ret)
{
        size_t count = 0;

        for (uint8_t n = 0; n < NODES; n++)
                if (listeners[n] >= 0)
                        ret[count++] = (struct pollfd){.fd = listeners[n], .events = POLLIN};
        for (const struct asker *a = askers; a < askers + MACHINE_ASKERS_MAX; a++)
                if (a->fd)
                        ret[count++] = (struct pollfd){.fd = a->fd, .events = POLLIN};
        return count;
}

static void let_in(uint8_t node)
{
        int fd = accept4(listeners[node], NULL, NULL, SOCK_CLOEXEC);

        for (struct asker *a = askers; fd >= 0 && a < askers + MACHINE_ASKERS_MAX; a++)
                if (!a->fd) {
                        *a = (struct asker){.fd = fd, .node = node};
                        return;
                }
        if (fd >= 0)
                close(fd);
}

/* Of `size_bytes` at `at`, which lie in one block of the model. */
struct content {
        uint64_t written, rot;
};

static struct content content_of(const struct sim *s, uint8_t node, uint64_t at, uint32_t size_bytes)
{
        uint64_t block = at / MACHINE_CELL_BYTES, first = at % MACHINE_CELL_BYTES, end = first + size_bytes;

        return (struct content){.written = first == 0 ? s->node[node].disk.block[block].now : 0,
                                .rot = first <= DIGEST_BLOCK_LEAST && end > DIGEST_BLOCK_LEAST && rotten[node][block]};
}

static int digests(const struct sim *s, uint8_t node, const struct verify_ask *ask, struct verify_answer *ret)
{
        const struct disk *d = &s->node[node].disk;

        if (!uuid_equal(&ask->leg, &d->leg))
                return -ESTALE;
        if (d->failed)
                return -EIO;
        ret->size_bytes = MACHINE_DATA_BYTES;
        for (uint32_t i = 0; i < ask->count && ask->offset_bytes + (uint64_t)i * ask->block_bytes < MACHINE_DATA_BYTES; i++) {
                uint64_t at = ask->offset_bytes + (uint64_t)i * ask->block_bytes;
                struct content content = content_of(s, node, at, ask->block_bytes);
                if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, ask->key, sizeof ask->key, &content, sizeof content, ret->digest[i]) < 0)
                        return -EIO;
                ret->count = i + 1;
        }
        return 0;
}

static int look(const struct disk *d, uint8_t node, struct verify_answer *ret)
{
        const struct machine_sizes *m = machine_sizes(node);

        ret->disk_bytes = m->disk_bytes;
        ret->room_bytes = m->disk_bytes - ((uint64_t)MACHINE_HEADER_MIB << 20);
        ret->needs_bytes = d->header ? m->array_bytes + ((uint64_t)MACHINE_FRONT_MIB << 20) : 0;
        (void)snprintf(ret->holds, sizeof ret->holds, "%s", d->header ? "a leg of this mirror" : "nothing"); /* fits */
        return d->failed ? -EIO : 0;
}

static void take(struct sim *s, struct asker *a)
{
        char packet[VERIFY_PACKET_MAX];
        ssize_t size = recv(a->fd, packet, sizeof packet, 0);

        if (size <= 0 || a->asked || verify_ask_decode(packet, (size_t)size, &a->ask) < 0) {
                hang_up(s, a);
                return;
        }
        a->asked = true;
        a->due_us = s->now_us;
        if (a->ask.asked == ASK_DIGESTS && a->ask.paced)
                a->due_us += (uint64_t)a->ask.count * (a->ask.block_bytes / 1024) * SECOND / pace_kib;
        if (a->ask.asked == ASK_HOLD) {
                s->quiet = a->holds = true;
                a->held_until_us = s->now_us + VERIFY_HOLD_MS * MS;
        }
}

static void reply(struct sim *s, struct asker *a)
{
        static struct verify_answer r; /* large */
        const struct node *m = &s->node[a->node];

        if (a->due_us > s->now_us || m->disk.hung_until_us > s->now_us)
                return;
        if (a->ask.asked == ASK_HOLD && (m->app.outstanding > 0 || m->md.ios > 0))
                return; /* what is under way ends first */
        memset(&r, 0, sizeof r);
        if (a->ask.asked == ASK_DIGESTS) {
                r.error = digests(s, a->node, &a->ask, &r);
                r.limit_kib = a->ask.paced ? pace_kib : 0;
        } else if (a->ask.asked == ASK_DISK) {
                r.error = look(&m->disk, a->node, &r);
        } else if (a->ask.asked == ASK_LET_GO && a->holds) {
                s->quiet = a->holds = false;
        }
        if (r.error < 0)
                (void)snprintf(r.detail, sizeof r.detail, "%s", strerror(-r.error));
        char *text = verify_answer_encode(a->ask.asked, &r);
        a->asked = false;
        if (!text || send(a->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
                hang_up(s, a);
        free(text);
}

void verify_turn(struct sim *s, const struct pollfd *fds, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (!fds[i].revents)
                        continue;
                for (uint8_t n = 0; n < NODES; n++)
                        if (fds[i].fd == listeners[n])
                                let_in(n);
                for (struct asker *a = askers; a < askers + MACHINE_ASKERS_MAX; a++)
                        if (a->fd && a->fd == fds[i].fd)
                                take(s, a);
        }
        for (struct asker *a = askers; a < askers + MACHINE_ASKERS_MAX; a++) {
                if (a->fd && a->holds && a->held_until_us <= s->now_us)
                        s->quiet = a->holds = false;
                if (a->fd && a->asked)
                        reply(s, a);
        }
}
