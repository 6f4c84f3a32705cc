/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands: every one is checked for its form here and for its sense by the core; nothing waits for the loop. Runs in an HTTP thread.
 */
#include "hamon/api/begin.h"
#include "hamon/api/json_take.h"
#include "hamon/api/verifier.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* The body must be absent or an object with nothing but the given flag (and "node", when `ret_node` is wanted). */
static int take_body(const struct api_call *c, const char *flag, bool *ret_flag, const char **ret_node)
{
        *ret_flag = false;
        if (!c->body)
                return ret_node ? -EINVAL : 0;
        struct json_take t = json_take_from(c->body);
        if (flag && json_take_has(&t, flag))
                *ret_flag = json_take_bool(&t, flag);
        if (ret_node)
                *ret_node = json_take_string(&t, "node");
        return json_take_end(&t);
}

static int bad_body(struct http_response *resp)
{
        return http_response_problem(resp, 400, "bad-request", "the body is not what this command takes",
                                     "a member of the body is missing, unknown, or of another type", "see /v1/openapi.yaml");
}

static int needs_consent(struct http_response *resp, const char *what)
{
        return http_response_problem(resp, 409, reason_code(REASON_COMMAND_CONSENT), "typed consent is needed", what,
                                     "send \"confirm\": true");
}

int post_mirror_create(struct api_call *c, struct http_response *resp)
{
        struct operation wanted = {.type = COMMAND_CREATE, .mirror = c->mirror};
        struct json_take t = json_take_from(c->body);
        if (c->body && json_take_has(&t, "overwrite"))
                wanted.consent = json_take_bool(&t, "overwrite");
        if (c->body && json_take_has(&t, "leg_bytes"))
                wanted.leg_bytes = json_take_u64(&t, "leg_bytes");
        if (c->body && json_take_end(&t) < 0)
                return bad_body(resp);
        if (wanted.leg_bytes != 0 && wanted.leg_bytes < LEG_LEAST_BYTES) /* before the disk is written over for it */
                return http_response_problem(resp, 400, "bad-request", "a leg of that size is too small", "leg_bytes is at least 8388608 (8 MiB)", "leave it out for all that the disk has");
        return begin_wanted(c, &wanted, resp);
}

int post_mirror_join(struct api_call *c, struct http_response *resp)
{
        bool overwrite;
        return take_body(c, "overwrite", &overwrite, NULL) < 0 ? bad_body(resp) : begin_command(c, COMMAND_JOIN, c->mirror, overwrite, resp);
}

int post_mirror_switchover(struct api_call *c, struct http_response *resp)
{
        bool none;
        if (take_body(c, NULL, &none, NULL) < 0)
                return bad_body(resp);
        return begin_anywhere(c, &(struct operation){.type = COMMAND_SWITCHOVER, .mirror = c->mirror}, resp);
}

int post_mirror_service_restart(struct api_call *c, struct http_response *resp)
{
        bool none;
        if (take_body(c, NULL, &none, NULL) < 0)
                return bad_body(resp);
        return begin_anywhere(c, &(struct operation){.type = COMMAND_SERVICE_RESTART, .mirror = c->mirror}, resp);
}

/* Of this node alone: which part of it that is, its role says. */
int post_mirror_grow(struct api_call *c, struct http_response *resp)
{
        bool none;
        return take_body(c, NULL, &none, NULL) < 0 ? bad_body(resp) : begin_command(c, COMMAND_GROW, c->mirror, false, resp);
}

/* One node's part of DELETE /v1/mirrors/NAME (mirror_remove.c): by itself it would leave a mirror that nobody starts. */
int post_mirror_remove_part(struct api_call *c, struct http_response *resp)
{
        bool confirm;
        if (!call_is_of_a_hamon(c))
                return http_response_problem(resp, 403, "not-permitted", "this is among hamons", "a part of a removal is taken for another hamon of the cluster only",
                                             "DELETE /v1/mirrors/NAME removes the mirror");
        if (take_body(c, "confirm", &confirm, NULL) < 0)
                return bad_body(resp);
        return begin_command(c, COMMAND_REMOVE, c->mirror, confirm, resp);
}

/* {"action": "pause", "for_s": N} | {"action": "resume"} | {"action": "rate", "rate_kib": N or null} */
static int take_resync_order(const struct api_call *c, struct resync_order *ret)
{
        struct json_take t = json_take_from(c->body);
        const char *action = json_take_string(&t, "action");
        *ret = (struct resync_order){.wish = RESYNC_RESUME};
        if (strcmp(action, "pause") == 0) {
                ret->wish = RESYNC_PAUSE;
                if (json_take_has(&t, "for_s"))
                        ret->for_s = (uint32_t)json_take_int(&t, "for_s", 1, RESYNC_PAUSE_MOST_S);
        } else if (strcmp(action, "rate") == 0) {
                ret->wish = RESYNC_RATE;
                if (json_is_null(json_object_get(c->body, "rate_kib")))
                        (void)json_take_value(&t, "rate_kib");
                else
                        ret->rate_kib = (uint32_t)json_take_int(&t, "rate_kib", RESYNC_RATE_LEAST_KIB, RESYNC_RATE_MOST_KIB);
        } else if (strcmp(action, "resume") != 0) {
                return -EINVAL;
        }
        return json_take_end(&t);
}

