/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Voters that lose their state file, or get an older one (R7c, R7d): when that may happen without a loss that no protocol of majorities could prevent. */
#include "tests/sim/sim.h"

#include <string.h>

void fault_forget(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        (void)unused_a, (void)unused_b;
        bool only = s->manual && (n >= NODES || s->word_of != NO_NODE || s->seats != 3 ||
                                  !uuid_equal(&s->node[1 - n].hamon.file.voter, &s->decided.voters[1 - n])); /* the other one was not admitted yet */
        if (s->forgotten || s->healed || only)
                return; /* the only voter that knows what was decided */
        s->forgotten = true;
        trace(s, n, "the voter's state file is lost", 0, 0);
        script(s, "forget", n, NO_NODE);
        if (s->node[n].life[LIFE_MACHINE].up)
                machine_off(s, n);
        s->node[n].hamon.file_known = false;
        memset(&s->node[n].hamon.file, 0, sizeof s->node[n].hamon.file);
}

/*
 * A hamon runs whose ballot is open, and the voter has answered it. Nothing can take that answer back: the proposer counts it, whatever the voter
 * remembers. A majority of promises or acceptances of which one is forgotten at that moment is none, and no protocol of majorities stands it (LIMITS).
 */
static bool is_awaited(const struct sim *s, uint8_t voter)
{
        for (uint8_t n = 0; n < NODES; n++) {
                const struct proposer *p = &s->node[n].hamon.core.reg[0].proposer;
                bool open = s->node[n].life[LIFE_HAMON].up && (p->phase == PROPOSER_PREPARE || p->phase == PROPOSER_ACCEPT);
                if (open && ballot_compare(&s->node[voter].hamon.file.promised, &p->ballot) >= 0)
                        return true;
        }
        return false;
}

/*
 * Can this node be fooled by the vote of a witness that went back to the snapshot? Not if it has seen that the witness accepted more, and kept that (R7d):
 * it does not count it. Nor if its own memory makes up for the lost one: it knows what was decided, and the highest ballot that the witness had answered, so
 * that whatever it decides with the old vote is above that ballot and built on that value. (Knowing the value is not enough: a lower ballot may win
 * the forgotten vote, and what is so decided loses against the same old value in the higher ballot of the other node.) A node of which neither is true was dead
 * or cut off, and no protocol of majorities can tell it (LIMITS).
 */
static bool is_fooled(const struct sim *s, uint8_t n)
{
        const struct acceptor_state *file = &s->node[n].hamon.file, *lost = &s->node[WITNESS].hamon.file;
        const struct voter_seen *seen = &file->seen[WITNESS];
        bool sees = uuid_equal(&seen->voter, &lost->voter) && ballot_compare(&seen->accepted, &s->snapshot.accepted) > 0;
        bool knows = file->value.version == s->decided.version && ballot_compare(&file->promised, &lost->promised) >= 0;

        return !sees && !knows;
}

/*
 * The witness gets an older state file, when neither node can be fooled by it (whichever is left then). And it comes between two ballots, however long one of
 * them may take. Until then the machine that is restored runs on.
 */
void fault_go_back(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        struct hamon *h = &s->node[n].hamon;

        (void)unused_a, (void)unused_b;
        if (s->healed || s->forgotten || s->manual || ballot_compare(&h->file.promised, &s->snapshot.promised) <= 0 || !s->snapshot.value.version)
                return;
        if (is_fooled(s, 0) || is_fooled(s, 1))
                return;
        if (is_awaited(s, n)) {
                sim_after(s, 50 * MS, n, LIFE_WORLD, fault_go_back, 0, 0);
                return;
        }
        s->forgotten = true;
        trace(s, n, "is restored from a snapshot of record version %llu", s->snapshot.value.version, 0);
        h->file = s->snapshot;
        check_vote_lost(s, n);
        s->jumped_us = s->now_us; /* the lease that it gave to a primary that it does not know is forgotten, too: LIMITS */
        fault_crash(s, n, LIFE_HAMON, 500 * MS);
}
