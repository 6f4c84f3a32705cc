/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the control API's files share: the server's handle, errors, bodies. Handlers run in threads of the HTTP server and may block. */
#ifndef NBDD_CONTROL_INTERNAL_H
#define NBDD_CONTROL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "nbdd/control.h"

struct http_request;
struct http_response;
struct http_server;
struct uuid;

struct control {
        struct engine *engine;
        struct http_server *http;
        control_reload *reload;
        void *userdata;
        uint64_t start_ns;
        bool has_operator;
        uid_t operator_uid;
};

/* What the HTTP server calls for each request; `userdata` is the struct control. Also the fuzzer's way in. */
int control_handle(void *userdata, const struct http_request *req, struct http_response *resp);

/* "?stats=true" */
bool control_wants_stats(const struct http_request *req);

/* ---- control_body.c ---- */
/* A member that a body may have; a table ends with key NULL. */
struct member {
        const char *key;
        json_type type; /* JSON_TRUE stands for both booleans */
        bool required;
};

/* `error` is a negative errno. Both return what a handler returns. */
int control_problem(struct http_response *resp, int error, const char *reason);
int control_bad(struct http_response *resp, const char *reason);

/* False and a sentence for the first member that is unknown, missing or of another type. */
bool control_members(const json_t *body, const struct member *members, char *reason);
/* Absent members leave *ret as it is. */
bool control_number(const json_t *body, const char *key, uint64_t *ret, char *reason);
bool control_uuid(const json_t *body, const char *key, struct uuid *ret, char *reason);

/* ---- control_exports.c ---- */
int control_add(struct control *c, const json_t *body, struct http_response *resp);
/* `rest` is what follows "/v1/exports/". */
int control_export_route(struct control *c, const struct http_request *req, const char *rest, struct http_response *resp);
int control_kick(struct control *c, const struct http_request *req, const char *rest, struct http_response *resp);

#endif
