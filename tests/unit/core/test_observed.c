/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A look at the machine that an effect has overtaken on its way must not be believed: it shows what was before. */
#include "tests/unit/core/fixture.h"

#include "tests/unit/cmocka_all.h"

static struct world w;
static struct actions actions;

static void observe(struct core *c, uint64_t settled, bool peer_in_array)
{
        struct event e = {.type = EVENT_OBSERVED, .now_ms = w.now_ms};

        e.observed = c->mirror[M].observed;
        e.observed.settled = settled;
        e.observed.peer_in_array = peer_in_array;
        e.observed.peer_in_sync = peer_in_array;
        e.observed.peer_failed = !peer_in_array;
        actions.count = 0;
        core_step(c, &e, &actions);
}

/* A look from before the re-add says "the leg is not in the array"; it arrives when the leg was just added. */
static void an_overtaken_look_is_dropped(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        struct core *c = &w.core[A];
        assert_int_equal(c->leg[M].state, LEG_IN);
        assert_true(c->mirror[M].settled > 1);

        observe(c, c->mirror[M].settled - 1, false);
        assert_int_equal(c->leg[M].state, LEG_IN);
        assert_true(c->mirror[M].observed.peer_in_array);

        observe(c, c->mirror[M].settled, false);
        assert_int_equal(c->leg[M].state, LEG_LEAVE);
}

/* A new hamon-act counts from nothing: what it sees is believed from the start. */
static void a_new_act_is_believed(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        struct core *c = &w.core[A];
        struct event e = {.type = EVENT_ACT_READY, .now_ms = w.now_ms};

        actions.count = 0;
        core_step(c, &e, &actions);
        assert_false(c->mirror[M].observed_valid);
        observe(c, 0, true);
        assert_true(c->mirror[M].observed_valid);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_overtaken_look_is_dropped),
                cmocka_unit_test(a_new_act_is_believed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
