/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The envelope: what is sealed opens unchanged; one changed bit, another key, cluster or version is refused by its kind. */
#include "tests/unit/cmocka_all.h"

#include "hamon/net/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct uuid cluster = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const struct seal_envelope envelope = {
        .from = 0, .to = 1, .cluster = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}, .start = 77, .sequence = 5, .challenge = 11, .echo = 12};

static struct seal *seal_of(uint8_t fill)
{
        uint8_t key[SEAL_KEY_BYTES];
        struct seal *s;
        memset(key, fill, sizeof key);
        assert_int_equal(seal_new(key, &s), 0);
        return s;
}

static enum seal_verdict open_with(struct seal *s, const struct uuid *c, const uint8_t *d, size_t n, struct seal_envelope *e)
{
        const uint8_t *payload;
        size_t size;
        return seal_open(s, c, d, n, e, &payload, &size);
}

static void test_round_trip(void **state)
{
        (void)state;
        struct seal *s = seal_of(7);
        uint8_t d[SEAL_DATAGRAM_MAX];
        struct seal_envelope e;
        const uint8_t *payload;
        size_t size;
        int n = seal_close(s, &envelope, "hello", 5, d);
        assert_int_equal(n, SEAL_HEADER_BYTES + 5 + SEAL_MAC_BYTES);
        assert_int_equal(seal_open(s, &cluster, d, (size_t)n, &e, &payload, &size), SEAL_OK);
        assert_int_equal(size, 5);
        assert_memory_equal(payload, "hello", 5);
        assert_int_equal(e.from, 0);
        assert_int_equal(e.to, 1);
        assert_int_equal(e.start, 77);
        assert_int_equal(e.sequence, 5);
        assert_int_equal(e.challenge, 11);
        assert_int_equal(e.echo, 12);
        n = seal_close(s, &envelope, NULL, 0, d); /* and again with the same handle: a hello */
        assert_int_equal(seal_open(s, &cluster, d, (size_t)n, &e, &payload, &size), SEAL_OK);
        assert_int_equal(size, 0);
        seal_free(s);
}

/* While the key changes: what the second key sealed is opened, and nothing is sealed with it. */
static void test_a_second_key_opens(void **state)
{
        (void)state;
        struct seal *both = seal_of(7), *other = seal_of(8), *old = seal_of(7);
        uint8_t key[SEAL_KEY_BYTES], d[SEAL_DATAGRAM_MAX];
        struct seal_envelope e;
        memset(key, 8, sizeof key);
        int n = seal_close(other, &envelope, "hello", 5, d);
        assert_int_equal(open_with(both, &cluster, d, (size_t)n, &e), SEAL_BAD_KEY);
        assert_int_equal(seal_accept_also(both, key), 0);
        assert_int_equal(open_with(both, &cluster, d, (size_t)n, &e), SEAL_OK);
        d[n - 1] ^= 1;
        assert_int_equal(open_with(both, &cluster, d, (size_t)n, &e), SEAL_BAD_KEY);
        n = seal_close(both, &envelope, "hello", 5, d);
        assert_int_equal(open_with(old, &cluster, d, (size_t)n, &e), SEAL_OK);
        assert_int_equal(open_with(other, &cluster, d, (size_t)n, &e), SEAL_BAD_KEY);
        seal_free(both);
        seal_free(other);
        seal_free(old);
}

