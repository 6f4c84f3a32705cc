/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The supervising nbdc: attaches one device and stays. Owns the event loop and performs what supervise.h decides; every
 * line of log and everything that a status shows about the attach comes from here.
 */
#ifndef NBDD_NBDC_ATTACH_H
#define NBDD_NBDC_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "nbdc/nbdc_client.h"
#include "wire/export_name.h"

struct tls_keys;

struct attach_options {
        const char *hosts; /* "HOST" or "HOST,HOST2" */
        uint16_t port;
        struct export_name name;
        int index; /* of the device */
        const struct tls_keys *keys;  /* NULL: a plain connection */
        const char *classic_secrets;  /* NULL: NBD; else the 0.2 protocol, with the secrets of this file (classic.h) */
        uint64_t records_max;         /* TLS records of one connection before it is replaced */
        enum nbdc_policy policy;
        bool wait;
        bool read_only;
        bool no_trim; /* discards are not offered to the kernel */
        uint32_t request_timeout_ms;
        unsigned connections; /* 1 to NBDC_CONNECTIONS_MAX; a leg has one */
};

/* Returns the exit status (supervise.h). */
int attach_run(const struct attach_options *options);

#endif
