/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim [--seed N] [--schedules N] [--seconds N] [--failures N] [--story] [--coverage ALLOW]
 * sim --pauses [--seed N] [--schedules N]
 *
 * Runs that many schedules from that seed on (or until the time is over), each with a few random faults, and checks the promises. The
 * first broken one prints its story and the command that replays it (--failures: goes on and lists that many); exit status 1. --pauses: one fault
 * of each kind at a time, and how long no write was acknowledged. --coverage: fails when a row, rule or pair of faults was never reached that the
 * file ALLOW does not give a reason for.
 */
#include "tests/sim/cover.h"
#include "tests/sim/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CREATION_LIMIT_US = 60 * SECOND, LIVENESS_LIMIT_US = 240 * SECOND, SINGLE_FAULT_LIMIT_US = 20 * SECOND };

static struct sim prepared, run;
static uint64_t worst_gap_us, worst_seed; /* longest time without an acknowledgement around a single fault */
static uint64_t lost; /* schedules that left no complete leg, within the limits that P1 names */

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

/* A cluster made as a person makes it: create on one node, join on the other, wait until it is redundant. */
static bool prepare(struct sim *s)
{
        memset(s, 0, sizeof *s);
        s->random = 1;
        s->delay_max_us = 2 * MS;
        s->now_us = SECOND;
        s->decided.primary = NO_NODE;
        for (uint8_t n = 0; n < VOTERS; n++)
                machine_on(s, n);
        run_until(s, s->now_us + 5 * SECOND, NULL);
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
        }
        return true;
}

static void run_schedule(struct sim *s, uint64_t seed)
{
        memcpy(s, &prepared, sizeof *s);
        s->random = seed;
        s->hash = seed;
        s->traces = 0;
        s->steps = 0;
        s->gap_us = 0;
        s->progress_us = s->now_us;
        s->disk_victim = (uint8_t)sim_random(s, NODES);
        fault_operator(s, 0, 0, 0);
        uint64_t span_us = sim_between(s, 10 * SECOND, 40 * SECOND);
        unsigned faults = (unsigned)(sim_chance(s, 10) ? sim_between(s, 8, 25) : sim_between(s, 1, 6)); /* now and then a storm */
        fault_schedule(s, s->now_us, s->now_us + span_us, faults);
        run_until(s, s->now_us + span_us + 3 * SECOND, NULL);
        if (s->violation)
                return;
        if (!fault_heal(s)) {
                lost++;
                return;
        }
        run_until(s, s->now_us + LIVENESS_LIMIT_US, check_redundant);
        if (s->violation)
                return;
        if (!check_redundant(s))
                violation(s, NO_NODE, "P7: not redundant again after all faults have ceased", 0, 0);
        if (s->faults == 1 && s->gap_us > worst_gap_us) {
                worst_gap_us = s->gap_us;
                worst_seed = seed;
        }
        if (s->faults == 1 && s->gap_us > SINGLE_FAULT_LIMIT_US)
                violation(s, NO_NODE, "P7: one fault, and no write was acknowledged for %llu ms", s->gap_us / MS, 0);
        s->quiet = true; /* writes end: then the legs must be equal */
        if (run_until(s, s->now_us + 30 * SECOND, is_at_rest) && !s->violation && check_redundant(s))
                check_legs_equal(s);
}

static int by_size(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
        return (x > y) - (x < y);
}

enum { PAUSES_MAX = 2000 };

/* A table: for each kind of fault the median and the longest time without an acknowledgement. */
static int print_pauses(uint64_t seed, uint64_t schedules)
{
        static uint64_t pause_us[PAUSES_MAX];
        int broken = 0;

        if (schedules > PAUSES_MAX)
                schedules = PAUSES_MAX;
        printf("longest time without an acknowledged write, %" PRIu64 " runs each\n%-75s %8s %8s\n", schedules,
               "fault", "median", "worst");
        for (unsigned kind = 0; kind < fault_kinds(); kind++) {
                unsigned n = 0;
                for (uint64_t i = 0; i < schedules; i++) {
                        memcpy(&run, &prepared, sizeof run);
                        run.random = seed + i;
                        run.traces = 0;
                        run.progress_us = run.now_us;
                        run.restless = true;
                        run.gap_us = 0;
                        run.disk_victim = (uint8_t)sim_random(&run, NODES);
                        fault_one(&run, kind);
                        run_until(&run, run.now_us + 40 * SECOND, NULL);
                        if (run.now_us - run.progress_us > run.gap_us)
                                run.gap_us = run.now_us - run.progress_us;
                        broken += run.violation != NULL;
                        pause_us[n++] = run.gap_us;
                }
                qsort(pause_us, n, sizeof pause_us[0], by_size);
                printf("%-75s %6.1f s %6.1f s\n", fault_text(kind), n ? (double)pause_us[n / 2] / SECOND : 0, n ? (double)pause_us[n - 1] / SECOND : 0);
        }
        return broken ? 1 : 0;
}

