/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/net/links_state.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
        DATAGRAMS_PER_TURN = 64,  /* of one socket, before the loop sees other sources again */
        DATAGRAMS_PER_CALL = 8,
        HELLO_INTERVAL_MS = 100,  /* to one voter */
        TOLD_INTERVAL_MS = 1000,  /* a node that is refused is told so */
        ALARM_INTERVAL_MS = 60000,
        LEARNED_EXPIRE_MS = 30000, /* the witness forgets where a silent node was */
};

/*        kind           word               what it means and what to do */
#define PACKETS(X)                                                                                                              \
        X(ACCEPTED,      "accepted",        "")                                                                                 \
        X(DUPLICATE,     "duplicate",       "")                                                                                 \
        X(OLD,           "old",             "")                                                                                 \
        X(UNPROVEN,      "unproven",        "")                                                                                 \
        X(MALFORMED,     "malformed",       "something that is not hamon sends to this port")                                   \
        X(NEWER,         "newer-protocol",  "a hamon with a newer protocol sends to this one: upgrade this node")               \
        X(OLDER,         "older-protocol",  "a hamon with an older protocol sends to this one: upgrade that node")              \
        X(OTHER_CLUSTER, "other-cluster",   "a hamon of another cluster name sends to this one: compare [cluster] name")        \
        X(BAD_KEY,       "bad-key",         "a hamon with another cluster key sends to this one: copy the same key file to all") \
        X(MISADDRESSED,  "misaddressed",    "a hamon with another list of nodes sends to this one: compare hamon.conf")         \
        X(UNDECODABLE,   "undecodable",     "an authentic message makes no sense to this version of hamon: compare versions")

const char *packet_word(enum packet_kind kind)
{
        static const char *const words[PACKET_KINDS] = {
#define X(name, word, sentence) [PACKET_##name] = word,
                PACKETS(X)
#undef X
        };
        return words[kind];
}

const char *packet_sentence(enum packet_kind kind)
{
        static const char *const sentences[PACKET_KINDS] = {
#define X(name, word, sentence) [PACKET_##name] = sentence,
                PACKETS(X)
#undef X
        };
        return sentences[kind];
}

bool packet_is_alarming(enum packet_kind kind)
{
        return kind >= PACKET_MALFORMED;
}

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t random64(void)
{
        uint64_t v;
        ssize_t n = getrandom(&v, sizeof v, 0);
        assert(n == sizeof v); /* small reads cannot be cut short once the pool is ready */
        return v;
}

static void count(struct links *l, enum packet_kind kind, const union socket_address *source)
{
        l->count[kind]++;
        if (!packet_is_alarming(kind))
                return;
        address_text(source, l->last_from[kind]);
        uint64_t now = now_ms();
        l->last_ms[kind] = now;
        if (l->alarm_ms[kind] != 0 && now - l->alarm_ms[kind] < ALARM_INTERVAL_MS)
                return;
        l->alarm_ms[kind] = now;
        l->handler.alarm(l->handler.userdata, kind, l->last_from[kind], l->count[kind]);
}

static int close_datagram(struct links *l, uint8_t to, const void *payload, size_t size_bytes, uint8_t ret[SEAL_DATAGRAM_MAX])
{
        struct peer *peer = &l->peer[to];
        struct seal_envelope e = {
                .from = l->self,
                .to = to,
                .cluster = l->cluster,
                .start = l->start,
                .sequence = ++peer->sequence,
                .challenge = peer->session.challenge,
                .echo = peer->session.their_challenge,
        };
        return seal_close(l->seal, &e, payload, size_bytes, ret);
}

static void send_on(struct links *l, struct path *p, const uint8_t *datagram, size_t size_bytes)
{
        ssize_t n = sendto(l->fd[p->socket], datagram, size_bytes, MSG_NOSIGNAL, &p->remote.any, address_size(&p->remote));
        p->error = n < 0 ? -errno : 0;
        if (n < 0)
                p->failed++;
        else
                p->sent++;
}

int links_send(struct links *l, uint8_t to, const void *payload, size_t size_bytes)
{
        assert(to < VOTERS && to != l->self);
        uint8_t datagram[SEAL_DATAGRAM_MAX];
        int size = close_datagram(l, to, payload, size_bytes, datagram);
        if (size < 0)
                return size;
        uint64_t now = now_ms();
        for (unsigned i = 0; i < l->peer[to].paths; i++) {
                struct path *p = &l->peer[to].path[i];
                if (!p->learned || now - p->heard_ms < LEARNED_EXPIRE_MS)
                        send_on(l, p, datagram, (size_t)size);
        }
        return 0;
}

