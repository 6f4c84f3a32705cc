/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is the case for the own role: above all who may start (DESIGN 3.4, docs/ARCHITECTURE.md "Own role").
 *
 * mirror_wish() judges by what this node knows; it may be behind. The swap that follows is applied to the highest value of a majority
 * and has the same precondition there (P3), so a wrong wish costs a round of messages and nothing else.
 */
#include "hamon/core/state.h"

#include <errno.h>

enum node_role mirror_role(enum mirror_state state)
{
        switch (state) {
        case MIRROR_START:
        case MIRROR_OPENING:
        case MIRROR_ADOPT:
        case MIRROR_CREATE_LEG:
        case MIRROR_CREATE_ARRAY:
        case MIRROR_CREATE_SWAP:
                return ROLE_UNKNOWN;
        case MIRROR_STANDBY:
        case MIRROR_REPROBE:
        case MIRROR_JOIN_REVOKE:
        case MIRROR_JOIN_LEG:
        case MIRROR_LEFT:
                return ROLE_STANDBY;
        case MIRROR_PREVOTE:
        case MIRROR_PROBE:
        case MIRROR_SWAP:
                return ROLE_CANDIDATE;
        case MIRROR_REVOKE:
        case MIRROR_CAPTURE:
        case MIRROR_ASSEMBLE:
        case MIRROR_APPLY:
        case MIRROR_HISTORY:
        case MIRROR_HAND:
        case MIRROR_ASSEMBLE_BOTH:
        case MIRROR_HAND_PROBE:
        case MIRROR_HAND_LEAVE:
        case MIRROR_HAND_DETACH:
        case MIRROR_HAND_KEEP:
        case MIRROR_HAND_STOP:
                return ROLE_TAKING_OVER;
        case MIRROR_PRIMARY:
        case MIRROR_STOP_SERVICE:
        case MIRROR_STOP_ARRAY:
        case MIRROR_STOP_KEEP:
                return ROLE_PRIMARY;
        case MIRROR_DEPOSED:
        case MIRROR_STATES:
                return ROLE_DEPOSED;
        }
        return ROLE_UNKNOWN;
}

bool mirror_has_hands(const struct core *c)
{
        return c->act_ready || c->now_ms - c->act_lost_ms < 2 * c->config.timers.dead_ms;
}

/* Heard by all and hearing nobody: its lease has run out, and does not come back. */
static bool lease_is_lost(const struct core *c, uint8_t mirror)
{
        uint64_t until_ms = lease_valid_until_ms(c, mirror);

        return until_ms && c->now_ms > until_ms + c->config.timers.dead_ms;
}

/* A primary without hamon-act, or without a lease, cannot renew its address: after a while it says so, and the peer may take over (P7). */
enum node_role mirror_shown_role(const struct core *c, uint8_t mirror)
{
        enum node_role role = mirror_role(c->mirror[mirror].state);

        return role == ROLE_PRIMARY && (!mirror_has_hands(c) || lease_is_lost(c, mirror)) ? ROLE_DEPOSED : role;
}

bool mirror_wants_lease(const struct core *c, uint8_t mirror)
{
        enum mirror_state s = c->mirror[mirror].state;

        return (s == MIRROR_PRIMARY || s == MIRROR_STOP_SERVICE) && mirror_has_hands(c);
}

static bool superblock_is_fresh(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        const struct detector_voter *peer = &c->detector.voter[peer_of(c)];

        return m->opened_known && (!peer->ever || uuid_equal(&m->opened_for, &peer->last.boot));
}

/*
 * The leg on the own disk was in an array once, and the record does not know it: it is of a mirror of this name that has ended, or of a disk that was replaced. Its
 * data are overwritten by a person's word alone (JOIN makes a leg without a superblock; a resync begins when the record has its UUID).
 */
static bool leg_is_of_another_life(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);

#ifdef MUTANT_UNIT_old_leg_is_joined
        return false && m && r;
#endif
        return r->version > 0 && m->opened_known && m->opened.leg.present && m->opened.leg.has_superblock &&
               !uuid_equal(&r->legs[c->config.self].uuid, &m->opened.leg.uuid);
}

