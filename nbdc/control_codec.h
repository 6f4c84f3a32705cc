/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket's messages: one JSON object per datagram, at most CONTROL_MESSAGE_MAX bytes, both directions.
 *
 *   request   {"op":"status"} | {"op":"policy","value":"optional"} | {"op":"detach","decided_version":"17"} |
 * {"op":"timeout","ms":5000} answer    {"ok":true} | {"ok":true,"status":{...}} |
 * {"ok":false,"refused":true|false,"error":"sentence"}
 *
 * 64-bit ids travel as strings, the export id as 0x hex. Encoders and decoders of both sides live here; bytes in, bytes
 * out: no socket, no logging. Any thread.
 */
#ifndef NBDD_NBDC_CONTROL_CODEC_H
#define NBDD_NBDC_CONTROL_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nbdc/nbdc_client.h"

#define CONTROL_MESSAGE_MAX 4096u
#define CONTROL_TIMEOUT_MIN_MS 100u
#define CONTROL_TIMEOUT_MAX_MS 3600000u

enum control_op { CONTROL_STATUS, CONTROL_POLICY, CONTROL_DETACH, CONTROL_TIMEOUT };

struct control_request {
        enum control_op op;
        enum nbdc_policy policy;  /* CONTROL_POLICY */
        bool has_decided_version; /* CONTROL_DETACH */
        uint64_t decided_version;
        uint64_t timeout_ms; /* CONTROL_TIMEOUT */
};

struct control_answer {
        bool ok;
        bool refused; /* !ok: by a rule, not by a failure */
        char error[NBDC_ERROR_SIZE];
        bool has_status;
        struct nbdc_status status;
};

/* Text into `ret` (size bytes, NUL-terminated). Returns its length, or -ENOBUFS / -ENOMEM. */
int control_request_encode(const struct control_request *request, char *ret, size_t size);
int control_answer_encode(const struct control_answer *answer, char *ret, size_t size);

/* -EBADMSG when the bytes are not such a message, with one sentence in `reason`. Unknown keys are errors in a request,
 * ignored in an answer. */
int control_request_decode(const char *text, size_t size_bytes, struct control_request *ret, char *reason,
                           size_t reason_size);
int control_answer_decode(const char *text, size_t size_bytes, struct control_answer *ret, char *reason,
                          size_t reason_size);

/* The status alone as one JSON object (what `nbdc --status --json` prints, too). */
int control_status_encode(const struct nbdc_status *status, char *ret, size_t size);

#endif
