/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * md RAID1 of the own leg and the peer's, as measured (FACTS.md of the design): a fresh bitmap bit is on every leg before its data is
 * written; a write is complete when every leg has answered; an error fails the leg at once, and the write completes after the superblock
 * of the rest says so; flush errors are ignored; the last leg is never failed. Quirks that cost data: a degraded assembly forgets the
 * dirty bits that it loaded; of two legs assembled together the one with more events wins, slot 0 when they have the same, and what
 * differs by the bitmap is copied from it; a leg is re-added when its event count is not below events_cleared, whatever it holds; recovery copies dirty
 * chunks only.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <string.h>

enum { TAG_IO = 1, TAG_SUPER, TAG_COPY };

static uint64_t tag_of(uint64_t type, uint64_t number, unsigned index)
{
        return type << 56 | number << 8 | index;
}

static uint8_t other(uint8_t n)
{
        return (uint8_t)(1 - n);
}

static void kick(struct sim *s, uint8_t n);

static bool peer_written(const struct md *m, uint8_t n)
{
        return m->super.slot[other(n)] == SLOT_ACTIVE || m->super.slot[other(n)] == SLOT_RECOVERING;
}

static void change_slot(struct sim *s, uint8_t n, uint8_t which, enum slot slot)
{
        struct md *m = &s->node[n].md;

        m->super.slot[which] = (uint8_t)slot;
        m->super.events++;
        m->super_dirty = true;
}

static void fail_leg(struct sim *s, uint8_t n, uint8_t which)
{
        struct md *m = &s->node[n].md;
        enum slot slot = (enum slot)m->super.slot[which];

        if (slot != SLOT_ACTIVE && slot != SLOT_RECOVERING)
                return;
        if (slot == SLOT_ACTIVE && m->super.slot[1 - which] != SLOT_ACTIVE)
                return; /* the last one stays */
        trace(s, n, which == n ? "md: the own leg failed" : "md: the leg of the peer failed", 0, 0);
        change_slot(s, n, which, SLOT_FAULTY);
        if (which != n) {
                m->recover = 0;
                m->copying = -1;
        }
}

/* -- superblocks ---------------------------------------------------------------------------------------------------------------- */

static void super_answered(struct sim *s, uint8_t n)
{
        struct md *m = &s->node[n].md;

        if (m->super_own || m->super_peer)
                return;
        m->super_writing = false;
        m->bitmap_on_disk = m->super_written.bitmap & m->super.bitmap;
        kick(s, n);
}

static void own_answered(struct sim *s, uint8_t n, uint64_t tag, uint64_t error);

static void write_super(struct sim *s, uint8_t n)
{
        struct md *m = &s->node[n].md;

        m->super_dirty = false;
        m->super_written = m->super;
        m->super_own = m->super.slot[n] == SLOT_ACTIVE;
        m->super_peer = peer_written(m, n);
        m->super_writing = true;
        m->super_number++;
        struct super own = m->super; /* the mark of a whole resync is the target's alone */
        own.half = false;
        if (m->super_own)
                disk_submit(s, n, IO_SUPER, 0, 0, &own, LIFE_MACHINE, own_answered, tag_of(TAG_SUPER, m->super_number, 0));
        if (m->super_peer)
                nbdc_submit(s, n, IO_SUPER, 0, 0, &m->super, tag_of(TAG_SUPER, m->super_number, 0));
        if (!m->super_own && !m->super_peer)
                m->super_writing = false;
}

/* -- reads and writes ----------------------------------------------------------------------------------------------------------- */

static void issue(struct sim *s, uint8_t n, unsigned index)
{
        struct md *m = &s->node[n].md;
        struct md_io *io = &m->io[index];
        enum io_kind kind = io->kind == MD_WRITE ? IO_WRITE : IO_FLUSH;

        io->phase = MD_WAIT_LEGS;
        io->own_pending = m->super.slot[n] == SLOT_ACTIVE;
        io->peer_pending = peer_written(m, n);
        if (io->own_pending)
                disk_submit(s, n, kind, io->block, io->order, NULL, LIFE_MACHINE, own_answered, tag_of(TAG_IO, io->number, index));
        if (io->peer_pending)
                nbdc_submit(s, n, kind, io->block, io->order, NULL, tag_of(TAG_IO, io->number, index));
}

static unsigned chunk_of(unsigned block)
{
        return block / CHUNK_BLOCKS;
}

static void complete(struct sim *s, uint8_t n, struct md_io *io)
{
        struct md_io done = *io;

        io->used = false;
        if (done.kind == MD_WRITE)
                app_write_done(s, n, done.block, done.order, !done.succeeded);
        else if (done.for_act)
                act_flushed(s, n, done.number);
        else
                app_flush_done(s, n, done.succeeded);
}

