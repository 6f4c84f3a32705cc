/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/state.h"

static uint32_t bit(uint8_t mirror)
{
        return UINT32_C(1) << mirror;
}

static bool is_alone(const struct core *c, uint8_t mirror)
{
        return (c->config.group[mirror] & ~bit(mirror)) == 0;
}

static bool serves(const struct core *c, uint8_t mirror)
{
        enum service_state s = c->service[mirror].state;

        return c->mirror[mirror].state == MIRROR_PRIMARY && (s == SERVICE_UP || s == SERVICE_NONE);
}

bool group_is_here(const struct core *c, uint8_t mirror)
{
#ifdef MUTANT_UNIT_needs_ignored
        return true;
#endif
        for (uint8_t n = 0; n < c->config.mirrors; n++)
                if ((c->config.needs[mirror] & bit(n)) && !serves(c, n))
                        return false;
        return true;
}

/* A hamon that has just begun anew: the array may run, and the service on it. */
static bool is_unknown(const struct core *c, uint8_t mirror)
{
        switch (c->mirror[mirror].state) {
        case MIRROR_START:
        case MIRROR_OPENING:
        case MIRROR_ADOPT:
        case MIRROR_APPLY:
        case MIRROR_HISTORY:
                return true;
        case MIRROR_PRIMARY:
                return c->service[mirror].state == SERVICE_UNKNOWN;
        default:
                return false;
        }
}

bool group_holds(const struct core *c, uint8_t mirror)
{
        if (!group_has_let_go(c, mirror))
                return true;
        for (uint8_t n = 0; c->service[mirror].state == SERVICE_UNKNOWN && n < c->config.mirrors; n++)
                if ((c->config.needs[mirror] & bit(n)) && is_unknown(c, n))
                        return true;
        return false;
}

bool group_has_let_go(const struct core *c, uint8_t mirror)
{
#ifdef MUTANT_UNIT_needed_stops_first
        return true;
#endif
        for (uint8_t n = 0; n < c->config.mirrors; n++)
                if ((c->config.needs[n] & bit(mirror)) && !service_is_down(c, n))
                        return false;
        return true;
}

uint64_t group_lease_until_ms(const struct core *c, uint8_t mirror)
{
        uint64_t least_ms = lease_valid_until_ms(c, mirror);

#ifdef MUTANT_UNIT_needed_lease_ignored /* R4e */
        return least_ms;
#endif
        for (uint8_t n = 0; n < c->config.mirrors; n++) {
                uint64_t until_ms = c->config.needs[mirror] & bit(n) ? group_lease_until_ms(c, n) : UINT64_MAX; /* no circles: config_service.c */
                if (until_ms < least_ms)
                        least_ms = until_ms;
        }
        return least_ms;
}

static bool is_at_peer(const struct core *c, uint8_t mirror)
{
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);

        return mirror_role(c->mirror[mirror].state) == ROLE_STANDBY && s && s->role == ROLE_PRIMARY;
}

static bool can_be_handed_over(const struct core *c, uint8_t mirror)
{
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);

        return c->mirror[mirror].state == MIRROR_PRIMARY && c->leg[mirror].state == LEG_IN && detector_is_alive(c, peer_of(c)) && s && s->leg_ready;
}

/* Its own disk is gone, and the peer has everything: it goes as soon as it may. */
static bool has_to_go(const struct core *c, uint8_t mirror)
{
        return c->mirror[mirror].state == MIRROR_PRIMARY && c->leg[mirror].state == LEG_OWN_FAILED && detector_is_alive(c, peer_of(c));
}

bool group_can_move(const struct core *c, uint8_t mirror)
{
        for (uint8_t n = 0; n < c->config.mirrors; n++)
                if (n != mirror && (c->config.group[mirror] & bit(n)) && !can_be_handed_over(c, n) && !has_to_go(c, n) && !is_at_peer(c, n))
                        return false;
        return true;
}

void group_move(struct core *c, uint8_t mirror)
{
        for (uint8_t n = 0; n < c->config.mirrors; n++)
                if ((n == mirror || (c->config.group[mirror] & bit(n))) && c->mirror[n].state == MIRROR_PRIMARY)
                        c->mirror[n].stop = true;
}

bool group_has_moved(const struct core *c, uint8_t mirror)
{
        for (uint8_t n = 0; n < c->config.mirrors; n++)
                if (n != mirror && (c->config.group[mirror] & bit(n)) && !is_at_peer(c, n))
                        return false;
        return true;
}

/* Of two that could go either way the later one in the configuration goes, so that they do not pass each other. */
bool group_follows(const struct core *c, uint8_t mirror)
{
        bool settled = c->now_ms - c->mirror[mirror].since_ms >= (uint64_t)c->config.timers.lease_ms + c->config.timers.dead_ms;

        if (is_alone(c, mirror) || !settled || !can_be_handed_over(c, mirror) || record_is_in_maintenance(c, &c->reg[mirror].decided))
                return false;
        for (uint8_t n = 0; n < c->config.mirrors; n++) {
                if (n == mirror || !(c->config.group[mirror] & bit(n)) || !is_at_peer(c, n))
                        continue;
                bool can_come = c->reg[n].decided.legs[c->config.self].in_sync;
                if (!can_come || n < mirror)
                        return true;
        }
        return false;
}
