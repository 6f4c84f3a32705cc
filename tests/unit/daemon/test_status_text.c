/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Golden files of the status: a snapshot in, JSON by the API's renderer, text by hamonctl's. NBDD_UPDATE_GOLDEN=1 writes them anew; look at
 * the difference before you commit it.
 */
#include "tests/unit/cmocka_all.h"

#include "hamon/api/snapshot.h"
#include "hamon/hamonctl/hamonctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN "tests/unit/daemon/golden"

static struct config config = {
        .cluster = "demo",
        .has_witness = true,
        .voters = {{.name = "node-a", .links = 1}, {.name = "node-b", .links = 1}, {.name = "witness", .links = 1}},
        .mirrors = 1,
        .mirror = {{.name = "data", .device = {"/dev/vdb", "/dev/vdc"}}},
};
static struct snapshot snapshot;
static uint64_t now_ms; /* of the rendering */

static int setup(void **state)
{
        (void)state;
        memset(&snapshot, 0, sizeof snapshot);
        now_ms = 100050;
        snapshot.config = &config;
        snapshot.taken_ms = 100000;
        snapshot.started_ms = 40000;
        snapshot.act_ready = true;
        for (int v = 1; v < VOTERS; v++) {
                snapshot.node[v] = (struct node_view){.alive = true, .ever = true, .silent_ms = 120};
                snapshot.links.paths[v] = 1;
                snapshot.links.path[v][0] = (struct path_view){.local = "10.99.0.1", .remote = "10.99.0.2:4344", .heard = true, .heard_ms = 99880};
        }
        for (unsigned i = 0; i < MIRRORS_MAX; i++)
                snapshot.verify[i].due_s = UINT64_MAX;
        struct mirror_view *m = &snapshot.mirror[0];
        *m = (struct mirror_view){
                .health = HEALTH_OK,
                .reason = REASON_REDUNDANT,
                .role = ROLE_PRIMARY,
                .role_word = "primary",
                .leg_word = "in",
                .service_word = "up",
                .record = {.version = 12, .epoch = 7, .primary = 0},
                .record_decided = true,
                .lease_valid = true,
                .lease_left_ms = 1750,
                .if_peer_fails = REASON_WILL_GO_ON,
                .if_self_fails = REASON_WILL_TAKE_OVER,
        };
        m->record.legs[0] = (struct record_leg){.uuid = {{1}}, .in_sync = true};
        m->record.legs[1] = (struct record_leg){.uuid = {{2}}, .in_sync = true};
        return 0;
}

static char *read_all(const char *path)
{
        static char text[16384];
        FILE *f = fopen(path, "r");
        if (!f)
                return NULL;
        size_t n = fread(text, 1, sizeof text - 1, f);
        text[n] = '\0';
        fclose(f);
        return text;
}

static void check_golden(const char *name, const char *text)
{
        char path[256];
        (void)snprintf(path, sizeof path, GOLDEN "/%s", name);
        if (getenv("NBDD_UPDATE_GOLDEN")) {
                FILE *f = fopen(path, "w");
                assert_non_null(f);
                fputs(text, f);
                fclose(f);
        }
        const char *wanted = read_all(path);
        if (!wanted)
                fail_msg("%s: %s (run from the top of the tree)", path, strerror(errno));
        assert_string_equal(text, wanted);
}

static void check(const char *name)
{
        char *text = NULL, file[64];
        size_t size;
        json_t *j = status_json(&snapshot, now_ms);
        assert_non_null(j);
        FILE *f = open_memstream(&text, &size);
        status_text(j, f);
        fprintf(f, "---\n");
        fprintf(f, "exit %d\n", check_text(j, f));
        fclose(f);
        (void)snprintf(file, sizeof file, "%s.txt", name);
        check_golden(file, text);
        free(text);
        json_decref(j);
}

static void test_redundant(void **state)
{
        (void)state;
        check("redundant");
}

