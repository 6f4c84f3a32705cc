/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/state.h"

void service_policy_failed(struct core *c, uint8_t mirror)
{
        struct service_tally *t = &c->service[mirror].tally;

        if (t->failures == 0 || t->until_ms <= c->now_ms)
                *t = (struct service_tally){.until_ms = c->now_ms + c->config.service[mirror].window_ms};
        t->failures++;
}

bool service_policy_is_exhausted(const struct core *c, uint8_t mirror)
{
        const struct service_policy *p = &c->config.service[mirror];

        return p->limited && c->service[mirror].tally.failures > p->restarts;
}

void service_policy_give_up(struct core *c, uint8_t mirror)
{
        c->service[mirror].tally.settled = c->now_ms - c->mirror[mirror].since_ms >= c->config.service[mirror].window_ms;
}

/* As a person's switchover, but for maintenance: that is a person's word that nothing moves. */
bool service_policy_may_move(const struct core *c, uint8_t mirror)
{
#ifdef MUTANT_UNIT_service_moves_to_and_fro
        bool settled = true;
#else
        bool settled = c->service[mirror].tally.settled;
#endif
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);

        return c->config.service[mirror].may_move && settled && !c->mirror[mirror].stop && c->leg[mirror].state == LEG_IN &&
               detector_is_alive(c, peer_of(c)) && s && s->leg_ready && s->role == ROLE_STANDBY &&
               group_can_move(c, mirror) && !record_is_in_maintenance(c, &c->reg[mirror].decided);
}
