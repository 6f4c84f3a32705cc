/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one connection over which a machine gets the files of its cluster: TLS 1.3 with a pre-shared key that is good for one machine and one time
 * (lib/net/tls.h), and JSON in frames of a 32-bit length. Both sides have proved that they know the secret before a byte of content goes.
 * Blocks up to its deadline; one thread.
 */
#ifndef HAMON_JOIN_CHANNEL_H
#define HAMON_JOIN_CHANNEL_H

#include "net/tls.h"

#include <jansson.h>
#include <stdbool.h>

enum { JOIN_SECRET_TEXT = 65, JOIN_FRAME_MAX = 256 << 10, JOIN_PATIENCE_MS = 15000 };

struct join_channel {
        int fd;
        struct tls *tls;
        struct tls_keys *keys;
        uint64_t deadline_ns;
};

/* A new secret: 256 bits as hex. -EIO. */
int join_secret(char ret[JOIN_SECRET_TEXT]);

/*
 * Takes `fd` over and shakes hands. `psks`: lines "NAME:HEX"; a client has one. 0, or -errno with one sentence in `why`; then `fd` is closed. On
 * the server tls_identity(c->tls) is who it is.
 */
int join_channel_open(struct join_channel *c, int fd, bool server, const char *psks, char *why, size_t why_size);
void join_channel_close(struct join_channel *c);

int join_channel_send(struct join_channel *c, const json_t *j);    /* -errno */
int join_channel_receive(struct join_channel *c, json_t **ret);    /* -errno; -EBADMSG: not ours */

#endif
