/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own leg's header on its disk: read, made, extended, and the probe block behind it.
 *
 * Works on the raw disk with O_DIRECT and never exclusively, so that it answers while nbdd or md holds the member behind the header. Blocks on
 * the disk: the mirror's worker only.
 */
#ifndef HAMON_ACT_LEG_H
#define HAMON_ACT_LEG_H

#include "hamon/act/leg_header.h"
#include "hamon/act/trouble.h"

/* -ENODATA: the disk has no header; -EPROTO: one of a newer version; -EREMOTE: it belongs to another cluster or mirror (*ret is set). */
int leg_read(const char *disk, const char *cluster, const char *mirror, struct leg_header *ret, struct trouble *t);

/*
 * Makes a new leg with a fresh UUID: wipes the front of the disk and writes both copies. Without `overwrite` only on a blank disk (-EEXIST).
 * A header of this cluster and mirror is kept as it is when `overwrite` is false: asked again after a crash, the same leg is reported.
 */
int leg_create(const char *disk, const char *cluster, const char *mirror, bool overwrite, struct leg_header *ret, struct trouble *t);

/* Appends `epoch` to the history; durable when 0. -ESTALE: the leg has served a newer one. */
int leg_add_epoch(const char *disk, const char *cluster, const char *mirror, uint64_t epoch, struct trouble *t);

/* R3b: writes and flushes the probe block. 0, or the disk's error. */
int leg_probe(const char *disk, struct trouble *t);

#endif