/* An empty datagram to where this one came from: carries our challenge and echoes theirs. */
static void send_empty(struct links *l, uint8_t to, unsigned socket_index, const union socket_address *source)
{
        uint8_t datagram[SEAL_DATAGRAM_MAX];
        int size = close_datagram(l, to, NULL, 0, datagram);
        if (size > 0) /* a lost one is repeated at the next datagram that asks for it */
                (void)sendto(l->fd[socket_index], datagram, (size_t)size, MSG_NOSIGNAL, &source->any, address_size(source));
}

static void hello(struct links *l, uint8_t to, unsigned socket_index, const union socket_address *source)
{
        struct peer *peer = &l->peer[to];
        uint64_t now = now_ms();
        if (peer->hello_sent && now - peer->hello_ms < HELLO_INTERVAL_MS)
                return;
        peer->hello_sent = true;
        peer->hello_ms = now;
        send_empty(l, to, socket_index, source);
}

/*
 * The witness speaks to nobody whom it does not believe, so a node with another key, cluster name, version or list of nodes would hear nothing and blame
 * the network. An empty datagram of ours is refused there for the same reason (it names ourselves as its receiver: misaddressed wherever it is authentic),
 * and is in that node's status. Two nodes find out without that: each sends by itself. Never longer than what it answers, and once a second: nothing
 * is gained with a forged source, and no hello is held back by it.
 */
static void tell_refused(struct links *l, unsigned socket_index, const uint8_t *datagram, size_t size_bytes, const union socket_address *source)
{
        if (l->self != WITNESS || size_bytes < SEAL_HEADER_BYTES + SEAL_MAC_BYTES)
                return;
        uint8_t from = datagram[SEAL_FROM_OFFSET];
        uint64_t now = now_ms();
        if (from >= VOTERS || from == WITNESS || (l->peer[from].told_ms != 0 && now - l->peer[from].told_ms < TOLD_INTERVAL_MS))
                return;
        l->peer[from].told_ms = now;
        send_empty(l, l->self, socket_index, source);
}

static enum packet_kind kind_of_seal(enum seal_verdict v)
{
        switch (v) {
        case SEAL_NEWER:
                return PACKET_NEWER;
        case SEAL_OLDER:
                return PACKET_OLDER;
        case SEAL_OTHER_CLUSTER:
                return PACKET_OTHER_CLUSTER;
        case SEAL_BAD_KEY:
                return PACKET_BAD_KEY;
        default:
                return PACKET_MALFORMED;
        }
}

static enum packet_kind receive(struct links *l, unsigned socket_index, const uint8_t *datagram, size_t size_bytes,
                                const union socket_address *source)
{
        struct seal_envelope e;
        const uint8_t *payload;
        size_t payload_bytes;
        enum seal_verdict sealed = seal_open(l->seal, &l->cluster, datagram, size_bytes, &e, &payload, &payload_bytes);
        if (sealed != SEAL_OK && sealed != SEAL_MALFORMED)
                tell_refused(l, socket_index, datagram, size_bytes, source);
        if (sealed != SEAL_OK)
                return kind_of_seal(sealed);
        if (e.from >= VOTERS || e.from == l->self || e.to != l->self || l->config->voters[e.from].links == 0) {
                tell_refused(l, socket_index, datagram, size_bytes, source);
                return PACKET_MISADDRESSED;
        }
        if (l->next_challenge == 0)
                l->next_challenge = random64();
        switch (session_judge(&l->peer[e.from].session, &e, l->next_challenge)) {
        case SESSION_UNPROVEN:
                hello(l, e.from, socket_index, source);
                return PACKET_UNPROVEN;
        case SESSION_OLD:
                return PACKET_OLD;
        case SESSION_DUPLICATE:
                (void)path_heard(l, e.from, socket_index, source, e.start, e.sequence, now_ms()); /* this link works, too */
                return PACKET_DUPLICATE;
        case SESSION_NEW_START:
                l->next_challenge = 0; /* it is used */
                l->peer[e.from].hello_sent = false;
                hello(l, e.from, socket_index, source); /* so that it believes us at once as well */
                break;
        case SESSION_FRESH:
                break;
        }
        (void)path_heard(l, e.from, socket_index, source, e.start, e.sequence, now_ms());
        if (payload_bytes > 0 && !l->handler.payload(l->handler.userdata, e.from, payload, payload_bytes))
                return PACKET_UNDECODABLE;
        return PACKET_ACCEPTED;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        (void)source, (void)revents;
        struct links *l = userdata;
        unsigned socket_index = 0;
        while (l->fd[socket_index] != fd)
                socket_index++;
        for (unsigned i = 0, n = DATAGRAMS_PER_CALL; n == DATAGRAMS_PER_CALL && i < DATAGRAMS_PER_TURN; i += n) {
                uint8_t datagram[DATAGRAMS_PER_CALL][SEAL_DATAGRAM_MAX + 1]; /* one more byte shows that it was longer */
                union socket_address from[DATAGRAMS_PER_CALL] = {0};
                struct iovec part[DATAGRAMS_PER_CALL];
                struct mmsghdr message[DATAGRAMS_PER_CALL];
                for (unsigned k = 0; k < DATAGRAMS_PER_CALL; k++) {
                        part[k] = (struct iovec){.iov_base = datagram[k], .iov_len = sizeof datagram[k]};
                        message[k] = (struct mmsghdr){.msg_hdr = {.msg_name = &from[k], .msg_namelen = sizeof from[k], .msg_iov = &part[k], .msg_iovlen = 1}};
                }
                int got = recvmmsg(fd, message, DATAGRAMS_PER_CALL, 0, NULL);
                n = got < 0 ? 0 : (unsigned)got; /* EAGAIN, or an error that the kernel has reported and forgotten */
                for (unsigned k = 0; k < n; k++)
                        count(l, receive(l, socket_index, datagram[k], message[k].msg_len, &from[k]), &from[k]);
        }
        return 0;
}

