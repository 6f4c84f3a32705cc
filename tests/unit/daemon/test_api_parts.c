/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parts of the API without a server: limits, keys, tokens. */
#include "hamon/api/idempotency.h"
#include "hamon/api/rate.h"
#include "hamon/api/tokens.h"

#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_a_burst_and_then_a_rate(void **state)
{
        struct rate *r = rate_new(7);
        uint64_t now = 1000;

        (void)state;
        for (int i = 0; i < RATE_BURST; i++)
                assert_true(rate_take(r, "10.0.0.1", 1, now));
        assert_false(rate_take(r, "10.0.0.1", 1, now));
        assert_true(rate_take(r, "10.0.0.2", 1, now)); /* another's */
        assert_false(rate_take(r, "10.0.0.1", 1, now + 1000 / RATE_PER_S - 1));
        assert_true(rate_take(r, "10.0.0.1", 1, now + 1000 / RATE_PER_S));
        assert_false(rate_take(r, "10.0.0.1", 1, now + 1000 / RATE_PER_S));
        now += 3600000; /* never more than a burst */
        for (int i = 0; i < RATE_BURST; i++)
                assert_true(rate_take(r, "10.0.0.1", 1, now));
        assert_false(rate_take(r, "10.0.0.1", 1, now));
        rate_free(r);
}

static void test_wrong_tokens_cost_more(void **state)
{
        struct rate *r = rate_new(1);

        (void)state;
        for (int i = 0; i < RATE_BURST / RATE_REFUSED; i++)
                assert_true(rate_take(r, "a", RATE_REFUSED, 5000));
        assert_false(rate_take(r, "a", RATE_REFUSED, 5000)); /* and what is left is gone */
        assert_false(rate_take(r, "a", 1, 5000));
        rate_free(r);
}

static void test_a_key_is_good_once(void **state)
{
        struct idempotency *i = idempotency_new(NULL, 0);
        uint64_t ticket = 0;

        (void)state;
        assert_int_equal(idempotency_begin(i, "k", "POST /x", 1000, &ticket), IDEMPOTENCY_NEW);
        assert_int_equal(idempotency_begin(i, "k", "POST /x", 1000, &ticket), IDEMPOTENCY_UNDER_WAY);
        idempotency_note(i, "k", 5);
        assert_int_equal(idempotency_begin(i, "k", "POST /x", 2000, &ticket), IDEMPOTENCY_DONE);
        assert_int_equal(ticket, 5);
        assert_int_equal(idempotency_begin(i, "k", "POST /y", 2000, &ticket), IDEMPOTENCY_REUSED);
        assert_int_equal(idempotency_begin(i, "K", "POST /y", 2000, &ticket), IDEMPOTENCY_NEW);
        idempotency_note(i, "K", 0); /* refused: the key is free */
        assert_int_equal(idempotency_begin(i, "K", "POST /z", 2000, &ticket), IDEMPOTENCY_NEW);
        assert_int_equal(idempotency_begin(i, "k", "POST /x", 1000 + IDEMPOTENCY_KEEP_MS - 1, &ticket), IDEMPOTENCY_DONE);
        assert_int_equal(idempotency_begin(i, "k", "POST /y", 1000 + IDEMPOTENCY_KEEP_MS, &ticket), IDEMPOTENCY_NEW);
        idempotency_free(i);
}

static void test_keys_are_kept_and_bounded(void **state)
{
        struct idempotency *i = idempotency_new(NULL, 0);
        uint64_t ticket;
        char key[16];

        (void)state;
        for (int n = 0; n < IDEMPOTENCY_MAX; n++) {
                snprintf(key, sizeof key, "k%d", n);
                assert_int_equal(idempotency_begin(i, key, "x", 1000, &ticket), IDEMPOTENCY_NEW);
                idempotency_note(i, key, (uint64_t)n + 1);
        }
        assert_int_equal(idempotency_begin(i, "one more", "x", 1000, &ticket), IDEMPOTENCY_FULL); /* no young one makes room */
        assert_int_equal(idempotency_begin(i, "k0", "x", 1000, &ticket), IDEMPOTENCY_DONE);
        assert_int_equal(idempotency_begin(i, "one more", "x", 1000 + IDEMPOTENCY_KEEP_MS, &ticket), IDEMPOTENCY_NEW);
        idempotency_free(i);
}