static uint64_t number(const char *word, const char *text)
{
        char *end;
        errno = 0;
        uint64_t v = text ? strtoull(text, &end, 0) : 0;
        if (!text || errno || *end || end == text) {
                fprintf(stderr, "sim: %s needs a number\n", word);
                exit(2);
        }
        return v;
}

static double seconds_since(const struct timespec *start)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

int main(int argc, char **argv)
{
        uint64_t seed = 1, schedules = 200, seconds = 0, steps = 0, messages = 0, faults = 0, writes = 0, failed = 0, keep_going = 0;
        bool story = false, pauses = false;
        const char *coverage = NULL;
        struct timespec start;

        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--story") == 0)
                        story = true;
                else if (strcmp(argv[i], "--pauses") == 0)
                        pauses = true;
                else if (strcmp(argv[i], "--coverage") == 0 && i + 1 < argc)
                        coverage = argv[++i];
                else if (strcmp(argv[i], "--seed") == 0)
                        seed = number(argv[i], argv[i + 1]), i++;
                else if (strcmp(argv[i], "--schedules") == 0)
                        schedules = number(argv[i], argv[i + 1]), i++;
                else if (strcmp(argv[i], "--seconds") == 0)
                        seconds = number(argv[i], argv[i + 1]), i++;
                else if (strcmp(argv[i], "--failures") == 0)
                        keep_going = number(argv[i], argv[i + 1]), i++;
                else {
                        fprintf(stderr, "usage: sim [--seed N] [--schedules N] [--seconds N] [--failures N] [--story] [--pauses] [--coverage ALLOW]\n");
                        return 2;
                }
        }
        clock_gettime(CLOCK_MONOTONIC, &start);
        if (!prepare(&prepared)) {
                story_print(&prepared);
                printf("FAIL: the cluster was not created: %s\n", prepared.violation ? prepared.violation : "not redundant in time");
                return 1;
        }
        if (pauses)
                return print_pauses(seed, schedules);
        if (story)
                story_print(&prepared);
        uint64_t done = 0;
        for (; done < schedules && (!seconds || seconds_since(&start) < (double)seconds); done++) {
                run_schedule(&run, seed + done);
                steps += run.steps;
                messages += run.messages - prepared.messages;
                faults += run.faults;
                writes += run.ledger.count - prepared.ledger.count;
                if (story)
                        story_print(&run);
                if (story)
                        printf("seed %" PRIu64 ": trace hash %016" PRIx64 "\n", seed + done, run.hash);
                if (!run.violation)
                        continue;
                failed++;
                if (keep_going) {
                        printf("seed %" PRIu64 ": ", seed + done);
                        story_violation(&run);
                        if (failed >= keep_going)
                                break;
                        continue;
                }
                if (!story)
                        story_print(&run);
                story_state(&run);
                printf("FAIL: seed %" PRIu64 " at ", seed + done);
                story_violation(&run);
                printf("replay: make sim SEED=%" PRIu64 " SCHEDULES=1\n", seed + done);
                return 1;
        }
        double n = done ? (double)done : 1;
        unsigned missed = cover_print(coverage != NULL, coverage);
        printf("%s: %" PRIu64 " schedules from seed %" PRIu64 " in %.1f s, %" PRIu64 " failed; mean of each: %.1f faults, %.0f steps, %.0f messages, "
               "%.0f acknowledged writes; %" PRIu64 " without a complete leg; "
               "longest pause for a single fault %.1f s (seed %" PRIu64 ")\n",
               failed ? "FAIL" : "OK", done, seed, seconds_since(&start), failed, (double)faults / n, (double)steps / n, (double)messages / n,
               (double)writes / n, lost, (double)worst_gap_us / SECOND, worst_seed);
        return failed || (coverage && missed) ? 1 : 0;
}
