/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The path of a leg: nbdc's device on the primary, TCP, nbdd and its grant on the other node.
 *
 * TCP keeps data while a link is cut and delivers it later, as long as both ends have the same connection. nbdd takes requests of its
 * current connection only, answers no error (it holds: 3.4), and a kernel request that it submitted goes on when it dies. The kernel
 * client sends everything unanswered again on a new connection.
 */
#include "tests/sim/cover.h"
#include "tests/sim/sim.h"

#include <assert.h>

enum { SLOW_US = 3 * SECOND, RETRANSMIT_US = 200 * MS, DEAD_LINK_US = 2 * SECOND, CONNECT_US = 200 * MS };

static uint8_t other(uint8_t n)
{
        return (uint8_t)(1 - n);
}

/* -- nbdd ----------------------------------------------------------------------------------------------------------------------- */

static void reply(struct sim *s, uint8_t client, uint64_t connection, uint64_t index);
static void failed_by_disconnect(struct sim *s, uint8_t client, uint64_t tag, uint64_t unused);

/* Belongs to the machine: the kernel finishes what a dead nbdd had submitted. */
static void served(struct sim *s, uint8_t n, uint64_t tag, uint64_t error)
{
        struct nbdd *d = &s->node[n].nbdd;
        uint64_t connection = tag >> 8, index = tag & 0xff;

        assert(d->inflight > 0);
        d->inflight--;
        if (d->drained)
                violation(s, n, "P5: a write of connection %llu landed after the revoke", connection, 0);
#ifdef MUTANT_leg_answers_errors /* 3.4 */
        if (error) {
                sim_after(s, MS, other(n), LIFE_MACHINE, failed_by_disconnect, s->node[other(n)].nbdc.request[index].tag, 0);
                return;
        }
#endif
        if (error) {
                trace(s, n, "nbdd: the disk failed, holding every reply", 0, 0);
                d->failed = true;
                d->connection = 0;
        }
        if (d->connection == connection && s->node[n].life[LIFE_NBDD].up && life_runs(s, n, LIFE_NBDD))
                sim_after(s, sim_between(s, 100, s->delay_max_us), other(n), LIFE_WORLD, reply, connection, index);
        else if (d->connection == connection && s->node[n].life[LIFE_NBDD].up) /* frozen: answers later */
                sim_after(s, 100 * MS, other(n), LIFE_WORLD, reply, connection, index);
}

static void arrive(struct sim *s, uint8_t n, uint64_t slot, uint64_t unused)
{
        struct packet *p = &s->packet[slot];
        struct nbdd *d = &s->node[n].nbdd;

#ifdef MUTANT_old_session_served /* 3.3 */
        bool served_now = d->open;
#else
        bool served_now = d->connection == p->connection;
#endif
        if (s->node[n].life[LIFE_MACHINE].up && s->node[n].life[LIFE_NBDD].up && served_now) {
                if (!link_up(s, other(n), n) || !life_runs(s, n, LIFE_NBDD)) {
                        sim_after(s, RETRANSMIT_US, n, LIFE_WORLD, arrive, slot, unused);
                        return;
                }
                d->inflight++;
                disk_submit(s, n, (enum io_kind)p->kind, p->block, p->order, &p->super, LIFE_MACHINE, served,
                            p->connection << 8 | p->index);
        }
        p->used = false;
        while (s->packets > 0 && !s->packet[s->packets - 1].used)
                s->packets--;
}

bool nbdd_grant(struct sim *s, uint8_t n, uint64_t epoch, const struct uuid *session)
{
        struct nbdd *d = &s->node[n].nbdd;

        if (s->node[n].act.hold || !s->node[n].life[LIFE_NBDD].up || d->failed)
                return false;
        if (d->grant.exists && d->grant.epoch == epoch && uuid_equal(&d->grant.session, session) && d->open)
                return true;
        d->connection = 0; /* an older session ends; the next handshake waits until it is drained */
        d->grant = (struct grant){.exists = true, .epoch = epoch, .session = *session, .boot = s->node[n].boot};
        d->open = true;
        d->drained = false;
        return true;
}

/* The grant goes first, durably; then no more is taken from the session, and what was taken is waited for. */
bool nbdd_revoke_poll(struct sim *s, uint8_t n)
{
        struct nbdd *d = &s->node[n].nbdd;

        d->grant.exists = false;
        d->connection = 0;
#ifndef MUTANT_revoke_drain
        if (d->inflight > 0) {
                cover_rule(RULE_R3d);
                return false;
        }
#endif
        d->open = false;
        d->drained = true;
        return true;
}