/* The id that every datagram carries: derived from the cluster's name, so that two clusters on one network stay apart in the counters. */
static int cluster_id(const char *name, struct uuid *ret)
{
        uint8_t digest[32];
        char text[CONFIG_NAME_SIZE + 16];
        int n = snprintf(text, sizeof text, "hamon cluster %s", name);
        if (n < 0 || gnutls_hash_fast(GNUTLS_DIG_SHA256, text, (size_t)n, digest) < 0)
                return -EIO;
        memcpy(ret->bytes, digest, sizeof ret->bytes);
        return 0;
}

int links_new(sd_event *loop, const struct config *config, uint8_t self, uint64_t start, const uint8_t key[SEAL_KEY_BYTES],
              const struct links_handler *handler, struct links **ret)
{
        struct links *l = calloc(1, sizeof *l);
        if (!l)
                return -ENOMEM;
        l->config = config;
        l->self = self;
        l->start = start;
        l->handler = *handler;
        int r = cluster_id(config->cluster, &l->cluster);
        if (r == 0)
                r = seal_new(key, &l->seal);
        for (unsigned i = 0; r == 0 && i < config->voters[self].links; i++) {
                union socket_address own;
                address_of_config(&config->voters[self].link[i], config->port, &own);
                r = socket_bind(&own);
                if (r < 0)
                        break;
                l->fd[l->sockets++] = r;
                r = sd_event_add_io(loop, &l->source[i], l->fd[i], EPOLLIN, on_readable, l);
                if (r >= 0)
                        r = sd_event_source_set_priority(l->source[i], SD_EVENT_PRIORITY_IMPORTANT);
                if (r > 0)
                        r = 0;
        }
        if (r < 0) {
                links_free(l);
                return r;
        }
        for (unsigned v = 0; v < VOTERS; v++)
                session_init(&l->peer[v].session, random64());
        paths_configure(l);
        *ret = l;
        return 0;
}

int links_rekey(struct links *l, const uint8_t key[SEAL_KEY_BYTES], const uint8_t *also)
{
        struct seal *seal;
        int r = seal_new(key, &seal);
        if (r < 0)
                return r;
        if (also)
                r = seal_accept_also(seal, also);
        if (r < 0) {
                seal_free(seal);
                return r;
        }
        seal_free(l->seal);
        l->seal = seal;
        return 0;
}

void links_free(struct links *l)
{
        if (!l)
                return;
        for (unsigned i = 0; i < l->sockets; i++) {
                sd_event_source_unref(l->source[i]);
                close(l->fd[i]);
        }
        seal_free(l->seal);
        free(l);
}

void links_view(const struct links *l, struct links_view *ret)
{
        memset(ret, 0, sizeof *ret);
        memcpy(ret->count, l->count, sizeof ret->count);
        memcpy(ret->last_from, l->last_from, sizeof ret->last_from);
        memcpy(ret->last_ms, l->last_ms, sizeof ret->last_ms);
        for (unsigned v = 0; v < VOTERS; v++) {
                for (unsigned i = 0; i < l->peer[v].paths; i++) {
                        const struct path *p = &l->peer[v].path[i];
                        if (p->spare && !p->heard)
                                continue; /* a witness with one address is not half cut off */
                        struct path_view *to = &ret->path[v][ret->paths[v]++];
                        memcpy(to->local, l->config->voters[l->self].link[p->socket].text, sizeof to->local);
                        address_text(&p->remote, to->remote);
                        to->heard = p->heard;
                        to->heard_ms = p->heard_ms;
                        to->sent = p->sent;
                        to->failed = p->failed;
                        to->received = p->received;
                        to->loss_permille = p->loss_permille;
                        to->error = p->error;
                }
        }
}
