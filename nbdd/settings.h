/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person may change about an export while it is in use: writer policy, allow list, names, description.
 *
 * One parser for the three places where they are written: the control API, nbdd.conf and the state file. Owns its strings. Pure; any thread.
 */
#ifndef NBDD_SETTINGS_H
#define NBDD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "nbdd/allow.h"

#define SETTINGS_DESCRIPTION_MAX 255u /* bytes */
#define SETTINGS_ALIAS_MAX 64u        /* bytes of one alias */
#define SETTINGS_ALIASES_MAX 8u

/* What a second session of an export that can be written to meets. A session whose name carries an epoch fences, whatever the policy. */
enum writer_policy {
        WRITERS_SHARED,   /* all may write: the clients coordinate themselves */
        WRITERS_REFUSE,   /* it is refused while the first is there */
        WRITERS_READONLY, /* it may read */
        WRITERS_FENCE,    /* it ends the first, and is let in when nothing of that can reach the disk any more */
        WRITERS_COUNT
};

struct export_settings {
        enum writer_policy writers;
        bool hidden;       /* not in LIST; who knows the name may attach */
        char *description; /* shown in LIST and INFO; never NULL after settings_init() */
        char *aliases;     /* words with one blank between */
        char *allow;       /* as written; allow_parse() takes it */
};

const char *writer_policy_text(enum writer_policy policy);

/* All defaults. -ENOMEM. */
int settings_init(struct export_settings *s);
void settings_release(struct export_settings *s); /* also of zeroes */
int settings_copy(const struct export_settings *from, struct export_settings *ret);

/* `key` is "writers", "description", "aliases" or "allow". -EINVAL and a sentence in `reason` (also for an unknown key), -ENOMEM. */
int settings_set(struct export_settings *s, const char *key, const char *value, char *reason, size_t reason_size);

/* The index'th alias as a slice of s->aliases; false: there is none. */
bool settings_alias(const struct export_settings *s, size_t index, const char **ret, size_t *ret_bytes);
bool settings_has_alias(const struct export_settings *s, const char *name, size_t name_bytes);

#endif