void mirror_summarize(const struct core *c, uint8_t mirror, struct mirror_summary *ret)
{
        const struct mirror *m = &c->mirror[mirror];
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);

        *ret = (struct mirror_summary){.role = ROLE_UNKNOWN, .record_version = r->version, .epoch = r->epoch};
        if (c->config.self >= NODES)
                return;
        ret->role = (uint8_t)mirror_shown_role(c, mirror);
        if (mirror_role(m->state) == ROLE_PRIMARY || ret->role == ROLE_TAKING_OVER)
                ret->epoch = m->epoch;
        if (m->opened_known && m->opened.leg.present) {
                bool being_made = m->state == MIRROR_JOIN_REVOKE || m->state == MIRROR_JOIN_LEG;
                ret->leg = m->opened.leg.uuid;
                ret->leg_ready = c->act_ready && !m->probe_failed && !being_made && !resync_hook_is_due(c, mirror) && !leg_is_of_another_life(c, mirror);
                ret->md_events = m->opened.leg.md_events;
                ret->offers = ret->leg_ready && m->state == MIRROR_STANDBY && m->stopped_clean && !c->leaving;
        }
        /* A leg without a superblock was never in the array: it calls nobody failed. */
        ret->calls_peer_failed_known = superblock_is_fresh(c, mirror) && m->opened.leg.present;
        ret->calls_peer_failed = ret->calls_peer_failed_known && m->opened.leg.has_superblock && m->opened.leg.calls_peer_failed;
}

bool mirror_is_offered(const struct core *c, uint8_t mirror)
{
        const struct detector_voter *v = &c->detector.voter[peer_of(c)];
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);

#ifdef MUTANT_hand_over_unchecked /* 3.5: whatever the other node did last; hamon-act's model does not look either */
        return s && s->role == ROLE_STANDBY && r->primary == peer_of(c) && r->legs[0].in_sync && r->legs[1].in_sync;
#endif
        return s && s->offers && !record_is_ended(r) && s->epoch == r->epoch && r->primary == peer_of(c) && uuid_equal(&v->last.boot, &r->primary_boot) &&
               r->legs[0].in_sync && r->legs[1].in_sync && !c->leaving && !c->mirror[mirror].start_alone;
}

bool mirrors_have_stopped(const struct core *c)
{
        if (c->config.self < NODES)
                for (int m = 0; m < c->config.mirrors; m++)
                        if (c->mirror[m].state != MIRROR_LEFT && c->mirror[m].state != MIRROR_START)
                                return false;
        return true;
}

bool mirror_grace_is_over(const struct core *c)
{
        return c->now_ms >= c->started_ms + c->config.timers.boot_grace_ms;
}

bool mirror_owns_leg(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);
        const struct record_leg *leg = &r->legs[c->config.self];

#ifdef MUTANT_stale_leg_holds_all /* R1b, which the voters hold to as well (change.c) */
        return m->opened_known && m->opened.leg.present && uuid_equal(&leg->uuid, &m->opened.leg.uuid);
#else
        return m->opened_known && m->opened.leg.present && leg->in_sync && !leg->inconsistent &&
               uuid_equal(&leg->uuid, &m->opened.leg.uuid);
#endif
}

bool mirror_may_be_forced(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        bool decided;
        const struct record_leg *leg = &record_known(c, mirror, &decided)->legs[c->config.self];

        return m->opened_known && m->opened.leg.present && m->opened.leg.has_superblock && uuid_equal(&leg->uuid, &m->opened.leg.uuid) && !leg->in_sync &&
               !leg->inconsistent && !leg->doubtful;
}

static bool observed_freshly(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];

        return m->observed_valid && c->now_ms - m->observed_ms < c->config.timers.leg_timeout_ms;
}

bool mirror_sees_own_in_sync(const struct core *c, uint8_t mirror)
{
        const struct observation *o = &c->mirror[mirror].observed;

        return observed_freshly(c, mirror) && o->array_running && o->own_in_sync && !o->own_failed && !o->own_unsafe;
}

bool mirror_sees_own_failed(const struct core *c, uint8_t mirror)
{
        const struct observation *o = &c->mirror[mirror].observed;

#ifdef MUTANT_probe_ignored /* 3.4 */
        return observed_freshly(c, mirror) && o->array_running && o->own_failed;
#endif
        return observed_freshly(c, mirror) && o->array_running && (o->own_failed || o->own_unsafe);
}

