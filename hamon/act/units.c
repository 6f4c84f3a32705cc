/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/units.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define SERVICE "org.freedesktop.systemd1"
#define OBJECT "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define CALL_MS 5000u /* of a call that starts no job */

/* One job that we wait for: its path comes with the answer, its end with a signal that may come before we look. */
struct job {
        char path[128];
        char result[32]; /* "done", "failed", "timeout", ...; "" while it runs */
        char removed[8][128];
        char results[8][32];
        unsigned count; /* signals seen before the path was known */
};

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct job *j = userdata;
        const char *path, *unit, *result;
        uint32_t id;

        (void)error;
        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        if (!j->path[0]) {
                unsigned at = j->count++ % 8;
                snprintf(j->removed[at], sizeof j->removed[at], "%s", path);
                snprintf(j->results[at], sizeof j->results[at], "%s", result);
        } else if (strcmp(j->path, path) == 0) {
                snprintf(j->result, sizeof j->result, "%s", result);
        }
        return 0;
}

/*
 * systemd's own socket, which systemctl uses as root. No message bus is between: one that is dead, or that has dropped systemd because a starved machine
 * was slow to log in there (dbus-daemon's auth_timeout of 5 s), would keep every service from starting here.
 */
static int open_private(sd_bus **ret)
{
        sd_bus *bus = NULL;

        int r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                sd_bus_unref(bus);
        else
                *ret = bus;
        return r;
}

static int open_bus(sd_bus **ret, struct trouble *t)
{
        /* Who names a bus means that one. */
        int r = getenv("DBUS_SYSTEM_BUS_ADDRESS") ? -ENOENT : open_private(ret);

        if (r < 0)
                r = sd_bus_open_system(ret);
        if (r < 0)
                return trouble_errno(t, r, "cannot reach systemd over D-Bus");
        (void)sd_bus_set_method_call_timeout(*ret, CALL_MS * 1000ull);
        return 0;
}

static int wait_job(sd_bus *bus, struct job *j, uint64_t deadline_ms)
{
        for (unsigned i = 0; i < 8 && i < j->count; i++)
                if (strcmp(j->removed[i], j->path) == 0)
                        snprintf(j->result, sizeof j->result, "%s", j->results[i]);
        while (!j->result[0]) {
                int r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                uint64_t now = now_ms();
                if (now >= deadline_ms)
                        return -ETIMEDOUT;
                r = sd_bus_wait(bus, (deadline_ms - now) * 1000);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *name, char *ret, size_t size, sd_bus_error *error)
{
        char *text = NULL;

        int r = sd_bus_get_property_string(bus, SERVICE, path, interface, name, error, &text);
        if (r >= 0)
                snprintf(ret, size, "%s", text);
        free(text);
        return r;
}

/* Is the unit what its job was to make it, whatever was told of the job? A systemd that is starved tells seconds later. */
static bool is_as_wanted(sd_bus *bus, const char *unit, bool up)
{
        char state[32] = "";
        sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *path;

        int r = sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "GetUnit", &error, &reply, "s", unit);
        if (r < 0 && sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit"))
                snprintf(state, sizeof state, "inactive");
        else if (r >= 0 && sd_bus_message_read(reply, "o", &path) >= 0)
                (void)get_text(bus, path, "org.freedesktop.systemd1.Unit", "ActiveState", state, sizeof state, NULL); /* "" where it does not answer */
        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);
        return strcmp(state, up ? "active" : "inactive") == 0;
}

/* Sends a prepared call that answers with a job, to have the unit up or down, and waits for the job's end. */
static int run_job(sd_bus *bus, sd_bus_message *call, struct job *j, const char *what, const char *unit, bool up,
                   unsigned timeout_ms, struct trouble *t)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        uint64_t deadline_ms = now_ms() + timeout_ms;
        const char *path;

        int r = sd_bus_call(bus, call, timeout_ms * 1000ull, &error, &reply);
        if (r < 0) {
                if (sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit"))
                        r = -ENOENT;
                else if (sd_bus_error_has_name(&error, "org.freedesktop.systemd1.UnitExists"))
                        r = -EEXIST;
                (void)trouble_say(t, r, "cannot %s unit %s: %s", what, unit,
                                  error.message ? error.message : "no answer");
        } else if ((r = sd_bus_message_read(reply, "o", &path)) >= 0) {
                snprintf(j->path, sizeof j->path, "%s", path);
                r = wait_job(bus, j, deadline_ms);
                if (r == -ETIMEDOUT && is_as_wanted(bus, unit, up))
                        r = 0;
                else if (r < 0)
                        (void)trouble_errno(t, r, "unit %s: its %s did not end", unit, what);
                else if (strcmp(j->result, "done") != 0)
                        r = trouble_say(t, -EIO, "unit %s: %s ended as \"%s\", see journalctl -u %s", unit, what,
                                        j->result, unit);
        }
        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);
        return r < 0 ? r : 0;
}

