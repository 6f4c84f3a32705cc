/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Golden scenarios (tests/scenario/README): lines "> ..." are what happens, the lines below each are what the core does about it. Runs
 * every file and compares byte for byte; SCENARIO_UPDATE=1 writes the files anew, for review with git diff.
 */
#include "tests/unit/core/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

#define FOLDER "tests/scenario/"

enum { SCENARIOS_MIN = 60, TEXT_MAX = 64 * 1024, WORDS_MAX = 4 };

static struct world w;

static uint8_t voter_of(const char *word)
{
        const char *at = word[0] && !word[1] ? strchr("ABW", word[0]) : NULL;

        if (!at)
                fail_msg("not a voter: '%s'", word);
        return (uint8_t)(at - "ABW");
}

static enum effect_type effect_of(const char *word)
{
        int type = effect_by_word(word);

        if (type < 0)
                fail_msg("not an effect: '%s'", word);
        return (enum effect_type)type;
}

static enum command_type command_of(const char *word)
{
        static const char *const words[] = {"create", "join", "switchover", "start-alone", "confirm-dead", "leave"};

        for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
                if (strcmp(word, words[i]) == 0)
                        return (enum command_type)i;
        fail_msg("not a command: '%s'", word);
        return COMMAND_TYPES;
}

static void say_status(void)
{
        for (uint8_t n = 0; n < NODES; n++) {
                struct mirror_view v;
                if (!w.machine[n].up) {
                        fprintf(w.trace, "     = %c is down\n", "AB"[n]);
                        continue;
                }
                core_view_mirror(&w.core[n], M, w.now_ms, &v);
                fprintf(w.trace, "     = %c %s, leg %s, service %s%s: %s; if the peer fails: %s, if it fails: %s\n", "AB"[n], v.role_word, v.leg_word,
                        v.service_word, world_serves(&w, n) ? " with its address" : "", reason_code(v.reason), reason_code(v.if_peer_fails),
                        reason_code(v.if_self_fails));
        }
        const struct record *r = world_record(&w);
        fprintf(w.trace, "     = record version %llu epoch %llu primary %c in sync%s%s\n", (unsigned long long)r->version,
                (unsigned long long)r->epoch, r->primary < NODES ? "AB"[r->primary] : '-', r->legs[A].in_sync ? " A" : "",
                r->legs[B].in_sync ? " B" : "");
}

static void write_once(void)
{
        uint64_t before = w.acknowledged;

        world_write(&w);
        fprintf(w.trace, "     = a write %s\n", w.acknowledged > before ? "is acknowledged" : "waits");
}

/* -- what may happen: words[1] and on are the arguments ----------------------------------------------------------------------------- */

static uint64_t ticket;

static struct machine *machine_of(char *words[])
{
        return &w.machine[voter_of(words[1])];
}

static void redundant(char *words[])
{
        FILE *trace = w.trace;

        (void)words;
        w.trace = NULL;
        world_make_redundant(&w);
        w.trace = trace;
        w.trace_zero_ms = w.now_ms;
}

static void run_on(char *words[])
{
        world_run(&w, strtoull(words[1], NULL, 10));
}

static void write_now(char *words[])
{
        (void)words;
        write_once();
}

static void status(char *words[])
{
        (void)words;
        say_status();
}

static void power_off(char *words[])
{
        if (machine_of(words)->up)
                world_power_off(&w, voter_of(words[1]));
}

static void power_on(char *words[])
{
        if (!machine_of(words)->up)
                world_power_on(&w, voter_of(words[1]));
}

static void restart_hamon(char *words[])
{
        world_restart_hamon(&w, voter_of(words[1]));
}

static void stop_act(char *words[])
{
        world_act(&w, voter_of(words[1]), false);
}

static void start_act(char *words[])
{
        world_act(&w, voter_of(words[1]), true);
}

static void cut(char *words[])
{
        world_cut(&w, voter_of(words[1]), voter_of(words[2]), true);
}

static void mend(char *words[])
{
        world_cut(&w, voter_of(words[1]), voter_of(words[2]), false);
}

static void cut_one_way(char *words[])
{
        w.cut[voter_of(words[1])][voter_of(words[2])] = true;
}

static void mend_one_way(char *words[])
{
        w.cut[voter_of(words[1])][voter_of(words[2])] = false;
}

static void isolate(char *words[])
{
        world_isolate(&w, voter_of(words[1]), true);
}

static void reconnect(char *words[])
{
        world_isolate(&w, voter_of(words[1]), false);
}

static void freeze(char *words[])
{
        machine_of(words)->frozen = true;
}

static void thaw(char *words[])
{
        machine_of(words)->frozen = false;
}

static void stop_nbdd(char *words[])
{
        machine_of(words)->nbdd_dead = true;
}

static void start_nbdd(char *words[])
{
        machine_of(words)->nbdd_dead = false;
}

/* nbdd holds its replies and closes the session: 3.4. */
static void export_fails(char *words[])
{
        machine_of(words)->granted = false;
}

static void own_disk_fails(char *words[])
{
        machine_of(words)->own_failed = true;
        machine_of(words)->own_in_sync = false;
}

static void own_disk_hangs(char *words[])
{
        machine_of(words)->own_stuck_ms = w.now_ms;
}

static void own_disk_fails_flushes(char *words[])
{
        machine_of(words)->own_unsafe = true;
}

/* A blank disk, as after an exchange; the machine is off. */
static void new_disk(char *words[])
{
        machine_of(words)->disk = (struct disk){.data = 0};
}

