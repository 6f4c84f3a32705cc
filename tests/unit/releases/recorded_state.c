/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/releases/recorded.h"

#include "base/statefile.h"
#include "hamon/api/config_store.h"
#include "hamon/api/event_file.h"
#include "hamon/api/tokens.h"
#include "hamon/driver/acceptor_codec.h"
#include "hamon/verify/run_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct uuid leg_a = {{0xa, 3}}, leg_b = {{0xb, 4}};

/* ---- an acceptor's promise ---- */

static int put_acceptor(const struct acceptor_state *a, const char *path)
{
        char *text;
        int r = acceptor_encode(a, &text);
        if (r == 0) {
                r = statefile_write(path, ACCEPTOR_OWNER, ACCEPTOR_VERSION, text, strlen(text));
                free(text);
        }
        return r;
}

static int write_acceptor(unsigned which, const char *path)
{
        (void)which;
        const struct acceptor_state a = {
            .voter = {{1, 2, 3}},
            .promised = {.n = UINT64_MAX, .node = 1, .start = UINT64_C(0x8000000000000001)},
            .accepted = {.n = 7, .node = 0, .start = 9},
            .value = {.version = 12, .epoch = 3, .primary = 1, .primary_boot = {{4}}, .maintenance_until_s = 1767225600, .voters_generation = 2, .change = {{5}},
                      .legs = {{.uuid = leg_a, .in_sync = true}, {.uuid = leg_b, .inconsistent = true, .doubtful = true}}, .voters = {{{1}}, {{2}}, {{3}}}},
            .seen = {[2] = {.voter = {{3}}, .accepted = {.n = 6, .node = 1, .start = 3}}},
        };
        return put_acceptor(&a, path);
}

static int rewrite_acceptor(unsigned which, const char *from, const char *to)
{
        (void)which;
        unsigned version;
        char *text;
        size_t size;
        struct acceptor_state a;
        int r = statefile_read(from, ACCEPTOR_OWNER, ACCEPTOR_VERSION, &version, &text, &size);
        if (r < 0)
                return r;
        r = acceptor_decode(text, size, &a);
        free(text);
        return r < 0 ? r : put_acceptor(&a, to);
}

/* ---- a configuration that waits: FILE.next ---- */

static int put_next(const struct config_next *n, const char *path)
{
        char base[4096], next[4096 + 8];
        (void)snprintf(base, sizeof base, "%s.conf", path);
        (void)snprintf(next, sizeof next, "%s.next", base);
        int r = config_store_prepare(base, n);
        return r < 0 ? r : rename(next, path) < 0 ? -errno : 0;
}

static int write_next(unsigned which, const char *path)
{
        (void)which;
        const struct config_next n = {.version = 5, .hash = "0123456789abcdef", .by = "node-a", .text = (char *)"[cluster]\nname = demo\nversion = 5\n"};
        return put_next(&n, path);
}

static int rewrite_next(unsigned which, const char *from, const char *to)
{
        (void)which;
        uint8_t *bytes;
        size_t size;
        char base[4096], next[4096 + 8];
        struct config_next n;
        int r = recorded_get(from, &bytes, &size);
        if (r < 0)
                return r;
        (void)snprintf(base, sizeof base, "%s.read", to);
        (void)snprintf(next, sizeof next, "%s.next", base);
        r = recorded_put(next, bytes, size);
        free(bytes);
        if (r == 0)
                r = config_store_next(base, &n);
        (void)unlink(next);
        if (r == 0) {
                r = put_next(&n, to);
                config_next_release(&n);
        }
        return r;
}

/* ---- a comparison's memory ---- */

static int write_verify(unsigned which, const char *path)
{
        (void)which;
        const struct verify_memory m = {
            .since_s = 1764400000,
            .leg = {leg_a, leg_b},
            .last = {.state = VERIFY_DIFFERS, .scheduled = true, .node = 1, .leg = {leg_a, leg_b}, .began_s = 1764400100, .ended_s = 1764400200, .size_bytes = 1 << 20,
                     .position_bytes = 1 << 20, .differing = 3, .ranges = 2, .range = {{4096, 8192}, {65536, 4096}}},
            .run = {.state = VERIFY_PAUSED, .leg = {leg_a, leg_b}, .began_s = 1764400300, .pause_until_s = 1764400400, .size_bytes = 1 << 20, .position_bytes = 65536,
                    .why = "somebody paused it"},
        };
        return verify_memory_write(path, &m);
}

static int rewrite_verify(unsigned which, const char *from, const char *to)
{
        (void)which;
        struct verify_memory m;
        int r = verify_memory_read(from, &m);
        return r < 0 ? r : verify_memory_write(to, &m);
}

/* ---- tokens: made of random bytes, so this one is of the first release, and what counts is that its secret still opens ---- */

#define SECRET "hamon_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int write_tokens(unsigned which, const char *path)
{
        (void)which;
        static const char text[] = "[{\"name\":\"backup\",\"role\":\"operator\",\"hash\":\"3877cf63c53d3e0d5e281b513dda6b0e29d2058bdac03304219c3529c52908ad\",\"created\":1764400000}]";
        return statefile_write(path, "hamon-tokens", 1, text, sizeof text - 1);
}

static int rewrite_tokens(unsigned which, const char *from, const char *to)
{
        (void)which;
        char folder[4096], file[4096 + 8], name[TOKEN_NAME_SIZE] = "";
        uint8_t *bytes;
        size_t size;
        struct tokens *t;
        int r = recorded_get(from, &bytes, &size);
        if (r < 0)
                return r;
        (void)snprintf(folder, sizeof folder, "%s", to);
        *strrchr(folder, '/') = '\0';
        (void)snprintf(file, sizeof file, "%s/tokens", folder);
        r = recorded_put(file, bytes, size);
        if (r == 0)
                r = tokens_open(folder, &t);
        if (r == 0) {
                r = tokens_error(t);
                if (r == 0 && (tokens_check(t, SECRET, name) != ACCESS_OPERATOR || strcmp(name, "backup") != 0))
                        r = -EACCES;
                tokens_free(t);
        }
        (void)unlink(file);
        if (r == 0)
                r = recorded_put(to, bytes, size);
        free(bytes);
        return r;
}

/* ---- events ---- */

static int put_event(const struct event_entry *e, const char *path)
{
        char *line = event_line_encode(e);
        int r = line ? recorded_put(path, line, strlen(line)) : -ENOMEM;
        free(line);
        return r;
}

static int write_event(unsigned which, const char *path)
{
        (void)which;
        const struct event_entry e = {.id = 41, .wall_ms = 1764400000123, .boot_ms = 99, .code = "node-up", .severity = SEVERITY_INFO, .mirror = "data", .node = "node-b", .number = 3,
                                      .sentence = "node-b is heard", .log = "0123456789abcdef"};
        return put_event(&e, path);
}

static int rewrite_event(unsigned which, const char *from, const char *to)
{
        (void)which;
        uint8_t *line;
        size_t size;
        struct event_entry e;
        int r = recorded_get(from, &line, &size);
        if (r < 0)
                return r;
        r = event_line_decode((const char *)line, size, &e) ? put_event(&e, to) : -EBADMSG;
        free(line);
        return r;
}

const struct recorded recorded_state[] = {
    {"acceptor", 0, write_acceptor, rewrite_acceptor},
    {"config-next", 0, write_next, rewrite_next},
    {"verify", 0, write_verify, rewrite_verify},
    {"tokens", 0, write_tokens, rewrite_tokens},
    {"event", 0, write_event, rewrite_event},
    {0},
};
