/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record, the grant and the debt of one mirror, for SPIN (make model). Two nodes and a witness; everything is asynchronous: any step of
 * any node may come at any time or never, so that there are no links, clocks, leases or detectors here. What is shown does not depend on them.
 *
 * Record: CASPaxos, three acceptors. A proposal prepares at any two of them, applies its change to the highest accepted value, and then is
 * accepted by each acceptor in a step of its own, also long after its proposer has died or went on to another ballot's end.
 * Grant: the peer's leg is open for one epoch. A write may be in the socket, in nbdd's hands, in the disk's cache, on the disk.
 * Debt: md forgets its dirty bit at a degraded assembly, clears it when both legs are in, and re-adds a leg by that bit alone.
 * One block, so one bit; a resync of it takes two steps, between which the target is torn.
 *
 * Bounds: CRASHES power cuts, WRITES writes, BALLOTS ballots, EPOCHS epochs. Promises: the asserts. BROKEN_* are the variants that must fail.
 */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef WRITES
#define WRITES 2
#endif
#ifndef BALLOTS
#define BALLOTS 5
#endif
#ifndef EPOCHS
#define EPOCHS 3
#endif
#define TORN 15 /* what a half-copied block holds */
#define me (_pid - 1)
#define peer (1 - me)

/* The record's value in one number: version, epoch, primary, its boot, legs in sync, legs inconsistent. Version 0: nothing. */
#define VALUE(ver, ep, pr, bt, ins, inc) (((ver) << 12) | ((ep) << 8) | ((pr) << 7) | ((bt) << 4) | ((ins) << 2) | (inc))
#define VER(v) ((v) >> 12)
#define EPOCH(v) (((v) >> 8) & 15)
#define PRIMARY(v) (((v) >> 7) & 1)
#define BOOT(v) (((v) >> 4) & 7)
#define INS(v) (((v) >> 2) & 3)
#define INC(v) ((v) & 3)
#define BIT(n) (1 << (n))
#define MINE(v) (PRIMARY(v) == me && BOOT(v) == boot[me] && EPOCH(v) == ep[me])

/* The acceptors: durable. */
byte promised[3], accepted[3];
int held[3];
/* The proposals, as their messages on the way: they outlive their proposer. */
byte ballot[2], votes[2];
int wanted[2];
byte next_ballot;
int decided; /* the newest value that two acceptors accepted */

mtype = { STANDBY, SWAP, REVOKE, CAPTURE, ASSEMBLE, PRIMARY_ROLE, NO_CHANGE, TAKE_OVER, MARK, JOIN, LEAVE,
          OUT, MARKING, ASKING, ATTACHED, SYNCING, SYNCED, REQUIRED, JOINING, IN, LEAVING };
mtype role[2] = STANDBY, leg[2] = OUT, change[2] = NO_CHANGE;
bool ours[2];  /* the proposal's change was applied; false: the value found is written again */
byte ep[2], boot[2], crashes;

/* The disks: cache and platter; dirty bit as on the disk; debt: durable, 2 = none. */
byte now[2], stable[2];
bool dirty[2];
byte debt[2] = 2;
/* nbdd on each node: the epoch that its leg is granted to; a write in the socket (and of which session), and one in its hands. */
byte grant[2], socket[2], socket_ep[2], hands[2];

/* md and the application on the primary. */
bool mbit[2], writing[2], own_done[2], peer_done[2];
byte current[2];
byte issued, acknowledged;
byte served, had; /* newest epoch that serves, and what its leg held when it began */

#define IN_MD(n) (leg[n] == SYNCING || leg[n] == SYNCED || leg[n] == REQUIRED || leg[n] == JOINING || leg[n] == IN || leg[n] == LEAVING)
#define SESSION(n) (grant[1 - (n)] == ep[n])
#define HOLDS_ALL(content) ((content) != TORN && (content) >= acknowledged)

/* Two acceptors hold `v` by one ballot. It was decided; the newest such value is what everybody will build on. */
inline learn(v)
{
    assert(VER(v) != VER(decided) || v == decided); /* one version, one value */
    if
    :: VER(v) > VER(decided) ->
        assert(INS(v) != 0);
        if /* R2f: what is in sync holds everything that was acknowledged, and survives a power cut */
        :: INS(v) == 3 -> assert(HOLDS_ALL(stable[0]) && HOLDS_ALL(stable[1]))
        :: else
        fi;
        decided = v
    :: else
    fi
}

