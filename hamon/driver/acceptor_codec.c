/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/driver/acceptor_codec.h"

#include "hamon/api/json_take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json_t *ballot_json(const struct ballot *b)
{
        return json_pack("{s:o, s:i, s:o}", "n", json_of_u64(b->n), "node", (int)b->node, "start", json_of_u64(b->start));
}

static json_t *record_json(const struct record *r)
{
        json_t *legs = json_array(), *voters = json_array();
        bool whole = true;
        for (int i = 0; i < NODES; i++)
                whole &= 0 == json_array_append_new(legs, json_pack("{s:o, s:b, s:b, s:b}", "uuid", json_of_uuid(&r->legs[i].uuid), "in_sync",
                                                            (int)r->legs[i].in_sync, "inconsistent", (int)r->legs[i].inconsistent, "doubtful",
                                                            (int)r->legs[i].doubtful));
        for (int i = 0; i < VOTERS; i++)
                whole &= 0 == json_array_append_new(voters, json_of_uuid(&r->voters[i]));
        json_t *j = json_pack("{s:o, s:o, s:i, s:o, s:o, s:b, s:I, s:o, s:o}", "version", json_of_u64(r->version), "epoch",
                         json_of_u64(r->epoch), "primary", (int)r->primary, "primary_boot", json_of_uuid(&r->primary_boot), "legs",
                         legs, "maintenance", (int)(r->maintenance_until_s != 0), "voters_generation", (json_int_t)r->voters_generation, "voters",
                         voters, "change", json_of_uuid(&r->change));
        whole &= !j || !r->maintenance_until_s || json_object_set_new(j, "maintenance_until", json_of_u64(r->maintenance_until_s)) == 0;
        if (!whole) {
                json_decref(j);
                j = NULL;
        }
        return j;
}

static json_t *seen_json(const struct acceptor_state *a)
{
        json_t *seen = json_array();
        bool whole = true;
        for (int i = 0; i < VOTERS; i++)
                whole &= 0 == json_array_append_new(seen, json_pack("{s:o, s:o}", "voter", json_of_uuid(&a->seen[i].voter), "accepted",
                                                            ballot_json(&a->seen[i].accepted)));
        if (!whole) {
                json_decref(seen);
                seen = NULL;
        }
        return seen;
}

int acceptor_encode(const struct acceptor_state *a, char **ret_text)
{
        /* json_pack() with a NULL member or json_dumps(NULL) gives NULL, and a list that lacks an element is NULL: out of memory shows here, once. */
        json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:o}", "voter", json_of_uuid(&a->voter), "promised", ballot_json(&a->promised),
                              "accepted", ballot_json(&a->accepted), "value", record_json(&a->value), "seen", seen_json(a));
        char *text = j ? json_dumps(j, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
        json_decref(j);
        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}

static bool node_is_valid(int64_t node)
{
        return node < VOTERS || node == NO_NODE;
}

static struct ballot ballot_take(struct json_take *from, const char *key)
{
        struct json_take t = json_take_from(json_take_value(from, key));
        struct ballot b = {
                .n = json_take_u64(&t, "n"),
                .node = (uint8_t)json_take_int(&t, "node", 0, NO_NODE),
                .start = json_take_u64(&t, "start"),
        };
        if (json_take_end(&t) < 0 || !node_is_valid(b.node))
                from->bad = true;
        return b;
}

static struct record record_take(struct json_take *from, const char *key)
{
        struct json_take t = json_take_from(json_take_value(from, key));
        struct record r = {
                .version = json_take_u64(&t, "version"),
                .epoch = json_take_u64(&t, "epoch"),
                .primary = (uint8_t)json_take_int(&t, "primary", 0, NO_NODE),
                .primary_boot = json_take_uuid(&t, "primary_boot"),
                .voters_generation = (uint32_t)json_take_int(&t, "voters_generation", 0, UINT32_MAX),
                .change = json_take_uuid(&t, "change"),
        };
        if (json_take_bool(&t, "maintenance")) {
                r.maintenance_until_s = json_take_u64(&t, "maintenance_until");
                t.bad = t.bad || r.maintenance_until_s == 0;
        }
        if (r.primary != NO_NODE && r.primary >= NODES)
                t.bad = true;
        const json_t *legs = json_take_value(&t, "legs"), *voters = json_take_value(&t, "voters");
        if (json_array_size(legs) != NODES || json_array_size(voters) != VOTERS)
                t.bad = true;
        for (size_t i = 0; i < NODES && !t.bad; i++) {
                struct json_take leg = json_take_from(json_array_get(legs, i));
                r.legs[i].uuid = json_take_uuid(&leg, "uuid");
                r.legs[i].in_sync = json_take_bool(&leg, "in_sync");
                r.legs[i].inconsistent = json_take_bool(&leg, "inconsistent");
                if (json_take_has(&leg, "doubtful")) /* not in files of before 0.2 */
                        r.legs[i].doubtful = json_take_bool(&leg, "doubtful");
                t.bad = json_take_end(&leg) < 0;
        }
        for (size_t i = 0; i < VOTERS && !t.bad; i++) {
                const char *text = json_string_value(json_array_get(voters, i));
                t.bad = !text || uuid_parse(text, &r.voters[i]) < 0;
        }
        if (json_take_end(&t) < 0)
                from->bad = true;
        return r;
}

static void seen_take(struct json_take *from, const char *key, struct voter_seen ret[VOTERS])
{
        const json_t *seen = json_take_value(from, key);
        if (json_array_size(seen) != VOTERS)
                from->bad = true;
        for (size_t i = 0; i < VOTERS && !from->bad; i++) {
                struct json_take t = json_take_from(json_array_get(seen, i));
                ret[i].voter = json_take_uuid(&t, "voter");
                ret[i].accepted = ballot_take(&t, "accepted");
                if (json_take_end(&t) < 0)
                        from->bad = true;
        }
}

int acceptor_decode(const char *text, size_t size_bytes, struct acceptor_state *ret)
{
        json_error_t error;
        json_t *j = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &error);
        if (!j)
                return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EPROTO;
        struct json_take t = json_take_from(j);
        struct acceptor_state a = {
                .voter = json_take_uuid(&t, "voter"),
                .promised = ballot_take(&t, "promised"),
                .accepted = ballot_take(&t, "accepted"),
                .value = record_take(&t, "value"),
        };
        if (json_take_has(&t, "seen")) /* not in files of version 1 */
                seen_take(&t, "seen", a.seen);
        int r = json_take_end(&t);
        json_decref(j);
        if (r == 0)
                *ret = a;
        return r;
}
