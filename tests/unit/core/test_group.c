/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A service over several mirrors: in which order services start and stop, how long an address lives, and which mirror goes where. Three mirrors whose machines are put into the states that matter. */
#include "hamon/core/state.h"

#include "tests/unit/cmocka_all.h"

enum { DATA, LOGS, REST, MIRRORS }; /* the service of data needs logs; rest is on its own */

static struct core c;
static struct actions out;

static void serve(uint8_t mirror)
{
        c.mirror[mirror].state = MIRROR_PRIMARY;
        c.mirror[mirror].since_ms = 1000;
        c.leg[mirror].state = LEG_IN;
        c.service[mirror].state = SERVICE_UP;
        c.reg[mirror].decided = c.reg[mirror].acceptor.value = (struct record){.version = 2, .epoch = 1, .primary = 0, .legs = {{.in_sync = true}, {.in_sync = true}}, .voters = {{{1}}, {{2}}, {{3}}}};
        c.lease[mirror] = (struct lease){.hold = true, .epoch = 1, .granted_sent_ms = {100000, 100000, 100000}};
        c.detector.voter[1].last.mirror[mirror] = (struct mirror_summary){.role = ROLE_STANDBY, .leg_ready = true};
}

/* It is primary on the other node, and this one has its leg in sync. */
static void is_there(uint8_t mirror)
{
        c.mirror[mirror].state = MIRROR_STANDBY;
        c.leg[mirror].state = LEG_OUT;
        c.service[mirror].state = SERVICE_DOWN;
        c.reg[mirror].decided.primary = 1;
        c.detector.voter[1].last.mirror[mirror] = (struct mirror_summary){.role = ROLE_PRIMARY, .epoch = 2};
}

static int setup(void **state)
{
        static const struct core_durable nothing;
        const struct core_config config = {.mirrors = MIRRORS, .has_service = {true, true, true}, .needs = {[DATA] = 1u << LOGS}, .group = {3, 3, 4}, .timers = timers_normal(), .boot = {{1}}, .start = 1};

        (void)state;
        core_init(&c, &config, &nothing, 1000);
        c.now_ms = 100200;
        c.act_ready = true;
        c.detector.voter[1] = (struct detector_voter){.state = DETECTOR_ALIVE, .ever = true, .heard_ms = c.now_ms, .last = {.mirrors = MIRRORS}};
        for (uint8_t m = 0; m < MIRRORS; m++)
                serve(m);
        return 0;
}

static unsigned asked(enum effect_type effect, uint8_t mirror)
{
        unsigned n = 0;

        for (unsigned i = 0; i < out.count; i++)
                n += out.at[i].type == ACTION_EFFECT && out.at[i].effect.type == effect && out.at[i].effect.mirror == mirror;
        return n;
}

static void poll_all(void)
{
        out.count = 0;
        for (uint8_t m = 0; m < MIRRORS; m++)
                service_poll(&c, m, &out);
}

static void it_starts_behind_what_it_needs(void **state)
{
        (void)state;
        c.service[DATA].state = c.service[LOGS].state = SERVICE_DOWN;
        poll_all();
        assert_int_equal(asked(EFFECT_SERVICE_START, LOGS), 1);
        assert_int_equal(asked(EFFECT_SERVICE_START, DATA), 0);
        c.service[LOGS].state = SERVICE_UP;
        poll_all();
        assert_int_equal(asked(EFFECT_SERVICE_START, DATA), 1);
}

static void one_without_a_service_is_needed_as_well(void **state)
{
        (void)state;
        c.service[DATA].state = SERVICE_DOWN;
        c.service[LOGS].state = SERVICE_NONE;
        c.mirror[LOGS].state = MIRROR_HISTORY;
        poll_all();
        assert_int_equal(asked(EFFECT_SERVICE_START, DATA), 0);
        c.mirror[LOGS].state = MIRROR_PRIMARY;
        poll_all();
        assert_int_equal(asked(EFFECT_SERVICE_START, DATA), 1);
}

