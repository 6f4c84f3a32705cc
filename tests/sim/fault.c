/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes wrong: drawn from the seed, at random times, several at once if it so happens. Everything but a failed disk heals. */
#include "tests/sim/cover.h"
#include "tests/sim/sim.h"

#include <string.h>

enum { DRIFT_PPM = 500 }; /* NTP slews no faster */

/* X(enum name, what it is) */
#define FAULT_LIST(X) \
        X(POWER_CUT, "a node loses power and gets it back") \
        X(POWER_OFF, "a node loses power for long") \
        X(LINK, "the link between the nodes is cut") \
        X(ONE_WAY, "one link is cut in one direction") \
        X(ISOLATE, "a node is cut off") \
        X(DEAF, "a node hears nobody, is heard by all") \
        X(HAMON_CRASH, "hamon crashes") \
        X(HAMON_STALL, "hamon hangs") \
        X(ACT_CRASH, "hamon-act crashes") \
        X(ACT_STALL, "hamon-act hangs") \
        X(EFFECTS_FAIL, "many effects fail") \
        X(NBDD_CRASH, "nbdd crashes") \
        X(NBDD_STALL, "nbdd hangs") \
        X(NBDC_CRASH, "nbdc crashes") \
        X(FREEZE, "a machine is frozen") \
        X(WITNESS_DOWN, "the witness loses power") \
        X(DISK_SLOW, "a disk gets slow") \
        X(DISK_HANGS, "a disk hangs") \
        X(DISK_FAILS, "a disk fails") \
        X(DISK_REPLACED, "a node gets a new, blank disk") \
        X(FORGET, "a voter loses its state file") \
        X(SWITCHOVER, "a person switches over") \
        X(TRAP_SWITCHOVER, "a person switches over, and something fails in the middle of it") \
        X(LEAVE, "hamon is stopped in good order") \
        X(TRAP_MEMORY, "a leave that the peer missed, then the witness forgets it, then the primary dies") \
        X(DISK_FLAKY, "a disk fails until the next boot") \
        X(TRAP_FLAKY, "the primary's disk fails, then both lose power before the record knows") \
        X(TRAP_RESTART, "the primary is cut off and the witness restarts before its lease is over") \
        X(LOSS, "the network loses messages") \
        X(DELAY, "the network delays messages") \
        X(DISK_LIES, "a disk fails its flushes") \
        X(DISK_ERROR, "a disk fails one write") \
        X(DISK_CRAWLS, "a disk needs seconds for each request") \
        X(NBDC_STALL, "nbdc hangs") \
        X(CLOCK_DRIFT, "the clocks run at different rates") \
        X(CLOCK_JUMP, "a clock jumps forward") \
        X(ACCEPTED_LOST, "the answers to swaps are lost: unknown outcomes") \
        X(ACT_DIES_WITHIN, "hamon-act dies in or between two effects") \
        X(GO_BACK, "the witness is restored from a snapshot") \
        X(AMBUSH, "another fault strikes when a core enters some state") \
        X(TRAP_JOIN, "the primary's disk fails between the end of a resync and the join") \
        X(DEBT_LOST, "a node's debt file or note is removed")

enum fault {
#define X(name, text) FAULT_##name,
        FAULT_LIST(X)
#undef X
        FAULTS
};

unsigned fault_kinds(void)
{
        return FAULTS;
}

const char *fault_text(unsigned kind)
{
        static const char *const texts[] = {
#define X(name, text) text,
            FAULT_LIST(X)
#undef X
        };
        return texts[kind];
}

const char *fault_word(unsigned kind)
{
        static const char *const words[] = {
#define X(name, text) #name,
            FAULT_LIST(X)
#undef X
        };
        return words[kind];
}

static void restart(struct sim *s, uint8_t n, uint64_t life, uint64_t unused)
{
        (void)unused;
        if (!s->node[n].life[LIFE_MACHINE].up || s->node[n].life[life].up)
                return;
        if (life == LIFE_HAMON) {
                script(s, "restart-hamon", n, NO_NODE);
                hamon_start(s, n);
        } else if (life == LIFE_NBDD) {
                script(s, "start-nbdd", n, NO_NODE);
                nbdd_started(s, n);
        } else {
                life_start(s, n, (enum life)life);
                if (life == LIFE_ACT) {
                        script(s, "start-hamon-act", n, NO_NODE);
                        act_started(s, n);
                }
        }
}