void nbdd_started(struct sim *s, uint8_t n)
{
        struct nbdd *d = &s->node[n].nbdd;

        life_start(s, n, LIFE_NBDD);
        d->connection = 0;
        d->failed = false;
#ifndef MUTANT_session_outlives_boot /* 3.3 */
        if (d->grant.exists && !uuid_equal(&d->grant.boot, &s->node[n].boot))
                d->grant.exists = false; /* of an earlier boot: what completed may have been forgotten in a cache */
#else
        d->grant.boot = s->node[n].boot;
#endif
        if (d->grant.exists && !s->node[n].act.hold) {
                d->open = true;
                d->drained = false;
        }
}

void nbdd_ended(struct sim *s, uint8_t n)
{
        life_end(s, n, LIFE_NBDD);
        s->node[n].nbdd.connection = 0;
        s->node[n].nbdd.open = false;
}

/* -- nbdc ----------------------------------------------------------------------------------------------------------------------- */

static void send_request(struct sim *s, uint8_t n, unsigned index)
{
        struct nbdc *c = &s->node[n].nbdc;
        struct request *r = &c->request[index];

        r->sent_us = s->now_us;

        for (unsigned i = 0; i < IOS_MAX; i++)
                if (!s->packet[i].used) {
                        if (i >= s->packets)
                                s->packets = i + 1;
                        s->packet[i] = (struct packet){.used = true, .kind = r->kind, .block = r->block, .index = (uint8_t)index,
                                                       .order = r->order, .connection = c->connection, .super = r->super};
                        sim_after(s, sim_between(s, 100, s->delay_max_us), other(n), LIFE_WORLD, arrive, i, 0);
                        return;
                }
        assert(!"too many packets");
}

static void reply(struct sim *s, uint8_t n, uint64_t connection, uint64_t index)
{
        struct nbdc *c = &s->node[n].nbdc;

        if (!s->node[n].life[LIFE_MACHINE].up || c->connection != connection || !c->request[index].used)
                return;
        if (!link_up(s, other(n), n) || !life_runs(s, n, LIFE_MACHINE)) {
                sim_after(s, RETRANSMIT_US, n, LIFE_WORLD, reply, connection, index);
                return;
        }
        c->request[index].used = false;
        while (c->requests > 0 && !c->request[c->requests - 1].used)
                c->requests--;
        if (s->now_us - c->request[index].sent_us > SLOW_US)
                cover_rule(RULE_R8c);
        md_peer_done(s, n, c->request[index].tag, 0);
}

static void failed_by_disconnect(struct sim *s, uint8_t n, uint64_t tag, uint64_t unused)
{
        (void)unused;
        md_peer_done(s, n, tag, 1);
}

void nbdc_submit(struct sim *s, uint8_t n, enum io_kind kind, unsigned block, uint64_t order, const struct super *super, uint64_t tag)
{
        struct nbdc *c = &s->node[n].nbdc;

        if (!c->attached) { /* an error at once: the device is disconnected */
                sim_after(s, MS, n, LIFE_MACHINE, failed_by_disconnect, tag, 0);
                return;
        }
        for (unsigned i = 0; i < REQUESTS_MAX; i++)
                if (!c->request[i].used) {
                        if (i >= c->requests)
                                c->requests = i + 1;
                        c->request[i] = (struct request){.used = true, .kind = (uint8_t)kind, .block = (uint8_t)block, .order = order,
                                                         .tag = tag, .submitted_us = s->now_us};
                        if (super)
                                c->request[i].super = *super;
                        if (c->connection)
                                send_request(s, n, i);
                        return;
                }
        assert(!"too many requests on the leg");
}

static void connected(struct sim *s, uint8_t n, uint64_t connection, uint64_t unused)
{
        struct nbdc *c = &s->node[n].nbdc;

        (void)unused;
        c->connecting = false;
        if (!c->attached || s->node[other(n)].nbdd.connection != connection)
                return;
        c->connection = connection;
        c->refused = false;
        c->cut_since_us = 0;
        trace(s, n, "nbdc: the leg is connected (connection %llu)", connection, 0);
        for (unsigned i = 0; i < c->requests; i++)
                if (c->request[i].used)
                        send_request(s, n, i);
}

