/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happened to the machines of a schedule, in the words of the golden scenarios (tests/scenario/README): a failing seed becomes a scenario
 * of the smaller model world. What that world does not have (delays, crashes of nbdc, torn writes) is left out.
 */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>

static const char names[] = "ABW";

void script(struct sim *s, const char *verb, uint8_t n, uint8_t other)
{
        if (s->script_lines < SCRIPT_MAX)
                s->script[s->script_lines++] = (struct script_line){.at_us = s->now_us, .verb = verb, .node = n, .other = other};
}

void script_command(struct sim *s, uint8_t n, const char *word)
{
        script(s, "command", n, NO_NODE);
        s->script[s->script_lines - 1].command = word;
}

static void later(struct sim *s, uint8_t n, uint64_t verb, uint64_t unused)
{
        (void)unused;
        script(s, (const char *)(uintptr_t)verb, n, NO_NODE);
}

void script_later(struct sim *s, const char *verb, uint8_t n, uint64_t us)
{
        sim_after(s, us, n, LIFE_WORLD, later, (uint64_t)(uintptr_t)verb, 0);
}

void script_print(const struct sim *s, uint64_t from_us, uint64_t seed)
{
        uint64_t at_us = from_us;

        printf("# Seed %" PRIu64 " of the simulator%s%s: say in plain words what it shows.\n> redundant\n", seed, s->violation ? ", which found " : "",
               s->violation ? s->violation : "");
        for (unsigned i = 0; i < s->script_lines; i++) {
                const struct script_line *l = &s->script[i];
                if (l->at_us / MS > at_us / MS)
                        printf("> write\n> run %" PRIu64 "\n", l->at_us / MS - at_us / MS);
                at_us = l->at_us;
                printf("> %s %c", l->verb, names[l->node]);
                if (l->other < VOTERS)
                        printf(" %c", names[l->other]);
                if (l->command)
                        printf(" %s consent", l->command);
                putchar('\n');
        }
        printf("> write\n> run 20000\n> write\n> status\n");
}
