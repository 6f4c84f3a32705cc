/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who gets and who loses a voter's seat (R7): at a creation, after a loss of memory, after a step back. The essay is in record.c, whose proposer asks
 * these questions and does what they say; nothing here sends anything.
 */
#include "hamon/core/state.h"

/* R7c: the identities that make up this full house. A first value gets them; a creation that is finished gets those of now. */
void seats_fill_house(const struct core *c, struct proposer *p)
{
        bool moved = false;

        for (uint8_t v = 0; v < VOTERS; v++)
                if ((voters_configured(c) & voter_bit(v)) && !uuid_equal(&p->value.voters[v], &p->voter[v])) {
                        p->value.voters[v] = p->voter[v];
                        moved = true;
                }
        if (moved && !p->changed) {
                p->value.version++;
                p->value.change = p->change.id;
        }
}

/* R7a: one seat at a time. A voter without memory gets it under the identity that it showed; one that went back loses it. */
void seats_change(struct proposer *p)
{
        struct uuid *seat = &p->value.voters[p->seat], id = {{0}};

        if (p->blank & voter_bit(p->seat))
                id = p->voter[p->seat];
        if (uuid_equal(seat, &id))
                return; /* decided already; the voter has not taken it yet */
        *seat = id;
#ifdef MUTANT_two_seats_at_once /* R7a */
        p->value.voters[(p->seat + 1) % VOTERS] = (struct uuid){{0}};
#endif
        p->value.version++;
        p->value.change = p->change.id;
        p->value.change.bytes[0] ^= 0xff; /* not that of the change that waits for this one */
}

/*
 * R7c, R7d: all others with a seat have promised. For an admission the voter has shown that it has no memory, and its new identity. Of two voters, one
 * without memory stands in the way of every change: whatever is proposed begins with its seat.
 */
bool seats_may_change(const struct core *c, struct proposer *p, const struct record *base)
{
        uint8_t members = voters_of(c, base), valid = voters_recognised(c, p, base, p->promised);
        bool of_two = c->config.self < NODES && voters_count(members) == 2 && (members & voter_bit(c->config.self)) && (members & voter_bit(peer_of(c)));

        if (base->version == 0)
                return false;
        if (p->internal && (p->change.kind == CHANGE_ADMIT || p->change.kind == CHANGE_EXPEL))
                p->seat = p->change.voter;
        else if (of_two)
                p->seat = p->blank & voter_bit(c->config.self) ? c->config.self : peer_of(c);
        else
                return false;
        uint8_t others = members & (uint8_t)~voter_bit(p->seat);
        if (others == 0 || (valid & others) != others)
                return false;
        if (p->internal && p->change.kind == CHANGE_EXPEL)
                return voters_count(others) >= 2;
        return p->blank & voter_bit(p->seat);
}

/*
 * R7d: what this voter accepted when we asked it, it cannot have lost without losing its identity. An answer to the present ballot was made after all
 * that it had accepted below it.
 */
void seats_look_back(struct core *c, const struct message *m, struct actions *out)
{
        struct cas_register *r = &c->reg[m->mirror];
        uint8_t bit = voter_bit(m->from);

        if (m->promise.refusal != REFUSAL_NONE || ballot_compare(&m->promise.ballot, &r->proposer.ballot) != 0)
                return;
        struct voter_seen *seen = &r->acceptor.seen[m->from];
        if (!uuid_equal(&m->promise.voter, &seen->voter)) {
                r->voters_backward &= (uint8_t)~bit;
                *seen = (struct voter_seen){.voter = m->promise.voter, .accepted = m->promise.accepted};
        }
        if (ballot_compare(&seen->accepted, &r->proposer.ballot) >= 0)
                return; /* it has accepted this very ballot meanwhile */
        if (ballot_compare(&m->promise.accepted, &seen->accepted) >= 0) {
                seen->accepted = m->promise.accepted; /* durable with the own acceptance of this ballot */
                return;
        }
#ifndef MUTANT_UNIT_back_is_forgiven /* R7d */
        if (!(r->voters_backward & bit))
                report(c, REASON_VOTER_BACKWARD, m->mirror, m->from, 0, out);
        r->voters_backward |= bit;
#endif
        (void)bit, (void)c, (void)out;
}

