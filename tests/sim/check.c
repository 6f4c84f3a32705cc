/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The promises (P) and rules (R) of the design, where they can be seen from outside. */
#include "tests/sim/cover.h"
#include "tests/sim/sim.h"

#include <string.h>

enum { STUCK_US = 9 * SECOND, CRAWLS = 500 };

static uint8_t other(uint8_t n)
{
        return (uint8_t)(1 - n);
}

/* -- the record ----------------------------------------------------------------------------------------------------------------- */

/* A leg that has just become a member of in_sync beside the primary's. */
static void check_join(struct sim *s, uint8_t joiner, const struct record *v)
{
        const struct node *primary = &s->node[other(joiner)];

        if (!uuid_equal(&v->legs[joiner].uuid, &s->node[joiner].disk.leg))
                return; /* replaced while the outcome was unknown: what joined is a leg that is no more, and no other passes for it (R1e) */
        for (unsigned b = 0; b < BLOCKS; b++)
                if (cell_lacks(s->node[joiner].disk.block[b].stable, s->ledger.acknowledged[b]))
                        violation(s, joiner, "P1: block %llu of the joined leg lacks acknowledged write %llu", b, s->ledger.acknowledged[b]);
        if (!primary->md.running || primary->md.epoch != v->epoch)
                return; /* it died meanwhile */
        cover_rule(RULE_R2f);
        if (!primary->nbdc.attached || primary->nbdc.policy != POLICY_REQUIRED)
                violation(s, other(joiner), "R2f: joined while the leg is not REQUIRED", 0, 0);
        if (s->node[joiner].disk.super.slot[joiner] != SLOT_ACTIVE)
                violation(s, joiner, "R2f: joined while the leg's superblock does not permit assembly", 0, 0);
}

static void check_decided(struct sim *s, const struct record *v)
{
        const struct record *old = &s->decided;

        if (v->version < old->version)
                return; /* an older ballot gets its second voter late: it was built upon */
        if (v->version == old->version) {
                if (old->version && !record_equal(v, old))
                        violation(s, NO_NODE, "record: two values were decided as version %llu", v->version, 0);
                return;
        }
        /* A value may build on one that only one voter accepted: then that one is skipped here, and so is its epoch. */
        bool next = v->version == old->version + 1;
        if (v->epoch < old->epoch || v->epoch > old->epoch + (v->version - old->version))
                violation(s, NO_NODE, "record: epoch went from %llu to %llu", old->epoch, v->epoch);
        if (!v->legs[0].in_sync && !v->legs[1].in_sync)
                violation(s, NO_NODE, "record: version %llu has no leg in sync", v->version, 0);
        if (next && v->epoch > old->epoch && old->version && v->primary < NODES) {
                if (!old->legs[v->primary].in_sync)
                        violation(s, v->primary, "R1b: epoch %llu taken by a leg that is not in sync", v->epoch, 0);
        }
        if (next && v->epoch > old->epoch)
                rules_epoch(s, old, v);
        unsigned seats = 0;
        for (uint8_t n = 0; n < VOTERS && next && old->version; n++)
                seats += !uuid_equal(&v->voters[n], &old->voters[n]);
        /* A creation of which nothing but version 1 was ever seen may be finished by the full house, with the identities of now (record.c). */
        if (seats > 1 && old->version > 1)
                violation(s, NO_NODE, "R7a: version %llu changes %llu seats at once", v->version, seats);
        if (seats == 1)
                cover_rule(RULE_R7a);
        struct record before = *old;
        for (uint8_t n = 0; n < NODES; n++)
                if (v->legs[n].in_sync)
                        s->member[n] = v->legs[n].uuid;
        if (v->primary < NODES && !v->legs[v->primary].in_sync)
                cover_rule(RULE_R2c);
        /* R-less, but promised: what nobody asked for does not happen until its end. A hand-over is a person's switchover. */
        if (v->epoch > old->epoch && old->maintenance_until_s > sim_wall_s(s) && !s->moved && !(v->legs[0].in_sync && v->legs[1].in_sync))
                violation(s, v->primary, "maintenance: a take-over that nobody asked for, epoch %llu", v->epoch, 0);
        s->decided = *v;
        s->owner[v->epoch % OWNERS_MAX] = v->primary;
        if (v->legs[0].in_sync && v->legs[1].in_sync)
                s->joined_epoch = v->epoch;
        trace(s, v->primary, "record: version %llu, epoch and legs %llx decided", v->version,
              v->epoch << 8 | (uint64_t)v->legs[0].in_sync << 4 | v->legs[1].in_sync);
        for (uint8_t n = 0; n < NODES; n++)
                if (v->legs[n].in_sync && !before.legs[n].in_sync && v->primary == other(n) && v->epoch == before.epoch)
                        check_join(s, n, v);
}

