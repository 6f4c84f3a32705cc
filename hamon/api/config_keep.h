/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * This machine's part of a change of the configuration: what runs, what waits, and the moment at which hamon begins anew with it.
 *
 * Owns the file and the one beside it (config_store.h). Two locks: one for a disk that may be slow, one for a look, which never waits for the
 * disk. Workers and the views' thread change; anybody looks.
 */
#ifndef HAMON_API_CONFIG_KEEP_H
#define HAMON_API_CONFIG_KEEP_H

#include "hamon/api/config_store.h"

/* What anybody may see of it. */
struct config_seen {
        uint64_t version;      /* that runs */
        uint64_t next_version; /* that waits; 0: none */
        char next_hash[17], next_by[CONFIG_NAME_SIZE];
        uint64_t next_since_ms; /* CLOCK_BOOTTIME */
        int error; /* of reading what waited at the start */
};

struct config_keep;

/*
 * `path`: the file that was read, `version` and `hash` of it; `self`: this machine's name. What still waits from before a power cut is looked at: it
 * goes when it is in force already, or when this machine itself had not decided it. NULL: out of memory.
 */
struct config_keep *config_keep_new(const char *path, uint64_t version, const char *hash, const char *self);
void config_keep_free(struct config_keep *k);

const char *config_keep_path(const struct config_keep *k);
void config_keep_look(struct config_keep *k, struct config_seen *ret);

/* 0 or -errno. -EBUSY: another one waits, of a machine that has not said what became of it, and `displace` is false. */
int config_keep_prepare(struct config_keep *k, const struct config_next *next, bool displace, uint64_t now_ms);

/* The waiting one, if it is this, becomes the file. The driver begins anew when config_keep_due() says so. -ENOENT: another one waits, or none. */
int config_keep_commit(struct config_keep *k, uint64_t version, const char *hash);
int config_keep_discard(struct config_keep *k);

/* hamon shall begin anew `at_ms` (CLOCK_BOOTTIME) or later. */
void config_keep_renew(struct config_keep *k, uint64_t at_ms);

/* A call of the configuration that another machine sees to passes through here: hamon does not begin anew before its answer is out. */
void config_keep_hold(struct config_keep *k);
void config_keep_let_go(struct config_keep *k, uint64_t renew_after_ms);
bool config_keep_due(struct config_keep *k, uint64_t now_ms);

/* One change at a time is seen to by this machine. False: one is. */
bool config_keep_begin(struct config_keep *k);
void config_keep_end(struct config_keep *k);

#endif