/* Sends a call of the manager whose answer nobody waits for: messages of one connection are handled in their order. */
static int tell(sd_bus *bus, const char *method, const char *unit)
{
        sd_bus_message *m = NULL;

        int r = sd_bus_message_new_method_call(bus, &m, SERVICE, OBJECT, MANAGER, method);
        if (r >= 0 && unit)
                r = sd_bus_message_append(m, "s", unit);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(m, false);
        if (r >= 0)
                r = sd_bus_send(bus, m, NULL);
        sd_bus_message_unref(m);
        return r;
}

static int subscribe(sd_bus *bus, struct job *j, struct trouble *t)
{
        /* Without a bus nobody but systemd is at the other end. */
        int r = sd_bus_match_signal_async(bus, NULL, sd_bus_is_bus_client(bus) ? SERVICE : NULL, OBJECT, MANAGER, "JobRemoved", on_job_removed, NULL, j);

        if (r >= 0)
                r = tell(bus, "Subscribe", NULL);
        return r < 0 ? trouble_errno(t, r, "cannot follow systemd's jobs") : 0;
}

static int simple_job(const char *method, const char *what, const char *unit, bool up, unsigned timeout_ms,
                      struct trouble *t)
{
        struct job j = {0};
        sd_bus_message *call = NULL;
        sd_bus *bus = NULL;

        int r = open_bus(&bus, t);
        if (r == 0)
                r = subscribe(bus, &j, t);
        if (r == 0 && up)
                (void)tell(bus, "ResetFailedUnit",
                           unit); /* a start limit of another time; there may be nothing to reset */
        if (r == 0) {
                r = sd_bus_message_new_method_call(bus, &call, SERVICE, OBJECT, MANAGER, method);
                if (r >= 0)
                        r = sd_bus_message_append(call, "ss", unit, "replace");
                r = r < 0 ? trouble_errno(t, r, "cannot %s unit %s", what, unit)
                          : run_job(bus, call, &j, what, unit, up, timeout_ms, t);
        }
        sd_bus_message_unref(call);
        sd_bus_flush_close_unref(bus);
        return r;
}

int units_start(const char *unit, unsigned timeout_ms, struct trouble *t)
{
        return simple_job("StartUnit", "start", unit, true, timeout_ms, t);
}

int units_stop(const char *unit, unsigned timeout_ms, struct trouble *t)
{
        int r = simple_job("StopUnit", "stop", unit, false, timeout_ms, t);

        return r == -ENOENT ? 0 : r;
}

int units_kill(const char *unit, enum units_whom whom, int signal_number, struct trouble *t)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus *bus = NULL;

        int r = open_bus(&bus, t);
        if (r < 0)
                return r;
        r = sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "KillUnit", &error, NULL, "ssi", unit, whom == UNITS_MAIN ? "main" : "all",
                               signal_number);
        /* Nothing loaded, or nothing to kill: it is as it was wanted. */
        if (sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit") ||
            sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchProcess") || r == -ESRCH)
                r = 0;
        if (r < 0)
                (void)trouble_say(t, r, "cannot kill unit %s: %s", unit, error.message ? error.message : "no answer");
        sd_bus_error_free(&error);
        sd_bus_flush_close_unref(bus);
        return r < 0 ? r : 0;
}

/* How its main process ended last. Units of other kinds have none: nothing is known then. */
static void look_at_end(sd_bus *bus, const char *path, struct unit_seen *ret)
{
        static const char interface[] = "org.freedesktop.systemd1.Service";
        int32_t code = 0, status = 0;
        char result[sizeof ret->result] = "";

        if (get_text(bus, path, interface, "Result", result, sizeof result, NULL) < 0 ||
            sd_bus_get_property_trivial(bus, SERVICE, path, interface, "ExecMainCode", NULL, 'i', &code) < 0 ||
            sd_bus_get_property_trivial(bus, SERVICE, path, interface, "ExecMainStatus", NULL, 'i', &status) < 0)
                return;
        memcpy(ret->result, result, sizeof result);
        ret->status = status;
        snprintf(ret->ended, sizeof ret->ended, "%s", code == CLD_EXITED ? "exited" : code == CLD_KILLED ? "killed" : code == CLD_DUMPED ? "dumped" : "");
}

/*
 * The connection of one who looks again and again: opened where it is not there, and everything taken off it that came meanwhile. At systemd's own socket that is every change of
 * every unit, asked for or not (bus_foreach_bus()); a call puts aside what is not its answer, in memory that is locked.
 */
static int kept_bus(sd_bus **bus, struct trouble *t)
{
        if (!*bus)
                return open_bus(bus, t);
        int r;
        do
                r = sd_bus_process(*bus, NULL);
        while (r > 0);
        if (r < 0) {
                (void)trouble_errno(t, r, "the connection to systemd is lost");
                units_look_end(bus);
        }
        return r;
}

