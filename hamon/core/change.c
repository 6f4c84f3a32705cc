/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each change does to the record: precondition, new value, and how a decided value shows that the change was reached. Pure
 * functions of their arguments; called by record.c (and by tests) only.
 */
#include "hamon/core/state.h"

bool change_is_primacy(enum change_kind kind)
{
        return kind == CHANGE_CREATE || kind == CHANGE_TAKE_OVER || kind == CHANGE_HAND_OVER || kind == CHANGE_FORCE;
}

static bool is_own_primacy(const struct core *c, const struct record *v, uint64_t epoch)
{
        return v->version > 0 && v->primary == c->config.self && uuid_equal(&v->primary_boot, &c->config.boot) && v->epoch == epoch;
}

/* R1e: a leg is its UUID. */
static bool leg_is(const struct record_leg *leg, const struct uuid *uuid)
{
        return !uuid_is_null(uuid) && uuid_equal(&leg->uuid, uuid);
}

/* By this machine's clock: a wrong one makes maintenance longer or shorter, never a write unsafe. */
bool record_is_in_maintenance(const struct core *c, const struct record *r)
{
        return r->version > 0 && c->wall_s < r->maintenance_until_s;
}

bool record_is_ended(const struct record *r)
{
        return r->version > 0 && r->maintenance_until_s == RECORD_ENDED_S;
}

static bool leg_holds_all(const struct record_leg *leg)
{
#ifdef MUTANT_stale_leg_holds_all /* R1b */
        return !uuid_is_null(&leg->uuid);
#else
        return leg->in_sync && !leg->inconsistent;
#endif
}

/* A copy onto it had begun, or its disk lost what was flushed: it is of no single moment. */
static bool leg_is_torn(const struct record_leg *leg)
{
#ifdef MUTANT_UNIT_torn_is_forced
        return false && leg;
#else
        return leg->inconsistent || leg->doubtful;
#endif
}

/* Primacy goes on from this value, by a person's word or not. */
static bool goes_on(const struct record *base, const struct change *change)
{
#ifdef MUTANT_UNIT_ended_goes_on
        return base->version != 0 && base->epoch == change->epoch;
#else
        return base->version != 0 && base->epoch == change->epoch && !record_is_ended(base);
#endif
}

static void become_primary(const struct core *c, struct record *v)
{
        v->epoch++;
        v->primary = c->config.self;
        v->primary_boot = c->config.boot;
}

