/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people and programs see: health, the most urgent reason, and "if node B fails now". Reads all machines, changes nothing.
 */
#include "hamon/core/state.h"

#include <string.h>

static bool witness_is_there(const struct core *c)
{
        return detector_is_alive(c, WITNESS);
}

/* There is one, and it is not heard. */
static bool witness_is_missing(const struct core *c)
{
        return !c->config.manual && !detector_is_alive(c, WITNESS);
}

/* Manual: what waits for a person's word about the peer. */
static bool word_is_missing(const struct core *c, uint8_t mirror)
{
        return c->config.manual && !detector_is_alive(c, peer_of(c)) && voters_known_needed(c, mirror) > 1;
}

static bool lease_is_valid(const struct core *c, uint8_t mirror)
{
        return lease_valid_until_ms(c, mirror) > c->now_ms;
}

/* This node could take over now, if the peer died: it has everything and one more vote. */
static bool can_take_over(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];

        return m->state == MIRROR_STANDBY && c->act_ready && !m->probe_failed && mirror_owns_leg(c, mirror) && !c->config.manual &&
               !c->leaving && witness_is_there(c) && !record_is_in_maintenance(c, &c->reg[mirror].acceptor.value);
}

/* A resync onto the own leg had begun when this was decided (R2d), or its disk had lost what was flushed. */
static bool own_leg_is_torn(const struct core *c, uint8_t mirror)
{
        bool decided;
        const struct record_leg *leg = &record_known(c, mirror, &decided)->legs[c->config.self];

        return leg->inconsistent || leg->doubtful;
}

static enum reason standby_reason(const struct core *c, uint8_t mirror, bool primary_runs)
{
        const struct mirror *m = &c->mirror[mirror];
        enum reason wish = mirror_wish(c, mirror);

        if (!c->act_ready)
                return REASON_ACT_LOST;
        if (m->reason == REASON_PROBE_FAILED || m->reason == REASON_EFFECT_FAILED)
                return m->reason;
        if (wish == REASON_NOT_CREATED || wish == REASON_NO_LEG || wish == REASON_BEING_REMOVED)
                return wish;
        if (primary_runs && wish == REASON_STALE && c->standby[mirror].failed)
                return REASON_EFFECT_FAILED;
        if (primary_runs && wish == REASON_STALE)
                return c->reg[mirror].acceptor.value.legs[c->config.self].inconsistent ? REASON_RESYNC : REASON_DEGRADED;
        if (primary_runs && record_is_in_maintenance(c, &c->reg[mirror].acceptor.value))
                return REASON_MAINTENANCE;
        if (primary_runs)
                return witness_is_missing(c) ? REASON_WITNESS_LOST : REASON_STANDBY_OK;
        if (word_is_missing(c, mirror))
                return REASON_MANUAL_FROZEN;
        if (witness_is_missing(c) && !detector_is_alive(c, peer_of(c)))
                return REASON_NO_MAJORITY;
        if (wish == REASON_NONE || wish == REASON_STANDBY_OK)
                return REASON_STARTING;
#ifndef MUTANT_UNIT_torn_is_told_as_old
        /* Nobody may be told to force what will be refused. */
        if (wish == REASON_STALE && own_leg_is_torn(c, mirror))
                return REASON_TORN;
#endif
        return wish;
}

