/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of the own role, and its deeds. The order of a take-over (R3) is the order of the DONE rows: nothing is assembled before REVOKE
 * is done, and REVOKE is asked only when the swap was seen decided.
 *
 * A planned switchover (3.5) goes from REVOKE to HAND: the swap has kept both legs in sync, the leg machine gets the peer's leg for the new
 * epoch, and hamon-act proves the two equal before it runs them together. Nothing has been written since the old primary stopped, so either
 * node may fail up to there and the other one has everything. When any of it fails the own disk is probed once more: if it is good the record is
 * decided without the peer's leg before the own one is assembled alone, if not without the own one, and the service goes back.
 */
#include "hamon/core/state.h"

#include <assert.h>
#include <errno.h>

enum deed {
        NOTHING,
        OPEN,          /* LEG_OPEN as the state's own effect */
        REOPEN,        /* LEG_OPEN beside it */
        ASK_AGAIN,     /* every open effect of this mirror */
        STAND_BY,
        BEGIN_PREVOTE,
        NOT_NOW,       /* the pre-vote failed: back to standby, again a little later */
        PROBE,
        PROBE_BAD,
        PROBE_GOOD,
        REPROBE,
        SWAP,
        SWAP_LOST,
        HAND,
        HAND_PROBE,
        HAND_LEAVE,
        HAND_STOP,
        KEEP_PEER,
        ADOPT,
        REVOKE,
        STEP,          /* the effect that belongs to the new state */
        RETRY,         /* the failed effect, after a back-off */
        ENTER_PRIMARY,
        CREATE_SWAP,
        FAIL_COMMAND,
        STOP_ARRAY,
        UNDO_CREATE,
        CANCEL,        /* a proposal that nobody has seen, and that nobody waits for any more */
        CANCEL_CREATE,
        STOPPED,
        REBOOT,
};

#define S(name) IN_STATE(MIRROR_##name)
#define OPENERS (S(START) | S(OPENING))
#define TAKING (S(REVOKE) | S(CAPTURE) | S(ASSEMBLE) | S(APPLY) | S(HISTORY))
#define NEEDS_HOLD (S(CAPTURE) | S(ASSEMBLE) | S(APPLY) | S(HISTORY))
#define CREATING (S(CREATE_LEG) | S(CREATE_ARRAY) | S(CREATE_SWAP))
#define JOINING (S(JOIN_REVOKE) | S(JOIN_LEG))
#define STOPPING (S(STOP_SERVICE) | S(STOP_ARRAY))
#define HANDING (S(HAND) | S(ASSEMBLE_BOTH))
#define UNHANDING (S(STOP_KEEP) | S(HAND_PROBE) | S(HAND_LEAVE) | S(HAND_DETACH) | S(HAND_KEEP) | S(HAND_STOP))
#define IDLERS (S(STANDBY) | S(REPROBE) | S(LEFT))
#define ASKERS (S(PREVOTE) | S(PROBE) | S(SWAP))
#define ALL (OPENERS | TAKING | HANDING | UNHANDING | CREATING | JOINING | STOPPING | IDLERS | ASKERS | S(PRIMARY) | S(ADOPT) | S(DEPOSED))
#define HAS_EFFECT (S(OPENING) | S(REPROBE) | S(PROBE) | TAKING | S(ASSEMBLE_BOTH) | S(HAND_PROBE) | S(HAND_DETACH) | S(HAND_STOP) | S(CREATE_LEG) | S(CREATE_ARRAY) | \
                    JOINING | S(STOP_ARRAY) | S(DEPOSED))
#define HAS_PROPOSAL (S(STOP_KEEP) | S(HAND_KEEP) | S(SWAP) | S(ADOPT) | S(HAND_LEAVE) | S(CREATE_SWAP))
#define HAS_ARRAY (S(ASSEMBLE) | S(APPLY) | S(HISTORY) | S(ASSEMBLE_BOTH) | S(HAND_PROBE) | S(HAND_LEAVE) | S(HAND_DETACH) | S(HAND_KEEP) | S(PRIMARY) | \
                   STOPPING)

