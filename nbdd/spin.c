/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When looking pays. See spin.h. */
#include "nbdd/spin.h"

#define SPIN_SCORE_MAX 16u
#define SPIN_SCORE_ENOUGH 8u
#define SPIN_SCORE_FAILED 4u /* a wait in vain costs four that were short: what is lost stays a fraction of what is gained */
#define SPIN_COMPLETIONS_MAX 2u

bool spin_pays(const struct spin *s)
{
        return s->score >= SPIN_SCORE_ENOUGH;
}

void spin_waited(struct spin *s, uint64_t waited_ns, uint64_t limit_ns, unsigned completions)
{
        bool was_short = waited_ns < limit_ns && completions <= SPIN_COMPLETIONS_MAX;

        if (limit_ns == 0)
                s->score = 0;
        else if (was_short)
                s->score += s->score < SPIN_SCORE_MAX;
        else
                s->score -= s->score < SPIN_SCORE_FAILED ? s->score : SPIN_SCORE_FAILED;
}
