/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions about the state: why is it so and what unblocks it, what if a part fails now. The answers are the core's verdict and the facts
 * that it stands on; nothing is decided here. Runs in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/json_take.h"
#include "hamon/api/words.h"

#include <stdio.h>
#include <string.h>

static uint8_t peer_of(const struct snapshot *s)
{
        return s->self < NODES ? (uint8_t)(1 - s->self) : NO_NODE;
}

void api_add_fact(json_t *facts, const char *fact, bool holds, enum reason reason, const struct api_call *c, unsigned mirror, uint8_t node)
{
        json_t *why = holds ? json_null() : api_reason(c, mirror, reason, node);
        json_array_append_new(facts, json_pack("{s:s, s:b, s:o}", "fact", fact, "holds", (int)holds, "else", why));
}

/* What the state of a mirror stands on, the most basic first. */
static json_t *facts_json(const struct api_call *c, unsigned m)
{
        const struct snapshot *s = c->snapshot;
        const struct mirror_view *v = &s->mirror[m];
        const struct record *r = &v->record;
        uint8_t peer = peer_of(s);
        json_t *facts = json_array();
        if (s->self < NODES)
                api_add_fact(facts, "hamon-act is connected", s->act_ready, REASON_ACT_LOST, c, m, s->self);
        api_add_fact(facts, "the mirror was created", r->version != 0, REASON_NOT_CREATED, c, m, s->self);
        if (peer != NO_NODE)
                api_add_fact(facts, "the other node is heard", s->node[peer].alive, REASON_NODE_DEAD, c, m, peer);
        if (s->config->has_witness && s->self != WITNESS)
                api_add_fact(facts, "the witness is heard", s->node[WITNESS].alive, REASON_WITNESS_LOST, c, m, WITNESS);
        for (uint8_t n = 0; n < NODES && r->version != 0; n++) {
                char fact[96];
                (void)snprintf(fact, sizeof fact, "the leg of %s is in sync", s->config->voters[n].name); /* fits */
                api_add_fact(facts, fact, r->legs[n].in_sync, r->legs[n].inconsistent ? REASON_RESYNC : REASON_DEGRADED, c, m, n);
        }
        if (v->role == ROLE_PRIMARY) {
                api_add_fact(facts, "the lease is valid", v->lease_valid && v->lease_left_ms > c->now_ms - s->taken_ms, REASON_LEASE_LOST, c, m, s->self);
                if (s->config->mirror[m].service.present)
                        api_add_fact(facts, "the service runs", s->act_ready && v->observed.service_running, REASON_SERVICE_FAILED, c, m, s->self);
        }
        return facts;
}

bool api_mirror_is_wanted(struct api_call *c, unsigned m)
{
        const char *name = call_query(c, "mirror");
        return !name || strcmp(name, c->api->config->mirror[m].name) == 0;
}

bool api_mirror_is_known(struct api_call *c, struct http_response *resp)
{
        const char *name = call_query(c, "mirror");
        char detail[SENTENCE_SIZE];
        if (!name || config_mirror_index(c->api->config, name) >= 0)
                return true;
        (void)snprintf(detail, sizeof detail, "no mirror '%.32s' in the configuration", name);
        (void)http_response_problem(resp, 404, "unknown-mirror", "no such mirror", detail, "hamonctl status");
        return false;
}

int get_explain(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp) || !api_mirror_is_known(c, resp))
                return 0;
        const struct snapshot *s = c->snapshot;
        json_t *list = json_array();
        for (unsigned m = 0; m < s->config->mirrors; m++) {
                const struct mirror_view *v = &s->mirror[m];
                if (!api_mirror_is_wanted(c, m))
                        continue;
                json_t *facts = facts_json(c, m), *unblocks = json_array(), *fact;
                size_t i;
                json_array_foreach(facts, i, fact)
                        if (!json_is_true(json_object_get(fact, "holds"))) {
                                const char *next = json_string_value(json_object_get(json_object_get(fact, "else"), "next"));
                                if (next && *next)
                                        json_array_append_new(unblocks, json_string(next));
                        }
                json_t *reason = snapshot_reason_json(s, m);
                const char *next = json_string_value(json_object_get(reason, "next"));
                if (next && *next)
                        json_array_insert_new(unblocks, 0, json_string(next));
                json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "mirror", s->config->mirror[m].name, "health",
                                                      health_word(v->health), "role", role_word(v->role), "reason", reason, "facts", facts,
                                                      "unblocked_by", unblocks, "waiting_for",
                                                      v->waiting_for ? json_string(v->waiting_for) : json_null()));
        }
        return answer_view(c, resp, json_pack("{s:o}", "explain", list));
}