/* clang-format off: one row, one line */
static const struct row rows[] = {
    /* hamon-act comes and goes */
    {S(START), MIRROR_ACT_READY, 0, 0, MIRROR_OPENING, OPEN, REASON_NONE},
    {ALL & ~(S(START) | S(DEPOSED)), MIRROR_ACT_READY, 0, 0, STAY, REOPEN, REASON_NONE},
    {S(DEPOSED), MIRROR_ACT_READY, 0, 0, STAY, ASK_AGAIN, REASON_NONE}, /* a disk that hangs must not hold up the reboot */
    {ALL, MIRROR_ACT_LOST, 0, 0, STAY, NOTHING, REASON_NONE},
    {ALL & ~(S(PRIMARY) | NEEDS_HOLD | HANDING), MIRROR_REOPENED, 0, 0, STAY, ASK_AGAIN, REASON_NONE},
    {HANDING, MIRROR_REOPENED, MIRROR_RUNNING, 0, STAY, ASK_AGAIN, REASON_NONE},
    {HANDING, MIRROR_REOPENED, MIRROR_BOTH, MIRROR_RUNNING, MIRROR_REVOKE, REVOKE, REASON_NONE},
    {HANDING, MIRROR_REOPENED, 0, MIRROR_BOTH | MIRROR_RUNNING, MIRROR_STANDBY, STAND_BY, REASON_EFFECT_FAILED},
    {NEEDS_HOLD, MIRROR_REOPENED, MIRROR_RUNNING, 0, STAY, ASK_AGAIN, REASON_NONE},
    {NEEDS_HOLD, MIRROR_REOPENED, MIRROR_ALONE, MIRROR_RUNNING, MIRROR_REVOKE, REVOKE, REASON_NONE}, /* the hold died with hamon-act */
    {NEEDS_HOLD, MIRROR_REOPENED, 0, MIRROR_ALONE | MIRROR_RUNNING, MIRROR_STANDBY, STAND_BY, REASON_EFFECT_FAILED}, /* R1a: alone only by a swap */
    {S(PRIMARY), MIRROR_REOPENED, MIRROR_RUNNING, 0, STAY, ASK_AGAIN, REASON_NONE},
    {S(PRIMARY), MIRROR_REOPENED, 0, MIRROR_RUNNING, MIRROR_STANDBY, STAND_BY, REASON_EFFECT_FAILED}, /* the array is gone */

    /* effects done */
#ifdef MUTANT_adoption_skipped /* R1d */
    {S(OPENING), MIRROR_DONE, MIRROR_RUNNING, 0, MIRROR_DEPOSED, REBOOT, REASON_DEPOSED},
#else
    {S(OPENING), MIRROR_DONE, MIRROR_RUNNING, 0, MIRROR_ADOPT, ADOPT, REASON_NONE},
#endif
    {S(OPENING), MIRROR_DONE, 0, MIRROR_RUNNING, MIRROR_STANDBY, STAND_BY, REASON_NONE},
#ifdef MUTANT_swap_not_awaited /* R3c */
    {S(PROBE), MIRROR_DONE, 0, MIRROR_GIVEN_UP, MIRROR_REVOKE, REVOKE, REASON_NONE},
#else
    {S(PROBE), MIRROR_DONE, 0, MIRROR_GIVEN_UP, MIRROR_SWAP, SWAP, REASON_NONE},
#endif
    {S(PROBE), MIRROR_DONE, MIRROR_GIVEN_UP, 0, MIRROR_STANDBY, CANCEL, REASON_NONE},
    {S(REPROBE), MIRROR_DONE, 0, 0, MIRROR_STANDBY, PROBE_GOOD, REASON_NONE},
    {S(REVOKE), MIRROR_DONE, 0, MIRROR_BOTH, MIRROR_CAPTURE, STEP, REASON_TAKEOVER_FENCED},
    {S(REVOKE), MIRROR_DONE, MIRROR_BOTH, 0, MIRROR_HAND, HAND, REASON_TAKEOVER_FENCED},
    {S(ASSEMBLE_BOTH), MIRROR_DONE, 0, 0, MIRROR_HISTORY, STEP, REASON_TAKEOVER_ASSEMBLED},
    {S(HAND_PROBE), MIRROR_DONE, 0, 0, MIRROR_HAND_LEAVE, HAND_LEAVE, REASON_NONE},
    {S(HAND_DETACH), MIRROR_DONE, 0, 0, MIRROR_HAND_STOP, STEP, REASON_NONE},
    {S(HAND_STOP), MIRROR_DONE, MIRROR_ALONE, 0, MIRROR_REVOKE, REVOKE, REASON_NONE},
    {S(HAND_STOP), MIRROR_DONE, 0, MIRROR_ALONE, MIRROR_OPENING, OPEN, REASON_NONE},
    {S(CAPTURE), MIRROR_DONE, 0, 0, MIRROR_ASSEMBLE, STEP, REASON_NONE},
    {S(ASSEMBLE), MIRROR_DONE, 0, 0, MIRROR_APPLY, STEP, REASON_TAKEOVER_ASSEMBLED},
    {S(APPLY), MIRROR_DONE, 0, 0, MIRROR_HISTORY, STEP, REASON_NONE},
    {S(HISTORY), MIRROR_DONE, 0, 0, MIRROR_PRIMARY, ENTER_PRIMARY, REASON_PRIMARY},
    {S(CREATE_LEG), MIRROR_DONE, 0, MIRROR_GIVEN_UP, MIRROR_CREATE_ARRAY, STEP, REASON_NONE},
    {S(CREATE_ARRAY), MIRROR_DONE, 0, MIRROR_GIVEN_UP, MIRROR_CREATE_SWAP, CREATE_SWAP, REASON_NONE},
    {S(CREATE_ARRAY), MIRROR_DONE, MIRROR_GIVEN_UP, 0, MIRROR_STOP_ARRAY, UNDO_CREATE, REASON_NONE},
    {S(JOIN_REVOKE), MIRROR_DONE, 0, MIRROR_GIVEN_UP, MIRROR_JOIN_LEG, STEP, REASON_NONE},
    {S(CREATE_LEG) | S(JOIN_REVOKE), MIRROR_DONE, MIRROR_GIVEN_UP, 0, MIRROR_STANDBY, STAND_BY, REASON_NONE},
    {S(JOIN_LEG), MIRROR_DONE, 0, 0, MIRROR_STANDBY, STAND_BY, REASON_NONE},
    {S(STOP_ARRAY), MIRROR_DONE, 0, 0, MIRROR_OPENING, STOPPED, REASON_NONE},
    {ALL & ~(HAS_EFFECT & ~S(DEPOSED)), MIRROR_DONE, 0, 0, STAY, NOTHING, REASON_NONE},

    /* effects failed */
    {S(PROBE), MIRROR_FAILED, 0, 0, MIRROR_STANDBY, PROBE_BAD, REASON_PROBE_FAILED},
    {S(REPROBE), MIRROR_FAILED, 0, 0, MIRROR_STANDBY, PROBE_BAD, REASON_NONE},
    {S(OPENING) | TAKING, MIRROR_FAILED, 0, 0, STAY, RETRY, REASON_EFFECT_FAILED},
    {S(HAND_DETACH), MIRROR_FAILED, MIRROR_OWN_BAD, 0, MIRROR_HAND_KEEP, KEEP_PEER, REASON_OWN_LEG_FAILED}, /* R2c */
    {S(HAND_DETACH), MIRROR_FAILED, 0, MIRROR_OWN_BAD, STAY, RETRY, REASON_EFFECT_FAILED},
    {S(HAND_STOP), MIRROR_FAILED, 0, MIRROR_UNSAFE, STAY, RETRY, REASON_EFFECT_FAILED},
    {S(HAND_STOP), MIRROR_FAILED, MIRROR_UNSAFE | MIRROR_ALONE, 0, MIRROR_REVOKE, REVOKE, REASON_NONE},
    {S(HAND_STOP), MIRROR_FAILED, MIRROR_UNSAFE, MIRROR_ALONE, MIRROR_OPENING, OPEN, REASON_NONE},
#ifdef MUTANT_hand_over_alone /* R1a */
    {S(ASSEMBLE_BOTH), MIRROR_FAILED, 0, 0, MIRROR_HAND_STOP, HAND_STOP, REASON_HANDOVER_FAILED},
#else
    {S(ASSEMBLE_BOTH), MIRROR_FAILED, 0, 0, MIRROR_HAND_PROBE, HAND_PROBE, REASON_HANDOVER_FAILED},
#endif
#ifdef MUTANT_UNIT_hand_over_unprobed /* R2b */
    {S(HAND_PROBE), MIRROR_FAILED, 0, 0, MIRROR_HAND_LEAVE, HAND_LEAVE, REASON_NONE},
#else
    {S(HAND_PROBE), MIRROR_FAILED, MIRROR_PEER_THERE, 0, MIRROR_HAND_KEEP, KEEP_PEER, REASON_OWN_LEG_FAILED},
    {S(HAND_PROBE), MIRROR_FAILED, 0, MIRROR_PEER_THERE, STAY, RETRY, REASON_EFFECT_FAILED}, /* nobody could go on: as long as both may, the first that can does */
#endif
    {S(DEPOSED), MIRROR_FAILED, 0, 0, STAY, RETRY, REASON_NONE},
    {S(CREATE_LEG) | S(CREATE_ARRAY) | JOINING, MIRROR_FAILED, 0, 0, MIRROR_STANDBY, FAIL_COMMAND, REASON_NONE},
    {S(STOP_ARRAY), MIRROR_FAILED, MIRROR_UNSAFE | MIRROR_BOTH, 0, MIRROR_STOP_KEEP, KEEP_PEER, REASON_OWN_LEG_FAILED},
    {S(STOP_ARRAY), MIRROR_FAILED, MIRROR_BOTH, MIRROR_UNSAFE, MIRROR_OPENING, OPEN, REASON_EFFECT_FAILED},
    {S(STOP_ARRAY), MIRROR_FAILED, 0, MIRROR_BOTH, MIRROR_OPENING, OPEN, REASON_EFFECT_FAILED},
    {ALL & ~HAS_EFFECT, MIRROR_FAILED, 0, 0, STAY, NOTHING, REASON_NONE},

    /* outcomes of the own proposal */
    {S(SWAP), MIRROR_OUTCOME, MIRROR_WON, 0, MIRROR_REVOKE, REVOKE, REASON_TAKEOVER_DECIDED},
    {S(SWAP), MIRROR_OUTCOME, 0, MIRROR_WON, MIRROR_STANDBY, SWAP_LOST, REASON_TAKEOVER_REFUSED},
    {S(STOP_KEEP), MIRROR_OUTCOME, 0, 0, MIRROR_OPENING, OPEN, REASON_NONE},
    {S(HAND_LEAVE), MIRROR_OUTCOME, MIRROR_ALONE, 0, MIRROR_HAND_DETACH, STEP, REASON_NONE},
    {S(HAND_LEAVE), MIRROR_OUTCOME, 0, MIRROR_ALONE, STAY, NOTHING, REASON_NONE}, /* another node's by now: NEWER */
    {S(HAND_KEEP), MIRROR_OUTCOME, MIRROR_OWN_OUT, 0, MIRROR_HAND_STOP, STEP, REASON_NONE},
    {S(HAND_KEEP), MIRROR_OUTCOME, 0, MIRROR_OWN_OUT, STAY, NOTHING, REASON_NONE}, /* likewise */
    /* No DEBT_APPLY here: it would wait in md for a dead leg that is still attached, and LEG_ADD applies the debt before any re-add. */
    {S(ADOPT), MIRROR_OUTCOME, MIRROR_GONE, 0, MIRROR_OPENING, OPEN, REASON_NONE}, /* it stopped meanwhile (below, PRIMARY) */
    {S(ADOPT), MIRROR_OUTCOME, MIRROR_MINE, MIRROR_GONE, MIRROR_HISTORY, STEP, REASON_ADOPTED},
    {S(ADOPT), MIRROR_OUTCOME, 0, MIRROR_MINE | MIRROR_EMPTY | MIRROR_GONE, MIRROR_DEPOSED, REBOOT, REASON_DEPOSED},
    {S(ADOPT), MIRROR_OUTCOME, MIRROR_EMPTY, MIRROR_MINE | MIRROR_GONE, MIRROR_STOP_ARRAY, UNDO_CREATE, REASON_NONE}, /* crash while creating */
    {S(CREATE_SWAP), MIRROR_OUTCOME, MIRROR_WON, 0, MIRROR_HISTORY, STEP, REASON_NONE},
    {S(CREATE_SWAP), MIRROR_OUTCOME, 0, MIRROR_WON, MIRROR_STOP_ARRAY, UNDO_CREATE, REASON_NONE},
    {ALL & ~HAS_PROPOSAL, MIRROR_OUTCOME, 0, 0, STAY, NOTHING, REASON_NONE},

    /* what is the case now */
    {S(STANDBY), MIRROR_POLL, MIRROR_LEAVING, 0, MIRROR_LEFT, NOTHING, REASON_NONE},
    {S(STANDBY), MIRROR_POLL, MIRROR_STALE, MIRROR_LEAVING, STAY, REOPEN, REASON_NONE},
    {S(STANDBY), MIRROR_POLL, MIRROR_WISH, MIRROR_LEAVING | MIRROR_STALE, MIRROR_PREVOTE, BEGIN_PREVOTE, REASON_NONE},
    {S(STANDBY), MIRROR_POLL, MIRROR_DOUBT, MIRROR_WISH | MIRROR_LEAVING | MIRROR_STALE, MIRROR_REPROBE, REPROBE, REASON_NONE},
    {S(STANDBY), MIRROR_POLL, 0, MIRROR_DOUBT | MIRROR_WISH | MIRROR_LEAVING | MIRROR_STALE, STAY, NOTHING, REASON_NONE},
    {S(PREVOTE), MIRROR_POLL, MIRROR_GIVEN_UP, 0, MIRROR_STANDBY, CANCEL, REASON_NONE},
#ifdef MUTANT_probe_skipped /* R3b */
    {S(PREVOTE), MIRROR_POLL, MIRROR_GRANTED, MIRROR_GIVEN_UP, MIRROR_SWAP, SWAP, REASON_TAKEOVER_BEGIN},
#else
    {S(PREVOTE), MIRROR_POLL, MIRROR_GRANTED, MIRROR_GIVEN_UP, MIRROR_PROBE, PROBE, REASON_TAKEOVER_BEGIN},
#endif
    {S(PREVOTE), MIRROR_POLL, MIRROR_EXPIRED, MIRROR_GRANTED | MIRROR_GIVEN_UP, MIRROR_STANDBY, NOT_NOW, REASON_NONE},
    {S(PREVOTE), MIRROR_POLL, 0, MIRROR_GRANTED | MIRROR_EXPIRED | MIRROR_GIVEN_UP, STAY, NOTHING, REASON_NONE},
    /* R6a: a proposal that was sent out may have been accepted and must be resolved; one that was not can still be taken back */
    {S(SWAP), MIRROR_POLL, MIRROR_GIVEN_UP | MIRROR_REVOCABLE, 0, MIRROR_STANDBY, CANCEL, REASON_NONE},
    {S(CREATE_SWAP), MIRROR_POLL, MIRROR_GIVEN_UP | MIRROR_REVOCABLE, 0, MIRROR_STOP_ARRAY, CANCEL_CREATE, REASON_NONE},
    {S(SWAP) | S(CREATE_SWAP), MIRROR_POLL, MIRROR_GIVEN_UP, MIRROR_REVOCABLE, STAY, NOTHING, REASON_NONE},
    {S(SWAP) | S(CREATE_SWAP), MIRROR_POLL, 0, MIRROR_GIVEN_UP, STAY, NOTHING, REASON_NONE},
    {S(REVOKE) | S(CAPTURE), MIRROR_POLL, MIRROR_NEWER, 0, MIRROR_STANDBY, STAND_BY, REASON_TAKEOVER_REFUSED},
    {S(HAND), MIRROR_POLL, MIRROR_NEWER, 0, MIRROR_HAND_STOP, HAND_STOP, REASON_TAKEOVER_REFUSED},
    {S(HAND), MIRROR_POLL, MIRROR_HANDED, MIRROR_NEWER | MIRROR_UNHANDED, MIRROR_ASSEMBLE_BOTH, STEP, REASON_NONE},
    {S(HAND), MIRROR_POLL, MIRROR_UNHANDED, MIRROR_NEWER, MIRROR_HAND_PROBE, HAND_PROBE, REASON_HANDOVER_FAILED},
    {S(HAND), MIRROR_POLL, 0, MIRROR_HANDED | MIRROR_UNHANDED | MIRROR_NEWER, STAY, NOTHING, REASON_NONE},
    {HAS_ARRAY, MIRROR_POLL, MIRROR_NEWER, 0, MIRROR_DEPOSED, REBOOT, REASON_DEPOSED},
    {TAKING | S(ASSEMBLE_BOTH) | S(HAND_PROBE) | S(HAND_LEAVE) | S(HAND_DETACH) | S(HAND_KEEP), MIRROR_POLL, 0, MIRROR_NEWER, STAY, NOTHING, REASON_NONE},
    {S(PRIMARY) | STOPPING, MIRROR_POLL, MIRROR_STUCK, MIRROR_NEWER, MIRROR_DEPOSED, REBOOT, REASON_OWN_LEG_FAILED},
    {S(HAND_STOP), MIRROR_POLL, MIRROR_STUCK, 0, MIRROR_DEPOSED, REBOOT, REASON_OWN_LEG_FAILED},
    {S(HAND_STOP), MIRROR_POLL, 0, MIRROR_STUCK, STAY, NOTHING, REASON_NONE},
    /* A stop that was given up when its time was over may still come to its end, once the leg that it waits for has let go: md was asked, and is not to be asked back. */
    {S(PRIMARY), MIRROR_POLL, MIRROR_GONE, MIRROR_NEWER | MIRROR_STUCK, STAY, REOPEN, REASON_NONE},
    {S(PRIMARY), MIRROR_POLL, MIRROR_STOP, MIRROR_GONE | MIRROR_NEWER | MIRROR_STUCK, MIRROR_STOP_SERVICE, NOTHING, REASON_NONE},
    {S(STOP_SERVICE), MIRROR_POLL, MIRROR_QUIET, MIRROR_NEWER | MIRROR_STUCK, MIRROR_STOP_ARRAY, STOP_ARRAY, REASON_NONE},
    {S(PRIMARY), MIRROR_POLL, 0, MIRROR_STOP | MIRROR_GONE | MIRROR_NEWER | MIRROR_STUCK, STAY, NOTHING, REASON_NONE},
    {S(STOP_SERVICE), MIRROR_POLL, 0, MIRROR_QUIET | MIRROR_NEWER | MIRROR_STUCK, STAY, NOTHING, REASON_NONE},
    {S(STOP_ARRAY), MIRROR_POLL, 0, MIRROR_NEWER | MIRROR_STUCK, STAY, NOTHING, REASON_NONE},
    {OPENERS | S(STOP_KEEP) | S(REPROBE) | S(PROBE) | S(ADOPT) | S(CREATE_LEG) | S(CREATE_ARRAY) | JOINING | S(LEFT) | S(DEPOSED), MIRROR_POLL, 0, 0, STAY, NOTHING, REASON_NONE},

    /* people; command.c asks only a standby */
    {S(STANDBY), MIRROR_COMMAND_CREATE, 0, 0, MIRROR_CREATE_LEG, STEP, REASON_NONE},
    {S(STANDBY), MIRROR_COMMAND_JOIN, MIRROR_PRESENT, 0, MIRROR_JOIN_REVOKE, STEP, REASON_NONE},
    {S(STANDBY), MIRROR_COMMAND_JOIN, 0, MIRROR_PRESENT, MIRROR_JOIN_LEG, STEP, REASON_NONE},
    {ALL & ~S(STANDBY), MIRROR_COMMAND_CREATE, 0, 0, STAY, FAIL_COMMAND, REASON_NONE},
    {ALL & ~S(STANDBY), MIRROR_COMMAND_JOIN, 0, 0, STAY, FAIL_COMMAND, REASON_NONE},
};

