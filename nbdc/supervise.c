/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/supervise.h"

#include <assert.h>
#include <string.h>

#include "nbdc/limits.h"

void supervisor_init(struct supervisor *s, enum nbdc_policy policy, bool wait)
{
        *s = (struct supervisor){.state = NBDC_CONNECTING,
                                 .policy = policy,
                                 .wait = wait,
                                 .backoff_ms = NBDC_BACKOFF_MIN_MS,
                                 .refused_ms = NBDC_REFUSED_MIN_MS};
}

static struct supervise_action *act(struct supervise_actions *out, enum supervise_action_type type)
{
        assert(out->count < SUPERVISE_ACTIONS_MAX);
        struct supervise_action *a = &out->list[out->count++];
        *a = (struct supervise_action){.type = type};
        return a;
}

/* The legal edges; anything else is a bug of this file. */
static void become(struct supervisor *s, enum nbdc_state next)
{
        static const bool legal[4][4] = {
            [NBDC_CONNECTING] = {[NBDC_ATTACHED] = true, [NBDC_RECONNECTING] = true},
            [NBDC_ATTACHED] = {[NBDC_RECONNECTING] = true, [NBDC_DETACHING] = true},
            [NBDC_RECONNECTING] = {[NBDC_ATTACHED] = true, [NBDC_DETACHING] = true},
            [NBDC_DETACHING] = {[NBDC_RECONNECTING] = true},
        };
        assert(legal[s->state][next]);
        s->state = next;
}

static void leave(struct supervisor *s, struct supervise_actions *out, int status)
{
        act(out, ACTION_HANG_UP);
        act(out, ACTION_EXIT)->exit_status = status;
        s->have_connection = false;
        s->ended = true;
}

static void retry_later(struct supervise_actions *out, uint32_t delay_ms)
{
        act(out, ACTION_TIMER)->delay_ms = delay_ms;
}

/* By a quarter: a server that is back is noticed within a quarter of the time that it was away. */
static void retry_unreachable(struct supervisor *s, struct supervise_actions *out)
{
        retry_later(out, s->backoff_ms);
        s->backoff_ms += s->backoff_ms / 4;
        if (s->backoff_ms > NBDC_BACKOFF_MAX_MS)
                s->backoff_ms = NBDC_BACKOFF_MAX_MS;
}

static void retry_refused(struct supervisor *s, struct supervise_actions *out)
{
        retry_later(out, s->refused_ms);
        s->refused_ms *= 2;
        if (s->refused_ms > NBDC_REFUSED_MAX_MS)
                s->refused_ms = NBDC_REFUSED_MAX_MS;
}

static void kernel_request(struct supervisor *s, struct supervise_actions *out, enum supervise_action_type type)
{
        assert(s->kernel_request == ACTION_NONE);
        s->kernel_request = type;
        act(out, type);
}

static void begin_detach(struct supervisor *s, struct supervise_actions *out)
{
        s->detach_wanted = false;
        become(s, NBDC_DETACHING);
        act(out, ACTION_HANG_UP);
        s->have_connection = false;
        act(out, ACTION_SHUTDOWN);
        kernel_request(s, out, ACTION_DISCONNECT);
}

static void detach(struct supervisor *s, const struct supervise_event *e, struct supervise_actions *out)
{
        if (s->state == NBDC_CONNECTING && s->kernel_request == ACTION_NONE) { /* there is nothing to disconnect */
                act(out, ACTION_DETACH_OK);
                leave(s, out, NBDC_EXIT_OK);
        } else if (s->state == NBDC_DETACHING) {
                return; /* answered with the one that is under way */
        } else if (s->policy == NBDC_REQUIRED && !e->decided) {
                act(out, ACTION_DETACH_REFUSED);
        } else if (s->kernel_request != ACTION_NONE) {
                s->detach_wanted = true;
        } else {
                begin_detach(s, out);
        }
}

static void link_lost(struct supervisor *s, const struct supervise_event *e, struct supervise_actions *out)
{
        become(s, NBDC_RECONNECTING);
        s->down_at_ms = e->now_ms;
        s->let_go = e->type == EVENT_LINK_DEAD;
        s->grace_over = false;
        act(out, ACTION_SHUTDOWN);
        if (s->let_go)
                kernel_request(s, out, ACTION_RELEASE);
        if (e->now_ms - s->attached_at_ms < NBDC_STABLE_MS) {
                retry_unreachable(s, out);
                return;
        }
        s->backoff_ms = NBDC_BACKOFF_MIN_MS;
        s->refused_ms = NBDC_REFUSED_MIN_MS;
        act(out, ACTION_DIAL);
}

