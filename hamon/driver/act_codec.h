/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets between hamon and hamon-act, hamon's side: effects are encoded, answers and observations decoded, strictly.
 *
 * One JSON object a packet, as in docs/ARCHITECTURE.md. Mirrors travel by name. A packet that is not exactly right is -EPROTO and
 * means nothing. Pure. Called by act_client.c and the tests.
 */
#ifndef HAMON_DRIVER_ACT_CODEC_H
#define HAMON_DRIVER_ACT_CODEC_H

#include "hamon/config.h"
#include "hamon/core/effect.h"
#include "hamon/service_seen.h"

#include <stddef.h>

enum { ACT_PACKET_MAX = 8192 };

/* *ret_text is malloc'ed; the caller frees it. 0 or -ENOMEM. */
int act_encode_effect(const struct config *c, const struct effect *e, char **ret_text);

enum act_packet_type { ACT_PACKET_RESULT, ACT_PACKET_OBSERVATION };

struct act_packet {
        enum act_packet_type type;
        union {
                struct effect_result result;
                struct {
                        struct observation observed;
                        bool has_service; /* else nothing is said of it: hamon-act is older, or there is none */
                        struct service_seen service;
                };
        };
};

/* 0, -EPROTO, or -ENOMEM. */
int act_decode(const struct config *c, const char *text, size_t size_bytes, struct act_packet *ret);

#endif
