/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The supervisor: stories (events in, actions out, one line each), and a random walk that checks after every step what
 * may never happen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nbdc/limits.h"
#include "nbdc/supervise.h"

static const char *const action_names[] = {
    [ACTION_NONE] = "none",
    [ACTION_DIAL] = "dial",
    [ACTION_HANG_UP] = "hang-up",
    [ACTION_TIMER] = "timer",
    [ACTION_CONNECT] = "connect",
    [ACTION_RELEASE] = "release",
    [ACTION_RECONFIGURE] = "reconfigure",
    [ACTION_SHUTDOWN] = "shutdown",
    [ACTION_DISCONNECT] = "disconnect",
    [ACTION_WATCH] = "watch",
    [ACTION_READY] = "ready",
    [ACTION_DETACH_OK] = "detach-ok",
    [ACTION_DETACH_REFUSED] = "detach-refused",
    [ACTION_DETACH_FAILED] = "detach-failed",
    [ACTION_EXIT] = "exit",
};

#define DECIDED (EVENT_DETACH | 0x100u) /* DETACH with a decided version */

struct line {
        unsigned event;
        unsigned after_ms;
        const char *actions;
        enum nbdc_state state;
};

static void show(const struct supervise_actions *out, char *text, size_t size)
{
        text[0] = '\0';
        for (unsigned i = 0; i < out->count; i++) {
                const struct supervise_action *a = &out->list[i];
                size_t n = strlen(text);
                snprintf(text + n, size - n, "%s%s", i ? " " : "", action_names[a->type]);
                n = strlen(text);
                if (a->type == ACTION_TIMER)
                        snprintf(text + n, size - n, "=%u", a->delay_ms);
                if (a->type == ACTION_EXIT)
                        snprintf(text + n, size - n, "=%d", a->exit_status);
        }
}

static void tell_from(struct supervisor *s, uint64_t *now_ms, const struct line *lines, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct supervise_actions out;
                char text[256];
                *now_ms += lines[i].after_ms;
                struct supervise_event e = {.type = (enum supervise_event_type)(lines[i].event & 0xffu),
                                            .now_ms = *now_ms,
                                            .decided = lines[i].event == DECIDED};
                supervisor_step(s, &e, &out);
                show(&out, text, sizeof text);
                if (strcmp(text, lines[i].actions) != 0 || s->state != lines[i].state)
                        fail_msg("line %zu: got '%s' in %s, expected '%s' in %s", i, text, nbdc_state_name(s->state),
                                 lines[i].actions, nbdc_state_name(lines[i].state));
        }
}

/* The machine has no strings of its own; the client library's would bring jansson. */
const char *nbdc_state_name(enum nbdc_state state)
{
        static const char *const names[] = {"CONNECTING", "ATTACHED", "RECONNECTING", "DETACHING"};
        return names[state];
}

#define TELL(s, ...)                                                                                                   \
        do {                                                                                                           \
                const struct line lines_[] = {__VA_ARGS__};                                                            \
                tell_from((s), &clock_ms, lines_, sizeof lines_ / sizeof *lines_);                                     \
        } while (0)

static uint64_t clock_ms;

static struct supervisor fresh(enum nbdc_policy policy, bool wait)
{
        struct supervisor s;
        clock_ms = 1000000;
        supervisor_init(&s, policy, wait);
        return s;
}

static struct supervisor attached(enum nbdc_policy policy)
{
        struct supervisor s = fresh(policy, false);
        TELL(&s, {EVENT_START, 0, "dial", NBDC_CONNECTING}, {EVENT_DIALED, 10, "connect", NBDC_CONNECTING},
             {EVENT_KERNEL_OK, 10, "watch ready", NBDC_ATTACHED});
        clock_ms += NBDC_STABLE_MS;
        return s;
}

static void test_attach(void **state)
{
        (void)state;
        attached(NBDC_REQUIRED);
}

