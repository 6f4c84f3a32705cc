/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a command does to an export in each of its states: the table command x kind x state. Pure; the engine asks it before it acts.
 */
#ifndef NBDD_RULES_H
#define NBDD_RULES_H

#include <stdbool.h>

enum export_status { EXPORT_UNDEFINED, EXPORT_DEFINED, EXPORT_AVAILABLE, EXPORT_RUNNING, EXPORT_STATUS_COUNT };
enum export_kind { EXPORT_PLAIN, EXPORT_LEG, EXPORT_KIND_COUNT };
enum export_command {
        COMMAND_DEFINE,  /* nbdd -m */
        COMMAND_REMOVE,  /* nbdd -r */
        COMMAND_START,
        COMMAND_STOP,
        COMMAND_GRANT,
        COMMAND_REVOKE,
        COMMAND_CLEAR,
        COMMAND_CHANGE,  /* settings, and of a stopped one its device */
        COMMAND_ATTACH,  /* an NBD client */
        COMMAND_COUNT
};

enum rule_verdict {
        RULE_DO,
        RULE_NOTHING, /* already so: success without an effect */
        RULE_REFUSE,
};

struct rule {
        enum export_command command;
        unsigned kinds;    /* bit mask of 1 << kind */
        unsigned statuses; /* bit mask of 1 << status */
        enum rule_verdict verdict;
        int error;            /* REFUSE: positive errno */
        const char *sentence; /* REFUSE: what a person reads */
};

/* Exactly one row for each combination. (UNDEFINED has no kind yet: DEFINE is asked with the kind that it would get.) */
const struct rule *rule_find(enum export_command command, enum export_kind kind, enum export_status status);

/* For the test that counts the rows of each combination. */
unsigned rule_count(enum export_command command, enum export_kind kind, enum export_status status);

const char *export_status_text(enum export_status status);

#endif
