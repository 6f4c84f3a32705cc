/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/blank.h"

#include "hamon/act/direct_io.h"
#include "hamon/act/md_super.h"

#include "base/bytes.h"
#include "base/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OWNER "hamon-act-blank"
#define VERSION 1u
#define ZERO_STEP_BYTES (256ull << 20)
#define READ_STEP_BYTES (4u << 20)
#define SAMPLES 64u
#define FILE_BYTES 24u

static const uint8_t mark[] = "hamon: this leg is blank, and no member yet\n";

static uint64_t now_ms(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int is_zero(int fd, uint64_t at, uint8_t *buffer, size_t size, bool *ret)
{
        int r = direct_read(fd, at, buffer, size);

        *ret = r == 0 && buffer[0] == 0 && memcmp(buffer, buffer + 1, size - 1) == 0;
        return r;
}

/* The disk's own way alone, never pages of zeroes (fs/block: blkdev_fallocate() with BLKDEV_ZERO_NOFALLBACK). *ret: all of it is done. */
static int make_zero(int fd, uint64_t from, uint64_t to, uint64_t until_ms, bool *ret)
{
        for (uint64_t at = from; at < to; at += ZERO_STEP_BYTES) {
                uint64_t size = to - at < ZERO_STEP_BYTES ? to - at : ZERO_STEP_BYTES;

                if (now_ms() > until_ms || fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)size) < 0) {
                        *ret = false;
                        return now_ms() > until_ms || errno == EOPNOTSUPP || errno == EINVAL ? 0 : -errno;
                }
        }
        *ret = true;
        return 0;
}

/* Every step-th part of it: all of it when that is the part's size. *ret: all that was looked at is zero, and the time was enough. */
static int look(int fd, uint64_t from, uint64_t to, uint64_t step, size_t part, uint64_t until_ms, bool *ret)
{
        uint8_t *buffer = malloc(part);
        int r = buffer ? 0 : -ENOMEM;

        *ret = r == 0;
        for (uint64_t at = from; r == 0 && *ret && at < to; at += step) {
                if (now_ms() > until_ms)
                        *ret = false;
                else
                        r = is_zero(fd, at, buffer, to - at < part ? (size_t)(to - at) : part, ret);
        }
        free(buffer);
        return r;
}

int blank_prove(int fd, uint64_t from, uint64_t to, bool overwrite, unsigned limit_ms, bool *ret)
{
        uint64_t until_ms = now_ms() + limit_ms;
        bool made = false;

        *ret = false;
        int r = overwrite ? make_zero(fd, from, to, until_ms, &made) : 0;
        if (r < 0)
                return r;
        if (!made)
                return look(fd, from, to, READ_STEP_BYTES, READ_STEP_BYTES, until_ms, ret);
        /* A disk that says so and does not do it is not believed. */
        uint64_t step = (to - from) / SAMPLES / DIRECT_BLOCK * DIRECT_BLOCK;
        return look(fd, from, to, step > DIRECT_BLOCK ? step : DIRECT_BLOCK, DIRECT_BLOCK, UINT64_MAX, ret);
}

int blank_mark(int fd, uint64_t base_bytes)
{
        uint8_t bytes[BLANK_MARK_BYTES] = {0};

        memcpy(bytes, mark, sizeof mark);
        return direct_write(fd, base_bytes + MD_SUPER_OFFSET, bytes, sizeof bytes);
}

int blank_is_marked(int fd, uint64_t base_bytes, bool *ret)
{
        uint8_t bytes[BLANK_MARK_BYTES], expected[BLANK_MARK_BYTES] = {0};

        memcpy(expected, mark, sizeof mark);
        int r = direct_read(fd, base_bytes + MD_SUPER_OFFSET, bytes, sizeof bytes);
        *ret = r == 0 && memcmp(bytes, expected, sizeof bytes) == 0;
        return r;
}

static void encode(const struct uuid *array, uint64_t events_cleared, uint8_t ret[FILE_BYTES])
{
        struct bwriter w = bwriter_of(ret, FILE_BYTES);

        bwriter_copy(&w, array->bytes, sizeof array->bytes);
        bwriter_le64(&w, events_cleared);
}

int blank_keep(const char *path, const struct uuid *array, uint64_t events_cleared)
{
        uint8_t bytes[FILE_BYTES];

        encode(array, events_cleared, bytes);
        return statefile_write(path, OWNER, VERSION, bytes, sizeof bytes);
}

bool blank_kept(const char *path, const struct uuid *array, uint64_t events_cleared)
{
        uint8_t expected[FILE_BYTES];
        unsigned version;
        char *payload;
        size_t size;

        if (statefile_read(path, OWNER, VERSION, &version, &payload, &size) < 0)
                return false;
        encode(array, events_cleared, expected);
        bool same = size == sizeof expected && memcmp(payload, expected, size) == 0;
        free(payload);
        return same;
}

int blank_forget(const char *path)
{
        return statefile_remove(path);
}
