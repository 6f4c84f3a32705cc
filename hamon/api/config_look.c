/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/config_change.h"

#include "hamon/api/config_json.h"
#include "hamon/api/config_local.h"
#include "hamon/api/config_step.h"
#include "hamon/config_diff.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLOCKS_APART_MS = 2000 /* maintenance, certificates and events go by the clock */ };

static int64_t wall_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void look_at(struct config_change *c, unsigned voter)
{
        char error[256] = "";
        struct forward_answer answer = {0};
        int64_t before = wall_ms();
        json_t *said = NULL;
        if (voter == c->a->self) {
                said = config_step_check(c->a, c->text);
        } else {
                int e = change_ask(c, voter, change_step(c, "check", true), &answer, error, sizeof error);
                if (e == 0 && answer.status == 200)
                        said = json_incref(answer.body);
                else
                        config_finding(c->findings, change_name_of(c, voter), "error", "unreachable", "bring it back, or go on without it (--without): it takes the new one over when it is back",
                                       "%s does not answer: %s", change_name_of(c, voter), e < 0 ? error : "its hamon is of another version");
        }
        int64_t after = wall_ms(), theirs = json_integer_value(json_object_get(json_object_get(said, "facts"), "wall_ms"));
        int64_t apart = theirs < before ? before - theirs : theirs > after ? theirs - after : 0;
        if (theirs && apart > CLOCKS_APART_MS)
                config_finding(c->findings, change_name_of(c, voter), "warning", "clock", "set the clocks (timedatectl, chrony)", "the clock of %s is %" PRId64 " s away from that of %s", change_name_of(c, voter),
                               apart / 1000, change_name_of(c, c->a->self));
        json_array_extend(c->findings, json_object_get(said, "findings"));
        json_object_set_new(c->machines, change_name_of(c, voter), said ? said : json_null());
        forward_answer_release(&answer);
}

static const json_t *fact_of(const struct config_change *c, unsigned voter, const char *fact)
{
        return json_object_get(json_object_get(json_object_get(c->machines, change_name_of(c, voter)), "facts"), fact);
}

/* Link i of one machine talks to link i of the other: a large packet that one side sends and the other drops is a link that looks well and is not. */
static void compare_mtu(struct config_change *c)
{
        const json_t *a = fact_of(c, 0, "mtu"), *b = fact_of(c, 1, "mtu");
        for (size_t i = 0; i < json_array_size(a) && i < json_array_size(b); i++) {
                json_int_t x = json_integer_value(json_array_get(a, i)), y = json_integer_value(json_array_get(b, i));
                if (x && y && x != y)
                        config_finding(c->findings, change_name_of(c, 1), "warning", "mtu", "set both to the same (ip link set dev ... mtu)", "link %zu has an MTU of %lld on %s and of %lld on %s", i + 1,
                                       (long long)x, change_name_of(c, 0), (long long)y, change_name_of(c, 1));
        }
}

static void compare_sizes(struct config_change *c)
{
        const json_t *a = fact_of(c, 0, "devices"), *b = fact_of(c, 1, "devices");
        const char *mirror;
        json_t *size;
        json_object_foreach((json_t *)a, mirror, size)
        {
                json_int_t x = json_integer_value(size), y = json_integer_value(json_object_get(b, mirror));
                if (y && x != y)
                        config_finding(c->findings, change_name_of(c, x < y ? 0 : 1), "info", "size", "", "the disks of mirror %s differ in size: it is as large as the smaller one, of %lld bytes", mirror,
                                       (long long)(x < y ? x : y));
        }
}

/* Of the configuration as a whole, and of its place among the versions. */
static void look_at_whole(struct config_change *c)
{
        const struct api *a = c->a;
        const char *self = change_name_of(c, a->self), *name, *primary = NULL;
        struct config_seen seen;
        json_t *said;
        config_keep_look(a->configs, &seen);
        uint64_t latest = seen.version > seen.next_version ? seen.version : seen.next_version, v;
        json_object_foreach(c->machines, name, said)
        {
                const char *hash = json_string_value(json_object_get(said, "hash")), *version = json_string_value(json_object_get(said, "version")),
                           *waits = json_string_value(json_object_get(said, "waits"));
                if (hash && strcmp(hash, a->config_hash) != 0)
                        config_finding(c->findings, name, "warning", "differs", "look at both: hamonctl config show", "%s runs another configuration than %s now; this one replaces both", name, self);
                if (waits && strcmp(name, self) != 0)
                        config_finding(c->findings, name, "warning", "waits", "", "version %s of the configuration waits on %s; this one replaces it", waits, name);
                latest = version && parse_u64(version, &v) && v > latest ? v : latest;
                latest = waits && parse_u64(waits, &v) && v > latest ? v : latest;
        }
        c->next.version = latest + 1;
        if (c->config->version != 0 && c->config->version != seen.version)
                config_finding(c->findings, self, "error", "stale", "hamonctl config show, make the change there again", "it was made from version %" PRIu64 ", and version %" PRIu64 " runs now",
                               c->config->version, seen.version);
        size_t i;
        const json_t *change;
        json_array_foreach(c->changes, i, change)
                if (strcmp(json_string_value(json_object_get(change, "effect")), "impossible") == 0)
                        config_finding(c->findings, self, "error", "impossible", "leave that as it is", "%s", json_string_value(json_object_get(change, "what")));
        const struct snapshot *s = snapshot_get(a->snapshots);
        for (unsigned m = 0; s && m < a->config->mirrors; m++)
                if (s->mirror[m].record.primary == a->self)
                        primary = a->config->mirror[m].name;
        snapshot_release(a->snapshots, s);
        if (primary && config_shortens_lease(a->config, c->config))
                config_finding(c->findings, self, "error", "order", "ask for it on the other node or the witness, when all mirrors are active on one node",
                               "a shorter lease has to count on the node where %s is active first, and this one begins anew last", primary);
}

/* What whoever asked sees to before he applies it. */
static void pass_over(json_t *findings, const char *code)
{
        for (size_t i = json_array_size(findings); code && i > 0; i--)
                if (strcmp(json_string_value(json_object_get(json_array_get(findings, i - 1), "code")), code) == 0)
                        (void)json_array_remove(findings, i - 1);
}

bool change_look(struct config_change *c)
{
        c->config = calloc(1, sizeof *c->config);
        if (!c->config || !config_step_read(c->text, change_name_of(c, c->a->self), c->findings, c->config, c->next.hash))
                return false;
        config_local_changes(c->a->config, c->config, c->changes);
        for (unsigned v = 0; v < VOTERS; v++)
                if (change_is_part(c, v))
                        look_at(c, v);
        compare_mtu(c);
        compare_sizes(c);
        look_at_whole(c);
        pass_over(c->findings, c->past);
        return change_count(c->findings, "error") == 0;
}