static void test_attach_that_fails(void **state)
{
        (void)state;
        struct supervisor s = fresh(NBDC_REQUIRED, false);
        TELL(&s, {EVENT_START, 0, "dial", NBDC_CONNECTING}, {EVENT_REFUSED, 0, "hang-up exit=2", NBDC_CONNECTING});
        s = fresh(NBDC_REQUIRED, false);
        TELL(&s, {EVENT_START, 0, "dial", NBDC_CONNECTING}, {EVENT_UNREACHABLE, 0, "hang-up exit=3", NBDC_CONNECTING});
        s = fresh(NBDC_REQUIRED, false);
        TELL(&s, {EVENT_START, 0, "dial", NBDC_CONNECTING}, {EVENT_DIALED, 0, "connect", NBDC_CONNECTING},
             {EVENT_KERNEL_FAILED, 0, "hang-up exit=4", NBDC_CONNECTING});
        s = fresh(NBDC_REQUIRED, true); /* --wait: an unreachable server is waited for, a refusal is not */
        TELL(&s, {EVENT_START, 0, "dial", NBDC_CONNECTING}, {EVENT_UNREACHABLE, 0, "timer=50", NBDC_CONNECTING},
             {EVENT_TIMER, 50, "dial", NBDC_CONNECTING}, {EVENT_UNREACHABLE, 0, "timer=62", NBDC_CONNECTING},
             {EVENT_TIMER, 62, "dial", NBDC_CONNECTING}, {EVENT_REFUSED, 0, "hang-up exit=2", NBDC_CONNECTING});
}

static void test_reconnect(void **state)
{
        (void)state;
        struct supervisor s = attached(NBDC_REQUIRED);
        TELL(&s, {EVENT_LINK_DOWN, 0, "shutdown dial", NBDC_RECONNECTING},
             {EVENT_LINK_DEAD, 10, "release", NBDC_RECONNECTING}, {EVENT_KERNEL_OK, 1, "", NBDC_RECONNECTING},
             {EVENT_DIALED, 5, "reconfigure", NBDC_RECONNECTING}, {EVENT_KERNEL_OK, 1, "watch", NBDC_ATTACHED});
        assert_int_equal(s.reconnects, 1);
        clock_ms += NBDC_STABLE_MS;
        /* dialled before the kernel let go: the new socket waits for LINK_DEAD */
        TELL(&s, {EVENT_LINK_DOWN, 0, "shutdown dial", NBDC_RECONNECTING},
             {EVENT_DIALED, 5, "timer=1000", NBDC_RECONNECTING}, {EVENT_LINK_DEAD, 5, "reconfigure", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 1, "watch", NBDC_ATTACHED}, {EVENT_TIMER, 900, "", NBDC_ATTACHED});
        clock_ms += NBDC_STABLE_MS;
        /* LINK_DEAD first, and dialled while the release is under way */
        TELL(&s, {EVENT_LINK_DEAD, 0, "shutdown release dial", NBDC_RECONNECTING},
             {EVENT_LINK_DOWN, 0, "", NBDC_RECONNECTING}, {EVENT_DIALED, 5, "", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 1, "reconfigure", NBDC_RECONNECTING}, {EVENT_KERNEL_OK, 1, "watch", NBDC_ATTACHED});
        clock_ms += NBDC_STABLE_MS;
        /* LINK_DEAD lost */
        TELL(&s, {EVENT_LINK_DOWN, 0, "shutdown dial", NBDC_RECONNECTING},
             {EVENT_DIALED, 5, "timer=1000", NBDC_RECONNECTING}, {EVENT_TIMER, 1000, "reconfigure", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 1, "watch", NBDC_ATTACHED});
        assert_int_equal(s.reconnects, 4);
}