static void hand_over(struct supervisor *s, struct supervise_actions *out)
{
        if (!s->have_connection || s->kernel_request != ACTION_NONE)
                return;
        if (s->let_go || s->grace_over)
                kernel_request(s, out, ACTION_RECONFIGURE);
        else
                act(out, ACTION_TIMER)->delay_ms = NBDC_DEAD_GRACE_MS;
}

static void attached(struct supervisor *s, const struct supervise_event *e, struct supervise_actions *out)
{
        bool first = s->state == NBDC_CONNECTING;
        become(s, NBDC_ATTACHED);
        s->have_connection = false;
        s->attached_at_ms = e->now_ms;
        if (!first)
                s->reconnects++;
        act(out, ACTION_WATCH);
        if (first)
                act(out, ACTION_READY);
        if (s->detach_wanted)
                begin_detach(s, out);
}

static void step_connecting(struct supervisor *s, const struct supervise_event *e, struct supervise_actions *out)
{
        switch (e->type) {
        case EVENT_START:
        case EVENT_TIMER:
                act(out, ACTION_DIAL);
                return;
        case EVENT_ADOPT_LIVE:
                become(s, NBDC_ATTACHED);
                s->attached_at_ms = e->now_ms;
                s->let_go = true;
                act(out, ACTION_READY);
                return;
        case EVENT_ADOPT_DEAD:
                become(s, NBDC_RECONNECTING);
                s->down_at_ms = e->now_ms;
                act(out, ACTION_READY);
                act(out, ACTION_DIAL);
                return;
        case EVENT_DIALED:
                s->have_connection = true;
                kernel_request(s, out, ACTION_CONNECT);
                return;
        case EVENT_UNREACHABLE:
                if (s->wait)
                        retry_unreachable(s, out);
                else
                        leave(s, out, NBDC_EXIT_UNREACHABLE);
                return;
        case EVENT_REFUSED:
                leave(s, out, NBDC_EXIT_REFUSED);
                return;
        case EVENT_KERNEL_OK:
                s->kernel_request = ACTION_NONE;
                s->let_go = true;
                attached(s, e, out);
                return;
        case EVENT_KERNEL_FAILED:
        case EVENT_KERNEL_GONE:
                s->kernel_request = ACTION_NONE;
                if (s->detach_wanted)
                        act(out, ACTION_DETACH_OK);
                leave(s, out, NBDC_EXIT_KERNEL);
                return;
        case EVENT_STOP:
                leave(s, out, NBDC_EXIT_OK);
                return;
        case EVENT_DETACH:
                detach(s, e, out);
                return;
        case EVENT_LINK_DOWN: /* another device's, or the end of an earlier use */
        case EVENT_LINK_DEAD:
        case EVENT_COUNT:
                return;
        }
}

static void step_attached(struct supervisor *s, const struct supervise_event *e, struct supervise_actions *out)
{
        switch (e->type) {
        case EVENT_LINK_DOWN:
        case EVENT_LINK_DEAD:
                link_lost(s, e, out);
                return;
        case EVENT_DETACH:
                detach(s, e, out);
                return;
        case EVENT_STOP:
                leave(s, out, NBDC_EXIT_OK);
                return;
        case EVENT_START:
        case EVENT_ADOPT_LIVE:
        case EVENT_ADOPT_DEAD:
        case EVENT_DIALED:
        case EVENT_UNREACHABLE:
        case EVENT_REFUSED:
        case EVENT_KERNEL_OK:
        case EVENT_KERNEL_FAILED:
        case EVENT_KERNEL_GONE:
        case EVENT_TIMER: /* a back-off that the reconnect overtook */
        case EVENT_COUNT:
                return;
        }
}

/* RELEASE only helps: whatever came of it, what waited for the kernel goes on. */
static void released(struct supervisor *s, struct supervise_actions *out)
{
        s->kernel_request = ACTION_NONE;
        if (s->detach_wanted)
                begin_detach(s, out);
        else
                hand_over(s, out);
}

