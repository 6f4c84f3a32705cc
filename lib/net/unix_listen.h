/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listening AF_UNIX stream sockets: the file's mode is right from its first instant, and a file left by a dead process is replaced, one of
 * a living process never. Any thread; does not wait.
 */
#ifndef NBDD_NET_UNIX_LISTEN_H
#define NBDD_NET_UNIX_LISTEN_H

#include <sys/types.h>

/* *ret_fd: non-blocking, CLOEXEC. -EADDRINUSE, -EEXIST (not a socket), -ENAMETOOLONG, or the errno of the call that failed. */
int unix_listen(const char *path, mode_t mode, int backlog, int *ret_fd);

/* Which file a path is, to remove that one only: a successor may have put its own there. Both ignore errors. */
struct unix_file {
        dev_t device;
        ino_t inode;
};
struct unix_file unix_file_of(const char *path);
void unix_file_remove(const char *path, const struct unix_file *file);

#endif
