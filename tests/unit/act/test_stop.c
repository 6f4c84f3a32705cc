/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A service against a systemd of our own on a bus of our own: stopped in reverse, what becomes of a unit that does not end, started again, and what
 * is seen of units.
 */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/mount_errors.h"
#include "hamon/act/service.h"
#include "hamon/act/units.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

enum { UNASKED = 5 }; /* signals with each look */

static char folder[64], calls[1024]; /* what systemd was asked, in order; read when nobody asks */
static pid_t daemon_pid;
static pthread_t thread;
static atomic_bool ending;
static sd_bus *bus;

static void note(const char *what, const char *unit)
{
        size_t used = strlen(calls);
        snprintf(calls + used, sizeof calls - used, "%s %s\n", what, unit);
}

static int end_job(const char *unit)
{
        char path[128];
        snprintf(path, sizeof path, "/job/%.*s", (int)strcspn(unit, "."), unit);
        return sd_bus_emit_signal(bus, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "JobRemoved", "uoss", 1u, path, unit, "done");
}

/* good: ends at once; deaf: when it is killed; dead: never. */
static int on_stop(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *unit, *mode;
        char path[128];

        (void)userdata, (void)error;
        int r = sd_bus_message_read(m, "ss", &unit, &mode);
        if (r < 0)
                return r;
        note("stop", unit);
        snprintf(path, sizeof path, "/job/%.*s", (int)strcspn(unit, "."), unit);
        r = sd_bus_reply_method_return(m, "o", path);
        if (r >= 0 && (strncmp(unit, "good", 4) == 0 || (strncmp(unit, "deaf", 4) == 0 && strstr(calls, "kill deaf"))))
                r = end_job(unit);
        return r;
}

static int on_kill(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *unit, *whom;
        int signal_number;

        (void)userdata, (void)error;
        int r = sd_bus_message_read(m, "ssi", &unit, &whom, &signal_number);
        if (r < 0)
                return r;
        if (signal_number == SIGKILL && strcmp(whom, "all") == 0)
                note("kill", unit);
        return sd_bus_reply_method_return(m, NULL);
}

static int on_start(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *unit, *mode;
        char path[128];

        (void)userdata, (void)error;
        int r = sd_bus_message_read(m, "ss", &unit, &mode);
        if (r < 0)
                return r;
        note("start", unit);
        snprintf(path, sizeof path, "/job/%.*s", (int)strcspn(unit, "."), unit);
        r = sd_bus_reply_method_return(m, "o", path);
        return r < 0 || strstr(unit, "untold") ? r : end_job(unit);
}

static int on_get_unit(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *unit;

        (void)userdata;
        int r = sd_bus_message_read(m, "s", &unit);
        if (r < 0)
                return r;
        if (strstr(unit, "gone.service"))
                return sd_bus_error_set(error, "org.freedesktop.systemd1.NoSuchUnit", "Unit gone.service not loaded.");
        note("look", unit);
        /* As systemd does at its own socket: whoever is connected is told of everything. */
        for (unsigned i = 0; i < UNASKED; i++) {
                sd_bus_message *signal = NULL;
                r = sd_bus_message_new_signal(bus, &signal, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "UnitNew");
                if (r >= 0)
                        r = sd_bus_message_append(signal, "so", "other.service", "/unit/other");
                if (r >= 0)
                        r = sd_bus_send_to(bus, signal, sd_bus_message_get_sender(m), NULL);
                sd_bus_message_unref(signal);
                if (r < 0)
                        return r;
        }
        return sd_bus_reply_method_return(m, "o", strstr(unit, "bad.service") ? "/unit/bad" : strcmp(unit, "killed.service") == 0 ? "/unit/killed" : "/unit/good");
}

/* Answers for what is not there, too. */
static int on_load_unit(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *unit;

        (void)userdata, (void)error;
        int r = sd_bus_message_read(m, "s", &unit);
        return r < 0 ? r : sd_bus_reply_method_return(m, "o", strcmp(unit, "gone.service") == 0 ? "/unit/gone" : "/unit/good");
}

