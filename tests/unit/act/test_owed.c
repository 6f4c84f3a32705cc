/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the peer's leg lacks: the bits of the own leg's bitmap and of the debt, together, and all of it when the bitmap says nothing. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/debt.h"
#include "hamon/act/leg_header.h"
#include "hamon/act/md_super.h"
#include "hamon/act/owed.h"
#include "tests/unit/act/fixtures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = 4 << 20, CHUNKS = 32, BITMAP_OFFSET = MD_SUPER_OFFSET + 8 * 512 };

static char disk[] = "/tmp/owed-XXXXXX";
static int fd;

static int make_disk(void **state)
{
        (void)state;
        fd = mkstemp(disk);
        if (fd < 0 || ftruncate(fd, LEG_MEMBER_OFFSET + (2 << 20)) < 0 ||
            pwrite(fd, fixture_super, sizeof fixture_super, LEG_MEMBER_OFFSET + MD_SUPER_OFFSET) != sizeof fixture_super ||
            pwrite(fd, fixture_bitmap, sizeof fixture_bitmap, LEG_MEMBER_OFFSET + BITMAP_OFFSET) != sizeof fixture_bitmap)
                return -1;
        return 0;
}

static int remove_disk(void **state)
{
        (void)state;
        close(fd);
        return unlink(disk);
}

static uint64_t owed(struct debt *d)
{
        uint64_t bytes = 1;
        assert_int_equal(owed_look(disk, d, &bytes), 0);
        debt_release(d);
        return bytes;
}

static void the_bits_of_the_bitmap(void **state)
{
        (void)state;
        struct debt none = {0};
        assert_true(owed(&none) == 6ull * CHUNK); /* 0x9f */
}

static void and_those_of_the_debt(void **state)
{
        (void)state;
        static const uint8_t bits[CHUNKS / 8] = {0x01, 0x03}; /* the first is in the bitmap, too */
        struct md_super s;
        struct debt d;
        assert_int_equal(md_super_decode(fixture_super, sizeof fixture_super, &s), 0);
        assert_int_equal(debt_init(&d, &s.array, CHUNK, CHUNKS), 0);
        assert_int_equal(debt_add_bits(&d, bits, CHUNKS, CHUNK), 0);
        assert_true(owed(&d) == 8ull * CHUNK);
}

/* Of before `mirror grow`: shorter than the leg is now. */
static void a_debt_of_before_it_grew_hides_no_bit(void **state)
{
        (void)state;
        static const uint8_t bits[1] = {0x20}; /* 5; the bitmap has 0 to 4, and one above */
        struct md_super s;
        struct debt d;
        assert_int_equal(md_super_decode(fixture_super, sizeof fixture_super, &s), 0);
        assert_int_equal(debt_init(&d, &s.array, CHUNK, 7), 0);
        assert_int_equal(debt_add_bits(&d, bits, 7, CHUNK), 0);
        assert_true(owed(&d) == 7ull * CHUNK);
}

static void all_of_it_without_a_bitmap_that_counts(void **state)
{
        (void)state;
        struct debt none = {0};
        struct md_super s;
        assert_int_equal(md_super_decode(fixture_super, sizeof fixture_super, &s), 0);
        assert_int_equal(pwrite(fd, "x", 1, LEG_MEMBER_OFFSET + BITMAP_OFFSET), 1);
        assert_true(owed(&none) == s.size_sectors * 512); /* not more than there is: the last chunk is a part of one */
        assert_int_equal(pwrite(fd, fixture_bitmap, 1, LEG_MEMBER_OFFSET + BITMAP_OFFSET), 1);
}

static void nothing_is_told_of_a_disk_that_is_no_leg(void **state)
{
        (void)state;
        struct debt none = {0};
        uint64_t bytes = 7;
        assert_int_equal(owed_look("/nowhere", &none, &bytes), -ENOENT);
        assert_int_equal(pwrite(fd, "x", 1, LEG_MEMBER_OFFSET + MD_SUPER_OFFSET), 1);
        assert_int_equal(owed_look(disk, &none, &bytes), -EBADMSG);
        assert_int_equal(bytes, 7);
        debt_release(&none);
        assert_int_equal(pwrite(fd, fixture_super, 1, LEG_MEMBER_OFFSET + MD_SUPER_OFFSET), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_bits_of_the_bitmap),
            cmocka_unit_test(and_those_of_the_debt),
            cmocka_unit_test(a_debt_of_before_it_grew_hides_no_bit),
            cmocka_unit_test(all_of_it_without_a_bitmap_that_counts),
            cmocka_unit_test(nothing_is_told_of_a_disk_that_is_no_leg),
        };
        return cmocka_run_group_tests(tests, make_disk, remove_disk);
}
