/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The proposer of one mirror's record.
 *
 * CASPaxos (Rystsov 2018), two round trips each time: PREPARE shows what a majority accepted, the change is applied to the value of the
 * highest ballot, ACCEPT writes the result. If the change's precondition is false there, the value itself is written again: that settles
 * every earlier unknown outcome (R6a), and the change is lost. A proposal is retried with a higher ballot after a pause of random length
 * (two proposers that hit each other must part) until it is decided; it never ends unresolved.
 *
 * A lease in the way (R4a). A primacy change that a voter refuses for another node's lease goes on as a plain re-decision ("yielding"):
 * either no ACCEPT of ours was ever sent, and the change is given up; or one was, and the re-decision finds out. There it may find our own
 * value, undecided, in our own voter only; then any majority of promises without it is as good a quorum as one with it (a voter that
 * promised this ballot can no longer accept the older one), and is preferred, because our value would run into the lease again.
 *
 * Spreading. After the decision the same ballot is offered to the voters that have not accepted it: a standby decides from what its own
 * voter knows, and a majority may have been the other two. One that has promised a higher ballot to a proposer that got no further refuses
 * it; then the primary decides the same value once more, above that ballot.
 *
 * Memory (R7c). A voter that lost its state has lost promises and accepted values, and its vote may not count: with it, a majority could
 * be built that knows nothing of a decided value. It answers with REFUSAL_NO_STATE and an identity of this start (`pending`).
 *   Creation. A first value needs the answers of all voters of the configuration, each with nothing accepted: then nothing was ever decided, unless all
 *   who had accepted it lost their memory together. They promise durably, and ACCEPT admits each by the identity that it showed; one that
 *   restarted between has another identity and refuses. The same full house may finish a creation of which only version 1 was seen: version
 *   2 and later need their proposer's own voter, which is the only leg in sync up to then.
 *   Seats. The record names the identity that holds each voter's seat. A proposer counts a promise only from the memory that has the seat in the value
 *   of the highest ballot shown; an acceptor takes no value in which its seat is another's.
 *   Admission later. The primary, told by an answer that voter V has no memory, gives V's seat to its new identity and changes nothing else. PREPARE
 *   shows that identity before any ACCEPT goes out; the ballot must be accepted by ALL other voters, and only then ACCEPT admits V by it. Why all: V may
 *   have promised a higher ballot b2 before it forgot. Its proposer has the promise of one other voter W too; either W promised b2
 *   before our ACCEPT, then W refuses ours and V is not admitted; or after, then W showed our value to b2. Why the identity, and why before
 *   ACCEPT: so that V cannot have voted with W above our ballot in between and forgotten it. Of two voters "all others" is one: whatever was decided,
 *   it has accepted; and because nothing else can be decided before, any proposal begins with the seat (seats.c).
 * Steps back (R7d). A voter that shows less than it accepted when this proposer asked it (a restored snapshot) is not counted here any more; the
 * primary takes its seat away by a decision of both others, it forgets when it hears of that, and is admitted like one without memory. A former
 * voter that is switched on again has no seat either. What was seen is durable (acceptor_state.seen): a proposer that restarts knows it again. What nobody
 * has seen cannot be known: a step back between two questions of one who did not ask.
 * One voter alone (manual mode). Where there is no third vote, a person's word that the peer is off counts as its vote, for one value, which takes its
 * seat away and raises the generation. Nothing of an older generation counts any more (R7b): its proposals are refused, and who still votes by it
 * forgets and is admitted again. That breaks the intersection of majorities on purpose; P2 rests on the grants then: who was primary needs the other's
 * leg. Two words, one on each node, make two records: they are told apart by the random half of the generation, and nothing joins them.
 * With two of three voters without memory nothing of this helps and status says no-majority. A person then stops hamon on all three (the
 * services run on, the service address goes), copies the state file with the highest accepted ballot over the missing ones, and starts
 * them: with everything stopped no proposal is under way that could miss it. (A copied file shows whose it was: its reader takes its own seat.) If the only memory left is not the primary's, the copy may
 * be older than what was decided; then the mirror is created anew from the leg that the person knows to be newest.
 */