static char folder[64];

static void make_folder(void)
{
        strcpy(folder, "/tmp/hamon-tokens-XXXXXX");
        assert_non_null(mkdtemp(folder));
}

/* A key that was used is used after a restart, too; one of which only the beginning is known is never begun again. */
static void test_keys_survive_a_restart(void **state)
{
        uint64_t ticket = 0;
        char path[96];

        (void)state;
        make_folder();
        struct idempotency *i = idempotency_new(folder, 1000);
        assert_int_equal(idempotency_begin(i, "done", "POST /x", 1000, &ticket), IDEMPOTENCY_NEW);
        assert_int_equal(idempotency_keep(i, "done"), 0);
        idempotency_note(i, "done", 7);
        assert_int_equal(idempotency_begin(i, "begun", "POST /x", 2000, &ticket), IDEMPOTENCY_NEW);
        assert_int_equal(idempotency_keep(i, "begun"), 0);
        assert_int_equal(idempotency_begin(i, "reserved", "POST /x", 2000, &ticket), IDEMPOTENCY_NEW);
        idempotency_free(i);

        snprintf(path, sizeof path, "%s/idempotency", folder);
        FILE *f = fopen(path, "a");
        assert_non_null(f);
        fputs("0123456789abcdef torn by a power c", f);
        fclose(f);
        i = idempotency_new(folder, 3000);
        assert_int_equal(idempotency_last(i), 7);
        assert_true(idempotency_knows(i, 7));
        assert_false(idempotency_knows(i, 8));
        assert_int_equal(idempotency_begin(i, "done", "POST /x", 3000, &ticket), IDEMPOTENCY_DONE);
        assert_int_equal(ticket, 7);
        assert_int_equal(idempotency_begin(i, "done", "POST /y", 3000, &ticket), IDEMPOTENCY_REUSED);
        assert_int_equal(idempotency_begin(i, "begun", "POST /x", 3000, &ticket), IDEMPOTENCY_UNKNOWN);
        assert_int_equal(idempotency_begin(i, "reserved", "POST /x", 3000, &ticket), IDEMPOTENCY_NEW);
        idempotency_free(i);

        i = idempotency_new(folder, 1000 + IDEMPOTENCY_KEEP_MS); /* a day later */
        assert_int_equal(idempotency_begin(i, "done", "POST /z", 1000 + IDEMPOTENCY_KEEP_MS, &ticket), IDEMPOTENCY_NEW);
        assert_int_equal(idempotency_begin(i, "begun", "POST /x", 1999 + IDEMPOTENCY_KEEP_MS, &ticket), IDEMPOTENCY_UNKNOWN);
        idempotency_free(i);

        i = idempotency_new("/nothere", 1000);
        assert_int_equal(idempotency_begin(i, "k", "POST /x", 1000, &ticket), IDEMPOTENCY_NEW);
        assert_int_equal(idempotency_keep(i, "k"), -ENOENT);
        idempotency_free(i);
}

static void remove_folder(void)
{
        char path[96];
        snprintf(path, sizeof path, "%s/tokens", folder);
        (void)unlink(path);
        assert_int_equal(rmdir(folder), 0);
}

