/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is the case for the peer's leg: may it join, does it make progress (R8a), what does the decided record say. */
#include "hamon/core/state.h"

bool leg_is_attached(enum leg_state state)
{
        return (state >= LEG_ATTACH && state <= LEG_LEAVE) || state == LEG_KEEP || state == LEG_OWN_FAILED || state == LEG_HANDED;
}

static bool can_join(const struct core *c, uint8_t mirror)
{
        const struct leg *l = &c->leg[mirror];
        const struct detector_voter *v = &c->detector.voter[peer_of(c)];
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);

        if (!c->act_ready || !s || v->state != DETECTOR_ALIVE || c->leaving || c->mirror[mirror].stop)
                return false;
        if (!s->leg_ready || uuid_is_null(&s->leg) || (s->role != ROLE_STANDBY && s->role != ROLE_CANDIDATE))
                return false;
        if (!mirror_sees_own_in_sync(c, mirror) || service_is_busy(c, mirror))
                return false;
        return l->join_ms <= c->now_ms || !uuid_equal(&l->tried_boot, &v->last.boot);
}

/* 3.3: no session outlives it. */
static bool peer_booted_anew(const struct core *c, uint8_t mirror)
{
        const struct leg *l = &c->leg[mirror];
        const struct detector_voter *v = &c->detector.voter[peer_of(c)];

        return v->ever && !uuid_is_null(&l->peer_boot) && !uuid_equal(&v->last.boot, &l->peer_boot);
}

/* R8a, and what makes waiting pointless. */
static bool has_trouble(const struct core *c, uint8_t mirror)
{
        const struct leg *l = &c->leg[mirror];
        const struct mirror *m = &c->mirror[mirror];
        const struct observation *o = &m->observed;
        const struct detector_voter *v = &c->detector.voter[peer_of(c)];
        const struct timers *t = &c->config.timers;
        bool dead = detector_is_dead(c, peer_of(c));

        if (v->state == DETECTOR_LEFT)
                return true;
        if (peer_booted_anew(c, mirror))
                return true;
        if (l->state == LEG_ASK || l->state == LEG_CHECK || l->state == LEG_HAND_ASK) {
                if (dead || c->now_ms - l->since_ms >= t->leg_timeout_ms)
                        return true;
        }
        if (l->state == LEG_HAND_ASK || l->state == LEG_HAND_NOTE || l->state == LEG_HAND_ATTACH)
                return dead;
        if (l->state < LEG_UNION || !m->observed_valid || !l->observed)
                return dead && l->state < LEG_IN;
#ifndef MUTANT_leg_timeout_ignored /* R8a */
        if (o->leg_refused || o->leg_oldest_ms > t->leg_timeout_ms)
                return true;
#endif
        if (!o->leg_connected && (dead || (l->disconnected_ms && c->now_ms - l->disconnected_ms >= t->leg_timeout_ms)))
                return true;
        /* md let it go behind our back */
        return l->state >= LEG_SYNCING && o->array_running && (o->peer_failed || !o->peer_in_array);
}

/* What md completes now is on the peer's leg and nowhere else, whether or not the record counts it yet. */
bool leg_is_sole(const struct core *c, uint8_t mirror)
{
        const struct observation *o = &c->mirror[mirror].observed;

        return c->mirror[mirror].observed_valid && o->array_running && o->own_failed && o->attached && o->peer_in_array && o->peer_in_sync &&
               !o->peer_failed;
}

bool leg_session_is_over(const struct core *c, uint8_t mirror)
{
        const struct leg *l = &c->leg[mirror];
        const struct mirror *m = &c->mirror[mirror];
        /* It refuses the session for so long: it booted anew before a restarted hamon first heard it, or its disk was attached anew. */
        bool refused = m->observed_valid && m->observed.leg_refused && l->disconnected_ms && c->now_ms - l->disconnected_ms >= c->config.timers.leg_timeout_ms;

        return detector_is_alive(c, peer_of(c)) && (refused || peer_booted_anew(c, mirror));
}

/*
 * REQUIRE has flushed: what md had completed by then is on the peer's disk, and what was flushed since is, too. A session that ended afterwards (the peer
 * has booted anew) took nothing acknowledged with it. With the own leg gone as well there is no other leg that has it all.
 */
static bool outlives_its_session(const struct core *c, uint8_t mirror)
{
#ifdef MUTANT_UNIT_check_needs_its_session /* P7 */
        return false;
#endif
        return c->leg[mirror].state == LEG_CHECK && leg_is_sole(c, mirror);
}

/*
 * R2f asks about the target: what md has in sync holds whatever md has completed. The own leg may fail from then on; then the peer's is what must
 * get into the record, and the own one out of it (IN, KEEP).
 */
