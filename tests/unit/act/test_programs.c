/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs of a service's configuration, run for real: what they get, what they leave behind, health check and hooks. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/health.h"
#include "hamon/act/hooks.h"
#include "hamon/act/program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[64];
static struct config config = {.cluster = "demo", .voters = {{.name = "node-a"}, {.name = "node-b"}}, .mirrors = 1, .mirror = {{.name = "data", .label = "data"}}};
static struct mirror mirror = {.config = &config, .cm = &config.mirror[0], .index = 0, .self = 0};

static int setup(void **state)
{
        (void)state;
        config.mirror[0].service = (struct config_service){.present = true, .hooks = {.timeout_ms = 10000}};
        mirror.promoted = false;
        strcpy(folder, "/tmp/hamon-programs-XXXXXX");
        return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
        char command[96];

        (void)state;
        snprintf(command, sizeof command, "rm -r %s", folder);
        return system(command);
}

/* A script of that name; ret is a command that calls it. */
static void script(const char *name, const char *text, const char *arguments, char ret[CONFIG_COMMAND_SIZE])
{
        char path[128];

        snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fprintf(f, "#!/bin/sh\n%s\n", text);
        fclose(f);
        assert_int_equal(chmod(path, 0755), 0);
        snprintf(ret, CONFIG_COMMAND_SIZE, "%s%s%s", path, *arguments ? " " : "", arguments);
}

static const char *content(const char *name)
{
        static char text[2048];
        char path[128];

        snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *f = fopen(path, "r");
        size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
        text[n] = '\0';
        if (f)
                fclose(f);
        return text;
}

static void what_a_program_gets(void **state)
{
        char command[CONFIG_COMMAND_SIZE];
        struct trouble t = {""};
        int status = -1;

        (void)state;
        strcpy(config.mirror[0].service.mount, "/srv/data");
        script("p", "cd $(dirname $0); env | grep HAMON_ | sort >env; echo \"$# $1 $2\" >arguments; cat /proc/self/oom_score_adj >oom; cat </dev/stdin >stdin", "one   two", command);
        assert_int_equal(program_run(&mirror, command, "health", 10000, &status, &t), 0);
        assert_int_equal(status, 0);
        assert_string_equal(content("env"), "HAMON_CALL=health\nHAMON_CLUSTER=demo\nHAMON_DEVICE=/dev/md100\nHAMON_MIRROR=data\nHAMON_MOUNT=/srv/data\nHAMON_NODE=node-a\nHAMON_PEER=node-b\n");
        assert_string_equal(content("arguments"), "2 one two\n");
        assert_string_equal(content("oom"), "0\n");
        assert_string_equal(content("stdin"), "");
}

static void how_it_ends_is_told(void **state)
{
        char command[CONFIG_COMMAND_SIZE];
        struct trouble t = {""};
        int status = -1;

        (void)state;
        script("p", "echo first; echo no route >&2; exit 7", "", command);
        assert_int_equal(program_run(&mirror, command, "health", 10000, &status, &t), -EIO);
        assert_int_equal(status, 7);
        assert_string_equal(t.text, "p failed with 7: no route");
        script("p", "kill -9 $$", "", command);
        assert_int_equal(program_run(&mirror, command, "health", 10000, &status, &t), -EIO);
        assert_int_equal(status, 128 + SIGKILL);
        assert_int_equal(program_run(&mirror, "/nowhere/p", "health", 10000, &status, &t), -ENOENT);
        assert_string_equal(t.text, "cannot run /nowhere/p: No such file or directory");
}

/* Waits until the process of that number is gone. */
static bool is_gone(int pid)
{
        for (int i = 0; i < 300; i++) {
                if (kill(pid, 0) < 0)
                        return true;
                (void)poll(NULL, 0, 10);
        }
        return false;
}

static void what_it_starts_ends_with_it(void **state)
{
        char command[CONFIG_COMMAND_SIZE];
        struct trouble t = {""};
        int status = 0;

        (void)state;
        script("p", "cd $(dirname $0); sleep 600 & echo $! >child; exit 0", "", command);
        assert_int_equal(program_run(&mirror, command, "health", 10000, &status, &t), 0); /* it does not wait for the pipe that the child holds */
        assert_true(is_gone(atoi(content("child"))));
        script("p", "cd $(dirname $0); sleep 600 & echo $! >child; trap '' TERM; sleep 600", "", command);
        assert_int_equal(program_run(&mirror, command, "health", 3000, &status, &t), -ETIMEDOUT);
        assert_int_equal(status, -1);
        assert_string_equal(t.text, "p did not end within 3000 ms and was killed");
        assert_true(is_gone(atoi(content("child"))));
}

