/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/idempotency.h"

#include "base/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HASH_BYTES = 32, HEX_SIZE = 2 * HASH_BYTES + 1, SUM_DIGITS = 16, LINE_SIZE = 256 };

enum state { FREE, RESERVED, KEPT /* in this start */, LEFT /* in an earlier one */, DONE };

struct entry {
        enum state state;
        uint8_t key[HASH_BYTES], what[HASH_BYTES];
        int64_t at_ms;   /* since 1970 */
        uint64_t ticket; /* DONE */
};

struct idempotency {
        char path[CONFIG_PATH_SIZE]; /* "": in memory only */
        pthread_mutex_t disk;        /* of the file; held while it is written */
        pthread_mutex_t lock;        /* guards what follows */
        uint64_t last, start_last;   /* the highest ticket; and the highest of earlier starts */
        struct entry at[IDEMPOTENCY_MAX];
};

/* False: the library failed, and nothing can be told apart. */
static bool hash(const char *text, uint8_t ret[HASH_BYTES])
{
        return gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), ret) == 0;
}

static void to_hex(const uint8_t *bytes, unsigned count, char *ret)
{
        for (unsigned i = 0; i < count; i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]); /* fits */
}

static bool from_hex(const char *hex, uint8_t ret[HASH_BYTES])
{
        for (unsigned i = 0; i < HASH_BYTES; i++) {
                unsigned byte;
                if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
                        return false;
                ret[i] = (uint8_t)byte;
        }
        return true;
}

/* ---- the file: "SUM KEY REQUEST MS TICKET", ticket 0: not known yet; a later line of a key counts ---- */

static bool line_of(const struct entry *e, char ret[LINE_SIZE])
{
        char key[HEX_SIZE], what[HEX_SIZE], text[LINE_SIZE], sum[HEX_SIZE];
        uint8_t digest[HASH_BYTES];
        to_hex(e->key, HASH_BYTES, key);
        to_hex(e->what, HASH_BYTES, what);
        (void)snprintf(text, sizeof text, "%s %s %" PRId64 " %" PRIu64, key, what, e->at_ms, e->ticket); /* fits */
        if (!hash(text, digest))
                return false;
        to_hex(digest, SUM_DIGITS / 2, sum);
        return snprintf(ret, LINE_SIZE, "%s %s\n", sum, text) < LINE_SIZE;
}

static bool read_line(const char *line, struct entry *ret)
{
        char key[HEX_SIZE], what[HEX_SIZE], again[LINE_SIZE];
        struct entry e = {.state = LEFT};
        if (sscanf(line, "%*16s %64s %64s %" SCNd64 " %" SCNu64, key, what, &e.at_ms, &e.ticket) != 4 || strlen(key) != HEX_SIZE - 1 || strlen(what) != HEX_SIZE - 1 ||
            !from_hex(key, e.key) || !from_hex(what, e.what) || !line_of(&e, again) || strcmp(again, line) != 0)
                return false; /* torn, or damaged */
        e.state = e.ticket ? DONE : LEFT;
        *ret = e;
        return true;
}

static struct entry *find(struct idempotency *i, const uint8_t key[HASH_BYTES])
{
        for (unsigned n = 0; n < IDEMPOTENCY_MAX; n++)
                if (i->at[n].state != FREE && memcmp(i->at[n].key, key, HASH_BYTES) == 0)
                        return &i->at[n];
        return NULL;
}

static bool is_old(const struct entry *e, int64_t wall_ms)
{
        return e->state >= LEFT && wall_ms - e->at_ms >= IDEMPOTENCY_KEEP_MS;
}

static struct entry *find_room(struct idempotency *i, int64_t wall_ms)
{
        for (unsigned n = 0; n < IDEMPOTENCY_MAX; n++)
                if (i->at[n].state == FREE || is_old(&i->at[n], wall_ms))
                        return &i->at[n];
        return NULL;
}

static void load(struct idempotency *i, int64_t wall_ms)
{
        char line[LINE_SIZE];
        FILE *f = fopen(i->path, "re");
        while (f && fgets(line, sizeof line, f)) {
                struct entry e, *to;
                if (!read_line(line, &e))
                        continue;
                i->last = e.ticket > i->last ? e.ticket : i->last;
                to = find(i, e.key);
                to = to ? to : find_room(i, wall_ms);
                if (to && !is_old(&e, wall_ms))
                        *to = e;
        }
        if (f)
                fclose(f);
        i->start_last = i->last;
}

/* Without what is too old. What cannot be written stays as it is, and each key says so when it comes. */
static void write_anew(struct idempotency *i)
{
        char *text = NULL, line[LINE_SIZE];
        size_t size = 0;
        FILE *to = open_memstream(&text, &size);
        if (!to)
                return;
        for (unsigned n = 0; n < IDEMPOTENCY_MAX; n++)
                if (i->at[n].state != FREE && line_of(&i->at[n], line))
                        fputs(line, to);
        if (fclose(to) == 0)
                (void)statefile_replace_plain(i->path, 0600, text, size);
        free(text);
}