static const char *const words[] = {
    "waiting-for-hamon-act", "opening-leg",   "standby",      "probing-again", "asking",       "probing",        "deciding",     "fencing",  "capturing-debt",
    "assembling",            "applying-debt", "writing-history", "primary",   "adopting",       "creating-leg", "creating-array",
    "creating-record",       "revoking",      "preparing-leg", "stopping-service", "stopping-array",
    "handing-over",          "assembling-both", "probing-own", "leaving-peer",   "detaching",       "keeping-peer", "stopping-both", "leaving-own", "left",           "rebooting",
};
/* clang-format on */

const struct table mirror_table = {rows, sizeof rows / sizeof *rows, MIRROR_STATES, MIRROR_EVENTS, words};

void mirror_init(struct core *c, uint8_t mirror)
{
        c->mirror[mirror] = (struct mirror){.state = MIRROR_START, .since_ms = c->started_ms, .held = true};
}

/* The decided record that an effect rests on: a detach is allowed by it, and a stop need not wait for a leg that it keeps out. */
static uint64_t version_for(const struct core *c, uint8_t mirror, enum effect_type type)
{
        bool own_is_out = mirror_facts(c, mirror) & MIRROR_OWN_OUT;

#ifdef MUTANT_stop_waits_for_own /* R2c */
        own_is_out = false;
#endif
        return type == EFFECT_DETACH || (type == EFFECT_ARRAY_STOP && own_is_out) ? c->reg[mirror].decided.version : 0;
}