static void calls_peer_failed(char *words[])
{
        machine_of(words)->disk.calls_peer_failed = true;
}

/* The voter's state file is gone; its hamon starts anew. */
static void forget(char *words[])
{
        machine_of(words)->durable = (struct core_durable){.known = {false}};
        world_restart_hamon(&w, voter_of(words[1]));
}

static struct core_durable snapshot;

static void take_snapshot(char *words[])
{
        snapshot = machine_of(words)->durable;
}

static void restore_snapshot(char *words[])
{
        machine_of(words)->durable = snapshot;
        world_restart_hamon(&w, voter_of(words[1]));
}

static void hold(char *words[])
{
        machine_of(words)->hold = effect_of(words[2]);
}

static void release(char *words[])
{
        machine_of(words)->hold = EFFECT_TYPES;
}

static void fails(char *words[])
{
        machine_of(words)->fail = effect_of(words[2]);
        machine_of(words)->error = -EIO;
}

static void works(char *words[])
{
        machine_of(words)->fail = EFFECT_TYPES;
}

static void service_breaks(char *words[])
{
        machine_of(words)->service_broken = true;
}

static void service_mended(char *words[])
{
        machine_of(words)->service_broken = false;
}

static void command(char *words[])
{
        world_command(&w, voter_of(words[1]), command_of(words[2]), words[3][0] == 'c', ticket);
}

static const struct {
        const char *word;
        void (*happen)(char *words[]);
} verbs[] = {
    {"redundant", redundant},
    {"run", run_on},
    {"write", write_now},
    {"status", status},
    {"power-off", power_off},
    {"power-on", power_on},
    {"restart-hamon", restart_hamon},
    {"stop-hamon-act", stop_act},
    {"start-hamon-act", start_act},
    {"cut", cut},
    {"mend", mend},
    {"cut-one-way", cut_one_way},
    {"mend-one-way", mend_one_way},
    {"isolate", isolate},
    {"reconnect", reconnect},
    {"freeze", freeze},
    {"thaw", thaw},
    {"stop-nbdd", stop_nbdd},
    {"start-nbdd", start_nbdd},
    {"export-fails", export_fails},
    {"own-disk-fails", own_disk_fails},
    {"own-disk-hangs", own_disk_hangs},
    {"own-disk-fails-flushes", own_disk_fails_flushes},
    {"new-disk", new_disk},
    {"calls-peer-failed", calls_peer_failed},
    {"forget", forget},
    {"take-snapshot", take_snapshot},
    {"restore-snapshot", restore_snapshot},
    {"hold", hold},
    {"release", release},
    {"fails", fails},
    {"works", works},
    {"service-breaks", service_breaks},
    {"service-mended", service_mended},
    {"command", command},
};

static void happen(char *words[])
{
        for (unsigned i = 0; i < sizeof verbs / sizeof *verbs; i++)
                if (strcmp(words[0], verbs[i].word) == 0) {
                        verbs[i].happen(words);
                        return;
                }
        fail_msg("what is '%s'?", words[0]);
}

static void play(const char *script, FILE *out)
{
        char *copy = strdup(script), *rest = copy, *line;

        ticket = 10;
        world_init(&w);
        w.trace = out;
        w.trace_zero_ms = w.now_ms;
        while ((line = strsep(&rest, "\n")) != NULL) {
                char *words[WORDS_MAX] = {"", "", "", ""}, *word;
                unsigned n = 0;

                if (line[0] == '#')
                        fprintf(out, "%s\n", line);
                if (line[0] != '>')
                        continue;
                fprintf(out, "%s\n", line);
                for (char *p = line + 2; n < WORDS_MAX && (word = strsep(&p, " ")) != NULL;)
                        words[n++] = word;
                happen(words);
                ticket++;
        }
        free(copy);
}

static bool run_file(const char *path)
{
        static char text[TEXT_MAX];
        char *got = NULL;
        size_t got_size = 0;
        FILE *f = fopen(path, "r"), *out = open_memstream(&got, &got_size);

        assert_non_null(f);
        assert_non_null(out);
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        fclose(f);
        play(text, out);
        fclose(out);
        bool same = strcmp(got, text) == 0;
        if (!same && getenv("SCENARIO_UPDATE")) {
                f = fopen(path, "w");
                assert_non_null(f);
                fputs(got, f);
                fclose(f);
                print_message("%s: written anew\n", path);
                same = true;
        } else if (!same) {
                size_t i = 0, start = 0;
                while (text[i] && text[i] == got[i])
                        if (text[i++] == '\n')
                                start = i;
                print_error("%s: differs\nexpected: %.100s\ngot:      %.100s\n", path, text + start, got + start);
        }
        free(got);
        return same;
}

static void every_scenario(void **state)
{
        DIR *d = opendir(FOLDER);
        unsigned files = 0, bad = 0;

        (void)state;
        assert_non_null(d); /* run from the top of the source */
        for (struct dirent *e; (e = readdir(d)) != NULL;) {
                char path[512];
                const char *end = strrchr(e->d_name, '.');
                if (!end || strcmp(end, ".txt") != 0)
                        continue;
                snprintf(path, sizeof path, FOLDER "%s", e->d_name);
                files++;
                bad += !run_file(path);
        }
        closedir(d);
        assert_true(files >= SCENARIOS_MIN);
        assert_int_equal(bad, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(every_scenario)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
