/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The md array of a mirror: made, assembled from the own leg alone, the peer's leg put in and taken out, stopped.
 *
 * Creation is mdadm's, with a configuration of our own (no bad-block log). Assembly and stop are the kernel's ioctls:
 * nothing is scanned, and neither a take-over nor a switchover starts a program. Adding and removing the peer's leg are ioctls and sysfs as
 * well: mdadm's manage mode takes no --config, so that the host's mdadm.conf would decide about the bad-block log.
 * Nothing here reads mdadm's words. Every call may block for its time-out: the mirror's worker only.
 */
#ifndef HAMON_ACT_ARRAY_H
#define HAMON_ACT_ARRAY_H

#include "hamon/act/debt.h"
#include "hamon/act/md_sysfs.h"
#include "hamon/act/trouble.h"

#define ARRAY_MD_FIRST 100 /* the mirror of number i (config.h) is /dev/md(100 + i), with a link /dev/md/NAME */
#define ARRAY_SAFE_MODE_S 5

/* What an array is made of on this node. */
struct array {
        const char *name;      /* of the mirror: its link in /dev/md */
        const char *label;     /* in its superblocks */
        char md[16];           /* "md100" */
        char md_path[32];      /* "/dev/md100" */
        const char *own_path;  /* dm device */
        const char *peer_path; /* "/dev/nbd0" */
        const char *config;    /* our mdadm.conf, written by array_write_config() */
        unsigned own_slot;
        bool discards;       /* wanted, and the own leg reads zeroes afterwards */
        dev_t own, peer;     /* device numbers; 0: unknown */
        unsigned timeout_ms; /* of one step */
};

/* Writes the mdadm.conf that creations use. */
int array_write_config(const char *path);

/* Bitmap chunk for a member of that size: 4 MiB, doubled until there are at most 256 Ki chunks, at most 64 MiB. */
uint64_t array_chunk_bytes(uint64_t member_bytes);

/*
 * A new array with the own leg in its slot and the other slot empty, for members of `member_bytes`, which the own one may exceed. -EEXIST when it runs
 * already.
 */
int array_create(const struct array *a, uint64_t member_bytes, struct trouble *t);

/* /dev/md/NAME leads to the running array, and no other name does: a mirror may have been renamed since. */
void array_name(const struct array *a);

/* The own leg alone, run degraded, writable, write-mostly cleared, safe_mode_delay set. Already running with it:
 * success. */
int array_assemble(const struct array *a, struct trouble *t);

/*
 * Both legs together, run complete, own one not write-mostly, the peer's one write-mostly. The caller has proved them equal: md does not. Blocks
 * for as long as the peer's leg does not answer. Already running with both in sync: success. An error may leave an array: its caller stops it, since
 * nobody may be left who waits for this one, and an array that has been assembled since is none of its.
 */
int array_assemble_both(const struct array *a, struct trouble *t);

/* The bare start of the two (array_run.c). */
int array_run(const struct array *a, bool both, struct trouble *t);

/*
 * The array takes discards where they are wanted and each of its legs reads zeroes afterwards; after each assembly, and before the peer's leg is added
 * (`with_peer`). array_discards.c has the reasons.
 */
void array_set_discards(const struct array *a, bool with_peer);

/* Of a running array; waits for a leg that does not answer no longer than some seconds. */
void array_end_discards(const struct array *a);

/* What the kernel says now. */
bool array_takes_discards(const struct array *a);
bool array_peer_takes_discards(const struct array *a);

/* Sets every bit of `d` in the running array's bitmap, on disk too. `array_chunk_bytes` is that bitmap's chunk. */
int array_apply_debt(const struct array *a, const struct debt *d, uint64_t bitmap_chunk_bytes, struct trouble *t);

/* The peer's leg, a known member, write-mostly, for a resync by bitmap. -EINVAL: md does not take it as a member (too
 * old). */
int array_readd(const struct array *a, struct trouble *t);

/*
 * A blank leg (blank.h) of the peer as a member whose bitmap is empty: what the own bitmap and the debt say is all that it lacks, and array_readd() takes
 * it. The superblock goes over the mark: a crash before leaves a blank leg, one after it a member.
 */
int array_welcome_blank(const struct array *a, struct trouble *t);

/*
 * The peer's leg as a new member: a fresh superblock (made from the own one) is written to it, then it is added and
 * resynced whole. What it held is lost.
 */
int array_add_new(const struct array *a, struct trouble *t);

struct array_growth {
        uint64_t before_bytes, after_bytes; /* of the array; equal when there is no room */
        uint64_t own_bytes, peer_bytes;     /* what each leg has for it */
};

/*
 * Makes the array as large as the smaller of its two devices, which have grown: the superblocks of both have it when this returns, and md copies the new part
 * from the own leg to the peer's. -EAGAIN: not both legs are in sync, or something is being copied.
 * Blocks for as long as the peer's leg does not answer.
 */
int array_grow(const struct array *a, struct array_growth *ret, struct trouble *t);

/* md fails and removes the peer's leg; one that is not in the array is success. */
int array_remove_peer(const struct array *a, struct trouble *t);

/* Flushes the array's device; -ETIMEDOUT when a leg does not answer (the flush goes on in the kernel). */
int array_flush(const struct array *a, struct trouble *t);

/* Stops the array; one that does not run is success. -EBUSY: it is in use. */
int array_stop(const struct array *a, struct trouble *t);

/*
 * An assembly that ended half-way (hamon-act or mdadm was killed) has the own leg and does nothing with it: lets go of
 * it. Anything else is left alone, with success.
 */
int array_end_halfway(const struct array *a, struct trouble *t);

#endif
