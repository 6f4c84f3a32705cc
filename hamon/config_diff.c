/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/config_diff.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct diff {
        const struct config *before, *after;
        void (*report)(void *userdata, enum config_effect effect, const char *sentence);
        void *userdata;
        unsigned impossible;
};

const char *config_effect_word(enum config_effect e)
{
        return e == CONFIG_AT_ONCE ? "at-once" : e == CONFIG_LATER ? "later" : "impossible";
}

static void say(struct diff *d, enum config_effect effect, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(struct diff *d, enum config_effect effect, const char *format, ...)
{
        char text[CONFIG_CHANGE_SIZE];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args); /* paths may be cut */
        va_end(args);
        d->impossible += effect == CONFIG_IMPOSSIBLE;
        d->report(d->userdata, effect, text);
}

static void diff_timers(struct diff *d)
{
        static const struct {
                const char *key;
                size_t offset;
        } timers[] = {
                {"heartbeat", offsetof(struct timers, heartbeat_ms)},       {"suspect", offsetof(struct timers, suspect_ms)},
                {"dead", offsetof(struct timers, dead_ms)},                 {"lease", offsetof(struct timers, lease_ms)},
                {"address", offsetof(struct timers, address_ms)},           {"address-renew", offsetof(struct timers, address_renew_ms)},
                {"leg-timeout", offsetof(struct timers, leg_timeout_ms)},   {"swap-retry", offsetof(struct timers, swap_retry_ms)},
                {"join-backoff", offsetof(struct timers, join_backoff_ms)}, {"join-backoff-max", offsetof(struct timers, join_backoff_max_ms)},
                {"effect-timeout", offsetof(struct timers, effect_timeout_ms)}, {"boot-grace", offsetof(struct timers, boot_grace_ms)},
        };
        _Static_assert(sizeof(struct timers) == sizeof timers / sizeof *timers * sizeof(uint32_t), "each timer has its row");
        for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
                uint32_t was = *(const uint32_t *)((const char *)&d->before->timers + timers[i].offset), is = *(const uint32_t *)((const char *)&d->after->timers + timers[i].offset);
                if (was != is)
                        say(d, CONFIG_AT_ONCE, "%s = %u ms (was %u ms)", timers[i].key, is, was);
        }
}

static void diff_cluster(struct diff *d)
{
        const struct config *a = d->before, *b = d->after;
        if (strcmp(a->cluster, b->cluster) != 0)
                say(d, CONFIG_IMPOSSIBLE, "the cluster's name is in each disk's header and in each message: it stays '%s'", a->cluster);
        if (strcmp(a->key_file, b->key_file) != 0)
                say(d, CONFIG_IMPOSSIBLE, "key-file: the machines would no longer understand each other; change the key in '%s' itself (docs/CLUSTER.md)", a->key_file);
        if (a->port != b->port)
                say(d, CONFIG_IMPOSSIBLE, "port: the machines would no longer hear each other; stop hamon on all of them, change the file by hand, and start them");
        if (a->leg_port != b->leg_port)
                say(d, CONFIG_LATER, "leg-port = %u: each leg moves when it is attached next, and nbdd must listen there before (nbdd.conf)", b->leg_port);
        if (strcmp(a->leg_key_file, b->leg_key_file) != 0)
                say(d, CONFIG_LATER, "leg-key-file: each leg %s when it is attached next, and nbdd must have the key before (nbdd.conf)",
                    *b->leg_key_file ? "is encrypted with it" : "is no longer encrypted");
        if (a->relaxed != b->relaxed)
                say(d, CONFIG_AT_ONCE, "profile = %s: lease %u ms (was %u ms), dead after %u ms (was %u ms), and the other time-outs", b->relaxed ? "relaxed" : "normal",
                    b->timers.lease_ms, a->timers.lease_ms, b->timers.dead_ms, a->timers.dead_ms);
        else
                diff_timers(d);
}

static bool same_links(const struct config_voter *a, const struct config_voter *b)
{
        bool same = a->links == b->links;
        for (unsigned i = 0; same && i < a->links; i++)
                same = strcmp(a->link[i].text, b->link[i].text) == 0;
        return same;
}

