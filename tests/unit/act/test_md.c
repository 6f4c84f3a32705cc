/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/md_bitmap.h"
#include "hamon/act/md_super.h"

#include "tests/unit/act/fixtures.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

static void put32(uint8_t *at, uint32_t v)
{
        v = htole32(v);
        memcpy(at, &v, sizeof v);
}

/* The kernel's sum, written anew: the decoder's own must agree with both. */
static void fix_checksum(uint8_t *sb)
{
        uint64_t sum = 0;
        uint32_t word;

        put32(sb + 216, 0);
        for (size_t i = 0; i < 512; i += 4) {
                memcpy(&word, sb + i, sizeof word);
                sum += le32toh(word);
        }
        put32(sb + 216, (uint32_t)(sum & 0xffffffff) + (uint32_t)(sum >> 32));
}

static void super_of_a_degraded_array(void **state)
{
        struct md_super s;

        (void)state;
        assert_int_equal(md_super_decode(fixture_super, sizeof fixture_super, &s), 0);
        assert_int_equal(s.level, 1);
        assert_int_equal(s.raid_disks, 2);
        assert_int_equal(s.feature_map, MD_FEATURE_BITMAP);
        assert_int_equal(s.size_sectors, 129920 * 2);
        assert_int_equal(s.data_offset_sectors, 2048);
        assert_int_equal(s.bitmap_offset_sectors, 8);
        assert_int_equal(s.events, 4);
        assert_true(s.updated_s > 1700000000 && s.updated_s < 2000000000); /* Linux wrote it */
        assert_int_equal(s.role, 0);
        assert_true(s.slot_present[0]);
        assert_false(s.slot_present[1]);
        assert_true(md_super_is_clean(&s));
        assert_true(md_super_is_in_sync(&s));
        assert_true(md_super_calls_peer_failed(&s, 0));
        assert_false(md_super_calls_peer_failed(&s, 1));
}

static void every_changed_byte_of_a_super_is_seen(void **state)
{
        uint8_t sb[sizeof fixture_super];
        struct md_super s;

        (void)state;
        memcpy(sb, fixture_super, sizeof sb);
        for (size_t i = 0; i < sizeof sb; i++) {
                sb[i] ^= 0x10;
                assert_true(md_super_decode(sb, sizeof sb, &s) < 0);
                sb[i] ^= 0x10;
        }
        for (size_t n = 0; n < sizeof sb; n++)
                assert_int_equal(md_super_decode(sb, n, &s), -EBADMSG);
}

static void roles_and_features(void **state)
{
        uint8_t sb[sizeof fixture_super];
        struct md_super s;

        (void)state;
        memcpy(sb, fixture_super, sizeof sb);
        sb[256 + 2] = 1, sb[256 + 3] = 0; /* device 1 in slot 1 */
        fix_checksum(sb);
        assert_int_equal(md_super_decode(sb, sizeof sb, &s), 0);
        assert_false(md_super_calls_peer_failed(&s, 0));
        put32(sb + 8, MD_FEATURE_BITMAP | MD_FEATURE_RECOVERY_OFFSET);
        put32(sb + 160, 1);
        fix_checksum(sb);
        assert_int_equal(md_super_decode(sb, sizeof sb, &s), 0);
        assert_int_equal(s.role, 1);
        assert_false(md_super_is_in_sync(&s)); /* being resynced */
        put32(sb + 160, 5);
        fix_checksum(sb);
        assert_int_equal(md_super_decode(sb, sizeof sb, &s), 0);
        assert_int_equal(s.role, MD_ROLE_SPARE);
        put32(sb + 72, 5); /* RAID5 */
        fix_checksum(sb);
        assert_int_equal(md_super_decode(sb, sizeof sb, &s), -EPROTO);
}

