/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A node of the model world: its disk, md array, leg session and service, and the effects that its hamon-act is asked for. */
#include "tests/unit/core/fixture_node.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

enum { OBSERVE_MS = 500, ADDRESS_LATE_MS = 250 };

/* -- the leg of the peer on a node ------------------------------------------------------------------------------------------------- */

static bool session_lives(const struct world *w, uint8_t node)
{
        const struct machine *n = &w->machine[node], *p = &w->machine[fixture_other(node)];

        return n->attached && p->up && !p->nbdd_dead && p->granted && uuid_equal(&p->granted_session, &n->session) &&
               !w->cut[node][fixture_other(node)] && !w->cut[fixture_other(node)][node];
}

static bool session_refused(const struct world *w, uint8_t node)
{
        const struct machine *n = &w->machine[node], *p = &w->machine[fixture_other(node)];
        bool granted = p->granted && uuid_equal(&p->granted_session, &n->session);

        return n->attached && p->up && !p->nbdd_dead && !granted && !w->cut[node][fixture_other(node)] && !w->cut[fixture_other(node)][node];
}

/* One write of the service: to every leg that md has; waits while one of them is attached and does not answer. */
static void try_write(struct world *w, uint8_t node, uint64_t sequence)
{
        struct machine *n = &w->machine[node];
        bool to_peer = n->peer_in_array && !n->peer_failed && n->attached;

        if (n->own_stuck_ms)
                return;
        if (to_peer && !session_lives(w, node)) {
                if (!n->waiting)
                        n->stuck_ms = w->now_ms;
                n->waiting = sequence;
                if (!n->own_failed)
                        n->disk.data = sequence; /* the own leg may have it */
                return;
        }
        if (n->own_failed && !to_peer)
                return; /* an error: never acknowledged */
        if (!n->own_failed)
                n->disk.data = sequence;
        if (to_peer) {
                struct disk *d = &w->machine[fixture_other(node)].disk;
                if (n->peer_in_sync)
                        d->data = sequence;
        }
        n->waiting = n->stuck_ms = 0;
        w->acknowledged = sequence;
}

void world_write(struct world *w)
{
        for (uint8_t i = 0; i < NODES; i++) {
                struct machine *n = &w->machine[i];
                if (!n->up || n->frozen || !n->running)
                        continue;
                if (n->waiting)
                        try_write(w, i, n->waiting);
                if (!n->waiting && n->service)
                        try_write(w, i, ++w->written);
        }
}

void fixture_look_at_md(struct world *w, uint8_t node)
{
        struct machine *n = &w->machine[node];

        if (!n->up || !n->running)
                return;
        if (n->peer_in_array && !n->peer_in_sync && n->attached && (!session_lives(w, node) || n->resync_paused || n->resync_stalled))
                n->synced_at_ms = w->now_ms + w->resync_ms; /* the resync waits as well */
        if (n->peer_in_array && !n->peer_in_sync && !n->own_failed && n->attached && n->synced_at_ms <= w->now_ms) {
                n->peer_in_sync = true;
                w->machine[fixture_other(node)].disk.data = n->disk.data;
                w->machine[fixture_other(node)].disk.torn = false;
                w->machine[fixture_other(node)].disk.superblock = true;
        }
        if (n->waiting)
                try_write(w, node, n->waiting);
}

void fixture_observe(struct world *w, uint8_t node)
{
        struct machine *n = &w->machine[node];
        struct observation o = {
            .mirror = M,
            .settled = n->settled,
            .array_running = n->running,
            .own_in_sync = n->own_in_sync,
            .own_failed = n->own_failed,
            .own_unsafe = n->own_unsafe,
            .peer_in_array = n->peer_in_array,
            .peer_in_sync = n->peer_in_sync,
            .peer_failed = n->peer_failed,
            .sync_idle = !n->peer_in_array || n->peer_in_sync,
            .resync = {.paused = n->resync_paused, .stalled = n->resync_stalled},
            .attached = n->attached,
            .leg_connected = session_lives(w, node),
            .leg_refused = session_refused(w, node),
            .leg_oldest_ms = n->waiting ? (uint32_t)(w->now_ms - n->stuck_ms) : 0,
            .own_oldest_ms = n->own_stuck_ms ? (uint32_t)(w->now_ms - n->own_stuck_ms) : 0,
            .service_running = n->service,
            .service_unhealthy = n->service && n->service_sick,
        };
        struct observation was = n->seen;

        was.leg_oldest_ms = o.leg_oldest_ms;
        was.own_oldest_ms = o.own_oldest_ms;
        if (!n->up || !n->act_up || n->frozen)
                return;
        if (memcmp(&was, &o, sizeof o) == 0 && (!n->running || w->now_ms - n->seen_ms < OBSERVE_MS))
                return;
        n->seen = o;
        n->seen_ms = w->now_ms;
        fixture_enqueue(w, node, &(struct event){.type = EVENT_OBSERVED, .observed = o});
}

