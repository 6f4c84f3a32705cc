/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Effects: what hamon asks its root helper hamon-act to do to the machine, one typed command each, and what comes back.
 *
 * Effects of one mirror run one after the other in the order in which they were asked (one worker per mirror), those of its service, and what else
 * waits for writes, beside them in a worker of their own (they must not stand before the detach that helps), those marked "at once" run at once in
 * hamon-act's own loop. Every effect is idempotent: asked again after a crash of either side it completes or reports
 * the same state. The name is the wire word of hamon/act (JSON "do") and what status shows as "waiting for ...".
 */
#ifndef HAMON_CORE_EFFECT_H
#define HAMON_CORE_EFFECT_H

#include "hamon/core/types.h"

/*        enum name         word              what, and what "done" means (durable where said) */
#define EFFECTS(X)                                                                                                     \
        X(LEG_OPEN,        "leg-open")        /* read own header, make the dm-linear, read superblock, note, debt: result_leg */      \
        X(LEG_CREATE,      "leg-create")      /* write a header with a new leg UUID on a blank (or overwritten by consent) disk */   \
        X(PROBE,           "probe")           /* R3b: direct write and flush into the own header's probe block */                    \
        X(GRANT,           "grant")           /* own nbdd opens the own leg for (epoch, session), durably */                         \
        X(REVOKE,          "revoke")          /* R3d: nbdd revoked and drained (or proved dead), device held exclusively by us */    \
        X(RELEASE,         "release")         /* give up the exclusive hold, so that nbdd may open the leg on the next grant */      \
        X(CHECK_LEG,       "check-leg")       /* R2f: O_DIRECT read of the own superblock: result_check.permits */                   \
        X(DEBT_CAPTURE,    "debt-capture")    /* debt |= own leg's on-disk bitmap; durable */                                        \
        X(ARRAY_CREATE,    "array-create")    /* new degraded array on the own leg */                                                \
        X(ASSEMBLE,        "assemble")        /* own leg alone, run degraded, write-mostly cleared */                                \
        X(ASSEMBLE_BOTH,   "assemble-both")   /* planned switchover: the attached peer's leg made REQUIRED, both legs proved equal, run together */ \
        X(DEBT_APPLY,      "debt-apply")      /* every debt bit set through md/bitmap_set_bits */                                    \
        X(NOTE_SET,        "note-set")        /* durable note peer_attached (3.4) */                                                 \
        X(NOTE_CLEAR,      "note-clear")      /* only after the leg left md */                                                       \
        X(ATTACH,          "attach")          /* nbdc attaches the peer's leg, OPTIONAL, with (epoch, session) */                    \
        X(DEBT_UNION,      "debt-union")      /* debt |= own bitmap | the attached peer leg's bitmap; durable; result_union.known */ \
        X(LEG_ADD,         "leg-add")         /* debt applied, then re-add (arg.whole: zero its superblock, add, full resync) */     \
        X(REQUIRE,         "require")         /* R2f: nbdc policy REQUIRED, then flush the array */                                  \
        X(DETACH,          "detach")          /* disconnect (arg.version decided, or OPTIONAL); returns when requests have ended */  \
        X(LEG_REMOVE,      "leg-remove")      /* md fails and removes the peer's leg */                                              \
        X(DEBT_DROP,       "debt-drop")       /* after the join is decided */                                                        \
        X(RESYNC_CONTROL,  "resync-control")  /* a person's arg.order about the resync: durable for this boot, in force within a second */ \
        X(LEG_GROW,        "leg-grow")        /* the own leg, of a standby, gets as long as its disk; a grant of the shorter one is taken back */ \
        X(LEG_CLOSE,       "leg-close")       /* of a mirror that is being removed: no array, no grant, no export, no device over the disk; what is on it stays */ \
        X(ARRAY_GROW,      "array-grow")      /* the own leg likewise, then the array to the smaller leg (durable on both), then its file system; beside the others. -ENOSPC: no room; -EAGAIN: in a moment */ \
        X(HISTORY,         "history")         /* append arg.epoch to the own leg header's epoch history; durable */                  \
        X(SERVICE_START,   "service-start")   /* mount, then units, in order (address is separate); arg.whole: stop the units first */\
        X(SERVICE_STOP,    "service-stop")    /* units in reverse, then the address; verified unmounted */                          \
        X(RESYNC_HOOK,     "before-resync-target") /* a person's program, before the own leg is overwritten; failed: it said no, or did not end */ \
        X(ARRAY_STOP,      "array-stop")      /* orderly: md stopped, then nbdc detach, hold released; -EBADE: all of it, and the own disk then failed a probe */                             \
        X(ADDRESS_RENEW,   "address-renew")   /* at once: (re)add the service address with arg.lifetime_ms; first time: announce */  \
        X(ADDRESS_DROP,    "address-drop")    /* at once */                                                                          \
        X(REBOOT,          "reboot")          /* at once: reboot(2) without sync, without stopping units */

