/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Payload of the state file /var/lib/hamon/acceptor-MIRROR: what this voter promised and accepted, as JSON that a person can read.
 * The file's own header (version, owner, checksum) is lib/base/statefile.h. Pure. Called by the writer thread and at start.
 */
#ifndef HAMON_DRIVER_ACCEPTOR_CODEC_H
#define HAMON_DRIVER_ACCEPTOR_CODEC_H

#include "hamon/core/types.h"

#include <stddef.h>

#define ACCEPTOR_OWNER "hamon-acceptor"
#define ACCEPTOR_VERSION 2 /* 1: without `seen`, read as nothing seen */

/* *ret_text is malloc'ed; the caller frees it. 0 or -ENOMEM. */
int acceptor_encode(const struct acceptor_state *a, char **ret_text);

/* 0, -ENOMEM, or -EPROTO for anything that acceptor_encode() would not have written. */
int acceptor_decode(const char *text, size_t size_bytes, struct acceptor_state *ret);

#endif
