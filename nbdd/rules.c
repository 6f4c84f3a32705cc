/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of commands and states. See rules.h. */
#include "nbdd/rules.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#define PLAIN (1u << EXPORT_PLAIN)
#define LEG (1u << EXPORT_LEG)
#define BOTH (PLAIN | LEG)
#define UNDEF (1u << EXPORT_UNDEFINED)
#define DEF (1u << EXPORT_DEFINED)
#define AVAIL (1u << EXPORT_AVAILABLE)
#define RUN (1u << EXPORT_RUNNING)

#define UNKNOWN "no such export"
#define LEG_BY_GRANT "the export is a leg: only a grant opens it and only a revoke closes it"

static const struct rule rules[] = {
        /* command       kinds  statuses              verdict       error   sentence */
        {COMMAND_DEFINE, BOTH, UNDEF, RULE_DO, 0, NULL},
        {COMMAND_DEFINE, BOTH, DEF | AVAIL | RUN, RULE_REFUSE, EEXIST, "the id is already in use"},

        {COMMAND_REMOVE, BOTH, UNDEF, RULE_REFUSE, ENOENT, UNKNOWN},
        {COMMAND_REMOVE, BOTH, DEF, RULE_DO, 0, NULL},
        {COMMAND_REMOVE, PLAIN, AVAIL | RUN, RULE_REFUSE, EBUSY, "the export is available to clients; stop it first"},
        {COMMAND_REMOVE, LEG, AVAIL | RUN, RULE_REFUSE, EBUSY, "the leg is granted; it must be revoked first"},

        {COMMAND_START, BOTH, UNDEF, RULE_REFUSE, ENOENT, UNKNOWN},
        {COMMAND_START, PLAIN, DEF, RULE_DO, 0, NULL},
        {COMMAND_START, PLAIN, AVAIL | RUN, RULE_NOTHING, 0, NULL},
        {COMMAND_START, LEG, DEF | AVAIL | RUN, RULE_REFUSE, EPERM, LEG_BY_GRANT},

        {COMMAND_STOP, BOTH, UNDEF, RULE_REFUSE, ENOENT, UNKNOWN},
        {COMMAND_STOP, PLAIN, DEF, RULE_NOTHING, 0, NULL},
        {COMMAND_STOP, PLAIN, AVAIL | RUN, RULE_DO, 0, NULL},
        {COMMAND_STOP, LEG, DEF | AVAIL | RUN, RULE_REFUSE, EPERM, LEG_BY_GRANT},

        {COMMAND_GRANT, BOTH, UNDEF, RULE_REFUSE, ENOENT, UNKNOWN},
        {COMMAND_GRANT, PLAIN, DEF | AVAIL | RUN, RULE_REFUSE, EINVAL, "the export is not a leg"},
        {COMMAND_GRANT, LEG, DEF | AVAIL | RUN, RULE_DO, 0, NULL},

        {COMMAND_REVOKE, BOTH, UNDEF, RULE_REFUSE, ENOENT, UNKNOWN},
        {COMMAND_REVOKE, PLAIN, DEF | AVAIL | RUN, RULE_REFUSE, EINVAL, "the export is not a leg"},
        {COMMAND_REVOKE, LEG, DEF, RULE_NOTHING, 0, NULL},
        {COMMAND_REVOKE, LEG, AVAIL | RUN, RULE_DO, 0, NULL},

        {COMMAND_CLEAR, BOTH, UNDEF, RULE_REFUSE, ENOENT, UNKNOWN},
        {COMMAND_CLEAR, BOTH, DEF | AVAIL | RUN, RULE_DO, 0, NULL}, /* a failed one that is open is refused: it has to be opened afresh */

        {COMMAND_CHANGE, BOTH, UNDEF, RULE_REFUSE, ENOENT, UNKNOWN},
        {COMMAND_CHANGE, BOTH, DEF | AVAIL | RUN, RULE_DO, 0, NULL},

        {COMMAND_ATTACH, BOTH, UNDEF, RULE_REFUSE, ENOENT, UNKNOWN},
        {COMMAND_ATTACH, PLAIN, DEF, RULE_REFUSE, EPERM, "the export is not started: start it there with nbdd --start -i ID"},
        {COMMAND_ATTACH, LEG, DEF, RULE_REFUSE, EPERM, "the leg has no grant"},
        {COMMAND_ATTACH, BOTH, AVAIL | RUN, RULE_DO, 0, NULL},
};

static bool matches(const struct rule *r, enum export_command command, enum export_kind kind, enum export_status status)
{
        return r->command == command && (r->kinds & (1u << kind)) && (r->statuses & (1u << status));
}

const struct rule *rule_find(enum export_command command, enum export_kind kind, enum export_status status)
{
        for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
                if (matches(&rules[i], command, kind, status))
                        return &rules[i];
        assert(!"every combination has a row");
        return NULL;
}

unsigned rule_count(enum export_command command, enum export_kind kind, enum export_status status)
{
        unsigned count = 0;
        for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
                count += matches(&rules[i], command, kind, status);
        return count;
}

const char *export_status_text(enum export_status status)
{
        static const char *const texts[EXPORT_STATUS_COUNT] = {"UNDEFINED", "DEFINED", "AVAILABLE", "RUNNING"};
        return texts[status];
}