static enum reason primary_reason(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        const struct leg *l = &c->leg[mirror];
        bool stuck = l->state == LEG_LEAVE || l->state == LEG_KEEP || l->state == LEG_JOIN ||
                     (l->state == LEG_IN && (leg_facts(c, mirror) & LEG_TROUBLE));

        if (!c->act_ready)
                return REASON_ACT_LOST;
        if (record_is_ended(&c->reg[mirror].decided))
                return REASON_BEING_REMOVED;
        if (stuck && !lease_is_valid(c, mirror) && c->now_ms - m->since_ms > c->config.timers.lease_ms)
                return word_is_missing(c, mirror) ? REASON_MANUAL_FROZEN : REASON_FROZEN;
        if (l->state == LEG_OWN_FAILED || l->state == LEG_KEEP)
                return REASON_OWN_LEG_FAILED;
        if (mirror_sees_own_failed(c, mirror))
                return c->reg[mirror].decided.legs[peer_of(c)].in_sync ? REASON_OWN_LEG_FAILED : REASON_OWN_LEG_UNSAFE;
        if (c->service[mirror].state == SERVICE_FAILED)
                return REASON_SERVICE_FAILED;
        if (c->service[mirror].state == SERVICE_GIVEN_UP)
                return m->stop ? REASON_SERVICE_MOVES : REASON_SERVICE_GIVEN_UP;
        if (m->state != MIRROR_PRIMARY)
                return m->reason != REASON_NONE ? m->reason : REASON_STARTING;
        if (!lease_is_valid(c, mirror) && c->now_ms - m->since_ms > c->config.timers.lease_ms)
                return word_is_missing(c, mirror) ? REASON_MANUAL_FROZEN : REASON_LEASE_LOST;
        if (service_is_busy(c, mirror))
                return REASON_STARTING;
        if (c->service[mirror].state == SERVICE_DOWN && !group_is_here(c, mirror))
                return c->now_ms - m->since_ms > (uint64_t)c->config.timers.lease_ms + c->config.timers.effect_timeout_ms ? REASON_SERVICE_WAITS : REASON_STARTING;
        if (l->state == LEG_LEAVE)
                return REASON_LEG_LEAVING;
        if (l->state == LEG_SYNCING || l->state == LEG_REQUIRE || l->state == LEG_CHECK)
                return m->observed.resync.paused ? REASON_RESYNC_PAUSED : m->observed.resync.stalled ? REASON_RESYNC_STALLED : REASON_RESYNC;
        if (l->state != LEG_IN)
                return l->refused && detector_is_alive(c, peer_of(c)) ? REASON_LEG_REFUSED : REASON_DEGRADED;
        if (witness_is_missing(c))
                return REASON_WITNESS_LOST;
        if (c->reg[mirror].voters_backward)
                return REASON_VOTER_BACKWARD;
        if (c->reg[mirror].voters_without_memory)
                return REASON_VOTER_BLANK;
        return record_is_in_maintenance(c, &c->reg[mirror].decided) ? REASON_MAINTENANCE : REASON_REDUNDANT;
}

/* What a reason means for a mirror that runs. */
static enum health health_of_reason(const struct core *c, uint8_t mirror, enum reason reason, bool in_sync)
{
        switch (reason) {
        case REASON_REDUNDANT:
        case REASON_STANDBY_OK:
        case REASON_MAINTENANCE:
                return in_sync ? HEALTH_OK : HEALTH_DEGRADED;
        case REASON_NOT_CREATED:
                return HEALTH_UNCONFIGURED;
        case REASON_BEING_REMOVED: /* nobody expects it to serve; until it has stopped something may be in the way */
                return mirror_role(c->mirror[mirror].state) == ROLE_PRIMARY ? HEALTH_DEGRADED : HEALTH_UNCONFIGURED;
        case REASON_STARTING:
        case REASON_SERVICE_MOVES:
                return HEALTH_STARTING;
        case REASON_FROZEN:
        case REASON_MANUAL_FROZEN:
        case REASON_LEASE_LOST:
                return HEALTH_FROZEN;
        case REASON_WAITING_FOR_PEER:
        case REASON_STALE:
        case REASON_TORN:
        case REASON_NO_MAJORITY:
        case REASON_SERVICE_FAILED:
        case REASON_SERVICE_GIVEN_UP:
        case REASON_SERVICE_WAITS:
        case REASON_DEPOSED:
                return HEALTH_DOWN;
        case REASON_EFFECT_FAILED:
                return c->mirror[mirror].state == MIRROR_STANDBY ? HEALTH_DEGRADED : HEALTH_DOWN;
        default:
                return HEALTH_DEGRADED;
        }
}

/* "ok" and "degraded" say that somebody serves: nobody is that where no node says so, whatever else is wrong or right. */
static enum health health_of(const struct core *c, uint8_t mirror, enum reason reason, bool in_sync, bool runs)
{
        enum health health = health_of_reason(c, mirror, reason, in_sync);
        enum node_role role = mirror_role(c->mirror[mirror].state);

        if (runs || (health != HEALTH_OK && health != HEALTH_DEGRADED))
                return health;
        bool is_coming = (role == ROLE_CANDIDATE || role == ROLE_TAKING_OVER) && reason_severity(reason) != SEVERITY_CRITICAL;
        return is_coming ? HEALTH_STARTING : HEALTH_DOWN;
}

