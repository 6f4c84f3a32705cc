/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/words.h"

const char *severity_word(enum severity s)
{
        static const char *const words[] = {
                [SEVERITY_OK] = "ok",
                [SEVERITY_INFO] = "info",
                [SEVERITY_WARNING] = "warning",
                [SEVERITY_CRITICAL] = "critical",
        };
        return words[s];
}

const char *health_word(enum health h)
{
        static const char *const words[] = {
                [HEALTH_OK] = "ok",             [HEALTH_DEGRADED] = "degraded", [HEALTH_FROZEN] = "frozen",
                [HEALTH_STARTING] = "starting", [HEALTH_DOWN] = "down",         [HEALTH_UNCONFIGURED] = "unconfigured",
        };
        return words[h];
}

const char *role_word(enum node_role r)
{
        static const char *const words[] = {
                [ROLE_UNKNOWN] = "unknown",         [ROLE_STANDBY] = "standby", [ROLE_CANDIDATE] = "candidate",
                [ROLE_TAKING_OVER] = "taking-over", [ROLE_PRIMARY] = "primary", [ROLE_DEPOSED] = "deposed",
        };
        return words[r];
}

const char *command_word(enum command_type c)
{
        static const char *const words[COMMAND_TYPES] = {
                [COMMAND_CREATE] = "create",           [COMMAND_JOIN] = "join",
                [COMMAND_SWITCHOVER] = "switchover",   [COMMAND_START_ALONE] = "start-alone",
                [COMMAND_CONFIRM_DEAD] = "confirm-dead", [COMMAND_LEAVE] = "leave",
                [COMMAND_RESYNC] = "resync",           [COMMAND_MAINTENANCE] = "maintenance",
                [COMMAND_REPLACE_WITNESS] = "replace-witness", [COMMAND_SERVICE_RESTART] = "service-restart",
                [COMMAND_TEST_FENCE] = "test-fence",  [COMMAND_GROW] = "grow",  [COMMAND_FORCE_PRIMARY] = "force-primary", [COMMAND_REMOVE] = "remove",
        };
        return words[c];
}

const char *resync_wish_word(enum resync_wish w)
{
        static const char *const words[RESYNC_WISHES] = {[RESYNC_PAUSE] = " pause", [RESYNC_RESUME] = " resume", [RESYNC_RATE] = " rate"};
        return words[w];
}

uint8_t forecast_subject(enum reason r, uint8_t fails, uint8_t left)
{
        return r == REASON_WILL_STOP || r == REASON_WILL_FREEZE || r == REASON_WILL_ASK ? fails : left;
}
