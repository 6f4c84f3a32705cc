/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/net/mirror_tags.h"

#include "wire/hamon_wire.h"

#include <errno.h>
#include <string.h>

enum { TAG_BYTES = 4 };

static void put_tag(uint8_t *to, uint32_t tag)
{
        for (unsigned i = 0; i < TAG_BYTES; i++)
                to[i] = (uint8_t)(tag >> (24 - 8 * i));
}

static uint32_t get_tag(const uint8_t *from)
{
        return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

int mirror_tags_encode(const struct config *c, const struct message *m, uint8_t *ret, size_t size_bytes)
{
        bool all = m->type == MESSAGE_HEARTBEAT;
        unsigned first = all ? 0 : m->mirror, count = all ? m->heartbeat.mirrors : 1;
        int n = hamon_wire_encode(m, ret, size_bytes);
        if (n < 0)
                return n;
        if (first + count > c->mirrors)
                return -EINVAL;
        if (size_bytes - (size_t)n < (size_t)count * TAG_BYTES + 1)
                return -ENOBUFS;
        for (unsigned i = 0; i < count; i++, n += TAG_BYTES)
                put_tag(ret + n, config_mirror_tag(c->mirror[first + i].id));
        ret[n++] = (uint8_t)count;
        return n;
}

static int index_of(const struct config *c, uint32_t tag)
{
        for (unsigned i = 0; i < c->mirrors; i++)
                if (config_mirror_tag(c->mirror[i].id) == tag)
                        return (int)i;
        return -ENOENT;
}

/* Mirrors that the sender does not have are left out, or stay blank among others: it has said nothing of them. */
static void turn_heartbeat(const struct config *c, const uint8_t *tags, struct heartbeat *h)
{
        struct mirror_summary said[MIRRORS_MAX];
        unsigned count = h->mirrors;
        memcpy(said, h->mirror, sizeof said);
        memset(h->mirror, 0, sizeof h->mirror);
        h->mirrors = 0;
        for (unsigned i = 0; i < count; i++) {
                int at = index_of(c, get_tag(tags + (size_t)i * TAG_BYTES));
                if (at < 0)
                        continue;
                h->mirror[at] = said[i];
                if (at >= h->mirrors)
                        h->mirrors = (uint8_t)(at + 1);
        }
}

int mirror_tags_decode(const struct config *c, const uint8_t *bytes, size_t size_bytes, struct message *ret)
{
        struct message m;
        unsigned count = size_bytes > 0 ? bytes[size_bytes - 1] : 0;
        if (count > MIRRORS_MAX || size_bytes < (size_t)count * TAG_BYTES + 1)
                return -EBADMSG;
        size_t message_bytes = size_bytes - 1 - (size_t)count * TAG_BYTES;
        const uint8_t *tags = bytes + message_bytes;
        int r = hamon_wire_decode(bytes, message_bytes, &m);
        if (r < 0)
                return r;
        if (m.type == MESSAGE_HEARTBEAT) {
                if (count != m.heartbeat.mirrors)
                        return -EBADMSG;
                turn_heartbeat(c, tags, &m.heartbeat);
        } else {
                int at = count == 1 ? index_of(c, get_tag(tags)) : -EBADMSG;
                if (at < 0)
                        return at;
                m.mirror = (uint8_t)at;
        }
        *ret = m;
        return 0;
}
