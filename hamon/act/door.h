/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sockets of hamon-act: how they are made, and who may come in (root and user hamon). Any thread. */
#ifndef HAMON_ACT_DOOR_H
#define HAMON_ACT_DOOR_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

/* A listening SOCK_SEQPACKET at `path`, CLOEXEC and non-blocking. -EADDRINUSE: a living hamon-act is behind it; other -errno. */
int door_open(const char *path, int *ret_fd);

/* Is whoever is at the other end let in? `*ret` is zero when it cannot be seen. */
bool door_admits(int fd, struct ucred *ret);

#endif
