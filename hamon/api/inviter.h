/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread that waits for machines with a join line (hamon/join/host.h), while an invitation is open: one at a time, on this machine. What is open is not kept over
 * a restart of hamon: its lines are no longer good then, and can be asked for again.
 */
#ifndef HAMON_API_INVITER_H
#define HAMON_API_INVITER_H

#include "hamon/api/api.h"
#include "hamon/join/host.h"

struct inviter;

int inviter_new(const struct api *a, struct inviter **ret); /* 0 or -ENOMEM */
void inviter_free(struct inviter *i);                       /* ends what is open; NULL is accepted */

/*
 * A worker's: reads the cluster's files and begins to listen. The answer, with the lines in it, is {"where", "for_s", "invitations": [{"name", "command"}]}; the caller
 * owns it. -EALREADY: one is open. Else as join_host_open(), -EIO for files that cannot be given, -EAGAIN: no thread; why says what.
 */
int inviter_open(struct inviter *i, const char *where, const char *const *names, unsigned count, uint32_t for_s, json_t **ret, char why[JOIN_ERROR_SIZE]);

/* Ends it; how many lines are no longer good. -ENOENT: none is open. Who is just being seen to is hung up on, so that it takes a moment only. */
int inviter_close(struct inviter *i);

/* {"open", "where", "left_s", "waiting": [NAME], "joined": [NAME]} of the one that is open, or of the last one. Never waits. */
json_t *inviter_json(struct inviter *i);

#endif
