/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which two legs may be assembled together: every single difference is an obstacle. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/equal_legs.h"

static struct leg_face own, peer;

static struct leg_face face(unsigned slot)
{
        struct leg_face f = {
            .super = {.array = {{1}},
                      .feature_map = MD_FEATURE_BITMAP,
                      .level = 1,
                      .raid_disks = 2,
                      .size_sectors = 1000,
                      .dev_number = slot * 2, /* as after a resync whole */
                      .device = {{(uint8_t)(10 + slot)}},
                      .write_mostly = slot == 1,
                      .events = 17,
                      .resync_offset_sectors = UINT64_MAX,
                      .role = (uint16_t)slot,
                      .slot_present = {true, true}},
            .bitmap = {.array = {{1}}, .events = 17, .events_cleared = 15, .sync_size_sectors = 1000, .chunk_bytes = 4 << 20, .chunks = 1},
            .bitmap_empty = true,
        };
        return f;
}

static int setup(void **state)
{
        (void)state;
        own = face(1);
        peer = face(0);
        return 0;
}

static const char *obstacle(void)
{
        return equal_legs_obstacle(&own, &peer, 1);
}

static void equal_legs_may_run(void **state)
{
        (void)state;
        assert_null(obstacle());
        own.super.write_mostly = !own.super.write_mostly; /* set anew after each assembly */
        assert_null(obstacle());
}

/* Each change to one of the two, and to the other one. */
#define DIFFERS(change)                                                                                                \
        do {                                                                                                           \
                struct leg_face *f = &own;                                                                             \
                (void)setup(NULL);                                                                                     \
                change;                                                                                                \
                assert_non_null(obstacle());                                                                           \
                (void)setup(NULL);                                                                                     \
                f = &peer;                                                                                             \
                change;                                                                                                \
                assert_non_null(obstacle());                                                                           \
        } while (0)

static void every_difference_is_an_obstacle(void **state)
{
        (void)state;
        DIFFERS((f->super.events++, f->bitmap.events++));
        DIFFERS(f->super.events++); /* and its bitmap is not up to date */
        DIFFERS(f->super.resync_offset_sectors = 0);
        DIFFERS(f->bitmap_empty = false);
        DIFFERS(f->bitmap.state = 2);
        DIFFERS(f->bitmap.events_cleared++);
        DIFFERS(f->bitmap.chunk_bytes *= 2);
        DIFFERS(f->super.array.bytes[3] = 1);
        DIFFERS(f->super.size_sectors++);
        DIFFERS(f->super.role ^= 1u);
        DIFFERS(f->super.role = MD_ROLE_SPARE);
        DIFFERS(f->super.role = MD_ROLE_FAULTY);
        DIFFERS(f->super.slot_present[0] = false);
        DIFFERS(f->super.slot_present[1] = false);
        DIFFERS(f->super.feature_map = 0);
        DIFFERS(f->super.feature_map |= MD_FEATURE_BAD_BLOCKS);
        DIFFERS(f->super.feature_map |= MD_FEATURE_RECOVERY_OFFSET);
        DIFFERS(f->super.feature_map |= MD_FEATURE_RESHAPE_ACTIVE);
        DIFFERS(f->super.feature_map |= MD_FEATURE_REPLACEMENT);
        (void)setup(NULL);
        peer.super.device = own.super.device;
        assert_non_null(obstacle());
        (void)setup(NULL);
        peer.super.dev_number = own.super.dev_number;
        assert_non_null(obstacle());
}

static void slots_are_the_nodes(void **state)
{
        (void)state;
        assert_non_null(equal_legs_obstacle(&own, &peer, 0)); /* each in the other's place */
        assert_null(equal_legs_obstacle(&peer, &own, 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(equal_legs_may_run, setup),
            cmocka_unit_test_setup(every_difference_is_an_obstacle, setup),
            cmocka_unit_test_setup(slots_are_the_nodes, setup),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