/* At the server. A grant matches exactly, and the older connection is drained before the new one is answered. */
static void handshake(struct sim *s, uint8_t n, uint64_t number, uint64_t tries)
{
        struct node *server = &s->node[other(n)];
        struct nbdc *c = &s->node[n].nbdc;
        struct nbdd *d = &server->nbdd;

        (void)number;
        if (!link_both(s, n, other(n)) || !life_runs(s, other(n), LIFE_NBDD)) {
                c->connecting = false;
                return;
        }
#ifdef MUTANT_revoked_session_resumes /* R3d */
        bool match = !d->failed;
#else
        bool match = d->grant.exists && d->open && !d->failed && d->grant.epoch == c->epoch &&
                     uuid_equal(&d->grant.session, &c->session) && uuid_equal(&d->grant.boot, &server->boot);
#endif
        if (!match) {
                if (!c->refused)
                        trace(s, n, "nbdc: the server refused the session", 0, 0);
                c->refused = true;
                c->connecting = false;
                return;
        }
        d->connection = 0;
        if (d->inflight > 0) {
                if (tries > 0)
                        sim_after(s, 5 * MS, n, LIFE_NBDC, handshake, number, tries - 1);
                else
                        c->connecting = false;
                return;
        }
        d->connection = ++s->next_connection;
        sim_after(s, sim_between(s, 100, s->delay_max_us), n, LIFE_NBDC, connected, d->connection, 0);
}

/* Every 100 ms: notices a dead connection and makes a new one. */
void nbdc_poll(struct sim *s, uint8_t n)
{
        struct nbdc *c = &s->node[n].nbdc;
        const struct node *server = &s->node[other(n)];

        if (!c->attached || !life_runs(s, n, LIFE_NBDC))
                return;
        bool path = link_both(s, n, other(n)) && life_runs(s, other(n), LIFE_MACHINE);
        if (path)
                c->cut_since_us = 0;
        else if (c->cut_since_us == 0)
                c->cut_since_us = s->now_us;
        bool reset = path && server->nbdd.connection != c->connection;
        bool dead = c->cut_since_us && s->now_us - c->cut_since_us > DEAD_LINK_US;
#ifdef MUTANT_slow_leg_cycled /* R8c */
        dead = dead || nbdc_oldest_us(s, n) > DEAD_LINK_US;
#endif
        if (c->connection && !reset && dead && !c->cut_since_us)
                violation(s, n, "R8c: the connection of a slow leg is cut while its server answers", 0, 0);
        if (c->connection && (reset || dead)) {
                trace(s, n, "nbdc: connection %llu is gone", c->connection, 0);
                c->connection = 0;
        }
        if (!c->connection && !c->connecting) {
                c->connecting = true;
                sim_after(s, sim_between(s, MS, CONNECT_US), n, LIFE_NBDC, handshake, 0, 200);
        }
}

void nbdc_attach(struct sim *s, uint8_t n, uint64_t epoch, const struct uuid *session)
{
        struct nbdc *c = &s->node[n].nbdc;

        c->attached = true;
#ifdef MUTANT_resync_required /* R2e */
        c->policy = POLICY_REQUIRED;
#else
        c->policy = POLICY_OPTIONAL;
#endif
        c->epoch = epoch;
        c->session = *session;
        c->connection = 0;
        c->connecting = c->refused = false;
        c->cut_since_us = 0;
}

void nbdc_detach(struct sim *s, uint8_t n)
{
        struct nbdc *c = &s->node[n].nbdc;

        c->attached = c->connecting = c->refused = false;
        c->connection = 0;
        for (unsigned i = 0; i < c->requests; i++)
                if (c->request[i].used) {
                        c->request[i].used = false;
                        sim_after(s, sim_between(s, 100, 20 * MS), n, LIFE_MACHINE, failed_by_disconnect, c->request[i].tag, 0);
                }
}

uint64_t nbdc_oldest_us(const struct sim *s, uint8_t n)
{
        uint64_t oldest_us = s->now_us;
        for (unsigned i = 0; i < s->node[n].nbdc.requests; i++)
                if (s->node[n].nbdc.request[i].used && s->node[n].nbdc.request[i].submitted_us < oldest_us)
                        oldest_us = s->node[n].nbdc.request[i].submitted_us;
        return s->now_us - oldest_us;
}

unsigned nbdc_outstanding(const struct sim *s, uint8_t n)
{
        unsigned count = 0;
        for (unsigned i = 0; i < s->node[n].nbdc.requests; i++)
                count += s->node[n].nbdc.request[i].used;
        return count;
}
