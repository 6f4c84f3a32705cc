/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TLS sessions over byte slices: who gets in, who does not and why, and that not a byte past a record is asked for. */
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "net/psk.h"
#include "net/tls.h"
#include "tests/unit/nbdd/corpus.h"
#include "tests/unit/net/pki.h"

static char folder[] = "/tmp/test-tls-XXXXXX";
static char reason[256];

static const char *in(const char *name)
{
        static char path[8][256];
        static unsigned next;
        char *p = path[next++ % 8];
        (void)snprintf(p, sizeof path[0], "%s/%s", folder, name);
        return p;
}

static void put(const char *name, const char *text, mode_t mode)
{
        FILE *f = fopen(in(name), "w");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0 && fclose(f) == 0 && chmod(in(name), mode) == 0);
}

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int setup(void **state)
{
        (void)state;
        assert_non_null(mkdtemp(folder));
        put("psk", "alice:" KEY_A "\nbob:" KEY_B "\n", 0600);
        put("alice", "alice:" KEY_A "\n", 0600);
        put("false-alice", "alice:" KEY_B "\n", 0600);
        put("eve", "eve:" KEY_B "\n", 0600);
        struct pki *ca = pki_new(in("ca.pem")), *other = pki_new(in("other-ca.pem"));
        pki_issue(ca, NULL, "server.example", in("server.pem"), in("server.key"));
        pki_issue(ca, "carol", "carol.example", in("carol.pem"), in("carol.key"));
        pki_issue(ca, NULL, "dave.example", in("dave.pem"), in("dave.key"));
        pki_issue(ca, NULL, NULL, in("nobody.pem"), in("nobody.key"));
        pki_issue(other, "carol", NULL, in("mallory.pem"), in("mallory.key"));
        pki_free(ca);
        pki_free(other);
        return 0;
}

static int teardown(void **state)
{
        char command[300];
        (void)state;
        (void)snprintf(command, sizeof command, "rm -rf %s", folder);
        return system(command);
}

/* Moves bytes, `step` at most at a time, until nothing moves. Returns how many. */
static size_t move(struct tls *from, struct tls *to, size_t step)
{
        size_t total = 0, have, room;
        for (;;) {
                const uint8_t *data = tls_output(from, &have);
                uint8_t *where = tls_room(to, &room);
                size_t n = have < room ? have : room;
                n = n < step ? n : step;
                if (n == 0)
                        return total;
                memcpy(where, data, n);
                tls_received(to, n);
                tls_sent(from, n);
                total += n;
                if (step < TLS_RECORD_BYTES_MAX)
                        return total;
        }
}

struct pair {
        struct tls_keys *server_keys, *client_keys;
        struct tls *server, *client;
        int server_result, client_result;
};

static void load(struct pair *p, const struct tls_files *server, const struct tls_files *client)
{
        *p = (struct pair){.server_result = -EAGAIN, .client_result = -EAGAIN};
        if (tls_keys_load(TLS_SERVER, server, &p->server_keys, reason, sizeof reason) < 0 ||
            tls_keys_load(TLS_CLIENT, client, &p->client_keys, reason, sizeof reason) < 0)
                fail_msg("%s", reason);
        assert_int_equal(tls_new(p->server_keys, &p->server), 0);
        assert_int_equal(tls_new(p->client_keys, &p->client), 0);
}

static void shake(struct pair *p, size_t step)
{
        for (int idle = 0; idle < 3; idle++) {
                if (p->client_result == -EAGAIN)
                        p->client_result = tls_handshake(p->client);
                if (move(p->client, p->server, step) > 0)
                        idle = 0;
                if (p->server_result == -EAGAIN)
                        p->server_result = tls_handshake(p->server);
                if (move(p->server, p->client, step) > 0)
                        idle = 0;
        }
}

static void drop(struct pair *p)
{
        tls_free(p->server);
        tls_free(p->client);
        tls_keys_free(p->server_keys);
        tls_keys_free(p->client_keys);
}