static void test_back_off(void **state)
{
        (void)state;
        struct supervisor s = attached(NBDC_REQUIRED);
        TELL(&s, {EVENT_LINK_DEAD, 0, "shutdown release dial", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 0, "", NBDC_RECONNECTING});
        static const unsigned delays[] = {50, 62, 77, 96, 120, 150, 187, 233, 291, 363, 453, 566, 707, 883, 1000, 1000};
        for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
                char text[32];
                snprintf(text, sizeof text, "timer=%u", delays[i]);
                TELL(&s, {EVENT_UNREACHABLE, 0, text, NBDC_RECONNECTING},
                     {EVENT_TIMER, delays[i], "dial", NBDC_RECONNECTING});
        }
        /* a server that takes connections and drops them at once is not dialled in a tight loop */
        TELL(&s, {EVENT_DIALED, 0, "reconfigure", NBDC_RECONNECTING}, {EVENT_KERNEL_OK, 0, "watch", NBDC_ATTACHED},
             {EVENT_LINK_DEAD, 1, "shutdown release timer=1000", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 0, "", NBDC_RECONNECTING}, {EVENT_TIMER, 1000, "dial", NBDC_RECONNECTING},
             {EVENT_DIALED, 0, "reconfigure", NBDC_RECONNECTING}, {EVENT_KERNEL_OK, 0, "watch", NBDC_ATTACHED});
        clock_ms += NBDC_STABLE_MS;
        TELL(&s, {EVENT_LINK_DEAD, 0, "shutdown release dial", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 0, "", NBDC_RECONNECTING}, {EVENT_UNREACHABLE, 0, "timer=50", NBDC_RECONNECTING});
}

static void test_refused_reconnect_never_detaches(void **state)
{
        (void)state;
        struct supervisor s = attached(NBDC_REQUIRED);
        TELL(&s, {EVENT_LINK_DEAD, 0, "shutdown release dial", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 0, "", NBDC_RECONNECTING});
        static const unsigned delays[] = {250, 500, 1000, 2000, 4000, 5000, 5000};
        for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
                char text[32];
                snprintf(text, sizeof text, "timer=%u", delays[i]);
                TELL(&s, {EVENT_REFUSED, 0, text, NBDC_RECONNECTING},
                     {EVENT_TIMER, delays[i], "dial", NBDC_RECONNECTING});
                assert_true(s.refused);
        }
        TELL(&s, {EVENT_DIALED, 0, "reconfigure", NBDC_RECONNECTING}, {EVENT_KERNEL_OK, 0, "watch", NBDC_ATTACHED});
        assert_false(s.refused);
}

static void test_detach(void **state)
{
        (void)state;
        struct supervisor s = attached(NBDC_REQUIRED);
        TELL(&s, {EVENT_DETACH, 0, "detach-refused", NBDC_ATTACHED},
             {DECIDED, 0, "hang-up shutdown disconnect", NBDC_DETACHING}, {DECIDED, 0, "", NBDC_DETACHING},
             {EVENT_LINK_DOWN, 0, "", NBDC_DETACHING},
             {EVENT_KERNEL_OK, 100, "detach-ok hang-up exit=0", NBDC_DETACHING}, {EVENT_STOP, 0, "", NBDC_DETACHING});
        s = attached(NBDC_OPTIONAL);
        TELL(&s, {EVENT_DETACH, 0, "hang-up shutdown disconnect", NBDC_DETACHING},
             {EVENT_KERNEL_GONE, 0, "detach-ok hang-up exit=0", NBDC_DETACHING});
        s = attached(NBDC_REQUIRED);
        s.policy = NBDC_OPTIONAL; /* as the control socket does */
        TELL(&s, {EVENT_DETACH, 0, "hang-up shutdown disconnect", NBDC_DETACHING},
             {EVENT_KERNEL_FAILED, 0, "detach-failed dial", NBDC_RECONNECTING},
             {EVENT_DIALED, 0, "reconfigure", NBDC_RECONNECTING});
        s = fresh(NBDC_REQUIRED, true); /* nothing is attached yet */
        TELL(&s, {EVENT_START, 0, "dial", NBDC_CONNECTING},
             {EVENT_DETACH, 0, "detach-ok hang-up exit=0", NBDC_CONNECTING});
}