int units_look(struct sd_bus **bus, const char *unit, struct unit_seen *ret, struct trouble *t)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        struct unit_seen seen = {.active = ""};
        sd_bus_message *reply = NULL;
        const char *path;

        int r = kept_bus(bus, t);
        if (r < 0)
                return r;
        r = sd_bus_call_method(*bus, SERVICE, OBJECT, MANAGER, "GetUnit", &error, &reply, "s", unit);
        if (r < 0 && sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit")) {
                snprintf(seen.active, sizeof seen.active, "inactive");
                r = 0;
        } else if (r >= 0 && (r = sd_bus_message_read(reply, "o", &path)) >= 0) {
                r = get_text(*bus, path, "org.freedesktop.systemd1.Unit", "ActiveState", seen.active, sizeof seen.active, &error);
                if (r >= 0 && strcmp(seen.active, "active") == 0 && strcmp(ret->active, "active") == 0)
                        seen = *ret;
                else if (r >= 0)
                        look_at_end(*bus, path, &seen);
        }
        if (r < 0)
                (void)trouble_say(t, r, "cannot look at unit %s: %s", unit,
                                  error.message ? error.message : "no answer");
        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);
        if (r < 0)
                units_look_end(bus); /* it may be the connection that is broken */
        else
                *ret = seen;
        return r < 0 ? r : 0;
}

int units_look_installed(struct sd_bus **bus, const char *unit, struct unit_seen *ret, struct trouble *t)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *path;

        int r = kept_bus(bus, t);
        if (r < 0)
                return r;
        r = sd_bus_call_method(*bus, SERVICE, OBJECT, MANAGER, "LoadUnit", &error, &reply, "s", unit);
        if (r >= 0 && (r = sd_bus_message_read(reply, "o", &path)) >= 0)
                r = get_text(*bus, path, "org.freedesktop.systemd1.Unit", "LoadState", ret->load, sizeof ret->load, &error);
        if (r < 0)
                (void)trouble_say(t, r, "cannot look at unit %s: %s", unit, error.message ? error.message : "no answer");
        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);
        if (r < 0)
                units_look_end(bus);
        return r < 0 ? r : 0;
}

void units_look_end(struct sd_bus **bus)
{
        *bus = sd_bus_flush_close_unref(*bus);
}

void units_mount_name(const char *where, char ret[UNIT_NAME_SIZE])
{
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.";
        size_t n = 0;

        where += *where == '/';
        for (const char *p = where; *p && n + 16 < UNIT_NAME_SIZE; p++) {
                if (*p == '/')
                        ret[n++] = '-';
                else if (strchr(plain, *p) && !(*p == '.' && p == where))
                        ret[n++] = *p;
                else
                        n += (size_t)snprintf(ret + n, UNIT_NAME_SIZE - n, "\\x%02x", (unsigned char)*p);
        }
        snprintf(ret + n, UNIT_NAME_SIZE - n, ".mount");
}

static int append_mount(sd_bus_message *call, const char *unit, const char *where, const char *what, const char *type,
                        const char *options)
{
        char description[256];

        snprintf(description, sizeof description, "mirror mounted on %.200s", where);
        int r = sd_bus_message_append(call, "ss", unit, "replace");
        if (r >= 0)
                /* No default dependencies: at shutdown the mount would wait for every other unit, hamon-leave among them, which waits for it. */
                r = sd_bus_message_append(call, "a(sv)", 6, "DefaultDependencies", "b", 0, "Description", "s", description,
                                          "What", "s", what, "Type", "s", type, "Options", "s",
                                          *options ? options : "defaults", "CollectMode", "s", "inactive-or-failed");
        if (r >= 0)
                r = sd_bus_message_append(call, "a(sa(sv))", 0);
        return r;
}

int units_mount(const char *where, const char *what, const char *type, const char *options, unsigned timeout_ms,
                struct trouble *t)
{
        char unit[UNIT_NAME_SIZE];
        struct job j = {0};
        sd_bus_message *call = NULL;
        sd_bus *bus = NULL;

        units_mount_name(where, unit);
        int r = open_bus(&bus, t);
        if (r == 0)
                r = subscribe(bus, &j, t);
        if (r == 0)
                (void)tell(bus, "ResetFailedUnit", unit); /* of an earlier attempt that failed; there may be none */
        if (r == 0) {
                r = sd_bus_message_new_method_call(bus, &call, SERVICE, OBJECT, MANAGER, "StartTransientUnit");
                if (r >= 0)
                        r = append_mount(call, unit, where, what, type, options);
                r = r < 0 ? trouble_errno(t, r, "cannot describe unit %s", unit)
                          : run_job(bus, call, &j, "start", unit, true, timeout_ms, t);
        }
        sd_bus_message_unref(call);
        sd_bus_flush_close_unref(bus);
        return r == -EEXIST ? units_start(unit, timeout_ms, t)
                            : r; /* somebody's own unit for that place, or ours still loaded */
}

int units_unmount(const char *where, unsigned timeout_ms, struct trouble *t)
{
        char unit[UNIT_NAME_SIZE];

        units_mount_name(where, unit);
        return units_stop(unit, timeout_ms, t);
}
