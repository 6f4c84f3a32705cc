/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed values of an INI entry. Every error message shows a spelling that is accepted. */
#include "base/ini.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
        const char *name;
        uint64_t factor;
};

static const struct unit duration_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}, {NULL, 0}};
static const struct unit size_units[] = {
    {"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}, {NULL, 0}};

/* The digits at the start of a text, decimal or 0x hex; returns where they end, NULL when there are none or the number is too large. */
static const char *scan_u64(const char *text, bool hex_allowed, uint64_t *ret)
{
        bool hex = hex_allowed && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
        const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
        const char *p = hex ? text + 2 : text;
        size_t n = strspn(p, digits);
        uint64_t value = 0;

        if (n == 0)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                uint64_t d = p[i] <= '9' ? (uint64_t)(p[i] - '0') : (uint64_t)((p[i] | 0x20) - 'a' + 10);
                if (__builtin_mul_overflow(value, hex ? 16u : 10u, &value) || __builtin_add_overflow(value, d, &value))
                        return NULL;
        }
        *ret = value;
        return p + n;
}

/* The shortest exact spelling of a value: the largest unit that divides it. */
static const char *spell(uint64_t value, const struct unit *units, char *ret, size_t size)
{
        const struct unit *best = NULL;

        for (const struct unit *u = units; u && u->name; u++)
                if (value % u->factor == 0 && (!best || u->factor > best->factor) && (value > 0 || u->factor == 1))
                        best = u;
        uint64_t shown = best ? value / best->factor : value;
        snprintf(ret, size, "%" PRIu64 "%s", shown, best && strcmp(best->name, "B") != 0 ? best->name : "");
        return ret;
}

static int check_range(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, const struct unit *units,
                       uint64_t value, uint64_t min, uint64_t max)
{
        char low[32], high[32];

        if (value >= min && value <= max)
                return 0;
        ini_error(ini, e, errors, "%s = \"%s\" is out of range: %s to %s", e->key, e->value, spell(min, units, low, sizeof low),
                  spell(max, units, high, sizeof high));
        return -EINVAL;
}

int ini_bool(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, bool *ret)
{
        static const char *const yes[] = {"yes", "true", "on"}, *const no[] = {"no", "false", "off"};

        for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
                bool is_yes = strcmp(e->value, yes[i]) == 0;
                if (is_yes || strcmp(e->value, no[i]) == 0) {
                        *ret = is_yes;
                        return 0;
                }
        }
        ini_error(ini, e, errors, "%s = \"%s\" is neither yes nor no", e->key, e->value);
        return -EINVAL;
}

int ini_u64(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, uint64_t min, uint64_t max, uint64_t *ret)
{
        uint64_t value;
        const char *rest = scan_u64(e->value, true, &value);

        if (!rest || *rest) {
                ini_error(ini, e, errors, "%s = \"%s\" is not a number from %" PRIu64 " to %" PRIu64, e->key, e->value, min, max);
                return -EINVAL;
        }
        if (check_range(ini, e, errors, NULL, value, min, max) < 0)
                return -EINVAL;
        *ret = value;
        return 0;
}

static const struct unit *unit_find(const struct unit *units, const char *name)
{
        for (; units->name; units++)
                if (strcmp(units->name, name) == 0)
                        return units;
        return NULL;
}

int ini_duration_ms(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, uint64_t min, uint64_t max,
                    uint64_t *ret)
{
        uint64_t value;
        const char *rest = scan_u64(e->value, false, &value);

        if (rest && !*rest) {
                ini_error(ini, e, errors, "%s = \"%s\" has no unit: write %sms or %ss", e->key, e->value, e->value, e->value);
                return -EINVAL;
        }
        const struct unit *unit = rest ? unit_find(duration_units, rest + strspn(rest, " ")) : NULL;
        if (!unit || __builtin_mul_overflow(value, unit->factor, &value)) {
                ini_error(ini, e, errors, "%s = \"%s\" is not a duration: write 250ms, 2s, 5m or 1h", e->key, e->value);
                return -EINVAL;
        }
        if (check_range(ini, e, errors, duration_units, value, min, max) < 0)
                return -EINVAL;
        *ret = value;
        return 0;
}

int ini_parse_size(const char *text, uint64_t *ret)
{
        uint64_t value;
        const char *rest = scan_u64(text, false, &value);
        const struct unit *unit = NULL;

        if (rest) {
                rest += strspn(rest, " ");
                unit = unit_find(size_units, *rest ? rest : "B");
        }
        if (!unit || __builtin_mul_overflow(value, unit->factor, &value))
                return -EINVAL;
        *ret = value;
        return 0;
}

int ini_size_bytes(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, uint64_t min, uint64_t max, uint64_t *ret)
{
        uint64_t value;

        if (ini_parse_size(e->value, &value) < 0) {
                ini_error(ini, e, errors, "%s = \"%s\" is not a size: write 4096, 64KiB, 64MiB, 1GiB or 2TiB", e->key, e->value);
                return -EINVAL;
        }
        if (check_range(ini, e, errors, size_units, value, min, max) < 0)
                return -EINVAL;
        *ret = value;
        return 0;
}