static void leg_answered(struct sim *s, uint8_t n, unsigned index, uint64_t number, uint8_t which, uint64_t error)
{
        struct md *m = &s->node[n].md;
        struct md_io *io = &m->io[index];

        if (!io->used || io->number != number)
                return;
        if (error && io->kind == MD_WRITE) {
                fail_leg(s, n, which);
                io->degraded = true;
                if (m->super.slot[which] != SLOT_FAULTY)
                        m->needed |= 1u << chunk_of(io->block);
                /* The last leg stays, and md reports what the other one took before it left: the limit that P1 names. */
                if (which == n && m->super.slot[n] == SLOT_ACTIVE && io->succeeded)
                        io->order = 0;
        }
        if (!error && m->super.slot[which] == SLOT_ACTIVE)
                io->succeeded = true;
        if (which == n)
                io->own_pending = false;
        else
                io->peer_pending = false;
        if (!io->own_pending && !io->peer_pending)
                io->phase = MD_WAIT_SUPER;
        kick(s, n);
}

static void answered(struct sim *s, uint8_t n, uint8_t which, uint64_t tag, uint64_t error)
{
        struct md *m = &s->node[n].md;
        uint64_t number = tag << 8 >> 16;

        switch (tag >> 56) {
        case TAG_IO:
                leg_answered(s, n, tag & 0xff, number, which, error);
                return;
        case TAG_SUPER:
                if (!m->super_writing || number != m->super_number)
                        return;
                if (error)
                        fail_leg(s, n, which);
                if (which == n)
                        m->super_own = false;
                else
                        m->super_peer = false;
                super_answered(s, n);
                return;
        case TAG_COPY:
                if (number != m->recovery)
                        return;
                if (error)
                        fail_leg(s, n, which);
                else if (--m->copies == 0 && m->copying >= 0) {
                        m->recover &= ~(1u << m->copying);
                        m->needed &= ~(1u << m->copying);
                        m->copying = -1;
                }
                kick(s, n);
                return;
        }
}

static void own_answered(struct sim *s, uint8_t n, uint64_t tag, uint64_t error)
{
        if (s->node[n].md.running)
                answered(s, n, n, tag, error);
}

void md_peer_done(struct sim *s, uint8_t n, uint64_t tag, uint64_t error)
{
        if (s->node[n].md.running)
                answered(s, n, other(n), tag, error);
}

static void advance(struct sim *s, uint8_t n, unsigned index)
{
        struct md *m = &s->node[n].md;
        struct md_io *io = &m->io[index];
        uint32_t bit = 1u << chunk_of(io->block);

        if (io->phase == MD_WAIT_CHUNK && (io->kind == MD_FLUSH || m->copying != (int)chunk_of(io->block)))
                io->phase = MD_WAIT_BITMAP;
        if (io->phase == MD_WAIT_BITMAP) {
                if (io->kind == MD_WRITE && !(m->super.bitmap & bit)) {
                        m->super.bitmap |= bit;
                        m->super_dirty = true;
                }
                if (io->kind == MD_FLUSH || (m->bitmap_on_disk & bit))
                        issue(s, n, index);
        }
        if (io->phase == MD_WAIT_SUPER && !(io->degraded && (m->super_dirty || m->super_writing)))
                complete(s, n, io);
}

/* -- recovery ------------------------------------------------------------------------------------------------------------------- */

static bool chunk_busy(const struct md *m, int chunk)
{
        for (unsigned i = 0; i < m->ios; i++)
                if (m->io[i].used && m->io[i].kind == MD_WRITE && (int)chunk_of(m->io[i].block) == chunk && m->io[i].phase > MD_WAIT_CHUNK)
                        return true;
        return false;
}

static void copy_chunk(struct sim *s, uint8_t n, uint64_t chunk, uint64_t recovery)
{
        struct md *m = &s->node[n].md;

        if (!m->running || m->recovery != recovery || m->copying != (int)chunk || m->copies > 0)
                return;
        if (s->node[n].disk.failed) /* nothing can be read: this recovery never ends */
                return;
        if (chunk_busy(m, (int)chunk)) {
                sim_after(s, 5 * MS, n, LIFE_MACHINE, copy_chunk, chunk, recovery);
                return;
        }
        rules_resync(s, n);
        for (unsigned b = (unsigned)chunk * CHUNK_BLOCKS; b < ((unsigned)chunk + 1) * CHUNK_BLOCKS; b++) {
                m->copies++;
                nbdc_submit(s, n, IO_WRITE, b, s->node[n].disk.block[b].now, NULL, tag_of(TAG_COPY, m->recovery, 0));
        }
}

