/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's NBD driver over generic netlink (linux/nbd-netlink.h), libnl underneath.
 *
 * NBD's own time-out is left at 0: with any other value the driver shuts a live connection as soon as one request is
 * that old, so that a slow server never completes it. At 0 an old request is only looked at (queue/io_timeout): sent
 * again when its connection has been replaced, left alone when not (with a line in the kernel's log). Who notices a
 * dead connection is TCP and nbdc.
 *
 * Requests block and are made by the worker thread; events are read by the loop; one object in one thread. Does not
 * log. Errors are the kernel's: -EBUSY the device is in use, -EINVAL not configured or another backend identifier,
 * -EPERM not root.
 */
#ifndef NBDD_NBDC_NETLINK_H
#define NBDD_NBDC_NETLINK_H

#include <stdint.h>

#include "nbdc/link.h"

struct netlink;

/* -ENOENT: the driver is not there (module not loaded). */
int netlink_open(struct netlink **ret);
void netlink_free(struct netlink *nl);
/* For the keeper: the socket that owns what it configured. */
int netlink_socket_fd(const struct netlink *nl);

struct netlink_device {
        int index;
        struct link_set links;
        const char *backend;
        uint64_t size_bytes;
        uint64_t block_bytes;
        uint64_t server_flags; /* NBD_TFLAG_* */
};

/* Configures the device with its first connections. The kernel keeps its own references to the sockets. */
int netlink_connect(struct netlink *nl, const struct netlink_device *device);

/* Hands over connections in place of dead ones, as many; queue/io_timeout must be set again after it. 0 also when the
 * kernel saw no dead one and dropped a new socket. */
int netlink_reconfigure(struct netlink *nl, int index, const char *backend, const struct link_set *links);

/*
 * For a device whose connection is dead: its requests, as their timers fire, leave that connection and wait for the
 * next one, to be sent the moment it is there. (NBD's time-out is set to 1 s, which may not be while a connection
 * lives; netlink_reconfigure() sets it back to 0. Both make the kernel overwrite queue/io_timeout.)
 */
int netlink_release(struct netlink *nl, int index, const char *backend);

/* Shut the connection down first, or a frozen peer makes this wait for ever. */
int netlink_disconnect(struct netlink *nl, int index);

/* LINK_DEAD messages. */
struct netlink_events;
int netlink_events_open(struct netlink_events **ret);
void netlink_events_free(struct netlink_events *ev);
int netlink_events_fd(const struct netlink_events *ev);
/* Calls `on_dead` for each message that is there; never blocks. -ENOBUFS: some were lost. */
int netlink_events_read(struct netlink_events *ev, void (*on_dead)(void *userdata, int index), void *userdata);

#endif