static void step_reconnecting(struct supervisor *s, const struct supervise_event *e, struct supervise_actions *out)
{
        switch (e->type) {
        case EVENT_DIALED:
                s->have_connection = true;
                hand_over(s, out);
                return;
        case EVENT_LINK_DEAD:
                if (s->kernel_request == ACTION_NONE && !s->let_go && !s->have_connection)
                        kernel_request(s, out, ACTION_RELEASE);
                s->let_go = true;
                hand_over(s, out);
                return;
        case EVENT_TIMER:
                if (s->have_connection) {
                        s->grace_over = true;
                        hand_over(s, out);
                } else {
                        act(out, ACTION_DIAL); /* also while a RELEASE is under way */
                }
                return;
        case EVENT_UNREACHABLE:
                retry_unreachable(s, out);
                return;
        case EVENT_REFUSED:
                retry_refused(s, out);
                return;
        case EVENT_KERNEL_OK:
                if (s->kernel_request == ACTION_RELEASE) {
                        released(s, out);
                        return;
                }
                s->kernel_request = ACTION_NONE;
                attached(s, e, out);
                return;
        case EVENT_KERNEL_FAILED:
                if (s->kernel_request == ACTION_RELEASE) {
                        released(s, out);
                        return;
                }
                s->kernel_request = ACTION_NONE;
                s->have_connection = false;
                act(out, ACTION_HANG_UP);
                if (s->detach_wanted)
                        begin_detach(s, out);
                else
                        retry_unreachable(s, out);
                return;
        case EVENT_KERNEL_GONE:
                s->kernel_request = ACTION_NONE;
                if (s->detach_wanted)
                        act(out, ACTION_DETACH_OK);
                leave(s, out, s->detach_wanted ? NBDC_EXIT_OK : NBDC_EXIT_KERNEL);
                return;
        case EVENT_DETACH:
                detach(s, e, out);
                return;
        case EVENT_STOP:
                leave(s, out, NBDC_EXIT_OK);
                return;
        case EVENT_LINK_DOWN: /* known */
        case EVENT_START:
        case EVENT_ADOPT_LIVE:
        case EVENT_ADOPT_DEAD:
        case EVENT_COUNT:
                return;
        }
}

static void step_detaching(struct supervisor *s, const struct supervise_event *e, struct supervise_actions *out)
{
        switch (e->type) {
        case EVENT_KERNEL_OK:
        case EVENT_KERNEL_GONE:
                s->kernel_request = ACTION_NONE;
                act(out, ACTION_DETACH_OK);
                leave(s, out, NBDC_EXIT_OK);
                return;
        case EVENT_KERNEL_FAILED:
                s->kernel_request = ACTION_NONE;
                act(out, ACTION_DETACH_FAILED);
                become(s, NBDC_RECONNECTING);
                s->down_at_ms = e->now_ms;
                s->let_go = true;
                act(out, ACTION_DIAL);
                return;
        case EVENT_STOP:
                leave(s, out, NBDC_EXIT_OK);
                return;
        case EVENT_START:
        case EVENT_ADOPT_LIVE:
        case EVENT_ADOPT_DEAD:
        case EVENT_DIALED:
        case EVENT_UNREACHABLE:
        case EVENT_REFUSED:
        case EVENT_LINK_DOWN:
        case EVENT_LINK_DEAD:
        case EVENT_TIMER:
        case EVENT_DETACH: /* answered with the one that is under way */
        case EVENT_COUNT:
                return;
        }
}

void supervisor_step(struct supervisor *s, const struct supervise_event *event, struct supervise_actions *ret)
{
        ret->count = 0;
        if (s->ended)
                return;
        if (event->type == EVENT_DIALED || event->type == EVENT_UNREACHABLE || event->type == EVENT_REFUSED)
                s->refused = event->type == EVENT_REFUSED;
        switch (s->state) {
        case NBDC_CONNECTING:
                step_connecting(s, event, ret);
                return;
        case NBDC_ATTACHED:
                step_attached(s, event, ret);
                return;
        case NBDC_RECONNECTING:
                step_reconnecting(s, event, ret);
                return;
        case NBDC_DETACHING:
                step_detaching(s, event, ret);
                return;
        }
}
