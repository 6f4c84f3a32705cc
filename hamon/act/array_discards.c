/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the array takes discards. md gives them to whichever leg takes them and ignores the error of the other one (raid1_end_write_request() of
 * drivers/md/raid1.c), and what a discarded block reads as is each disk's own affair: a weekly fstrim would make the legs differ. So there are none, unless
 * both legs are known to read zeroes afterwards: the own disk by its proof (discard_proof.h), the peer's leg because its device has discards, which nbdd
 * offers by a grant alone, and that node's hamon-act asked for after the same proof there. Then a discard is a write of zeroes to both, and md treats it as
 * a write: its bit is in the bitmap before it is submitted.
 *
 * The limit of the array's queue is the switch. md makes it the smallest one of its members that is not 0 (blk_stack_limits()): a leg without discards does
 * not end them, and so they are ended before such a leg is added; a leg that has some would begin them, and so nbdc makes a device without, unless they are
 * wanted. Written only when it is not so already: a write freezes the queue, which waits for a leg that does not answer.
 */
#include "hamon/act/array.h"

#include "hamon/act/bounded.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define END_MS 5000u

static uint64_t read_limit(const char *path)
{
        char text[32];

        return md_sysfs_text(path, text, sizeof text) < 0 ? 0 : strtoull(text, NULL, 10);
}

static uint64_t limit_of_md(const char *md, const char *limit)
{
        char path[96];

        snprintf(path, sizeof path, MD_SYSFS_ROOT "/block/%s/queue/%s", md, limit);
        return read_limit(path);
}

bool array_takes_discards(const struct array *a)
{
        return limit_of_md(a->md, "discard_max_bytes") > 0;
}

bool array_peer_takes_discards(const struct array *a)
{
        char path[96];

        snprintf(path, sizeof path, MD_SYSFS_ROOT "/dev/block/%u:%u/queue/discard_max_bytes", major(a->peer), minor(a->peer));
        return a->peer != 0 && read_limit(path) > 0;
}

static int write_limit(const struct array *a, uint64_t bytes)
{
        char path[96], text[24];

        snprintf(path, sizeof path, MD_SYSFS_ROOT "/block/%s/queue/discard_max_bytes", a->md);
        int n = snprintf(text, sizeof text, "%" PRIu64, bytes), fd = open(path, O_WRONLY | O_CLOEXEC);
        int r = fd < 0 || write(fd, text, (size_t)n) < 0 ? -errno : 0;
        if (fd >= 0)
                close(fd);
        return r;
}

/* Where it cannot be said the array serves all the same: only what nobody reads would differ. */
static void end(const struct array *a)
{
        int r = array_takes_discards(a) ? write_limit(a, 0) : 0;

        if (r < 0)
                log_warning("cannot end discards on %s (%s): after an fstrim a verify would find legs that differ, continuing", a->md, strerrordesc_np(-r));
}

/* Since Linux 6.8 a limit that was 0 stays so for as long as the array runs (LIMITS). */
static void begin(const struct array *a)
{
        uint64_t most = limit_of_md(a->md, "discard_max_hw_bytes");

        if (most > 0 && !array_takes_discards(a) && write_limit(a, most) < 0)
                log_info("%s takes discards when it is assembled next", a->md);
}

void array_set_discards(const struct array *a, bool with_peer)
{
        if (a->discards && (!with_peer || array_peer_takes_discards(a)))
                begin(a);
        else
                end(a);
}

static int end_bounded(const struct array *a, struct trouble *t)
{
        (void)t;
        end(a);
        return 0;
}

void array_end_discards(const struct array *a)
{
        struct trouble t;

        if (array_takes_discards(a) && bounded_run(end_bounded, a, END_MS, "end discards", &t) < 0)
                log_warning("%s: %s, continuing", a->md, t.text);
}