static void diff_voters(struct diff *d)
{
        for (unsigned v = 0; v < VOTERS; v++) {
                const struct config_voter *a = &d->before->voters[v], *b = &d->after->voters[v];
                if (strcmp(a->name, b->name) != 0) {
                        if (v == WITNESS && !*a->name)
                                say(d, CONFIG_AT_ONCE, "witness %s: it gets its vote as soon as it runs (hamonctl cluster invite %s)", b->name, b->name);
                        else
                                say(d, CONFIG_IMPOSSIBLE, "%s '%s' stays: names and order of the machines are in the record%s", v == WITNESS ? "the witness" : "node", a->name,
                                    v == WITNESS ? "; another machine under the same name may take its place (hamonctl witness replace)" : "");
                        continue;
                }
                if (!same_links(a, b) && strcmp(a->link[0].text, b->link[0].text) != 0)
                        say(d, CONFIG_IMPOSSIBLE, "the first address of %s stays '%s', or nobody would hear it meanwhile: add the new one behind it first", a->name, a->link[0].text);
                else if (!same_links(a, b))
                        say(d, CONFIG_AT_ONCE, "links of %s: %u (was %u)", b->name, b->links, a->links);
                if (strcmp(a->watchdog, b->watchdog) != 0)
                        say(d, CONFIG_AT_ONCE, "watchdog of %s: %s", b->name, *b->watchdog ? b->watchdog : "none");
        }
}

static bool same_addresses(const struct config_service *a, const struct config_service *b)
{
        bool same = a->addresses == b->addresses;
        for (unsigned i = 0; same && i < a->addresses; i++)
                same = strcmp(a->address[i].text, b->address[i].text) == 0 && a->address[i].prefix_length == b->address[i].prefix_length;
        return same && strcmp(a->interface, b->interface) == 0;
}

static bool same_units(const struct config_service *a, const struct config_service *b)
{
        bool same = a->units == b->units;
        for (unsigned i = 0; same && i < a->units; i++)
                same = strcmp(a->unit[i], b->unit[i]) == 0;
        return same;
}

/* The same mirrors, under whatever numbers. */
static bool same_needs(const struct diff *d, const struct config_service *a, const struct config_service *b)
{
        for (unsigned m = 0; m < d->before->mirrors; m++) {
                int at = config_mirror_by_label(d->after, d->before->mirror[m].label);
                bool needed = a->needs & UINT32_C(1) << m, still = at >= 0 && (b->needs & UINT32_C(1) << at);
                if (needed != still)
                        return false;
        }
        return __builtin_popcount(a->needs) == __builtin_popcount(b->needs);
}

static void diff_service(struct diff *d, const char *name, const struct config_service *a, const struct config_service *b)
{
        if (a->present != b->present) {
                say(d, CONFIG_AT_ONCE, b->present ? "service %s: new, started where its mirror is active" : "service %s: hamon no longer has one", name);
                return;
        }
        if (strcmp(a->mount, b->mount) != 0 || strcmp(a->type, b->type) != 0 || strcmp(a->options, b->options) != 0)
                say(d, CONFIG_LATER, "service %s: mount '%s', when it is started next", name, b->mount);
        if (!same_needs(d, a, b))
                say(d, CONFIG_AT_ONCE, "service %s: the mirrors that it needs; it runs where all of them are, and moves with them", name);
        if (!same_addresses(a, b))
                say(d, CONFIG_AT_ONCE, "service %s: addresses; one that is left out goes within two seconds", name);
        if (!same_units(a, b))
                say(d, CONFIG_AT_ONCE, "service %s: units; a new one is started, one that is left out runs on until somebody stops it (systemctl stop)", name);
        if (a->stop_timeout_ms != b->stop_timeout_ms || a->duplicate_check != b->duplicate_check || a->fsck != b->fsck || a->may_turn_read_only != b->may_turn_read_only)
                say(d, CONFIG_AT_ONCE, "service %s: how it is started and stopped", name);
        if (memcmp(&a->health, &b->health, sizeof a->health) != 0 || a->policy.limited != b->policy.limited || a->policy.restarts != b->policy.restarts ||
            a->policy.window_ms != b->policy.window_ms || a->policy.may_move != b->policy.may_move)
                say(d, CONFIG_AT_ONCE, "service %s: its health check, and what follows a failure", name);
        if (memcmp(&a->hooks, &b->hooks, sizeof a->hooks) != 0)
                say(d, CONFIG_AT_ONCE, "service %s: its hooks", name);
}