void check_persisted(struct sim *s, uint8_t n, const struct acceptor_state *state)
{
        struct chosen *c = NULL;

        if (ballot_is_null(&state->accepted))
                return;
        for (unsigned i = s->chosen_count; i-- > 0 && !c;)
                if (ballot_compare(&s->chosen[i].ballot, &state->accepted) == 0)
                        c = &s->chosen[i];
        if (!c) {
                if (s->chosen_count == CHOSEN_MAX) {
                        memmove(&s->chosen[0], &s->chosen[CHOSEN_MAX / 2], CHOSEN_MAX / 2 * sizeof s->chosen[0]);
                        s->chosen_count = CHOSEN_MAX / 2;
                }
                c = &s->chosen[s->chosen_count++];
                *c = (struct chosen){.ballot = state->accepted, .value = state->value};
        }
        if (!record_equal(&c->value, &state->value))
                violation(s, n, "record: one ballot has two values (version %llu)", state->value.version, 0);
        c->voters |= (uint8_t)(1u << n);
        /* Two of those that have a seat; one, when a person's word made it the only one, or it admits another one. */
        uint8_t members = 0;
        for (uint8_t v = 0; v < VOTERS; v++)
                members |= uuid_is_null(&c->value.voters[v]) ? 0 : (uint8_t)(1u << v);
        bool alone = s->decided.version > 0 && (s->seats & (s->seats - 1)) == 0 && c->voters == s->seats;
        uint8_t rest = members & (uint8_t)~c->voters;
        for (uint8_t v = 0; v < VOTERS; v++) /* all others gave it a new identity */
                alone = alone || (rest == 1u << v && s->decided.version > 0 && !uuid_equal(&c->value.voters[v], &s->decided.voters[v]));
        if ((c->voters & (c->voters - 1)) || members == c->voters || alone) {
                c->decided = true;
                check_decided(s, &c->value);
                if (c->value.version == s->decided.version)
                        s->seats = members;
        }
}

/*
 * A voter went back: what it accepted since is in nobody's memory, and an undecided ballot lacks its vote. (One that lost its file keeps it: without
 * its seat it can help no other value, R7c.)
 */
void check_vote_lost(struct sim *s, uint8_t n)
{
        for (unsigned i = 0; i < s->chosen_count; i++)
                if (!s->chosen[i].decided && ballot_compare(&s->chosen[i].ballot, &s->node[n].hamon.file.accepted) > 0)
                        s->chosen[i].voters &= (uint8_t)~(1u << n);
}

/* -- take-over ------------------------------------------------------------------------------------------------------------------ */

/* A primacy that was decided, and then followed by another one just now (a hand-over leaves both legs in sync): for P2 to judge. */
static bool was_followed(const struct sim *s, uint8_t n, uint64_t epoch)
{
        return s->decided.epoch > epoch && s->owner[epoch % OWNERS_MAX] == n;
}

void check_assemble(struct sim *s, uint8_t n, uint64_t epoch)
{
        const struct node *m = &s->node[n];

        if (!was_followed(s, n, epoch) && (s->decided.primary != n || !uuid_equal(&s->decided.primary_boot, &m->boot) || s->decided.epoch != epoch))
                violation(s, n, "R3: assembly for epoch %llu, which is not the decided one", epoch, 0);
        if (m->nbdd.open || m->nbdd.inflight > 0 || m->nbdd.grant.exists)
#ifndef MUTANT_revoke_drain /* the model's nbdd then lies about it: the promises must show it */
                violation(s, n, "R3d: assembly before the own export is revoked and drained", 0, 0);
#else
                trace(s, n, "assembly before the own export is drained", 0, 0);
#endif
        for (unsigned b = 0; b < BLOCKS; b++) {
                if (cell_lacks(m->disk.block[b].now, s->ledger.acknowledged[b]))
                        violation(s, n, "P3: assembly of a leg whose block %llu lacks acknowledged write %llu", b,
                                  s->ledger.acknowledged[b]);
        }
}

