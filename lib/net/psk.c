/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/psk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Bytes, or -1: not hex, an odd number of digits, or more than `size` bytes. */
static ssize_t unhex(const char *text, size_t digits, uint8_t *ret, size_t size)
{
        if (digits % 2 || digits / 2 > size)
                return -1;
        for (size_t i = 0; i < digits; i += 2) {
                int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
                if (high < 0 || low < 0)
                        return -1;
                ret[i / 2] = (uint8_t)(high << 4 | low);
        }
        return (ssize_t)(digits / 2);
}

/* One log line, one configuration line: nothing that is not a visible character or UTF-8. */
static bool identity_is_plain(const char *text, size_t bytes)
{
        for (size_t i = 0; i < bytes; i++)
                if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
                        return false;
        return bytes > 0;
}

/* NULL, or what is wrong with the line. Never quotes it: it may be a secret. */
static const char *parse_line(const char *line, size_t bytes, struct psk *ret)
{
        const char *colon = memchr(line, ':', bytes);
        size_t n = colon ? (size_t)(colon - line) : 0;
        ssize_t size;

        if (!colon)
                return "no ':' between identity and key; expected identity:hexkey, as psktool writes it";
        if (line[0] == '#') {
                size = unhex(line + 1, n - 1, (uint8_t *)ret->identity, sizeof ret->identity - 1);
                if (size < 0)
                        return "the identity behind '#' is not hex, or longer than 127 bytes";
                n = (size_t)size;
        } else if (n < sizeof ret->identity) {
                memcpy(ret->identity, line, n);
        } else {
                return "the identity is longer than 127 bytes";
        }
        ret->identity[n] = '\0';
        if (!identity_is_plain(ret->identity, n))
                return "the identity is empty, or has spaces or control characters";
        size = unhex(colon + 1, bytes - (size_t)(colon + 1 - line), ret->key, sizeof ret->key);
        if (size < (ssize_t)PSK_KEY_BYTES_MIN)
                return "the key is not hex of 16 to 64 bytes; make one with psktool";
        ret->key_bytes = (size_t)size;
        return NULL;
}

static size_t count_lines(const char *text, size_t bytes)
{
        size_t n = 1;
        for (size_t i = 0; i < bytes; i++)
                n += text[i] == '\n';
        return n;
}

static bool blank(const char *text, size_t bytes)
{
        return bytes == 0 || (bytes == 1 && text[0] == '\r');
}

int psk_parse(const char *text, size_t bytes, struct psk_table *ret, char *reason, size_t reason_size)
{
        struct psk_table t = {0};
        const char *wrong = NULL, *end = text + bytes;
        size_t lines = bytes <= PSK_TEXT_BYTES_MAX ? count_lines(text, bytes) : SIZE_MAX, number = 0;

        if (lines > PSK_ENTRIES_MAX) {
                (void)snprintf(reason, reason_size, "more than %u lines", PSK_ENTRIES_MAX);
                return -E2BIG;
        }
        t.list = calloc(lines, sizeof *t.list);
        if (!t.list) {
                (void)snprintf(reason, reason_size, "out of memory");
                return -ENOMEM;
        }
        for (const char *line = text; line < end && !wrong; number++) {
                const char *newline = memchr(line, '\n', (size_t)(end - line));
                size_t n = (size_t)((newline ? newline : end) - line);
                if (!blank(line, n)) {
                        struct psk *one = &t.list[t.count];
                        wrong = parse_line(line, n - (line[n - 1] == '\r'), one);
                        if (!wrong && psk_find(&t, one->identity, strlen(one->identity)))
                                wrong = "the identity was there before";
                        t.count++;
                }
                line = newline ? newline + 1 : end;
        }
        if (wrong)
                (void)snprintf(reason, reason_size, "line %zu: %s", number, wrong);
        else if (t.count == 0)
                (void)snprintf(reason, reason_size, "no key in it; expected lines identity:hexkey, as psktool writes them");
        if (wrong || t.count == 0) {
                t.count = lines; /* all that was written to is wiped */
                psk_release(&t);
                return -EINVAL;
        }
        *ret = t;
        return 0;
}

void psk_release(struct psk_table *t)
{
        if (t->list)
                gnutls_memset(t->list, 0, t->count * sizeof *t->list);
        free(t->list);
        *t = (struct psk_table){0};
}

const struct psk *psk_find(const struct psk_table *t, const void *identity, size_t bytes)
{
        for (size_t i = 0; i < t->count; i++)
                if (strlen(t->list[i].identity) == bytes && memcmp(t->list[i].identity, identity, bytes) == 0)
                        return &t->list[i];
        return NULL;
}