enum effect_type {
#define X(name, word) EFFECT_##name,
        EFFECTS(X)
#undef X
        EFFECT_TYPES
};

const char *effect_word(enum effect_type type);
int effect_by_word(const char *word); /* or -1 */

/* Not queued behind the mirror's other effects: done in hamon-act's own loop. */
bool effect_is_at_once(enum effect_type type);

/* May wait for writes that only a detach frees: done beside the mirror's other effects, with those of its service. */
bool effect_is_beside(enum effect_type type);

/* What a person asks of the resync of the peer's leg. It holds on the primary until the leg is in sync, the array stops, or the node boots. */
enum resync_wish { RESYNC_PAUSE, RESYNC_RESUME, RESYNC_RATE, RESYNC_WISHES };

enum {
        RESYNC_RATE_LEAST_KIB = 64,      /* a person's ceiling, in KiB/s: below that a resync never ends */
        RESYNC_RATE_MOST_KIB = 4 << 20,  /* 4 GiB/s: more than any link of today */
        RESYNC_PAUSE_MOST_S = 30 * 86400,
};

enum { LEG_LEAST_BYTES = 8 << 20 }; /* of a leg behind its header */

struct resync_order {
        enum resync_wish wish;
        uint32_t for_s;    /* PAUSE: resumes by itself after so many seconds; 0: when a person says so */
        uint32_t rate_kib; /* RATE: ceiling in KiB/s; 0: none, paced by the application's latency alone */
};

struct effect {
        enum effect_type type;
        uint8_t mirror;
        uint64_t ticket; /* comes back in the answer; 0 is never used */
        uint64_t epoch;
        struct uuid session, leg;
        uint64_t version;     /* DETACH: decided record version without the leg; 0: OPTIONAL. ARRAY_STOP: without the own leg; 0: it must be good */
        bool whole;           /* LEG_ADD: history unknown, resync everything. SERVICE_START: its units are stopped first */
        bool overwrite;       /* LEG_CREATE: typed consent */
        uint32_t lifetime_ms; /* ADDRESS_RENEW */
        struct resync_order order; /* RESYNC_CONTROL */
        uint64_t leg_bytes;   /* ARRAY_CREATE: of a leg, at most; 0: all that the disk has */
        uint64_t until_ms;    /* begun by then (CLOCK_BOOTTIME) or not at all; ADDRESS_RENEW: the driver's, for the lease covers no more; 0: none */
};