/* R1a: what is assembled is what the record says, and nothing else may reach the other leg. */
void check_both(struct sim *s, uint8_t n, uint64_t epoch)
{
        const struct nbdd *d = &s->node[other(n)].nbdd;

        if (!was_followed(s, n, epoch) && (!s->decided.legs[0].in_sync || !s->decided.legs[1].in_sync))
                violation(s, n, "R1a: both legs are assembled, the record of epoch %llu has one", epoch, 0);
        if (s->node[n].nbdc.policy != POLICY_REQUIRED)
                violation(s, n, "R2g: both legs are assembled while the peer's is OPTIONAL", 0, 0);
        if (s->node[other(n)].md.running)
                violation(s, n, "R3: both legs are assembled while the other node's array runs", 0, 0);
        if (d->grant.exists && d->grant.epoch != epoch)
                violation(s, n, "R3: both legs are assembled with a grant of epoch %llu", d->grant.epoch, 0);
        for (unsigned b = 0; b < BLOCKS; b++)
                if (s->node[other(n)].disk.block[b].now != s->node[n].disk.block[b].now)
                        violation(s, n, "3.5: the legs are assembled together and differ in block %llu", b, 0);
}

void check_service_start(struct sim *s, uint8_t n, uint64_t epoch)
{
        const struct md *m = &s->node[n].md;
        const struct disk *d = &s->node[m->super.slot[n] == SLOT_ACTIVE ? n : other(n)].disk;

        for (unsigned b = 0; b < BLOCKS; b++)
                if (cell_lacks(d->block[b].now, s->ledger.acknowledged[b]))
                        violation(s, n, "P1: block %llu read at the start lacks acknowledged write %llu", b, s->ledger.acknowledged[b]);
        if (epoch < s->ledger.served_epoch)
                violation(s, n, "P2: service of epoch %llu starts after epoch %llu served", epoch, s->ledger.served_epoch);
        if (epoch > s->ledger.served_epoch) {
                s->ledger.served_epoch = epoch;
                s->ledger.served_by = n;
                for (unsigned b = 0; b < BLOCKS; b++)
                        s->ledger.had[b] = d->block[b].now;
        }
        trace(s, n, "service of epoch %llu is up", epoch, 0);
}

/* -- writes --------------------------------------------------------------------------------------------------------------------- */

/* P2: after a newer epoch served, an older primary completes only what the newer one already had. */
void check_completed(struct sim *s, uint8_t n, uint64_t epoch, unsigned block, uint64_t order)
{
        if (epoch < s->ledger.served_epoch && cell_lacks(s->ledger.had[block], order))
                violation(s, n, "P2: write %llu of old epoch %llu completed after a newer one served", order, epoch);
}

/* A flush was acknowledged: until now nothing was, or nothing was asked for. */
void check_flushed(struct sim *s)
{
        if (s->now_us - s->progress_us > s->gap_us)
                s->gap_us = s->now_us - s->progress_us;
        s->progress_us = s->now_us;
}

void check_acknowledged(struct sim *s, uint8_t n, unsigned block, uint64_t order)
{
        check_completed(s, n, s->node[n].md.epoch, block, order);
        if (s->node[n].md.epoch < s->ledger.served_epoch)
                return;
        for (uint8_t leg = 0; leg < NODES; leg++) {
                /* The named limit of P1: the primary's own disk has failed and the record does not say so yet. */
                if (!uuid_equal(&s->decided.legs[leg].uuid, &s->node[leg].disk.leg))
                        continue; /* the disk was replaced: that leg is no more */
                bool limit = leg == n && (s->node[n].md.super.slot[n] == SLOT_FAULTY || s->node[n].disk.failed || s->node[n].disk.lying || s->node[n].disk.erred);
                if (s->decided.legs[leg].in_sync && !limit && cell_lacks(s->node[leg].disk.block[block].stable, order))
                        violation(s, leg, "P1: write %llu acknowledged, not durable in block %llu of an in-sync leg", order, block);
        }
}

