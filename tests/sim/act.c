/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamon-act: two workers, one for the service and one for all else. Each does one effect after the other, each in steps that take time and between which it may die (its monitor is
 * observe.c). Files (note, debt) are durable when a step says so.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum { WAIT = ACT_WAIT, FLUSH_TIMEOUT_US = 5 * SECOND, ATTACH_TIMEOUT_US = 3 * SECOND };

typedef int (*effect_fn)(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r);

static uint8_t other(uint8_t n)
{
        return (uint8_t)(1 - n);
}

/* The worker whose effect is being done. */
static struct act_worker *doing(struct sim *s, uint8_t n)
{
        return &s->node[n].act.worker[s->node[n].act.at];
}

static bool late(struct sim *s, uint8_t n, uint64_t limit_us)
{
        return s->now_us - doing(s, n)->began_us > limit_us;
}

static bool peer_in_md(const struct sim *s, uint8_t n)
{
        uint8_t slot = s->node[n].md.super.slot[other(n)];
        return s->node[n].md.running && (slot == SLOT_ACTIVE || slot == SLOT_RECOVERING);
}

/* hamon/act/member.h: a debt whose file is gone is everything. */
static void find_debt(struct sim *s, uint8_t n)
{
        struct act *a = &s->node[n].act;

        if (!a->debt_lost)
                return;
        a->debt_lost = false;
        a->has_debt = true;
#ifndef MUTANT_lost_debt_is_none /* 3.5 */
        a->debt = ALL_CHUNKS;
        trace(s, n, "the debt is gone: everything is owed", 0, 0);
#endif
}

/* -- effects: 0 or negative errno when done, WAIT to be called again ------------------------------------------------------------ */

static int leg_open(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        const struct node *m = &s->node[n];

        (void)e;
        if (m->disk.failed)
                return -EIO;
        if (m->disk.hung_until_us > s->now_us)
                return WAIT;
        r->leg.present = m->disk.header;
        r->leg.uuid = m->disk.leg;
        r->leg.last_epoch = m->disk.last_epoch;
        r->leg.has_superblock = m->disk.super.exists;
        r->leg.calls_peer_failed = m->disk.super.slot[other(n)] == SLOT_FAULTY;
        r->leg.clean = m->disk.super.clean;
        r->leg.md_events = m->disk.super.events;
        r->leg.note = m->act.note;
        r->leg.debt = m->act.has_debt || m->act.debt_lost;
        r->leg.array_running = m->md.running;
        if (peer_in_md(s, n) && m->nbdc.attached)
                r->leg.session = m->nbdc.session;
        return 0;
}

static int leg_create(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        struct disk *d = &s->node[n].disk;

        if (e->until_ms && clock_ms(s, n) > e->until_ms)
                return -ETIME;
        if (d->failed)
                return -EIO;
        if (s->node[n].md.running)
                return -EBUSY;
        d->header = true;
        d->leg = uuid_is_null(&e->leg) ? sim_uuid(s) : e->leg;
        d->super.exists = false;
        d->blank = d->leg.bytes[0] & 2; /* one disk in two can be made so */
        if (d->blank)
                memset(d->block, 0, sizeof d->block);
        s->node[n].act.blank_array = 0;
        s->node[n].act.debt = 0; /* of an older leg */
        s->node[n].act.has_debt = s->node[n].act.debt_lost = false;
        return leg_open(s, n, e, r);
}

static int probe(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)e, (void)r;
        if (s->node[n].disk.hung_until_us > s->now_us)
                return late(s, n, FLUSH_TIMEOUT_US) ? -ETIMEDOUT : WAIT;
        if (s->node[n].disk.failed || s->node[n].disk.lying)
                return -EIO;
        s->node[n].act.probed_us = clock_us(s, n);
        return 0;
}

static int grant(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)r;
        if (s->node[n].md.running)
                return -EBUSY;
        if (!nbdd_grant(s, n, e->epoch, &e->session))
                return -EBUSY;
        trace(s, n, "nbdd: granted epoch %llu", e->epoch, 0);
        return 0;
}

static int revoke(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)e, (void)r;
        if (!nbdd_revoke_poll(s, n))
                return WAIT;
        s->node[n].act.hold = true;
        return 0;
}

static int release(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)e, (void)r;
        s->node[n].act.hold = false;
        return 0;
}

static int check_leg(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        const struct disk *d = &s->node[n].disk;

        (void)e;
        if (d->failed)
                return -EIO;
        if (d->hung_until_us > s->now_us)
                return WAIT;
#ifdef MUTANT_check_permits_all
        r->permits = true;
#else
        r->permits = d->super.exists && d->super.slot[n] == SLOT_ACTIVE;
#endif
        return 0;
}