/* A hand-over of what is needed: its service, and without one its array, waits for the service that is over it. */
static void it_stops_before_what_it_needs(void **state)
{
        (void)state;
        c.mirror[LOGS].state = MIRROR_STOP_SERVICE;
        c.leg[LOGS].state = LEG_OUT; /* nothing under way there */
        poll_all();
        assert_int_equal(asked(EFFECT_SERVICE_STOP, DATA), 1);
        assert_int_equal(asked(EFFECT_SERVICE_STOP, LOGS), 0);
        assert_false(mirror_facts(&c, LOGS) & MIRROR_QUIET);
        c.service[LOGS].state = SERVICE_NONE;
        assert_false(mirror_facts(&c, LOGS) & MIRROR_QUIET);
        c.service[LOGS].state = SERVICE_UP;
        c.service[DATA].state = SERVICE_DOWN;
        poll_all();
        assert_int_equal(asked(EFFECT_SERVICE_STOP, LOGS), 1);
        c.service[LOGS].state = SERVICE_DOWN;
        assert_true(mirror_facts(&c, LOGS) & MIRROR_QUIET);
}

/* What failed is not started anew under a service that is still over it. */
static void a_failed_one_waits_until_nobody_is_over_it(void **state)
{
        (void)state;
        c.service[LOGS].state = SERVICE_FAILED;
        poll_all();
        assert_int_equal(asked(EFFECT_SERVICE_STOP, DATA), 1);
        assert_int_equal(asked(EFFECT_SERVICE_START, LOGS), 0);
        c.service[DATA].state = SERVICE_DOWN;
        poll_all();
        assert_int_equal(asked(EFFECT_SERVICE_START, LOGS), 1);
        assert_int_equal(asked(EFFECT_SERVICE_START, DATA), 0);
}

static void a_restarted_hamon_stops_nothing(void **state)
{
        static const enum mirror_state unknown[] = {MIRROR_START, MIRROR_OPENING, MIRROR_ADOPT, MIRROR_APPLY, MIRROR_HISTORY};

        (void)state;
        for (unsigned i = 0; i < sizeof unknown / sizeof *unknown; i++) {
                c.service[DATA].state = c.service[LOGS].state = SERVICE_UNKNOWN;
                c.mirror[LOGS].state = unknown[i];
                c.mirror[DATA].observed_valid = c.mirror[DATA].observed.service_running = true;
                out.count = 0;
                service_poll(&c, DATA, &out);
                assert_int_equal(c.service[DATA].state, SERVICE_UNKNOWN);
                assert_int_equal(out.count, 0);
        }
        c.mirror[LOGS].state = MIRROR_PRIMARY; /* and its service was not looked at yet */
        service_poll(&c, DATA, &out);
        assert_int_equal(c.service[DATA].state, SERVICE_UNKNOWN);
        c.service[LOGS].state = SERVICE_UP;
        service_poll(&c, DATA, &out);
        assert_int_equal(c.service[DATA].state, SERVICE_UP);
        c.service[DATA].state = SERVICE_UNKNOWN;
        c.mirror[LOGS].state = MIRROR_STANDBY; /* it is not here: then it has no place here either */
        service_poll(&c, DATA, &out);
        assert_int_equal(c.service[DATA].state, SERVICE_STOPPING);
}

/* R4e: the address of the service ends with the first lease that does. */
static void the_address_lives_as_long_as_the_shortest_lease(void **state)
{
        (void)state;
        poll_all();
        assert_int_equal(asked(EFFECT_ADDRESS_RENEW, DATA), 1);
        c.now_ms += c.config.timers.address_renew_ms;
        for (uint8_t m = 0; m < MIRRORS; m++)
                for (unsigned v = 0; v < VOTERS; v++)
                        c.lease[m].granted_sent_ms[v] = m == LOGS ? 1000 : c.now_ms;
        poll_all();
        assert_int_equal(asked(EFFECT_ADDRESS_RENEW, DATA), 0);
        assert_int_equal(asked(EFFECT_ADDRESS_DROP, DATA), 1);
        assert_int_equal(asked(EFFECT_ADDRESS_RENEW, REST), 1);
}

