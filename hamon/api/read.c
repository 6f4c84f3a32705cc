/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this node sees: the snapshot, whole or in parts. Every part says whose view it is and how old. Runs in an HTTP thread. */
#include "hamon/api/call.h"
#include "hamon/api/json_take.h"
#include "hamon/api/service_json.h"

#include <errno.h>
#include <string.h>

/* Who asks, and what that one may do: so that a page offers nothing that would be refused. */
int get_access(struct api_call *c, struct http_response *resp)
{
        const struct config *config = c->api->config;
        const char *role = c->access == ACCESS_LOCAL ? "local" : c->access == ACCESS_OPERATOR ? "operator" : "viewer";
        return answer_json(resp, json_pack("{s:s, s:s, s:s, s:b}", "node", config->voters[c->api->self].name, "who", c->who, "role", role, "changes",
                                           (int)(c->entrance != ENTRANCE_TCP || config->api.changes)));
}

int get_status(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        answer_etag(c, MIRRORS_MAX, resp);
        json_t *j = status_json(c->snapshot, c->now_ms), *node = json_object_get(j, "node");
        json_object_set_new(node, "config_differs", config_differs(c->api));
        return answer_json(resp, j);
}

/* A member of the status; the caller owns the reference. */
static json_t *part_of_status(const struct api_call *c, const char *key)
{
        json_t *status = status_json(c->snapshot, c->now_ms);
        json_t *part = json_incref(json_object_get(status, key));
        json_decref(status);
        return part;
}

int get_node(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        json_t *node = part_of_status(c, "node"), *reasons = part_of_status(c, "reasons");
        answer_etag(c, MIRRORS_MAX, resp);
        json_object_set_new(node, "age_ms", json_integer((json_int_t)(c->now_ms - c->snapshot->taken_ms)));
        json_object_set_new(node, "reasons", reasons);
        json_object_set_new(node, "cluster", json_string(c->api->config->cluster));
        return answer_json(resp, node);
}

int get_mirrors(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        return answer_view(c, resp, json_pack("{s:o}", "mirrors", part_of_status(c, "mirrors")));
}

int get_mirror(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        json_t *mirrors = part_of_status(c, "mirrors");
        json_t *mirror = json_incref(json_array_get(mirrors, c->mirror));
        json_decref(mirrors);
        answer_etag(c, c->mirror, resp);
        return answer_view(c, resp, mirror);
}

/* Each mirror's legs in one list. */
int get_legs(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        json_t *mirrors = part_of_status(c, "mirrors"), *legs = json_array(), *mirror, *leg;
        size_t i, k;
        json_array_foreach(mirrors, i, mirror)
                json_array_foreach(json_object_get(mirror, "legs"), k, leg)
                {
                        json_t *row = json_copy(leg);
                        json_object_set(row, "mirror", json_object_get(mirror, "name"));
                        json_array_append_new(legs, row);
                }
        json_decref(mirrors);
        return answer_view(c, resp, json_pack("{s:o}", "legs", legs));
}

/* Each path to each other voter, with what was measured on it. */
int get_links(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        json_t *nodes = part_of_status(c, "nodes"), *links = json_array(), *node, *link;
        size_t i, k;
        json_array_foreach(nodes, i, node)
                json_array_foreach(json_object_get(node, "links"), k, link)
                {
                        json_t *row = json_copy(link);
                        const char *peer = json_string_value(json_object_get(node, "name"));
                        json_object_set_new(row, "peer", json_string(peer));
                        add_rtt(c->api, row, (uint8_t)config_voter_index(c->api->config, peer));
                        json_array_append_new(links, row);
                }
        json_decref(nodes);
        return answer_view(c, resp, json_pack("{s:o}", "links", links));
}

int get_voters(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        json_t *nodes = part_of_status(c, "nodes"), *node;
        size_t i;
        json_array_foreach(nodes, i, node)
                (void)json_object_del(node, "links");
        return answer_view(c, resp, json_pack("{s:o}", "voters", nodes));
}

static json_t *text_or_null(const char *text)
{
        return *text ? json_string(text) : json_null();
}

static json_t *service_row(const struct snapshot *s, unsigned m)
{
        const struct config_service *service = &s->config->mirror[m].service;
        const struct mirror_view *v = &s->mirror[m];
        json_t *addresses = json_array(), *units = json_array();
        for (unsigned i = 0; i < service->addresses; i++)
                json_array_append_new(addresses, json_string(service->address[i].text));
        for (unsigned i = 0; i < service->units; i++)
                json_array_append_new(units, json_string(service->unit[i]));
        return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "mirror", s->config->mirror[m].name, "mount", text_or_null(service->mount),
                         "interface", text_or_null(service->interface), "addresses", addresses, "units", units, "state",
                         v->service_word ? json_string(v->service_word) : json_null(), "running",
                         (int)(s->act_ready && v->observed.service_running), "seen", service_json(s, m));
}

int get_services(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        json_t *services = json_array();
        for (unsigned m = 0; m < c->api->config->mirrors; m++)
                if (c->api->config->mirror[m].service.present)
                        json_array_append_new(services, service_row(c->snapshot, m));
        return answer_view(c, resp, json_pack("{s:o}", "services", services));
}