static void ask_effect(struct core *c, uint8_t mirror, enum effect_type type, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];

        pending_ask(c, &m->pending,
                    &(struct effect){
                        .type = type,
                        .mirror = mirror,
                        .epoch = m->epoch,
                        .leg = type == EFFECT_LEG_CREATE ? m->new_leg : m->opened.leg.uuid,
                        .session = c->leg[mirror].session,
                        .version = version_for(c, mirror, type),
                        .overwrite = c->command[mirror].active && c->command[mirror].request.consent,
                        .leg_bytes = type == EFFECT_ARRAY_CREATE && c->command[mirror].active ? c->command[mirror].request.leg_bytes : 0,
                        /* a disk is written over while the person waits, or not at all */
                        .until_ms = type == EFFECT_LEG_CREATE ? c->command[mirror].until_ms : 0,
                    },
                    out);
}

/* The effect that a state waits for. */
static enum effect_type effect_of(enum mirror_state state)
{
        switch (state) {
        case MIRROR_OPENING: return EFFECT_LEG_OPEN;
        case MIRROR_REPROBE:
        case MIRROR_HAND_PROBE:
        case MIRROR_PROBE: return EFFECT_PROBE;
        case MIRROR_REVOKE: return EFFECT_REVOKE;
        case MIRROR_CAPTURE: return EFFECT_DEBT_CAPTURE;
        case MIRROR_ASSEMBLE: return EFFECT_ASSEMBLE;
        case MIRROR_APPLY: return EFFECT_DEBT_APPLY;
        case MIRROR_HISTORY: return EFFECT_HISTORY;
        case MIRROR_CREATE_LEG: return EFFECT_LEG_CREATE;
        case MIRROR_CREATE_ARRAY: return EFFECT_ARRAY_CREATE;
        case MIRROR_JOIN_REVOKE: return EFFECT_REVOKE;
        case MIRROR_JOIN_LEG: return EFFECT_LEG_CREATE;
        case MIRROR_STOP_ARRAY:
        case MIRROR_HAND_STOP: return EFFECT_ARRAY_STOP;
        case MIRROR_ASSEMBLE_BOTH: return EFFECT_ASSEMBLE_BOTH;
        case MIRROR_HAND_DETACH: return EFFECT_DETACH;
        case MIRROR_DEPOSED: return EFFECT_REBOOT;
        case MIRROR_START:
        case MIRROR_STANDBY:
        case MIRROR_PREVOTE:
        case MIRROR_SWAP:
        case MIRROR_PRIMARY:
        case MIRROR_ADOPT:
        case MIRROR_CREATE_SWAP:
        case MIRROR_STOP_SERVICE:
        case MIRROR_HAND:
        case MIRROR_HAND_LEAVE:
        case MIRROR_HAND_KEEP:
        case MIRROR_STOP_KEEP:
        case MIRROR_LEFT:
        case MIRROR_STATES:
                break;
        }
        assert(!"this state of the own role has no effect");
        return EFFECT_TYPES;
}

