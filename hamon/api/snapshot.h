/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The status snapshot: one immutable copy of everything that people and programs may see, taken by the loop between two steps.
 *
 * Every renderer starts here (status_json.c; the CLI draws that JSON). The loop publishes, the HTTP thread takes a reference; the lock is
 * held for a pointer's exchange only. Ages are computed when it is rendered, so that an old snapshot says that it is old.
 */
#ifndef HAMON_API_SNAPSHOT_H
#define HAMON_API_SNAPSHOT_H

#include "hamon/api/config_keep.h"
#include "hamon/api/resync_why.h"
#include "hamon/api/verifier.h"
#include "hamon/config.h"
#include "hamon/core/core.h"
#include "hamon/net/links.h"
#include "hamon/service_seen.h"

#include <jansson.h>

/* The last effect of a mirror that failed, for people. */
struct failure {
        uint64_t at_ms; /* CLOCK_BOOTTIME; 0: none failed since the start */
        enum effect_type effect;
        int error; /* negative errno */
        char detail[sizeof((struct effect_result *)0)->detail];
};

enum { CONFIG_HASH_SIZE = 17 };

struct snapshot {
        const struct config *config; /* immutable for the process's life */
        uint8_t self;
        uint64_t start;
        struct uuid boot;
        uint64_t taken_ms, started_ms; /* CLOCK_BOOTTIME */
        int64_t wall_ms;
        char config_hash[CONFIG_HASH_SIZE]; /* of the configuration that this hamon runs with */
        struct config_seen configs;

        bool act_ready;
        int act_error;           /* why not: negative errno */
        uint64_t act_changed_ms; /* since when */
        int state_error;         /* of the last write of an acceptor's state: 0 or negative errno */
        unsigned actions_waiting; /* for a state to be durable */
        bool certificate_ends;   /* that of the API, soon: in whole days */
        uint32_t certificate_days;
        uint64_t turns, worst_turn_us;

        struct node_view node[VOTERS];
        struct mirror_view mirror[MIRRORS_MAX];
        struct resync_watch resync[MIRRORS_MAX];
        struct failure failure[MIRRORS_MAX];
        struct verify_view verify[MIRRORS_MAX];
        struct service_seen service[MIRRORS_MAX]; /* as hamon-act told last; nothing while it is not connected */
        struct links_view links;
};

/* NULL when out of memory. `now_ms`: CLOCK_BOOTTIME of the reader. */
json_t *status_json(const struct snapshot *s, uint64_t now_ms);

/* A mirror in a status as status_json() makes it, borrowed; NULL: none of that name, or no status. */
const json_t *status_mirror(const json_t *status, const char *name);

/* The reason of a mirror as {"code", "severity", "sentence", "next"}. */
json_t *reason_json(const struct snapshot *s, unsigned mirror, enum reason reason, uint8_t node);

/* Likewise the most urgent reason of a mirror. */
json_t *snapshot_reason_json(const struct snapshot *s, unsigned mirror);

/* The revision of configuration and record, of a mirror or (MIRRORS_MAX) of all: what If-Match is compared with. Never of measurements. */
void snapshot_revision(const struct snapshot *s, unsigned mirror, char *ret, size_t size_bytes);

/* What a request of that leg took, in us, the mean of some seconds: the node that writes to both legs knows it. 0: none ended, or not known here. */
uint32_t snapshot_request_us(const struct snapshot *s, unsigned mirror, unsigned node);

struct snapshot_box;

struct snapshot_box *snapshot_box_new(void); /* NULL: out of memory */
void snapshot_box_free(struct snapshot_box *b);

/* Takes ownership of a malloc'ed snapshot; the previous one is freed when its last reader is done. */
void snapshot_publish(struct snapshot_box *b, struct snapshot *s);

/* A reference to the latest one, or NULL before the first. Give it back with snapshot_release(). */
const struct snapshot *snapshot_get(struct snapshot_box *b);
void snapshot_release(struct snapshot_box *b, const struct snapshot *s);

#endif
