/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Open files that slices of one device or file have in common. Only exports that name it by the same path share it: the engine has made sure that
 * their parts do not overlap. By another path it is somebody else's, and opening it fails.
 *
 * A device can be opened exclusively once, and a file locked once: the second slice uses the first one's descriptor. Then they have a failed
 * sync in common, too: the kernel reports it to one descriptor once, and whoever asks after that must not hear success. Thread-safe.
 */
#ifndef NBDD_SHARED_FILE_H
#define NBDD_SHARED_FILE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "nbdd/list.h"

struct stat;

struct shared_file {
        struct list link;
        char *path;
        unsigned long long device, inode; /* of what is open: the device's own number, or the file's */
        bool writable, direct;
        unsigned users;
        int fd;
        atomic_bool sync_failed; /* a sync failed once: no later one may claim success (FACTS: "reported once and lost") */
};

/* One that is open already, with at least these rights; NULL: none. */
struct shared_file *shared_file_find(const char *path, const struct stat *st, bool writable, bool direct);
/* Takes fd over (closed without memory, then NULL). Others find it from now on. */
struct shared_file *shared_file_new(int fd, const char *path, const struct stat *st, bool writable, bool direct);
/* The last user closes. NULL is allowed. */
void shared_file_put(struct shared_file *f);

#endif