static void recover(struct sim *s, uint8_t n)
{
        struct md *m = &s->node[n].md;

        if (m->super.slot[other(n)] != SLOT_RECOVERING || m->super_dirty || m->super_writing)
                return;
        if (m->copying >= 0 || m->frozen)
                return;
        for (int chunk = 0; chunk < CHUNKS; chunk++)
                if (m->recover & 1u << chunk) {
                        m->copying = (int8_t)chunk;
                        m->copies = 0;
                        sim_after(s, sim_between(s, 5 * MS, 60 * MS) + m->rest_us, n, LIFE_MACHINE, copy_chunk, (uint64_t)chunk, m->recovery);
                        return;
                }
        trace(s, n, "md: recovery is done", 0, 0);
        if (s->trap_join && n == s->disk_victim && !s->healed) {
                s->trap_join = false;
                sim_after(s, sim_random(s, sim_chance(s, 50) ? 2 * MS : 60 * MS), n, LIFE_MACHINE, fault_own_disk, 0, 0);
        }
        if (m->whole)
                s->member[other(n)] = s->node[other(n)].disk.leg;
        m->super.half = m->whole = false;
        change_slot(s, n, other(n), SLOT_ACTIVE);
}

/* Moves everything on as far as it goes. */
static void kick(struct sim *s, uint8_t n)
{
        struct md *m = &s->node[n].md;

        if (!m->running)
                return;
        while (m->ios > 0 && !m->io[m->ios - 1].used)
                m->ios--;
        for (unsigned i = 0; i < m->ios && m->running; i++)
                if (m->io[i].used)
                        advance(s, n, i);
        recover(s, n);
        if (m->super_dirty && !m->super_writing)
                write_super(s, n);
        if (m->stopping && md_super_settled(s, n)) {
                md_stop(s, n);
                trace(s, n, "md: a stop that was given up came to its end", 0, 0);
        }
}

static uint64_t submit(struct sim *s, uint8_t n, enum md_kind kind, unsigned block, uint64_t order, bool for_act)
{
        struct md *m = &s->node[n].md;

        for (unsigned i = 0; i < REQUESTS_MAX; i++)
                if (!m->io[i].used) {
                        uint64_t number = ++m->next_number;
                        if (i >= m->ios)
                                m->ios = i + 1;
                        m->io[i] = (struct md_io){.used = true, .kind = (uint8_t)kind, .phase = MD_WAIT_CHUNK, .block = (uint8_t)block,
                                                  .order = order, .number = number, .for_act = for_act, .submitted_us = s->now_us};
                        kick(s, n);
                        return number;
                }
        assert(!"too many requests in md");
        return 0;
}

uint64_t md_write(struct sim *s, uint8_t n, unsigned block, uint64_t order)
{
        return submit(s, n, MD_WRITE, block, order, false);
}

uint64_t md_flush(struct sim *s, uint8_t n, bool for_act)
{
        return submit(s, n, MD_FLUSH, 0, 0, for_act);
}

/* -- what hamon-act does with it ------------------------------------------------------------------------------------------------ */

static void run(struct sim *s, uint8_t n, uint64_t epoch, const struct super *super, bool both)
{
        struct md *m = &s->node[n].md;
        uint64_t number = m->next_number, super_number = m->super_number, recovery = m->recovery;

        memset(m, 0, sizeof *m);
        m->running = true;
        m->epoch = epoch;
        m->super = *super;
        m->super.clean = false;
        m->copying = -1;
        m->next_number = number;
        m->super_number = super_number;
        m->recovery = recovery + 1;
        if (both) {
                m->super.events++;
                m->super_dirty = true;
        } else {
                change_slot(s, n, other(n), SLOT_FAULTY);
        }
        kick(s, n);
}

void md_create(struct sim *s, uint8_t n, uint64_t epoch)
{
        struct super super = {.exists = true, .array = sim_random(s, 0) | 1, .events = 1};
        super.slot[n] = SLOT_ACTIVE;
        run(s, n, epoch, &super, false);
}

/* The own leg alone, degraded: the dirty bits of the disk are not taken over. */
bool md_assemble(struct sim *s, uint8_t n, uint64_t epoch)
{
        struct super super = s->node[n].disk.super;

        if (!super.exists || super.slot[n] != SLOT_ACTIVE)
                return false;
        super.bitmap = 0;
        run(s, n, epoch, &super, false);
        return true;
}

/*
 * Both legs together. The superblock of the leg with more events counts, of slot 0 when they are the same; that leg is the source of what the
 * bitmaps call dirty, whichever of the two holds the newer data.
 */
