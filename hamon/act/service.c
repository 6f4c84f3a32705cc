/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/service.h"

#include "hamon/act/address.h"
#include "hamon/act/address_probe.h"
#include "hamon/act/mount.h"
#include "hamon/act/units.h"

#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define UNIT_MS 120000u /* crash recovery of a data base */
#define KILLED_MS 10000u /* until what was killed is gone */

static int start_all(const struct config_service *s, const char *device, struct trouble *t)
{
        int r = s->has_mount ? mount_start(s, device, t) : 0;

        for (unsigned i = 0; r == 0 && i < s->units; i++)
                r = units_start(s->unit[i], UNIT_MS, t);
        return r;
}

/* A unit that does not end is killed: what waits for the stop may be the other node, and every client. */
static int stop_unit(const char *unit, unsigned timeout_ms, struct trouble *t)
{
        int r = units_stop(unit, timeout_ms, t);

        if (r != -ETIMEDOUT)
                return r;
        log_warning("unit %s did not stop within %u s: its processes are killed", unit, timeout_ms / 1000);
        r = units_kill(unit, UNITS_ALL, SIGKILL, t);
        if (r == 0)
                r = units_stop(unit, KILLED_MS, t);
        return r == -ETIMEDOUT ? trouble_say(t, r, "unit %s: its processes were killed and do not end: they wait for a disk", unit) : r;
}

static int stop_units(const struct config_service *s, struct trouble *t)
{
        int first = 0;

        for (unsigned i = s->units; i-- > 0;) {
                int r = stop_unit(s->unit[i], s->stop_timeout_ms, t);
                if (r < 0 && first == 0)
                        first = r;
        }
        return first;
}

int service_start(const struct config_service *s, const char *device, bool again, struct trouble *t)
{
        struct address_probe probe;
        struct mount_errors errors = {.instance = 0};
        struct trouble taken;

        address_probe_start(s, &probe);
        bool turned = s->has_mount && !s->may_turn_read_only && mount_has_turned(s, mount_look_closely(s, device, &errors));
        int r = again || turned ? stop_units(s, t) : 0;
        if (r == 0 && turned)
                r = mount_stop(s, device, t);
        if (r == 0)
                r = start_all(s, device, t);
        int probed = address_probe_end(&probe, &taken);
        if (r == 0 && probed < 0) {
                *t = taken;
                r = probed;
        }
        return r;
}

/* The units end while the address is still there: their last words, "this connection is over" among them, would not leave the machine without it, and
 * each client would wait for its own time-out. Nobody renews it meanwhile, so that it never outlives the lease, however long a unit takes (R4e). */
int service_stop(const struct config_service *s, const char *device, struct trouble *t)
{
        struct trouble second;

        int r = stop_units(s, t);
        int dropped = address_drop(s, r < 0 ? &second : t); /* whatever became of the units; the lease is given back on the word that it is gone (P6) */
        if (r < 0 || dropped < 0)
                return r < 0 ? r : dropped;
        return s->has_mount ? mount_stop(s, device, t) : 0;
}

int service_look_installed(struct sd_bus **bus, const struct config_service *s, struct service_seen *seen)
{
        struct trouble ignored;
        int r = 0;

        for (unsigned i = 0; r == 0 && i < s->units; i++)
                r = units_look_installed(bus, s->unit[i], &seen->unit[i], &ignored);
        return r;
}

int service_look(struct sd_bus **bus, struct mount_errors *errors, const struct config_service *s, const char *device, struct service_seen *seen)
{
        struct trouble ignored;
        bool runs = true;

        int r = s->has_mount ? mount_look_closely(s, device, errors) : MOUNT_OURS;
        if (r < 0)
                return r;
        seen->mounted = r == MOUNT_OURS || r == MOUNT_READ_ONLY;
        seen->turned_read_only = mount_has_turned(s, r);
        for (unsigned i = 0; i < s->units; i++) {
                r = units_look(bus, s->unit[i], &seen->unit[i], &ignored);
                if (r < 0)
                        return r;
                const char *state = seen->unit[i].active;
                runs = runs && (strcmp(state, "active") == 0 || strcmp(state, "reloading") == 0);
        }
        return runs && seen->mounted && (!seen->turned_read_only || s->may_turn_read_only);
}
