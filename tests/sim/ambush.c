/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults that wait for their moment: another fault strikes when a core enters a certain state, hamon-act dies between two effects or in the
 * middle of one. What random times hit once in a million schedules is hit here in every second one.
 */
#include "tests/sim/sim.h"

static const struct {
        const struct table *table;
        enum ambush_machine machine;
} machines[] = {{&mirror_table, AMBUSH_ROLE}, {&leg_table, AMBUSH_LEG}, {&standby_table, AMBUSH_STANDBY}};

void ambush_lay(struct sim *s, unsigned kind)
{
        unsigned i = (unsigned)sim_random(s, sizeof machines / sizeof *machines);

        s->ambush = (struct ambush){.laid = true, .machine = machines[i].machine, .state = (uint8_t)sim_random(s, machines[i].table->states), .kind = kind};
}

void ambush_entered(struct sim *s, uint8_t n, enum ambush_machine machine, unsigned state)
{
        struct ambush *a = &s->ambush;

        if (!a->laid || s->healed || a->machine != machine || a->state != state)
                return;
        a->laid = false;
        trace(s, n, "ambush: the state is %llu of machine %llu", state, (uint64_t)machine);
        fault_at(s, n, a->kind, sim_random(s, sim_chance(s, 50) ? 300 : 20 * MS));
}

/* Called before and after each step of an effect. True: hamon-act has just died, the step is no more. */
bool ambush_effect(struct sim *s, uint8_t n)
{
        struct act *a = &s->node[n].act;

        if (a->dies_in == 0 || --a->dies_in > 0)
                return false;
        fault_act_dies(s, n);
        return true;
}
