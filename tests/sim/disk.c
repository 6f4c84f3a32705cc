/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A disk with a volatile cache. A write that was acknowledged but not flushed survives a power cut by chance, and so does one that was
 * under way. Superblock writes carry flush and FUA: they make everything before them stable. A failed disk answers errors, a hung one
 * nothing until it recovers.
 */
#include "tests/sim/sim.h"

#include <assert.h>

bool cell_lacks(uint64_t content, uint64_t order)
{
        return content & CELL_TORN ? (content & ~CELL_TORN) <= order : content < order;
}

static void apply(struct sim *s, const struct io *io)
{
        struct disk *d = &s->node[io->disk].disk;

        if (io->kind == IO_WRITE) {
                if (d->blank)
                        violation(s, io->disk, "a leg that is marked as blank was written to", 0, 0);
                d->block[io->block].now = io->order;
                return;
        }
        for (int b = 0; b < BLOCKS && !d->lying; b++)
                d->block[b].stable = d->block[b].now;
        if (io->kind == IO_SUPER) {
                d->super = io->super;
                d->blank = false;
        }
}

static void finish(struct sim *s, uint8_t disk, uint64_t index, uint64_t unused)
{
        struct io *io = &s->io[index];
        struct disk *d = &s->node[disk].disk;

        (void)unused;
        if (d->hung_until_us > s->now_us) {
                uint64_t left_us = d->hung_until_us - s->now_us;
                sim_after(s, left_us < 200 * MS ? left_us : 200 * MS, disk, LIFE_MACHINE, finish, index, 0);
                return;
        }
        bool failed = d->failed || (d->lying && (io->kind == IO_FLUSH || (io->kind == IO_SUPER && io->life != LIFE_MACHINE)));
        if (d->errors > 0 && io->kind == IO_WRITE && !failed) {
                d->errors--;
                failed = d->erred = true;
                trace(s, disk, "the disk fails one write", 0, 0);
        }
        if (!failed)
                apply(s, io);
        io->used = false;
        while (s->ios > 0 && !s->io[s->ios - 1].used)
                s->ios--;
        if (s->node[disk].life[io->life].number == io->life_number)
                sim_after(s, 0, disk, io->life, io->done, io->tag, failed);
}

void disk_submit(struct sim *s, uint8_t disk, enum io_kind kind, unsigned block, uint64_t order, const struct super *super, enum life life,
                 sim_fn done, uint64_t tag)
{
        for (unsigned i = 0; i < IOS_MAX; i++) {
                struct io *io = &s->io[i];
                if (io->used)
                        continue;
                *io = (struct io){.used = true, .disk = disk, .kind = (uint8_t)kind, .block = (uint8_t)block, .order = order, .done = done,
                                  .tag = tag, .life = life, .life_number = s->node[disk].life[life].number, .submitted_us = s->now_us};
                if (super)
                        io->super = *super;
                if (i >= s->ios)
                        s->ios = i + 1;
                uint64_t us = sim_between(s, 100, kind == IO_WRITE ? 1500 : 4000) * (1 + s->node[disk].disk.slowness);
                sim_after(s, us, disk, LIFE_MACHINE, finish, i, 0);
                return;
        }
        assert(!"too many requests on the disks");
}

uint64_t disk_oldest_us(const struct sim *s, uint8_t disk)
{
        uint64_t oldest_us = s->now_us;
        for (unsigned i = 0; i < s->ios; i++)
                if (s->io[i].used && s->io[i].disk == disk && s->io[i].submitted_us < oldest_us)
                        oldest_us = s->io[i].submitted_us;
        return s->now_us - oldest_us;
}

void disk_power_cut(struct sim *s, uint8_t disk)
{
        struct disk *d = &s->node[disk].disk;

        for (unsigned i = 0; i < s->ios; i++) {
                if (!s->io[i].used || s->io[i].disk != disk)
                        continue;
                s->io[i].used = false;
                if (d->failed || !sim_chance(s, 50))
                        continue;
                /* Had reached the disk: a write into the cache, perhaps half of it; superblock and bitmap, or one of them. */
                if (s->io[i].kind == IO_WRITE) {
                        bool torn = sim_chance(s, 25) && !(s->io[i].order & CELL_TORN);
                        d->block[s->io[i].block].now = s->io[i].order | (torn ? CELL_TORN : 0);
                        continue;
                }
                uint32_t bitmap = d->super.bitmap;
                struct super super = d->super;
                apply(s, &s->io[i]);
                if (s->io[i].kind == IO_SUPER && sim_chance(s, 20))
                        d->super.bitmap = bitmap;
                else if (s->io[i].kind == IO_SUPER && super.exists && sim_chance(s, 20)) {
                        super.bitmap = d->super.bitmap;
                        d->super = super;
                }
        }
        for (int b = 0; b < BLOCKS; b++) {
                if (d->block[b].now != d->block[b].stable && sim_chance(s, 50))
                        d->block[b].now = d->block[b].stable;
                d->block[b].stable = d->block[b].now;
        }
        d->hung_until_us = 0;
        if (d->lying) { /* what it never flushed is gone: nobody takes this disk for whole any more */
                d->lying = d->flaky = false;
                d->failed = true;
        }
}

void disk_replace(struct sim *s, uint8_t disk)
{
        trace(s, disk, "gets a new, blank disk", 0, 0);
        s->node[disk].disk = (struct disk){.header = false};
}
