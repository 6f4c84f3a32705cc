/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files that make a machine a member of a cluster: cluster.key, with an API ca.crt, api.key and api.crt, and hamon.conf, as {"NAME": TEXT}. Blocks on the disk.
 * What is wrong is one sentence, and behind a newline, where there is such, what to do next. Any thread.
 */
#ifndef HAMON_JOIN_FILES_H
#define HAMON_JOIN_FILES_H

#include "hamon/config.h"

#include <jansson.h>
#include <sys/types.h>

enum { JOIN_FILES = 5, JOIN_FILE_MAX = 64 << 10, JOIN_ERROR_SIZE = 640 };

struct join_file {
        const char *name;
        bool needed;
        mode_t mode;
};

/* In the order in which they are put in place: hamon.conf, without which no hamon starts, is the last. */
extern const struct join_file join_files[JOIN_FILES];

void join_file_path(const char *dir, const char *name, char *ret, size_t size);

/* malloc'ed. NULL and errno; EFBIG: longer than JOIN_FILE_MAX. */
char *join_file_read(const char *path);

/* Of a machine that is a member. NULL: why. */
json_t *join_files_read(const char *dir, char why[JOIN_ERROR_SIZE]);

/* All known, valid as a whole, and for this folder. `errors` hears what is wrong in the configuration itself. */
bool join_files_check(const char *dir, const json_t *files, struct ini_errors *errors, struct config *ret, char why[JOIN_ERROR_SIZE]);

#endif