static struct uuid peer_boot(const struct core *c)
{
        return c->detector.voter[peer_of(c)].last.boot;
}

void mirror_reopen(struct core *c, uint8_t mirror, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];

        m->asked_for = peer_boot(c);
        pending_ask(c, &m->reopen, &(struct effect){.type = EFFECT_LEG_OPEN, .mirror = mirror}, out);
}

/* Leaves primacy or whatever was on the way to it. The record still says what it says. */
static void stand_by(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];

        pending_cancel(&m->pending);
        ask_forget(&m->ask);
        leg_fire(c, mirror, LEG_END, e, out);
        m->stop = false;
}

static void not_now(struct core *c, uint8_t mirror, enum reason reason, uint64_t wait_ms, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];

        m->retry_ms = c->now_ms + wait_ms;
        if (m->reason != reason)
                report(c, reason, mirror, peer_of(c), m->refusal, out);
        m->reason = reason;
}

static void prevote_failed(struct core *c, uint8_t mirror, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];
        uint32_t least_ms = c->config.timers.swap_retry_ms;
        bool lease = m->refusal == REFUSAL_LEASE || m->refusal == REFUSAL_RESTARTED;

        not_now(c, mirror, m->refused ? REASON_TAKEOVER_REFUSED : REASON_NO_MAJORITY,
                m->refused && lease && m->wait_ms ? m->wait_ms + 1 : least_ms, out);
}

