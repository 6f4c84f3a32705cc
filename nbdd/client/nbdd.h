/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libnbdd: the control API of a running nbdd, for C programs (the admin command nbdd(1), hamon-act, yours).
 *
 * Each call is one HTTP request on nbdd's AF_UNIX control socket and blocks its thread until the answer or `timeout_ms`; a handle holds
 * the socket's path and the last error, no connection. One handle in one thread at a time; handles are cheap. Every call returns 0 or a
 * negative errno, and nbdd_error() then holds one sentence for a person. -ETIMEDOUT says nothing about whether the server did it: grant,
 * revoke, start and stop may be repeated until they answer.
 *
 * Errors of the server: -ENOENT unknown export, -EEXIST id or device already exported, -EBUSY the state forbids it (remove of an available
 * export) or the device is in use by someone else, -EINVAL bad argument, -ESTALE epoch below the highest seen, -EIO disk or sync error,
 * -EUSERS the export belongs to a mirror of hamon (see nbdd_set_owner), -EACCES the socket's owner does not permit you, -ECONNREFUSED or -ENOENT with "is nbdd running?" when nobody listens.
 */
#ifndef NBDD_CLIENT_NBDD_H
#define NBDD_CLIENT_NBDD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NBDD_DEFAULT_SOCKET "/run/nbdd/control.sock"

struct nbdd;

/* `socket_path` NULL: NBDD_DEFAULT_SOCKET. Does not connect. -ENOMEM, -ENAMETOOLONG. */
int nbdd_open(const char *socket_path, struct nbdd **ret);
void nbdd_close(struct nbdd *n);

/*
 * An export that belongs to a mirror of hamon refuses what would surprise it with -EUSERS, naming the mirror and what would happen. The owner
 * itself says who it is (-ENOMEM; NULL: a person again); a person who knows better forces. Both hold for all later calls of the handle.
 */
int nbdd_set_owner(struct nbdd *n, const char *owner);
void nbdd_set_force(struct nbdd *n, bool force);

/* The last failed call's sentence; "" after a success. Valid until the handle's next call. */
const char *nbdd_error(const struct nbdd *n);

enum nbdd_status { NBDD_UNDEFINED, NBDD_DEFINED, NBDD_AVAILABLE, NBDD_RUNNING };
const char *nbdd_status_text(enum nbdd_status s); /* "AVAILABLE" */

#define NBDD_UUID_SIZE 37 /* text and NUL */

struct nbdd_export {
        uint64_t id;
        char *device;     /* path */
        bool leg;         /* kind "leg": only by grant */
        enum nbdd_status status;
        char *reason;     /* why it is in that state; "" when there is nothing to say */
        bool failed;      /* a disk or sync error is latched */
        char *noted;      /* a disk error that did not fail the export and that nobody has cleared; "" */
        bool read_only, hidden;
        bool declared;    /* in nbdd.conf */
        char *writers;    /* "shared", "refuse", "readonly" or "fence" */
        char *description, *aliases, *allow; /* "" */
        uint64_t offset_bytes;
        uint64_t size_bytes; /* 0 while the device is closed */
        uint64_t epoch;   /* leg: of the grant, 0 when there is none; plain: highest epoch seen */
        char session[NBDD_UUID_SIZE]; /* of the grant or of the current fenced session; "" when there is none */
        char leg_uuid[NBDD_UUID_SIZE]; /* "" when none was given */
        char *owner;      /* "" or e.g. "hamon" */
        unsigned session_count;
        uint64_t inflight;           /* requests taken and not yet answered, over all sessions */
        uint64_t oldest_request_ms;  /* age of the oldest of them; 0 when idle */
        uint64_t read_bytes, written_bytes; /* since nbdd started */
};

struct nbdd_export_list {
        struct nbdd_export *exports; /* in the order of the table */
        size_t count;
};

int nbdd_export_list(struct nbdd *n, unsigned timeout_ms, struct nbdd_export_list *ret);
void nbdd_export_list_release(struct nbdd_export_list *list);

/* -ENOENT: UNDEFINED. Release with nbdd_export_release(). */
int nbdd_export_get(struct nbdd *n, uint64_t id, unsigned timeout_ms, struct nbdd_export *ret);
void nbdd_export_release(struct nbdd_export *e);

struct nbdd_export_options {
        const char *device;   /* block device or regular file */
        uint64_t id;
        bool leg;
        bool read_only;
        uint64_t offset_bytes; /* of the export in the device */
        uint64_t size_bytes;   /* 0: to the device's end */
        const char *leg_uuid;  /* NULL: none */
        const char *owner;     /* NULL: nobody */
        const char *writers;   /* NULL: "shared" */
        const char *allow;     /* "10.0.0.0/8, cn=NAME, psk=NAME"; NULL: everybody */
        const char *aliases;   /* other names, words; NULL: none */
        const char *description; /* NULL: none */
        bool hidden;           /* not in the list that clients get */
};

