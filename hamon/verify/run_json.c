/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/verify/run_json.h"

#include "base/statefile.h"
#include "hamon/api/json_take.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWNER "hamon-verify"
#define VERSION 1u

json_t *verify_run_json(const struct verify_run *run)
{
        json_t *ranges = json_array();

        for (uint32_t i = 0; i < run->ranges; i++)
                json_array_append_new(ranges, json_pack("{s:o, s:o}", "offset_bytes", json_of_u64(run->range[i].offset_bytes), "size_bytes",
                                                        json_of_u64(run->range[i].size_bytes)));
        return json_pack("{s:s, s:b, s:i, s:[o, o], s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "state", verify_state_word(run->state), "scheduled",
                         (int)run->scheduled, "node", (int)run->node, "legs", json_of_uuid(&run->leg[0]), json_of_uuid(&run->leg[1]), "began",
                         json_of_u64(run->began_s), "ended", json_of_u64(run->ended_s), "pause_until", json_of_u64(run->pause_until_s), "size_bytes",
                         json_of_u64(run->size_bytes), "position_bytes", json_of_u64(run->position_bytes), "differing_blocks",
                         json_of_u64(run->differing), "ranges", ranges, "why", run->why);
}

static bool legs_take(const json_t *list, struct uuid ret[NODES])
{
        for (unsigned n = 0; n < NODES; n++) {
                const char *text = json_string_value(json_array_get(list, n));
                if (!text || uuid_parse(text, &ret[n]) < 0)
                        return false;
        }
        return json_array_size(list) == NODES;
}

int verify_run_take(const json_t *j, struct verify_run *ret)
{
        struct json_take t = json_take_from(j);
        int state = verify_state_by_word(json_take_string(&t, "state"));
        struct verify_run run = {
            .scheduled = json_take_bool(&t, "scheduled"),
            .node = (uint8_t)json_take_int(&t, "node", 0, NODES - 1),
            .began_s = json_take_u64(&t, "began"),
            .ended_s = json_take_u64(&t, "ended"),
            .pause_until_s = json_take_u64(&t, "pause_until"),
            .size_bytes = json_take_u64(&t, "size_bytes"),
            .position_bytes = json_take_u64(&t, "position_bytes"),
            .differing = json_take_u64(&t, "differing_blocks"),
        };
        bool good = legs_take(json_take_value(&t, "legs"), run.leg) && state >= 0;
        const json_t *ranges = json_take_value(&t, "ranges");
        good = good && json_is_array(ranges) && json_array_size(ranges) <= VERIFY_RANGES_MAX;
        for (; good && run.ranges < json_array_size(ranges); run.ranges++) {
                struct json_take r = json_take_from(json_array_get(ranges, run.ranges));
                run.range[run.ranges].offset_bytes = json_take_u64(&r, "offset_bytes");
                run.range[run.ranges].size_bytes = json_take_u64(&r, "size_bytes");
                good = json_take_end(&r) == 0;
        }
        (void)snprintf(run.why, sizeof run.why, "%s", json_take_string(&t, "why")); /* it was cut when it was made */
        if (json_take_end(&t) < 0 || !good)
                return -EPROTO;
        run.state = (enum verify_state)state;
        *ret = run;
        return 0;
}

int verify_memory_read(const char *path, struct verify_memory *ret)
{
        struct verify_memory m = {.since_s = 0};
        unsigned version;
        char *payload;
        size_t size;

        int r = statefile_read(path, OWNER, VERSION, &version, &payload, &size);
        if (r < 0)
                return r;
        json_t *j = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);
        struct json_take t = json_take_from(j);
        m.since_s = json_take_u64(&t, "since");
        bool good = legs_take(json_take_value(&t, "legs"), m.leg);
        good = verify_run_take(json_take_value(&t, "last"), &m.last) == 0 && verify_run_take(json_take_value(&t, "run"), &m.run) == 0 && good;
        r = json_take_end(&t) == 0 && good ? 0 : -EBADMSG;
        json_decref(j);
        free(payload);
        if (r == 0)
                *ret = m;
        return r;
}

int verify_memory_write(const char *path, const struct verify_memory *m)
{
        json_t *j = json_pack("{s:o, s:[o, o], s:o, s:o}", "since", json_of_u64(m->since_s), "legs", json_of_uuid(&m->leg[0]), json_of_uuid(&m->leg[1]), "last",
                              verify_run_json(&m->last), "run", verify_run_json(&m->run));
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

        json_decref(j);
        if (!text)
                return -ENOMEM;
        int r = statefile_write(path, OWNER, VERSION, text, strlen(text));
        free(text);
        return r;
}