#include "hamon/core/state.h"

#include <assert.h>

enum {
        BACKOFF_DOUBLINGS_MAX = 4,
        SPREAD_INTERVAL_MAX_MS = 5000,
        REDECISION_INTERVAL_MS = 5000,
};

static uint64_t earlier(uint64_t a_ms, uint64_t b_ms)
{
        return a_ms < b_ms ? a_ms : b_ms;
}

void record_init(struct core *c, uint8_t mirror, const struct acceptor_state *durable, bool known)
{
        struct cas_register *r = &c->reg[mirror];

        *r = (struct cas_register){.outcome = {.present = false}};
        r->decided.primary = NO_NODE;
        acceptor_init(c, mirror, durable, known);
        if (r->acceptor.value.version == 0)
                r->acceptor.value.primary = NO_NODE;
        r->highest_n = r->acceptor.promised.n;
}

static void note_ballot(struct cas_register *r, const struct ballot *b)
{
        if (b->n > r->highest_n)
                r->highest_n = b->n;
}

void register_note_memory(struct cas_register *r, uint8_t voter, bool has_memory)
{
        if (has_memory)
                r->voters_without_memory &= (uint8_t)~voter_bit(voter);
        else
                r->voters_without_memory |= voter_bit(voter);
}

static struct message *send(struct core *c, uint8_t mirror, uint8_t to, enum message_type type, struct actions *out)
{
        struct action *a = actions_add(out, ACTION_SEND);

        a->after = 0; /* requests rely on other voters' answers only, and these were durable before they were sent */
        a->send = (struct message){
            .type = type,
            .from = c->config.self,
            .to = to,
            .mirror = mirror,
            .voters_generation = register_voters_generation(&c->reg[mirror]),
        };
        return &a->send;
}

/* -- One ballot ----------------------------------------------------------------------------------------------------------------- */

/*
 * A ballot's phase lasts longer with each attempt: disks whose fsync takes longer than swap_retry_ms would otherwise answer every ballot when the next one has
 * begun, for ever. Meanwhile those that have not answered are asked again: a message may have been lost, or a link is back.
 */
static void be_patient(const struct core *c, struct proposer *p, const struct event *e)
{
        unsigned doublings = p->attempts < BACKOFF_DOUBLINGS_MAX ? p->attempts : BACKOFF_DOUBLINGS_MAX;

#ifdef MUTANT_UNIT_impatient /* R8: a slow disk is not a dead one */
        doublings = 0;
#endif
        p->ends_ms = e->now_ms + ((uint64_t)c->config.timers.swap_retry_ms << doublings);
}

static void send_prepares(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct proposer *p = &c->reg[mirror].proposer;
        uint8_t answered = p->promised | p->blank | p->refused;

        p->retry_at_ms = e->now_ms + c->config.timers.swap_retry_ms;
        for (uint8_t v = 0; v < VOTERS; v++)
                if (!(answered & voter_bit(v))) {
                        struct message *m = send(c, mirror, v, MESSAGE_PREPARE, out);
                        m->prepare.ballot = p->ballot;
                        m->prepare.primacy = change_is_primacy(p->change.kind) && !p->yielding;
                }
}

static void start_ballot(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct cas_register *r = &c->reg[mirror];
        struct proposer *p = &r->proposer;

        assert(r->highest_n < UINT64_MAX);
        r->spreading.active = false;
        p->phase = PROPOSER_PREPARE;
        p->ballot = (struct ballot){
#ifdef MUTANT_ballot_used_twice
            .n = r->highest_n = p->attempts ? r->highest_n : r->highest_n + 1,
#else
            .n = ++r->highest_n,
#endif
            .node = c->config.self, .start = c->config.start};
        p->promised = p->blank = p->refused = p->accepted = 0;
        p->lease_refused = false;
        be_patient(c, p, e);
        send_prepares(c, mirror, e, out);
}