int post_mirror_resync(struct api_call *c, struct http_response *resp)
{
        struct operation wanted = {.type = COMMAND_RESYNC, .mirror = c->mirror};
        if (!c->body || take_resync_order(c, &wanted.order) < 0)
                return bad_body(resp);
        return begin_anywhere(c, &wanted, resp);
}

/* {"action": "start" | "resume" | "cancel"} | {"action": "pause", "for_s": N} */
int post_mirror_verify(struct api_call *c, struct http_response *resp)
{
        struct operation wanted = {.verify = true, .mirror = c->mirror};
        struct json_take t = json_take_from(c->body);
        int wish = verify_wish_by_word(json_take_string(&t, "action"));
        if (wish == VERIFY_PAUSE && json_take_has(&t, "for_s"))
                wanted.for_s = (uint32_t)json_take_int(&t, "for_s", 1, VERIFY_PAUSE_MOST_S);
        if (!c->body || json_take_end(&t) < 0 || wish < 0)
                return bad_body(resp);
        wanted.wish = (uint8_t)wish;
        return begin_anywhere(c, &wanted, resp);
}

/* {"on": true, "for_s": N} | {"on": false}: it never lasts until somebody remembers it. */
int post_mirror_maintenance(struct api_call *c, struct http_response *resp)
{
        enum { LEAST_S = 60, MOST_S = 7 * 86400 };
        struct operation wanted = {.type = COMMAND_MAINTENANCE, .mirror = c->mirror};
        struct json_take t = json_take_from(c->body);
        bool on = json_take_bool(&t, "on");
        int64_t for_s = on ? json_take_int(&t, "for_s", LEAST_S, MOST_S) : 0;
        if (json_take_end(&t) < 0)
                return bad_body(resp);
        wanted.until_s = on ? (uint64_t)(time(NULL) + for_s) : 0;
        return begin_anywhere(c, &wanted, resp); /* any node can have it decided; the primary's word meets no other on the way */
}

int post_mirror_start_alone(struct api_call *c, struct http_response *resp)
{
        bool confirm;
        if (take_body(c, "confirm", &confirm, NULL) < 0)
                return bad_body(resp);
        if (!confirm)
                return needs_consent(resp, "this node may lack acknowledged writes: starting it alone gives them up");
        return begin_command(c, COMMAND_START_ALONE, c->mirror, true, resp);
}

int post_mirror_force_primary(struct api_call *c, struct http_response *resp)
{
        bool confirm;
        if (take_body(c, "confirm", &confirm, NULL) < 0)
                return bad_body(resp);
        if (!confirm)
                return needs_consent(resp, "this node's copy lacks acknowledged writes: making it the data gives them up for good");
        return begin_command(c, COMMAND_FORCE_PRIMARY, c->mirror, true, resp);
}

int post_node_leave(struct api_call *c, struct http_response *resp)
{
        bool none;
        return take_body(c, NULL, &none, NULL) < 0 ? bad_body(resp) : begin_command(c, COMMAND_LEAVE, MIRRORS_MAX, true, resp);
}

int post_witness_replace(struct api_call *c, struct http_response *resp)
{
        bool none;
        return take_body(c, NULL, &none, NULL) < 0 ? bad_body(resp) : begin_command(c, COMMAND_REPLACE_WITNESS, MIRRORS_MAX, true, resp);
}

int post_node_test_fence(struct api_call *c, struct http_response *resp)
{
        bool confirm;
        if (take_body(c, "confirm", &confirm, NULL) < 0)
                return bad_body(resp);
        if (!confirm)
                return needs_consent(resp, "this node is rebooted at once, without stopping anything in order");
        return begin_command(c, COMMAND_TEST_FENCE, MIRRORS_MAX, true, resp);
}

int post_node_confirm_dead(struct api_call *c, struct http_response *resp)
{
        const struct api *a = c->api;
        bool confirm;
        const char *node;
        if (take_body(c, "confirm", &confirm, &node) < 0)
                return bad_body(resp);
        if (a->self < NODES && config_voter_index(a->config, node) != 1 - a->self)
                return http_response_problem(resp, 404, "unknown-node", "no such node", "only the other node can be confirmed dead", NULL);
        if (!confirm)
                return needs_consent(resp, "if that node still runs, both would write: be sure that it is off");
        return begin_command(c, COMMAND_CONFIRM_DEAD, MIRRORS_MAX, true, resp);
}
