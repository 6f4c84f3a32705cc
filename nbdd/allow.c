/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allow lists. See allow.h. */
#include "nbdd/allow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct net_address net_address_of(const char *text)
{
        struct net_address r = {0};
        char host[64];
        bool is_v6 = text[0] == '[';
        size_t n = is_v6 ? strcspn(++text, "%]") : strcspn(text, ":");

        if (n >= sizeof host)
                return r;
        memcpy(host, text, n);
        host[n] = '\0';
        if (inet_pton(is_v6 ? AF_INET6 : AF_INET, host, r.bytes) != 1)
                return (struct net_address){0};
        r.bits = is_v6 ? 128 : 32;
        if (is_v6 && memcmp(r.bytes, mapped, sizeof mapped) == 0) {
                struct net_address v4 = {.bits = 32};
                memcpy(v4.bytes, r.bytes + sizeof mapped, 4);
                return v4;
        }
        return r;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
        unsigned whole = bits / 8, rest = bits % 8;

        return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* The word is ours to write in. */
static const char *parse_network(char *word, struct allow_rule *rule)
{
        char *slash = strchr(word, '/'), *end;

        rule->kind = ALLOW_NETWORK;
        if (slash)
                *slash++ = '\0';
        if (inet_pton(AF_INET, word, rule->network.bytes) == 1)
                rule->network.bits = 32;
        else if (inet_pton(AF_INET6, word, rule->network.bytes) == 1)
                rule->network.bits = 128;
        else
                return "is neither an address, a network (ADDRESS/BITS), cn=NAME, psk=NAME nor tls";
        rule->prefix_bits = rule->network.bits;
        if (slash) {
                unsigned long n = strtoul(slash, &end, 10);
                if (*slash < '0' || *slash > '9' || *end || n > rule->network.bits)
                        return rule->network.bits == 32 ? "needs 0 to 32 after the slash" : "needs 0 to 128 after the slash";
                rule->prefix_bits = (unsigned)n;
        }
        uint8_t masked[16] = {0};
        memcpy(masked, rule->network.bytes, rule->prefix_bits / 8);
        if (rule->prefix_bits % 8)
                masked[rule->prefix_bits / 8] = (uint8_t)(rule->network.bytes[rule->prefix_bits / 8] & (0xff00u >> rule->prefix_bits % 8));
        return memcmp(masked, rule->network.bytes, sizeof masked) == 0 ? NULL : "has bits set behind its prefix";
}

static const char *parse_rule(char *word, struct allow_rule *rule)
{
        *rule = (struct allow_rule){0};
        if (strcmp(word, "tls") == 0) {
                rule->kind = ALLOW_TLS;
                return NULL;
        }
        bool is_cn = strncmp(word, "cn=", 3) == 0;
        if (!is_cn && strncmp(word, "psk=", 4) != 0)
                return parse_network(word, rule);
        const char *name = word + (is_cn ? 3 : 4);
        if (!*name)
                return "names nobody";
        if (strlen(name) >= sizeof rule->name)
                return "is too long";
        rule->kind = is_cn ? ALLOW_CN : ALLOW_PSK;
        (void)strcpy(rule->name, name);
        return NULL;
}

static char *trim(char *word)
{
        word += strspn(word, " \t");
        size_t n = strlen(word);
        while (n && (word[n - 1] == ' ' || word[n - 1] == '\t'))
                word[--n] = '\0';
        return word;
}

int allow_parse(const char *text, struct allow_list *ret, char *reason, size_t reason_size)
{
        struct allow_list list = {.rules = calloc(ALLOW_RULES_MAX, sizeof *list.rules)};
        char *copy = strdup(text), *rest = copy, *word;
        int r = 0;

        if (!copy || !list.rules) {
                (void)snprintf(reason, reason_size, "out of memory");
                r = -ENOMEM;
        }
        while (r == 0 && *trim(copy) && (word = strsep(&rest, ","))) {
                char shown[160];
                word = trim(word);
                (void)snprintf(shown, sizeof shown, "%s", word);
                const char *wrong = list.count == ALLOW_RULES_MAX ? "is one entry too many (64)"
                                    : *word                       ? parse_rule(word, &list.rules[list.count])
                                                                  : "has an empty entry between its commas";
                if (wrong) {
                        (void)snprintf(reason, reason_size, "allow: \"%s\" %s", *shown ? shown : text, wrong);
                        r = -EINVAL;
                }
                list.count++;
        }
        free(copy);
        if (r == 0 && list.count)
                *ret = list;
        else
                free(list.rules);
        if (r == 0 && !list.count)
                *ret = (struct allow_list){0};
        return r;
}

void allow_release(struct allow_list *list)
{
        free(list->rules);
        *list = (struct allow_list){0};
}

bool allow_needs_tls(const struct allow_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                if (list->rules[i].kind != ALLOW_NETWORK)
                        return true;
        return false;
}

bool allow_passes(const struct allow_list *list, const struct client_identity *client)
{
        bool networks = false, identities = false, in_network = false, is_named = false;

        for (size_t i = 0; i < list->count; i++) {
                const struct allow_rule *rule = &list->rules[i];
                if (rule->kind == ALLOW_NETWORK) {
                        networks = true;
                        in_network |= rule->network.bits == client->address.bits &&
                                      same_prefix(rule->network.bytes, client->address.bytes, rule->prefix_bits);
                } else if (rule->kind != ALLOW_TLS) {
                        const char *name = rule->kind == ALLOW_CN ? client->cn : client->psk;
                        identities = true;
                        is_named |= *name && strcmp(rule->name, name) == 0;
                }
        }
#ifdef MUTANT_allow_ignored
        return true;
#endif
        return (client->tls || !allow_needs_tls(list)) && (!networks || in_network) && (!identities || is_named);
}
