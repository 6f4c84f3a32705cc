/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two files that outlive nbdd: the export table ("exports") and the legs' grants ("grants"), JSON inside a checksummed state file.
 *
 * They are apart because a grant must go durably before anything is drained, and because only a grant of the running boot may be resumed. Pure
 * but for the file access of the _read and _write functions, which block on the disk.
 */
#ifndef NBDD_STORE_H
#define NBDD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "nbdd/limits.h"
#include "nbdd/rules.h"
#include "nbdd/settings.h"
#include "nbdd/target.h"

#define STORE_OWNER_EXPORTS "nbdd-exports"
#define STORE_OWNER_GRANTS "nbdd-grants"
#define STORE_TABLE_VERSION 2u  /* 1: before settings and limits; it is still read */
#define STORE_GRANTS_VERSION 1u
#define STORE_TEXT_MAX 4096u

struct stored_export {
        uint64_t id;
        enum export_kind kind;
        char *device;
        char *owner;  /* "" */
        char *failed; /* the latched error, "" */
        char *noted;  /* a disk error that did not fail the export, "" */
        bool read_only, started;
        bool declared; /* by nbdd.conf */
        uint64_t offset_bytes, size_bytes;
        uint64_t epoch_seen;
        struct uuid leg_uuid; /* null: none */
        struct export_settings settings;
};

struct stored_table {
        struct stored_export *exports;
        size_t count;
        struct limits limits;
};

struct stored_grant {
        uint64_t id;
        uint64_t epoch;
        struct uuid session;
        struct uuid boot_id;
        bool trim; /* not written when false: 0.3.0 and older have none */
        char attachment[TARGET_ATTACHMENT_SIZE];
};

struct stored_grants {
        struct stored_grant *grants;
        size_t count;
};

void stored_table_release(struct stored_table *t);
void stored_grants_release(struct stored_grants *g);

/* Text forms, malloc'ed; NULL: out of memory. Decoders: -EBADMSG and a sentence for anything that the encoder would not write. */
char *store_encode_table(const struct stored_table *t);
int store_decode_table(const char *text, size_t size_bytes, struct stored_table *ret, char *reason, size_t reason_size);
char *store_encode_grants(const struct stored_grants *g);
int store_decode_grants(const char *text, size_t size_bytes, struct stored_grants *ret, char *reason, size_t reason_size);

/* A missing file is an empty one. Writing is durable when 0 is returned. */
int store_read_table(const char *path, struct stored_table *ret, char *reason, size_t reason_size);
int store_read_grants(const char *path, struct stored_grants *ret, char *reason, size_t reason_size);
int store_write_table(const char *path, const struct stored_table *t);
int store_write_text(const char *path, const char *text); /* of a table that was encoded before */
int store_write_grants(const char *path, const struct stored_grants *g);

#endif