static bool decided_our_primacy(const struct core *c, const struct cas_register *r)
{
        return r->decided.version > 0 && r->decided.primary == c->config.self && uuid_equal(&r->decided.primary_boot, &c->config.boot);
}

/*
 * A voter whose heartbeats show an older record than was decided, although nothing is on its way to it: it was put back, or this node was restarted before it had
 * told all. The re-decision finds out (R7d). It comes while all are well, not at the next fault, when that vote is needed.
 */
void seats_look_around(struct core *c, uint8_t mirror, uint64_t now_ms)
{
        struct cas_register *r = &c->reg[mirror];
        uint8_t members = voters_of(c, &r->decided), lagging = 0;

        for (uint8_t v = 0; v < VOTERS; v++) {
                const struct mirror_summary *s = v != c->config.self ? detector_summary(c, v, mirror) : NULL;
                if (s && s->record_version > 0 && v == WITNESS)
                        register_note_memory(r, v, true); /* it knows what it has accepted and nothing else: the other node has admitted it since we asked */
#ifndef MUTANT_UNIT_expelled_twice /* R7d */
                if (!uuid_equal(&r->acceptor.value.voters[v], &r->acceptor.seen[v].voter))
                        r->voters_backward &= (uint8_t)~voter_bit(v); /* who went back has no seat any more */
#endif
                if (s && (members & voter_bit(v)) && s->record_version < r->decided.version)
                        lagging |= voter_bit(v);
        }
#ifdef MUTANT_UNIT_lag_unseen /* R7d */
        lagging = 0;
#endif
        if (!lagging || !decided_our_primacy(c, r) || r->spreading.active || r->proposer.phase != PROPOSER_IDLE)
                r->lagging_since_ms = 0;
        else if (!r->lagging_since_ms)
                r->lagging_since_ms = now_ms;
        else if (now_ms - r->lagging_since_ms >= c->config.timers.dead_ms) /* longer than a heartbeat is on its way */
                r->voters_behind |= lagging;
}

/*
 * Only the primary looks after voters without memory, those that went back, and those that promised a ballot of a proposer which got no further (a
 * node that was cut off: it would keep its own undecided value for ever). One proposer for it is enough, and it has nothing to duel about. Without a
 * witness either node looks after the other: the one that needs it may be the primary, or there may be none.
 */
bool seats_want_redecision(const struct core *c, uint8_t mirror, uint64_t now_ms)
{
        const struct cas_register *r = &c->reg[mirror];
        bool primary = decided_our_primacy(c, r);
        bool without_witness = c->config.self < NODES && r->admitted && r->acceptor.value.version > 0 &&
                               !(voters_of(c, &r->acceptor.value) & voter_bit(WITNESS)) &&
                               ((r->voters_without_memory | r->voters_behind) & voter_bit(peer_of(c)));

        return (r->voters_without_memory | r->voters_behind | r->voters_backward) && r->redecide_at_ms <= now_ms &&
               r->proposer.phase == PROPOSER_IDLE && !r->spreading.active && (primary || without_witness);
}

/* One seat at a time (R7a): the first that is without memory, else the first that went back, else nobody's. */
struct change seats_redecision(const struct core *c, uint8_t mirror)
{
        const struct cas_register *r = &c->reg[mirror];
        struct change change = {.kind = CHANGE_CONFIRM, .epoch = r->decided.epoch};

        for (uint8_t v = 0; v < VOTERS && change.kind == CHANGE_CONFIRM; v++) {
                change.voter = v;
                if (r->voters_without_memory & voters_configured(c) & voter_bit(v))
                        change.kind = CHANGE_ADMIT;
        }
        for (uint8_t v = 0; v < VOTERS && change.kind == CHANGE_CONFIRM; v++) {
                change.voter = v;
                if (r->voters_backward & voter_bit(v))
                        change.kind = CHANGE_EXPEL;
        }
        return change;
}
