/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration's file, and the next one that waits beside it (FILE.next) until it is known that all machines have it.
 *
 * Each function is durable when it returns 0; a power cut leaves the old file or the new one, whole, and perhaps the next one still beside it. May
 * block on the disk: never in hamon's loop. One caller at a time.
 */
#ifndef HAMON_API_CONFIG_STORE_H
#define HAMON_API_CONFIG_STORE_H

#include "hamon/config.h"

enum { CONFIG_TEXT_MAX = 32 << 10 }; /* bytes: it travels in one request; 24 mirrors with services have about 12 KiB */

struct config_next {
        uint64_t version;
        char hash[17];
        char by[CONFIG_NAME_SIZE]; /* the machine that sees to it: what it decides counts */
        char *text;                /* malloc'ed */
};
void config_next_release(struct config_next *n);

/* The file as it is; malloc'ed. -errno, -EFBIG past CONFIG_TEXT_MAX. */
int config_store_read(const char *path, char **ret_text);

/* 0, -ENOENT: none waits; -EBADMSG and others as statefile_read(). */
int config_store_next(const char *path, struct config_next *ret);

/* The next one waits from now on, in place of another. */
int config_store_prepare(const char *path, const struct config_next *next);

/* The next one is the file from now on. -ENOENT: none waits. */
int config_store_commit(const char *path);

/* None waits any more. */
int config_store_discard(const char *path);

/* Can this process replace the file? 0 or -errno. */
int config_store_try(const char *path);

#endif