static void test_every_changed_bit_is_refused(void **state)
{
        (void)state;
        struct seal *s = seal_of(7);
        uint8_t d[SEAL_DATAGRAM_MAX];
        struct seal_envelope e;
        int n = seal_close(s, &envelope, "payload", 7, d);
        for (int bit = 0; bit < n * 8; bit++) {
                d[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_int_not_equal(open_with(s, &cluster, d, (size_t)n, &e), SEAL_OK);
                d[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (int size = 0; size < n; size++)
                assert_int_not_equal(open_with(s, &cluster, d, (size_t)size, &e), SEAL_OK);
        assert_int_equal(open_with(s, &cluster, d, (size_t)n, &e), SEAL_OK);
        seal_free(s);
}

static void test_kinds(void **state)
{
        (void)state;
        struct seal *s = seal_of(7), *other = seal_of(8);
        struct uuid elsewhere = {{9}};
        uint8_t d[SEAL_DATAGRAM_MAX];
        struct seal_envelope e = {.from = 99};
        int n = seal_close(s, &envelope, "x", 1, d);
        assert_int_equal(open_with(other, &cluster, d, (size_t)n, &e), SEAL_BAD_KEY);
        assert_int_equal(open_with(s, &elsewhere, d, (size_t)n, &e), SEAL_OTHER_CLUSTER);
        d[5] = SEAL_VERSION + 1;
        assert_int_equal(open_with(s, &cluster, d, (size_t)n, &e), SEAL_NEWER);
        d[5] = 0;
        assert_int_equal(open_with(s, &cluster, d, (size_t)n, &e), SEAL_OLDER);
        d[0] = 'X';
        assert_int_equal(open_with(s, &cluster, d, (size_t)n, &e), SEAL_MALFORMED);
        assert_int_equal(e.from, 99); /* outputs untouched by refusals */
        seal_free(s);
        seal_free(other);
}

static void test_size_limit(void **state)
{
        (void)state;
        struct seal *s = seal_of(7);
        uint8_t d[SEAL_DATAGRAM_MAX], payload[SEAL_PAYLOAD_MAX + 1] = {0};
        struct seal_envelope e;
        assert_int_equal(seal_close(s, &envelope, payload, sizeof payload, d), -EMSGSIZE);
        int n = seal_close(s, &envelope, payload, SEAL_PAYLOAD_MAX, d);
        assert_int_equal(n, SEAL_DATAGRAM_MAX);
        assert_int_equal(open_with(s, &cluster, d, (size_t)n, &e), SEAL_OK);
        seal_free(s);
}

static void test_key_file(void **state)
{
        (void)state;
        char path[] = "/tmp/hamon-key-XXXXXX", name[64];
        uint8_t a[SEAL_KEY_BYTES], b[SEAL_KEY_BYTES];
        struct stat st;
        assert_non_null(mkdtemp(path));
        (void)snprintf(name, sizeof name, "%s/key", path);
        assert_int_equal(seal_key_load(name, a), -ENOENT);
        assert_int_equal(seal_key_generate(name), 0);
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(seal_key_load(name, a), 0);
        assert_int_equal(seal_key_generate(name), -EEXIST);
        assert_int_equal(seal_key_load(name, b), 0);
        assert_memory_equal(a, b, sizeof a);
        char also[80];
        const char *which;
        assert_int_equal(seal_key_also(name, also, 8), -ENAMETOOLONG);
        assert_int_equal(seal_key_also(name, also, sizeof also), 0);
        assert_int_equal(seal_key_swap(name, also, &which), -ENOENT);
        assert_string_equal(which, also);
        assert_int_equal(seal_key_generate(also), 0);
        assert_int_equal(seal_key_load(also, b), 0);
        assert_int_equal(seal_key_swap(name, also, &which), 0);
        uint8_t now[SEAL_KEY_BYTES];
        assert_int_equal(seal_key_load(name, now), 0);
        assert_memory_equal(now, b, sizeof now);
        assert_int_equal(seal_key_load(also, now), 0);
        assert_memory_equal(now, a, sizeof now);
        assert_int_equal(truncate(also, 63), 0); /* what is no key never takes the place of one */
        assert_int_equal(seal_key_swap(name, also, &which), -EBADMSG);
        assert_int_equal(seal_key_load(name, now), 0);
        assert_memory_equal(now, b, sizeof now);
        assert_int_equal(unlink(also), 0);
        int fd = open(name, O_WRONLY | O_APPEND);
        assert_int_equal(write(fd, "0", 1), 1); /* one digit too many */
        close(fd);
        assert_int_equal(seal_key_load(name, b), -EBADMSG);
        assert_int_equal(truncate(name, 63), 0);
        assert_int_equal(seal_key_load(name, b), -EBADMSG);
        unlink(name);
        rmdir(path);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_a_second_key_opens),
                cmocka_unit_test(test_every_changed_bit_is_refused), cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_size_limit), cmocka_unit_test(test_key_file),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