/* The ballot failed. A random share of a window that doubles: duelling proposers end, and one that merely lost a message is soon back. */
static void pause(struct core *c, uint8_t mirror, const struct event *e)
{
        struct proposer *p = &c->reg[mirror].proposer;
        unsigned doublings = p->attempts < BACKOFF_DOUBLINGS_MAX ? p->attempts : BACKOFF_DOUBLINGS_MAX;
        uint64_t window_ms = ((uint64_t)c->config.timers.swap_retry_ms << doublings) / 4 + 1;

        p->phase = PROPOSER_PAUSE;
        p->attempts++;
        p->retry_at_ms = e->now_ms + 1 + e->entropy[1] % window_ms;
        if (p->lease_refused && change_is_primacy(p->change.kind))
                p->yielding = true;
}

static void finish(struct core *c, uint8_t mirror, const struct record *decided)
{
        struct cas_register *r = &c->reg[mirror];
        struct proposer *p = &r->proposer;

        if (!p->internal)
                r->outcome = (struct change_outcome){
                    .present = true,
                    .kind = p->change.kind,
                    .won = change_reached(c, &p->change, decided),
                    .decided = *decided,
                };
        p->phase = PROPOSER_IDLE;
}

/*
 * A voter without memory may take the ballot when the value names the identity that it showed, and this was a creation by all, or every other
 * voter has accepted it.
 */
static bool may_admit(uint8_t voter, uint8_t blank, uint8_t accepted, uint8_t members, bool full_house, const struct uuid *shown,
                      const struct record *value)
{
        uint8_t others = members & (uint8_t)~voter_bit(voter);

#ifdef MUTANT_UNIT_admitted_early /* R7a */
        return (blank & voter_bit(voter)) && uuid_equal(shown, &value->voters[voter]);
#endif
        return (blank & voter_bit(voter)) && uuid_equal(shown, &value->voters[voter]) && (full_house || (accepted & others) == others);
}

static void send_accept(struct core *c, uint8_t mirror, uint8_t voter, const struct ballot *ballot, const struct record *value,
                        bool primacy, const struct uuid *admit, struct actions *out)
{
        struct message *m = send(c, mirror, voter, MESSAGE_ACCEPT, out);

        m->accept.ballot = *ballot;
        m->accept.value = *value;
        m->accept.primacy = primacy;
        if (admit)
                m->accept.admit = *admit;
}

/* -- From PREPARE to ACCEPT ----------------------------------------------------------------------------------------------------- */

/* The value of the highest accepted ballot among the promises in `mask`. */
static struct record highest_shown(const struct proposer *p, uint8_t mask)
{
        struct record best = {.primary = NO_NODE};
        struct ballot best_ballot = {.n = 0};

