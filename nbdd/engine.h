/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The export table, the sessions on each export, and the fence between old sessions and new ones (docs/ARCHITECTURE.md, grants).
 *
 * Owns exports, their targets and grants, limits, and the files that keep them. One mutex guards all of it and is never held across a
 * disk access. Three kinds of callers: workers (engine_session_*; never block), control threads (engine_add ... engine_revoke; may block
 * for as long as a disk does, one at a time for each export), and the engine's own keeper thread, which writes durable state that a worker
 * asked for and retries devices that could not be opened.
 *
 * The rule that everything here serves: an export's older sessions are off the list only when nothing of them can reach the disk any more, and
 * nobody is let in, and no stop or revoke returns, before that.
 */
#ifndef NBDD_ENGINE_H
#define NBDD_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "nbdd/allow.h"
#include "nbdd/limits.h"
#include "nbdd/list.h"
#include "nbdd/rules.h"
#include "nbdd/settings.h"
#include "nbdd/stats.h"
#include "wire/export_name.h"
#include "wire/nbd_wire.h"

struct engine;
struct export;
struct target;
struct worker;

#define ENGINE_REASON_SIZE 256
#define ENGINE_EXPORTS_MAX 4096u

/* ---- workers ---- */

/* A connection as the engine sees it; lives inside struct conn. Fields without "atomic" are the engine's, under its lock. */
struct engine_session {
        uint64_t number; /* 1, 2, ...: also the order of arrival */
        struct worker *worker;
        char address[96];
        struct client_identity client; /* the address when it is opened; TLS adds what it has verified, before GO */
        uint64_t start_ns;
        struct list all_link;
        struct list export_link;
        struct export *export;   /* NULL before ATTACH and after detach */
        bool waiting;            /* for older sessions' end */
        bool ending;             /* told to end */
        bool fences;             /* it ended those before it */
        bool read_only;          /* it may not write: the export, or its writer policy, says so */
        atomic_bool hung_up;     /* set by its worker: no further request of it will be taken */
        bool is_leg;             /* of the export that it is attached to */
        bool has_session;
        uint64_t epoch;
        struct uuid session;
        struct stats stats;
        _Atomic uint64_t oldest_ns; /* start of the oldest request at the disk; 0: none */
        _Atomic uint32_t inflight;
};

struct engine_refusal {
        uint32_t rep_error;
        char text[ENGINE_REASON_SIZE];
};

enum engine_attach_result { ENGINE_ATTACHED, ENGINE_ATTACH_LATER, ENGINE_REFUSED };

void engine_session_open(struct engine *e, struct engine_session *s);
/* TLS has verified who it is: one of the two names is "". Before ATTACH. */
void engine_session_secured(struct engine *e, struct engine_session *s, const char *cn, const char *psk);
/* GO or EXPORT_NAME. LATER: WORKER_ATTACHED (or WORKER_END) follows. */
enum engine_attach_result engine_session_attach(struct engine *e, struct engine_session *s, const char *name, size_t name_bytes,
                                                struct nbd_export_info *ret_info, struct target **ret_target,
                                                struct engine_refusal *ret_refusal);
/* After WORKER_ATTACHED. False: it was ended meanwhile. */
bool engine_session_take(struct engine *e, struct engine_session *s, struct nbd_export_info *ret_info, struct target **ret_target);
/* INFO: describes without attaching. */
int engine_session_describe(struct engine *e, const struct engine_session *s, const char *name, size_t name_bytes, struct nbd_export_info *ret_info,
                            struct engine_refusal *ret_refusal);
/* LIST: the exports that this client can attach to and that are not hidden, a malloc'ed array. NULL: LIST is switched off, or no memory. */
struct engine_listed {
        char name[EXPORT_ID_TEXT_SIZE];
        char description[SETTINGS_DESCRIPTION_MAX + 1];
};
struct engine_listed *engine_session_list(struct engine *e, const struct engine_session *s, size_t *ret_count);
/* A disk error (errno) of a session's request. Leg: latched, all sessions ended. Plain: latched when `is_sync`. True: hold the reply. */
bool engine_session_failed(struct engine *e, struct engine_session *s, int error, bool is_sync, const char *what);
/* Nothing of the session can reach the disk any more; call exactly once, last. */
void engine_session_close(struct engine *e, struct engine_session *s);

/* ---- main ---- */

/*
 * Loads the table and the grants from `state_dir` (made if it is missing, locked against a second server) and opens what is to be open.
 * On error -errno and a sentence in `reason`.
 */
