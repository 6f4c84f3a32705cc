/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a mirror adopts is read back, and until then has no head; a device that lies, fails or is short is found. On files, which pread() and pwrite() reach as they do devices. */
#include "../cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hamon/hamonctl/adopt_copy.h"

#define MIB (1u << 20)

struct pair {
        int from, to;
        uint64_t bytes;
        uint8_t *data;
};

static unsigned copied, compared;
static bool head_was_blank;
static int spoil_fd = -1, seen_fd;
static uint64_t spoil_at;

/* Between the copy and the comparison somebody changes a byte, as a device that loses a write would. */
static void watch(void *userdata, enum adopt_part part, uint64_t done_bytes)
{
        const struct pair *p = userdata;
        uint8_t head[4096];

        assert_int_equal(pread(seen_fd, head, sizeof head, 0), sizeof head);
        for (size_t i = 0; i < sizeof head; i++)
                head_was_blank = head_was_blank && head[i] == 0;
        *(part == ADOPT_COPIES ? &copied : &compared) += 1;
        if (spoil_fd >= 0 && part == ADOPT_COPIES && done_bytes == p->bytes) {
                uint8_t byte = (uint8_t)~p->data[spoil_at];
                assert_int_equal(pwrite(spoil_fd, &byte, 1, (off_t)spoil_at), 1);
        }
}

static struct pair make(uint64_t bytes, uint64_t room_bytes)
{
        struct pair p = {.from = memfd_create("from", 0), .to = memfd_create("to", MFD_ALLOW_SEALING), .bytes = bytes, .data = malloc(bytes)};
        uint8_t old[4096];

        assert_non_null(p.data);
        for (uint64_t i = 0; i < bytes; i++)
                p.data[i] = (uint8_t)(i * 2654435761u >> 13 | 1);
        assert_int_equal(pwrite(p.from, p.data, bytes, 0), bytes);
        memset(old, 0xee, sizeof old);
        for (uint64_t at = 0; at < room_bytes; at += sizeof old)
                assert_int_equal(pwrite(p.to, old, sizeof old, (off_t)at), sizeof old);
        copied = compared = 0;
        head_was_blank = true;
        seen_fd = p.to;
        spoil_fd = -1;
        return p;
}

static int run(struct pair *p, struct adopt_end *ret)
{
        return adopt_copy(&(struct adopt_copy){.from = p->from, .to = p->to, .bytes = p->bytes, .progress = watch, .userdata = p}, ret);
}

static void release(struct pair *p)
{
        (void)close(p->from);
        (void)close(p->to);
        free(p->data);
}

static void is_there_and_nothing_behind_it_is_touched(uint64_t bytes)
{
        uint64_t room = (bytes + 4095) / 4096 * 4096 + 8192;
        struct pair p = make(bytes, room);
        struct adopt_end end;
        uint8_t *found = malloc(room);

        assert_int_equal(run(&p, &end), 0);
        assert_true(head_was_blank);
        assert_int_equal(strlen(end.digest), 64);
        assert_int_equal(pread(p.to, found, room, 0), room);
        assert_memory_equal(found, p.data, bytes);
        for (uint64_t i = bytes; i < room - 8192; i++)
                assert_int_equal(found[i], 0);
        for (uint64_t i = room - 8192; i < room; i++)
                assert_int_equal(found[i], 0xee);
        free(found);
        release(&p);
}

static void every_size_arrives_whole(void **state)
{
        (void)state;
        is_there_and_nothing_behind_it_is_touched(512);
        is_there_and_nothing_behind_it_is_touched(MIB - 512);
        is_there_and_nothing_behind_it_is_touched(MIB);
        is_there_and_nothing_behind_it_is_touched(MIB + 512);
        is_there_and_nothing_behind_it_is_touched(5 * MIB);
        is_there_and_nothing_behind_it_is_touched(9 * MIB + 3 * 512);
}

static void the_digest_is_that_of_sha256sum(void **state)
{
        struct pair p = make(3, 4096);
        struct adopt_end end;
        (void)state;
        assert_int_equal(pwrite(p.from, "abc", 3, 0), 3);
        assert_int_equal(run(&p, &end), 0);
        assert_string_equal(end.digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        release(&p);
}

static void a_lost_write_is_found_and_leaves_no_head(void **state)
{
        static const uint64_t places[] = {MIB, 4 * MIB + 17, 6 * MIB - 1};
        (void)state;
        for (unsigned i = 0; i < 3; i++) {
                struct pair p = make(6 * MIB, 6 * MIB);
                struct adopt_end end;
                uint8_t head[4096], nothing[4096] = {0};
                spoil_fd = p.to;
                spoil_at = places[i];
                assert_int_equal(run(&p, &end), -EILSEQ);
                assert_non_null(strstr(end.what, "comparing"));
                assert_int_equal(end.digest[0], 0);
                assert_int_equal(pread(p.to, head, sizeof head, 0), sizeof head);
                assert_memory_equal(head, nothing, sizeof head);
                release(&p);
        }
}

static void a_device_that_is_shorter_than_it_said_is_an_error_with_its_place(void **state)
{
        struct pair p = make(6 * MIB, 6 * MIB);
        struct adopt_end end;
        (void)state;
        assert_int_equal(ftruncate(p.from, 3 * MIB), 0);
        assert_int_equal(run(&p, &end), -ENODATA);
        assert_string_equal(end.what, "reading the old device");
        assert_int_equal(end.offset_bytes, MIB); /* of the piece */
        assert_true(head_was_blank);
        release(&p);
}

static void a_mirror_that_cannot_be_written_is_an_error(void **state)
{
        struct pair p = make(2 * MIB, 2 * MIB);
        struct adopt_end end;
        (void)state;
        assert_int_equal(fcntl(p.to, F_ADD_SEALS, F_SEAL_WRITE), 0);
        assert_int_equal(run(&p, &end), -EPERM);
        assert_string_equal(end.what, "writing the head of the mirror");
        release(&p);
}

static void close_the_mirror(void *userdata, enum adopt_part part, uint64_t done_bytes)
{
        const struct pair *p = userdata;
        if (part == ADOPT_COMPARES && done_bytes == p->bytes)
                assert_int_equal(fcntl(p->to, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

static void without_its_head_it_is_not_adopted(void **state)
{
        struct pair p = make(3 * MIB, 3 * MIB);
        struct adopt_end end;
        uint8_t head[4096], nothing[4096] = {0};
        (void)state;
        assert_int_equal(adopt_copy(&(struct adopt_copy){.from = p.from, .to = p.to, .bytes = p.bytes, .progress = close_the_mirror, .userdata = &p}, &end), -EPERM);
        assert_string_equal(end.what, "writing the head of the mirror");
        assert_int_equal(end.digest[0], 0);
        assert_int_equal(pread(p.to, head, sizeof head, 0), sizeof head);
        assert_memory_equal(head, nothing, sizeof head);
        release(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_size_arrives_whole),
            cmocka_unit_test(the_digest_is_that_of_sha256sum),
            cmocka_unit_test(a_lost_write_is_found_and_leaves_no_head),
            cmocka_unit_test(a_device_that_is_shorter_than_it_said_is_an_error_with_its_place),
            cmocka_unit_test(a_mirror_that_cannot_be_written_is_an_error),
            cmocka_unit_test(without_its_head_it_is_not_adopted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
