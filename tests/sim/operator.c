/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The person, who looks now and then. */
#include "tests/sim/sim.h"

static enum reason shown_reason(const struct sim *s, uint8_t n)
{
        struct mirror_view v;
        core_view_mirror(&s->node[n].hamon.core, 0, clock_ms(s, n), &v);
        return v.reason;
}

/*
 * A person who looks now and then: makes a leg on a new disk, and lets a node start alone that waits for a leg which no longer exists
 * (its own disk did not fail: the person knows that it holds everything).
 */
/*
 * Manual: the person looks whether the silent node is off, and says so - now and then wrongly, of one that is only cut off. Never on both nodes:
 * nothing could then tell which of them has the newer data.
 */
static void give_word(struct sim *s, uint8_t n)
{
        uint8_t o = (uint8_t)(1 - n);
        bool silent = !detector_is_alive(&s->node[n].hamon.core, o) && s->node[n].hamon.core.detector.voter[o].state == DETECTOR_DEAD;
        bool off = !s->node[o].life[LIFE_MACHINE].up;

        if (!s->manual || !silent || (s->word_of != NO_NODE && s->word_of != n) || (!off && sim_chance(s, 50)))
                return;
        s->word_of = n;
        hamon_command(s, n, COMMAND_CONFIRM_DEAD);
}

void fault_operator(struct sim *s, uint8_t unused_node, uint64_t a, uint64_t b)
{
        (void)unused_node;
        if (check_redundant(s))
                s->word_of = NO_NODE;
        if (s->decided.version == 0 && life_runs(s, 0, LIFE_HAMON) && !s->node[0].disk.failed)
                hamon_command(s, 0, COMMAND_CREATE);
        for (uint8_t n = 0; n < NODES; n++) {
                const struct disk *o = &s->node[1 - n].disk;
                bool gone = o->failed || !uuid_equal(&o->leg, &s->decided.legs[1 - n].uuid);
                if (!life_runs(s, n, LIFE_HAMON) || s->node[n].disk.failed)
                        continue;
                if ((!s->node[n].disk.header || shown_reason(s, n) == REASON_NO_LEG) && s->decided.primary != n)
                        hamon_command(s, n, COMMAND_JOIN);
                else if (gone && s->decided.legs[n].in_sync && shown_reason(s, n) == REASON_WAITING_FOR_PEER)
                        hamon_command(s, n, COMMAND_START_ALONE);
                else
                        give_word(s, n);
        }
        sim_after(s, 5 * SECOND, 0, LIFE_WORLD, fault_operator, a, b);
}

/* -- maintenance (make sim MAINTENANCE=1): somebody who does not look at what goes on around him ------------------------------------ */

static void say_maintenance(struct sim *s, uint8_t unused_node, uint64_t unused_a, uint64_t unused_b)
{
        uint8_t n = (uint8_t)sim_random(s, NODES);

        (void)unused_node, (void)unused_a, (void)unused_b;
        if (life_runs(s, n, LIFE_HAMON))
                hamon_maintain(s, n, sim_chance(s, 30) ? 0 : sim_between(s, 1, 10));
}

void fault_maintain(struct sim *s, uint64_t from_us, uint64_t to_us)
{
        for (uint64_t left = sim_between(s, 1, 3); left > 0; left--)
                sim_after(s, sim_between(s, from_us, to_us) - s->now_us, 0, LIFE_WORLD, say_maintenance, 0, 0);
}
