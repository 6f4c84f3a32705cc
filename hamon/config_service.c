/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* [service NAME] sections and addresses. */
#include "hamon/config_internal.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool config_read_address(const struct config_reading *r, const struct ini_entry *e, bool with_prefix,
                         struct config_address *ret)
{
        struct config_address a = {0};
        const char *slash = strchr(e->value, '/');
        size_t length = slash ? (size_t)(slash - e->value) : strlen(e->value);

        if (slash && !with_prefix) {
                ini_error(r->ini, e, r->errors, "address \"%s\" has a prefix length: write the address alone",
                          e->value);
                return false;
        }
        if (length < sizeof a.text) {
                memcpy(a.text, e->value, length);
                a.family = strchr(a.text, ':') ? AF_INET6 : AF_INET;
        }
        if (length >= sizeof a.text || inet_pton(a.family, a.text, a.bytes) != 1) {
                ini_error(r->ini, e, r->errors, "address \"%s\" is not an IPv4 or IPv6 address", e->value);
                return false;
        }
        (void)inet_ntop(a.family, a.bytes, a.text,
                        sizeof a.text); /* one spelling: cannot fail for what inet_pton() gave */
        unsigned bits = a.family == AF_INET ? 32 : 128;
        a.prefix_length = (uint8_t)bits;
        if (with_prefix) {
                const char *digits = slash ? slash + 1 : "";
                size_t n = strspn(digits, "0123456789");
                unsigned long prefix = n > 0 && n <= 3 ? strtoul(digits, NULL, 10) : 0;

                if (n == 0 || digits[n] || prefix == 0 || prefix > bits) {
                        ini_error(r->ini, e, r->errors, "address \"%s\" needs its prefix length: write %s/%u", e->value,
                                  a.text, a.family == AF_INET ? 24u : 64u);
                        return false;
                }
                a.prefix_length = (uint8_t)prefix;
        }
        *ret = a;
        return true;
}

static bool mount_is_valid(const char *path)
{
        size_t n = strlen(path);

        if (path[0] != '/' || n < 2 || path[n - 1] == '/' || strstr(path, "//"))
                return false;
        for (const char *p = path; (p = strchr(p, '/')); p++)
                if (strncmp(p, "/./", 3) == 0 || strncmp(p, "/../", 4) == 0 || strcmp(p, "/.") == 0 ||
                    strcmp(p, "/..") == 0)
                        return false;
        return true;
}

/* R5: what decides about a mirror, and what it needs to come back, never lives on one. */
static bool mount_hides_state(const char *path)
{
        static const char *const ours[] = {"/etc/hamon",     "/var/lib/hamon", "/var/lib/hamon-act", "/var/lib/nbdd", "/run/hamon",
                                           "/run/hamon-act", "/run/nbdd",      "/run/nbdc",          "/usr",          "/dev"};
        size_t n = strlen(path);

        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
                if (strncmp(ours[i], path, n) == 0 && (ours[i][n] == '\0' || ours[i][n] == '/'))
                        return true;
        return false;
}

static bool unit_is_valid(const char *unit)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
        const char *dot = strrchr(unit, '.');

        return dot && dot != unit && dot[1] && unit[strspn(unit, letters)] == '\0' && unit[0] != '-';
}

static void fit(struct config_reading *r, const struct ini_entry *e, char *to, size_t size)
{
        if (strlen(e->value) < size)
                memcpy(to, e->value, strlen(e->value) + 1);
        else
                ini_error(r->ini, e, r->errors, "%s is longer than %zu characters", e->key, size - 1);
}