static void test_detach_waits_for_the_kernel(void **state)
{
        (void)state;
        struct supervisor s = fresh(NBDC_OPTIONAL, false);
        TELL(&s, {EVENT_START, 0, "dial", NBDC_CONNECTING}, {EVENT_DIALED, 0, "connect", NBDC_CONNECTING},
             {EVENT_DETACH, 0, "", NBDC_CONNECTING},
             {EVENT_KERNEL_OK, 0, "watch ready hang-up shutdown disconnect", NBDC_DETACHING});
        s = attached(NBDC_REQUIRED);
        TELL(&s, {EVENT_LINK_DEAD, 0, "shutdown release dial", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 0, "", NBDC_RECONNECTING}, {EVENT_DIALED, 0, "reconfigure", NBDC_RECONNECTING},
             {EVENT_DETACH, 0, "detach-refused", NBDC_RECONNECTING}, {DECIDED, 0, "", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 0, "watch hang-up shutdown disconnect", NBDC_DETACHING});
        s = attached(NBDC_REQUIRED);
        TELL(&s, {EVENT_LINK_DEAD, 0, "shutdown release dial", NBDC_RECONNECTING}, {DECIDED, 0, "", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 0, "hang-up shutdown disconnect", NBDC_DETACHING});
}

static void test_stop_never_disconnects(void **state)
{
        (void)state;
        struct supervisor s = attached(NBDC_REQUIRED);
        TELL(&s, {EVENT_STOP, 0, "hang-up exit=0", NBDC_ATTACHED});
        s = attached(NBDC_OPTIONAL);
        TELL(&s, {EVENT_STOP, 0, "hang-up exit=0", NBDC_ATTACHED});
        s = attached(NBDC_REQUIRED);
        TELL(&s, {EVENT_LINK_DOWN, 0, "shutdown dial", NBDC_RECONNECTING},
             {EVENT_STOP, 0, "hang-up exit=0", NBDC_RECONNECTING});
}

static void test_adopt(void **state)
{
        (void)state;
        struct supervisor s = fresh(NBDC_REQUIRED, false);
        TELL(&s, {EVENT_ADOPT_LIVE, 0, "ready", NBDC_ATTACHED});
        clock_ms += NBDC_STABLE_MS;
        TELL(&s, {EVENT_LINK_DOWN, 0, "shutdown dial", NBDC_RECONNECTING});
        s = fresh(NBDC_REQUIRED, false);
        TELL(&s, {EVENT_ADOPT_DEAD, 0, "ready dial", NBDC_RECONNECTING},
             {EVENT_DIALED, 0, "timer=1000", NBDC_RECONNECTING}, {EVENT_TIMER, 1000, "reconfigure", NBDC_RECONNECTING},
             {EVENT_KERNEL_OK, 0, "watch", NBDC_ATTACHED});
}

static void test_disconnected_by_someone_else(void **state)
{
        (void)state;
        struct supervisor s = attached(NBDC_REQUIRED);
        TELL(&s, {EVENT_LINK_DOWN, 0, "shutdown dial", NBDC_RECONNECTING},
             {EVENT_DIALED, 0, "timer=1000", NBDC_RECONNECTING}, {EVENT_TIMER, 1000, "reconfigure", NBDC_RECONNECTING},
             {EVENT_KERNEL_GONE, 0, "hang-up exit=4", NBDC_RECONNECTING});
}

/* A model of the world around the machine: it gives only events that can happen, and checks the rules of supervise.h.
 */
