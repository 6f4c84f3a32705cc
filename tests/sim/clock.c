/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clocks: each machine's own, which runs at its own rate and may jump forward. A core knows no other time. The simulator's own time is s->now_us.
 */
#include "tests/sim/sim.h"

enum { MILLION = 1000000 };

uint64_t clock_us(const struct sim *s, uint8_t n)
{
        const struct clock *c = &s->node[n].clock;
        uint64_t passed_us = s->now_us - c->since_us;

        return c->base_us + passed_us + (uint64_t)((int64_t)passed_us * c->rate_ppm / MILLION);
}

uint64_t clock_ms(const struct sim *s, uint8_t n)
{
        return clock_us(s, n) / MS;
}

uint64_t clock_when_us(const struct sim *s, uint8_t n, uint64_t us)
{
        const struct clock *c = &s->node[n].clock;

        if (us <= c->base_us)
                return c->since_us;
        uint64_t left_us = us - c->base_us;
        return c->since_us + left_us - (uint64_t)((int64_t)left_us * c->rate_ppm / (MILLION + c->rate_ppm)) + (c->rate_ppm ? 1 : 0);
}

void clock_set(struct sim *s, uint8_t n, int32_t rate_ppm, uint64_t jump_us)
{
        struct clock *c = &s->node[n].clock;

        *c = (struct clock){.base_us = clock_us(s, n) + jump_us, .since_us = s->now_us, .rate_ppm = rate_ppm};
        if (jump_us)
                s->jumped_us = s->now_us;
}

/* A clock that jumps without time having passed breaks what rests on clocks: the lease (R4) and with it P6. Nothing else does. */
bool clock_is_trusted(const struct sim *s)
{
        return !s->jumped_us || s->now_us - s->jumped_us > CLOCK_DISTRUST_US;
}