bool md_assemble_both(struct sim *s, uint8_t n, uint64_t epoch)
{
        struct disk *d[NODES] = {&s->node[0].disk, &s->node[1].disk};
        uint8_t source = d[1]->super.events > d[0]->super.events;
        struct super super = d[source]->super;
        uint32_t dirty = d[0]->super.bitmap | d[1]->super.bitmap;
        struct md *m = &s->node[n].md;

        if (!super.exists || super.slot[n] != SLOT_ACTIVE)
                return false;
        super.bitmap = 0;
        run(s, n, epoch, &super, super.slot[other(n)] == SLOT_ACTIVE);
        for (unsigned b = 0; m->super.slot[other(n)] == SLOT_ACTIVE && b < BLOCKS; b++)
                if (dirty & 1u << chunk_of(b))
                        d[1 - source]->block[b] = d[source]->block[b];
        return true;
}

/* The last superblock before a stop in order: every bit is cleared while the array is complete. */
void md_mark_clean(struct sim *s, uint8_t n)
{
        struct md *m = &s->node[n].md;

        m->super.clean = true;
        if (m->super.slot[0] == SLOT_ACTIVE && m->super.slot[1] == SLOT_ACTIVE) {
                m->super.bitmap = m->bitmap_on_disk = 0;
                m->super.events_cleared = m->super.events;
        }
        m->super.events++;
        m->super_dirty = true;
        kick(s, n);
}

void md_set_bits(struct sim *s, uint8_t n, uint32_t bits)
{
        struct md *m = &s->node[n].md;

        if (bits & ~m->super.bitmap) {
                m->super.bitmap |= bits;
                m->super_dirty = true;
        }
        kick(s, n);
}

bool md_super_settled(const struct sim *s, uint8_t n)
{
        return !s->node[n].md.super_dirty && !s->node[n].md.super_writing;
}

bool md_knows(const struct sim *s, uint8_t n, const struct super *peer)
{
        const struct super *own = &s->node[n].md.super;
        return peer->exists && !peer->half && peer->array == own->array && peer->events >= own->events_cleared;
}

static void start_recovery(struct sim *s, uint8_t n, uint32_t chunks, bool whole)
{
        struct md *m = &s->node[n].md;

        m->recovery++;
        m->whole = whole;
        m->super.half = whole;
        m->recover = chunks;
        m->copying = -1;
        m->copies = 0;
        change_slot(s, n, other(n), SLOT_RECOVERING);
        trace(s, n, "md: recovery of chunks %llx begins", chunks, 0);
        kick(s, n);
}

void md_welcome_blank(struct sim *s, uint8_t n)
{
        struct disk *d = &s->node[other(n)].disk;

        d->super = (struct super){.exists = true, .array = s->node[n].md.super.array, .events = s->node[n].md.super.events, .slot = {SLOT_ACTIVE, SLOT_ACTIVE}};
        d->blank = false;
        s->member[other(n)] = d->leg;
        s->welcomed++;
        trace(s, n, "md: the blank leg of node %llu is a member", other(n), 0);
}

bool md_re_add(struct sim *s, uint8_t n)
{
        if (!md_knows(s, n, &s->node[other(n)].disk.super))
                return false;
        start_recovery(s, n, s->node[n].md.super.bitmap, false);
        return true;
}

void md_add_whole(struct sim *s, uint8_t n)
{
        s->node[other(n)].disk.blank = false; /* the superblock of a spare is the first that is written */
        start_recovery(s, n, ALL_CHUNKS, true);
}

void md_fail_peer(struct sim *s, uint8_t n)
{
        fail_leg(s, n, other(n));
        kick(s, n);
}

void md_remove_peer(struct sim *s, uint8_t n)
{
        struct md *m = &s->node[n].md;
        if (m->super.slot[other(n)] != SLOT_FAULTY && m->super.slot[other(n)] != SLOT_EMPTY)
                violation(s, n, "model: a leg that is not failed was removed", 0, 0);
        m->copies = 0;
}

void md_stop(struct sim *s, uint8_t n)
{
        s->node[n].md.running = s->node[n].md.stopping = false;
        memset(s->node[n].md.io, 0, sizeof s->node[n].md.io);
        s->node[n].md.ios = 0;
}

/* md's daemon: bits of chunks without writes are cleared while the array is complete; events_cleared follows. */
void md_clear_bits(struct sim *s, uint8_t n)
{
        struct md *m = &s->node[n].md;

        if (!m->running || m->super.slot[0] != SLOT_ACTIVE || m->super.slot[1] != SLOT_ACTIVE || !md_super_settled(s, n))
                return;
        for (int chunk = 0; chunk < CHUNKS; chunk++)
                if ((m->super.bitmap & ~m->needed & 1u << chunk) && !chunk_busy(m, chunk)) {
                        m->super.bitmap &= ~(1u << chunk);
                        m->bitmap_on_disk &= ~(1u << chunk);
                        m->super.events_cleared = m->super.events;
                        m->super_dirty = true;
                }
        kick(s, n);
}