static void read_mount(struct config_reading *r, const char *name, struct config_service *s)
{
        const struct ini_entry *e = ini_get(r->ini, "service", name, "mount", 0);

        if (e && !mount_is_valid(e->value))
                ini_error(r->ini, e, r->errors,
                          "mount \"%s\" is not an absolute path without \".\", \"..\" and a \"/\" at its end",
                          e->value);
        else if (e && mount_hides_state(e->value))
                ini_error(r->ini, e, r->errors,
                          "mount \"%s\" would hide the state or the programs that the mirror itself needs", e->value);
        else if (e)
                fit(r, e, s->mount, sizeof s->mount);
        s->has_mount = e != NULL;
        snprintf(s->type, sizeof s->type, "ext4");
        e = ini_get(r->ini, "service", name, "type", 0);
        if (e && !config_name_is_valid(e->value))
                ini_error(r->ini, e, r->errors, "type \"%s\" is not a file system's name: write ext4 or xfs", e->value);
        else if (e)
                fit(r, e, s->type, sizeof s->type);
        if (e && !s->has_mount)
                ini_error(r->ini, e, r->errors, "a type without a mount: write mount = /PATH below [service %s]", name);
        e = ini_get(r->ini, "service", name, "fsck", 0);
        if (e)
                (void)ini_bool(r->ini, e, r->errors, &s->fsck);
        if (e && !s->has_mount)
                ini_error(r->ini, e, r->errors, "fsck without a mount: write mount = /PATH below [service %s]", name);
        e = ini_get(r->ini, "service", name, "on-read-only", 0);
        s->may_turn_read_only = e && strcmp(e->value, "ignore") == 0;
        if (e && !s->may_turn_read_only && strcmp(e->value, "restart") != 0)
                ini_error(r->ini, e, r->errors, "on-read-only \"%s\" is not known: write restart or ignore", e->value);
        if (e && !s->has_mount)
                ini_error(r->ini, e, r->errors, "on-read-only without a mount: write mount = /PATH below [service %s]", name);
        e = ini_get(r->ini, "service", name, "options", 0);
        if (e)
                fit(r, e, s->options, sizeof s->options);
        if (e && !s->has_mount)
                ini_error(r->ini, e, r->errors, "options without a mount: write mount = /PATH below [service %s]",
                          name);
}

static void read_addresses(struct config_reading *r, const char *name, struct config_service *s)
{
        const struct ini_entry *e, *first = ini_get(r->ini, "service", name, "address", 0);

        for (size_t i = 0; (e = ini_get(r->ini, "service", name, "address", i)); i++) {
                if (i == CONFIG_ADDRESSES_MAX) {
                        ini_error(r->ini, e, r->errors, "more than %d addresses", CONFIG_ADDRESSES_MAX);
                        break;
                }
                if (config_read_address(r, e, true, &s->address[s->addresses]))
                        s->addresses++;
        }
        e = ini_get(r->ini, "service", name, "interface", 0);
        if (e && (!*e->value || strlen(e->value) >= IFNAMSIZ || strpbrk(e->value, "/ \t")))
                ini_error(r->ini, e, r->errors, "interface \"%s\" is not the name of a network interface", e->value);
        else if (e)
                fit(r, e, s->interface, sizeof s->interface);
        if (first && !e)
                ini_error(r->ini, first, r->errors,
                          "an address without an interface: write interface = NAME below [service %s]", name);
        s->duplicate_check = true;
        const struct ini_entry *check = ini_get(r->ini, "service", name, "duplicate-check", 0);
        if (check)
                (void)ini_bool(r->ini, check, r->errors, &s->duplicate_check);
        if (check && !first)
                ini_error(r->ini, check, r->errors, "a duplicate-check without an address: write address = IP/LENGTH below [service %s]", name);
        if (e && !first)
                ini_error(r->ini, e, r->errors,
                          "an interface without an address: write address = IP/LENGTH below [service %s]", name);
}