/* Both write at the pace of the slower one: which one that is stands beside it. */
static void test_a_slow_leg(void **state)
{
        (void)state;
        snapshot.mirror[0].observed = (struct observation){
                .array_running = true, .own_in_sync = true, .peer_in_array = true, .peer_in_sync = true, .sync_idle = true, .attached = true, .leg_connected = true,
                .service_running = true, .own_request_us = 420, .leg_request_us = 87300};
        snapshot.node[1].last.mirrors = 1; /* what its superblock said before the leg was joined */
        snapshot.node[1].last.mirror[0] = (struct mirror_summary){.leg_ready = true, .calls_peer_failed_known = true, .calls_peer_failed = true};
        check("slow-leg");
}

static void test_degraded_and_the_peer_unheard(void **state)
{
        (void)state;
        struct mirror_view *m = &snapshot.mirror[0];
        snapshot.node[1] = (struct node_view){.ever = true, .silent_ms = 83000};
        snapshot.links.path[1][0].heard_ms = 17000;
        m->health = HEALTH_DEGRADED;
        m->reason = REASON_DEGRADED;
        m->leg_word = "out";
        m->record.legs[1].in_sync = false;
        m->if_self_fails = REASON_WILL_STOP;
        check("degraded");
}

static void test_standby_with_the_primary_silent(void **state)
{
        (void)state;
        struct mirror_view *m = &snapshot.mirror[0];
        m->role = ROLE_STANDBY;
        m->role_word = "standby";
        m->record.primary = 1;
        m->lease_valid = false;
        m->reason = REASON_WAITING_FOR_PEER;
        m->health = HEALTH_DOWN;
        m->record_decided = false;
        snapshot.node[1] = (struct node_view){.ever = true, .silent_ms = 7 * 3600 * 1000};
        snapshot.links.path[1][0].heard = false;
        snapshot.node[2] = (struct node_view){.ever = false};
        check("waiting");
}

/* It read its superblock when it began with one leg; both are in sync now. */
static void test_what_a_primary_called_failed_is_over(void **state)
{
        (void)state;
        struct mirror_view *m = &snapshot.mirror[0];
        m->role = ROLE_STANDBY;
        m->record.primary = 1;
        snapshot.node[1].last.mirrors = 1;
        snapshot.node[1].last.mirror[0] = (struct mirror_summary){.role = ROLE_PRIMARY, .leg_ready = true, .calls_peer_failed_known = true, .calls_peer_failed = true};
        for (int in_sync = 0; in_sync < 2; in_sync++) {
                m->record.legs[0].in_sync = in_sync;
                json_t *j = status_json(&snapshot, now_ms);
                const json_t *says = json_object_get(json_array_get(json_object_get(status_mirror(j, "data"), "legs"), 1), "node_says");
                assert_int_equal(json_is_true(json_object_get(says, "calls_peer_failed")), !in_sync);
                json_decref(j);
        }
}

static void test_resync(void **state)
{
        (void)state;
        struct mirror_view *m = &snapshot.mirror[0];
        m->health = HEALTH_DEGRADED;
        m->reason = REASON_RESYNC;
        m->leg_word = "syncing";
        m->record.legs[1].in_sync = false;
        m->record.legs[1].inconsistent = true;
        m->observed = (struct observation){.resync_done_sectors = 455ull << 14, .resync_total_sectors = 1000ull << 14,
                                           .resync = {.rate_kib = 112640, .limit_kib = 131072, .latency_us = 3400}};
        m->if_self_fails = REASON_WILL_STOP;
        check("resync");
        m->reason = REASON_RESYNC_STALLED;
        m->observed.resync = (struct resync_seen){.stalled = true, .limit_kib = 8192, .ceiling_kib = 51200};
        m->observed.leg_connected = true;
        snapshot.resync[0] = (struct resync_watch){.why = RESYNC_BY_PEER, .since_ms = snapshot.taken_ms - 17000};
        check("resync-stalled");
        snapshot.resync[0].why = RESYNC_UNHINDERED;
        m->reason = REASON_RESYNC_PAUSED;
        m->observed.resync = (struct resync_seen){.paused = true, .pause_left_s = 7140};
        check("resync-paused");
        m->reason = REASON_DEGRADED; /* the leg is away: the pause is still to be seen */
        m->observed = (struct observation){.resync = {.paused = true, .ceiling_kib = 512}};
        check("paused-without-a-leg");
}

