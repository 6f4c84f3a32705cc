/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which mirror a message is about, whatever place it has in the sender's configuration.
 *
 * The core knows a mirror by its index, which is its place in the configuration. While a changed configuration goes round, two machines may
 * have different lists for a moment: an index alone would then name another mirror's record. So each message carries a tag for each mirror that
 * it names (config_mirror_tag()), and is turned to the receiver's indices here, or refused.
 *
 *     payload: the message (lib/wire/hamon_wire.h) | tag u32 for each mirror that it names | their count u8
 *
 * A heartbeat names all mirrors of its sender, every other message one. Pure. Any thread.
 */
#ifndef HAMON_NET_MIRROR_TAGS_H
#define HAMON_NET_MIRROR_TAGS_H

#include "hamon/config.h"
#include "hamon/core/message.h"

#include <stddef.h>

/* Message and tags into `ret`. Size, or -EINVAL, -ENOBUFS. */
int mirror_tags_encode(const struct config *c, const struct message *m, uint8_t *ret, size_t size_bytes);

/* The other direction. -ENOENT: it is about a mirror that this configuration does not have; -EBADMSG, -EPROTONOSUPPORT as hamon_wire_decode(). */
int mirror_tags_decode(const struct config *c, const uint8_t *bytes, size_t size_bytes, struct message *ret);

#endif
