/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim [--seed N] [--schedules N] [--seconds N] [--failures N] [--single] [--maintenance] [--story] [--coverage ALLOW]
 * sim --pauses [--seed N] [--schedules N]
 * sim --scenario [--seed N]: the faults of that seed as a golden scenario
 *
 * Runs that many schedules from that seed on (or until the time is over), each with a few random faults, and checks the promises. The
 * first broken one prints its story and the command that replays it (--failures: goes on and lists that many); exit status 1. --single: one
 * fault in each schedule, and P7's limit of the pause. --coverage: fails when a row, rule or pair of faults was never reached that the file
 * ALLOW does not give a reason for. --pauses: one fault of each kind at a time, and how long no write was acknowledged.
 */
#include "tests/sim/cover.h"
#include "tests/sim/schedule.h"
#include "tests/sim/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
        uint64_t seed, schedules, seconds, failures;
        bool story, pauses, single, scenario, maintenance;
        const char *coverage;
};

/* Over all schedules of this run. */
struct totals {
        uint64_t done, failed, lost; /* lost: schedules that left no complete leg, within the limits that P1 names */
        uint64_t steps, messages, events, events_least, faults, faults_least, writes, handed, welcomed;
        uint64_t worst_gap_us, worst_seed; /* longest time without an acknowledgement */
};

static struct sim prepared, prepared_manual, prepared_blank, run;

enum { BLANK_EACH = 33, MANUAL_EACH = 4 }; /* every fourth schedule is of a cluster without a witness */

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

static void parse(int argc, char **argv, struct options *o)
{
        const struct {
                const char *word;
                uint64_t *value;
        } numbers[] = {{"--seed", &o->seed}, {"--schedules", &o->schedules}, {"--seconds", &o->seconds}, {"--failures", &o->failures}};
        const struct {
                const char *word;
                bool *value;
        } flags[] = {{"--story", &o->story}, {"--pauses", &o->pauses}, {"--single", &o->single}, {"--maintenance", &o->maintenance}, {"--scenario", &o->scenario}};

        for (int i = 1; i < argc; i++) {
                bool known = false;
                for (unsigned f = 0; f < sizeof flags / sizeof *flags && !known; f++)
                        if ((known = strcmp(argv[i], flags[f].word) == 0))
                                *flags[f].value = true;
                for (unsigned f = 0; f < sizeof numbers / sizeof *numbers && !known; f++)
                        if ((known = strcmp(argv[i], numbers[f].word) == 0)) {
                                *numbers[f].value = number(argv[i], argv[i + 1]);
                                i++;
                        }
                if (!known && strcmp(argv[i], "--coverage") == 0 && i + 1 < argc) {
                        o->coverage = argv[++i];
                        known = true;
                }
                if (!known) {
                        fprintf(stderr, "usage: sim [--seed N] [--schedules N] [--seconds N] [--failures N] [--single] [--maintenance] [--story] [--pauses] [--scenario] "
                                        "[--coverage ALLOW]\n");
                        exit(2);
                }
        }
}

static double seconds_since(const struct timespec *start)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
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
        printf("longest time without an acknowledged write, %" PRIu64 " runs each\n%-75s %8s %8s\n", schedules, "fault", "median", "worst");
        for (unsigned kind = 0; kind < fault_kinds(); kind++) {
                unsigned n = 0;
                for (uint64_t i = 0; i < schedules; i++) {
                        schedule_run_pause(&run, &prepared, seed + i, kind);
                        broken += run.violation != NULL;
                        pause_us[n++] = run.gap_us;
                }
                qsort(pause_us, n, sizeof pause_us[0], by_size);
                printf("%-75s %6.1f s %6.1f s\n", fault_text(kind), n ? (double)pause_us[n / 2] / SECOND : 0, n ? (double)pause_us[n - 1] / SECOND : 0);
        }
        return broken ? 1 : 0;
}

