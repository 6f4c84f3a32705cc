/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new file in one durable step, and never over another content. Blocks on the disk. hamonctl alone uses it. */
#ifndef HAMON_HAMONCTL_PUT_FILE_H
#define HAMON_HAMONCTL_PUT_FILE_H

#include <sys/types.h>

enum { PUT_PATH_SIZE = 512 };

enum put_owner {
        PUT_OWNER_ROOT,
        PUT_OWNER_HAMON, /* group hamon may read it, too */
};

/*
 * Durable when it returns: a power cut leaves the whole file or none. 0 as well when this very content is there; -EEXIST: another one is, and
 * stays; -ENAMETOOLONG from PUT_PATH_SIZE on; -errno.
 */
int put_file(const char *path, mode_t mode, enum put_owner owner, const char *text);

#endif
