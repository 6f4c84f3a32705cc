/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/own_probe.h"

#include "hamon/act/debt.h"
#include "hamon/act/leg.h"
#include "hamon/act/owed.h"
#include "hamon/act/thread.h"

#include "base/log.h"

#include <errno.h>
#include <time.h>

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void probe(struct own_probe *p)
{
        struct trouble t = {""};

        atomic_store(&p->since_ms, now_ms());
        int r = leg_probe(p->mirror->disk, &t);
        atomic_store(&p->since_ms, 0);
        if (r != -EIO)
                return;
        log_error("mirror %s: %s", p->mirror->cm->name, t.text);
        atomic_store(&p->failed, true);
}

static void look_at_owed(struct own_probe *p)
{
        struct debt d = {0};
        uint64_t bytes = OWED_UNKNOWN;

        int r = debt_peek(p->mirror->debt_path, &d); /* another disk: no age of this one */
        if (r == 0) {
                atomic_store(&p->since_ms, now_ms()); /* one that hangs here is found out as in a probe */
                r = owed_look(p->mirror->disk, &d, &bytes);
                atomic_store(&p->since_ms, 0);
        }
        debt_release(&d);
        atomic_store(&p->owed_bytes, r == 0 ? bytes : OWED_UNKNOWN);
}

static void *run(void *userdata)
{
        struct own_probe *p = userdata;
        struct timespec pause = {.tv_sec = OWN_PROBE_MS / 1000, .tv_nsec = OWN_PROBE_MS % 1000 * 1000000L};

        for (unsigned turn = 0;; turn++) {
                if (atomic_load(&p->wanted) && !atomic_load(&p->failed))
                        probe(p);
                if (!atomic_load(&p->wanted) || !atomic_load(&p->owes)) {
                        atomic_store(&p->owed_bytes, OWED_UNKNOWN);
                        turn = 0;
                } else if (turn % OWN_PROBE_OWED_EACH == 1) {
                        look_at_owed(p);
                }
                (void)nanosleep(&pause, NULL); /* woken early means probed early */
        }
        return NULL;
}

int own_probe_start(struct own_probe *p, const struct mirror *m)
{
        p->mirror = m;
        atomic_store(&p->owed_bytes, OWED_UNKNOWN);
        return thread_start(run, p);
}

void own_probe_want(struct own_probe *p, bool wanted, bool owes)
{
        atomic_store(&p->owes, owes);
        if (!wanted)
                atomic_store(&p->failed, false);
        atomic_store(&p->wanted, wanted);
}

uint32_t own_probe_age_ms(const struct own_probe *p)
{
        uint64_t since_ms = atomic_load(&p->since_ms), now = now_ms();

        return since_ms == 0 || since_ms > now ? 0 : (uint32_t)(now - since_ms);
}

bool own_probe_has_failed(const struct own_probe *p)
{
        return atomic_load(&p->failed);
}

uint64_t own_probe_owed(const struct own_probe *p)
{
        return atomic_load(&p->owes) ? atomic_load(&p->owed_bytes) : OWED_UNKNOWN;
}