int nbdd_export_add(struct nbdd *n, const struct nbdd_export_options *options, unsigned timeout_ms);
/* NULL and NULL-pointed: as it is. Sessions that the new allow list does not have are ended; what concerns the device needs a stopped export. */
struct nbdd_export_change {
        const char *writers, *allow, *aliases, *description, *device;
        const bool *hidden, *read_only;
        const uint64_t *offset_bytes, *size_bytes;
};
int nbdd_export_change(struct nbdd *n, uint64_t id, const struct nbdd_export_change *change, unsigned timeout_ms);
/* A leg must be revoked and a plain export stopped first (-EBUSY). */
int nbdd_export_remove(struct nbdd *n, uint64_t id, unsigned timeout_ms);
/* Plain exports only. Repeating either changes nothing and succeeds. Stop returns when nothing more can reach the device. */
int nbdd_export_start(struct nbdd *n, uint64_t id, unsigned timeout_ms);
int nbdd_export_stop(struct nbdd *n, uint64_t id, unsigned timeout_ms);
/* Clears a latched disk error after a person has looked. A failed plain export must be stopped first (-EBUSY); a failed leg is revoked by it. */
int nbdd_export_clear(struct nbdd *n, uint64_t id, unsigned timeout_ms);

/*
 * Grants the leg to exactly (epoch, session); an older grant is revoked and drained first. The same grant again succeeds and disturbs
 * nothing. Durable when 0 is returned. `leg_uuid` NULL, or it must equal the export's. -ESTALE: a higher epoch was granted before.
 */
int nbdd_leg_grant(struct nbdd *n, uint64_t id, uint64_t epoch, const char *session, const char *leg_uuid, unsigned timeout_ms);

/* The same, and the session may discard (NBD_CMD_TRIM), which zeroes what it names: for a disk that is known to read zeroes after a discard. */
int nbdd_leg_grant_with_trim(struct nbdd *n, uint64_t id, uint64_t epoch, const char *session, const char *leg_uuid, unsigned timeout_ms);

/*
 * Takes the grant back: durably first, then every session is shut, every submitted request has finished, the cache is flushed and the device
 * is closed. Only then 0. Without a grant: 0 at once. -EIO: drained and closed as promised, but flushing failed: the leg is latched failed.
 */
int nbdd_leg_revoke(struct nbdd *n, uint64_t id, unsigned timeout_ms);

struct nbdd_health {
        char version[32];
        uint64_t uptime_ms;
        unsigned exports, sessions;
        uint64_t inflight;
        uint64_t oldest_request_ms; /* over all sessions */
};
/* Touches no disk: it answers while a disk hangs. */
int nbdd_health(struct nbdd *n, unsigned timeout_ms, struct nbdd_health *ret);

struct nbdd_session {
        uint64_t number;
        char address[96];
        uint64_t export_id; /* 0: it has not asked for one yet */
        char state[16];     /* "handshake", "waiting", "attached", "ending" */
        bool read_only;
        bool tls;
        char identity[136]; /* that TLS has verified: "psk=NAME" or "cn=NAME", as an allow list names it; "" */
        uint64_t age_ms, requests, read_bytes, written_bytes, inflight, oldest_request_ms;
};
/* malloc'ed: free(). */
int nbdd_session_list(struct nbdd *n, unsigned timeout_ms, struct nbdd_session **ret, size_t *ret_count);
/* Ends it; its requests at the disk finish, the client may come back. */
int nbdd_session_kick(struct nbdd *n, uint64_t number, unsigned timeout_ms);

enum nbdd_kind { NBDD_READ, NBDD_WRITE, NBDD_FLUSH, NBDD_OTHER, NBDD_KINDS }; /* OTHER: trim, zeroes, cache, block status */
#define NBDD_LATENCY_BUCKETS 28

struct nbdd_stats_of_kind {
        uint64_t operations, errors;
        uint64_t bytes; /* of those without error */
        uint64_t latency[NBDD_LATENCY_BUCKETS]; /* [0]: done in less than 1 us; [i]: in 2^(i-1) to below 2^i us; the last: longer, too */
};

struct nbdd_stats {
        struct nbdd_stats_of_kind kinds[NBDD_KINDS];
        uint64_t inflight, oldest_request_ms; /* now */
        uint64_t fences, disk_errors;         /* of an export; 0 of a session */
};
/* Of an export since nbdd started, and of a session since it began. -ENOENT: there is none. */
int nbdd_export_stats(struct nbdd *n, uint64_t id, unsigned timeout_ms, struct nbdd_stats *ret);
int nbdd_session_stats(struct nbdd *n, uint64_t number, unsigned timeout_ms, struct nbdd_stats *ret);

int nbdd_limits_get(struct nbdd *n, unsigned timeout_ms, unsigned *ret_maxconnect);
int nbdd_limits_set(struct nbdd *n, unsigned timeout_ms, unsigned maxconnect);
/* Any limit by its name in GET /v1/limits. */
int nbdd_limit_get(struct nbdd *n, const char *name, unsigned timeout_ms, unsigned *ret);
int nbdd_limit_set(struct nbdd *n, const char *name, unsigned value, unsigned timeout_ms);

/* Reads nbdd.conf anew, in one step. -EINVAL: it is not taken over; nbdd_error() has all that is wrong with it, a line each. */
int nbdd_reload(struct nbdd *n, unsigned timeout_ms);

/* Any call by hand: the raw JSON answer is malloc'ed. `body` NULL for none. */
int nbdd_call(struct nbdd *n, const char *method, const char *path, const char *body, unsigned timeout_ms, char **ret_json);

#ifdef __cplusplus
}
#endif

#endif