/* R2c: when md goes on without the own leg, the record must soon say so, and the service must move - as long as nothing else is wrong. */
void check_own_failure(struct sim *s, uint8_t n)
{
        struct node *m = &s->node[n];
        /* One that only fails its flushes can be kept out when the peer's leg has everything. */
        bool lying = m->disk.lying && s->decided.legs[other(n)].in_sync;
        bool failed = m->md.running && (m->md.super.slot[n] == SLOT_FAULTY || lying);

        if (!failed) {
                m->own_failed_us = m->own_out_us = 0;
                return;
        }
        /* The peer's leg is to join first, and its hamon has to say that it may (R2f). */
        bool says = life_runs(s, other(n), LIFE_HAMON) && s->node[other(n)].hamon.core.mirror[0].state == MIRROR_STANDBY;
        if (!m->own_failed_us || (!s->decided.legs[other(n)].in_sync && !says))
                m->own_failed_us = s->now_us;
        uint64_t since_us = m->own_failed_us > s->changed_us ? m->own_failed_us : s->changed_us;
        bool calm = link_both(s, n, other(n)) && link_both(s, n, WITNESS) && life_runs(s, n, LIFE_HAMON) && life_runs(s, n, LIFE_ACT) &&
                    life_runs(s, WITNESS, LIFE_HAMON) && (!s->forgotten || life_runs(s, other(n), LIFE_HAMON)); /* a majority with memory */
        /* What was copied while the own disk failed its probe does not join (LIMITS): nobody knows since when it loses what it was given. */
        bool tainted = m->hamon.core.leg[0].tainted;
        if (calm && !tainted && s->now_us - since_us > 10 * SECOND && s->decided.primary == n && s->decided.legs[n].in_sync)
                violation(s, n, "R2c: the own leg failed %llu ms ago and is still in the record", (s->now_us - m->own_failed_us) / MS, 0);
        bool may_move = calm && s->decided.maintenance_until_s <= sim_wall_s(s) && s->decided.primary == n && !s->decided.legs[n].in_sync && life_runs(s, other(n), LIFE_HAMON) &&
                        s->node[other(n)].hamon.core.mirror[0].state == MIRROR_STANDBY && m->nbdc.connection &&
                        nbdc_oldest_us(s, n) < SECOND && disk_oldest_us(s, n) < SECOND && !m->act.fail_percent && !s->lose_percent &&
                        m->disk.slowness < CRAWLS; /* each fsync of hamon's state file takes seconds then */
        if (!may_move)
                m->own_out_us = 0;
        else if (!m->own_out_us)
                m->own_out_us = s->now_us;
        else if (s->now_us - m->own_out_us > 10 * SECOND)
                violation(s, n, "P7: the own leg is out for %llu ms, the peer's has everything, and the array still runs here",
                          (s->now_us - m->own_out_us) / MS, 0);
}

/*
 * R8a, R8d: a primary whose writes do not move for much longer than leg_timeout has left the peer, or has rebooted if it is its own disk that
 * hangs - as long as nothing else is wrong.
 */
void check_progress(struct sim *s, uint8_t n)
{
        struct node *m = &s->node[n];
        bool both = m->md.running && m->app.running && s->decided.primary == n && m->md.super.slot[0] == SLOT_ACTIVE && m->md.super.slot[1] == SLOT_ACTIVE;
        bool calm = both && link_both(s, n, WITNESS) && life_runs(s, n, LIFE_HAMON) && life_runs(s, n, LIFE_ACT) && life_runs(s, WITNESS, LIFE_HAMON) &&
                    !m->act.fail_percent && !s->lose_percent && s->delay_max_us <= 2 * MS && !s->forgotten && !m->disk.slowness &&
                    !s->node[WITNESS].disk.slowness && !m->disk.failed /* a hamon that starts cannot even read its header: the peer takes over */ &&
                    s->decided.epoch == m->md.epoch && s->decided.legs[0].in_sync && s->decided.legs[1].in_sync;

        if (!calm) {
                m->calm_since_us = 0;
                return;
        }
        if (!m->calm_since_us)
                m->calm_since_us = s->now_us;
        if (s->now_us - m->calm_since_us < STUCK_US || s->now_us - s->changed_us < STUCK_US)
                return;
        if (disk_oldest_us(s, n) > STUCK_US && m->nbdc.connection)
                violation(s, n, "R8d: the own disk hangs for %llu ms and the primary is still there", disk_oldest_us(s, n) / MS, 0);
        else if (disk_oldest_us(s, n) < SECOND && nbdc_oldest_us(s, n) > STUCK_US)
                violation(s, n, "R8a: the leg makes no progress for %llu ms and has not left", nbdc_oldest_us(s, n) / MS, 0);
}