/* A node that is heard now says that it is active: the record alone is no sign of life. */
static bool is_active_on(const struct core *c, uint8_t node, uint8_t mirror)
{
        const struct mirror_summary *s = detector_summary(c, node, mirror);

        return s && s->role == ROLE_PRIMARY;
}

/* The witness has no part in a mirror: it knows the record, and what the nodes say. */
static void view_of_witness(const struct core *c, uint8_t mirror, struct mirror_view *ret)
{
        const struct record *r = &ret->record;
        bool runs = is_active_on(c, 0, mirror) || is_active_on(c, 1, mirror), both = r->legs[0].in_sync && r->legs[1].in_sync;

        ret->role_word = "witness";
        ret->leg_word = ret->service_word = "none";
        ret->reason = r->version == 0 ? REASON_NOT_CREATED : record_is_ended(r) ? REASON_BEING_REMOVED : runs ? REASON_NONE : REASON_NOT_ACTIVE;
        ret->health = r->version == 0 || (record_is_ended(r) && !runs) ? HEALTH_UNCONFIGURED : !runs ? HEALTH_DOWN : both ? HEALTH_OK : HEALTH_DEGRADED;
}

static void foresee(const struct core *c, uint8_t mirror, bool primary_runs, struct mirror_view *ret)
{
        const struct mirror *m = &c->mirror[mirror];
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);
        const struct record *r = &ret->record;
        bool peer_ready = s && s->leg_ready && s->role == ROLE_STANDBY && r->legs[peer_of(c)].in_sync;
        bool witness = witness_is_there(c) && !c->config.manual && !(c->reg[mirror].voters_without_memory & 1u << WITNESS);

        /* Alone in the set of voters: nothing that the other one does or does not matters. */
        bool alone = voters_known_needed(c, mirror) == 1;
        enum reason frozen = c->config.manual ? REASON_WILL_ASK : REASON_WILL_FREEZE, down = c->config.manual ? REASON_WILL_ASK : REASON_WILL_STOP;

        if (ret->in_maintenance)
                down = REASON_WILL_WAIT;
        if (mirror_role(m->state) == ROLE_PRIMARY) {
                ret->if_peer_fails = witness || alone ? REASON_WILL_GO_ON : frozen;
                ret->if_self_fails = !peer_ready ? REASON_WILL_STOP : witness && !ret->in_maintenance ? REASON_WILL_TAKE_OVER : down;
        } else if (primary_runs) {
                ret->if_peer_fails = can_take_over(c, mirror) ? REASON_WILL_TAKE_OVER : mirror_owns_leg(c, mirror) ? down : REASON_WILL_STOP;
                ret->if_self_fails = witness ? REASON_WILL_GO_ON : frozen;
        } else {
                ret->if_peer_fails = ret->if_self_fails = REASON_WILL_STOP;
        }
}

/*
 * "What if": the same predicates, with one part taken away. A link cut between the nodes leaves the lease holder where it is (R4); the
 * witness alone stops nothing while the other node votes, and what a second fault would then do is its reason's sentence; the peer's leg is left out by a majority
 * that its hamon is still part of (R8a); the own leg is left out in favour of the peer's (R2c), and the service moves there.
 */
static void foresee_parts(const struct core *c, uint8_t mirror, bool primary_runs, struct mirror_view *ret)
{
        const struct record *r = &ret->record;
        bool runs = mirror_role(c->mirror[mirror].state) == ROLE_PRIMARY || primary_runs;
        bool both = r->legs[0].in_sync && r->legs[1].in_sync;
        bool witness = witness_is_there(c) && !c->config.manual && !(c->reg[mirror].voters_without_memory & 1u << WITNESS);
        bool is_primary = mirror_role(c->mirror[mirror].state) == ROLE_PRIMARY;
        bool peer_votes = detector_is_alive(c, peer_of(c)) && !(c->reg[mirror].voters_without_memory & 1u << peer_of(c));

        ret->if_witness_fails = !runs ? REASON_WILL_STOP : peer_votes || voters_known_needed(c, mirror) == 1 ? REASON_WITNESS_LOST : REASON_WILL_FREEZE;
        ret->if_link_fails = !runs ? REASON_WILL_STOP : witness ? REASON_WILL_GO_ON : c->config.manual ? REASON_WILL_ASK : REASON_WILL_FREEZE;
        ret->if_standby_leg_fails = !runs ? REASON_WILL_STOP : both ? REASON_WILL_GO_ON : REASON_DEGRADED;
        ret->if_primary_leg_fails = !runs ? REASON_WILL_STOP : both ? (ret->in_maintenance ? REASON_WILL_WAIT : REASON_WILL_TAKE_OVER) : REASON_WILL_STOP;
        if (both && is_primary && ret->if_self_fails == REASON_WILL_STOP && !detector_summary(c, peer_of(c), mirror))
                ret->if_primary_leg_fails = REASON_WILL_FREEZE;
}

