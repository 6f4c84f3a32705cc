/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to hamon/api: a command that was asked for is begun, once for each Idempotency-Key, against the revision that its asker has seen, on
 * the node whose it is. All answer: 202 with the operation, or a problem; HTTP_LATER where a worker does. Run in an HTTP thread, never wait.
 */
#ifndef HAMON_API_BEGIN_H
#define HAMON_API_BEGIN_H

#include "hamon/api/call.h"

/* On this node. `mirror`: MIRRORS_MAX for what is the node's. */
int begin_command(struct api_call *c, enum command_type type, uint8_t mirror, bool consent, struct http_response *resp);
int begin_wanted(struct api_call *c, const struct operation *wanted, struct http_response *resp);

/* What the primary does, whichever node is asked: the primary, or one that hands it on. */
int begin_anywhere(struct api_call *c, const struct operation *wanted, struct http_response *resp);

/* Of the other hamon: was this request, body {"what"}, begun here with its key? GET /v1/operations. */
int begin_answer_key(const struct api_call *c, struct http_response *resp);

#endif