static void all_move_or_none(void **state)
{
        (void)state;
        assert_true(group_can_move(&c, DATA) && group_can_move(&c, LOGS) && group_can_move(&c, REST));
        c.leg[LOGS].state = LEG_SYNCING;
        assert_false(group_can_move(&c, DATA));
        assert_true(group_can_move(&c, REST));
        is_there(LOGS); /* it has gone already */
        assert_true(group_can_move(&c, DATA));
        serve(LOGS);
        c.detector.voter[1].last.mirror[LOGS].leg_ready = false;
        assert_false(group_can_move(&c, DATA));
        serve(LOGS);
        group_move(&c, LOGS);
        assert_true(c.mirror[DATA].stop && c.mirror[LOGS].stop);
        assert_false(c.mirror[REST].stop);
}

/* The own disk of one fails: it moves when the others can, and serves over the peer's leg until then. Where the disks of all failed, all move. */
static void a_failed_disk_does_not_part_them(void **state)
{
        (void)state;
        c.leg[DATA].state = LEG_OWN_FAILED;
        assert_true(mirror_facts(&c, DATA) & MIRROR_STOP);
        c.leg[LOGS].state = LEG_SYNCING;
        assert_false(mirror_facts(&c, DATA) & MIRROR_STOP);
        c.leg[LOGS].state = LEG_OWN_FAILED;
        assert_true(mirror_facts(&c, DATA) & MIRROR_STOP);
        assert_true(mirror_facts(&c, LOGS) & MIRROR_STOP);
        is_there(DATA);
        assert_true(mirror_facts(&c, LOGS) & MIRROR_STOP);
        c.leg[REST].state = LEG_OWN_FAILED; /* nobody is tied to it */
        assert_true(mirror_facts(&c, REST) & MIRROR_STOP);
}

/* Of two on two nodes exactly one goes: the later one, or the one that can. */
static void one_follows_the_other(void **state)
{
        (void)state;
        assert_false(group_follows(&c, DATA) || group_follows(&c, LOGS));
        is_there(LOGS);
        assert_false(group_follows(&c, DATA)); /* logs comes here */
        c.reg[LOGS].decided.legs[0].in_sync = false;
        assert_true(group_follows(&c, DATA)); /* it cannot */
        assert_true(mirror_facts(&c, DATA) & MIRROR_STOP);
        c.reg[DATA].decided.maintenance_until_s = c.wall_s + 100;
        assert_false(group_follows(&c, DATA)); /* a person's word that nothing moves */
        c.reg[DATA].decided.maintenance_until_s = 0;
        c.leg[DATA].state = LEG_SYNCING;
        assert_false(group_follows(&c, DATA)); /* nobody there has everything */
        c.leg[DATA].state = LEG_IN;
        c.mirror[DATA].since_ms = c.now_ms; /* it has just come up here */
        assert_false(group_follows(&c, DATA));
        serve(DATA);
        serve(LOGS);
        is_there(DATA);
        assert_true(group_follows(&c, LOGS));
        c.detector.voter[1].state = DETECTOR_DEAD;
        assert_false(group_follows(&c, LOGS));
        assert_false(group_follows(&c, REST));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(it_starts_behind_what_it_needs, setup),
            cmocka_unit_test_setup(one_without_a_service_is_needed_as_well, setup),
            cmocka_unit_test_setup(it_stops_before_what_it_needs, setup),
            cmocka_unit_test_setup(a_failed_one_waits_until_nobody_is_over_it, setup),
            cmocka_unit_test_setup(a_restarted_hamon_stops_nothing, setup),
            cmocka_unit_test_setup(the_address_lives_as_long_as_the_shortest_lease, setup),
            cmocka_unit_test_setup(all_move_or_none, setup),
            cmocka_unit_test_setup(a_failed_disk_does_not_part_them, setup),
            cmocka_unit_test_setup(one_follows_the_other, setup),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
