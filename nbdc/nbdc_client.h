/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Client of a running nbdc: asks the supervisor of one device over its control socket (archive nbdc_client, package
 * jansson).
 *
 * Each call connects to RUNDIR/nbdN.sock (SOCK_SEQPACKET), sends one JSON object, reads one answer and closes. A call
 * blocks for at most `timeout_ms`; 0 means NBDC_CLIENT_TIMEOUT_MS. Nothing here starts or stops a process, opens the
 * block device or logs. Any thread, except an event loop that must not wait.
 *
 * Called by: nbdc itself (--status, --detach, --policy), hamon-act.
 *
 * Errors, the same for every call: -ENODEV `device` is no nbd device name; -ENOENT no nbdc supervises it (no socket, or
 * nobody behind it); -ETIMEDOUT nbdc did not answer in time; -EPROTO it answered what this version does not understand;
 * -EPERM nbdc refused, with its sentence in `ret_error`; -EIO nbdc tried and failed, with its sentence in `ret_error`.
 * `ret_error` may be NULL; else it has NBDC_ERROR_SIZE bytes and is always set to a text, empty on success.
 */
#ifndef NBDD_NBDC_CLIENT_H
#define NBDD_NBDC_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#define NBDC_RUNDIR "/run/nbdc"      /* the environment's NBDC_RUNDIR replaces it (tests) */
#define NBDC_CLIENT_TIMEOUT_MS 3000u /* longer than a detach from a frozen peer takes (0.1 s measured, 2 s allowed) */
#define NBDC_ERROR_SIZE 256
#define NBDC_HOST_SIZE 256
#define NBDC_DEVICE_SIZE 32
#define NBDC_ADDRESS_SIZE 64

enum nbdc_state {
        NBDC_CONNECTING = 0,   /* not yet configured in the kernel: there is no disk */
        NBDC_ATTACHED = 1,     /* requests flow */
        NBDC_RECONNECTING = 2, /* configured, no connection: requests wait */
        NBDC_DETACHING = 3,    /* on the way out: requests fail */
};

enum nbdc_policy {
        NBDC_REQUIRED = 0, /* only a detach that names a decided record version disconnects */
        NBDC_OPTIONAL = 1, /* a detach needs no version */
};

struct nbdc_status {
        char device[NBDC_DEVICE_SIZE]; /* "/dev/nbd0" */
        enum nbdc_state state;
        bool connected; /* a connection that TCP believes in; it says nothing about progress */
        bool refused;   /* without a connection: the server answers, and says no (a grant that is gone); last_error says
                           why */
        char host[NBDC_HOST_SIZE]; /* as on the command line */
        uint16_t port;
        char address[NBDC_ADDRESS_SIZE]; /* "10.0.0.2:4343", "[fd00::2]:4343": of the present connection, or "" */
        uint64_t id;                     /* the export's */
        bool has_epoch;
        uint64_t epoch;
        char session[37]; /* UUID text or "" */
        enum nbdc_policy policy;
        bool read_only;
        bool tls; /* encrypted; false of an nbdc from before TLS */
        uint64_t size_bytes;              /* 0 until the first attach */
        uint64_t reconnects;              /* connections handed to the kernel after the first one */
        char last_error[NBDC_ERROR_SIZE]; /* why the latest connection ended or could not be made; "" when it never
                                             happened */
        int64_t disconnected_ms;          /* how long there has been no connection; 0 while connected */
        int64_t oldest_request_ms;        /* how long requests have been waiting without any of them completing, across
                                             reconnects (R8a); 0: none */
        uint64_t request_timeout_ms;
        int pid;
};

int nbdc_status(const char *device, unsigned timeout_ms, struct nbdc_status *ret);

int nbdc_set_policy(const char *device, enum nbdc_policy policy, unsigned timeout_ms, char *ret_error);

/*
 * Shuts the connection, disconnects the device and ends its nbdc; every waiting request fails with EIO at once.
 * `decided_version` is the decided record's version in decimal, from 1; NULL or "0" only when the policy is OPTIONAL,
 * else -EPERM. Returns 0 when the kernel has let go.
 */
int nbdc_detach(const char *device, const char *decided_version, unsigned timeout_ms, char *ret_error);

/* The request time-out (R8c), 100 ms to one hour. Affects when waiting requests are looked at again; it never cuts a
 * live connection. */
int nbdc_set_timeout(const char *device, uint64_t request_timeout_ms, unsigned timeout_ms, char *ret_error);

const char *nbdc_state_name(enum nbdc_state state);    /* "CONNECTING", ... */
const char *nbdc_policy_name(enum nbdc_policy policy); /* "required", "optional" */

/*
 * "/dev/nbd3", "/dev/nb3", "nbd3" or "nb3" to 3; -ENODEV for anything else (a partition, a typo). At most
 * NBDC_DEVICE_INDEX_MAX.
 */
#define NBDC_DEVICE_INDEX_MAX 65535
int nbdc_device_index(const char *device);

/* The folder of the sockets: the environment's NBDC_RUNDIR or the default. */
const char *nbdc_rundir(void);

#endif