/* What a unit of each name shows; a socket has no Service interface. */
static int on_property(sd_bus *b, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        bool bad = strcmp(path, "/unit/bad") == 0, killed = strcmp(path, "/unit/killed") == 0;

        (void)b, (void)interface, (void)userdata, (void)error;
        note("read", property);
        if (strcmp(property, "ActiveState") == 0)
                return sd_bus_message_append(reply, "s", bad || killed ? "failed" : "active");
        if (strcmp(property, "LoadState") == 0)
                return sd_bus_message_append(reply, "s", strcmp(path, "/unit/gone") == 0 ? "not-found" : "loaded");
        if (strcmp(property, "Result") == 0)
                return sd_bus_message_append(reply, "s", bad ? "exit-code" : killed ? "signal" : "success");
        if (strcmp(property, "ExecMainCode") == 0)
                return sd_bus_message_append(reply, "i", bad ? CLD_EXITED : killed ? CLD_KILLED : 0);
        return sd_bus_message_append(reply, "i", bad ? 3 : killed ? SIGKILL : 0);
}

static const sd_bus_vtable unit_vtable[] = {SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("ActiveState", "s", on_property, 0, 0), SD_BUS_PROPERTY("LoadState", "s", on_property, 0, 0),
                                            SD_BUS_VTABLE_END};
static const sd_bus_vtable service_vtable[] = {SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("Result", "s", on_property, 0, 0),
                                               SD_BUS_PROPERTY("ExecMainCode", "i", on_property, 0, 0), SD_BUS_PROPERTY("ExecMainStatus", "i", on_property, 0, 0),
                                               SD_BUS_VTABLE_END};

static int show_units(void)
{
        static const char *const paths[] = {"/unit/good", "/unit/bad", "/unit/killed", "/unit/gone"};
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < sizeof paths / sizeof *paths; i++) {
                r = sd_bus_add_object_vtable(bus, NULL, paths[i], "org.freedesktop.systemd1.Unit", unit_vtable, NULL);
                if (r >= 0)
                        r = sd_bus_add_object_vtable(bus, NULL, paths[i], "org.freedesktop.systemd1.Service", service_vtable, NULL);
        }
        return r;
}