void fault_crash(struct sim *s, uint8_t n, enum life life, uint64_t within_us)
{
        struct node *m = &s->node[n];
        struct event e;

        if (!m->life[life].up)
                return;
        if (life == LIFE_HAMON)
                rules_hamon_dies(s, n);
        life_end(s, n, life);
        if (life == LIFE_HAMON) {
                m->hamon.connected = false;
                m->hamon.held_count = 0;
        } else if (life == LIFE_ACT) {
                script(s, "stop-hamon-act", n, NO_NODE);
                m->act.hold = false;
                for (unsigned i = 0; i < ACT_WORKERS; i++) {
                        m->act.worker[i].busy = false;
                        m->act.worker[i].queued = 0;
                }
                m->hamon.connected = false;
                memset(&e, 0, sizeof e);
                e.type = EVENT_ACT_LOST;
                hamon_event(s, n, &e);
        } else if (life == LIFE_NBDD) {
                script(s, "stop-nbdd", n, NO_NODE);
                nbdd_ended(s, n);
        } else if (life == LIFE_NBDC) {
                m->nbdc.connecting = false;
        }
        sim_after(s, within_us / 30 + sim_random(s, within_us), n, LIFE_MACHINE, restart, life, 0);
}

static void freeze(struct sim *s, uint8_t n, enum life life, uint64_t us)
{
        if (!s->node[n].life[life].up)
                return;
        s->node[n].life[life].frozen_until_us = s->now_us + us;
        if (life == LIFE_MACHINE || life == LIFE_HAMON) {
                script(s, "freeze", n, NO_NODE);
                script_later(s, "thaw", n, us);
        } else if (life == LIFE_NBDD) {
                script(s, "stop-nbdd", n, NO_NODE);
                script_later(s, "start-nbdd", n, us);
        }
        if (life == LIFE_MACHINE)
                s->node[n].thawed_us = s->now_us + us;
}

void fault_act_dies(struct sim *s, uint8_t n)
{
        trace(s, n, "hamon-act dies in the middle", 0, 0);
        fault_crash(s, n, LIFE_ACT, 500 * MS);
}

static void relink(struct sim *s, uint8_t n, uint64_t from, uint64_t to)
{
        (void)n;
        s->cut[from][to] = false;
        script(s, "mend-one-way", (uint8_t)from, (uint8_t)to);
        s->changed_us = s->now_us;
        trace(s, NO_NODE, "the link %llu -> %llu is back", from, to);
}

static void cut(struct sim *s, uint8_t from, uint8_t to, uint64_t us)
{
        s->cut[from][to] = true;
        script(s, "cut-one-way", from, to);
        trace(s, NO_NODE, "the link %llu -> %llu is cut", from, to);
        sim_after(s, us, 0, LIFE_WORLD, relink, from, to);
}

static void calm(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        (void)n, (void)unused_a, (void)unused_b;
        s->lose_percent = s->double_percent = 0;
        s->delay_max_us = 2 * MS;
        s->lost_type = 0;
}

/* The record does not count the other node's leg yet, but md does: whatever was acknowledged is there, flushed or not. */
static bool md_has_both(const struct sim *s, uint8_t victim)
{
        const struct node *m = &s->node[victim];

        return m->md.running && m->nbdc.attached && m->md.super.slot[0] == SLOT_ACTIVE && m->md.super.slot[1] == SLOT_ACTIVE &&
               s->decided.primary == victim && s->decided.epoch == m->md.epoch && !s->node[1 - victim].disk.failed;
}

