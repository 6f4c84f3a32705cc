/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loop around the pure core: reads, decodes, calls core_step(), performs its actions. Decides nothing.
 *
 * One thread, one sd-event loop, no call that waits for a disk, a peer, a child or hamon-act. Other threads: the writer (writer.h) and
 * HTTP (hamon/api/api.h); both talk to the loop through an eventfd.
 */
#ifndef HAMON_DRIVER_DRIVER_H
#define HAMON_DRIVER_DRIVER_H

#include "hamon/config.h"

#define DRIVER_STATE_DIRECTORY "/var/lib/hamon"
#define DRIVER_ACT_SOCKET "/run/hamon-act/act.sock"

struct driver_options {
        const struct config *config; /* outlives the driver */
        const char *config_path;     /* the file that it was read from */
        uint8_t self;                /* voter index */
        const char *state_directory;
        const char *control_socket;
        const char *act_socket;
        const char *nbdd_socket;
};

struct driver;

/* Logs what failed. 0 or -errno: then hamon must exit (-EBADMSG: a state file that must not be used). */
int driver_new(const struct driver_options *options, struct driver **ret);

/*
 * Runs until SIGTERM or SIGINT. An exit is no leave: the peer's and this node's arrays are untouched, the next start adopts them. *ret_renew: it
 * ended because another configuration is in force, and hamon shall begin anew.
 */
int driver_run(struct driver *d, bool *ret_renew);
void driver_free(struct driver *d);

#endif