static int on_subscribe(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)userdata, (void)error;
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable manager[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("StartUnit", "ss", "o", on_start, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("GetUnit", "s", "o", on_get_unit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("LoadUnit", "s", "o", on_load_unit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("ResetFailedUnit", "s", "", on_subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("StopUnit", "ss", "o", on_stop, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("KillUnit", "ssi", "", on_kill, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Subscribe", "", "", on_subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
    SD_BUS_VTABLE_END,
};

static void *run(void *userdata)
{
        (void)userdata;
        while (!atomic_load(&ending)) {
                if (sd_bus_process(bus, NULL) == 0)
                        (void)sd_bus_wait(bus, 20000);
        }
        return NULL;
}

static int setup(void **state)
{
        char config[96], text[512], address[128];
        FILE *f;

        (void)state;
        strcpy(folder, "/tmp/hamon-bus-XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        snprintf(config, sizeof config, "%s/conf", folder);
        snprintf(text, sizeof text,
                 "<busconfig><type>session</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth><policy context='default'><allow "
                 "send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/><allow own='*'/></policy></busconfig>\n",
                 folder);
        if (!(f = fopen(config, "w")) || fputs(text, f) == EOF || fclose(f) != 0)
                return -1;
        daemon_pid = fork();
        if (daemon_pid == 0) {
                char option[128];
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                snprintf(option, sizeof option, "--config-file=%s", config);
                execlp("dbus-daemon", "dbus-daemon", option, "--nofork", "--nopidfile", "--nosyslog", (char *)NULL);
                _exit(127);
        }
        snprintf(address, sizeof address, "%s/bus", folder);
        for (int i = 0; i < 500 && access(address, F_OK) < 0; i++)
                (void)poll(NULL, 0, 10);
        snprintf(address, sizeof address, "unix:path=%s/bus", folder);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
        if (sd_bus_open_system(&bus) < 0 ||
            sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", manager, NULL) < 0 ||
            show_units() < 0 || sd_bus_request_name(bus, "org.freedesktop.systemd1", 0) < 0)
                return -1;
        return pthread_create(&thread, NULL, run, NULL);
}

static int teardown(void **state)
{
        char command[96];

        (void)state;
        atomic_store(&ending, true);
        pthread_join(thread, NULL);
        sd_bus_flush_close_unref(bus);
        (void)kill(daemon_pid, SIGTERM);
        (void)waitpid(daemon_pid, NULL, 0);
        snprintf(command, sizeof command, "rm -r %s", folder);
        return system(command);
}

static int stop(const char *const *units, uint32_t timeout_ms, struct trouble *t, double *ret_s)
{
        struct config_service s = {.present = true, .stop_timeout_ms = timeout_ms};
        struct timespec begin, end;

        for (; units[s.units]; s.units++)
                snprintf(s.unit[s.units], sizeof s.unit[0], "%s", units[s.units]);
        calls[0] = '\0';
        clock_gettime(CLOCK_MONOTONIC, &begin);
        int r = service_stop(&s, "/dev/null", t);
        clock_gettime(CLOCK_MONOTONIC, &end);
        *ret_s = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
        return r;
}

static void in_reverse(void **state)
{
        struct trouble t;
        double s;

        (void)state;
        assert_int_equal(stop((const char *const[]){"good1.service", "good2.service", NULL}, 5000, &t, &s), 0);
        assert_string_equal(calls, "stop good2.service\nstop good1.service\n");
}

static void one_that_is_deaf_is_killed(void **state)
{
        struct trouble t;
        double s;

        (void)state;
        assert_int_equal(stop((const char *const[]){"good.service", "deaf.service", NULL}, 1000, &t, &s), 0);
        assert_string_equal(calls, "stop deaf.service\nlook deaf.service\nread ActiveState\nkill deaf.service\nstop deaf.service\nstop good.service\n");
        assert_true(s >= 1 && s < 5); /* not before its time-out */
}

static void one_that_cannot_be_killed_is_told(void **state)
{
        struct trouble t;
        double s;

        (void)state;
        assert_int_equal(stop((const char *const[]){"good.service", "dead.service", NULL}, 1000, &t, &s), -ETIMEDOUT);
        assert_string_equal(t.text, "unit dead.service: its processes were killed and do not end: they wait for a disk");
        assert_string_equal(calls, "stop dead.service\nlook dead.service\nread ActiveState\nkill dead.service\nstop dead.service\nlook dead.service\nread ActiveState\nstop good.service\n"); /* the others are stopped all the same */
}

/* A systemd that is starved says seconds late that a job is done: what counts is how the unit is then. */
static void a_job_whose_end_is_not_told(void **state)
{
        struct trouble t;

        (void)state;
        calls[0] = '\0';
        assert_int_equal(units_start("untoldgood.service", 300, &t), 0);
        assert_int_equal(units_start("untoldbad.service", 300, &t), -ETIMEDOUT);
        assert_string_equal(calls, "start untoldgood.service\nlook untoldgood.service\nread ActiveState\nstart untoldbad.service\nlook untoldbad.service\nread ActiveState\n");
        assert_int_equal(units_stop("untoldgone.service", 300, &t), 0);
}

static struct config_service two(const char *first, const char *second)
{
        struct config_service s = {.present = true, .stop_timeout_ms = 5000, .units = 2};

        snprintf(s.unit[0], sizeof s.unit[0], "%s", first);
        snprintf(s.unit[1], sizeof s.unit[1], "%s", second);
        calls[0] = '\0';
        return s;
}

static void again_stops_first(void **state)
{
        struct trouble t;

        (void)state;
        struct config_service s = two("good1.service", "good2.service");
        assert_int_equal(service_start(&s, "/dev/null", false, &t), 0);
        assert_string_equal(calls, "start good1.service\nstart good2.service\n");
        calls[0] = '\0';
        assert_int_equal(service_start(&s, "/dev/null", true, &t), 0);
        assert_string_equal(calls, "stop good2.service\nstop good1.service\nstart good1.service\nstart good2.service\n");
}

static void units_are_seen_with_their_end(void **state)
{
        struct service_seen seen = {.mounted = 0};
        struct mount_errors errors = {.instance = 0};
        struct sd_bus *kept = NULL;

        (void)state;
        struct config_service s = two("bad.service", "killed.service");
        assert_int_equal(service_look(&kept, &errors, &s, "/dev/null", &seen), 0);
        assert_string_equal(seen.unit[0].active, "failed");
        assert_string_equal(seen.unit[0].result, "exit-code");
        assert_string_equal(seen.unit[0].ended, "exited");
        assert_int_equal(seen.unit[0].status, 3);
        assert_string_equal(seen.unit[1].ended, "killed");
        assert_int_equal(seen.unit[1].status, SIGKILL);
        s = two("good.service", "gone.service");
        assert_int_equal(service_look(&kept, &errors, &s, "/dev/null", &seen), 0);
        assert_string_equal(seen.unit[0].active, "active");
        assert_string_equal(seen.unit[0].result, "success");
        assert_string_equal(seen.unit[0].ended, "");
        assert_string_equal(seen.unit[1].active, "inactive");
        assert_string_equal(seen.unit[1].result, ""); /* nothing of what was there before */
        s.units = 1;
        calls[0] = '\0';
        assert_int_equal(service_look(&kept, &errors, &s, "/dev/null", &seen), 1);
        assert_string_equal(calls, "look good.service\nread ActiveState\n"); /* each second: no more than it needs, on one connection */
        struct sd_bus *before = kept;
        assert_int_equal(service_look(&kept, &errors, &s, "/dev/null", &seen), 1);
        assert_ptr_equal(kept, before);
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(service_look(&kept, &errors, &s, "/dev/null", &seen), 1);
        uint64_t queued;
        assert_true(sd_bus_get_n_queued_read(kept, &queued) >= 0);
        assert_in_range(queued, 1, UNASKED + 2); /* of the last look: what came with those before was taken off */
        sd_bus_close(kept); /* lost, as when the bus is restarted: one look fails, and says nothing of the service, the next one is good */
        assert_true(service_look(&kept, &errors, &s, "/dev/null", &seen) < 0);
        assert_null(kept);
        assert_int_equal(service_look(&kept, &errors, &s, "/dev/null", &seen), 1);
        units_look_end(&kept);
        units_look_end(&kept);
}

static void units_that_are_not_installed_are_seen(void **state)
{
        struct service_seen seen = {.mounted = 0};
        struct sd_bus *kept = NULL;

        (void)state;
        struct config_service s = two("good.service", "gone.service");
        assert_int_equal(service_look_installed(&kept, &s, &seen), 0);
        assert_string_equal(seen.unit[0].load, "loaded");
        assert_string_equal(seen.unit[1].load, "not-found");
        assert_string_equal(seen.unit[1].active, "");
        sd_bus_close(kept);
        seen = (struct service_seen){.mounted = 0};
        assert_true(service_look_installed(&kept, &s, &seen) < 0);
        assert_string_equal(seen.unit[0].load, ""); /* not known */
        assert_null(kept);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(in_reverse), cmocka_unit_test(one_that_is_deaf_is_killed),
                                           cmocka_unit_test(one_that_cannot_be_killed_is_told), cmocka_unit_test(a_job_whose_end_is_not_told), cmocka_unit_test(again_stops_first),
                                           cmocka_unit_test(units_are_seen_with_their_end),
                                           cmocka_unit_test(units_that_are_not_installed_are_seen)};
        return cmocka_run_group_tests(tests, setup, teardown);
}
