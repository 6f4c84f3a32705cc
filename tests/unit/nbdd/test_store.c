/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The export table and the grants: round trips, files that are torn or foreign, writes that fail; the fuzzer's corpus. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "corpus.h"
#include "nbdd/store.h"

static char folder[] = "/tmp/nbdd-store-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(path, sizeof path, "%s/exports", folder);
        return 0;
}

static int remove_folder(void **state)
{
        (void)state;
        (void)unlink(path);
        return rmdir(folder);
}

static struct stored_export two[2] = {
    {.id = 0x12345678, .device = (char *)"/dev/sdb2", .owner = (char *)"", .failed = (char *)"", .noted = (char *)"read error", .started = true, .epoch_seen = 7,
     .settings = {.writers = WRITERS_FENCE, .hidden = true, .description = (char *)"a disk", .aliases = (char *)"one two", .allow = (char *)"10.0.0.0/8, psk=x"}},
    {.id = UINT64_MAX,
     .kind = EXPORT_LEG,
     .device = (char *)"/dev/mapper/nbdd-leg-d\xc3\xa4ta",
     .owner = (char *)"hamon",
     .failed = (char *)"write error on \"x\": Input/output error",
     .noted = (char *)"",
     .declared = true,
     .settings = {.description = (char *)"", .aliases = (char *)"", .allow = (char *)""},
     .offset_bytes = 1 << 20,
     .size_bytes = UINT64_MAX,
     .epoch_seen = UINT64_MAX,
     .leg_uuid = {.bytes = {1, 2, 3}}},
};

static void table_round_trips_through_its_file(void **state)
{
        (void)state;
        const struct stored_table t = {.exports = two, .count = 2, .limits = {.value = {1000, 1, 256, 1, 100, 1000}}};
        struct stored_table back;
        char reason[256];

        assert_int_equal(store_read_table(path, &back, reason, sizeof reason), 0);
        assert_int_equal(back.count, 0);
        assert_int_equal(store_write_table(path, &t), 0);
        assert_int_equal(store_read_table(path, &back, reason, sizeof reason), 0);
        assert_int_equal(back.count, 2);
        assert_int_equal(back.limits.value[LIMIT_MAXCONNECT], 1000);
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(back.exports[i].id, two[i].id);
                assert_int_equal(back.exports[i].kind, two[i].kind);
                assert_string_equal(back.exports[i].device, two[i].device);
                assert_string_equal(back.exports[i].owner, two[i].owner);
                assert_string_equal(back.exports[i].failed, two[i].failed);
                assert_int_equal(back.exports[i].started, two[i].started);
                assert_int_equal(back.exports[i].offset_bytes, two[i].offset_bytes);
                assert_int_equal(back.exports[i].size_bytes, two[i].size_bytes);
                assert_int_equal(back.exports[i].epoch_seen, two[i].epoch_seen);
                assert_true(uuid_equal(&back.exports[i].leg_uuid, &two[i].leg_uuid));
                assert_string_equal(back.exports[i].noted, two[i].noted);
                assert_int_equal(back.exports[i].declared, two[i].declared);
                assert_int_equal(back.exports[i].settings.writers, two[i].settings.writers);
                assert_int_equal(back.exports[i].settings.hidden, two[i].settings.hidden);
                assert_string_equal(back.exports[i].settings.description, two[i].settings.description);
                assert_string_equal(back.exports[i].settings.aliases, two[i].settings.aliases);
                assert_string_equal(back.exports[i].settings.allow, two[i].settings.allow);
        }
        stored_table_release(&back);
}

static void grants_round_trip_and_refuse_halves(void **state)
{
        (void)state;
        struct stored_grant one = {.id = 0xd1, .epoch = 7, .session = {.bytes = {1}}, .boot_id = {.bytes = {2}}, .trim = true, .attachment = "diskseq:9"};
        const struct stored_grants g = {.grants = &one, .count = 1};
        struct stored_grants back;
        char reason[256], *text = store_encode_grants(&g);

        assert_int_equal(store_decode_grants(text, strlen(text), &back, reason, sizeof reason), 0);
        assert_int_equal(back.grants[0].epoch, 7);
        assert_string_equal(back.grants[0].attachment, "diskseq:9");
        assert_true(back.grants[0].trim);
        stored_grants_release(&back);
        char *epoch = strstr(text, "\"epoch\": \"7\"");
        assert_non_null(epoch);
        epoch[10] = '0'; /* no epoch */
        assert_int_equal(store_decode_grants(text, strlen(text), &back, reason, sizeof reason), -EBADMSG);
        free(text);
}

static void damaged_files_are_explained_and_not_used(void **state)
{
        (void)state;
        struct stored_table back;
        char reason[512] = "";

        assert_int_equal(truncate(path, 40), 0);
        assert_int_equal(store_read_table(path, &back, reason, sizeof reason), -EBADMSG);
        assert_non_null(strstr(reason, path));
}

static void failed_writes_leave_the_old_table(void **state)
{
        (void)state;
        static const char *const steps[] = {"open:1", "write:1", "fsync:1", "rename:1"};
        const struct stored_table old = {.exports = two, .count = 1, .limits = {.value = {1, 1, 256, 1, 100, 1000}}}, new = {.exports = two, .count = 2, .limits = {.value = {2, 1, 256, 1, 100, 1000}}};
        struct stored_table back;
        char reason[256];

        assert_int_equal(store_write_table(path, &old), 0);
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
                (void)setenv("NBDD_FAULT_STATEFILE", steps[i], 1);
                assert_int_equal(store_write_table(path, &new), -EIO);
                (void)unsetenv("NBDD_FAULT_STATEFILE");
                assert_int_equal(store_read_table(path, &back, reason, sizeof reason), 0);
                assert_int_equal(back.limits.value[LIMIT_MAXCONNECT], 1);
                stored_table_release(&back);
        }
}

static void same_id_twice_is_refused(void **state)
{
        (void)state;
        struct stored_export same[2] = {two[0], two[0]};
        const struct stored_table t = {.exports = same, .count = 2, .limits = {.value = {1, 1, 256, 1, 100, 1000}}};
        struct stored_table back;
        char reason[256], *text = store_encode_table(&t);

        assert_int_equal(store_decode_table(text, strlen(text), &back, reason, sizeof reason), -EBADMSG);
        free(text);
}

static void corpus(void **state)
{
        (void)state;
        assert_true(corpus_replay("tests/fuzz/corpus/nbdd_store") >= 6);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(table_round_trips_through_its_file), cmocka_unit_test(grants_round_trip_and_refuse_halves),
            cmocka_unit_test(damaged_files_are_explained_and_not_used), cmocka_unit_test(failed_writes_leave_the_old_table),
            cmocka_unit_test(same_id_twice_is_refused), cmocka_unit_test(corpus),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