/* Everything acknowledged is on the other node's disk, too, and no half-accepted value may yet say otherwise. */
static bool survives(const struct sim *s, uint8_t victim)
{
        if (s->decided.version == 0)
                return false; /* what is being created has one leg only */
        for (uint8_t v = 0; v < VOTERS; v++) {
                const struct proposer *p = &s->node[v].hamon.core.reg[0].proposer;
                bool one_leg = p->change.kind == CHANGE_LEAVE || p->change.kind == CHANGE_KEEP_PEER || p->change.kind == CHANGE_TAKE_OVER;
                bool leaving = p->phase != PROPOSER_IDLE && one_leg; /* its messages may be on their way */
                if (s->node[v].hamon.file.value.version > s->decided.version || leaving)
                        return false;
        }
        const struct node *o = &s->node[1 - victim];
        const struct record_leg *leg = &s->decided.legs[1 - victim];

        return s->decided.legs[victim].in_sync ? leg->in_sync && !o->disk.failed && uuid_equal(&leg->uuid, &o->disk.leg) : !o->disk.failed;
}

/* The disk is reset while nobody uses it: it works again, and has lost what it never flushed. */
static void disk_reset(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        struct node *m = &s->node[n];

        if (!m->disk.lying)
                return;
        if (m->md.running || m->nbdd.open || !s->decided.legs[n].doubtful) { /* before the record knows: the limit of 3.4 */
                sim_after(s, 100 * MS, n, LIFE_WORLD, disk_reset, unused_a, unused_b);
                return;
        }
        trace(s, n, "the disk works again, and has lost what it never flushed", 0, 0);
        m->disk.lying = false;
        m->nbdd.grant.exists = false; /* another attachment of the disk: a session that waits for its nbdd does not go on (3.3) */
        for (int b = 0; b < BLOCKS; b++)
                m->disk.block[b].now = m->disk.block[b].stable;
}

static void turn_off(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        (void)unused_a, (void)unused_b;
        if (s->healed)
                return;
        s->node[n].stay_down = true;
        if (s->node[n].life[LIFE_MACHINE].up)
                machine_off(s, n);
}

static void effects_work(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        (void)unused_a, (void)unused_b;
        s->node[n].act.fail_percent = 0;
}

static void cut_power(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        (void)unused_a, (void)unused_b;
        if (!s->healed && s->node[n].life[LIFE_MACHINE].up)
                machine_off(s, n);
}

static void blink(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        (void)unused_a, (void)unused_b;
        if (s->healed)
                return;
        trace(s, n, "hamon crashes", 0, 0);
        fault_crash(s, n, LIFE_HAMON, 100 * MS);
}

static void isolate(struct sim *s, uint8_t n, uint64_t us)
{
        for (uint8_t v = 0; v < VOTERS; v++)
                if (v != n) {
                        cut(s, n, v, us);
                        cut(s, v, n, us);
                }
}

/* "systemctl stop", and some time later "start". */
static void restart_after_leave(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        (void)unused_a, (void)unused_b;
        fault_crash(s, n, LIFE_HAMON, 3 * SECOND);
}

/* It is noticed by the next write; by md, or by the probe of the own disk when only flushes fail. */
void fault_own_disk(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        struct disk *d = &s->node[n].disk;

        (void)unused_a, (void)unused_b;
        if (s->healed || n != s->disk_victim || !md_has_both(s, n) || s->node[n].disk.failed || s->node[n].disk.lying)
                return;
        s->changed_us = s->now_us;
        if (sim_chance(s, 40)) {
                d->errors = 1;
                return;
        }
        trace(s, n, "the disk fails between resync and join", 0, 0);
        d->failed = true;
        d->flaky = sim_chance(s, 50);
}

static void strike(struct sim *s, uint8_t unused_node, uint64_t kind, uint64_t unused);

static void strike_later(struct sim *s, uint8_t node, uint64_t kind, uint64_t unused)
{
        if (!s->healed)
                strike(s, node, kind, unused);
}