/* -- What if ---------------------------------------------------------------------------------------------------------------------- */

enum fault { FAULT_NODE_0, FAULT_NODE_1, FAULT_WITNESS, FAULT_LINK, FAULT_LEG, FAULT_OWN_LEG, FAULT_NONE };

static enum fault parse_fault(const struct api_call *c, const char *text)
{
        int voter = text ? config_voter_index(c->api->config, text) : -1;
        if (voter >= 0)
                return voter == WITNESS ? FAULT_WITNESS : voter == 0 ? FAULT_NODE_0 : FAULT_NODE_1;
        if (text && strcmp(text, "witness") == 0 && c->api->config->has_witness)
                return FAULT_WITNESS;
        if (text && strcmp(text, "link") == 0)
                return FAULT_LINK;
        if (text && strcmp(text, "leg") == 0)
                return FAULT_LEG;
        if (text && strcmp(text, "primary-leg") == 0)
                return FAULT_OWN_LEG;
        return FAULT_NONE;
}

/* The core's verdict, and the node that its sentence names. */
static enum reason foresee(const struct snapshot *s, unsigned m, enum fault fault, uint8_t *ret_node)
{
        const struct mirror_view *v = &s->mirror[m];
        uint8_t primary = v->record.primary < NODES ? v->record.primary : NO_NODE, other = primary < NODES ? (uint8_t)(1 - primary) : NO_NODE;
        enum reason r;
        switch (fault) {
        case FAULT_NODE_0:
        case FAULT_NODE_1:
                r = fault == s->self ? v->if_self_fails : v->if_peer_fails;
                *ret_node = forecast_subject(r, (uint8_t)fault, (uint8_t)(1 - fault));
                return r;
        case FAULT_WITNESS:
                *ret_node = forecast_subject(v->if_witness_fails, (uint8_t)(1 - s->self), WITNESS); /* it freezes where the other node is silent */
                return v->if_witness_fails;
        case FAULT_LINK:
                *ret_node = forecast_subject(v->if_link_fails, other, primary);
                return v->if_link_fails;
        case FAULT_LEG:
                *ret_node = primary;
                return v->if_standby_leg_fails;
        case FAULT_OWN_LEG:
        case FAULT_NONE:
                break;
        }
        *ret_node = v->if_primary_leg_fails == REASON_WILL_STOP ? primary : other;
        return v->if_primary_leg_fails;
}

int get_simulate(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp) || !api_mirror_is_known(c, resp))
                return 0;
        const struct snapshot *s = c->snapshot;
        enum fault fault = parse_fault(c, call_query(c, "fail"));
        if (fault == FAULT_NONE)
                return http_response_problem(resp, 400, "unknown-part", "no such part",
                                             "'fail' must be the name of a node, or witness, link, leg (of the standby) or primary-leg", NULL);
        if (s->self >= NODES)
                return http_response_problem(resp, 409, "wrong-node", "the witness holds no data",
                                             "this is the witness: it knows no mirror's state", "ask a node");
        json_t *list = json_array();
        for (unsigned m = 0; m < s->config->mirrors; m++) {
                uint8_t node;
                if (!api_mirror_is_wanted(c, m))
                        continue;
                enum reason reason = foresee(s, m, fault, &node);
                json_array_append_new(list, json_pack("{s:s, s:o}", "mirror", s->config->mirror[m].name, "outcome", api_reason(c, m, reason, node)));
        }
        return answer_view(c, resp, json_pack("{s:s, s:o}", "fail", call_query(c, "fail"), "simulate", list));
}
