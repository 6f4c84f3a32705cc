/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file system that takes no writes any more and does not show it. Kernels since 6.12, and the older ones that took that change (Debian 12's 6.1 is one), give an ext4
 * that has turned read-only for an error no "ro" in any list of options, those before in the file system's own, newer ones as "emergency_ro": each write is answered EROFS,
 * and that is all.
 *
 * So the count of errors that it shows in sysfs is the hint, and a file without a name, which is gone before anybody sees it, is the proof; it is made only when the
 * count has changed, for it is a write itself. One mount is told from the next by its folder in sysfs, whose number is a new one each time.
 *
 * May block for as long as a write does: the threads of mount_look() alone.
 */
#ifndef HAMON_ACT_MOUNT_ERRORS_H
#define HAMON_ACT_MOUNT_ERRORS_H

#include <stdbool.h>
#include <sys/types.h>

/* What is known of a mount, all zero before the first look. */
struct mount_errors {
        unsigned instance; /* of the mount; 0: none was seen */
        unsigned count;    /* of its errors, at which it was last found to take writes */
        bool stopped;      /* it takes none; only another mount ends that */
};

/* One look; `takes_writes` makes the proof. What another kind of file system would be, is a mount without errors. `sysfs` is a parameter for tests. */
void mount_errors_look(const char *sysfs, dev_t device, const char *where, bool (*takes_writes)(const char *where), struct mount_errors *known);

/* The proof. Only a refusal that says "read-only" counts. */
bool mount_errors_takes_writes(const char *where);

#endif