bool change_apply(const struct core *c, const struct change *change, const struct record *base, struct record *ret)
{
        unsigned self = c->config.self;
        struct record v = *base;

        if (self >= NODES)
                return false;
        struct record_leg *own = &v.legs[self], *peer = &v.legs[1 - self];
        bool own_primacy = is_own_primacy(c, base, change->epoch);

        switch (change->kind) {
        case CHANGE_CREATE:
                if ((base->version != 0 && !record_is_ended(base)) || base->epoch != change->epoch)
                        return false;
                if (base->version == 0)
                        v = (struct record){.voters_generation = VOTERS_GENERATION_FIRST};
                v.legs[0] = v.legs[1] = (struct record_leg){.in_sync = false};
                v.maintenance_until_s = 0;
                own->uuid = change->own_leg;
                own->in_sync = true;
                become_primary(c, &v);
                break;
        case CHANGE_TAKE_OVER: /* R1a, R1b: exactly the leg that will be assembled, and only by a member of in_sync */
                if (!goes_on(base, change) || !leg_is(own, &change->own_leg) || !leg_holds_all(own))
                        return false;
#ifndef MUTANT_UNIT_maintenance_unseen
                if (!change->despite_maintenance && record_is_in_maintenance(c, base))
                        return false; /* decided while this node did not hear of it */
#endif
#ifndef MUTANT_peer_stays_in_sync /* R1a */
                peer->in_sync = false;
#endif
                become_primary(c, &v);
                break;
        case CHANGE_FORCE: /* R1b is what a person gives up; never a copy that is torn. What the other leg has is of another history: no bitmap knows it. */
                if (!goes_on(base, change) || !leg_is(own, &change->own_leg) || own->in_sync || leg_is_torn(own))
                        return false;
                own->in_sync = true;
                peer->in_sync = false;
                peer->doubtful = !uuid_is_null(&peer->uuid);
                become_primary(c, &v);
                break;
        case CHANGE_HAND_OVER: /* both legs will be assembled (3.5): both were checked to be clean and equal */
                if (!goes_on(base, change) || !leg_is(own, &change->own_leg) || !leg_holds_all(own) || !leg_holds_all(peer))
                        return false;
                become_primary(c, &v);
                break;
        case CHANGE_LEAVE: /* R2a; R2b is the caller's: it alone sees md */
                if (!own_primacy || !leg_holds_all(own) || !peer->in_sync)
                        return false;
                peer->in_sync = false;
                break;
        case CHANGE_KEEP_PEER: /* R2c: also right after a decided leave, while the peer's leg is still attached: it has missed nothing */
                if (!own_primacy || !own->in_sync || peer->inconsistent || !leg_is(peer, &change->peer_leg))
                        return false;
                own->in_sync = false;
                own->doubtful = change->doubtful;
                peer->in_sync = true;
                break;
        case CHANGE_MARK: /* R2d: torn from the first byte of the resync on */
                if (!own_primacy || !leg_holds_all(own) || uuid_is_null(&change->peer_leg))
                        return false;
                *peer = (struct record_leg){.uuid = change->peer_leg, .inconsistent = true, .doubtful = peer->doubtful};
                break;
        case CHANGE_JOIN: /* R2f */
                if (!own_primacy || !leg_holds_all(own) || !leg_is(peer, &change->peer_leg))
                        return false;
                peer->in_sync = true;
                peer->inconsistent = peer->doubtful = false;
                break;
        case CHANGE_MAINTAIN:
                if (base->version == 0 || (record_is_ended(base) && change->maintenance_until_s != 0 && change->maintenance_until_s != RECORD_ENDED_S))
                        return false; /* whoever asked did not know that it is being removed */
                v.maintenance_until_s = change->maintenance_until_s;
                break;
        case CHANGE_NONE:
        case CHANGE_CONFIRM:
        case CHANGE_ADMIT: /* record.c's: what they need is who has shown what in this ballot */
        case CHANGE_EXPEL:
        case CHANGE_KINDS:
                return false;
        }
        v.version++;
        v.change = change->id;
        *ret = v;
        return true;
}

/*
 * Judged by the goal, not by the change's id alone: our value may have been decided by another node's re-proposal, or may have been
 * true before. Epoch + own boot id make a primacy value unmistakable: nobody else writes it.
 */
bool change_reached(const struct core *c, const struct change *change, const struct record *v)
{
        unsigned self = c->config.self;

        if (self >= NODES)
                return false;
        const struct record_leg *own = &v->legs[self], *peer = &v->legs[1 - self];
        bool own_primacy = is_own_primacy(c, v, change->epoch);

        switch (change->kind) {
        case CHANGE_CREATE:
                return is_own_primacy(c, v, change->epoch + 1) && leg_is(own, &change->own_leg);
        case CHANGE_TAKE_OVER:
        case CHANGE_FORCE:
        case CHANGE_HAND_OVER:
                return is_own_primacy(c, v, change->epoch + 1) && leg_is(own, &change->own_leg);
        case CHANGE_LEAVE:
                return own_primacy && leg_holds_all(own) && !peer->in_sync;
        case CHANGE_KEEP_PEER:
                return own_primacy && leg_holds_all(peer) && !own->in_sync;
        case CHANGE_MARK:
                return own_primacy && leg_is(peer, &change->peer_leg) && peer->inconsistent && !peer->in_sync;
        case CHANGE_JOIN:
                return own_primacy && leg_is(peer, &change->peer_leg) && leg_holds_all(peer);
        case CHANGE_MAINTAIN:
                return v->version > 0 && v->maintenance_until_s == change->maintenance_until_s;
        case CHANGE_CONFIRM:
        case CHANGE_ADMIT:
        case CHANGE_EXPEL:
                return true;
        case CHANGE_NONE:
        case CHANGE_KINDS:
                return false;
        }
        return false;
}