/* Prepare at acceptors a and b, apply the change to what they show. */
inline propose(what, a, b)
{
    next_ballot++;
    promised[a] = next_ballot; promised[b] = next_ballot;
    wanted[me] = (accepted[a] > accepted[b] -> held[a] : held[b]);
    ballot[me] = next_ballot; votes[me] = 0; ours[me] = false;
    change[me] = what;
    if
    :: what == TAKE_OVER && EPOCH(wanted[me]) < EPOCHS && (INS(wanted[me]) & BIT(me)) && (PRIMARY(wanted[me]) != me || INS(wanted[me]) == BIT(me)) ->
        ours[me] = true;
#ifdef BROKEN_PEER_STAYS
        wanted[me] = VALUE(VER(wanted[me]) + 1, EPOCH(wanted[me]) + 1, me, boot[me], INS(wanted[me]), INC(wanted[me]))
#else
        wanted[me] = VALUE(VER(wanted[me]) + 1, EPOCH(wanted[me]) + 1, me, boot[me], BIT(me), INC(wanted[me]))
#endif
    :: what == MARK && MINE(wanted[me]) ->
        ours[me] = true; wanted[me] = VALUE(VER(wanted[me]) + 1, ep[me], me, boot[me], BIT(me), BIT(peer))
    :: what == JOIN && MINE(wanted[me]) ->
        ours[me] = true; wanted[me] = VALUE(VER(wanted[me]) + 1, ep[me], me, boot[me], 3, 0)
    :: what == LEAVE && MINE(wanted[me]) ->
        ours[me] = true; wanted[me] = VALUE(VER(wanted[me]) + 1, ep[me], me, boot[me], BIT(me), INC(wanted[me]) & BIT(peer))
    :: else
    fi
}

/* A proposal that got stuck is tried again with a higher ballot: the outcome is always a decided value (R6a). */
inline propose_anywhere(what)
{
    if
    :: propose(what, 0, 1)
    :: propose(what, 0, 2)
    :: propose(what, 1, 2)
    fi
}
#define CAN_PROPOSE (next_ballot < BALLOTS)
#define OUTCOME (change[me] != NO_CHANGE && (votes[me] == 3 || votes[me] == 5 || votes[me] == 6 || votes[me] == 7))
/* Deposed, or nothing reached: the array's writes never complete (reboot without sync). */
inline step_down()
{
    role[me] = STANDBY; leg[me] = OUT; writing[me] = false; mbit[me] = false; current[me] = 0
}

