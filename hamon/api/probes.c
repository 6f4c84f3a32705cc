/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers by status code alone, for load balancers and supervisors: 200 or 503. Public: they tell no more than the service itself does.
 * A snapshot that is too old proves nothing any more, and is a "no". Runs in an HTTP thread.
 */
#include "hamon/api/call.h"

enum { LOOP_STUCK_MS = 5000 };

static uint64_t age_ms(const struct api_call *c)
{
        return c->now_ms - c->snapshot->taken_ms;
}

static int answer(struct api_call *c, struct http_response *resp, bool yes, const char *name, json_t *value)
{
        resp->status = yes ? 200 : 503;
        resp->content_type = "application/json"; /* a "no" is an answer, not a problem */
        const char *mirror = c->mirror < c->api->config->mirrors ? c->api->config->mirror[c->mirror].name : NULL;
        json_t *j = json_pack("{s:o}", name, value);
        if (mirror)
                json_object_set_new(j, "mirror", json_string(mirror));
        return answer_json(resp, j);
}

/* The loop turns. */
int get_healthz(struct api_call *c, struct http_response *resp)
{
        bool yes = c->snapshot && age_ms(c) < LOOP_STUCK_MS;
        c->mirror = MIRRORS_MAX;
        return answer(c, resp, yes, "healthy", json_boolean(yes));
}

/* The loop turns, its memory can be written, and hamon-act is there (a witness has none). */
int get_readyz(struct api_call *c, struct http_response *resp)
{
        const struct snapshot *s = c->snapshot;
        bool yes = s && age_ms(c) < LOOP_STUCK_MS && s->state_error == 0 && (s->self == WITNESS || s->act_ready);
        c->mirror = MIRRORS_MAX;
        return answer(c, resp, yes, "ready", json_boolean(yes));
}

/* Active here, under a lease that is valid at this moment. null: this hamon does not know its own role. */
int probe_primary(struct api_call *c, struct http_response *resp)
{
        bool known = false, yes = false;
        if (c->snapshot) {
                const struct mirror_view *v = &c->snapshot->mirror[c->mirror];
                known = v->role != ROLE_UNKNOWN;
                yes = v->role == ROLE_PRIMARY && v->lease_valid && v->lease_left_ms > age_ms(c);
        }
        return answer(c, resp, yes, "primary", known ? json_boolean(yes) : json_null());
}

/* Standby here, and nothing is missing from this node's leg; null as well while the other node, which may have gone on without it, is not heard. */
int probe_secondary(struct api_call *c, struct http_response *resp)
{
        bool known = false, yes = false;
        if (c->snapshot && age_ms(c) < LOOP_STUCK_MS && c->snapshot->self < NODES) {
                const struct mirror_view *v = &c->snapshot->mirror[c->mirror];
                known = v->role != ROLE_UNKNOWN && (v->role != ROLE_STANDBY || c->snapshot->node[1 - c->snapshot->self].alive);
                yes = known && v->role == ROLE_STANDBY && v->record.primary != c->snapshot->self && v->record.legs[c->snapshot->self].in_sync;
        }
        return answer(c, resp, yes, "secondary", known ? json_boolean(yes) : json_null());
}

/* Both legs hold every acknowledged write, as far as the highest record says that this node knows, and the other node is heard. */
int probe_insync(struct api_call *c, struct http_response *resp)
{
        bool known = false, yes = false;
        if (c->snapshot && age_ms(c) < LOOP_STUCK_MS) {
                const struct snapshot *s = c->snapshot;
                const struct record *r = &s->mirror[c->mirror].record;
                known = r->version != 0;
                yes = known && r->legs[0].in_sync && r->legs[1].in_sync;
                for (uint8_t n = 0; n < NODES; n++)
                        yes = yes && (n == s->self || s->node[n].alive);
        }
        return answer(c, resp, yes, "insync", known ? json_boolean(yes) : json_null());
}