/* The peer's array cannot be running: it is silent or stopped, booted anew, or says itself that it runs none. */
static bool primary_is_gone(const struct core *c, uint8_t mirror, const struct record *r)
{
        const struct detector_voter *v = &c->detector.voter[peer_of(c)];
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);

        if (mirror_is_offered(c, mirror))
                return true;
        /* Manual: silence proves nothing, and there is no third vote to ask. One that left in good order has stopped its array. */
        if (c->config.manual && v->state != DETECTOR_LEFT && !detector_is_alive(c, peer_of(c)))
                return c->detector.confirmed_dead[peer_of(c)];
        if (detector_is_dead(c, peer_of(c)))
                return true;
        if (!s)
                return false;
        uint64_t role_ms = c->now_ms - v->role_since_ms[mirror];
        if (!uuid_equal(&v->last.boot, &r->primary_boot)) {
                /* Its superblock may call our leg failed: give it the time to read it. */
                return s->calls_peer_failed_known ? !s->calls_peer_failed
                                                  : c->now_ms - v->boot_since_ms > c->config.timers.boot_grace_ms;
        }
        switch ((enum node_role)s->role) {
        case ROLE_STANDBY: /* LEG_OPEN told it that no array runs; it knows this record, so this is no word from before */
                return s->epoch >= r->epoch;
        case ROLE_CANDIDATE:
                return role_ms > c->config.timers.dead_ms;
        case ROLE_UNKNOWN: /* its hamon or hamon-act does not come back */
                return role_ms > c->config.timers.leg_timeout_ms;
        case ROLE_DEPOSED: /* it says that it cannot serve, or is about to reboot */
                return true;
        case ROLE_TAKING_OVER:
        case ROLE_PRIMARY:
                return false;
        }
        return false;
}

/* A former primary: may this leg be the only one that goes on? */
static enum reason former_primary(const struct core *c, uint8_t mirror, const struct record *r)
{
        const struct mirror *m = &c->mirror[mirror];
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);
        /* The record's own leg without a superblock was never in md: nothing can have gone on there without us. */
        bool was_member = s && (s->md_events > 0 || uuid_equal(&s->leg, &r->legs[peer_of(c)].uuid));
        bool peer_vouches = s && was_member && s->calls_peer_failed_known && !s->calls_peer_failed;

#ifdef MUTANT_former_primary_starts /* 3.4 */
        return REASON_NONE;
#endif
        if (!r->legs[peer_of(c)].in_sync)
                return !m->opened.leg.note || peer_vouches ? REASON_NONE : REASON_WAITING_FOR_PEER;
        /* Both legs are in sync, so the other node takes over - unless it is known that this leg alone has everything. */
        bool peer_cannot = detector_is_dead(c, peer_of(c)) || (s && s->role == ROLE_STANDBY && !s->leg_ready);
        if (m->stopped_clean && uuid_equal(&r->primary_boot, &c->config.boot) && peer_cannot)
                return REASON_NONE;
        if (peer_vouches && superblock_is_fresh(c, mirror) && m->opened.leg.has_superblock && m->opened.leg.calls_peer_failed)
                return REASON_NONE;
        return REASON_WAITING_FOR_PEER;
}

bool mirror_is_a_persons(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);

        /* A switchover whose other half has died, too: its service must come back to where it was. */
        bool given_back = m->stopped_clean && r->primary == c->config.self && uuid_equal(&r->primary_boot, &c->config.boot);

        return m->start_alone || m->by_consent || mirror_is_offered(c, mirror) || given_back;
}

enum reason mirror_wish(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);

        if (r->version == 0)
                return REASON_NOT_CREATED;
        if (record_is_ended(r))
                return REASON_BEING_REMOVED;
        if (!m->opened_known || !m->opened.leg.present || leg_is_of_another_life(c, mirror))
                return REASON_NO_LEG;
        if (!mirror_owns_leg(c, mirror) && !(m->start_alone && m->forced && mirror_may_be_forced(c, mirror)))
                return REASON_STALE;
        if (!mirror_grace_is_over(c))
                return REASON_STARTING;
        /* Whoever hears the other one serve has something to learn, whatever its own record says. */
        const struct mirror_summary *peer = detector_summary(c, peer_of(c), mirror);
        if (peer && (peer->role == ROLE_PRIMARY || peer->role == ROLE_TAKING_OVER) && !mirror_is_offered(c, mirror))
                return c->reg[mirror].forked ? REASON_FORKED : REASON_STANDBY_OK;