static void greet(const struct tls_files *server, const struct tls_files *client, size_t step, const char *identity, bool is_psk)
{
        struct pair p;
        load(&p, server, client);
        shake(&p, step);
        if (p.client_result || p.server_result)
                fail_msg("client %d (%s), server %d (%s)", p.client_result, tls_reason(p.client), p.server_result, tls_reason(p.server));
        assert_string_equal(tls_identity(p.server), identity);
        assert_int_equal(tls_is_psk(p.server), is_psk);
        drop(&p);
}

static const char *x(const char *name)
{
        return in(name);
}

static void the_right_key_gets_in(void **state)
{
        (void)state;
        greet(&(struct tls_files){.psk = x("psk")}, &(struct tls_files){.psk = x("alice")}, SIZE_MAX, "alice", true);
        greet(&(struct tls_files){.psk = x("psk")}, &(struct tls_files){.psk = x("psk"), .identity = "bob"}, 1, "bob", true);
}

static void certificates_get_in_by_name(void **state)
{
        (void)state;
        const struct tls_files server = {.ca = x("ca.pem"), .certificate = x("server.pem"), .key = x("server.key")};
        greet(&server,
              &(struct tls_files){.ca = server.ca, .certificate = x("carol.pem"), .key = x("carol.key"), .hostname = "server.example"}, 7,
              "carol", false);
        greet(&server,
              &(struct tls_files){.ca = server.ca, .certificate = x("dave.pem"), .key = x("dave.key"), .hostname = "server.example"},
              SIZE_MAX, "dave.example", false);
}

static void one_server_takes_both_kinds(void **state)
{
        (void)state;
        const struct tls_files server = {.psk = x("psk"), .ca = x("ca.pem"), .certificate = x("server.pem"), .key = x("server.key")};
        greet(&server,
              &(struct tls_files){.ca = server.ca, .certificate = x("carol.pem"), .key = x("carol.key"), .hostname = "server.example"},
              SIZE_MAX, "carol", false);
        greet(&server, &(struct tls_files){.psk = x("alice")}, SIZE_MAX, "alice", true);
}

static void refuse(const struct tls_files *server, const struct tls_files *client, const char *server_says, const char *client_says)
{
        struct pair p;
        load(&p, server, client);
        shake(&p, SIZE_MAX);
        /* TLS 1.3: a client may be through before the server has looked at its certificate. The server's word counts. */
        if (p.client_result == 0)
                p.client_result = (int)tls_read(p.client, reason, 1);
        if (server_says)
                assert_true(p.server_result < 0 && p.server_result != -EAGAIN);
        assert_true(p.client_result < 0 && p.client_result != -EAGAIN);
        if (server_says && !strstr(tls_reason(p.server), server_says))
                fail_msg("the server says: %s", tls_reason(p.server));
        if (client_says && !strstr(tls_reason(p.client), client_says))
                fail_msg("the client says: %s", tls_reason(p.client));
        drop(&p);
}

static void wrong_keys_stay_out(void **state)
{
        (void)state;
        const struct tls_files server = {.psk = x("psk")};
        refuse(&server, &(struct tls_files){.psk = x("false-alice")}, "key is another one", "the other side refuses");
        refuse(&server, &(struct tls_files){.psk = x("eve")}, "identity is not known", "the other side refuses");
}

static void wrong_certificates_stay_out(void **state)
{
        (void)state;
        const struct tls_files server = {.ca = x("ca.pem"), .certificate = x("server.pem"), .key = x("server.key")};
        refuse(&server, &(struct tls_files){.ca = server.ca, .certificate = x("mallory.pem"), .key = x("mallory.key"), .hostname = "server.example"},
               "certificate", "the other side refuses");
        refuse(&server, &(struct tls_files){.ca = server.ca, .hostname = "server.example"}, "shows neither", "the other side refuses");
        refuse(&server, &(struct tls_files){.ca = server.ca, .certificate = x("nobody.pem"), .key = x("nobody.key"), .hostname = "server.example"},
               "no usable name", NULL);
}