static bool is_synced(const struct core *c, uint8_t mirror)
{
        const struct observation *o = &c->mirror[mirror].observed;
        bool session = o->leg_connected && !o->leg_refused && !peer_booted_anew(c, mirror);

        return c->mirror[mirror].observed_valid && c->leg[mirror].observed && o->array_running && o->peer_in_sync && !o->peer_failed && o->sync_idle &&
               (session || outlives_its_session(c, mirror)) && !c->leg[mirror].tainted
#ifdef MUTANT_UNIT_own_needed_to_join /* P7 */
               && o->own_in_sync
#endif
            ;
}

/*
 * A stop writes to the peer's leg and would wait for one that does not answer, with nobody left to let it go: the leave comes first. What
 * has only just begun shows when hamon-act flushes before it stops.
 */
static bool holds_up_a_stop(const struct core *c, uint8_t mirror)
{
        const struct leg *l = &c->leg[mirror];
        const struct observation *o = &c->mirror[mirror].observed;

        if (!c->mirror[mirror].observed_valid || !l->observed)
                return true; /* not seen yet */
        if (!o->array_running)
                return false;
        return has_trouble(c, mirror) || !o->leg_connected || (l->state == LEG_IN && o->leg_oldest_ms > c->config.timers.suspect_ms);
}

bool leg_is_quiet(const struct core *c, uint8_t mirror)
{
        switch (c->leg[mirror].state) {
        case LEG_NONE:
        case LEG_OUT:
                return true;
        case LEG_SYNCING:
        case LEG_IN:
        case LEG_OWN_FAILED: /* md has no other leg: while it does not answer nothing can be stopped in order */
                return !holds_up_a_stop(c, mirror);
        default:
                return false;
        }
}

bool leg_is_in_the_way(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        enum leg_state s = c->leg[mirror].state;

        return s == LEG_LEAVE || s == LEG_DETACH || s == LEG_KEEP ||
               (leg_is_attached(s) && (has_trouble(c, mirror) || (m->observed_valid && !m->observed.leg_connected)));
}

uint32_t leg_facts(const struct core *c, uint8_t mirror)
{
        const struct leg *l = &c->leg[mirror];
        const struct mirror *m = &c->mirror[mirror];
        const struct record *r = &c->reg[mirror].decided;
        bool sole = leg_is_sole(c, mirror), joining = l->state >= LEG_SYNCING && l->state <= LEG_CHECK;
        const struct record_leg *peer = &r->legs[peer_of(c)];
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);
        const struct uuid *leg = l->state == LEG_OUT && s ? &s->leg : &l->peer_leg;
        uint32_t f = 0;

        if (l->state == LEG_OUT && can_join(c, mirror))
                f |= LEG_CAN_JOIN;
        if (peer->inconsistent && !peer->in_sync && uuid_equal(&peer->uuid, leg) && (!s || s->role != ROLE_CANDIDATE))
                f |= LEG_MARKED;
        if (has_trouble(c, mirror) && !(sole && joining))
                f |= LEG_TROUBLE;
        if (sole)
                f |= LEG_SOLE;
        if (mirror_sees_own_in_sync(c, mirror))
                f |= LEG_OWN_GOOD;
        if (mirror_sees_own_failed(c, mirror))
                f |= LEG_OWN_BAD;
        if (is_synced(c, mirror))
                f |= LEG_SYNCED;
        if (l->resend_ms && l->resend_ms <= c->now_ms)
                f |= LEG_RESEND;
        if (r->version > 0 && r->primary == c->config.self && r->epoch == m->epoch && uuid_equal(&r->primary_boot, &c->config.boot))
                f |= LEG_MINE;
        if (l->unbroken)
                f |= LEG_UNBROKEN;
        if (peer->in_sync)
                f |= LEG_PEER_IN;
        if (r->legs[c->config.self].in_sync)
                f |= LEG_OWN_IN;
        return f;
}

uint64_t leg_facts_deadline_ms(const struct core *c, uint8_t mirror)
{
        const struct leg *l = &c->leg[mirror];
        uint32_t limit_ms = c->config.timers.leg_timeout_ms;
        uint64_t at[] = {
            l->state == LEG_OUT && l->join_ms > c->now_ms ? l->join_ms : UINT64_MAX,
            l->state == LEG_ASK || l->state == LEG_CHECK || l->state == LEG_HAND_ASK ? l->since_ms + limit_ms : UINT64_MAX,
            l->resend_ms ? l->resend_ms : UINT64_MAX,
            leg_is_attached(l->state) && l->disconnected_ms ? l->disconnected_ms + limit_ms : UINT64_MAX,
        };
        uint64_t next = UINT64_MAX;

        for (unsigned i = 0; i < sizeof at / sizeof *at; i++)
                if (at[i] < next && at[i] > c->now_ms)
                        next = at[i];
        return next;
}
