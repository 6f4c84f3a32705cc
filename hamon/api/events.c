/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: asked for by number, or followed as server-sent events (hub.c). An event's full name is "LOG:NUMBER"; LOG is another one after each
 * start of hamon; a reader who was away over a restart goes on where it was, and one whose LOG is not known any more gets everything. Runs in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/hub.h"
#include "hamon/api/json_take.h"
#include "hamon/api/words.h"

#include <stdio.h>
#include <string.h>

/* "LOG:N" or "N"; of a log that is not known: 0 and *ret_other. False: neither. */
static bool parse_since(struct event_log *l, const char *text, uint64_t *ret, bool *ret_other)
{
        const char *colon = strchr(text, ':');
        char log[EVENT_LOG_NAME_SIZE] = "";
        *ret_other = false;
        if (!parse_u64(colon ? colon + 1 : text, ret))
                return false;
        if (!colon)
                return true;
        if ((size_t)(colon - text) < sizeof log)
                memcpy(log, text, (size_t)(colon - text));
        if (!event_log_resume(l, log, ret)) {
                *ret = 0;
                *ret_other = true;
        }
        return true;
}

static int bad_since(struct http_response *resp, const char *name)
{
        char detail[128];
        (void)snprintf(detail, sizeof detail, "%s must be the number of an event, or LOG:NUMBER", name); /* fits */
        return http_response_problem(resp, 400, "bad-number", "not a number", detail, NULL);
}

static int severity_of(const char *word)
{
        for (unsigned s = SEVERITY_OK; s <= SEVERITY_CRITICAL; s++)
                if (word && strcmp(word, severity_word((enum severity)s)) == 0)
                        return (int)s;
        return -1;
}

/* Of `events` those that are at least as urgent, and about that mirror (NULL: about anything). */
static json_t *chosen(const json_t *events, int least, const char *mirror)
{
        json_t *kept = json_array(), *event;
        size_t i;
        json_array_foreach(events, i, event)
        {
                const char *about = json_string_value(json_object_get(event, "mirror"));
                if (severity_of(json_string_value(json_object_get(event, "severity"))) >= least && (!mirror || (about && strcmp(about, mirror) == 0)))
                        json_array_append(kept, event);
        }
        return kept;
}

int get_events(struct api_call *c, struct http_response *resp)
{
        const char *text = call_query(c, "since");
        uint64_t since = 0;
        bool other = false;
        if (text && !parse_since(c->api->events, text, &since, &other))
                return bad_since(resp, "'since'");
        char mirror[CONFIG_NAME_SIZE] = "";
        int least = SEVERITY_OK;
        if (!api_mirror_is_known(c, resp))
                return 0;
        if ((text = call_query(c, "mirror")))
                (void)snprintf(mirror, sizeof mirror, "%s", text); /* one of ours: fits */
        if ((text = call_query(c, "severity")) && (least = severity_of(text)) < 0)
                return http_response_problem(resp, 400, "unknown-severity", "no such severity", "'severity' must be ok, info, warning or critical", NULL);
        json_t *j = event_log_json(c->api->events, since);
        json_object_set_new(j, "events", chosen(json_object_get(j, "events"), least, *mirror ? mirror : NULL));
        if (other)
                json_object_set_new(j, "lost", json_true());
        return answer_json(resp, j);
}

int follow_events(struct api_call *c, struct http_response *resp)
{
        const char *text = c->request ? http_request_header(c->request, "Last-Event-ID") : NULL, *name = "Last-Event-ID";
        uint64_t since = UINT64_MAX; /* only what comes from now on */
        bool other;
        if (!text) {
                text = call_query(c, "since");
                name = "'since'";
        }
        if (!c->request)
                return http_response_problem(resp, 400, "not-forwarded", "a stream is not forwarded", "follow the events at that node itself", NULL);
        if (text && !parse_since(c->api->events, text, &since, &other))
                return bad_since(resp, name);
        if (c->request->is_head)
                return http_response_problem(resp, 405, "wrong-method", "method not allowed", "a stream answers to GET only", NULL);
        if (hub_follow(c->api->hub, since, resp) == 0)
                return 0;
        http_response_header(resp, "Retry-After", "5");
        return http_response_problem(resp, 503, "too-many-followers", "too many followers", "as many follow the events as this node serves",
                                     "ask GET /v1/events?since=N instead");
}

/* What changed who is active and what is redundant, without the chatter. */
int get_history(struct api_call *c, struct http_response *resp)
{
        static const char *const kept[] = {"takeover-begin", "takeover-decided", "takeover-assembled", "service-up", "service-failed", "service-unhealthy", "service-given-up", "service-moves", "primary", "adopted",
                                           "leg-joined", "leg-left", "own-leg-failed", "deposed", "node-dead", "node-up", "node-rebooted",
                                           "node-leaving", "hamon-started", "command", "frozen", "lease-lost"};
        json_t *all = event_log_json(c->api->events, 0), *event, *history = json_array();
        size_t i;
        json_array_foreach(json_object_get(all, "events"), i, event)
        {
                const char *code = json_string_value(json_object_get(event, "reason"));
                for (size_t k = 0; code && k < sizeof kept / sizeof *kept; k++)
                        if (strcmp(code, kept[k]) == 0)
                                json_array_append(history, event);
        }
        json_t *j = json_pack("{s:o, s:O, s:O}", "history", history, "log", json_object_get(all, "log"), "lost", json_object_get(all, "lost"));
        json_decref(all);
        return answer_json(resp, j);
}