static int debt_capture(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        struct act *a = &s->node[n].act;

        (void)e, (void)r;
        find_debt(s, n);
#ifndef MUTANT_bitmap_union /* R3e */
        a->debt |= s->node[n].disk.super.bitmap;
#endif
        a->has_debt = true;
        return 0;
}

static int array_create(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        struct node *node = &s->node[n];
        const struct disk *d = &node->disk;

        if (doing(s, n)->step++ == 0) {
                md_create(s, n, e->epoch ? e->epoch : 1);
                doing(s, n)->blank = d->blank;
        }
        if (!md_super_settled(s, n))
                return WAIT;
        if (doing(s, n)->blank) {
                node->act.blank_array = node->md.super.array;
                node->act.blank_cleared = node->md.super.events_cleared;
        }
        return leg_open(s, n, e, r);
}

static int assemble(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)r;
        if (s->node[n].disk.failed)
                return -EIO;
        if (doing(s, n)->step == 0 && !s->node[n].md.running) {
                find_debt(s, n);
                if (!s->node[n].act.has_debt || !s->node[n].act.hold)
                        return -EINVAL;
                check_assemble(s, n, e->epoch);
                rules_assemble(s, n);
                if (!md_assemble(s, n, e->epoch))
                        return -EINVAL;
                trace(s, n, "md: assembled alone for epoch %llu", e->epoch, 0);
        }
        doing(s, n)->step = 1;
        return md_super_settled(s, n) ? 0 : WAIT;
}

/* DESIGN 3.5: what makes two legs one lineage, and equal. */
static bool are_equal(const struct sim *s, uint8_t n)
{
        const struct super *own = &s->node[n].disk.super, *peer = &s->node[other(n)].disk.super;

#ifdef MUTANT_hand_over_unchecked
        return own->exists && peer->exists;
#endif
        bool complete = own->slot[0] == SLOT_ACTIVE && own->slot[1] == SLOT_ACTIVE && peer->slot[0] == SLOT_ACTIVE && peer->slot[1] == SLOT_ACTIVE;
        return own->exists && peer->exists && own->array == peer->array && complete && !peer->half && own->clean && peer->clean &&
               own->events == peer->events && own->bitmap == 0 && peer->bitmap == 0;
}

static int assemble_both(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        struct node *m = &s->node[n];

        (void)r;
        if (m->disk.failed)
                return -EIO;
        if (!m->nbdc.attached || !uuid_equal(&m->nbdc.session, &e->session))
                return -ENOTCONN;
        if (doing(s, n)->step == 0 && !m->md.running) {
                if (!m->nbdc.connection)
                        return late(s, n, FLUSH_TIMEOUT_US) ? -ETIMEDOUT : WAIT;
                if (!m->act.hold)
                        return -EINVAL;
                if (!are_equal(s, n))
                        return -ESTALE;
#ifndef MUTANT_hand_over_optional /* R2g */
                m->nbdc.policy = POLICY_REQUIRED;
#endif
                check_assemble(s, n, e->epoch);
                check_both(s, n, e->epoch);
                if (!md_assemble_both(s, n, e->epoch))
                        return -EINVAL;
                trace(s, n, "md: assembled both legs for epoch %llu", e->epoch, 0);
                s->handed++;
        }
        doing(s, n)->step = 1;
        if (!md_super_settled(s, n))
                return late(s, n, FLUSH_TIMEOUT_US) ? -ETIMEDOUT : WAIT;
        return m->md.super.slot[0] == SLOT_ACTIVE && m->md.super.slot[1] == SLOT_ACTIVE ? 0 : -EIO;
}

static int debt_apply(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)e, (void)r;
        if (!s->node[n].md.running)
                return -EINVAL;
        find_debt(s, n);
#ifdef MUTANT_debt_dropped
        s->node[n].act.debt = 0;
#endif
        if (doing(s, n)->step++ == 0)
                md_set_bits(s, n, s->node[n].act.debt);
        return md_super_settled(s, n) ? 0 : WAIT;
}

static int note_set(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)e, (void)r;
#ifndef MUTANT_note_not_set
        s->node[n].act.note = true;
#endif
        return 0;
}

static int note_clear(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)e, (void)r;
        if (peer_in_md(s, n))
                violation(s, n, "3.4: the note was cleared while the peer's leg is in md", 0, 0);
        s->node[n].act.note = false;
        return 0;
}