static void test_tokens_outlive_a_restart(void **state)
{
        struct tokens *t;
        char viewer[TOKEN_TEXT_SIZE], operator_[TOKEN_TEXT_SIZE], name[TOKEN_NAME_SIZE], before[ETAG_SIZE], after[ETAG_SIZE];

        (void)state;
        make_folder();
        assert_int_equal(tokens_open(folder, &t), 0);
        tokens_revision(t, before);
        assert_int_equal(tokens_create(t, "v", ACCESS_VIEWER, viewer), 0);
        assert_int_equal(tokens_create(t, "o", ACCESS_OPERATOR, operator_), 0);
        assert_int_equal(tokens_create(t, "o", ACCESS_OPERATOR, operator_), -EEXIST);
        assert_int_equal(tokens_create(t, "", ACCESS_VIEWER, viewer), -EINVAL);
        assert_int_equal(tokens_create(t, "a/b", ACCESS_VIEWER, viewer), -EINVAL);
        tokens_revision(t, after);
        assert_string_not_equal(before, after);
        tokens_free(t);
        assert_int_equal(tokens_open(folder, &t), 0);
        tokens_revision(t, before);
        assert_string_equal(before, after);
        assert_int_equal(tokens_check(t, viewer, name), ACCESS_VIEWER);
        assert_string_equal(name, "v");
        assert_int_equal(tokens_check(t, operator_, name), ACCESS_OPERATOR);
        assert_int_equal(tokens_check(t, "", name), ACCESS_PUBLIC);
        viewer[10] = viewer[10] == '0' ? '1' : '0';
        assert_int_equal(tokens_check(t, viewer, name), ACCESS_PUBLIC);
        assert_int_equal(tokens_revoke(t, "o"), 0);
        assert_int_equal(tokens_revoke(t, "o"), -ENOENT);
        assert_int_equal(tokens_check(t, operator_, name), ACCESS_PUBLIC);
        tokens_free(t);
        remove_folder();
}

/* What could not be made durable is not in force. */
static void test_a_disk_that_fails(void **state)
{
        struct tokens *t;
        char secret[TOKEN_TEXT_SIZE] = "untouched", kept[TOKEN_TEXT_SIZE], name[TOKEN_NAME_SIZE];

        (void)state;
        make_folder();
        assert_int_equal(tokens_open(folder, &t), 0);
        assert_int_equal(tokens_create(t, "kept", ACCESS_VIEWER, kept), 0);
        assert_int_equal(chmod(folder, 0500), 0);
        setenv("NBDD_FAULT_STATEFILE", "fsync:1", 1);
        int r = tokens_create(t, "lost", ACCESS_OPERATOR, secret);
        unsetenv("NBDD_FAULT_STATEFILE");
        assert_int_equal(chmod(folder, 0700), 0);
        assert_true(r < 0);
        assert_string_equal(secret, "untouched");
        assert_int_equal(tokens_check(t, kept, name), ACCESS_VIEWER);
        json_t *list = tokens_json(t);
        assert_int_equal(json_array_size(list), 1);
        json_decref(list);
        tokens_free(t);
        remove_folder();
}

static void test_a_torn_file_is_not_used(void **state)
{
        struct tokens *t;
        char path[96], secret[TOKEN_TEXT_SIZE];

        (void)state;
        make_folder();
        assert_int_equal(tokens_open(folder, &t), 0);
        assert_int_equal(tokens_create(t, "x", ACCESS_VIEWER, secret), 0);
        tokens_free(t);
        snprintf(path, sizeof path, "%s/tokens", folder);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(truncate(path, st.st_size - 3), 0);
        assert_int_equal(tokens_open(folder, &t), 0);
        assert_int_equal(tokens_error(t), -EBADMSG);
        assert_int_equal(tokens_create(t, "y", ACCESS_VIEWER, secret), -EBADMSG); /* nor overwritten */
        tokens_free(t);
        remove_folder();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_a_burst_and_then_a_rate), cmocka_unit_test(test_wrong_tokens_cost_more),
            cmocka_unit_test(test_a_key_is_good_once),      cmocka_unit_test(test_keys_are_kept_and_bounded),
                cmocka_unit_test(test_keys_survive_a_restart),
            cmocka_unit_test(test_tokens_outlive_a_restart), cmocka_unit_test(test_a_disk_that_fails),
            cmocka_unit_test(test_a_torn_file_is_not_used),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
