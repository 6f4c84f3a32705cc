/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trace of a run: hashed always (same seed, same hash), kept for the story of a failing seed. */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
        static const char *const names[] = {"node-a", "node-b", "witness"};
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