static int attach(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        struct nbdc *c = &s->node[n].nbdc;

        (void)r;
        if (!s->node[n].act.note)
                violation(s, n, "3.4: the leg is attached before the note is set", 0, 0);
        if (c->attached && !uuid_equal(&c->session, &e->session))
                return -EBUSY;
        if (!c->attached)
                nbdc_attach(s, n, e->epoch, &e->session);
        if (c->connection)
                return 0;
        if (!c->refused && !late(s, n, ATTACH_TIMEOUT_US))
                return WAIT;
        nbdc_detach(s, n);
        return c->refused ? -EACCES : -ETIMEDOUT;
}

static int debt_union(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        struct act *a = &s->node[n].act;
        const struct super *peer = &s->node[other(n)].disk.super;

        (void)e;
        if (!s->node[n].nbdc.attached)
                return -ENOTCONN;
        if (!s->node[n].nbdc.connection)
                return late(s, n, FLUSH_TIMEOUT_US) ? -ETIMEDOUT : WAIT;
        find_debt(s, n);
        r->known = md_knows(s, n, peer);
        bool all_is_known = a->blank_cleared == s->node[n].md.super.events_cleared;
#ifdef MUTANT_blank_kept /* R3e: what was written while both legs were there is in no bitmap and in no debt */
        all_is_known = true;
#endif
        if (!r->known && all_is_known && s->node[other(n)].disk.blank && a->blank_array == s->node[n].md.super.array) {
                md_welcome_blank(s, n);
                r->known = r->blank = true;
        }
#ifndef MUTANT_bitmap_union
        a->debt |= s->node[n].md.super.bitmap;
        if (r->known)
                a->debt |= peer->bitmap;
#endif
        a->has_debt = true;
        return 0;
}

static int leg_add(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)r;
        if (!s->node[n].md.running || !s->node[n].nbdc.attached)
                return -ENOTCONN;
        if (!s->node[n].nbdc.connection)
                return late(s, n, FLUSH_TIMEOUT_US) ? -ETIMEDOUT : WAIT;
        if (peer_in_md(s, n))
                return 0;
        find_debt(s, n);
        if (!e->whole && !s->node[n].act.has_debt)
                return -EINVAL;
#ifdef MUTANT_debt_dropped
        s->node[n].act.debt = 0;
#endif
        if (doing(s, n)->step++ == 0)
                md_set_bits(s, n, s->node[n].act.debt);
        if (!md_super_settled(s, n))
                return WAIT;
#ifndef MUTANT_blank_kept
        s->node[n].act.blank_array = 0;
#endif
        if (e->whole)
                md_add_whole(s, n);
        else if (!md_re_add(s, n))
                return -ESTALE;
        rules_leg_add(s, n, e->whole);
        return 0;
}

static int flush_array(struct sim *s, uint8_t n)
{
        struct act_worker *a = doing(s, n);

        if (!s->node[n].md.running)
                return -EINVAL;
        if (a->step == 0) {
                a->step = 1;
                a->flush = UINT64_MAX; /* it may be answered before md_flush() returns */
                uint64_t number = md_flush(s, n, true);
                if (a->flush)
                        a->flush = number;
        }
        if (!a->flush)
                return 0;
        return late(s, n, FLUSH_TIMEOUT_US) ? -ETIMEDOUT : WAIT;
}

static int require(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)e, (void)r;
        if (!s->node[n].nbdc.attached)
                return -ENOTCONN;
        s->node[n].nbdc.policy = POLICY_REQUIRED;
#ifdef MUTANT_require_unflushed /* R2f */
        return 0;
#endif
        return flush_array(s, n);
}

static int detach(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        struct nbdc *c = &s->node[n].nbdc;

        (void)r;
        if (c->attached) {
                if (c->policy == POLICY_REQUIRED && e->version == 0)
                        return -EPERM;
                const struct super *super = &s->node[n].md.super;
                if (s->node[n].md.running && super->slot[n] == SLOT_FAULTY && super->slot[other(n)] == SLOT_ACTIVE)
                        return -EIO; /* R2c: the only good leg */
                if (c->policy == POLICY_REQUIRED)
                        check_detach(s, n, e->version);
                trace(s, n, "nbdc: detached (record version %llu)", e->version, 0);
                nbdc_detach(s, n);
        }
        return doing(s, n)->step++ < 3 ? WAIT : 0; /* the requests' errors have arrived */
}

static int leg_remove(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)e, (void)r;
        if (!s->node[n].md.running)
                return 0;
        if (doing(s, n)->step++ == 0)
                md_fail_peer(s, n);
        if (!md_super_settled(s, n))
                return WAIT;
        if (peer_in_md(s, n))
                return -EBUSY; /* md keeps its last leg */
        md_remove_peer(s, n);
        return 0;
}

