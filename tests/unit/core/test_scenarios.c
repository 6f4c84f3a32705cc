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

enum { TEXT_MAX = 64 * 1024, WORDS_MAX = 4 };

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

/* One input line, split into words. */
static void happen(char *words[WORDS_MAX], uint64_t ticket)
{
        const char *what = words[0], *x = words[1], *y = words[2];

        if (strcmp(what, "redundant") == 0) {
                FILE *trace = w.trace;
                w.trace = NULL;
                world_make_redundant(&w);
                w.trace = trace;
                w.trace_zero_ms = w.now_ms;
        } else if (strcmp(what, "run") == 0) {
                world_run(&w, strtoull(x, NULL, 10));
        } else if (strcmp(what, "write") == 0) {
                write_once();
        } else if (strcmp(what, "status") == 0) {
                say_status();
        } else if (strcmp(what, "power-off") == 0) {
                world_power_off(&w, voter_of(x));
        } else if (strcmp(what, "power-on") == 0) {
                world_power_on(&w, voter_of(x));
        } else if (strcmp(what, "restart-hamon") == 0) {
                world_restart_hamon(&w, voter_of(x));
        } else if (strcmp(what, "stop-hamon-act") == 0) {
                world_act(&w, voter_of(x), false);
        } else if (strcmp(what, "start-hamon-act") == 0) {
                world_act(&w, voter_of(x), true);
        } else if (strcmp(what, "cut") == 0) {
                world_cut(&w, voter_of(x), voter_of(y), true);
        } else if (strcmp(what, "mend") == 0) {
                world_cut(&w, voter_of(x), voter_of(y), false);
        } else if (strcmp(what, "isolate") == 0) {
                world_isolate(&w, voter_of(x), true);
        } else if (strcmp(what, "reconnect") == 0) {
                world_isolate(&w, voter_of(x), false);
        } else if (strcmp(what, "freeze") == 0 || strcmp(what, "thaw") == 0) {
                w.machine[voter_of(x)].frozen = what[0] == 'f';
        } else if (strcmp(what, "stop-nbdd") == 0 || strcmp(what, "start-nbdd") == 0) {
                w.machine[voter_of(x)].nbdd_dead = what[2] == 'o' && what[3] == 'p';
        } else if (strcmp(what, "own-disk-fails") == 0) {
                w.machine[voter_of(x)].own_failed = true;
                w.machine[voter_of(x)].own_in_sync = false;
        } else if (strcmp(what, "own-disk-fails-flushes") == 0) {
                w.machine[voter_of(x)].own_unsafe = true;
        } else if (strcmp(what, "own-disk-hangs") == 0) {
                w.machine[voter_of(x)].own_stuck_ms = w.now_ms;
        } else if (strcmp(what, "fails") == 0) {
                w.machine[voter_of(x)].fail = effect_of(y);
                w.machine[voter_of(x)].error = -EIO;
        } else if (strcmp(what, "works") == 0) {
                w.machine[voter_of(x)].fail = EFFECT_TYPES;
        } else if (strcmp(what, "command") == 0) {
                world_command(&w, voter_of(x), command_of(y), words[3][0] == 'c', ticket);
        } else {
                fail_msg("what is '%s'?", what);
        }
}

static void play(const char *script, FILE *out)
{
        uint64_t ticket = 10;
        char *copy = strdup(script), *rest = copy, *line;

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
                happen(words, ticket++);
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
        assert_true(files > 0);
        assert_int_equal(bad, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(every_scenario)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
