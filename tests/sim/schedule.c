/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/sim/schedule.h"

#include "tests/sim/sim.h"

#include <string.h>

enum {
        CREATION_LIMIT_US = 60 * SECOND,
        LIVENESS_LIMIT_US = 240 * SECOND,
        SINGLE_FAULT_LIMIT_US = 12 * SECOND, /* two time-outs of a leg and a take-over */
        CRAWLING_LIMIT_US = 25 * SECOND, /* bit, data and flush of a write just below leg_timeout each, and then one that hangs (R8d) */
        PAUSE_SPAN_US = 40 * SECOND,
};

static bool run_until(struct sim *s, uint64_t until_us, bool (*reached)(const struct sim *s))
{
        while (!s->violation) {
                if (reached && reached(s))
                        return true;
                if (!sim_step(s, until_us))
                        break;
        }
        return reached && reached(s);
}

static bool is_serving(const struct sim *s)
{
        return s->node[0].app.running && s->decided.version > 0;
}

/* Create on one node, join on the other, wait until it is redundant. */
bool schedule_prepare(struct sim *s, bool manual, bool blank)
{
        memset(s, 0, sizeof *s);
        s->manual = manual;
        s->word_of = NO_NODE;
        s->random = 1;
        s->delay_max_us = 2 * MS;
        s->now_us = SECOND;
        s->decided.primary = s->aim = NO_NODE;
        for (uint8_t n = 0; n < (manual ? NODES : VOTERS); n++)
                machine_on(s, n);
        run_until(s, s->now_us + 5 * SECOND, NULL);
        if (blank)
                return true;
        hamon_command(s, 0, COMMAND_CREATE);
        if (!run_until(s, s->now_us + CREATION_LIMIT_US, is_serving))
                return false;
        hamon_command(s, 1, COMMAND_JOIN);
        return run_until(s, s->now_us + CREATION_LIMIT_US, check_redundant);
}

static bool is_at_rest(const struct sim *s)
{
        for (uint8_t n = 0; n < NODES; n++) {
                if (s->node[n].app.outstanding > 0 || s->node[n].app.flushing || nbdc_outstanding(s, n) > 0)
                        return false;
                if (s->node[n].md.running && !md_super_settled(s, n))
                        return false;
                for (unsigned i = 0; s->node[n].md.running && i < REQUESTS_MAX; i++)
                        if (s->node[n].md.io[i].used)
                                return false; /* of an application that was stopped and started again since */
        }
        return true;
}

static void begin(struct sim *s, const struct sim *prepared, uint64_t seed)
{
        sim_copy(s, prepared);
        s->random = s->hash = seed;
        s->steps = s->messages = s->delivered = 0;
        s->ledger.count = 0;
        s->gap_us = 0;
        s->moved = false;
        s->progress_us = s->now_us;
        s->snapshot = s->node[WITNESS].hamon.file;
        s->disk_victim = (uint8_t)sim_random(s, NODES);
}

static void run_enough(struct sim *s)
{
        while (!s->violation && s->delivered < SCHEDULE_EVENTS_MIN)
                run_until(s, s->now_us + SECOND, NULL);
}

bool schedule_run(struct sim *s, const struct sim *prepared, uint64_t seed, bool single)
{
        begin(s, prepared, seed);
        fault_operator(s, 0, 0, 0);
        /* Most are short, so that faults meet; some let each consequence run its course. Now and then a storm. */
        uint64_t span_us = sim_chance(s, 80) ? sim_between(s, 1500 * MS, 4 * SECOND) : sim_between(s, 5 * SECOND, 20 * SECOND);
        uint64_t faults = single ? 1 : sim_chance(s, 5) ? sim_between(s, 8, 20) : sim_between(s, SCHEDULE_FAULTS_MIN, 5);
        fault_schedule(s, s->now_us, s->now_us + span_us, (unsigned)faults);
        if (s->maintains)
                fault_maintain(s, s->now_us, s->now_us + span_us);
        run_until(s, s->now_us + span_us + (single ? 10 * SECOND : 2 * SECOND), NULL);
        if (s->violation)
                return true;
        if (!fault_heal(s)) {
                run_enough(s);
                return false;
        }
        run_until(s, s->now_us + LIVENESS_LIMIT_US, check_redundant);
        if (s->violation)
                return true;
        if (fault_waits_for_a_person(s))
                return false;
        if (!check_redundant(s))
                violation(s, NO_NODE, "P7: not redundant again after all faults have ceased", 0, 0);
        if (single && s->faults == 1 && s->gap_us > (s->crawled ? CRAWLING_LIMIT_US : SINGLE_FAULT_LIMIT_US))
                violation(s, NO_NODE, "P7: one fault, and no write was acknowledged for %llu ms", s->gap_us / MS, 0);
        run_enough(s);
        s->quiet = true; /* writes end: then the legs must be equal */
        if (run_until(s, s->now_us + 30 * SECOND, is_at_rest) && !s->violation && check_redundant(s))
                check_legs_equal(s);
        return true;
}

void schedule_run_pause(struct sim *s, const struct sim *prepared, uint64_t seed, unsigned kind)
{
        begin(s, prepared, seed);
        s->restless = true;
        fault_one(s, kind);
        run_until(s, s->now_us + PAUSE_SPAN_US, NULL);
        if (s->now_us - s->progress_us > s->gap_us)
                s->gap_us = s->now_us - s->progress_us;
}