static void a_server_must_prove_itself(void **state)
{
        (void)state;
        const struct tls_files server = {.ca = x("ca.pem"), .certificate = x("server.pem"), .key = x("server.key")};
        refuse(&server,
               &(struct tls_files){.ca = x("other-ca.pem"), .certificate = x("mallory.pem"), .key = x("mallory.key"), .hostname = "server.example"},
               NULL, "NOT trusted");
        refuse(&server,
               &(struct tls_files){.ca = server.ca, .certificate = x("carol.pem"), .key = x("carol.key"), .hostname = "other.example"}, NULL,
               "name");
}

static void what_is_not_tls_ends_at_once(void **state)
{
        static const char *const junk[] = {"IHAVEOPT\0\0\0\7\0\0\0\0", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff\1"};
        (void)state;
        for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
                struct pair p;
                size_t room;
                load(&p, &(struct tls_files){.psk = x("psk")}, &(struct tls_files){.psk = x("alice")});
                memset(tls_room(p.server, &room), 0xff, 5);
                memcpy(tls_room(p.server, &room), junk[i], 5);
                assert_int_equal(room, 5);
                tls_received(p.server, 5);
                assert_int_equal(tls_handshake(p.server), i == 0 || i == 2 ? -EPROTO : p.server_result);
                drop(&p);
        }
}

static void open_pair(struct pair *p)
{
        load(p, &(struct tls_files){.psk = x("psk")}, &(struct tls_files){.psk = x("alice")});
        shake(p, SIZE_MAX);
        assert_int_equal(p->server_result | p->client_result, 0);
}

static void data_comes_through_in_both_modes(void **state)
{
        (void)state;
        for (int bulk = 0; bulk < 2; bulk++) {
                struct pair p;
                static uint8_t sent[300000], got[sizeof sent];
                struct iovec iov[3] = {{sent, 5}, {sent + 5, 100000}, {sent + 100005, sizeof sent - 100005}};
                size_t have = 0;
                for (size_t i = 0; i < sizeof sent; i++)
                        sent[i] = (uint8_t)(i * 7 + i / 251);
                open_pair(&p);
                if (bulk)
                        assert_int_equal(tls_bulk(p.server), 0);
                ssize_t n = tls_write(p.client, iov, 3);
                assert_true(n >= (ssize_t)TLS_OUTPUT_BYTES && n < (ssize_t)sizeof sent); /* bounded */
                while (have < (size_t)n) {
                        move(p.client, p.server, SIZE_MAX);
                        ssize_t r = tls_read(p.server, got + have, sizeof got - have);
                        assert_true(r > 0);
                        have += (size_t)r;
                }
                assert_memory_equal(sent, got, have);
                assert_int_equal(tls_read(p.server, got, 1), -EAGAIN);
                drop(&p);
        }
}

static void a_changed_record_ends_the_session(void **state)
{
        struct pair p;
        size_t have, room;
        char byte;
        (void)state;
        open_pair(&p);
        assert_int_equal(tls_write(p.client, &(struct iovec){(void *)"abc", 3}, 1), 3);
        const uint8_t *data = tls_output(p.client, &have);
        uint8_t *to = tls_room(p.server, &room);
        memcpy(to, data, 5);
        tls_received(p.server, 5);
        to = tls_room(p.server, &room);
        assert_int_equal(room, have - 5); /* to the record's end and no further */
        memcpy(to, data + 5, room);
        to[2] ^= 1;
        tls_received(p.server, room);
        assert_int_equal(tls_read(p.server, &byte, 1), -EPROTO);
        assert_int_equal(tls_read(p.server, &byte, 1), -EPROTO);
        drop(&p);
}