static void test_random_walk(void **state)
{
        (void)state;
        uint32_t seed = 12345;
        for (int walk = 0; walk < 3000; walk++) {
                struct supervisor s;
                uint64_t now = 1000000;
                bool dialling = false, held = false, timer = false, kernel = false, shut_since_watch = true,
                     ended = false, allowed = false;
                enum supervise_action_type request = ACTION_NONE;
                supervisor_init(&s, walk % 2 ? NBDC_REQUIRED : NBDC_OPTIONAL, walk % 3 == 0);
                struct supervise_event e = {.type = walk % 7   ? EVENT_START
                                                    : walk % 2 ? EVENT_ADOPT_LIVE
                                                               : EVENT_ADOPT_DEAD,
                                            .now_ms = now};
                for (int step = 0; step < 60 && !ended; step++) {
                        struct supervise_actions out;
                        if (e.type == EVENT_DETACH && (e.decided || s.policy == NBDC_OPTIONAL))
                                allowed = true;
                        supervisor_step(&s, &e, &out);
                        for (unsigned i = 0; i < out.count; i++) {
                                switch (out.list[i].type) {
                                case ACTION_DIAL:
                                        assert_false(held);
                                        dialling = true;
                                        timer = false;
                                        break;
                                case ACTION_HANG_UP:
                                        dialling = held = false;
                                        break;
                                case ACTION_TIMER:
                                        assert_true(out.list[i].delay_ms >= NBDC_BACKOFF_MIN_MS);
                                        timer = true;
                                        break;
                                case ACTION_CONNECT:
                                case ACTION_RECONFIGURE:
                                        assert_true(held);
                                        /* fall through */
                                case ACTION_RELEASE:
                                case ACTION_DISCONNECT:
                                        assert_false(kernel);
                                        if (out.list[i].type == ACTION_DISCONNECT) {
                                                assert_true(allowed);
                                                assert_true(shut_since_watch);
                                        }
                                        kernel = true;
                                        request = out.list[i].type;
                                        break;
                                case ACTION_SHUTDOWN:
                                        shut_since_watch = true;
                                        break;
                                case ACTION_WATCH:
                                        assert_true(held);
                                        held = false;
                                        shut_since_watch = false;
                                        break;
                                case ACTION_EXIT:
                                        ended = true;
                                        break;
                                case ACTION_NONE:
                                case ACTION_READY:
                                case ACTION_DETACH_OK:
                                case ACTION_DETACH_REFUSED:
                                case ACTION_DETACH_FAILED:
                                        break;
                                }
                        }
                        if (ended)
                                break;
                        /* it never sleeps for ever without a connection */
                        if (s.state != NBDC_ATTACHED)
                                assert_true(dialling || timer || kernel);
                        for (;;) {
                                seed = seed * 1103515245u + 12345u;
                                e = (struct supervise_event){.type = (seed >> 16) % EVENT_COUNT,
                                                             .now_ms = now += (seed >> 8) % 700,
                                                             .decided = seed >> 31};
                                if (e.type == EVENT_DIALED || e.type == EVENT_UNREACHABLE || e.type == EVENT_REFUSED) {
                                        if (!dialling)
                                                continue;
                                        dialling = false;
                                        held = e.type == EVENT_DIALED;
                                } else if (e.type == EVENT_KERNEL_OK || e.type == EVENT_KERNEL_FAILED ||
                                           e.type == EVENT_KERNEL_GONE) {
                                        if (!kernel || (request == ACTION_CONNECT && e.type == EVENT_KERNEL_GONE))
                                                continue;
                                        kernel = false;
                                } else if (e.type == EVENT_TIMER) {
                                        if (!timer)
                                                continue;
                                        timer = false;
                                } else if (e.type == EVENT_START || e.type == EVENT_ADOPT_LIVE ||
                                           e.type == EVENT_ADOPT_DEAD) {
                                        continue;
                                }
                                break;
                        }
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_attach),
            cmocka_unit_test(test_attach_that_fails),
            cmocka_unit_test(test_reconnect),
            cmocka_unit_test(test_back_off),
            cmocka_unit_test(test_refused_reconnect_never_detaches),
            cmocka_unit_test(test_detach),
            cmocka_unit_test(test_detach_waits_for_the_kernel),
            cmocka_unit_test(test_stop_never_disconnects),
            cmocka_unit_test(test_adopt),
            cmocka_unit_test(test_disconnected_by_someone_else),
            cmocka_unit_test(test_random_walk),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
