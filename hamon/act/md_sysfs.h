/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel says about a running array, by sysfs: its state, and its two members found by device number.
 *
 * Reading never blocks on requests. Writing may ("faulty" waited for 5 s in the lab): workers only. The root of sysfs
 * is a parameter for tests.
 */
#ifndef HAMON_ACT_MD_SYSFS_H
#define HAMON_ACT_MD_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MD_SYSFS_ROOT "/sys"

struct md_member {
        bool present, in_sync, faulty, write_mostly;
        int slot;        /* or -1 */
        uint64_t errors; /* corrected reads and other errors that did not fail it */
        char name[32];   /* "dm-0": its folder is md/dev-NAME */
};

struct md_state {
        bool running;   /* has a personality: it can do I/O */
        bool own_known; /* the own device's number was given: that it is not a member means something */
        bool halfway;   /* does not run, yet holds the own device: an assembly that was interrupted */
        bool read_auto; /* nothing was written since the assembly: bitmap and recovery stand still */
        bool sync_idle;
        bool sync_frozen; /* a person's pause: md copies nothing until it is told to go on */
        bool recovering;  /* md copies to a leg, or is about to */
        bool checking;    /* md compares its members, by somebody's word */
        uint64_t sync_done_sectors, sync_total_sectors; /* 0/0 when idle */
        unsigned members;
        struct md_member own, peer;
};

/* Is that error an answer: not there, or it went while we looked? Any other is none (no descriptor, no memory). */
bool md_sysfs_is_gone(int r);

/* `md` is the kernel's name ("md100"); a device number of 0 is never found. A missing array is a success: running is
 * false. -errno when anything could not be read: nothing is known then, above all not that a member is missing. MD_SOMEBODY_ELSES: an array of that name runs,
 * and has neither of the two, both of which can be told: it is not to be touched. Without `own` nobody can tell, and own_known is false. */
#define MD_SOMEBODY_ELSES (-ENOTUNIQ)
int md_sysfs_read(const char *root, const char *md, dev_t own, dev_t peer, struct md_state *ret);

/* Another array than `md` that holds the device: 1 and its name ("md101"); 0: none. -errno. */
int md_sysfs_other_holder(const char *root, const char *md, dev_t device, char *ret, size_t size);

/* Writes `text` to md/ATTRIBUTE. 0 or -errno. */
int md_sysfs_write(const char *root, const char *md, const char *attribute, const char *text);

/* "MAJOR:MINOR" of a block device by its kernel name; -ENOENT, -EBADMSG. */
int md_sysfs_device(const char *root, const char *name, dev_t *ret);

/* A small file of sysfs without its newline. 0 or -errno. */
int md_sysfs_text(const char *path, char *ret, size_t size);

#endif
