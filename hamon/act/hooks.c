/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/hooks.h"

#include "hamon/act/mount_errors.h"
#include "hamon/act/program.h"
#include "hamon/act/service.h"
#include "hamon/act/units.h"

#include "base/log.h"

static int run(const struct mirror *m, const char *command, const char *call, struct trouble *t)
{
        struct trouble why = {""};

        if (!*command)
                return 0;
        int r = program_run(m, command, call, m->cm->service.hooks.timeout_ms, NULL, &why);
        if (r < 0)
                log_warning("mirror %s: hook %s: %s, continuing", m->cm->name, call, why.text);
        else
                log_info("mirror %s: hook %s is done", m->cm->name, call);
        return r < 0 ? trouble_say(t, r, "%s: %.90s", call, why.text) : 0;
}

/* A hamon-act that was restarted finds a service that a former one has promoted. */
static bool has_begun(const struct config_service *s, const char *device)
{
        struct service_seen seen = {.mounted = 0};

        struct mount_errors errors = {.instance = 0};
        struct sd_bus *bus = NULL;
        int r = service_look(&bus, &errors, s, device, &seen);
        units_look_end(&bus);
        if (r < 0)
                return false;
        if (s->has_mount)
                return seen.mounted;
        for (unsigned i = 0; i < s->units; i++)
                if (seen.unit[i].active[0] == 'a') /* active, activating */
                        return true;
        return false;
}

int hook_pre_promote(struct mirror *m, const char *device, struct trouble *t)
{
        const struct config_service *s = &m->cm->service;

        if (!*s->hooks.pre_promote || m->promoted || has_begun(s, device))
                return 0;
        m->promoted = true;
        return run(m, s->hooks.pre_promote, "pre-promote", t);
}

int hook_post_demote(struct mirror *m, struct trouble *t)
{
        m->promoted = false;
        return run(m, m->cm->service.hooks.post_demote, "post-demote", t);
}

int hook_before_resync_target(struct mirror *m, struct trouble *t)
{
        return run(m, m->cm->service.hooks.before_resync_target, "before-resync-target", t);
}