static void strike(struct sim *s, uint8_t unused_node, uint64_t kind, uint64_t unused)
{
        uint8_t n = s->aim < NODES ? s->aim : (uint8_t)sim_random(s, NODES), o = (uint8_t)(1 - n);
        uint64_t long_us = sim_between(s, 300 * MS, 12 * SECOND), short_us = sim_between(s, 100 * MS, 5 * SECOND);

        (void)unused_node, (void)unused;
        s->faults++;
        s->changed_us = s->now_us;
        cover_fault(s, (unsigned)kind);
        switch ((enum fault)kind) {
        case FAULT_POWER_OFF:
                turn_off(s, n, 0, 0);
                return;
        case FAULT_POWER_CUT:
                if (s->node[n].life[LIFE_MACHINE].up)
                        machine_off(s, n);
                return;
        case FAULT_LINK:
                cut(s, n, o, long_us);
                cut(s, o, n, long_us);
                return;
        case FAULT_ONE_WAY: {
                uint8_t to = (uint8_t)((n + 1 + sim_random(s, 2)) % VOTERS);
                if (sim_chance(s, 50))
                        cut(s, n, to, long_us);
                else
                        cut(s, to, n, long_us);
                return;
        }
        case FAULT_ISOLATE:
                isolate(s, n, long_us);
                return;
        case FAULT_DEAF:
                for (uint8_t v = 0; v < VOTERS; v++)
                        if (v != n)
                                cut(s, v, n, 28 * SECOND);
                return;
        case FAULT_HAMON_CRASH:
                if (s->aim == NO_NODE)
                        n = (uint8_t)sim_random(s, VOTERS);
                trace(s, n, "hamon crashes", 0, 0);
                fault_crash(s, n, LIFE_HAMON, 3 * SECOND);
                return;
        case FAULT_HAMON_STALL:
                trace(s, n, "hamon hangs for %llu ms", short_us / MS, 0);
                freeze(s, n, LIFE_HAMON, short_us);
                return;
        case FAULT_ACT_CRASH:
                trace(s, n, "hamon-act crashes", 0, 0);
                fault_crash(s, n, LIFE_ACT, 3 * SECOND);
                return;
        case FAULT_ACT_STALL:
                trace(s, n, "hamon-act hangs for %llu ms", short_us / MS, 0);
                freeze(s, n, LIFE_ACT, short_us);
                return;
        case FAULT_EFFECTS_FAIL:
                s->effects_failed = true;
                s->node[n].act.fail_percent = (unsigned)sim_between(s, 10, 60);
                trace(s, n, "%llu %% of the effects fail", s->node[n].act.fail_percent, 0);
                sim_after(s, long_us, n, LIFE_WORLD, effects_work, 0, 0);
                return;
        case FAULT_NBDD_CRASH:
                trace(s, n, "nbdd crashes", 0, 0);
                fault_crash(s, n, LIFE_NBDD, 3 * SECOND);
                return;
        case FAULT_NBDD_STALL:
                trace(s, n, "nbdd hangs for %llu ms", long_us / MS, 0);
                freeze(s, n, LIFE_NBDD, long_us);
                return;
        case FAULT_NBDC_CRASH:
                trace(s, n, "nbdc crashes", 0, 0);
                fault_crash(s, n, LIFE_NBDC, 3 * SECOND);
                return;
        case FAULT_FREEZE:
                if (s->aim == NO_NODE)
                        n = (uint8_t)sim_random(s, VOTERS);
                trace(s, n, "the machine is frozen for %llu ms", short_us / MS, 0);
                freeze(s, n, LIFE_MACHINE, short_us);
                return;
        case FAULT_WITNESS_DOWN:
                if (s->node[WITNESS].life[LIFE_MACHINE].up)
                        machine_off(s, WITNESS);
                return;
        case FAULT_DISK_SLOW:
                n = (uint8_t)sim_random(s, VOTERS);
                s->node[n].disk.slowness = (uint32_t)sim_between(s, 5, 100);
                trace(s, n, "the disk gets slow: %llu times", s->node[n].disk.slowness, 0);
                return;
        case FAULT_DISK_HANGS:
                trace(s, n, "the disk hangs for %llu ms", long_us / MS, 0);
                s->node[n].disk.hung_until_us = s->now_us + long_us;
                return;
        case FAULT_DISK_FAILS:
                n = s->disk_victim;
                if (!survives(s, n))
                        return;
                trace(s, n, "the disk fails", 0, 0);
                script(s, "own-disk-fails", n, NO_NODE);
                s->node[n].disk.failed = true;
                return;
        case FAULT_TRAP_FLAKY:
                s->faults += 2;
                n = s->disk_victim;
                if (s->decided.primary != n || !survives(s, n))
                        return;
                freeze(s, n, LIFE_HAMON, 2 * SECOND);
                sim_after(s, sim_between(s, 100 * MS, 1500 * MS), (uint8_t)(1 - n), LIFE_WORLD, turn_off, 0, 0);
                sim_after(s, sim_between(s, 1500 * MS, 1900 * MS), n, LIFE_WORLD, cut_power, 0, 0);
                /* fall through */
        case FAULT_DISK_FLAKY:
                n = s->disk_victim;
                if (!survives(s, n) || s->node[n].disk.failed || s->node[n].disk.lying)
                        return;
                trace(s, n, "the disk fails until the next boot", 0, 0);
                s->node[n].disk.failed = s->node[n].disk.flaky = true;
                return;
        case FAULT_DISK_LIES:
                n = s->disk_victim;
                if (!survives(s, n) || !s->decided.legs[1 - n].in_sync)
                        return;
                trace(s, n, "the disk fails its flushes", 0, 0);
                script(s, "own-disk-fails-flushes", n, NO_NODE);
                s->node[n].disk.lying = true;
                sim_after(s, long_us, n, LIFE_WORLD, disk_reset, 0, 0);
                return;
        case FAULT_DISK_REPLACED:
                n = s->disk_victim;
                if (!survives(s, n) || !s->node[n].life[LIFE_MACHINE].up)
                        return;
                s->node[n].new_disk = true;
                machine_off(s, n);
                return;
        case FAULT_FORGET:
                fault_forget(s, (uint8_t)sim_random(s, VOTERS), 0, 0);
                return;
        case FAULT_TRAP_MEMORY:
                s->faults += 2;
                n = s->decided.primary < NODES ? s->decided.primary : n;
                cut(s, n, (uint8_t)(1 - n), 12 * SECOND);
                cut(s, (uint8_t)(1 - n), n, 12 * SECOND);
                sim_after(s, sim_between(s, 3 * SECOND, 6 * SECOND), WITNESS, LIFE_WORLD, fault_forget, 0, 0);
                sim_after(s, sim_between(s, 6 * SECOND, 9 * SECOND), n, LIFE_WORLD, turn_off, 0, 0);
                return;
        case FAULT_TRAP_RESTART:
                s->faults++;
                isolate(s, s->decided.primary < NODES ? s->decided.primary : n, long_us);
                sim_after(s, sim_random(s, 1500 * MS), WITNESS, LIFE_WORLD, blink, 0, 0);
                return;
        case FAULT_SWITCHOVER:
                hamon_command(s, s->decided.primary < NODES ? s->decided.primary : n, COMMAND_SWITCHOVER);
                return;
        case FAULT_TRAP_SWITCHOVER: {
                static const enum fault others[] = {FAULT_POWER_CUT, FAULT_POWER_OFF, FAULT_LINK, FAULT_ISOLATE, FAULT_HAMON_CRASH, FAULT_ACT_CRASH,
                                                    FAULT_NBDD_CRASH, FAULT_NBDC_CRASH, FAULT_FREEZE, FAULT_EFFECTS_FAIL, FAULT_DISK_FLAKY, FAULT_ONE_WAY};
                hamon_command(s, s->decided.primary < NODES ? s->decided.primary : n, COMMAND_SWITCHOVER);
                sim_after(s, sim_random(s, 2500 * MS), 0, LIFE_WORLD, strike_later, others[sim_random(s, sizeof others / sizeof *others)], 0);
                return;
        }
        case FAULT_LEAVE:
                hamon_command(s, n, COMMAND_LEAVE);
                sim_after(s, long_us, n, LIFE_MACHINE, restart_after_leave, 0, 0);
                return;
        case FAULT_LOSS:
                s->lose_percent = (unsigned)sim_between(s, 5, 40);
                s->double_percent = (unsigned)sim_random(s, 20);
                trace(s, NO_NODE, "the network loses %llu %%", s->lose_percent, 0);
                sim_after(s, long_us, 0, LIFE_WORLD, calm, 0, 0);
                return;
        case FAULT_DELAY:
                s->delay_max_us = sim_between(s, 20 * MS, 400 * MS);
                trace(s, NO_NODE, "the network delays up to %llu ms", s->delay_max_us / MS, 0);
                sim_after(s, long_us, 0, LIFE_WORLD, calm, 0, 0);
                return;
        case FAULT_DISK_ERROR:
                n = s->disk_victim;
                if (!survives(s, n))
                        return;
                s->node[n].disk.errors = 1;
                return;
        case FAULT_DISK_CRAWLS:
                s->node[n].disk.slowness = (uint32_t)sim_between(s, 500, 2500);
                s->crawled = true;
                trace(s, n, "the disk crawls: %llu times slower", s->node[n].disk.slowness, 0);
                return;
        case FAULT_NBDC_STALL:
                trace(s, n, "nbdc hangs for %llu ms", short_us / MS, 0);
                freeze(s, n, LIFE_NBDC, short_us);
                return;
        case FAULT_CLOCK_DRIFT:
                for (uint8_t v = 0; v < VOTERS; v++)
                        clock_set(s, v, (int32_t)sim_random(s, 2 * DRIFT_PPM) - DRIFT_PPM, 0);
                trace(s, NO_NODE, "the clocks drift apart", 0, 0);
                return;
        case FAULT_CLOCK_JUMP:
                n = (uint8_t)sim_random(s, VOTERS);
                trace(s, n, "the clock jumps by %llu ms", long_us / MS, 0);
                clock_set(s, n, s->node[n].clock.rate_ppm, long_us);
                return;
        case FAULT_ACCEPTED_LOST:
                s->lost_type = sim_chance(s, 70) ? MESSAGE_ACCEPTED : MESSAGE_PROMISE;
                trace(s, NO_NODE, "answers of type %llu are lost", s->lost_type, 0);
                sim_after(s, short_us, 0, LIFE_WORLD, calm, 0, 0);
                return;
        case FAULT_ACT_DIES_WITHIN:
                s->node[n].act.dies_in = (unsigned)sim_between(s, 1, 16);
                return;
        case FAULT_GO_BACK:
                fault_go_back(s, WITNESS, 0, 0);
                return;
        case FAULT_DEBT_LOST:
                if (s->aim == NO_NODE && sim_chance(s, 50)) { /* between capture and apply, where nobody else knows what is owed */
                        s->ambush = (struct ambush){.laid = true, .machine = AMBUSH_ROLE, .state = MIRROR_ASSEMBLE, .kind = FAULT_DEBT_LOST};
                        return;
                }
                if (s->aim != NO_NODE || sim_chance(s, 50)) {
                        trace(s, n, "the debt file is removed", 0, 0);
                        s->node[n].act.debt = 0;
                        s->node[n].act.has_debt = false;
                        s->node[n].act.debt_lost = true;
                        return;
                }
                trace(s, n, "the note is removed", 0, 0);
#ifdef MUTANT_lost_note_is_clear /* 3.4 */
                s->node[n].act.note = false;
#else
                s->node[n].act.note = true; /* nobody knows what it said */
#endif
                return;
        case FAULT_TRAP_JOIN: { /* a leave, that there be a join */
                uint64_t cut_us = sim_between(s, 2 * SECOND, 6 * SECOND);
                s->faults++;
                if (sim_chance(s, 30)) { /* or its swap does not come to its end (R2g) */
                        static const enum fault kinds[] = {FAULT_HAMON_CRASH, FAULT_POWER_CUT, FAULT_ISOLATE, FAULT_ACCEPTED_LOST};
                        s->ambush = (struct ambush){.laid = true, .machine = AMBUSH_LEG, .state = LEG_JOIN, .kind = kinds[sim_random(s, sizeof kinds / sizeof *kinds)]};
                } else {
                        s->trap_join = true;
                }
                cut(s, n, o, cut_us);
                cut(s, o, n, cut_us);
                return;
        }
        case FAULT_AMBUSH: {
                static const enum fault kinds[] = {FAULT_POWER_CUT, FAULT_ISOLATE, FAULT_LINK, FAULT_ONE_WAY, FAULT_HAMON_CRASH, FAULT_ACT_CRASH, FAULT_FREEZE,
                                                   FAULT_NBDD_CRASH, FAULT_NBDC_CRASH, FAULT_EFFECTS_FAIL, FAULT_ACCEPTED_LOST, FAULT_DISK_HANGS,
                                                   FAULT_HAMON_STALL, FAULT_DISK_FAILS, FAULT_DISK_ERROR, FAULT_LEAVE, FAULT_WITNESS_DOWN};
                ambush_lay(s, kinds[sim_random(s, sizeof kinds / sizeof *kinds)]);
                return;
        }
        case FAULTS:
                return;
        }
}