struct effect_result {
        enum effect_type type;
        uint8_t mirror;
        uint64_t ticket;
        int error;      /* 0 or negative errno */
        char detail[128]; /* for people: what failed */
        struct {
                bool present;         /* a header of this cluster and mirror is there */
                struct uuid uuid;
                uint64_t last_epoch;  /* of its history */
                bool has_superblock;  /* an md superblock behind the header */
                uint64_t updated_s;   /* and when it was written, seconds since 1970, by the clock of whoever wrote it */
                bool calls_peer_failed, clean;
                uint64_t md_events;
                bool note;            /* peer_attached is set */
                bool debt;            /* something is owed, or what is cannot be told */
                bool array_running;   /* already assembled in this boot */
                struct uuid session;  /* of the peer's leg that this array has; null: it has none that works */
        } leg;                        /* LEG_OPEN, LEG_CREATE, ARRAY_CREATE */
        bool permits;                 /* CHECK_LEG */
        bool known;                   /* DEBT_UNION: the peer leg is a member of this array with usable superblock and bitmap */
        bool blank;                   /* likewise, and was made one just now: both legs began as zeroes, the debt has all that was written since */
};

/* What hamon-act does and measures while the peer's leg is resynced. */
struct resync_seen {
        bool paused;            /* a person said so: nothing is copied, or will be when the leg is there */
        uint32_t pause_left_s;  /* until it resumes by itself; 0: it does not */
        bool stalled;           /* not paused, and nothing was copied for RESYNC_STALLED_MS */
        uint32_t rate_kib;      /* measured, in KiB/s */
        uint32_t limit_kib;     /* the pace that is allowed now */
        uint32_t ceiling_kib;   /* a person's; 0: none */
        uint32_t latency_us;    /* of the application's requests in the last second; 0: there were none */
};

enum { RESYNC_STALLED_MS = 15000 }; /* longer than md needs between two sweeps at the lowest pace, and than a detach takes */

/* Whether the array takes discards, where the configuration says discard = zeroes; the last ones are why it does not. Shown; decides nothing. */
enum discards_seen {
        DISCARDS_UNASKED,
        DISCARDS_IDLE,      /* no array runs here, or the own disk is not looked at yet */
        DISCARDS_TAKEN,
        DISCARDS_OWN_NONE,  /* the own disk takes none */
        DISCARDS_OWN_WRONG, /* it reads something else than zeroes afterwards */
        DISCARDS_OWN_ERROR, /* it failed the proof with an error */
        DISCARDS_PEER,      /* the other node's leg takes none */
        DISCARDS_LATER,     /* this run of the array has none */
        DISCARDS_SEEN
};

static inline bool discards_are_refused(enum discards_seen d)
{
        return d > DISCARDS_TAKEN;
}

/* What hamon-act's monitor sees, sent when it changes and at least every 500 ms while an array runs. */
struct observation {
        uint8_t mirror;
        uint64_t settled; /* ticket of the last queued effect, not of the service, that had ended before this look began; 0: none for this hamon */
        bool array_running;
        bool own_in_sync, own_failed;
        bool own_unsafe;          /* the own disk failed a direct write or flush since the array runs; md need not have seen it */
        bool peer_in_array, peer_in_sync, peer_failed;
        bool sync_idle;           /* md sync_action idle */
        uint64_t resync_done_sectors, resync_total_sectors; /* 0/0 when idle */
        struct resync_seen resync;
        bool attached;            /* nbdc supervises a device for this mirror */
        bool leg_connected;       /* it has a live session */
        bool leg_refused;         /* the server refused the session: grant is gone */
        uint32_t leg_oldest_ms;   /* age of the oldest request without progress, across reconnects (R8a) */
        uint32_t own_oldest_ms;   /* likewise on the own disk */
        uint32_t leg_request_us;  /* what a request of the peer's leg took, a mean of some seconds; 0: none ended. Shown; decides nothing */
        uint32_t own_request_us;  /* likewise on the own disk */
        enum discards_seen discards;
        bool owed_known;          /* how much the peer's leg may lack. Shown; decides nothing */
        uint64_t owed_bytes;
        bool service_running;     /* mounted and every unit active */
        bool service_unhealthy;   /* it runs, and its health check has failed as often as is allowed */
};

#endif
