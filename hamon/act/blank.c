/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/blank.h"

#include "hamon/act/direct_io.h"
#include "hamon/act/md_super.h"

#include "base/bytes.h"
#include "base/statefile.h"

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

static bool is_zero(int fd, uint64_t at, uint8_t *buffer, size_t size)
{
        return direct_read(fd, at, buffer, size) == 0 && buffer[0] == 0 && memcmp(buffer, buffer + 1, size - 1) == 0;
}

/* The disk's own way alone, never pages of zeroes (block/fops.c: blkdev_fallocate() with BLKDEV_ZERO_NOFALLBACK). Was all of it done? A disk that cannot may say so in many ways. */
static bool make_zero(int fd, uint64_t from, uint64_t to, uint64_t until_ms)
{
        for (uint64_t at = from; at < to; at += ZERO_STEP_BYTES) {
                uint64_t size = to - at < ZERO_STEP_BYTES ? to - at : ZERO_STEP_BYTES;

                if (now_ms() > until_ms || fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)size) < 0)
                        return false;
        }
        return true;
}

/* Is every step-th part of it zero (all of it when that is the part's size), and was the time enough? */
static bool look(int fd, uint64_t from, uint64_t to, uint64_t step, size_t part, uint64_t until_ms)
{
        uint8_t *buffer = malloc(part);
        bool zero = buffer != NULL;

        for (uint64_t at = from; zero && at < to; at += step)
                zero = now_ms() <= until_ms && is_zero(fd, at, buffer, to - at < part ? (size_t)(to - at) : part);
        free(buffer);
        return zero;
}

bool blank_prove(int fd, uint64_t from, uint64_t to, bool overwrite, unsigned limit_ms)
{
        uint64_t until_ms = now_ms() + limit_ms;

        if (!overwrite || !make_zero(fd, from, to, until_ms))
                return look(fd, from, to, READ_STEP_BYTES, READ_STEP_BYTES, until_ms);
        /* A disk that says so and does not do it is not believed. */
        uint64_t step = (to - from) / SAMPLES / DIRECT_BLOCK * DIRECT_BLOCK;
        return look(fd, from, to, step > DIRECT_BLOCK ? step : DIRECT_BLOCK, DIRECT_BLOCK, UINT64_MAX);
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