        for (uint8_t v = 0; v < VOTERS; v++)
#ifdef MUTANT_any_value
                if ((mask & voter_bit(v)) && !ballot_is_null(&p->shown_ballot[v])) {
#else
                if ((mask & voter_bit(v)) && ballot_compare(&p->shown_ballot[v], &best_ballot) > 0) {
#endif
                        best_ballot = p->shown_ballot[v];
                        best = p->shown[v];
                }
        return best;
}

/* The voters whose promise does not show our own change's undecided value. */
static uint8_t showing_others(const struct proposer *p)
{
        uint8_t mask = 0;

        for (uint8_t v = 0; v < VOTERS; v++)
                if ((p->promised & voter_bit(v)) && !uuid_equal(&p->shown[v].change, &p->change.id))
                        mask |= voter_bit(v);
        return mask;
}

/* Whose acceptance makes it decided. */
static void set_quorum(const struct core *c, struct proposer *p, const struct record *base, bool by_consent)
{
        p->members = p->full_house ? voters_configured(c) : voters_of(c, base);
        p->needed = voters_needed(p->members);
        p->required = 0;
        if (p->seating)
                p->members = p->required = p->members & (uint8_t)~voter_bit(p->seat);
        else if (by_consent)
                p->members = p->required = voter_bit(c->config.self);
        if (p->required)
                p->needed = 0;
}

static void send_accepts(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);

enum way { PLAIN, FULL_HOUSE, SEATING };

/* A quorum of promises is there: `quorum` of voters with memory, or all at a creation. */
static void enter_accept(struct core *c, uint8_t mirror, uint8_t quorum, enum way way, const struct event *e, struct actions *out)
{
        struct cas_register *r = &c->reg[mirror];
        struct proposer *p = &r->proposer;
        struct record base = highest_shown(p, quorum);
        bool by_consent = way == PLAIN && voters_consent(c, &base);

        p->value = base;
        p->full_house = way == FULL_HOUSE;
        p->seating = way == SEATING;
        p->changed = !p->yielding && !p->seating && change_apply(c, &p->change, &base, &p->value);
        if (p->value.version == 0) {
                /* Nothing was ever decided, and nothing will be: there is no value to write again. */
                finish(c, mirror, &base);
                return;
        }
        if (p->full_house)
                seats_fill_house(c, p);
        if (p->seating)
                seats_change(p);
        if (by_consent) {
                voters_seat_alone(c, &p->value, (uint32_t)e->entropy[3]);
                if (!p->changed) {
                        p->value.version++;
                        p->value.change = p->change.id;
                }
        }
        set_quorum(c, p, &base, by_consent);
        p->phase = PROPOSER_ACCEPT;
        p->accept_sent = p->accept_sent || p->changed;
        be_patient(c, p, e);
        send_accepts(c, mirror, e, out);
}

/* To all whose acceptance of this ballot is wanted and has not come. */
static void send_accepts(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct proposer *p = &c->reg[mirror].proposer;

        p->retry_at_ms = e->now_ms + c->config.timers.swap_retry_ms;
        for (uint8_t v = 0; v < VOTERS; v++) {
                bool admit = may_admit(v, p->blank, 0, p->members, p->full_house, &p->voter[v], &p->value);
                bool excluded = (p->promised & voter_bit(v)) && !uuid_equal(&p->voter[v], &p->value.voters[v]);
                if ((voters_configured(c) & ~p->accepted & voter_bit(v)) && !excluded && (!(p->blank & voter_bit(v)) || admit))
                        send_accept(c, mirror, v, &p->ballot, &p->value, change_is_primacy(p->change.kind), admit ? &p->voter[v] : NULL,
                                    out);
        }
}

/* Looks at the answers to PREPARE. `last_call`: the ballot's time is over, use what is there. */
static void weigh_promises(struct core *c, uint8_t mirror, bool last_call, const struct event *e, struct actions *out)
{
        struct proposer *p = &c->reg[mirror].proposer;
        uint8_t configured = voters_configured(c), answered = p->promised | p->blank | p->refused;
        bool all_answered = (answered & configured) == configured;
        struct record base = highest_shown(p, p->promised);
        uint8_t valid = base.version ? voters_recognised(c, p, &base, p->promised) : 0;
        bool consent = voters_consent(c, &base) && (valid & voter_bit(c->config.self));
        unsigned needed = consent ? 1 : voters_needed(voters_of(c, &base));
        bool enough = base.version > 0 && voters_count(valid) >= needed;

        /* Worth waiting for the last answer: a quorum without our value (yielding), the identity of one to be admitted. */
        bool wait = ((p->yielding && p->accept_sent) || p->internal) && !all_answered && !last_call;
        if (wait && enough)
                return;
        if ((p->internal || !enough) && seats_may_change(c, p, &base)) {
                enter_accept(c, mirror, valid, SEATING, e, out);
        } else if (enough) {
                uint8_t others = showing_others(p) & valid;
                enter_accept(c, mirror, p->yielding && voters_count(others) >= needed ? others : valid, PLAIN, e, out);
        } else if (((p->promised | p->blank) & configured) == configured && base.version <= 1) {
                enter_accept(c, mirror, configured, FULL_HOUSE, e, out);
        } else if (all_answered || voters_count(p->refused) >= 2 || (last_call && p->ends_ms <= e->now_ms)) {
                pause(c, mirror, e);
        } else if (last_call) {
                send_prepares(c, mirror, e, out);
        }
}

static void on_promise(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *m = &e->message;
        struct cas_register *r = &c->reg[m->mirror];
        struct proposer *p = &r->proposer;

        note_ballot(r, &m->promise.promised);
        seats_look_back(c, m, out);
        if (p->phase != PROPOSER_PREPARE || ballot_compare(&m->promise.ballot, &p->ballot) != 0 ||
            ((p->promised | p->blank | p->refused) & voter_bit(m->from)))
                return;
        switch (m->promise.refusal) {
        case REFUSAL_NONE:
                if (r->voters_backward & voter_bit(m->from)) {
                        p->refused |= voter_bit(m->from);
                        break;
                }
                p->promised |= voter_bit(m->from);
                p->shown_ballot[m->from] = m->promise.accepted;
                p->shown[m->from] = m->promise.value;
                p->voter[m->from] = m->promise.voter;
                register_note_memory(r, m->from, true);
                break;
        case REFUSAL_NO_STATE:
                p->blank |= voter_bit(m->from);
                p->shown_ballot[m->from] = (struct ballot){.n = 0};
                p->voter[m->from] = m->promise.voter;
                register_note_memory(r, m->from, false);
                break;
        case REFUSAL_LEASE:
        case REFUSAL_RESTARTED:
                p->lease_refused = true;
                p->refused |= voter_bit(m->from);
                break;
        default:
                p->refused |= voter_bit(m->from);
                break;
        }
        weigh_promises(c, m->mirror, false, e, out);
}

/* -- ACCEPT, decision, spreading ------------------------------------------------------------------------------------------------ */

static void decide(struct core *c, uint8_t mirror, const struct event *e)
{
        struct cas_register *r = &c->reg[mirror];
        struct proposer *p = &r->proposer;

        r->decided = p->value;
        r->voters_behind &= (uint8_t)~p->accepted;
        r->spreading = (struct spreading){
            .active = true,
            .ballot = p->ballot,
            .value = p->value,
            .accepted = p->accepted,
            .full_house = p->full_house,
            .members = p->members,
            .blank = p->blank,
            .next_ms = e->now_ms + c->config.timers.swap_retry_ms,
            .interval_ms = c->config.timers.swap_retry_ms,
        };
        for (uint8_t v = 0; v < VOTERS; v++) {
                r->spreading.voter[v] = p->voter[v];
                if ((p->blank & voter_bit(v)) && !uuid_equal(&p->voter[v], &p->value.voters[v]))
                        r->spreading.hopeless |= voter_bit(v);
        }
        if (((p->accepted | r->spreading.hopeless) & voters_configured(c)) == voters_configured(c))
                r->spreading.active = false;
        if (p->seating && !p->internal) {
                /* The seat was in the way; the change itself comes next, when its new holder has heard of it. */
                r->spreading.next_ms = e->now_ms;
                p->phase = PROPOSER_PAUSE;
                p->retry_at_ms = e->now_ms + c->config.timers.swap_retry_ms;
                return;
        }
        finish(c, mirror, &r->decided);
}

static void on_accepted_spreading(struct core *c, const struct event *e)
{
        const struct message *m = &e->message;
        uint8_t configured = voters_configured(c);
        struct spreading *s = &c->reg[m->mirror].spreading;

        if (!s->active || ballot_compare(&m->accepted.ballot, &s->ballot) != 0)
                return;
        if (m->accepted.refusal == REFUSAL_NONE) {
                s->accepted |= voter_bit(m->from);
                c->reg[m->mirror].voters_behind &= (uint8_t)~voter_bit(m->from);
                s->next_ms = earlier(s->next_ms, e->now_ms); /* the second acceptance may have opened the way for an admission */
        }
        /* Without memory and not admitted by this ballot (it restarted meanwhile): the next re-decision looks after it. */
        if (m->accepted.refusal == REFUSAL_NO_STATE)
                s->hopeless |= voter_bit(m->from);
        if (m->accepted.refusal == REFUSAL_BALLOT)
                c->reg[m->mirror].voters_behind |= voter_bit(m->from);
        if (((s->accepted | s->hopeless) & configured) == configured || m->accepted.refusal == REFUSAL_BALLOT)
                s->active = false;
}

static void on_accepted(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *m = &e->message;
        struct cas_register *r = &c->reg[m->mirror];
        struct proposer *p = &r->proposer;
        const struct voter_seen *seen = &r->acceptor.seen[m->from];

        note_ballot(r, &m->accepted.promised);
        if (m->accepted.refusal == REFUSAL_NONE || m->accepted.refusal == REFUSAL_NO_STATE)
                register_note_memory(r, m->from, m->accepted.refusal == REFUSAL_NONE);
        /* R7d: what it has accepted, as the one that its promise to this very ballot said it is. */
        if (m->accepted.refusal == REFUSAL_NONE && ballot_compare(&m->accepted.ballot, &p->ballot) == 0 && (p->promised & voter_bit(m->from)) &&
            uuid_equal(&p->voter[m->from], &seen->voter) && ballot_compare(&p->ballot, &seen->accepted) > 0)
                acceptor_note_seen(c, m->mirror, m->from, &p->ballot, out);
        on_accepted_spreading(c, e);
        if (p->phase != PROPOSER_ACCEPT || ballot_compare(&m->accepted.ballot, &p->ballot) != 0)
                return;
        if (r->voters_backward & voter_bit(m->from))
                return;
        if (m->accepted.refusal == REFUSAL_NONE) {
                p->accepted |= voter_bit(m->from);
                if ((p->accepted & p->required) == p->required && voters_count(p->accepted & p->members) >= p->needed)
                        decide(c, m->mirror, e);
                return;
        }
        p->refused |= voter_bit(m->from);
        if (m->accepted.refusal == REFUSAL_LEASE || m->accepted.refusal == REFUSAL_RESTARTED)
                p->lease_refused = true;
        if (voters_count(p->refused) >= 2 || m->accepted.refusal == REFUSAL_BALLOT)
                pause(c, m->mirror, e);
}

static void spread(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct spreading *s = &c->reg[mirror].spreading;

        for (uint8_t v = 0; v < VOTERS; v++) {
                bool admit = may_admit(v, s->blank, s->accepted, s->members, s->full_house, &s->voter[v], &s->value);
                if ((voters_configured(c) & ~s->accepted & voter_bit(v)) && (!(s->blank & voter_bit(v)) || admit))
                        send_accept(c, mirror, v, &s->ballot, &s->value, false, admit ? &s->voter[v] : NULL, out);
        }
        s->next_ms = e->now_ms + s->interval_ms;
        s->interval_ms = s->interval_ms * 2 > SPREAD_INTERVAL_MAX_MS ? SPREAD_INTERVAL_MAX_MS : s->interval_ms * 2;
}

/* -- What core.c calls ---------------------------------------------------------------------------------------------------------- */

bool record_busy(const struct core *c, uint8_t mirror)
{
        const struct proposer *p = &c->reg[mirror].proposer;
        return p->phase != PROPOSER_IDLE && !p->internal;
}

static void begin(struct core *c, uint8_t mirror, const struct change *change, bool internal, const struct event *e,
                  struct actions *out)
{
        struct proposer *p = &c->reg[mirror].proposer;

