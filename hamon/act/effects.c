/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which function does which effect, and the short ones. */
#include "hamon/act/effects.h"

#include "hamon/act/address.h"
#include "hamon/act/attach.h"
#include "hamon/act/note.h"
#include "hamon/act/reboot.h"
#include "hamon/act/resync.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef int (*effect_function)(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);

static int note_set_effect(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        (void)e, (void)ret;
        int r = note_set(m->note_path);
        return r < 0 ? trouble_errno(t, r, "cannot write \"%s\"", m->note_path) : 0;
}

static int attach_effect(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        bool noted;

        (void)ret;
        int r = note_read(m->note_path, &noted);
        if (r == -ENOENT || !noted)
                return trouble_say(t, -EINVAL, "the note is not set: no attach before it");
        return attach_leg(m, e->epoch, &e->session, t);
}

/* R2c: the own leg may have failed since this was asked. Then the peer's is the only good one, and hamon keeps it or has it join. */
static int detach_effect(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct md_state s;

        (void)ret;
        int r = mirror_md_state(m, &s);
        if (r < 0)
                return mirror_md_trouble(m, r, t); /* nothing is known of the own leg */
        if (!s.running)
                return attach_detach(m, e->version, t);
        if (!s.own_known)
                return trouble_say(t, -EAGAIN, "the own leg cannot be told among the array's members");
        if ((!s.own.present || s.own.faulty) && s.peer.present && s.peer.in_sync && !s.peer.faulty)
                return trouble_say(t, -EIO, "the own leg has failed: the peer's is the only good one and stays attached");
        return attach_detach(m, e->version, t);
}

static int resync_control_effect(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        (void)ret;
        return resync_order(m->resync, &e->order, t);
}

static const effect_function functions[EFFECT_TYPES] = {
    [EFFECT_LEG_OPEN] = effect_leg_open,
    [EFFECT_LEG_CREATE] = effect_leg_create,
    [EFFECT_PROBE] = effect_probe,
    [EFFECT_GRANT] = effect_grant,
    [EFFECT_REVOKE] = effect_revoke,
    [EFFECT_RELEASE] = effect_release,
    [EFFECT_CHECK_LEG] = effect_check_leg,
    [EFFECT_DEBT_CAPTURE] = effect_debt_capture,
    [EFFECT_ARRAY_CREATE] = effect_array_create,
    [EFFECT_ASSEMBLE] = effect_assemble,
    [EFFECT_ASSEMBLE_BOTH] = effect_assemble_both,
    [EFFECT_DEBT_APPLY] = effect_debt_apply,
    [EFFECT_NOTE_SET] = note_set_effect,
    [EFFECT_NOTE_CLEAR] = effect_note_clear,
    [EFFECT_ATTACH] = attach_effect,
    [EFFECT_DEBT_UNION] = effect_debt_union,
    [EFFECT_LEG_ADD] = effect_leg_add,
    [EFFECT_REQUIRE] = effect_require,
    [EFFECT_DETACH] = detach_effect,
    [EFFECT_LEG_REMOVE] = effect_leg_remove,
    [EFFECT_DEBT_DROP] = effect_debt_drop,
    [EFFECT_RESYNC_CONTROL] = resync_control_effect,
    [EFFECT_HISTORY] = effect_history,
    [EFFECT_SERVICE_START] = effect_service_start,
    [EFFECT_SERVICE_STOP] = effect_service_stop,
    [EFFECT_RESYNC_HOOK] = effect_resync_hook,
    [EFFECT_ARRAY_STOP] = effect_array_stop,
    [EFFECT_LEG_CLOSE] = effect_leg_close,
    [EFFECT_LEG_GROW] = effect_leg_grow,
    [EFFECT_ARRAY_GROW] = effect_array_grow,
};

static void finish(struct effect_result *ret, const struct effect *e, int error, const struct trouble *t)
{
        ret->type = e->type;
        ret->mirror = e->mirror;
        ret->ticket = e->ticket;
        ret->error = error;
        if (error < 0)
                snprintf(ret->detail, sizeof ret->detail, "%s", *t->text ? t->text : strerror(-error));
}

/* It waited for us in the socket: this process was stopped or starved. */
static bool is_late(const struct effect *e)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return e->until_ms != 0 && (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 > e->until_ms;
}

void effect_perform(struct mirror *m, const struct effect *e, struct effect_result *ret)
{
        struct trouble t = {""};
        effect_function f = e->type < EFFECT_TYPES ? functions[e->type] : NULL;

        *ret = (struct effect_result){0};
        int r = is_late(e) ? trouble_say(&t, -ETIME, "the command came too late: hamon has given it up") : f ? f(m, e, ret, &t) : -ENOSYS;
        finish(ret, e, r, &t);
}

void effect_perform_at_once(const struct mirror *m, const struct effect *e, struct effect_result *ret)
{
        const struct config_service *s = &m->cm->service;
        struct trouble t = {""};
        int r = -ENOSYS;

        *ret = (struct effect_result){0};
        if (e->type == EFFECT_ADDRESS_RENEW && is_late(e))
                r = trouble_say(&t, -ETIME,
                                "the renewal of the address came too late to be covered by the lease"); /* R4e */
        else if (e->type == EFFECT_ADDRESS_RENEW)
                r = address_renew(s, e->lifetime_ms, &t);
        else if (e->type == EFFECT_ADDRESS_DROP)
                r = address_drop(s, &t);
        else if (e->type == EFFECT_REBOOT)
                r = reboot_now();
        finish(ret, e, r, &t);
}