/* On a kernel without TLS nothing changes; on one with it the session works through plain calls. */
static void the_kernel_takes_over_or_says_no(void **state)
{
        struct pair p;
        int s[2];
        (void)state;
        open_pair(&p);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0); /* no TCP: never possible */
        assert_true(tls_to_kernel(p.server, s[0]) < 0);
        assert_false(ktls_is_on(s[0]));
        assert_int_equal(tls_write(p.client, &(struct iovec){(void *)"abc", 3}, 1), 3);
        move(p.client, p.server, SIZE_MAX);
        assert_int_equal(tls_to_kernel(p.server, s[0]), -EPROTO); /* a record is still here */
        char text[3];
        assert_int_equal(tls_read(p.server, text, 3), 3);
        assert_int_equal(tls_bulk(p.server), 0);
        assert_int_equal(tls_to_kernel(p.server, s[0]), -EPROTO);
        (void)close(s[0]);
        (void)close(s[1]);
        int r = ktls_available();
        assert_true(r == 0 || r == -ENOENT);
        int before = open("/dev/null", O_RDONLY);
        ktls_warm_up(); /* with or without the module: nothing is left open */
        assert_int_equal(close(before), 0);
        assert_int_equal(open("/dev/null", O_RDONLY), before);
        assert_int_equal(close(before), 0);
        drop(&p);
}

static void refused_files(const char *says, enum tls_side side, const struct tls_files *f)
{
        struct tls_keys *k = NULL;
        assert_true(tls_keys_load(side, f, &k, reason, sizeof reason) < 0);
        assert_null(k);
        if (!strstr(reason, says))
                fail_msg("\"%s\" is not in: %s", says, reason);
}

static void files_that_are_wrong_are_refused(void **state)
{
        (void)state;
        put("open", "alice:" KEY_A "\n", 0640);
        put("world", "alice:" KEY_A "\n", 0604);
        put("bad", "alice:" KEY_A "\nbob\n", 0600);
        refused_files("open to others (mode 640); chmod 600", TLS_SERVER, &(struct tls_files){.psk = x("open")});
        refused_files("open to others (mode 604)", TLS_CLIENT, &(struct tls_files){.psk = x("world")});
        refused_files("line 2: no ':'", TLS_SERVER, &(struct tls_files){.psk = x("bad")});
        refused_files("cannot open", TLS_SERVER, &(struct tls_files){.psk = x("none")});
        refused_files("not a regular file", TLS_SERVER, &(struct tls_files){.psk = folder});
        refused_files("name the identity", TLS_CLIENT, &(struct tls_files){.psk = x("psk")});
        refused_files("no key for the identity \"zoe\"", TLS_CLIENT, &(struct tls_files){.psk = x("psk"), .identity = "zoe"});
        refused_files("exclude each other", TLS_CLIENT, &(struct tls_files){.psk = x("alice"), .ca = x("ca.pem"), .hostname = "h"});
        refused_files("belong together", TLS_SERVER, &(struct tls_files){.ca = x("ca.pem"), .certificate = x("server.pem")});
        refused_files("name that the server's", TLS_CLIENT, &(struct tls_files){.ca = x("ca.pem")});
        refused_files("TLS needs", TLS_SERVER, &(struct tls_files){0});
        refused_files("not a certificate and its key", TLS_SERVER,
                      &(struct tls_files){.ca = x("ca.pem"), .certificate = x("server.pem"), .key = x("carol.key")});
        assert_int_equal(chmod(in("carol.key"), 0644), 0);
        refused_files("open to others", TLS_SERVER,
                      &(struct tls_files){.ca = x("ca.pem"), .certificate = x("carol.pem"), .key = x("carol.key")});
        assert_int_equal(chmod(in("carol.key"), 0600), 0);
        refused_files("no certificate of a CA", TLS_CLIENT, &(struct tls_files){.ca = x("alice"), .hostname = "h"});
}