/* Waits for at least so many failures, or for a check that is good; however slow this test is, it must not miss them. */
static struct health_seen until(struct health *h, unsigned failures)
{
        struct health_seen s;

        for (int i = 0; i < 1000; i++) {
                health_look(h, &s);
                if (s.checked && (failures ? s.failures >= failures : s.failures == 0))
                        return s;
                (void)poll(NULL, 0, 10);
        }
        fail_msg("checked %d, %u failures, unhealthy %d", s.checked, s.failures, s.unhealthy);
        return s;
}

static void failures_in_a_row_make_it_unhealthy(void **state)
{
        static atomic_bool running; /* the thread stays */
        struct config_health *c = &config.mirror[0].service.health;
        struct health *h = NULL;
        struct health_seen s;
        char ignored[CONFIG_COMMAND_SIZE];

        (void)state;
        script("check", "cd $(dirname $0); echo x >>count; [ -e good ] || { echo no answer; exit 4; }", "", c->command);
        script("good", "", "", ignored);
        c->interval_ms = 10;
        c->timeout_ms = 10000;
        c->retries = 3;
        assert_int_equal(health_start(&mirror, &running, &h), 0);
        (void)poll(NULL, 0, 500);
        assert_string_equal(content("count"), ""); /* not while the service is down */
        atomic_store(&running, true);
        s = until(h, 0);
        assert_int_equal(s.status, 0);
        assert_false(s.unhealthy);
        unlink(ignored);
        s = until(h, 1);
        assert_int_equal(s.status, 4);
        assert_int_equal(s.unhealthy, s.failures >= 3);
        s = until(h, 3);
        assert_true(s.unhealthy);
        assert_string_equal(s.detail, "check failed with 4: no answer");
        health_hold(h); /* it is started again: nothing is checked, nothing of before counts */
        script("good", "", "", ignored);
        health_let(h);
        health_look(h, &s);
        assert_false(s.unhealthy || s.failures);
        s = until(h, 0);
        atomic_store(&running, false);
        for (int i = 0; i < 500 && s.checked; i++, health_look(h, &s))
                (void)poll(NULL, 0, 10);
        assert_false(s.checked);
        c->command[0] = '\0';
        assert_int_equal(health_start(&mirror, &running, &h), 0);
        assert_null(h);
        health_hold(h);
        health_let(h);
        health_look(h, &s);
        assert_false(s.checked);
}

static void hooks_at_their_moments(void **state)
{
        struct config_hooks *k = &config.mirror[0].service.hooks;
        struct trouble t = {""};

        (void)state;
        script("hook", "cd $(dirname $0); echo $HAMON_CALL >>calls; [ $HAMON_CALL != post-demote ] || { echo tape is full; exit 1; }", "", k->pre_promote);
        strcpy(k->post_demote, k->pre_promote);
        strcpy(k->before_resync_target, k->pre_promote);
        assert_int_equal(hook_pre_promote(&mirror, "/dev/null", &t), 0);
        assert_int_equal(hook_pre_promote(&mirror, "/dev/null", &t), 0); /* the start is tried again: not again */
        assert_string_equal(content("calls"), "pre-promote\n");
        assert_int_equal(hook_post_demote(&mirror, &t), -EIO);
        assert_string_equal(t.text, "post-demote: hook failed with 1: tape is full");
        assert_int_equal(hook_pre_promote(&mirror, "/dev/null", &t), 0);
        assert_int_equal(hook_before_resync_target(&mirror, &t), 0);
        assert_string_equal(content("calls"), "pre-promote\npost-demote\npre-promote\nbefore-resync-target\n");
        k->timeout_ms = 200;
        script("hook", "sleep 600", "", k->post_demote);
        assert_int_equal(hook_post_demote(&mirror, &t), -ETIMEDOUT);
        *k = (struct config_hooks){.timeout_ms = 200};
        assert_int_equal(hook_pre_promote(&mirror, "/dev/null", &t), 0);
        assert_int_equal(hook_post_demote(&mirror, &t), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_a_program_gets, setup, teardown),
                cmocka_unit_test_setup_teardown(how_it_ends_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(what_it_starts_ends_with_it, setup, teardown),
                cmocka_unit_test_setup_teardown(failures_in_a_row_make_it_unhealthy, setup, teardown),
                cmocka_unit_test_setup_teardown(hooks_at_their_moments, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