proctype Node()
{
    do
    /* -- acceptors: one message of my proposal arrives at one of them (also when I am long dead) */
    :: d_step { ballot[me] > 0 && !(votes[me] & 1) && promised[0] <= ballot[me] ->
        promised[0] = ballot[me]; accepted[0] = ballot[me]; held[0] = wanted[me]; votes[me] = votes[me] | 1;
        if :: votes[me] != 1 -> learn(wanted[me]) :: else fi }
    :: d_step { ballot[me] > 0 && !(votes[me] & 2) && promised[1] <= ballot[me] ->
        promised[1] = ballot[me]; accepted[1] = ballot[me]; held[1] = wanted[me]; votes[me] = votes[me] | 2;
        if :: votes[me] != 2 -> learn(wanted[me]) :: else fi }
    :: d_step { ballot[me] > 0 && !(votes[me] & 4) && promised[2] <= ballot[me] ->
        promised[2] = ballot[me]; accepted[2] = ballot[me]; held[2] = wanted[me]; votes[me] = votes[me] | 4;
        if :: votes[me] != 4 -> learn(wanted[me]) :: else fi }
    :: atomic { change[me] != NO_CHANGE && !OUTCOME && CAN_PROPOSE -> propose_anywhere(change[me]) }

    /* -- take-over */
    :: atomic { role[me] == STANDBY && change[me] == NO_CHANGE && CAN_PROPOSE && (INS(decided) & BIT(me)) &&
        (PRIMARY(decided) != me || INS(decided) == BIT(me)) -> role[me] = SWAP; propose_anywhere(TAKE_OVER) }
    :: d_step { role[me] == SWAP && OUTCOME -> change[me] = NO_CHANGE;
        if
        :: PRIMARY(wanted[me]) == me && BOOT(wanted[me]) == boot[me] && EPOCH(wanted[me]) > ep[me] -> ep[me] = EPOCH(wanted[me]); role[me] = REVOKE
        :: else -> role[me] = STANDBY
        fi }
    :: d_step { role[me] == REVOKE -> grant[me] = 0; role[me] = CAPTURE }
#ifdef BROKEN_NO_DRAIN
    :: d_step { role[me] == CAPTURE ->
#else
    :: d_step { role[me] == CAPTURE && hands[me] == 0 ->
#endif
        stable[me] = now[me];
#ifndef BROKEN_NO_DEBT
        debt[me] = (debt[me] == 1 || dirty[me] -> 1 : 0);
#else
        debt[me] = (debt[me] == 1 -> 1 : 0);
#endif
        role[me] = ASSEMBLE }
    :: d_step { role[me] == ASSEMBLE -> /* md forgets the dirty bit; the debt is set through bitmap_set_bits */
        assert(HOLDS_ALL(now[me])); /* P1, P3 */
        mbit[me] = (debt[me] == 1); dirty[me] = mbit[me];
        leg[me] = OUT; role[me] = PRIMARY_ROLE;
        assert(ep[me] > served); served = ep[me]; had = now[me] }

    /* -- the peer's leg */
    :: atomic { role[me] == PRIMARY_ROLE && leg[me] == OUT && change[me] == NO_CHANGE && CAN_PROPOSE ->
#ifdef BROKEN_NO_MARK
        leg[me] = ASKING
#else
        if
        :: (INC(decided) & BIT(peer)) && MINE(decided) -> leg[me] = ASKING
        :: else -> leg[me] = MARKING; propose_anywhere(MARK)
        fi
#endif
        }
    :: d_step { leg[me] == MARKING && OUTCOME -> change[me] = NO_CHANGE;
        if :: MINE(wanted[me]) -> leg[me] = ASKING :: else -> step_down() fi }
    /* The standby grants by a decided read of its own; an older session is drained first (R6b, R6c, 3.3). */
    :: d_step { leg[me] == ASKING && role[peer] == STANDBY && change[peer] == NO_CHANGE && MINE(decided) && hands[peer] == 0 ->
        grant[peer] = ep[me]; socket[peer] = 0; leg[me] = ATTACHED }
    :: d_step { leg[me] == ATTACHED && SESSION(me) ->
        debt[me] = (debt[me] == 1 || mbit[me] || dirty[peer] -> 1 : 0);
        mbit[me] = (debt[me] == 1); dirty[me] = mbit[me]; /* before the re-add */
        leg[me] = SYNCING }
    :: d_step { leg[me] == SYNCING && SESSION(me) && !writing[me] && mbit[me] && now[peer] != TORN && now[peer] != now[me] ->
        assert(INC(decided) & BIT(peer)); now[peer] = TORN } /* R2d */
    :: d_step { leg[me] == SYNCING && SESSION(me) && !writing[me] && mbit[me] && now[peer] == TORN -> now[peer] = now[me] }
    :: d_step { leg[me] == SYNCING && SESSION(me) && !writing[me] && (!mbit[me] || now[peer] == now[me]) -> leg[me] = SYNCED;
#ifdef BROKEN_DEBT_DROPPED
        debt[me] = 2;
#endif
        mbit[me] = false; dirty[me] = false; dirty[peer] = false } /* md clears the bits of a complete array */
    :: d_step { leg[me] == SYNCED && SESSION(me) && !writing[me] ->
#ifndef BROKEN_NO_FLUSH
        stable[peer] = now[peer];
#endif
        leg[me] = REQUIRED }
    :: atomic { leg[me] == REQUIRED && SESSION(me) && change[me] == NO_CHANGE && CAN_PROPOSE -> leg[me] = JOINING; propose_anywhere(JOIN) }
    :: d_step { leg[me] == JOINING && OUTCOME -> change[me] = NO_CHANGE;
        if
        :: MINE(wanted[me]) && INS(wanted[me]) == 3 -> leg[me] = IN; debt[me] = 2
        :: MINE(wanted[me]) && INS(wanted[me]) != 3 -> leg[me] = OUT; peer_done[me] = true
        :: else -> step_down()
        fi }
    /* Trouble: OPTIONAL legs are let go at once, REQUIRED ones by a decided record (R2a, R2g). */
    :: d_step { (leg[me] == ASKING || leg[me] == ATTACHED || leg[me] == SYNCING || leg[me] == SYNCED || leg[me] == REQUIRED) && change[me] == NO_CHANGE ->
        leg[me] = OUT; peer_done[me] = true; if :: writing[me] -> mbit[me] = true; dirty[me] = true :: else fi }
#ifdef BROKEN_DETACH_FIRST
    :: d_step { leg[me] == IN -> leg[me] = OUT; peer_done[me] = true }
#else
    :: atomic { leg[me] == IN && change[me] == NO_CHANGE && CAN_PROPOSE -> leg[me] = LEAVING; propose_anywhere(LEAVE) }
#endif
    :: d_step { leg[me] == LEAVING && OUTCOME -> change[me] = NO_CHANGE;
        if
        :: MINE(wanted[me]) && INS(wanted[me]) == BIT(me) -> leg[me] = OUT; peer_done[me] = true
        :: else -> step_down()
        fi }

    /* -- a write: bit on both legs, then both legs, then a flush on both, then it is acknowledged */
    :: d_step { role[me] == PRIMARY_ROLE && !writing[me] && issued < WRITES && (!IN_MD(me) || SESSION(me)) ->
        issued++; current[me] = issued; writing[me] = true; own_done[me] = false; peer_done[me] = !IN_MD(me);
        mbit[me] = true; dirty[me] = true;
        if :: IN_MD(me) -> dirty[peer] = true; socket[peer] = issued; socket_ep[peer] = ep[me] :: else fi }
    :: d_step { writing[me] && !own_done[me] -> now[me] = current[me]; own_done[me] = true }
    :: d_step { writing[me] && own_done[me] && peer_done[me] && (!IN_MD(me) || SESSION(me)) ->
        stable[me] = now[me];
        if :: IN_MD(me) -> stable[peer] = now[peer] :: else fi;
        assert(ep[me] >= served || had >= current[me]); /* P2 */
        if :: current[me] > acknowledged && ep[me] >= served -> acknowledged = current[me] :: else fi;
        writing[me] = false }
    :: d_step { leg[me] == IN && !writing[me] && mbit[me] && SESSION(me) -> mbit[me] = false; dirty[me] = false; dirty[peer] = false }
    :: d_step { role[me] == PRIMARY_ROLE && ep[me] == served && !writing[me] ->
        assert(HOLDS_ALL(now[me])); /* P1: what is read */
        assert(leg[me] != IN || !SESSION(me) || hands[peer] || socket[peer] || now[0] == now[1]) } /* md says [UU] */

    /* -- nbdd on this node: from the socket into its hands, and onto the disk */
    :: d_step { socket[me] > 0 && hands[me] == 0 ->
        if :: grant[me] == socket_ep[me] -> hands[me] = socket[me] :: else fi;
        socket[me] = 0 }
    :: d_step { hands[me] > 0 ->
        now[me] = hands[me]; /* P5: a late one would overwrite what is newer */
        if :: writing[peer] && current[peer] == hands[me] && grant[me] == ep[peer] -> peer_done[peer] = true :: else fi;
        hands[me] = 0 }

    /* -- power */
    :: atomic { crashes < CRASHES -> crashes++;
        if :: hands[me] > 0 -> now[me] = hands[me] :: true fi;
        if :: now[me] = stable[me] :: stable[me] = now[me] fi;
        hands[me] = 0; socket[me] = 0; grant[me] = 0; boot[me]++; change[me] = NO_CHANGE;
        step_down() }
    :: d_step { role[me] != STANDBY && EPOCH(decided) > ep[me] && ep[me] > 0 -> /* deposed: reboots, its cache lost or not */
        hands[me] = 0; socket[me] = 0; grant[me] = 0; boot[me] = (boot[me] + 1) % 8; change[me] = NO_CHANGE; step_down() }
    od
}

init
{
    d_step { /* node 0 is primary of epoch 1, and both legs are in sync */
        decided = VALUE(1, 1, 0, 0, 3, 0);
        held[0] = decided; held[1] = decided; held[2] = decided;
        accepted[0] = 1; accepted[1] = 1; accepted[2] = 1; promised[0] = 1; promised[1] = 1; promised[2] = 1;
        next_ballot = 1; ep[0] = 1; served = 1; role[0] = PRIMARY_ROLE; leg[0] = IN; grant[1] = 1
    };
    atomic { run Node(); run Node() }
}