static int debt_drop(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)e, (void)r;
        check_debt_drop(s, n);
        s->node[n].act.debt = 0;
        s->node[n].act.has_debt = s->node[n].act.debt_lost = false;
        return 0;
}

static int history(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)r;
        if (s->node[n].disk.failed)
                return -EIO;
        s->node[n].disk.last_epoch = e->epoch;
        return 0;
}

static int service_start(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        (void)e, (void)r;
        if (!s->node[n].md.running)
                return -EINVAL;
        if (s->node[n].app.running)
                return 0;
        if (s->node[n].md.stopping)
                return -EBUSY; /* md opens no array that is being stopped */
        int mounted = flush_array(s, n); /* a mount writes: it waits for the legs */
        if (mounted)
                return mounted;
        if (s->node[n].thawed_us > doing(s, n)->began_us && s->node[n].thawed_us <= s->now_us) {
                doing(s, n)->began_us = s->now_us; /* a mount is more than one request: what comes after the thaw meets the legs as they are now */
                doing(s, n)->step = 0;
                return WAIT;
        }
        if (peer_in_md(s, n) && !s->node[n].nbdc.connection) /* and not only flushes, whose errors md ignores */
                return late(s, n, FLUSH_TIMEOUT_US) ? -ETIMEDOUT : WAIT;
        check_service_start(s, n, s->node[n].md.epoch);
        app_start(s, n, s->node[n].md.epoch);
        return 0;
}

static int service_stop(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        struct app *app = &s->node[n].app;

        (void)e, (void)r;
        app_stop(s, n);
        s->node[n].address_until_us = 0;
        if (app->outstanding > 0 || app->flushing)
                return late(s, n, 2 * FLUSH_TIMEOUT_US) ? -ETIMEDOUT : WAIT;
        return 0;
}

static int array_stop(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        struct node *m = &s->node[n];

        (void)r;
        if (e->version)
                check_stop_without_own(s, n, e->version);
        if (m->md.running) {
                if (m->app.running)
                        return -EBUSY;
                int flushed = flush_array(s, n);
                if (flushed)
                        return flushed;
                if (!e->version && m->disk.lying && m->md.super.slot[n] == SLOT_ACTIVE && peer_in_md(s, n))
                        return -EIO; /* its probe */
                if (doing(s, n)->step == 1) {
                        doing(s, n)->step = 2;
                        md_mark_clean(s, n);
                }
                if (!md_super_settled(s, n)) {
                        m->md.stopping = late(s, n, FLUSH_TIMEOUT_US); /* the ioctl goes on without anybody who waits for it (bounded.h) */
                        return m->md.stopping ? -ETIMEDOUT : WAIT;
                }
                if (m->md.super.slot[0] == SLOT_ACTIVE && m->md.super.slot[1] == SLOT_ACTIVE)
                        s->stopped_epoch = m->md.epoch;
                md_stop(s, n);
                trace(s, n, "md: stopped", 0, 0);
        }
        nbdc_detach(s, n);
        m->act.hold = false;
        return m->disk.lying || m->disk.failed ? -EBADE : 0; /* md ignores a flush that failed; a probe does not */
}

static const effect_fn effects[EFFECT_TYPES] = {
    [EFFECT_LEG_OPEN] = leg_open,           [EFFECT_LEG_CREATE] = leg_create,       [EFFECT_PROBE] = probe,
    [EFFECT_GRANT] = grant,                 [EFFECT_REVOKE] = revoke,               [EFFECT_RELEASE] = release,
    [EFFECT_CHECK_LEG] = check_leg,         [EFFECT_DEBT_CAPTURE] = debt_capture,   [EFFECT_ARRAY_CREATE] = array_create,
    [EFFECT_ASSEMBLE] = assemble,           [EFFECT_ASSEMBLE_BOTH] = assemble_both, [EFFECT_DEBT_APPLY] = debt_apply,       [EFFECT_NOTE_SET] = note_set,
    [EFFECT_NOTE_CLEAR] = note_clear,       [EFFECT_ATTACH] = attach,               [EFFECT_DEBT_UNION] = debt_union,
    [EFFECT_LEG_ADD] = leg_add,             [EFFECT_REQUIRE] = require,             [EFFECT_DETACH] = detach,
    [EFFECT_LEG_REMOVE] = leg_remove,       [EFFECT_DEBT_DROP] = debt_drop,         [EFFECT_HISTORY] = history,
    [EFFECT_SERVICE_START] = service_start, [EFFECT_SERVICE_STOP] = service_stop,   [EFFECT_ARRAY_STOP] = array_stop,
};

int act_step(struct sim *s, uint8_t n, const struct effect *e, struct effect_result *r)
{
        assert(effects[e->type]);
        return effects[e->type](s, n, e, r);
}