        *p = (struct proposer){.change = *change, .internal = internal};
        if (uuid_is_null(&p->change.id))
                for (unsigned i = 0; i < sizeof p->change.id.bytes; i++)
                        p->change.id.bytes[i] = (uint8_t)(e->entropy[2 + i / 8] >> (8 * (i % 8)));
        start_ballot(c, mirror, e, out);
}

void record_propose(struct core *c, uint8_t mirror, const struct change *change, const struct event *e, struct actions *out)
{
        assert(!record_busy(c, mirror));
        assert(change->kind > CHANGE_NONE && change->kind < CHANGE_KINDS);
        c->reg[mirror].outcome.present = false;
        begin(c, mirror, change, false, e, out);
}

bool record_is_revocable(const struct core *c, uint8_t mirror)
{
        const struct proposer *p = &c->reg[mirror].proposer;

#ifdef MUTANT_UNIT_sent_is_revocable /* R6a */
        return true;
#endif
        return !p->internal && (p->phase == PROPOSER_IDLE || !p->accept_sent);
}

bool record_cancel(struct core *c, uint8_t mirror)
{
        if (!record_is_revocable(c, mirror))
                return false;
        c->reg[mirror].proposer.phase = PROPOSER_IDLE;
        return true;
}

void record_message(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *m = &e->message;

        if (m->mirror >= c->config.mirrors || m->from >= VOTERS)
                return;
        c->reg[m->mirror].outcome.present = false;
        if (m->type == MESSAGE_PREPARE) {
                note_ballot(&c->reg[m->mirror], &m->prepare.ballot);
                acceptor_prepare(c, e, out);
        } else if (m->type == MESSAGE_PROMISE) {
                on_promise(c, e, out);
        } else if (m->type == MESSAGE_ACCEPT) {
                note_ballot(&c->reg[m->mirror], &m->accept.ballot);
                acceptor_accept(c, e, out);
        } else if (m->type == MESSAGE_ACCEPTED) {
                on_accepted(c, e, out);
        }
}

bool record_expel(struct core *c, uint8_t mirror, uint8_t voter, const struct event *e, struct actions *out)
{
        const struct cas_register *r = &c->reg[mirror];
        const struct change change = {.kind = CHANGE_EXPEL, .epoch = r->decided.epoch, .voter = voter};
        uint8_t members = voters_known(c, mirror);

        bool primary = r->decided.primary == c->config.self && uuid_equal(&r->decided.primary_boot, &c->config.boot);

        if (!primary || record_busy(c, mirror) || r->decided.version == 0 || !(members & voter_bit(voter)) || voters_count(members) < 3)
                return false;
        begin(c, mirror, &change, true, e, out);
        return true;
}

void record_tick(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct cas_register *r = &c->reg[mirror];
        struct proposer *p = &r->proposer;

        r->outcome.present = false;
        if (p->phase != PROPOSER_IDLE && p->retry_at_ms <= e->now_ms) {
                if (p->phase == PROPOSER_PREPARE)
                        weigh_promises(c, mirror, true, e, out);
                else if (p->phase == PROPOSER_ACCEPT)
#ifdef MUTANT_timeout_is_an_outcome /* R6a */
                        finish(c, mirror, &r->acceptor.value);
#else
                        if (p->ends_ms <= e->now_ms)
                                pause(c, mirror, e);
                        else
                                send_accepts(c, mirror, e, out);
#endif
                else if (p->internal && p->attempts > 2)
                        p->phase = PROPOSER_IDLE; /* a re-decision changes nothing: it may be dropped at any time */
                else
                        start_ballot(c, mirror, e, out);
        }
        if (r->spreading.active && r->spreading.next_ms <= e->now_ms)
                spread(c, mirror, e, out);
        seats_look_around(c, mirror, e->now_ms);
        if (seats_want_redecision(c, mirror, e->now_ms)) {
                r->redecide_at_ms = e->now_ms + REDECISION_INTERVAL_MS;
                const struct change change = seats_redecision(c, mirror);
                begin(c, mirror, &change, true, e, out);
        }
}

uint64_t record_deadline_ms(const struct core *c, uint8_t mirror)
{
        const struct cas_register *r = &c->reg[mirror];
        uint64_t at_ms = UINT64_MAX;

        if (r->proposer.phase != PROPOSER_IDLE)
                at_ms = r->proposer.retry_at_ms;
        if (r->spreading.active)
                at_ms = earlier(at_ms, r->spreading.next_ms);
        return at_ms;
}

const struct record *record_known(const struct core *c, uint8_t mirror, bool *ret_decided)
{
        const struct cas_register *r = &c->reg[mirror];

        *ret_decided = r->decided.version > 0 && r->decided.version >= r->acceptor.value.version;
        return *ret_decided ? &r->decided : &r->acceptor.value;
}

bool record_takeover_unresolved(const struct core *c, uint8_t mirror)
{
        const struct cas_register *r = &c->reg[mirror];
        const struct record *v = &r->acceptor.value;

        if (r->proposer.phase != PROPOSER_IDLE && r->proposer.accept_sent && change_is_primacy(r->proposer.change.kind))
                return true;
        /* After a restart: a swap to this node that our voter accepted, and that we have not seen decided. */
        return v->version > r->decided.version && v->primary == c->config.self;
}