/* Named by the machine that waits, the own role first. */
static const char *waiting_for(const struct core *c, uint8_t mirror)
{
        const struct pending *p[] = {&c->mirror[mirror].pending, &c->leg[mirror].pending, &c->service[mirror].pending,
                                     &c->standby[mirror].pending};

        for (unsigned i = 0; i < sizeof p / sizeof *p; i++)
                if (pending_is_open(p[i]))
                        return effect_word(p[i]->effect.type);
        return NULL;
}

/* The view of a snapshot is that of its last step; `now_ms` only ages what has a time. */
void core_view_mirror(const struct core *c, uint8_t mirror, uint64_t now_ms, struct mirror_view *ret)
{
        memset(ret, 0, sizeof *ret);
        ret->record = *record_known(c, mirror, &ret->record_decided);
        ret->record_behind = standby_is_behind(c, mirror);
        ret->in_maintenance = record_is_in_maintenance(c, &ret->record) && !record_is_ended(&ret->record);
        if (c->config.self >= NODES) {
                view_of_witness(c, mirror, ret);
                return;
        }
        const struct mirror *m = &c->mirror[mirror];
        bool primary_runs = is_active_on(c, peer_of(c), mirror);
        uint64_t until_ms = lease_valid_until_ms(c, mirror);

        ret->role = mirror_role(m->state);
        ret->role_word = mirror_table.state_words[m->state];
        ret->leg_word = leg_table.state_words[c->leg[mirror].state];
        ret->service_word = service_table.state_words[c->service[mirror].state];
        ret->lease_valid = until_ms > now_ms;
        ret->lease_left_ms = ret->lease_valid ? (uint32_t)(until_ms - now_ms) : 0;
        ret->waiting_for = waiting_for(c, mirror);
        ret->own_copy_s = m->opened_known && m->opened.leg.has_superblock ? m->opened.leg.updated_s : 0;
        if (m->observed_valid)
                ret->observed = m->observed;

        if (m->state == MIRROR_DEPOSED)
                ret->reason = REASON_DEPOSED;
        else if (c->reg[mirror].forked)
                ret->reason = REASON_FORKED;
        else if (ret->role == ROLE_PRIMARY || ret->role == ROLE_TAKING_OVER)
                ret->reason = primary_reason(c, mirror);
        else if (m->state == MIRROR_STANDBY || m->state == MIRROR_LEFT)
                ret->reason = standby_reason(c, mirror, primary_runs);
        else
                ret->reason = !c->act_ready ? REASON_ACT_LOST : m->reason != REASON_NONE ? m->reason : REASON_STARTING;
        ret->health = health_of(c, mirror, ret->reason, ret->record.legs[0].in_sync && ret->record.legs[1].in_sync,
                                primary_runs || mirror_shown_role(c, mirror) == ROLE_PRIMARY);
        foresee(c, mirror, primary_runs, ret);
        foresee_parts(c, mirror, primary_runs, ret);
}

void core_view_node(const struct core *c, uint8_t voter, uint64_t now_ms, struct node_view *ret)
{
        const struct detector_voter *v = &c->detector.voter[voter];

        *ret = (struct node_view){
            .alive = voter == c->config.self || detector_is_alive(c, voter),
            .suspect = v->state == DETECTOR_SUSPECT,
            .ever = v->ever,
            .silent_ms = now_ms > v->heard_ms ? (uint32_t)(now_ms - v->heard_ms) : 0,
            .last = v->last,
        };
        if (voter == c->config.self) {
                ret->ever = true;
                ret->silent_ms = 0;
        }
}