/* That fault on that node, soon. */
static void strike_there(struct sim *s, uint8_t n, uint64_t kind, uint64_t unused)
{
        if (s->healed)
                return;
        s->aim = n;
        strike(s, n, kind, unused);
        s->aim = NO_NODE;
}

void fault_at(struct sim *s, uint8_t n, unsigned kind, uint64_t us)
{
        sim_after(s, us, n, LIFE_WORLD, strike_there, kind, 0);
}

void fault_one(struct sim *s, unsigned kind)
{
        sim_after(s, sim_random(s, SECOND), 0, LIFE_WORLD, strike, kind, 0);
}

void fault_schedule(struct sim *s, uint64_t from_us, uint64_t until_us, unsigned count)
{
        uint64_t at_us = from_us;

        for (unsigned i = 0; i < count; i++) {
                /* Half of them close upon the one before: in the middle of what that set off. */
                at_us = i && sim_chance(s, 50) ? at_us + sim_random(s, 3 * SECOND) : sim_between(s, from_us, until_us);
                if (at_us > until_us)
                        at_us = until_us;
                sim_after(s, at_us - s->now_us, 0, LIFE_WORLD, strike, sim_random(s, FAULTS), 0);
        }
}

/* It died alone in the record, and the other leg says that this one had failed by then: a person decides (LIMITS). */
static bool waits_for_a_person(const struct sim *s, uint8_t n)
{
        const struct node *m = &s->node[n], *o = &s->node[1 - n];

        return (m->disk.erred || m->disk.had_failed) && !m->md.running && s->decided.legs[n].in_sync && !s->decided.legs[1 - n].in_sync && o->disk.super.exists &&
               o->disk.super.slot[n] == SLOT_FAULTY;
}

