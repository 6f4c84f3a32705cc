/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/state.h"

unsigned voters_count(uint8_t mask)
{
        return (mask & 1u) + (mask >> 1 & 1u) + (mask >> 2 & 1u);
}

uint8_t voters_configured(const struct core *c)
{
        return c->config.manual ? voter_bit(0) | voter_bit(1) : voter_bit(0) | voter_bit(1) | voter_bit(WITNESS);
}

uint8_t voters_of(const struct core *c, const struct record *value)
{
        uint8_t mask = 0;

        if (value->version == 0)
                return voters_configured(c);
        for (uint8_t v = 0; v < VOTERS; v++)
                if (!uuid_is_null(&value->voters[v]))
                        mask |= voter_bit(v);
        return mask;
}

unsigned voters_needed(uint8_t members)
{
#ifdef MUTANT_minority
        return 1;
#endif
        return voters_count(members) >= 2 ? 2 : 1;
}

uint8_t voters_known(const struct core *c, uint8_t mirror)
{
        bool decided;

        return voters_of(c, record_known(c, mirror, &decided));
}

unsigned voters_known_needed(const struct core *c, uint8_t mirror)
{
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);

        return voters_consent(c, r) ? 1 : voters_needed(voters_of(c, r));
}

uint8_t voters_recognised(const struct core *c, const struct proposer *p, const struct record *base, uint8_t mask)
{
        uint8_t members = voters_of(c, base), ret = 0;

        for (uint8_t v = 0; v < VOTERS; v++)
#ifdef MUTANT_UNIT_any_identity /* R7d */
                if (mask & voter_bit(v))
#else
                if ((mask & members & voter_bit(v)) && uuid_equal(&p->voter[v], &base->voters[v]))
#endif
                        ret |= voter_bit(v);
        (void)members;
        return ret;
}

bool voters_consent(const struct core *c, const struct record *value)
{
        uint8_t both = voter_bit(0) | voter_bit(1);

        return c->config.self < NODES && value->version > 0 && voters_of(c, value) == both && c->detector.confirmed_dead[1 - c->config.self];
}

void voters_seat_alone(const struct core *c, struct record *value, uint32_t random)
{
        value->voters[1 - c->config.self] = (struct uuid){{0}};
        value->voters_generation = ((value->voters_generation >> 16) + 1) << 16 | (random & 0xffff);
}

bool generation_is_newer(uint32_t a, uint32_t b)
{
        return a >> 16 > b >> 16;
}

bool generation_is_fork(uint32_t a, uint32_t b)
{
        return a >> 16 == b >> 16 && a != b;
}
