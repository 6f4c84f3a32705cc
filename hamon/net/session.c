/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/net/session.h"

void session_init(struct session *s, uint64_t random)
{
        *s = (struct session){.challenge = random | 1}; /* never 0: 0 is "no challenge heard yet" */
}

static enum session_verdict judge_number(struct session *s, uint64_t sequence)
{
        if (sequence > s->highest) {
                uint64_t ahead = sequence - s->highest;
                s->seen = ahead >= SESSION_WINDOW ? 0 : s->seen << ahead;
                s->seen |= 1;
                s->highest = sequence;
                return SESSION_FRESH;
        }
        uint64_t behind = s->highest - sequence;
        if (behind >= SESSION_WINDOW)
                return SESSION_OLD;
        uint64_t bit = UINT64_C(1) << behind;
        if (s->seen & bit)
                return SESSION_DUPLICATE;
        s->seen |= bit;
        return SESSION_FRESH;
}

enum session_verdict session_judge(struct session *s, const struct seal_envelope *e, uint64_t random)
{
        if (s->known && e->start == s->start) {
                enum session_verdict v = judge_number(s, e->sequence);
                if (v == SESSION_FRESH && e->sequence == s->highest)
                        s->their_challenge = e->challenge;
                return v;
        }
        /* Learned even from an unproven start: a false one makes our next echo useless until the true sender's next datagram. */
        s->their_challenge = e->challenge;
        if (e->echo != s->challenge)
                return SESSION_UNPROVEN;
        s->known = true;
        s->start = e->start;
        s->highest = e->sequence;
        s->seen = 1;
        s->challenge = random | 1;
        return SESSION_NEW_START;
}
