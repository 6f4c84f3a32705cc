/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trace of a run: hashed always (same seed, same hash), kept for the story of a failing seed. */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"node-a", "node-b", "witness"};

static uint64_t mix(uint64_t hash, uint64_t v)
{
        hash = (hash ^ v) * 0x100000001b3u;
        return hash ^ (hash >> 29);
}

void trace(struct sim *s, uint8_t node, const char *text, uint64_t a, uint64_t b)
{
        s->hash = mix(mix(mix(mix(s->hash, s->now_us), (uint64_t)text[0] << 8 | (uint64_t)text[1] | (uint64_t)node << 16), a), b);
        s->trace[s->traces++ % TRACE_MAX] = (struct trace_line){.at_us = s->now_us, .text = text, .a = a, .b = b, .node = node};
}

void violation(struct sim *s, uint8_t node, const char *text, uint64_t a, uint64_t b)
{
        trace(s, node, text, a, b);
        if (!s->violation) {
                s->violation = text;
                s->violation_us = s->now_us;
                s->violation_a = a;
                s->violation_b = b;
        }
}

/* Texts are this program's own literals with two unsigned long long at most. */
static void print_text(const char *text, uint64_t a, uint64_t b)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
        printf(text, (unsigned long long)a, (unsigned long long)b);
#pragma GCC diagnostic pop
}

/* The first broken promise, in one line. */
void story_violation(const struct sim *s)
{
        printf("%.3f s: ", (double)s->violation_us / SECOND);
        print_text(s->violation, s->violation_a, s->violation_b);
        putchar('\n');
}

void story_print(const struct sim *s)
{
        unsigned first = s->traces > TRACE_MAX ? s->traces - TRACE_MAX : 0;

        for (unsigned i = first; i < s->traces; i++) {
                const struct trace_line *t = &s->trace[i % TRACE_MAX];
                printf("%9.3f s  %-7s  ", (double)t->at_us / SECOND, t->node < VOTERS ? names[t->node] : "");
                print_text(t->text, t->a, t->b);
                if (t->a && !strchr(t->text, '%'))
                        printf(" (%" PRIu64 ")", t->a);
                putchar('\n');
        }
}

static void print_record(const struct record *v)
{
        printf("version %" PRIu64 " epoch %" PRIu64 " primary %u legs", v->version, v->epoch, v->primary);
        for (int n = 0; n < NODES; n++)
                printf(" %s%s", v->legs[n].in_sync ? "in-sync" : "out", v->legs[n].inconsistent ? "(inconsistent)" : "");
        putchar('\n');
}

/* Where everybody stands at the end: what a person would ask status for. */
void story_state(const struct sim *s)
{
        printf("decided: ");
        print_record(&s->decided);
        for (uint8_t n = 0; n < VOTERS; n++) {
                const struct node *m = &s->node[n];
                const struct cas_register *r = &m->hamon.core.reg[0];
                struct mirror_view v;

                printf("%s: machine %s, hamon %s, connected %d\n", names[n], m->life[LIFE_MACHINE].up ? "up" : "down",
                       m->life[LIFE_HAMON].up ? "up" : "down", m->hamon.connected);
                printf("    record: proposer phase %d change %d attempts %u internal %d yielding %d, blank voters %u, admitted %d, known: ",
                       (int)r->proposer.phase, (int)r->proposer.change.kind, r->proposer.attempts, r->proposer.internal,
                       r->proposer.yielding, r->voters_without_memory, r->admitted);
                if (n == WITNESS) {
                        print_record(&r->acceptor.value);
                        continue;
                }
                core_view_mirror(&m->hamon.core, 0, clock_ms(s, n), &v);
                print_record(&v.record);
                printf("    role %s, leg %s, service %s, standby %d, lease %u ms, reason %s, waits for %s, if peer fails %s\n", v.role_word,
                       v.leg_word, v.service_word, (int)m->hamon.core.standby[0].state, v.lease_left_ms, reason_code(v.reason),
                       v.waiting_for ? v.waiting_for : "nothing", reason_code(v.if_peer_fails));
                printf("    md running %d slots %u %u, app %d with %u writes, nbdc attached %d policy %d connection %" PRIu64
                       " outstanding %u, nbdd grant %d open %d inflight %u failed %d\n",
                       m->md.running, m->md.super.slot[0], m->md.super.slot[1], m->app.running, m->app.outstanding, m->nbdc.attached,
                       (int)m->nbdc.policy, m->nbdc.connection, nbdc_outstanding(s, n), m->nbdd.grant.exists, m->nbdd.open, m->nbdd.inflight,
                       m->nbdd.failed);
                const struct observation *o = &m->hamon.core.mirror[0].observed;
                printf("    hamon sees (%" PRIu64 " ms ago): own in sync %d failed %d oldest %u ms, peer in array %d in sync %d failed %d, leg connected %d "
                       "refused %d oldest %u ms\n",
                       clock_ms(s, n) - m->hamon.core.mirror[0].observed_ms, o->own_in_sync, o->own_failed, o->own_oldest_ms,
                       o->peer_in_array, o->peer_in_sync, o->peer_failed, o->leg_connected, o->leg_refused, o->leg_oldest_ms);
                printf("    act queued %u first %s hold %d note %d debt %d, disk super slots %u %u failed %d\n", m->act.worker[ACT_MAIN].queued,
                       m->act.worker[ACT_MAIN].queued ? effect_word(m->act.worker[ACT_MAIN].queue[0].type) : "-", m->act.hold, m->act.note, m->act.has_debt,
                       m->disk.super.slot[0], m->disk.super.slot[1], m->disk.failed);
        }
}