static void add(struct totals *t, uint64_t seed)
{
        t->steps += run.steps;
        t->messages += run.messages;
        t->events += run.delivered;
        t->faults += run.faults;
        t->writes += run.ledger.count;
        t->handed += run.handed;
        t->welcomed += run.welcomed;
        if (!t->done || run.delivered < t->events_least)
                t->events_least = run.delivered;
        if (!t->done || run.faults < t->faults_least)
                t->faults_least = run.faults;
        if (run.faults == 1 && run.gap_us > t->worst_gap_us) {
                t->worst_gap_us = run.gap_us;
                t->worst_seed = seed;
        }
        t->done++;
}

static void print_failure(const struct options *o, uint64_t seed)
{
        if (!o->story)
                story_print(&run);
        story_state(&run);
        printf("FAIL: seed %" PRIu64 " at ", seed);
        story_violation(&run);
        printf("replay: make sim SEED=%" PRIu64 " SCHEDULES=1%s%s\n", seed, o->single ? " SINGLE=1" : "", o->maintenance ? " MAINTENANCE=1" : "");
}

static void print_totals(const struct totals *t, const struct options *o, double seconds)
{
        double n = t->done ? (double)t->done : 1;

        printf("%s: %" PRIu64 " schedules from seed %" PRIu64 " in %.1f s (%.0f/s), %" PRIu64 " failed; each: %.1f faults (at least %" PRIu64 "), %.0f "
               "delivered events (at least %" PRIu64 "), %.0f messages, %.0f steps, %.0f acknowledged writes; %" PRIu64 " hand-overs, %" PRIu64 " blank legs taken, %" PRIu64 " without a complete leg",
               t->failed ? "FAIL" : "OK", t->done, o->seed, seconds, seconds > 0 ? n / seconds : 0, t->failed, (double)t->faults / n, t->faults_least,
               (double)t->events / n, t->events_least, (double)t->messages / n, (double)t->steps / n, (double)t->writes / n, t->handed, t->welcomed, t->lost);
        if (o->single)
                printf("; longest pause %.1f s (seed %" PRIu64 ")", (double)t->worst_gap_us / SECOND, t->worst_seed);
        putchar('\n');
}

int main(int argc, char **argv)
{
        struct options o = {.seed = 1, .schedules = 200};
        struct totals t = {.done = 0};
        struct timespec start;

        parse(argc, argv, &o);
        clock_gettime(CLOCK_MONOTONIC, &start);
        if (!schedule_prepare(&prepared, false, false) || !schedule_prepare(&prepared_blank, false, true)) {
                story_print(&prepared);
                printf("FAIL: the cluster was not created: %s\n", prepared.violation ? prepared.violation : "not redundant in time");
                return 1;
        }
        if (!schedule_prepare(&prepared_manual, true, false)) {
                story_print(&prepared_manual);
                printf("FAIL: the manual cluster was not created: %s\n", prepared_manual.violation ? prepared_manual.violation : "not redundant in time");
                return 1;
        }
        prepared.maintains = prepared_manual.maintains = prepared_blank.maintains = o.maintenance;
        if (o.pauses)
                return print_pauses(o.seed, o.schedules);
        if (o.story)
                story_print(&prepared);
        while (t.done < o.schedules && (!o.seconds || seconds_since(&start) < (double)o.seconds)) {
                uint64_t seed = o.seed + t.done;
                const struct sim *from = o.single ? &prepared : seed % BLANK_EACH == 0 ? &prepared_blank : seed % MANUAL_EACH == 0 ? &prepared_manual : &prepared;
                t.lost += !schedule_run(&run, from, seed, o.single);
                add(&t, seed);
                if (o.story) {
                        story_print(&run);
                        printf("seed %" PRIu64 ": trace hash %016" PRIx64 "\n", seed, run.hash);
                }
                if (o.scenario) {
                        script_print(&run, from->now_us, seed);
                        return 0;
                }
                if (!run.violation)
                        continue;
                t.failed++;
                if (!o.failures) {
                        print_failure(&o, seed);
                        return 1;
                }
                printf("seed %" PRIu64 ": ", seed);
                story_violation(&run);
                if (t.failed >= o.failures)
                        break;
        }
        unsigned missed = cover_print(o.coverage != NULL, o.coverage);
        print_totals(&t, &o, seconds_since(&start));
        return t.failed || (o.coverage && missed) ? 1 : 0;
}
