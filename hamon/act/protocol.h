/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets between hamon and hamon-act, hamon-act's side: commands are decoded, strictly; answers and observations
 * encoded.
 *
 * One JSON object a packet (docs/ARCHITECTURE.md); the other side is hamon/driver/act_codec.h, and a test holds both
 * against each other. A command with a field or word that is not known, missing or of another type is refused as a
 * whole. Pure. Any thread.
 */
#ifndef HAMON_ACT_PROTOCOL_H
#define HAMON_ACT_PROTOCOL_H

#include "hamon/config.h"
#include "hamon/core/effect.h"
#include "hamon/service_seen.h"

#include <stddef.h>

#define PROTOCOL_PACKET_MAX 8192

/* 0 or -EPROTO with a sentence in `ret_reason`; whatever ticket could be read is in *ret_ticket (0: none), for the
 * error answer. */
int protocol_decode(const struct config *c, const char *text, size_t size_bytes, struct effect *ret,
                    uint64_t *ret_ticket, char *ret_reason, size_t reason_size);

/* Malloc'ed texts; NULL when out of memory. */
char *protocol_encode_result(const struct config *c, const struct effect_result *r);
char *protocol_encode_observation(const struct config *c, const struct observation *o, const struct service_seen *service);

/* The answer to a packet that is no command: {"error":-71,"detail":...}, with the ticket when there was one. */
char *protocol_encode_refusal(uint64_t ticket, const char *reason);

#endif
