/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/state.h"

/* The other node will write over this leg, and has not begun to. */
static bool is_target(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);
        const struct record_leg *leg = &r->legs[c->config.self];

        return c->config.has_resync_hook[mirror] && m->state == MIRROR_STANDBY && m->opened_known && m->opened.leg.present && r->version > 0 &&
               r->primary == peer_of(c) && uuid_equal(&leg->uuid, &m->opened.leg.uuid) && !leg->in_sync && !leg->inconsistent;
}

bool resync_hook_is_due(const struct core *c, uint8_t mirror)
{
#ifdef MUTANT_UNIT_resync_before_its_hook
        return false;
#endif
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);
        bool decided;

        if (!c->config.has_resync_hook[mirror] || c->mirror[mirror].state != MIRROR_STANDBY)
                return false;
        /* Whoever was away may have been left out of the record, and does not know it yet. */
        if (!s || s->record_version > record_known(c, mirror, &decided)->version)
                return true;
        return is_target(c, mirror) && !c->resync_hook[mirror].ended;
}

void resync_hook_poll(struct core *c, uint8_t mirror, struct actions *out)
{
        struct resync_hook *h = &c->resync_hook[mirror];
        bool decided;

        if (record_known(c, mirror, &decided)->legs[c->config.self].in_sync)
                h->ended = false; /* and again the next time */
        if (is_target(c, mirror) && !h->ended && !pending_is_open(&h->pending) && c->act_ready)
                pending_ask(c, &h->pending, &(struct effect){.type = EFFECT_RESYNC_HOOK, .mirror = mirror}, out);
}

void resync_hook_effect_done(struct core *c, uint8_t mirror, const struct event *e)
{
        struct resync_hook *h = &c->resync_hook[mirror];

        if (pending_answered(&h->pending, &e->result))
                h->ended = true; /* whatever it said */
}
