/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/why.h"

/* Of what a person has to act upon; the others explain themselves. Codes that are no reason of the core have theirs in webui/problems.js. */
const char *reason_why(enum reason r)
{
        static const char *const words[REASON_END] = {
                [REASON_DEGRADED] = "One leg has every write. If its disk fails now, the data is gone; if its node fails, the service is down until it is back.",
                [REASON_RESYNC] = "Until the resync is complete only one leg has everything.",
                [REASON_MAINTENANCE] = "Somebody works on the machines: nothing is taken over by itself until the end that they gave.",
                [REASON_RESYNC_PAUSED] = "Nothing is copied while it is paused, and only one leg has everything.",
                [REASON_LEGS_DIFFER] = "The service reads the active node's leg; after a switchover it would read the other one. Which is right only you can tell.",
                [REASON_VERIFY_FAILED] = "Whether both legs hold the same is not known.",
                [REASON_RESYNC_STALLED] = "Until the resync is complete only one leg has everything, and it does not come nearer.",
                [REASON_CERTIFICATE_ENDS] = "Pages, monitors and scripts that use that machine's API would fail all at once. The mirror is not concerned.",
                [REASON_WITNESS_LOST] = "Everything goes on, but one more fault stops all writes: no majority would be left to decide.",
                [REASON_FROZEN] = "Applications hang at their next write. Nothing is lost or torn while it waits.",
                [REASON_LEASE_LOST] = "The service address is gone, so clients cannot connect, and writes wait. Nothing is lost.",
                [REASON_NOT_ACTIVE] = "Clients reach nothing. Either it is being taken over this moment, or a node waits for something.",
                [REASON_NO_MAJORITY] = "Nobody may decide alone: two masters would be worse than waiting.",
                [REASON_MANUAL_FROZEN] = "Only a person can know that the other node is off. A wrong answer makes two masters.",
                [REASON_WAITING_FOR_PEER] = "Starting here could lose acknowledged writes that only the other node has.",
                [REASON_TORN] = "What is on this leg is of no single moment: parts are new, parts are old.",
                [REASON_FORCED] = "Whatever was written after this leg fell behind is gone.",
                [REASON_STALE] = "This leg certainly lacks acknowledged writes, so it is never started.",
                [REASON_ACT_LOST] = "hamon can see but not act: no take-over, no join and no start on that node.",
                [REASON_OWN_LEG_FAILED] = "The other leg is the only one with the data.",
                [REASON_OWN_LEG_UNSAFE] = "What is written now may be lost with this disk.",
                [REASON_PROBE_FAILED] = "That node cannot take over with a disk that fails.",
                [REASON_SERVICE_FAILED] = "The data is there, but what should run on it does not.",
                [REASON_SERVICE_UNHEALTHY] = "It runs and does not do its work; it is stopped and started again.",
                [REASON_SERVICE_GIVEN_UP] = "The data is there, but nothing tries to start what should run on it until a person does.",
                [REASON_SERVICE_WAITS] = "The data is there, but what should run on it needs another mirror on the same node.",
                [REASON_SERVICE_MOVES] = "A pause for its clients while the other node starts it. Nothing is lost.",
                [REASON_EFFECT_FAILED] = "hamon tries again, and the state does not improve until that step works.",
                [REASON_EFFECT_SLOW] = "A disk or a unit hangs; nothing else of this mirror moves meanwhile.",
                [REASON_FORKED] = "Both legs have gone their own ways: joining them loses one side's writes.",
                [REASON_BEING_REMOVED] = "Nobody starts it any more. Its disks keep what is on them.",
                [REASON_NO_LEG] = "There is no second leg until this node has one in the mirror.",
                [REASON_LEG_REFUSED] = "The other leg cannot be brought up to date.",
                [REASON_VOTER_BACKWARD] = "Its vote could undo a decision, so it has none.",
                [REASON_VOTER_BLANK] = "It has no vote: one more fault stops all writes.",
                [REASON_PRIMARY] = "The older one is being deposed; its writes cannot complete.",
        };
        return words[r] ? words[r] : "";
}
