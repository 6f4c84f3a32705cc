/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allow lists and settings: what is understood, what is refused and why, who passes. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nbdd/settings.h"

static bool passes(const char *list, const char *address, const char *cn, const char *psk)
{
        struct allow_list l;
        char reason[256];
        struct client_identity client = {.address = net_address_of(address), .tls = *cn || *psk};

        (void)snprintf(client.cn, sizeof client.cn, "%s", cn);
        (void)snprintf(client.psk, sizeof client.psk, "%s", psk);
        if (allow_parse(list, &l, reason, sizeof reason) < 0)
                fail_msg("%s", reason);
        bool r = allow_passes(&l, &client);
        allow_release(&l);
        return r;
}

static void networks(void **state)
{
        (void)state;
        assert_true(passes("", "192.0.2.1:5", "", ""));
        assert_true(passes("  ", "192.0.2.1:5", "", ""));
        assert_true(passes("192.0.2.1", "192.0.2.1:5", "", ""));
        assert_false(passes("192.0.2.1", "192.0.2.2:5", "", ""));
        assert_true(passes("10.0.0.0/8, 192.0.2.0/25", "192.0.2.127:5", "", ""));
        assert_false(passes("10.0.0.0/8, 192.0.2.0/25", "192.0.2.128:5", "", ""));
        assert_true(passes("0.0.0.0/0", "1.2.3.4:5", "", ""));
        assert_false(passes("0.0.0.0/0", "[2001:db8::1]:5", "", ""));
        assert_true(passes("2001:db8::/33", "[2001:db8:7fff::1]:5", "", ""));
        assert_false(passes("2001:db8::/33", "[2001:db8:8000::1]:5", "", ""));
        assert_true(passes("fe80::/10", "[fe80::1%eth0]:5", "", ""));
        assert_true(passes("192.0.2.1", "[::ffff:192.0.2.1]:5", "", ""));
        assert_false(passes("0.0.0.0/0, ::/0", "unix", "", "")); /* what has no address is in no network */
}

static void identities(void **state)
{
        (void)state;
        assert_true(passes("cn=node-a", "192.0.2.1:5", "node-a", ""));
        assert_false(passes("cn=node-a", "192.0.2.1:5", "", "node-a"));
        assert_false(passes("cn=node-a", "192.0.2.1:5", "", ""));
        assert_true(passes("cn=node-a, psk=backup", "192.0.2.1:5", "", "backup"));
        assert_true(passes("192.0.2.0/24, psk=backup", "192.0.2.1:5", "", "backup"));
        assert_false(passes("192.0.2.0/24, psk=backup", "192.0.2.1:5", "", "")); /* both kinds are asked for */
        assert_false(passes("192.0.2.0/24, psk=backup", "192.0.3.1:5", "", "backup"));
        assert_true(passes("tls", "192.0.2.1:5", "", "backup"));
        assert_false(passes("tls", "192.0.2.1:5", "", ""));
        assert_true(passes("tls, 192.0.2.0/24", "192.0.2.1:5", "anybody", ""));
        assert_false(passes("tls, 192.0.2.0/24", "192.0.2.1:5", "", ""));
        assert_true(passes("cn=Node A of the cluster", "192.0.2.1:5", "Node A of the cluster", ""));
}

static void what_is_refused_says_why(void **state)
{
        (void)state;
        static const struct {
                const char *text, *words;
        } cases[] = {
            {"10.0.0.0/33", "0 to 32"}, {"10.0.0.0/", "0 to 32"}, {"::/129", "0 to 128"}, {"10.0.0.1/8", "behind its prefix"},
            {"example.org", "neither an address"}, {"10.0.0.0/8,,::1", "\"10.0.0.0/8,,::1\" has an empty entry"}, {"cn=", "nobody"}, {"10.0.0.0/8x", "0 to 32"},
            {",", "has an empty entry"}, {"psk", "neither an address"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct allow_list l;
                char reason[256] = "";
                assert_int_equal(allow_parse(cases[i].text, &l, reason, sizeof reason), -EINVAL);
                if (!strstr(reason, cases[i].words))
                        fail_msg("\"%s\": %s", cases[i].text, reason);
        }
}

static void settings(void **state)
{
        (void)state;
        struct export_settings s;
        char reason[256];

        assert_int_equal(settings_init(&s), 0);
        assert_int_equal(settings_set(&s, "aliases", "  one,two\tthree ", reason, sizeof reason), 0);
        assert_string_equal(s.aliases, "one two three");
        assert_true(settings_has_alias(&s, "two", 3));
        assert_false(settings_has_alias(&s, "tw", 2));
        assert_false(settings_has_alias(&s, "one two", 7));
        assert_int_equal(settings_set(&s, "aliases", "0x12", reason, sizeof reason), -EINVAL);
        assert_non_null(strstr(reason, "letter"));
        assert_string_equal(s.aliases, "one two three"); /* as it was */
        assert_int_equal(settings_set(&s, "aliases", "a b c d e f g h i", reason, sizeof reason), -EINVAL);
        assert_int_equal(settings_set(&s, "writers", "fence", reason, sizeof reason), 0);
        assert_int_equal(s.writers, WRITERS_FENCE);
        assert_int_equal(settings_set(&s, "writers", "all", reason, sizeof reason), -EINVAL);
        assert_int_equal(settings_set(&s, "description", "two\nlines", reason, sizeof reason), -EINVAL);
        assert_int_equal(settings_set(&s, "description", "\xff", reason, sizeof reason), -EINVAL);
        assert_int_equal(settings_set(&s, "colour", "red", reason, sizeof reason), -EINVAL);
        settings_release(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(networks),
            cmocka_unit_test(identities),
            cmocka_unit_test(what_is_refused_says_why),
            cmocka_unit_test(settings),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