static void test_verify(void **state)
{
        struct verify_view *v = &snapshot.verify[0];
        struct verify_run *run = &v->memory.run, *last = &v->memory.last;

        (void)state;
        snapshot.wall_ms = 1700000000000;
        v->schedule = VERIFY_WEEKLY;
        v->due_s = 1700000000 + 5 * 86400;
        check("verify-never");
        v->due_s = UINT64_MAX;
        *run = (struct verify_run){.state = VERIFY_RUNNING, .began_s = 1699999000, .size_bytes = 8ull << 30, .position_bytes = 3ull << 30};
        v->rate_kib = 102400;
        v->limit_kib = 131072;
        v->latency_us = 1200;
        check("verify-running");
        run->state = VERIFY_PAUSED;
        run->differing = 3;
        check("verify-paused");
        run->state = VERIFY_RUNNING;
        (void)strcpy(v->waiting_for, "only one leg is in sync");
        check("verify-waits");
        *run = (struct verify_run){.state = VERIFY_FAILED, .size_bytes = 8ull << 30, .position_bytes = 3ull << 30, .ended_s = 1699999900};
        (void)strcpy(run->why, "node-b: cannot read the leg at byte 3221225472 of the array: Input/output error");
        *last = (struct verify_run){.state = VERIFY_EQUAL, .began_s = 1699900000, .ended_s = 1699900600, .size_bytes = 8ull << 30, .position_bytes = 8ull << 30};
        check("verify-failed");
        *run = (struct verify_run){.state = VERIFY_NEVER};
        last->state = VERIFY_DIFFERS;
        for (uint64_t i = 0; i < 6; i++)
                verify_add_difference(last, i * 1048576);
        snapshot.mirror[0].reason = REASON_LEGS_DIFFER;
        check("legs-differ");
}

static void test_maintenance(void **state)
{
        (void)state;
        struct mirror_view *m = &snapshot.mirror[0];
        m->in_maintenance = true;
        m->record.maintenance_until_s = (uint64_t)snapshot.wall_ms / 1000 + 7141;
        m->reason = REASON_MAINTENANCE;
        m->if_self_fails = REASON_WILL_WAIT;
        check("maintenance");
        m->reason = REASON_DEGRADED; /* what is wrong is said, and no alarm */
        m->health = HEALTH_DEGRADED;
        check("maintenance-degraded");
}

static void test_hamon_act_is_gone(void **state)
{
        (void)state;
        snapshot.act_ready = false;
        snapshot.act_error = -ECONNREFUSED;
        snapshot.mirror[0].waiting_for = "attach";
        check("act-lost");
}

static void test_troubles_of_the_node(void **state)
{
        (void)state;
        now_ms += 1000000;
        snapshot.taken_ms += 980000; /* the loop is stuck for 20 s */
        snapshot.state_error = -ENOSPC;
        snapshot.links.count[PACKET_BAD_KEY] = 17;
        snapshot.links.last_ms[PACKET_BAD_KEY] = 1070000;
        strcpy(snapshot.links.last_from[PACKET_BAD_KEY], "10.99.0.66:4344");
        snapshot.links.count[PACKET_MALFORMED] = 1; /* longer ago than is worth a warning */
        check("troubles");
}

static void test_a_failed_step_is_named(void **state)
{
        (void)state;
        snapshot.mirror[0].reason = REASON_SERVICE_FAILED;
        snapshot.mirror[0].health = HEALTH_DOWN;
        snapshot.failure[0] = (struct failure){.at_ms = 95000, .effect = EFFECT_SERVICE_START, .error = -EIO, .detail = "unit 'x.service'\nfailed"};
        check("failure");
}

