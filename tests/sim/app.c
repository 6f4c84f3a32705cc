/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The application on the service: writes blocks, flushes, and believes only what a flush acknowledged. */
#include "tests/sim/sim.h"

#include <string.h>

enum { OUTSTANDING_MAX = 4 };

void app_start(struct sim *s, uint8_t n, uint64_t epoch)
{
        struct app *a = &s->node[n].app;

        memset(a, 0, sizeof *a);
        a->running = true;
        a->epoch = epoch;
}

void app_stop(struct sim *s, uint8_t n)
{
        s->node[n].app.running = false;
}

void app_turn(struct sim *s, uint8_t n)
{
        struct app *a = &s->node[n].app;

        if (!a->running || s->quiet)
                return;
        if (a->rest-- == 0) { /* works on one chunk for a while, so that most of the bitmap is clean */
                a->hot = (unsigned)sim_random(s, CHUNKS);
                a->idle = !s->restless && sim_chance(s, 30);
                a->rest = (unsigned)sim_random(s, 100);
        }
        if (!a->idle && a->outstanding < OUTSTANDING_MAX && sim_chance(s, 50)) {
                unsigned block = a->hot * CHUNK_BLOCKS + (unsigned)sim_random(s, CHUNK_BLOCKS);
                if (!a->busy[block]) {
                        a->busy[block] = true;
                        a->outstanding++;
                        s->ledger.issued[block] = ++s->next_write;
                        md_write(s, n, block, s->next_write);
                }
        }
        if (!a->flushing && sim_chance(s, 15)) {
                a->flushing = true;
                memcpy(a->flush_covers, a->completed, sizeof a->flush_covers);
                md_flush(s, n, false);
        }
}

void app_write_done(struct sim *s, uint8_t n, unsigned block, uint64_t order, bool failed)
{
        struct app *a = &s->node[n].app;

        a->busy[block] = false;
        if (a->outstanding > 0)
                a->outstanding--;
        if (failed) {
                if (a->running)
                        trace(s, n, "the application got an I/O error and stops", 0, 0);
                if (a->running && !s->node[n].disk.failed && !s->node[n].disk.erred && s->node[n].md.super.slot[n] == SLOT_ACTIVE)
                        violation(s, n, "P4: an I/O error, though the own disk works (block %llu)", block, 0);
                a->running = false;
                return;
        }
        check_completed(s, n, s->node[n].md.epoch, block, order);
        a->completed[block] = order;
}

/*
 * LIMITS, "a flush that the primary's own disk fails": md ignores that and tells the application that all is well. When no other leg took it, no disk of an in-sync
 * node survives that P1 speaks of.
 */
void app_flush_done(struct sim *s, uint8_t n, bool taken)
{
        struct app *a = &s->node[n].app;

        a->flushing = false;
        if (taken)
                check_flushed(s);
        for (unsigned b = 0; b < BLOCKS && taken; b++)
                if (a->flush_covers[b] > s->ledger.acknowledged[b]) {
                        check_acknowledged(s, n, b, a->flush_covers[b]);
                        s->ledger.acknowledged[b] = a->flush_covers[b];
                        s->ledger.count++;
                }
}