static void a_spare_is_made_from_a_member(void **state)
{
        const struct uuid device = {{9, 9, 9}};
        uint8_t sb[sizeof fixture_super];
        struct md_super own, s;

        (void)state;
        memcpy(sb, fixture_super, sizeof sb);
        assert_int_equal(md_super_decode(sb, sizeof sb, &own), 0);
        assert_int_equal(md_super_make_other(sb, sizeof sb, 0, MD_ROLE_SPARE, &device, 1 << 20), -ENOSPC); /* a live member's number */
        assert_int_equal(md_super_make_other(sb, sizeof sb, 1, MD_ROLE_SPARE, &device, own.data_offset_sectors + own.size_sectors - 1),
                         -ENOSPC);
        assert_memory_equal(sb, fixture_super, sizeof sb);
        assert_int_equal(md_super_make_other(sb, sizeof sb, 1, MD_ROLE_SPARE, &device, own.data_offset_sectors + own.size_sectors + 8),
                         0);
        assert_int_equal(md_super_decode(sb, sizeof sb, &s), 0);
        assert_true(uuid_equal(&s.array, &own.array));
        assert_true(uuid_equal(&s.device, &device));
        assert_int_equal(s.dev_number, 1);
        assert_int_equal(s.role, MD_ROLE_SPARE);
        assert_int_equal(s.data_size_sectors, own.size_sectors + 8);
        assert_int_equal(s.feature_map, MD_FEATURE_BITMAP);
        uint8_t again[sizeof sb];
        memcpy(again, sb, sizeof sb);
        fix_checksum(again);
        assert_memory_equal(again, sb, sizeof sb);
        /* As a member of the free slot, never of one that somebody has. */
        memcpy(sb, fixture_super, sizeof sb);
        assert_int_equal(md_super_make_other(sb, sizeof sb, 1, own.role, &device, own.data_offset_sectors + own.size_sectors), -EEXIST);
        assert_memory_equal(sb, fixture_super, sizeof sb);
        assert_int_equal(md_super_make_other(sb, sizeof sb, 1, own.role ^ 1, &device, own.data_offset_sectors + own.size_sectors), 0);
        assert_int_equal(md_super_decode(sb, sizeof sb, &s), 0);
        assert_int_equal(s.role, own.role ^ 1);
        assert_true(md_super_is_in_sync(&s) && s.events == own.events);
}

static void bitmap_of_a_degraded_array(void **state)
{
        struct md_bitmap b;

        (void)state;
        assert_int_equal(md_bitmap_decode(fixture_bitmap, sizeof fixture_bitmap, &b), 0);
        assert_int_equal(b.chunk_bytes, 4 << 20);
        assert_int_equal(b.chunks, 32);
        assert_int_equal(b.events, 4);
        assert_int_equal(b.events_cleared, 0);
        assert_int_equal(md_bitmap_total_bytes(&b), 260);
        assert_true(md_bitmap_is_current(&b, 4));
        assert_false(md_bitmap_is_current(&b, 5)); /* md stopped keeping it: all counts as dirty */
        b.state = 2;
        assert_false(md_bitmap_is_current(&b, 4));
        /* What was written: the first 20 MiB, and 30 to 32 MiB. */
        assert_int_equal(fixture_bitmap[256], 0x9f);
}

static void hostile_bitmaps_are_refused(void **state)
{
        uint8_t bytes[sizeof fixture_bitmap];
        struct md_bitmap b;

        (void)state;
        for (size_t n = 0; n < 56; n++)
                assert_int_equal(md_bitmap_decode(fixture_bitmap, n, &b), -EBADMSG);
        memcpy(bytes, fixture_bitmap, sizeof bytes);
        put32(bytes + 52, 0);
        assert_int_equal(md_bitmap_decode(bytes, sizeof bytes, &b), -EBADMSG);
        put32(bytes + 52, 3 << 20);
        assert_int_equal(md_bitmap_decode(bytes, sizeof bytes, &b), -EBADMSG);
        memcpy(bytes, fixture_bitmap, sizeof bytes);
        memset(bytes + 40, 0xff, 8);
        put32(bytes + 52, 512);
        assert_int_equal(md_bitmap_decode(bytes, sizeof bytes, &b), -EBADMSG);
        memset(bytes + 40, 0, 8);
        assert_int_equal(md_bitmap_decode(bytes, sizeof bytes, &b), -EBADMSG);
        put32(bytes + 4, 5); /* a cluster's */
        assert_int_equal(md_bitmap_decode(bytes, sizeof bytes, &b), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(super_of_a_degraded_array),  cmocka_unit_test(every_changed_byte_of_a_super_is_seen),
            cmocka_unit_test(roles_and_features),         cmocka_unit_test(a_spare_is_made_from_a_member),
            cmocka_unit_test(bitmap_of_a_degraded_array), cmocka_unit_test(hostile_bitmaps_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
