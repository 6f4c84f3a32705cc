/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own leg's header on its disk: read, made, extended, and the probe block behind it.
 *
 * Works on the raw disk with O_DIRECT and never exclusively, so that it answers while nbdd or md holds the member
 * behind the header. Blocks on the disk: the mirror's worker only.
 */
#ifndef HAMON_ACT_LEG_H
#define HAMON_ACT_LEG_H

#include "hamon/act/leg_header.h"
#include "hamon/act/trouble.h"

/* -ENODATA: the disk has no header; -EPROTO: one of a newer version; -EREMOTE: it belongs to another cluster or mirror
 * (*ret is set). */
int leg_read(const char *disk, const char *cluster, const char *mirror, struct leg_header *ret, struct trouble *t);

/*
 * Makes the leg `uuid` (null: a fresh one): wipes the front and the end of the disk and writes both copies of the
 * header; a leg that is blank, or with `overwrite` can be made so within seconds, gets the mark of one (blank.h). A disk that is not blank, or another leg, needs `overwrite` (-EEXIST); a disk that is in use is never taken
 * (-EBUSY). The leg that is asked for (null: any of this mirror, unless `overwrite`) is there already: success, and
 * nothing is written.
 */
int leg_create(const char *disk, const char *cluster, const char *mirror, const struct uuid *uuid, bool overwrite,
               struct leg_header *ret, struct trouble *t);

/* Would leg_create() find the leg there already? */
bool leg_is_there(const char *disk, const char *cluster, const char *mirror, const struct uuid *uuid, bool overwrite,
                  struct leg_header *ret);

/* Is there anything where file systems, partition tables and arrays keep what names them? *ret: no. */
int leg_disk_is_blank(int fd, uint64_t size_bytes, bool *ret);

/* Appends `epoch` to the history; durable when 0. -ESTALE: the leg has served a newer one. */
int leg_add_epoch(const char *disk, const char *cluster, const char *mirror, uint64_t epoch, struct trouble *t);

/* R3b: writes and flushes the probe block. 0, or the disk's error. */
int leg_probe(const char *disk, struct trouble *t);

#endif