/* The own leg may be bad at a stop when the record has it out, and the peer's has everything. */
void check_stop_without_own(struct sim *s, uint8_t n, uint64_t version)
{
        if (version > s->decided.version)
                violation(s, n, "3.4: a stop without the own leg for version %llu, which is not decided", version, 0);
        if (s->decided.primary == n && s->decided.epoch == s->node[n].md.epoch && s->decided.legs[n].in_sync)
                violation(s, n, "3.4: a stop without the own leg, which is in sync by the record", 0, 0);
}

void check_detach(struct sim *s, uint8_t n, uint64_t version)
{
        cover_rule(RULE_R2a);
        if (version > s->decided.version)
                violation(s, n, "R2a: detach for version %llu, which is not decided", version, 0);
        if (s->decided.legs[other(n)].in_sync && s->decided.primary == n && s->decided.epoch == s->node[n].md.epoch)
                violation(s, n, "R2a: a REQUIRED leg is detached while the record has it in sync", 0, 0);
}

/* -- the address (P6) ----------------------------------------------------------------------------------------------------------- */

void check_address(struct sim *s, uint8_t n)
{
        const struct node *o = &s->node[other(n)];
        bool paused = !life_runs(s, other(n), LIFE_MACHINE) || (o->thawed_us && s->now_us - o->thawed_us < 2 * SECOND);

        if (o->address_until_us > s->now_us && !paused && clock_is_trusted(s))
                violation(s, n, "P6: both nodes have the service address", 0, 0);
}

/* -- in the end ----------------------------------------------------------------------------------------------------------------- */

bool check_redundant(const struct sim *s)
{
        if (!life_runs(s, 0, LIFE_HAMON) || !life_runs(s, 1, LIFE_HAMON))
                return false;
        for (uint8_t n = 0; n < NODES; n++) {
                const struct node *m = &s->node[n];
                if (m->md.running && m->app.running && m->address_until_us > s->now_us && s->decided.primary == n && m->md.super.slot[0] == SLOT_ACTIVE &&
                    m->md.super.slot[1] == SLOT_ACTIVE && md_super_settled(s, n) && m->nbdc.connection &&
                    m->nbdc.connection == s->node[other(n)].nbdd.connection)
                        return s->decided.legs[0].in_sync && s->decided.legs[1].in_sync && (!m->act.has_debt || s->effects_failed);
        }
        return false;
}

/*
 * But for a write that the only leg in sync failed while the other one was being resynced: the application was told of an error, and the bit that md keeps
 * has the chunk copied with the next re-add.
 */
void check_legs_equal(struct sim *s)
{
        uint32_t needed = s->node[0].md.needed | s->node[1].md.needed;

        for (unsigned b = 0; b < BLOCKS; b++)
                if (!(needed & 1u << b / CHUNK_BLOCKS) && s->node[0].disk.block[b].now != s->node[1].disk.block[b].now)
                        violation(s, NO_NODE, "legs differ: block %llu (write %llu on node-a)", b, s->node[0].disk.block[b].now);
}

/* A leave or a newer epoch may have been decided since the join; what counts is that no write has missed the leg yet. */
void check_debt_drop(struct sim *s, uint8_t n)
{
        bool joined = s->joined_epoch >= s->node[n].md.epoch && s->node[n].nbdc.attached && s->node[n].nbdc.policy == POLICY_REQUIRED;
        if (!joined)
                violation(s, n, "3.5: debt dropped before the join was decided", 0, 0);
}
