/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What session.c and session_options.c share; nobody else includes this. */
#ifndef NBDD_SESSION_INTERNAL_H
#define NBDD_SESSION_INTERNAL_H

#include "nbdd/session.h"

/* Appends to the output; past SESSION_OUTPUT_MAX or without memory it sets out_of_memory, which drops the session. */
void session_write(struct session *s, const void *data, size_t size_bytes);

/* Closes: fills the event, returns 0 (bytes taken). */
size_t session_drop(struct session *s, struct session_event *ret, const char *reason);

/* The next step of the handshake. */
size_t session_input_option(struct session *s, const uint8_t *data, size_t size_bytes, struct session_event *ret);

#endif
