/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own leg as an export of the local nbdd: registered, granted, revoked. Everything goes through libnbdd.
 *
 * Blocks for up to the time-outs below: the mirror's worker only.
 */
#ifndef HAMON_ACT_NBDD_EXPORT_H
#define HAMON_ACT_NBDD_EXPORT_H

#include "hamon/act/mirror.h"

/* The export exists as a leg over our device with that UUID; an entry that differs is revoked and replaced. */
int nbdd_export_ensure(const struct mirror *m, const struct uuid *leg, struct trouble *t);

/* Opens the leg for exactly (epoch, session); durable when 0. -ESTALE: a higher epoch was granted before. */
int nbdd_export_grant(const struct mirror *m, const struct uuid *leg, uint64_t epoch, const struct uuid *session,
                      struct trouble *t);

/*
 * Takes the grant back: 0 when nothing more can reach the device. -ENOTCONN: nbdd does not answer, nothing is known.
 * -EIO: drained, but the disk refused the flush.
 */
int nbdd_export_revoke(const struct mirror *m, struct trouble *t);

/*
 * A grant is of the size that the leg had: one of less than `size_bytes`, which the device has now, is taken back. The client is refused, leaves the leg out by a
 * decided record, and asks for it anew. 0 also when there is no grant.
 */
int nbdd_export_follow_size(const struct mirror *m, uint64_t size_bytes, struct trouble *t);

/*
 * Revokes as above and takes the export away: nbdd knows nothing of the leg any more. 0 also when it knew nothing. -EEXIST: the id is somebody else's by
 * now; -ENOTCONN: nbdd does not answer.
 */
int nbdd_export_forget(const struct mirror *m, struct trouble *t);

/* Does nbdd answer on its control socket? */
bool nbdd_export_answers(const char *socket_path);

#endif