/* -- effects ----------------------------------------------------------------------------------------------------------------------- */

static bool peer_is_the_only_good_one(const struct machine *n)
{
        return n->running && n->own_failed && n->peer_in_array && n->peer_in_sync && !n->peer_failed;
}

static void fill_leg(const struct machine *n, struct effect_result *r)
{
        r->leg.present = !uuid_is_null(&n->disk.leg);
        r->leg.uuid = n->disk.leg;
        r->leg.last_epoch = n->disk.last_epoch;
        r->leg.has_superblock = n->disk.superblock;
        r->leg.calls_peer_failed = n->disk.calls_peer_failed;
        r->leg.clean = n->disk.clean;
        r->leg.note = n->disk.note;
        r->leg.debt = n->disk.debt;
        r->leg.array_running = n->running;
        if (n->running && n->attached && n->peer_in_array && !n->peer_failed)
                r->leg.session = n->session;
}

static void check_assembly(struct world *w, uint8_t node, const struct effect *f)
{
        const struct machine *n = &w->machine[node];
        /* Two persons' words can make two records. */
        const struct record *r = w->manual ? &w->core[node].reg[M].decided : world_record(w);

        assert_false(n->granted);
        assert_int_equal(r->primary, node); /* R3c: seen decided */
        assert_int_equal(r->epoch, f->epoch);
        assert_true(uuid_equal(&r->primary_boot, &n->boot));
        if (w->given_up)
                w->acknowledged = w->written = n->disk.data;
        w->given_up = false;
        assert_true(n->disk.data >= w->acknowledged); /* P1, P3 */
        assert_false(n->disk.torn);
}

static void check_detach(struct world *w, uint8_t node, const struct effect *f)
{
        const struct machine *n = &w->machine[node];

        if (!n->attached || !n->required)
                return;
        assert_true(f->version > 0); /* R2a, R2g */
        assert_true(f->version <= w->decided_without[fixture_other(node)]);
        assert_false(world_record(w)->legs[fixture_other(node)].in_sync);
}

static int attach(struct world *w, uint8_t node, const struct effect *f)
{
        struct machine *n = &w->machine[node];

        assert_true(n->disk.note);
        bool handed = w->decided.legs[0].in_sync && w->decided.legs[1].in_sync && !n->running; /* nothing writes to it */
        assert_true(handed || w->decided.legs[fixture_other(node)].inconsistent || w->decided.primary != node); /* R2d */
        n->attached = true;
        n->required = false;
        n->session = f->session;
        if (!session_lives(w, node)) {
                n->attached = false;
                return -ECONNREFUSED;
        }
        return 0;
}

static void md_without_peer(struct world *w, uint8_t node)
{
        struct machine *n = &w->machine[node];
        uint64_t waiting = n->waiting;

        n->attached = n->peer_in_array = n->peer_in_sync = n->peer_failed = false;
        n->waiting = n->stuck_ms = 0;
        if (waiting)
                try_write(w, node, waiting);
}