static void probe_bad(struct core *c, uint8_t mirror)
{
        struct mirror *m = &c->mirror[mirror];

        m->probe_failed = true;
        m->start_alone = false;
        m->backoff_ms = m->backoff_ms ? m->backoff_ms * 2 : c->config.timers.join_backoff_ms;
        if (m->backoff_ms > c->config.timers.join_backoff_max_ms)
                m->backoff_ms = c->config.timers.join_backoff_max_ms;
        m->retry_ms = c->now_ms + m->backoff_ms;
        m->reason = REASON_PROBE_FAILED;
        command_failed(c, mirror, -EIO, REASON_PROBE_FAILED);
}

static void enter_primary(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];

        m->opened.leg.array_running = true;
        m->start_alone = m->stopped_clean = m->stop = false;
        m->held = true;
        m->reason = REASON_NONE;
        if (!m->assembled)
                service_adopt(c, mirror);
        leg_begin(c, mirror, e, out);
}

static void stopped(struct core *c, uint8_t mirror, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];

        m->opened.leg.array_running = false;
        m->held = false;
        m->stop = false;
        if (m->stopped_clean) /* the leg left md with the array */
                effect_send_untracked(c, (struct effect){.type = EFFECT_NOTE_CLEAR, .mirror = mirror}, out);
}

