/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NEAREST_WORD_MAX 64

/* UTF-8 sequences that programs "beautify" ASCII into. dash: the spelling depends on what stands around it. */
static const struct typographic {
        const char *utf8;
        const char *ascii;
        bool dash;
} typographic[] = {
    {"\u2010", "-", true},  {"\u2011", "-", true},  {"\u2012", "-", true},  {"\u2013", "-", true},  {"\u2014", "-", true},
    {"\u2015", "-", true},  {"\u2212", "-", true},  {"\u00d7", "x", false}, {"\u2018", "'", false}, {"\u2019", "'", false},
    {"\u201a", "'", false}, {"\u201b", "'", false}, {"\u201c", "\"", false}, {"\u201d", "\"", false}, {"\u201e", "\"", false},
    {"\u201f", "\"", false}, {"\u00a0", " ", false}, {"\u202f", " ", false}, {"\u2009", " ", false}, {"\u200b", "", false},
    {"\ufeff", "", false},
};

static const struct typographic *typographic_at(const char *text)
{
        for (size_t i = 0; i < sizeof typographic / sizeof typographic[0]; i++)
                if (strncmp(text, typographic[i].utf8, strlen(typographic[i].utf8)) == 0)
                        return &typographic[i];
        return NULL;
}

static void append(char *to, size_t size, size_t *used, const char *from)
{
        while (*from && *used + 1 < size)
                to[(*used)++] = *from++;
        if (size)
                to[*used] = '\0';
}

/* A leading dash stands for "--" before a long option's name; "-" follows already when only half of a "--" was replaced. */
static bool is_double_dash(const char *rest)
{
        return rest[0] && rest[1] && rest[0] != '-' && rest[1] != '=' && !typographic_at(rest) && !(rest[0] >= '0' && rest[0] <= '9');
}

bool text_is_typographic(const char *text, char *ret_ascii, unsigned size)
{
        bool found = false;
        size_t used = 0;

        append(ret_ascii, size, &used, "");
        for (const char *p = text; *p;) {
                const struct typographic *t = typographic_at(p);
                if (!t) {
                        append(ret_ascii, size, &used, (const char[]){*p, '\0'});
                        p++;
                        continue;
                }
                const char *rest = p + strlen(t->utf8);
                append(ret_ascii, size, &used, t->dash && p == text && is_double_dash(rest) ? "--" : t->ascii);
                found = true;
                p = rest;
        }
        return found;
}

/* Optimal string alignment distance (insert, delete, replace, swap of neighbours); both words at most NEAREST_WORD_MAX long. */
static unsigned distance(const char *a, size_t la, const char *b, size_t lb)
{
        uint8_t rows[3][NEAREST_WORD_MAX + 1];
        uint8_t *before = rows[0], *previous = rows[1], *current = rows[2];

        for (size_t j = 0; j <= lb; j++)
                previous[j] = (uint8_t)j;
        for (size_t i = 1; i <= la; i++) {
                current[0] = (uint8_t)i;
                for (size_t j = 1; j <= lb; j++) {
                        unsigned best = previous[j - 1] + (a[i - 1] != b[j - 1] ? 1u : 0u);
                        if (previous[j] + 1u < best)
                                best = previous[j] + 1u;
                        if (current[j - 1] + 1u < best)
                                best = current[j - 1] + 1u;
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1u < best)
                                best = before[j - 2] + 1u;
                        current[j] = (uint8_t)best;
                }
                uint8_t *oldest = before;
                before = previous;
                previous = current;
                current = oldest;
        }
        return previous[lb];
}

const char *text_nearest(const char *word, const char *const *known)
{
        size_t length = strlen(word);
        unsigned best = length <= 3 ? 2 : 3;
        const char *found = NULL;

        if (length == 0 || length > NEAREST_WORD_MAX)
                return NULL;
        for (; *known; known++) {
                size_t known_length = strlen(*known);
                if (known_length > NEAREST_WORD_MAX)
                        continue;
                unsigned d = distance(word, length, *known, known_length);
                if (d < best && d < length && d < known_length) {
                        best = d;
                        found = *known;
                }
        }
        return found;
}

size_t text_character(const char *text, size_t left)
{
        static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000}; /* 0x80 to 0x9f are control characters, too */
        const unsigned char *p = (const unsigned char *)text;
        size_t n = p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf8 ? 4 : 0;

        if (p[0] < 0x80)
                return p[0] >= 0x20 && p[0] != 0x7f;
        if (n == 0 || left < n)
                return 0;
        uint32_t value = p[0] & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                value = value << 6 | (p[i] & 0x3fu);
        }
        return value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) ? 0 : n;
}

const char *text_printable(const char *text, char *ret, size_t size)
{
        size_t used = 0;

        if (size == 0)
                return ret;
        for (size_t n; *text && used + 1 < size; text += n ? n : 1) {
                n = text_character(text, strnlen(text, 4));
                if (used + n >= size)
                        break;
                if (n)
                        memcpy(ret + used, text, n);
                else
                        ret[used] = '?';
                used += n ? n : 1;
        }
        if (*text && used >= 3) {
                used -= 3;
                while (used && (ret[used] & 0xc0) == 0x80) /* not in the middle of a character */
                        used--;
                memcpy(ret + used, "...", 3);
                used += 3;
        }
        ret[used] = '\0';
        return ret;
}
