/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copy, read back, compare, and the head last. See adopt_copy.h. */
#include "hamon/hamonctl/adopt_copy.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 4 << 20, DIGEST_BYTES = 32 };

struct work {
        const struct adopt_copy *c;
        struct adopt_end *end;
        uint8_t *piece, *head; /* of PIECE_BYTES and ADOPT_HEAD_BYTES, aligned */
        gnutls_hash_hd_t hash;
};

static int fail(struct work *w, const char *what, uint64_t offset_bytes, int r)
{
        w->end->what = what;
        w->end->offset_bytes = offset_bytes;
        return r;
}

static uint64_t rounded(uint64_t bytes)
{
        return (bytes + ADOPT_ALIGN_BYTES - 1) / ADOPT_ALIGN_BYTES * ADOPT_ALIGN_BYTES;
}

static uint64_t least(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* Exactly `bytes`, of a request that is aligned; less is there only at the end of the device. */
static int read_all(int fd, uint8_t *to, uint64_t bytes, uint64_t offset_bytes)
{
        for (uint64_t done = 0; done < bytes;) {
                ssize_t n = pread(fd, to + done, rounded(bytes - done), (off_t)(offset_bytes + done));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ENODATA;
                done += (uint64_t)n;
                if (done < bytes && done % ADOPT_ALIGN_BYTES != 0)
                        return -ENODATA;
        }
        return 0;
}

static int write_all(int fd, const uint8_t *from, uint64_t bytes, uint64_t offset_bytes)
{
        for (uint64_t done = 0; done < bytes;) {
                ssize_t n = pwrite(fd, from + done, bytes - done, (off_t)(offset_bytes + done));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (uint64_t)n;
        }
        return 0;
}

static int put_head(struct work *w, uint64_t bytes)
{
        int r = write_all(w->c->to, w->head, rounded(bytes), 0);

        if (r == 0 && fsync(w->c->to) < 0)
                r = -errno;
        return r < 0 ? fail(w, "writing the head of the mirror", 0, r) : 0;
}

static int blank_head(struct work *w, uint64_t bytes)
{
        memset(w->head, 0, ADOPT_HEAD_BYTES);
        return put_head(w, bytes);
}

/* A head that may be there in part or whole, and was not found as it should be: gone again, as far as the mirror still takes writes. */
static int take_back(struct work *w, uint64_t head_bytes, int error)
{
        struct adopt_end first = *w->end;

        (void)blank_head(w, head_bytes);
        *w->end = first;
        return error;
}

/* The head stays in memory, the rest goes over. */
static int copy(struct work *w, uint64_t head_bytes)
{
        for (uint64_t at = 0, n; at < w->c->bytes; at += n) {
                n = at == 0 ? head_bytes : least(PIECE_BYTES, w->c->bytes - at);
                uint8_t *data = at == 0 ? w->head : w->piece;
                int r = read_all(w->c->from, data, n, at);
                if (r < 0)
                        return fail(w, "reading the old device", at, r);
                (void)gnutls_hash(w->hash, data, n); /* SHA-256 of memory cannot fail */
                if (at > 0) {
                        memset(data + n, 0, rounded(n) - n);
                        if ((r = write_all(w->c->to, data, rounded(n), at)) < 0)
                                return fail(w, "writing to the mirror", at, r);
                }
                w->c->progress(w->c->userdata, ADOPT_COPIES, at + n);
        }
        return fsync(w->c->to) < 0 ? fail(w, "writing to the mirror", w->c->bytes, -errno) : 0;
}

static void take_digest(struct work *w, uint8_t ret[DIGEST_BYTES])
{
        gnutls_hash_output(w->hash, ret); /* and begins anew */
}

static int compare(struct work *w, uint64_t head_bytes, const uint8_t digest[DIGEST_BYTES])
{
        uint8_t found[DIGEST_BYTES];

        (void)gnutls_hash(w->hash, w->head, head_bytes);
        for (uint64_t at = head_bytes, n; at < w->c->bytes; at += n) {
                n = least(PIECE_BYTES, w->c->bytes - at);
                int r = read_all(w->c->to, w->piece, n, at);
                if (r < 0)
                        return fail(w, "reading the mirror", at, r);
                (void)gnutls_hash(w->hash, w->piece, n);
                w->c->progress(w->c->userdata, ADOPT_COMPARES, at + n);
        }
        take_digest(w, found);
        return memcmp(found, digest, DIGEST_BYTES) ? fail(w, "comparing the mirror with the old device", 0, -EILSEQ) : 0;
}

static int compare_head(struct work *w, uint64_t head_bytes)
{
        int r = read_all(w->c->to, w->piece, head_bytes, 0);

        if (r < 0)
                return fail(w, "reading the mirror", 0, r);
        return memcmp(w->piece, w->head, head_bytes) ? fail(w, "comparing the mirror with the old device", 0, -EILSEQ) : 0;
}

static int run(struct work *w)
{
        uint64_t head_bytes = least(ADOPT_HEAD_BYTES, w->c->bytes);
        uint8_t digest[DIGEST_BYTES];
        int r = blank_head(w, head_bytes);

        if (r == 0)
                r = copy(w, head_bytes);
        take_digest(w, digest);
        if (r == 0)
                r = compare(w, head_bytes, digest);
        memset(w->head + head_bytes, 0, ADOPT_HEAD_BYTES - head_bytes);
        if (r == 0) {
                r = put_head(w, head_bytes);
                if (r == 0)
                        r = compare_head(w, head_bytes);
                if (r < 0)
                        r = take_back(w, head_bytes, r);
        }
        for (unsigned i = 0; r == 0 && i < DIGEST_BYTES; i++)
                (void)snprintf(w->end->digest + 2 * (size_t)i, 3, "%02x", digest[i]);
        return r;
}

int adopt_copy(const struct adopt_copy *c, struct adopt_end *ret)
{
        struct work w = {.c = c, .end = ret};
        int r = -ENOMEM;

        *ret = (struct adopt_end){0};
        if (posix_memalign((void **)&w.piece, ADOPT_ALIGN_BYTES, PIECE_BYTES) == 0 && posix_memalign((void **)&w.head, ADOPT_ALIGN_BYTES, ADOPT_HEAD_BYTES) == 0 &&
            gnutls_hash_init(&w.hash, GNUTLS_DIG_SHA256) == 0) {
                r = run(&w);
                gnutls_hash_deinit(w.hash, NULL);
        } else {
                (void)fail(&w, "taking memory", 0, r);
        }
        free(w.piece);
        free(w.head);
        return r;
}