int engine_new(const char *state_dir, struct engine **ret, char *reason, size_t reason_size);
/* Opens what is to be open, and keeps trying. */
int engine_start(struct engine *e);
/* A place for one more connection under the limits; false and a sentence: none. Returns the session's number. */
bool engine_admit(struct engine *e, const struct net_address *from, uint64_t *ret_number, char reason[ENGINE_REASON_SIZE]);
void engine_unadmit(struct engine *e, const struct net_address *from); /* it came to nothing before engine_session_open() */
/* Refuses everything from now on; ends and drains all sessions, syncs and closes all targets. The workers must still run. */
void engine_shutdown(struct engine *e);
void engine_free(struct engine *e);
void engine_counts(struct engine *e, unsigned *ret_exports, unsigned *ret_sessions);

/* ---- control threads: 0 or -errno, and a sentence in `reason` ---- */

struct engine_add {
        uint64_t id;
        const char *device;
        enum export_kind kind;
        bool read_only;
        uint64_t offset_bytes, size_bytes;
        struct uuid leg_uuid; /* null: none */
        const char *owner;
        const struct export_settings *settings; /* NULL: the defaults */
};
int engine_add(struct engine *e, const struct engine_add *add, char reason[ENGINE_REASON_SIZE]);
int engine_remove(struct engine *e, uint64_t id, char reason[ENGINE_REASON_SIZE]);
int engine_export_start(struct engine *e, uint64_t id, char reason[ENGINE_REASON_SIZE]);
int engine_export_stop(struct engine *e, uint64_t id, char reason[ENGINE_REASON_SIZE]);
/* `trim`: the session may discard; only for a disk that is known to read zeroes afterwards. */
int engine_grant(struct engine *e, uint64_t id, uint64_t epoch, const struct uuid *session, const struct uuid *leg_uuid, bool trim,
                 char reason[ENGINE_REASON_SIZE]);
int engine_revoke(struct engine *e, uint64_t id, char reason[ENGINE_REASON_SIZE]);
int engine_clear(struct engine *e, uint64_t id, char reason[ENGINE_REASON_SIZE]);
/*
 * -EUSERS and a sentence that names the mirror and `effect`, when the export (or the one of the session, with id 0) has an owner other than
 * `who`. What does not exist has none.
 */
int engine_check_owner(struct engine *e, uint64_t id, uint64_t session, const char *who, const char *effect, char reason[ENGINE_REASON_SIZE]);
/* A leg that holds after a disk error, its sessions ended: to revoke it costs its mirror nothing any more. */
bool engine_is_failed(struct engine *e, uint64_t id);
bool engine_is_leg(struct engine *e, uint64_t id);
int engine_kick(struct engine *e, uint64_t number, char reason[ENGINE_REASON_SIZE]);
int engine_set_limits(struct engine *e, const struct limits *limits, char reason[ENGINE_REASON_SIZE]);
uint32_t engine_limit(struct engine *e, enum limit limit); /* any thread, no lock */

/* NULL and false in a `has_` member: as it is. What concerns the device needs a stopped export. Sessions that are no longer allowed end. */
struct engine_change {
        const char *writers, *description, *aliases, *allow;
        const char *device;
        bool has_hidden, hidden;
        bool has_read_only, read_only;
        bool has_offset, has_size;
        uint64_t offset_bytes, size_bytes;
};
/*
 * Makes the declared exports and limits those of `config`, in one step: all is checked first, and on an error, reported with its place, nothing has
 * changed. Exports that are as they were go on untouched. `starting`: before clients can come; devices are opened by the keeper.
 */
struct config;
struct ini_errors;
int engine_configure(struct engine *e, const struct config *config, bool starting, struct ini_errors *errors);

int engine_change(struct engine *e, uint64_t id, const struct engine_change *change, char reason[ENGINE_REASON_SIZE]);

/* Reports by callback, under the lock: must not block or call back. */
struct engine_export_view {
        const struct export *export;
        enum export_status status;
        const char *reason;
        unsigned session_count;
        uint64_t inflight, oldest_request_ms;
        struct stats stats; /* of all its sessions since nbdd started */
};
struct engine_visitor {
        void (*export)(void *userdata, const struct engine_export_view *view);          /* may be NULL */
        void (*session)(void *userdata, const struct export *export, const struct engine_session *s, uint64_t now_ns); /* may be NULL */
        void *userdata;
};
/* id 0: all; sessions of each export follow it, those of no export come last with export NULL. */
void engine_visit(struct engine *e, uint64_t id, const struct engine_visitor *visitor);

#endif
