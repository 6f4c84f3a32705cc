/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine's files and the renderer of views (control_json.c) share: the export and the engine themselves. */
#ifndef NBDD_ENGINE_INTERNAL_H
#define NBDD_ENGINE_INTERNAL_H

#include "nbdd/engine.h"
#include "nbdd/store.h"
#include "nbdd/target.h"

#define ENGINE_BUSY_WAIT_MS 30000u  /* how long a command waits for another one on the same export */
#define ENGINE_RETRY_MS 200u        /* between attempts to open a device that should be open */
#define ENGINE_START_WAIT_MS 5000u  /* for devices at the start: one that hangs must not keep the control API away */

struct export {
        struct list link;
        uint64_t id;
        enum export_kind kind;
        char *device;
        char *owner;  /* "" */
        char *failed; /* latched error; NULL */
        char *noted;  /* the first disk error that did not fail it; NULL */
        bool read_only;
        bool declared; /* by nbdd.conf */
        bool leaving;  /* no longer in the table; its last sessions are being drained */
        char *place;   /* declared: "FILE:LINE"; NULL */
        uint64_t offset_bytes, size_bytes;
        struct uuid leg_uuid;
        struct export_settings settings;
        struct allow_list allow; /* settings.allow, parsed */

        bool started;  /* plain: a person wants it available */
        bool granted;  /* leg: the durable grant is (epoch, session) */
        bool trims;    /* leg: the session of the grant may discard */
        uint64_t epoch;
        struct uuid session; /* of the grant, or of the last fenced session */
        char expected_attachment[TARGET_ATTACHMENT_SIZE]; /* of a grant from before our start; "" otherwise */
        uint64_t epoch_seen, epoch_saving, epoch_durable;

        struct target *target; /* open: AVAILABLE or RUNNING */
        bool accepting;        /* new sessions may attach */
        bool busy;             /* a control thread or the keeper works on it: target and grant are its own */
        uint64_t retry_ns;
        char reason[ENGINE_REASON_SIZE];
        struct list sessions;  /* attached, waiting and ending ones, in the order of arrival */
        unsigned session_count;
        struct stats gone;   /* of sessions that are no more */
        uint64_t disk_errors; /* requests that the disk failed */
        uint64_t fences; /* sessions that ended older ones */
};

struct address_table;

struct engine {
        pthread_mutex_t lock;
        pthread_cond_t changed; /* a session left, a command ended, something is to be saved */
        struct list exports, sessions;
        unsigned export_count, connections;
        _Atomic uint32_t limits[LIMIT_COUNT]; /* written under lock */
        struct address_table *addresses;
        bool configuring;                /* nbdd.conf is being taken over: exports neither come nor go by command */
        char *limit_places[LIMIT_COUNT]; /* of those that nbdd.conf declares: "FILE:LINE"; NULL */
        uint64_t next_number;
        bool refusing; /* shutting down */

        pthread_mutex_t store_lock; /* orders writes of the files; taken before `lock`, never while holding it */
        char *table_path, *grants_path;
        int lock_fd;
        struct uuid boot_id;

        pthread_t keeper;
        bool keeper_runs, keeper_stop, save_wanted;
        bool tried_all; /* the keeper has tried to open everything once */
};

enum export_status export_status(const struct export *x);
struct export *engine_find(struct engine *e, uint64_t id);           /* under lock */
void engine_end_session(struct engine_session *s, const char *why); /* under lock */
void engine_end_sessions(struct export *x, const struct engine_session *but, const char *why); /* under lock */
/* Lets in who waits and need wait no longer; under lock. */
void engine_advance(struct export *x);
void export_latch(struct export *x, const char *text); /* under lock: the first error stays */
void export_free(struct export *x);
struct export *engine_find_alias(struct engine *e, const char *name, size_t name_bytes); /* under lock */
int engine_say(char *reason, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What an export has that can be changed: copied, changed, swapped in, and back when it could not be made durable (engine_change.c). */
struct changeable {
        struct export_settings settings;
        struct allow_list allow;
        char *device;
        char *place;
        bool read_only;
        uint64_t offset_bytes, size_bytes;
};
void changeable_swap(struct export *x, struct changeable *c);
void changeable_release(struct changeable *c);
int engine_check_undeclared(const struct export *x, char *reason); /* -EPERM: nbdd.conf has it, and is the place to change it */

/* What begins and ends every command on an export; see engine_control.c. The lock is held on return, whatever it is. */
int engine_take(struct engine *e, uint64_t id, enum export_command command, struct export **ret, bool *ret_nothing, char *reason);
int engine_give(struct engine *e, struct export *x, int result);
int engine_save_under_lock(struct engine *e, char *reason); /* drops the lock meanwhile */
int engine_check_device(const char *device, char *reason);
int engine_check_aliases(struct engine *e, const struct export *x, const struct export_settings *s, char *reason); /* under lock */
void engine_end_disallowed(struct export *x); /* under lock */

/* At the start, in this order. */
int engine_load_exports(struct engine *e, char *reason, size_t reason_size);
int engine_load_grants(struct engine *e, char *reason, size_t reason_size);
/* Without the lock: durable when 0 is returned. */
int engine_save_table(struct engine *e);
int engine_save_grants(struct engine *e);
/* Under lock: the table as it is to be written. Strings are the exports' own; free `exports` alone. -ENOMEM. */
int engine_view_table(struct engine *e, struct stored_table *ret);
/* For a revoke when the state's disk is full or failing: no grant at all outlives this process. That is safe, it costs the other legs a resync. */
int engine_forget_grants(struct engine *e);

/* With the lock, which they drop and take again, by whoever made the export busy. */
int engine_open_target(struct engine *e, struct export *x, char reason[ENGINE_REASON_SIZE]);
void engine_close_target(struct engine *e, struct export *x); /* that nobody has written through since it was synced */
int engine_drain_and_close(struct engine *e, struct export *x, const char *why, char reason[ENGINE_REASON_SIZE]);

#endif
