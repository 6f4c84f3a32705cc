/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/call.h"

#include "hamon/api/json_take.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One value of "a=b&c=d", decoded; NULL: not there, or too long for any of ours. */
static const char *find_value(const char *query, const char *name, char *ret, size_t size)
{
        size_t n = strlen(name);
        for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&') {
                if (strncmp(p, name, n) != 0 || (p[n] != '=' && p[n] != '&' && p[n] != '\0'))
                        continue;
                size_t used = 0;
                for (p += n + (p[n] == '='); *p && *p != '&'; p++) {
                        int high = *p == '%' ? hex(p[1]) : -1, low = high >= 0 ? hex(p[2]) : -1;
                        if (used + 1 == size)
                                return NULL;
                        ret[used++] = low >= 0 ? (char)(high * 16 + low) : *p == '+' ? ' ' : *p;
                        p += low >= 0 ? 2 : 0;
                }
                ret[used] = '\0';
                return ret;
        }
        return NULL;
}

const char *call_query(struct api_call *c, const char *name)
{
        if (c->request)
                return http_request_query(c->request, name);
        return c->query ? find_value(c->query, name, c->value, sizeof c->value) : NULL;
}

int answer_json(struct http_response *resp, json_t *j)
{
        resp->json = j;
        return j ? 0 : -ENOMEM;
}

int answer_view(struct api_call *c, struct http_response *resp, json_t *j)
{
        const struct snapshot *s = c->snapshot;
        if (!j)
                return -ENOMEM;
        json_object_set_new(j, "node", json_string(s->config->voters[s->self].name));
        json_object_set_new(j, "age_ms", json_integer((json_int_t)(c->now_ms - s->taken_ms)));
        return answer_json(resp, j);
}

bool call_is_early(struct api_call *c, struct http_response *resp)
{
        if (c->snapshot)
                return false;
        http_response_header(resp, "Retry-After", "1");
        (void)http_response_problem(resp, 503, "starting", "hamon is starting", "hamon has just started and knows nothing yet",
                                    "try again in a second");
        return true;
}

json_t *api_reason(const struct api_call *c, unsigned mirror, enum reason reason, uint8_t node)
{
        return reason_json(c->snapshot, mirror, reason, node);
}

bool parse_u64(const char *text, uint64_t *ret)
{
        char *end;
        errno = 0;
        uint64_t v = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
                return false;
        *ret = v;
        return true;
}

void call_revision(const struct api_call *c, uint8_t mirror, char ret[ETAG_SIZE])
{
        snapshot_revision(c->snapshot, mirror, ret, ETAG_SIZE);
}

void answer_etag(const struct api_call *c, uint8_t mirror, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        call_revision(c, mirror, revision);
        http_response_header(resp, "ETag", "\"%s\"", revision);
}

bool revision_differs(const char *if_match, const char *revision, const char *next, struct http_response *resp)
{
        char quoted[ETAG_SIZE + 2], detail[ETAG_SIZE + 128];
        (void)snprintf(quoted, sizeof quoted, "\"%s\"", revision); /* fits */
        if (if_match && (strcmp(if_match, "*") == 0 || strstr(if_match, quoted)))
                return false;
        http_response_header(resp, "ETag", "%s", quoted);
        if (!if_match) {
                (void)http_response_problem(resp, 428, "no-if-match", "If-Match is needed", "a change names the revision that it is meant for", next);
                return true;
        }
        (void)snprintf(detail, sizeof detail, "it has changed since: the revision is \"%s\" now", revision); /* fits */
        (void)http_response_problem(resp, 412, "stale", "this has changed meanwhile", detail, "look again, and decide again");
        return true;
}

bool revision_is_stale(const struct api_call *c, const char *revision, const char *next, struct http_response *resp)
{
        return revision_differs(c->if_match, revision, next, resp);
}