/* A server that asks no client: its key may be its group's to read, and both may be one file. */
static void a_web_server_has_a_certificate_alone(void **state)
{
        const struct tls_files files = {.certificate = x("server.pem"), .key = x("server.key")};
        struct tls_keys *k = NULL;
        int64_t from_s, until_s, now_s = time(NULL);
        (void)state;
        assert_int_equal(chmod(in("server.key"), 0640), 0);
        assert_int_equal(tls_keys_load(TLS_WEB, &files, &k, reason, sizeof reason), 0);
        tls_keys_period(k, &from_s, &until_s);
        assert_true(from_s < now_s && now_s < until_s && until_s < INT64_MAX);
        tls_keys_free(k);
        assert_int_equal(chmod(in("server.key"), 0660), 0);
        refused_files("open to others (mode 660); chmod 640", TLS_WEB, &files);
        assert_int_equal(chmod(in("server.key"), 0644), 0);
        refused_files("open to others (mode 644); chmod 640", TLS_WEB, &files);
        assert_int_equal(chmod(in("server.key"), 0600), 0);
        refused_files("not a certificate and its key", TLS_WEB, &(struct tls_files){.certificate = files.certificate, .key = x("carol.key")});
        refused_files("not a certificate and its key", TLS_WEB, &(struct tls_files){.certificate = x("alice"), .key = files.key});
        refused_files("and nothing else", TLS_WEB, &(struct tls_files){.certificate = files.certificate, .key = files.key, .ca = x("ca.pem")});
        refused_files("needs a certificate and its key", TLS_WEB, &(struct tls_files){.certificate = files.certificate});
}

static void credentials_of_systemd(void **state)
{
        struct tls_keys *k = NULL;
        (void)state;
        put("cred", "alice:" KEY_A "\n", 0440); /* an ACL looks like this */
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
        assert_int_equal(tls_keys_load(TLS_SERVER, &(struct tls_files){.psk = "cred"}, &k, reason, sizeof reason), 0);
        tls_keys_free(k);
        assert_int_equal(chmod(in("cred"), 0444), 0);
        refused_files("open to others", TLS_SERVER, &(struct tls_files){.psk = "cred"});
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        refused_files("cannot open", TLS_SERVER, &(struct tls_files){.psk = "cred"});
}

static void key_files_are_parsed(void **state)
{
        struct psk_table t;
        (void)state;
        static const char text[] = "alice:" KEY_A "\r\n\n#626f62:" KEY_B; /* bob */
        assert_int_equal(psk_parse(text, sizeof text - 1, &t, reason, sizeof reason), 0);
        assert_int_equal(t.count, 2);
        assert_int_equal(psk_find(&t, "bob", 3)->key[0], 0xff);
        assert_null(psk_find(&t, "bo", 2));
        psk_release(&t);
        assert_int_equal(psk_parse("a:00\n", 5, &t, reason, sizeof reason), -EINVAL);
        assert_null(strstr(reason, "00")); /* never quotes a secret */
        assert_int_equal(psk_parse("", 0, &t, reason, sizeof reason), -EINVAL);
        assert_true(corpus_replay("tests/fuzz/corpus/psk") >= 14);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(key_files_are_parsed),
            cmocka_unit_test(the_right_key_gets_in),
            cmocka_unit_test(certificates_get_in_by_name),
            cmocka_unit_test(one_server_takes_both_kinds),
            cmocka_unit_test(wrong_keys_stay_out),
            cmocka_unit_test(wrong_certificates_stay_out),
            cmocka_unit_test(a_server_must_prove_itself),
            cmocka_unit_test(what_is_not_tls_ends_at_once),
            cmocka_unit_test(data_comes_through_in_both_modes),
            cmocka_unit_test(a_changed_record_ends_the_session),
            cmocka_unit_test(the_kernel_takes_over_or_says_no),
            cmocka_unit_test(files_that_are_wrong_are_refused),
            cmocka_unit_test(a_web_server_has_a_certificate_alone),
            cmocka_unit_test(credentials_of_systemd),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
