/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks that fail or hang in the middle of a planned switchover (R2c). */
#include "tests/unit/core/fixture.h"

#include <errno.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

/* The legs cannot be put together because of the new primary's own disk: that leg is kept out, and the service goes back. */
static void switchover_to_a_bad_disk(void **state)
{
        (void)state;
        world_hold_switchover(&w, EFFECT_ASSEMBLE_BOTH);
        assert_int_equal(world_record(&w)->primary, B);
        w.machine[B].own_unsafe = true;
        w.machine[B].fail = EFFECT_ASSEMBLE_BOTH;
        w.machine[B].error = -EIO;
        w.machine[B].hold = EFFECT_TYPES;
        world_live(&w, 2000);
        assert_true(world_serves(&w, A));
        assert_int_equal(world_record(&w)->epoch, 3);
        assert_true(w.machine[B].up); /* other mirrors may run there */
        assert_false(world_record(&w)->legs[B].in_sync);
        assert_true(world_record(&w)->legs[B].doubtful);
}

/* As long as the other node is dead nobody is put out: whichever can go on first does. */
static void bad_disk_and_dead_peer_in_a_switchover(void **state)
{
        (void)state;
        world_hold_switchover(&w, EFFECT_ATTACH);
        world_power_off(&w, A);
        w.machine[B].own_unsafe = true;
        world_live(&w, 3000);
        w.machine[B].hold = EFFECT_TYPES;
        world_live(&w, 5000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HAND_PROBE);
        assert_true(world_record(&w)->legs[A].in_sync && world_record(&w)->legs[B].in_sync);
        w.machine[B].own_unsafe = false;
        world_live(&w, 5000);
        assert_true(world_serves(&w, B));
        assert_false(world_record(&w)->legs[A].in_sync);
}

/* The own disk fails only after the record has put the peer's leg out: the detach is refused, and the record is decided the other way (R2c). */
static void own_disk_fails_while_a_hand_over_is_undone(void **state)
{
        struct machine *b = &w.machine[B];

        (void)state;
        world_hold_switchover(&w, EFFECT_ASSEMBLE_BOTH);
        b->fail = EFFECT_ASSEMBLE_BOTH;
        b->error = -ESTALE;
        b->hold = EFFECT_DETACH;
        world_live(&w, 500);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HAND_DETACH);
        assert_false(world_record(&w)->legs[A].in_sync);
        b->running = b->peer_in_array = b->peer_in_sync = b->own_failed = true; /* md got as far as this */
        b->fail = EFFECT_DETACH;
        b->error = -EIO;
        b->hold = EFFECT_TYPES;
        world_live(&w, 900);
        assert_true(world_serves(&w, A));
        assert_true(world_record(&w)->legs[A].in_sync);
        assert_false(world_record(&w)->legs[B].in_sync);
}

/* It cannot even be stopped: only a reboot lets the other node go on. */
static void bad_disk_hangs_after_a_switchover(void **state)
{
        (void)state;
        world_hold_switchover(&w, EFFECT_ASSEMBLE_BOTH);
        w.machine[B].own_unsafe = true;
        w.machine[B].fail = EFFECT_ASSEMBLE_BOTH;
        w.machine[B].error = -EIO;
        w.machine[B].hold = EFFECT_ARRAY_STOP;
        world_live(&w, 9000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HAND_STOP);
        assert_true(w.machine[B].up);
        world_live(&w, 6000);
        assert_false(w.machine[B].up);
        assert_true(world_serves(&w, A));
}

/* The own disk fails only the probe after the stop: the array is stopped all the same, and what was decided is done. */
static void own_disk_fails_after_a_hand_over_was_undone(void **state)
{
        (void)state;
        world_hold_switchover(&w, EFFECT_ASSEMBLE_BOTH);
        w.machine[B].fail = EFFECT_ASSEMBLE_BOTH;
        w.machine[B].error = -ESTALE;
        w.machine[B].hold = EFFECT_ARRAY_STOP;
        world_live(&w, 500);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HAND_STOP);
        unsigned since = w.effects;
        w.machine[B].fail = EFFECT_ARRAY_STOP;
        w.machine[B].error = -EBADE;
        w.machine[B].hold = EFFECT_TYPES;
        world_live(&w, 500);
        world_expect_effects(&w, since, B, "revoke debt-capture assemble debt-apply history note-clear service-start");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(switchover_to_a_bad_disk),
            cmocka_unit_test(bad_disk_and_dead_peer_in_a_switchover),
            cmocka_unit_test(own_disk_fails_while_a_hand_over_is_undone),
            cmocka_unit_test(bad_disk_hangs_after_a_switchover),
            cmocka_unit_test(own_disk_fails_after_a_hand_over_was_undone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