static void do_deed(struct core *c, uint8_t mirror, enum deed deed, const struct event *e, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];
        bool not_blank = m->pending.error == -EEXIST;

        switch (deed) {
        case NOTHING:
                return;
        case STOPPED:
                stopped(c, mirror, out);
                /* fall through */
        case OPEN:
                if (deed == OPEN)
                        m->stopped_clean = false; /* whatever was stopped, it was not in order */
                m->asked_for = peer_boot(c);
                ask_effect(c, mirror, EFFECT_LEG_OPEN, out);
                return;
        case REOPEN:
                mirror_reopen(c, mirror, out);
                return;
        case ASK_AGAIN:
                pending_ask_again(c, &m->pending, out);
                pending_ask_again(c, &c->leg[mirror].pending, out);
                standby_act_is_back(c, mirror, e, out);
                pending_ask_again(c, &c->service[mirror].pending, out);
                return;
        case STAND_BY:
                stand_by(c, mirror, e, out);
                return;
        case BEGIN_PREVOTE:
                m->by_consent = m->start_alone;
                prevote_begin(c, mirror, e, out);
                return;
        case NOT_NOW:
                prevote_failed(c, mirror, out);
                return;
        case PROBE:
                m->reason = REASON_NONE;
                ask_effect(c, mirror, EFFECT_PROBE, out);
                return;
        case PROBE_BAD:
                probe_bad(c, mirror);
                return;
        case PROBE_GOOD:
                m->probe_failed = false;
                m->backoff_ms = 0;
                m->reason = REASON_NONE;
                return;
        case REPROBE:
                ask_effect(c, mirror, EFFECT_PROBE, out);
                return;
        case SWAP: {
                bool decided;
                m->probe_failed = false;
                m->backoff_ms = 0;
#ifdef MUTANT_primacy_outlives_boot /* R1c */
                if (record_known(c, mirror, &decided)->primary == c->config.self) {
                        m->epoch = record_known(c, mirror, &decided)->epoch;
                        m->state = MIRROR_REVOKE;
                        do_deed(c, mirror, REVOKE, e, out);
                        return;
                }
#endif
                ask_change(c, mirror, &m->ask, mirror_is_offered(c, mirror)               ? CHANGE_HAND_OVER
                                                 : m->by_consent && m->forced && !mirror_owns_leg(c, mirror) ? CHANGE_FORCE
                                                                                            : CHANGE_TAKE_OVER,
                           record_known(c, mirror, &decided)->epoch, e);
                return;
        }
        case SWAP_LOST:
                m->start_alone = false;
                m->retry_ms = c->now_ms + c->config.timers.swap_retry_ms;
                m->reason = REASON_TAKEOVER_REFUSED;
                command_failed(c, mirror, -ESTALE, REASON_STALE);
                return;
        case HAND:
                leg_fire(c, mirror, LEG_BEGIN_HAND, e, out);
                return;
        case HAND_PROBE:
                leg_fire(c, mirror, LEG_END, e, out);
                ask_effect(c, mirror, EFFECT_PROBE, out);
                return;
        case HAND_LEAVE:
                ask_change(c, mirror, &m->ask, CHANGE_LEAVE, m->epoch, e);
                return;
        case KEEP_PEER:
                ask_change(c, mirror, &m->ask, CHANGE_KEEP_PEER, m->epoch, e);
                m->ask.change.peer_leg = c->reg[mirror].decided.legs[peer_of(c)].uuid;
                m->ask.change.doubtful = true;
                return;
        case HAND_STOP:
                leg_fire(c, mirror, LEG_END, e, out);
                ask_effect(c, mirror, EFFECT_ARRAY_STOP, out);
                return;
        case ADOPT:
                m->assembled = false;
                ask_change(c, mirror, &m->ask, CHANGE_CONFIRM, 0, e);
                return;
        case REVOKE:
                m->assembled = true;
                m->held = true;
                ask_effect(c, mirror, EFFECT_REVOKE, out);
                return;
        case STEP:
                if (m->state == MIRROR_JOIN_REVOKE)
                        m->held = true;
                if (m->state == MIRROR_CREATE_LEG || m->state == MIRROR_JOIN_LEG)
                        m->new_leg = draw_uuid(c, e);
                if (m->state == MIRROR_CREATE_LEG)
                        m->epoch = c->command[mirror].epoch; /* of a mirror of that name that has ended: nobody is ahead of the new one */
                ask_effect(c, mirror, effect_of(m->state), out);
                return;
        case RETRY:
                pending_retry_later(c, &m->pending);
                m->reason = REASON_EFFECT_FAILED;
                return;
        case ENTER_PRIMARY:
                enter_primary(c, mirror, e, out);
                return;
        case CREATE_SWAP:
                m->opened.leg.array_running = m->assembled = true;
                ask_change(c, mirror, &m->ask, CHANGE_CREATE, m->epoch, e);
                return;
        case FAIL_COMMAND:
                if (m->state == MIRROR_STANDBY)
                        command_failed(c, mirror, m->pending.error, not_blank ? REASON_COMMAND_CONSENT : REASON_EFFECT_FAILED);
                else
                        command_failed(c, mirror, -EINVAL, REASON_COMMAND_WRONG_STATE);
                return;
        case CANCEL:
                (void)record_cancel(c, mirror);
                m->start_alone = false;
                stand_by(c, mirror, e, out);
                return;
        case CANCEL_CREATE:
                (void)record_cancel(c, mirror);
                ask_forget(&m->ask);
                /* fall through */
        case UNDO_CREATE:
                command_failed(c, mirror, -EEXIST, REASON_COMMAND_WRONG_STATE);
                /* fall through */
        case STOP_ARRAY:
                m->stopped_clean = mirror_sees_own_in_sync(c, mirror);
                lease_release(c, mirror, out); /* the service is down, or was never up */
                leg_fire(c, mirror, LEG_END, e, out);
                ask_effect(c, mirror, EFFECT_ARRAY_STOP, out);
                return;
        case REBOOT:
                stand_by(c, mirror, e, out);
                pending_cancel(&c->service[mirror].pending); /* no unit is stopped or started any more (3.5) */
                effect_send_untracked(c, (struct effect){.type = EFFECT_ADDRESS_DROP, .mirror = mirror}, out);
                ask_effect(c, mirror, EFFECT_REBOOT, out);
                return;
        }
}