static void diff_mirrors(struct diff *d)
{
        for (unsigned m = 0; m < d->before->mirrors; m++) {
                const struct config_mirror *a = &d->before->mirror[m];
                int at = config_mirror_by_label(d->after, a->label);
                if (at < 0) {
                        say(d, CONFIG_AT_ONCE, "mirror %s: hamon forgets it; its disks stay as they are", a->name);
                        continue;
                }
                const struct config_mirror *b = &d->after->mirror[at];
                if (strcmp(a->name, b->name) != 0)
                        say(d, CONFIG_AT_ONCE, "mirror %s is called %s, and so is its service; its disks keep the label %s", a->name, b->name, a->label);
                if (a->number != b->number)
                        say(d, CONFIG_IMPOSSIBLE, "mirror %s: the number of its devices stays: new mirrors come behind it, or write number = %u in its section", a->name, a->number);
                if (a->id != b->id)
                        say(d, CONFIG_IMPOSSIBLE, "mirror %s: its id is what its legs are exported as, and stays", a->name);
                for (unsigned n = 0; n < NODES; n++)
                        if (strcmp(a->device[n], b->device[n]) != 0)
                                say(d, CONFIG_LATER, "mirror %s: device of %s is '%.80s', when it is opened next; then: hamonctl mirror join %s", b->name,
                                    d->after->voters[n].name, b->device[n], b->name);
                if (a->discard != b->discard && b->discard == DISCARD_ZEROES)
                        say(d, CONFIG_LATER, "mirror %s: discards, when both disks have passed their proof and the other node's leg is attached next: at the latest after hamonctl switchover %s",
                            b->name, b->name);
                else if (a->discard != b->discard)
                        say(d, CONFIG_AT_ONCE, "mirror %s: no discards any more", b->name);
                diff_service(d, b->name, &a->service, &b->service);
        }
        for (unsigned m = 0; m < d->after->mirrors; m++) {
                const struct config_mirror *b = &d->after->mirror[m];
                if (config_mirror_by_label(d->before, b->label) < 0)
                        say(d, CONFIG_AT_ONCE, "mirror %s: new; then: hamonctl mirror create %s", b->name, b->name);
        }
}

static void diff_rest(struct diff *d)
{
        const struct config_api *a = &d->before->api, *b = &d->after->api;
        bool same = a->listens == b->listens && a->hosts == b->hosts && a->changes == b->changes && strcmp(a->certificate, b->certificate) == 0 &&
                    strcmp(a->key, b->key) == 0;
        for (unsigned i = 0; same && i < a->listens; i++)
                same = a->listen[i].port == b->listen[i].port && strcmp(a->listen[i].address.text, b->listen[i].address.text) == 0;
        for (unsigned i = 0; same && i < a->hosts; i++)
                same = strcmp(a->host[i], b->host[i]) == 0;
        if (!same)
                say(d, CONFIG_AT_ONCE, "the API on TCP: %u address%s, changes = %s", b->listens, b->listens == 1 ? "" : "es", b->changes ? "yes" : "no");
        const struct config_notify *n = &d->before->notify, *o = &d->after->notify;
        if (strcmp(n->exec, o->exec) != 0 || strcmp(n->webhook, o->webhook) != 0 || strcmp(n->webhook_ca, o->webhook_ca) != 0 || n->severity != o->severity ||
            n->repeat_ms != o->repeat_ms)
                say(d, CONFIG_AT_ONCE, "who is told of events");
}

unsigned config_diff(const struct config *before, const struct config *after, void (*report)(void *userdata, enum config_effect effect, const char *sentence),
                     void *userdata)
{
        struct diff d = {.before = before, .after = after, .report = report, .userdata = userdata};
        diff_cluster(&d);
        diff_voters(&d);
        diff_mirrors(&d);
        diff_rest(&d);
        return d.impossible;
}

bool config_shortens_lease(const struct config *before, const struct config *after)
{
        return after->timers.lease_ms < before->timers.lease_ms;
}