static int perform(struct world *w, uint8_t node, const struct effect *f, struct effect_result *r)
{
        struct machine *n = &w->machine[node], *p = &w->machine[fixture_other(node)];

        if (n->disk.broken && (f->type == EFFECT_PROBE || f->type == EFFECT_ASSEMBLE || f->type == EFFECT_LEG_OPEN))
                return -EIO;
        switch (f->type) {
        case EFFECT_LEG_OPEN:
                break;
        case EFFECT_LEG_CREATE:
                if (!uuid_is_null(&n->disk.leg) && !uuid_equal(&n->disk.leg, &f->leg) && !f->overwrite)
                        return -EEXIST;
                n->disk = (struct disk){.leg = f->leg};
                break;
        case EFFECT_PROBE:
                if (n->own_failed || n->own_unsafe)
                        return -EIO;
                break;
        case EFFECT_GRANT:
                if (n->held)
                        return -EBUSY;
                assert_true(uuid_equal(&f->leg, &n->disk.leg)); /* R1e */
                assert_false(record_takeover_unresolved(&w->core[node], M)); /* R6c */
                assert_int_not_equal(mirror_role(w->core[node].mirror[M].state), ROLE_TAKING_OVER);
                n->granted = true;
                n->granted_session = f->session;
                n->granted_epoch = f->epoch;
                break;
        case EFFECT_REVOKE:
                n->granted = false;
                n->held = true;
                break;
        case EFFECT_RELEASE:
                assert_false(n->running);
                n->held = false;
                break;
        case EFFECT_CHECK_LEG:
                r->permits = n->disk.superblock && !n->disk.torn;
                break;
        case EFFECT_DEBT_CAPTURE:
                if (!n->held)
                        return -EINVAL;
                n->disk.debt = true;
                break;
        case EFFECT_ARRAY_CREATE:
                n->disk.superblock = true;
                n->held = n->running = n->own_in_sync = true;
                break;
        case EFFECT_ASSEMBLE:
                if (!n->held) /* R3d */
                        return -EINVAL;
                check_assembly(w, node, f);
                n->running = n->own_in_sync = true;
                n->disk.clean = false;
                n->own_failed = n->peer_in_array = n->peer_in_sync = n->peer_failed = false;
                break;
        case EFFECT_ASSEMBLE_BOTH:
                if (!n->held || !session_lives(w, node))
                        return -EINVAL;
                if (!n->disk.clean || !p->disk.clean || n->disk.data != p->disk.data || n->disk.torn || p->disk.torn)
                        return -ESTALE;
                check_assembly(w, node, f);
                n->required = n->running = n->own_in_sync = n->peer_in_array = n->peer_in_sync = true;
                n->own_failed = n->peer_failed = n->disk.clean = p->disk.clean = false;
                break;
        case EFFECT_DEBT_APPLY:
        case EFFECT_NOTE_SET:
        case EFFECT_NOTE_CLEAR:
                n->disk.note = f->type == EFFECT_NOTE_SET ? true : f->type == EFFECT_NOTE_CLEAR ? false : n->disk.note;
                break;
        case EFFECT_ATTACH:
                return attach(w, node, f);
        case EFFECT_DEBT_UNION:
                if (!session_lives(w, node))
                        return -ENOTCONN;
                n->disk.debt = true;
                r->known = p->disk.superblock;
                break;
        case EFFECT_LEG_ADD:
                if (!session_lives(w, node))
                        return -ENOTCONN;
                assert_true(f->whole || p->disk.superblock);
                n->peer_in_array = true;
                n->peer_in_sync = n->peer_failed = false;
                n->synced_at_ms = w->now_ms + w->resync_ms;
                p->disk.torn = true;
                break;
        case EFFECT_REQUIRE:
                n->required = true;
                break;
        case EFFECT_DETACH:
                if (n->attached && peer_is_the_only_good_one(n))
                        return -EIO; /* R2c */
                check_detach(w, node, f);
                n->attached = false;
                if (n->peer_in_array)
                        n->peer_failed = true;
                break;
        case EFFECT_LEG_REMOVE:
                assert_false(n->attached);
                md_without_peer(w, node);
                break;
        case EFFECT_DEBT_DROP:
                assert_true(world_record(w)->legs[fixture_other(node)].in_sync);
                n->disk.debt = false;
                break;
        case EFFECT_RESYNC_CONTROL:
                n->resync_paused = f->order.wish == RESYNC_PAUSE || (f->order.wish == RESYNC_RATE && n->resync_paused);
                break;
        case EFFECT_LEG_GROW:
                assert_false(n->running);
                break;
        case EFFECT_LEG_CLOSE:
                assert_false(n->running || n->attached || p->attached); /* nobody writes to it */
                n->granted = n->held = false;
                break;
        case EFFECT_ARRAY_GROW:
                assert_true(n->running && n->peer_in_array && !n->peer_failed);
                break;
        case EFFECT_HISTORY:
                n->disk.last_epoch = f->epoch;
                break;
        case EFFECT_RESYNC_HOOK:
                assert_false(n->disk.torn || n->granted);
                break;
        case EFFECT_SERVICE_START:
                assert_true(n->running);
                n->service_died = n->service_died && n->service_broken;
                if (n->service_broken)
                        return -EPROTO;
                n->service = true;
                n->service_sick = n->service_sick && !f->whole;
                break;
        case EFFECT_SERVICE_STOP:
                if (n->waiting)
                        return -ETIMEDOUT; /* an unmount writes */
                n->service = false;
                n->address_until_ms = 0;
                break;
        case EFFECT_ARRAY_STOP:
                assert_false(n->service);
                if (n->waiting || (!n->own_failed && n->peer_in_array && !n->peer_failed && !session_lives(w, node)))
                        return -ETIMEDOUT; /* the flush before it */
                if (n->running && n->own_unsafe && n->peer_in_array && !n->peer_failed && !f->version)
                        return -EIO; /* it would pass for one that was stopped in order */
                if (n->running) {
                        n->disk.clean = !n->own_failed;
                        p->disk.clean = n->peer_in_sync && !n->peer_failed;
                }
                md_without_peer(w, node);
                n->running = n->held = n->own_in_sync = false;
                break;
        case EFFECT_ADDRESS_RENEW:
                assert_true(n->service || n->service_died);
                assert_true(w->now_ms + f->lifetime_ms + ADDRESS_LATE_MS <= lease_valid_until_ms(&w->core[node], M)); /* R4e */
                n->address_until_ms = w->now_ms + f->lifetime_ms;
                break;
        case EFFECT_ADDRESS_DROP:
                n->address_until_ms = 0;
                break;
        case EFFECT_REBOOT:
                world_power_off(w, node);
                break;
        case EFFECT_TYPES:
                break;
        }
        return 0;
}