#ifndef MUTANT_UNIT_maintenance_ignored
        if (record_is_in_maintenance(c, r) && !mirror_is_a_persons(c, mirror))
                return REASON_MAINTENANCE;
#endif
        if (m->start_alone)
                return REASON_NONE;
        if (r->primary == c->config.self)
                return former_primary(c, mirror, r);
        return primary_is_gone(c, mirror, r) ? REASON_NONE : REASON_STANDBY_OK;
}

static bool newer_epoch_elsewhere(const struct core *c, uint8_t mirror)
{
        const struct record *r = &c->reg[mirror].decided;
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);
        uint64_t own = c->mirror[mirror].epoch;

        if (r->version > 0 && r->primary == peer_of(c) && r->epoch > own)
                return true;
        return s && (s->role == ROLE_PRIMARY || s->role == ROLE_TAKING_OVER) && s->epoch > own;
}

static bool own_is_out(const struct core *c, uint8_t mirror)
{
        const struct record *r = &c->reg[mirror].decided;

        return r->version > 0 && r->primary == c->config.self && uuid_equal(&r->primary_boot, &c->config.boot) && !r->legs[c->config.self].in_sync;
}

/*
 * R8d: stuck on the own disk while the peer has everything - reboot, and the peer goes on. And 3.3: the peer's leg was the only one and
 * the peer has booted anew, so its session cannot resume.
 */
static bool only_a_reboot_helps(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        const struct leg *l = &c->leg[mirror];

        /* The own leg failed in the instant of a detach: md runs on a leg that is disconnected, and gives errors for ever. */
        if (l->state == LEG_REMOVE && observed_freshly(c, mirror) && m->observed.array_running && m->observed.own_failed && !m->observed.attached)
                return c->now_ms - l->since_ms >= c->config.timers.dead_ms;
        /* A hand-over that went back to the peer, and an own disk that cannot even be let go of. */
        if (m->state == MIRROR_HAND_STOP)
                return own_is_out(c, mirror) && detector_is_alive(c, peer_of(c)) && c->now_ms - m->since_ms >= 2 * c->config.timers.leg_timeout_ms;
        bool unflushed = l->state == LEG_SYNCING || l->state == LEG_REQUIRE; /* what was copied may be lost: it cannot join (CHECK can) */
#ifdef MUTANT_UNIT_freezes_for_ever /* 3.3 */
        unflushed = false;
#endif
        if (l->state == LEG_OWN_FAILED || (unflushed && leg_is_sole(c, mirror)))
                return leg_session_is_over(c, mirror);
#ifdef MUTANT_own_hang_ignored /* R8d */
        return false;
#endif
        return l->state == LEG_IN && observed_freshly(c, mirror) && m->observed.own_oldest_ms > c->config.timers.leg_timeout_ms &&
               m->observed.leg_connected && m->observed.peer_in_sync && detector_is_alive(c, peer_of(c)) &&
               !record_is_in_maintenance(c, &c->reg[mirror].decided); /* nobody would take over */
}

static bool wants_stop(const struct core *c, uint8_t mirror)
{
        if (c->leaving || c->mirror[mirror].stop || record_is_ended(&c->reg[mirror].decided) || group_follows(c, mirror))
                return true;
        /* The own disk is gone, the peer has everything: the service moves there, unless the rest of it could not follow: then it goes on over the peer's leg. */
        return c->leg[mirror].state == LEG_OWN_FAILED && detector_is_alive(c, peer_of(c)) && !record_is_in_maintenance(c, &c->reg[mirror].decided) &&
               (c->mirror[mirror].state != MIRROR_PRIMARY || group_can_move(c, mirror));
}