bool fault_waits_for_a_person(const struct sim *s)
{
        return waits_for_a_person(s, 0) || waits_for_a_person(s, 1);
}

bool fault_heal(struct sim *s)
{
        bool whole = true;

        s->healed = true;
        s->changed_us = s->now_us;
        for (uint8_t n = 0; n < VOTERS; n++)
                script(s, "reconnect", n, NO_NODE);
        trace(s, NO_NODE, "-- no more faults, everything is healed --", 0, 0);
        calm(s, 0, 0, 0);
        memset(s->cut, 0, sizeof s->cut);
        for (uint8_t n = 0; n < (s->manual ? NODES : VOTERS); n++) {
                struct node *m = &s->node[n];
                m->stay_down = false;
                m->act.fail_percent = m->act.dies_in = 0;
                m->disk.slowness = m->disk.errors = 0;
                m->disk.hung_until_us = 0;
                if (m->disk.lying) {
                        m->disk.lying = m->disk.flaky = false;
                        m->disk.failed = true;
                }
                if (n < NODES && s->decided.version && (m->disk.failed || !m->disk.header)) {
                        whole = survives(s, n);
                        m->new_disk = m->disk.failed && !m->disk.flaky;
                        if (m->disk.failed && m->life[LIFE_MACHINE].up)
                                machine_off(s, n);
                }
                whole = whole && !(n < NODES && waits_for_a_person(s, n));
                if (m->nbdd.failed && m->life[LIFE_MACHINE].up) /* a person clears it */
                        fault_crash(s, n, LIFE_NBDD, 100 * MS);
                if (!m->life[LIFE_MACHINE].up)
                        machine_on(s, n);
        }
        return whole;
}
