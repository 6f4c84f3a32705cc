/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/state.h"

#include <errno.h>

/* REASON_NONE: the other node goes on with this mirror, or takes it over with every acknowledged write. */
static enum reason obstacle(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);

        if (r->version == 0)
                return REASON_NONE; /* there is nothing yet */
        if (!detector_is_alive(c, peer_of(c)) || !s)
                return REASON_NODE_DEAD;
        if (m->state == MIRROR_STANDBY && s->role == ROLE_PRIMARY)
                return REASON_NONE;
        if (m->state != MIRROR_PRIMARY)
                return REASON_COMMAND_WRONG_STATE;
#ifdef MUTANT_UNIT_fence_test_anyway
        return REASON_NONE;
#endif
        if (!c->reg[mirror].decided.legs[peer_of(c)].in_sync || c->leg[mirror].state != LEG_IN || !s->leg_ready)
                return REASON_DEGRADED;
        if (c->config.manual || !detector_is_alive(c, WITNESS))
                return REASON_WITNESS_LOST;
        return record_is_in_maintenance(c, r) ? REASON_MAINTENANCE : REASON_NONE;
}

static enum reason refusal(const struct core *c)
{
        if (c->leaving)
                return REASON_COMMAND_BUSY;
        if (!c->act_ready)
                return REASON_ACT_LOST;
        for (uint8_t m = 0; m < c->config.mirrors; m++) {
                enum reason reason = obstacle(c, m);
                if (reason != REASON_NONE)
                        return reason;
        }
        return REASON_NONE;
}

void fence_test_given(struct core *c, const struct event *e, struct actions *out)
{
        struct fence_test *f = &c->fence_test;
        enum reason reason = f->at_ms ? REASON_COMMAND_BUSY : !e->command.consent ? REASON_COMMAND_CONSENT : refusal(c);

        if (reason != REASON_NONE) {
                answer(e->command.ticket, reason == REASON_COMMAND_CONSENT ? -EPERM : reason == REASON_COMMAND_BUSY ? -EBUSY : -EINVAL, reason, out);
                return;
        }
        *f = (struct fence_test){.at_ms = c->now_ms + FENCE_TEST_MS, .ticket = e->command.ticket};
}

void fence_test_poll(struct core *c, struct actions *out)
{
        struct fence_test *f = &c->fence_test;

        if (!f->at_ms || c->now_ms < f->at_ms)
                return;
        f->at_ms = 0;
        enum reason reason = refusal(c);
        if (reason != REASON_NONE) {
                answer(f->ticket, -EINVAL, reason, out);
                return;
        }
        report(c, REASON_FENCE_TEST, MIRRORS_MAX, c->config.self, 0, out);
        answer(f->ticket, 0, REASON_COMMAND_DONE, out);
        for (uint8_t m = 0; m < c->config.mirrors; m++)
                if (c->mirror[m].state == MIRROR_PRIMARY)
                        effect_send_untracked(c, (struct effect){.type = EFFECT_ADDRESS_DROP, .mirror = m}, out);
        effect_send_untracked(c, (struct effect){.type = EFFECT_REBOOT, .mirror = 0}, out);
}

uint64_t fence_test_deadline_ms(const struct core *c)
{
        return c->fence_test.at_ms ? c->fence_test.at_ms : UINT64_MAX;
}