void mirror_fire(struct core *c, uint8_t mirror, enum mirror_event event, const struct event *e, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];
        const struct row *r = table_find(&mirror_table, m->state, event, mirror_facts(c, mirror));
        enum node_role before = mirror_role(m->state);

        if (r->next != STAY) {
                m->state = r->next;
                m->since_ms = c->now_ms;
                if (mirror_role(m->state) != before)
                        detector_hurry(c);
        }
        if (r->reason != REASON_NONE && r->reason != m->reason)
                report(c, r->reason, mirror, peer_of(c), m->epoch, out);
        do_deed(c, mirror, r->deed, e, out);
}

/* On the way to primary: whether the array runs decides what comes next. */
static bool depends_on_array(enum mirror_state state)
{
        return IN_STATE(state) & (NEEDS_HOLD | HANDING);
}

void mirror_effect_done(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];
        const struct effect_result *r = &e->result;
        bool own = pending_answered(&m->pending, r), reopened = !own && pending_answered(&m->reopen, r);

        if (!own && !reopened)
                return;
        if (r->error == 0 && (r->type == EFFECT_LEG_OPEN || r->type == EFFECT_LEG_CREATE || r->type == EFFECT_ARRAY_CREATE)) {
                m->opened = *r;
                m->opened_known = true;
                if (m->state == MIRROR_OPENING)
                        m->stopped_clean = m->stopped_clean && r->leg.clean; /* the own leg may have failed unseen just before the stop */
                m->opened_for = m->asked_for;
        }
        /* A superblock that could not be read again is no reason to hold up what was under way. */
        if (reopened && r->error != 0) {
                pending_retry_later(c, &m->reopen);
                m->opened_known = m->opened_known && m->state != MIRROR_STANDBY;
                if (depends_on_array(m->state))
                        return; /* what was known is of before the assembly: without an answer nobody may take the array for gone */
        }
        if (own && r->error == 0 && m->reason == REASON_EFFECT_FAILED)
                m->reason = REASON_NONE;
        mirror_fire(c, mirror, reopened ? MIRROR_REOPENED : r->error == 0 ? MIRROR_DONE : MIRROR_FAILED, e, out);
}

void mirror_outcome(struct core *c, uint8_t mirror, const struct change_outcome *outcome, const struct event *e, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];

        m->won = outcome->won;
        if (outcome->won && outcome->decided.primary == c->config.self)
                m->epoch = outcome->decided.epoch;
        if (outcome->won && outcome->kind == CHANGE_FORCE)
                report(c, REASON_FORCED, mirror, peer_of(c), m->opened.leg.updated_s, out);
        mirror_fire(c, mirror, MIRROR_OUTCOME, e, out);
}

uint64_t mirror_deadline_ms(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        uint64_t at[] = {
            pending_deadline_ms(c, &m->pending),
            pending_deadline_ms(c, &m->reopen),
            m->state == MIRROR_PREVOTE ? m->deadline_ms : UINT64_MAX,
            m->state == MIRROR_STANDBY && m->retry_ms > c->now_ms ? m->retry_ms : UINT64_MAX,
        };
        uint64_t next = UINT64_MAX;

        for (unsigned i = 0; i < sizeof at / sizeof *at; i++)
                if (at[i] < next)
                        next = at[i];
        return next;
}