static int append(struct idempotency *i, const struct entry *e)
{
        char line[LINE_SIZE];
        if (!line_of(e, line))
                return -EIO;
        pthread_mutex_lock(&i->disk);
        int fd = open(i->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        ssize_t n = fd < 0 ? -1 : write(fd, line, strlen(line));
        int r = n < 0 ? -errno : (size_t)n != strlen(line) ? -ENOSPC : 0;
        if (r == -ENOSPC && n > 0)
                (void)!write(fd, "\n", 1); /* a torn line ends here, or the next one would be damaged with it */
        if (r == 0 && fdatasync(fd) < 0)
                r = -errno;
        if (fd >= 0)
                close(fd);
        pthread_mutex_unlock(&i->disk);
        return r;
}

struct idempotency *idempotency_new(const char *directory, int64_t wall_ms)
{
        struct idempotency *i = calloc(1, sizeof *i);
        if (!i)
                return NULL;
        pthread_mutex_init(&i->disk, NULL);
        pthread_mutex_init(&i->lock, NULL);
        if (directory && snprintf(i->path, sizeof i->path, "%s/idempotency", directory) < (int)sizeof i->path) {
                load(i, wall_ms);
                write_anew(i);
        }
        return i;
}

void idempotency_free(struct idempotency *i)
{
        if (!i)
                return;
        pthread_mutex_destroy(&i->disk);
        pthread_mutex_destroy(&i->lock);
        free(i);
}

uint64_t idempotency_last(struct idempotency *i)
{
        pthread_mutex_lock(&i->lock);
        uint64_t last = i->last;
        pthread_mutex_unlock(&i->lock);
        return last;
}

bool idempotency_knows(struct idempotency *i, uint64_t ticket)
{
        bool known = false;
        pthread_mutex_lock(&i->lock);
        for (unsigned n = 0; ticket != 0 && ticket <= i->start_last && n < IDEMPOTENCY_MAX; n++)
                known = known || (i->at[n].state == DONE && i->at[n].ticket == ticket);
        pthread_mutex_unlock(&i->lock);
        return known;
}

static enum idempotency_verdict ask(struct idempotency *i, const char *key, const char *what, int64_t wall_ms, bool reserve, uint64_t *ret_ticket)
{
        struct entry e = {.state = RESERVED, .at_ms = wall_ms};
        enum idempotency_verdict verdict = IDEMPOTENCY_NEW;
        if (!hash(key, e.key) || !hash(what, e.what))
                return IDEMPOTENCY_FULL;
        pthread_mutex_lock(&i->lock);
        struct entry *known = find(i, e.key);
        if (known && is_old(known, wall_ms)) {
                known->state = FREE;
                known = NULL;
        }
        if (known && memcmp(known->what, e.what, HASH_BYTES) != 0) {
                verdict = IDEMPOTENCY_REUSED;
        } else if (known) {
                verdict = known->state == DONE ? IDEMPOTENCY_DONE : known->state == LEFT ? IDEMPOTENCY_UNKNOWN : IDEMPOTENCY_UNDER_WAY;
                *ret_ticket = known->ticket;
        } else if (reserve) {
                struct entry *room = find_room(i, wall_ms);
                if (room)
                        *room = e;
                else
                        verdict = IDEMPOTENCY_FULL;
        }
        pthread_mutex_unlock(&i->lock);
        return verdict;
}

enum idempotency_verdict idempotency_begin(struct idempotency *i, const char *key, const char *what, int64_t wall_ms, uint64_t *ret_ticket)
{
        return ask(i, key, what, wall_ms, true, ret_ticket);
}

enum idempotency_verdict idempotency_look(struct idempotency *i, const char *key, const char *what, int64_t wall_ms, uint64_t *ret_ticket)
{
        return ask(i, key, what, wall_ms, false, ret_ticket);
}

/* A copy of the key's entry, changed by `state` and `ticket`. False: there is none. */
static bool change(struct idempotency *i, const char *key, enum state state, uint64_t ticket, struct entry *ret)
{
        uint8_t h[HASH_BYTES];
        if (!hash(key, h))
                return false;
        pthread_mutex_lock(&i->lock);
        struct entry *e = find(i, h);
        if (e) {
                ret->state = e->state;
                e->state = state;
                e->ticket = ticket;
                i->last = ticket > i->last ? ticket : i->last;
                enum state before = ret->state;
                *ret = *e;
                ret->state = before;
        }
        pthread_mutex_unlock(&i->lock);
        return e;
}

int idempotency_keep(struct idempotency *i, const char *key)
{
        struct entry e;
        if (!change(i, key, KEPT, 0, &e))
                return -ENOENT;
        return *i->path ? append(i, &e) : 0;
}

void idempotency_note(struct idempotency *i, const char *key, uint64_t ticket)
{
        struct entry e;
        if (change(i, key, ticket ? DONE : FREE, ticket, &e) && e.state == KEPT && ticket && *i->path)
                (void)append(i, &e); /* without this line the key's answer is "not known" after a restart: still not done twice */
}