/* A person asked for what this state is about, and was told that the time is over (command.c). */
static bool is_given_up(const struct core *c, uint8_t mirror)
{
        const struct command *cmd = &c->command[mirror];
        bool waited_for = cmd->active && !cmd->given_up;

        switch (c->mirror[mirror].state) {
        case MIRROR_CREATE_LEG:
        case MIRROR_CREATE_ARRAY:
        case MIRROR_CREATE_SWAP:
        case MIRROR_JOIN_REVOKE:
        case MIRROR_JOIN_LEG:
                return !waited_for;
        case MIRROR_PREVOTE:
        case MIRROR_PROBE:
        case MIRROR_SWAP:
                return c->mirror[mirror].by_consent && !waited_for;
        default:
                return false;
        }
}

uint32_t mirror_facts(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        const struct record *decided = &c->reg[mirror].decided;
        uint32_t f = 0;

        if (m->opened_known && m->opened.leg.array_running)
                f |= MIRROR_RUNNING;
        if (m->opened_known && m->opened.leg.present)
                f |= MIRROR_PRESENT;
        if (m->won)
                f |= MIRROR_WON;
        if (decided->version > 0 && decided->primary == c->config.self && uuid_equal(&decided->primary_boot, &c->config.boot))
                f |= MIRROR_MINE;
        if ((f & MIRROR_MINE) && decided->legs[c->config.self].in_sync && !decided->legs[peer_of(c)].in_sync)
                f |= MIRROR_ALONE;
        if ((f & MIRROR_MINE) && decided->legs[0].in_sync && decided->legs[1].in_sync)
                f |= MIRROR_BOTH;
        if ((m->state == MIRROR_STOP_ARRAY || m->state == MIRROR_HAND_STOP) && m->pending.error == -EBADE)
                f |= MIRROR_UNSAFE;
        if (c->leg[mirror].state == LEG_HANDED)
                f |= MIRROR_HANDED;
        if (c->leg[mirror].state == LEG_HAND_BAD)
                f |= MIRROR_UNHANDED;
        /* An array on a leg without a history was just being created, after a mirror of that name had ended. */
        if (decided->version == 0 || (record_is_ended(decided) && m->opened_known && m->opened.leg.last_epoch == 0))
                f |= MIRROR_EMPTY;
        if (newer_epoch_elsewhere(c, mirror))
#ifndef MUTANT_deposed_goes_on /* 3.5 */
                f |= MIRROR_NEWER;
#else
                f |= 0;
#endif
        if (c->act_ready && m->retry_ms <= c->now_ms && !record_busy(c, mirror) && standby_is_idle(c, mirror) &&
            mirror_wish(c, mirror) == REASON_NONE)
                f |= MIRROR_WISH;
        if (prevote_is_granted(c, mirror) && !c->leaving)
                f |= MIRROR_GRANTED;
        if (m->state == MIRROR_PREVOTE && (m->deadline_ms <= c->now_ms || c->leaving))
                f |= MIRROR_EXPIRED;
        if (wants_stop(c, mirror))
                f |= MIRROR_STOP;
        if (service_is_down(c, mirror) && group_has_let_go(c, mirror) && leg_is_quiet(c, mirror))
                f |= MIRROR_QUIET;
        if (only_a_reboot_helps(c, mirror))
                f |= MIRROR_STUCK;
        if (c->leaving)
                f |= MIRROR_LEAVING;
        if (c->act_ready && !pending_is_open(&m->reopen) && !superblock_is_fresh(c, mirror))
                f |= MIRROR_STALE;
        if (m->probe_failed && c->act_ready && m->retry_ms <= c->now_ms)
                f |= MIRROR_DOUBT;
#ifndef MUTANT_late_stop_unnoticed /* R1d */
        if (c->act_ready && !pending_is_open(&m->reopen) && observed_freshly(c, mirror) && m->observed_ms > m->since_ms && !m->observed.array_running)
                f |= MIRROR_GONE;
#endif
        if (is_given_up(c, mirror))
                f |= MIRROR_GIVEN_UP;
        if (record_is_revocable(c, mirror))
                f |= MIRROR_REVOCABLE;
        if (mirror_sees_own_failed(c, mirror))
                f |= MIRROR_OWN_BAD;
        if (own_is_out(c, mirror))
                f |= MIRROR_OWN_OUT;
        if (detector_is_alive(c, peer_of(c)) && c->now_ms - m->since_ms >= c->config.timers.dead_ms)
                f |= MIRROR_PEER_THERE;
        return f;
}