static void answer_effect(struct world *w, uint8_t node, const struct effect *f)
{
        struct machine *n = &w->machine[node];
        struct event e = {.type = EVENT_EFFECT_DONE, .result = {.type = f->type, .mirror = f->mirror, .ticket = f->ticket}};

        e.result.error = n->fail == f->type ? n->error : perform(w, node, f, &e.result);
        fill_leg(n, &e.result);
        if (n->up)
                fixture_enqueue(w, node, &e);
        n->settled = f->ticket;
}

static void start_job(struct world *w, uint8_t node)
{
        w->machine[node].job_ends_ms = w->now_ms + world_random(w, w->effect_max_ms);
}

void fixture_work(struct world *w, uint8_t node)
{
        struct machine *n = &w->machine[node];

        while (n->up && n->act_up && n->job_count && n->job_ends_ms <= w->now_ms && n->jobs[0].type != n->hold) {
                struct effect f = n->jobs[0];
                n->job_count--;
                memmove(n->jobs, n->jobs + 1, n->job_count * sizeof n->jobs[0]);
                start_job(w, node);
                answer_effect(w, node, &f);
        }
}

void fixture_effect(struct world *w, uint8_t node, const struct effect *f)
{
        struct machine *n = &w->machine[node];
        bool at_once = f->type == EFFECT_ADDRESS_RENEW || f->type == EFFECT_ADDRESS_DROP || f->type == EFFECT_REBOOT;

        assert_true(w->effects < WORLD_EFFECTS);
        w->effect[w->effects++] = (struct world_effect){w->now_ms, node, *f};
        if (f->type != EFFECT_ADDRESS_RENEW || w->verbose)
                fixture_say(w, node, f->type == EFFECT_DETACH ? "effect %s version %llu" : "effect %s", effect_word(f->type), (unsigned long long)f->version);
        if (!n->act_up)
                return;
        if (at_once) {
                answer_effect(w, node, f);
                return;
        }
        assert_true(n->job_count < WORLD_JOBS);
        n->jobs[n->job_count++] = *f;
        if (n->job_count == 1)
                start_job(w, node);
        fixture_work(w, node);
}
