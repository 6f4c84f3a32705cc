/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The admin command's forms, through libnbdd alone. Single-threaded, prints results on stdout and errors on stderr. */
#ifndef NBDD_ADMIN_H
#define NBDD_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#define ADMIN_EXIT_REFUSED 1
#define ADMIN_EXIT_USAGE 2
#define ADMIN_EXIT_UNDEFINED 3 /* --list of an id or device that is not exported */

enum admin_verb { ADMIN_NONE, ADMIN_LIST, ADMIN_DEFINE, ADMIN_REMOVE, ADMIN_START, ADMIN_STOP, ADMIN_CLEAR, ADMIN_CHANGE, ADMIN_REVOKE,
                  ADMIN_SESSIONS, ADMIN_KICK, ADMIN_RELOAD, ADMIN_CONFIGURE };

struct admin_options {
        enum admin_verb verb;
        const char *socket;
        const char *device; /* NULL: not given */
        bool has_id;
        uint64_t id;
        bool has_maxconnect;
        unsigned maxconnect;
        bool has_read_only, read_only;
        bool has_hidden, hidden;
        bool has_offset, has_size;
        uint64_t offset_bytes, size_bytes;
        const char *writers, *allow, *aliases, *description; /* NULL: not given */
        uint64_t session; /* KICK */
        bool force;
        bool stats; /* LIST */
        bool json;
};

struct nbdd;
/* admin_stats.c: of one export, or with id 0 of all. */
int admin_print_stats(struct nbdd *n, uint64_t id);

/* `--check-config`: without a server. Exit code. */
int admin_check_config(const char *path, const char *state_dir);

/* Returns the exit code. */
int admin_run(const struct admin_options *options);

#endif