static void read_units(struct config_reading *r, const char *name, struct config_service *s)
{
        const struct ini_entry *e = ini_get(r->ini, "service", name, "stop-timeout", 0);
        uint64_t stop_timeout_ms = CONFIG_STOP_TIMEOUT_MS;

        if (e)
                (void)ini_duration_ms(r->ini, e, r->errors, 1000, 3600000, &stop_timeout_ms);
        if (e && !ini_get(r->ini, "service", name, "unit", 0))
                ini_error(r->ini, e, r->errors, "a stop-timeout without a unit: write unit = NAME.service below [service %s]", name);
        s->stop_timeout_ms = (uint32_t)stop_timeout_ms;

        for (size_t i = 0; (e = ini_get(r->ini, "service", name, "unit", i)); i++) {
                bool twice = false;

                if (i == CONFIG_UNITS_MAX) {
                        ini_error(r->ini, e, r->errors, "more than %d units", CONFIG_UNITS_MAX);
                        break;
                }
                for (unsigned u = 0; u < s->units; u++)
                        twice = twice || strcmp(s->unit[u], e->value) == 0;
                if (!unit_is_valid(e->value))
                        ini_error(r->ini, e, r->errors, "\"%s\" is not a systemd unit: write NAME.service", e->value);
                else if (twice)
                        ini_error(r->ini, e, r->errors, "unit \"%s\" is there twice", e->value);
                else
                        fit(r, e, s->unit[s->units++], sizeof s->unit[0]);
        }
}

static void read_needs(struct config_reading *r, const char *name, const struct config *c, unsigned mirror, struct config_service *s)
{
        const struct ini_entry *e;

        for (size_t i = 0; (e = ini_get(r->ini, "service", name, "needs", i)); i++) {
                int at = config_mirror_index(c, e->value);

                if (at < 0)
                        ini_error(r->ini, e, r->errors, "service %s needs \"%s\", and there is no mirror of that name", name, e->value);
                else if (at == (int)mirror)
                        ini_error(r->ini, e, r->errors, "service %s has its own mirror already: needs names others", name);
                else if (s->needs & UINT32_C(1) << at)
                        ini_error(r->ini, e, r->errors, "service %s needs \"%s\" twice", name, e->value);
                else
                        s->needs |= UINT32_C(1) << at;
        }
}

/* Whoever is needed starts first: nobody could, in a circle. */
static void refuse_circles(struct config_reading *r, const struct config *c)
{
        uint32_t reaches[MIRRORS_MAX];

        for (unsigned m = 0; m < c->mirrors; m++)
                reaches[m] = c->mirror[m].service.needs;
        for (unsigned through = 0; through < c->mirrors; through++)
                for (unsigned m = 0; m < c->mirrors; m++)
                        if (reaches[m] & UINT32_C(1) << through)
                                reaches[m] |= reaches[through];
        for (unsigned m = 0; m < c->mirrors; m++) {
                char text[160];

                if (!(reaches[m] & UINT32_C(1) << m))
                        continue;
                snprintf(text, sizeof text, "[service %s] needs what needs it: none of them could start first", c->mirror[m].name);
                config_error_at(r, "service", c->mirror[m].name, text);
                return;
        }
}

void config_read_services(struct config_reading *r, struct config *c)
{
        const char *name;

        for (size_t i = 0; (name = ini_section_name(r->ini, "service", i)); i++) {
                int at = config_mirror_index(c, name);

                if (at >= 0) {
                        struct config_service *s = &c->mirror[at].service;

                        s->present = true;
                        read_mount(r, name, s);
                        read_addresses(r, name, s);
                        read_units(r, name, s);
                        config_read_care(r, name, s);
                        read_needs(r, name, c, (unsigned)at, s);
                        continue;
                }
                const char *known[MIRRORS_MAX + 1] = {NULL};
                char text[160];

                for (unsigned m = 0; m < c->mirrors; m++)
                        known[m] = c->mirror[m].name;
                const char *nearest = text_nearest(name, known);
                if (nearest && *nearest)
                        snprintf(text, sizeof text, "[service %s] has no mirror of that name, did you mean \"%s\"?",
                                 name, nearest);
                else
                        snprintf(text, sizeof text,
                                 "[service %s] has no mirror of that name: a service is named like its mirror", name);
                config_error_at(r, "service", name, text);
        }
        refuse_circles(r, c);
}
