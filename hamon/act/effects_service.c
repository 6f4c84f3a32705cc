/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Effects of the service's worker: start, stop, and what a person wants to be asked or told of. */
#include "hamon/act/effects.h"
#include "hamon/act/health.h"
#include "hamon/act/hooks.h"
#include "hamon/act/service.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * What is mounted is a link outside /dev: for a device of /dev systemd waits until udev has looked at it, seconds on a busy machine, in the
 * middle of a take-over. The array is ours and runs; nothing that udev may find out is needed.
 */
static const char *mount_device(const struct mirror *m, const char *md_path)
{
        char target[MIRROR_PATH_SIZE];
        ssize_t n = readlink(m->device_link, target, sizeof target - 1);

        if (n > 0 && (size_t)n == strlen(md_path) && strncmp(target, md_path, (size_t)n) == 0)
                return m->device_link;
        (void)unlink(m->device_link); /* of another order of mirrors; there may be none */
        return symlink(md_path, m->device_link) == 0 ? m->device_link : md_path;
}

/* A hook's failure is no failure of the effect: it goes along as its detail. */
static void tell(struct effect_result *ret, int hook, const struct trouble *t)
{
        if (hook < 0)
                snprintf(ret->detail, sizeof ret->detail, "%s", t->text);
}

int effect_service_start(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct array a = mirror_array(m);
        struct trouble said = {""};
        const char *device = mount_device(m, a.md_path);

        health_hold(m->health);
        tell(ret, hook_pre_promote(m, device, &said), &said);
        int r = service_start(&m->cm->service, device, e->whole, t);
        health_let(m->health);
        return r;
}

int effect_service_stop(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct array a = mirror_array(m);
        struct trouble said = {""};

        (void)e;
        health_hold(m->health);
        int r = service_stop(&m->cm->service, a.md_path, t);
        health_let(m->health);
        if (r == 0)
                tell(ret, hook_post_demote(m, &said), &said);
        return r;
}

int effect_resync_hook(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        (void)e, (void)ret;
        return hook_before_resync_target(m, t);
}