static void test_a_service_and_its_units(void **state)
{
        (void)state;
        struct config_service *s = &config.mirror[0].service;
        *s = (struct config_service){.present = true, .units = 3, .unit = {"db.service", "web.service", "log.socket"}, .health = {.command = "/bin/check", .retries = 3}};
        snapshot.service[0] = (struct service_seen){
                .unit = {{.active = "failed", .result = "exit-code", .ended = "exited", .status = 3}, {.active = "failed", .result = "signal", .ended = "killed", .status = 9}, {.active = "active"}},
                .health = {.checked = true, .failures = 3, .unhealthy = true, .status = 1, .detail = "check failed with 1: no\x1b route"}};
        snapshot.mirror[0].reason = REASON_SERVICE_GIVEN_UP;
        snapshot.mirror[0].health = HEALTH_DOWN;
        snapshot.mirror[0].service_word = "given-up";
        snapshot.failure[0] = (struct failure){.at_ms = 95000, .effect = EFFECT_SERVICE_START, .error = -EIO, .detail = "unit db.service: start ended as \"failed\""};
        check("service-given-up");
        snapshot.act_ready = false; /* nothing is known then, whatever was told last */
        check("service-not-known");
        snapshot.act_ready = true;
        snapshot.mirror[0].role = ROLE_STANDBY;
        snapshot.mirror[0].reason = REASON_STANDBY_OK;
        snapshot.service[0] = (struct service_seen){.unit = {{.load = "loaded"}, {.load = "not-found"}, {.load = "masked"}}};
        check("service-not-installed");
        *s = (struct config_service){.present = false};
}

static void test_down_is_critical_whatever_the_cause(void **state)
{
        (void)state;
        snapshot.mirror[0].reason = REASON_NO_LEG; /* a warning where another node serves */
        snapshot.mirror[0].health = HEALTH_DOWN;
        snapshot.mirror[0].role = ROLE_STANDBY;
        json_t *j = status_json(&snapshot, now_ms);
        FILE *nowhere = fopen("/dev/null", "w");
        assert_int_equal(check_text(j, nowhere), 2);
        json_decref(j);
        snapshot.mirror[0].health = HEALTH_DEGRADED;
        j = status_json(&snapshot, now_ms);
        assert_int_equal(check_text(j, nowhere), 1);
        json_decref(j);
        fclose(nowhere);
}

static void test_witness(void **state)
{
        (void)state;
        snapshot.self = WITNESS;
        snapshot.node[0] = snapshot.node[1];
        snapshot.mirror[0].role = ROLE_UNKNOWN;
        snapshot.mirror[0].reason = REASON_NONE; /* as the core says it there */
        check("witness");
}

static void test_never_created_and_manual(void **state)
{
        (void)state;
        config.has_witness = false;
        config.voters[WITNESS].links = 0;
        snapshot.mirror[0] = (struct mirror_view){.health = HEALTH_UNCONFIGURED, .reason = REASON_NOT_CREATED, .role = ROLE_STANDBY,
                                                  .role_word = "standby", .record = {.primary = NO_NODE},
                                                  .if_peer_fails = REASON_WILL_STOP, .if_self_fails = REASON_WILL_STOP};
        check("manual");
        config.has_witness = true;
        config.voters[WITNESS].links = 1;
}

static void test_json(void **state)
{
        (void)state;
        json_t *j = status_json(&snapshot, now_ms);
        char *text = json_dumps(j, JSON_INDENT(2) | JSON_SORT_KEYS), *version = strstr(text, "\"version\": \"" NBDD_VERSION "\"");
        assert_non_null(version); /* of the program: not the same in each golden file */
        memmove(version + 12, version + 12 + strlen(NBDD_VERSION), strlen(version + 12 + strlen(NBDD_VERSION)) + 1);
        check_golden("redundant.json", text);
        free(text);
        json_decref(j);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_redundant, setup),
                cmocka_unit_test_setup(test_a_slow_leg, setup),
                cmocka_unit_test_setup(test_degraded_and_the_peer_unheard, setup),
                cmocka_unit_test_setup(test_standby_with_the_primary_silent, setup),
                cmocka_unit_test_setup(test_what_a_primary_called_failed_is_over, setup),
                cmocka_unit_test_setup(test_resync, setup),
                cmocka_unit_test_setup(test_verify, setup),
                cmocka_unit_test_setup(test_maintenance, setup),
                cmocka_unit_test_setup(test_hamon_act_is_gone, setup),
                cmocka_unit_test_setup(test_troubles_of_the_node, setup),
                cmocka_unit_test_setup(test_a_failed_step_is_named, setup),
                cmocka_unit_test_setup(test_a_service_and_its_units, setup),
                cmocka_unit_test_setup(test_down_is_critical_whatever_the_cause, setup),
            cmocka_unit_test_setup(test_witness, setup),
                cmocka_unit_test_setup(test_never_created_and_manual, setup),
                cmocka_unit_test_setup(test_json, setup),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
