/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/sim/cover.h"

#include "tests/sim/sim.h"

#include <assert.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 160, MEET_US = 6 * SECOND, LINE_MAX = 600 };

static const struct {
        const char *name;
        const struct table *table;
} tables[] = {
    {"detector", &detector_table}, {"mirror", &mirror_table}, {"leg", &leg_table}, {"standby", &standby_table}, {"service", &service_table},
};

enum { TABLES = sizeof tables / sizeof *tables };

static uint64_t rows[TABLES][ROWS_MAX], rules[RULES], pairs[FAULT_KINDS_MAX][FAULT_KINDS_MAX];

/* The linker puts it in the place of the core's own table_find() (--wrap), which it calls: the core stays as it is shipped. */
const struct row *__real_table_find(const struct table *table, unsigned state, unsigned event, uint32_t facts);
const struct row *__wrap_table_find(const struct table *table, unsigned state, unsigned event, uint32_t facts);

/* The rows of one state and event, found once: looking through whole tables took a seventh of all time. */
enum { STATES_MAX = 32, EVENTS_OF_TABLE_MAX = 16, CANDIDATES_MAX = 16 };

static struct {
        bool known;
        uint8_t count, row[CANDIDATES_MAX];
} candidates[TABLES][STATES_MAX][EVENTS_OF_TABLE_MAX];

static void collect(unsigned t, unsigned state, unsigned event)
{
        const struct table *table = tables[t].table;

        candidates[t][state][event].known = true;
        for (unsigned i = 0; i < table->count; i++)
                if ((table->rows[i].states & IN_STATE(state)) && table->rows[i].event == event) {
                        assert(candidates[t][state][event].count < CANDIDATES_MAX);
                        candidates[t][state][event].row[candidates[t][state][event].count++] = (uint8_t)i;
                }
}

const struct row *__wrap_table_find(const struct table *table, unsigned state, unsigned event, uint32_t facts)
{
        static unsigned calls;
        unsigned t = 0;

        while (tables[t].table != table)
                t++;
        assert(state < STATES_MAX && event < EVENTS_OF_TABLE_MAX && table->count <= ROWS_MAX);
        if (!candidates[t][state][event].known)
                collect(t, state, event);
        for (unsigned i = 0; i < candidates[t][state][event].count; i++) {
                unsigned row = candidates[t][state][event].row[i];
                const struct row *r = &table->rows[row];
                if ((facts & r->need) == r->need && !(facts & r->forbid)) {
                        rows[t][row]++;
                        calls++;
                        assert(calls % 256 || __real_table_find(table, state, event, facts) == r);
                        return r;
                }
        }
        return __real_table_find(table, state, event, facts); /* and its assertion */
}

void cover_rule(enum rule rule)
{
        rules[rule]++;
}

void cover_fault(struct sim *s, unsigned kind)
{
        for (unsigned k = 0; k < fault_kinds(); k++)
                if (s->struck_us[k] && s->now_us - s->struck_us[k] <= MEET_US)
                        pairs[k < kind ? k : kind][k < kind ? kind : k]++;
        s->struck_us[kind] = s->now_us;
}

static void describe_row(char *line, size_t size, unsigned t, unsigned row)
{
        const struct table *table = tables[t].table;
        const struct row *r = &table->rows[row];
        size_t used = (size_t)snprintf(line, size, "row %s", tables[t].name);
        char between = ' ';

        for (unsigned state = 0; state < table->states; state++)
                if (r->states & IN_STATE(state)) {
                        used += (size_t)snprintf(line + used, size - used, "%c%s", between, table->state_words[state]);
                        between = ',';
                }
        snprintf(line + used, size - used, " event %u need 0x%x forbid 0x%x", r->event, (unsigned)r->need, (unsigned)r->forbid);
}

/* A line of the allow file begins with a pattern of what is allowed; what follows ": " is the reason. */
static bool is_allowed(const char *allow, const char *line)
{
        char text[2 * LINE_MAX];
        bool found = false;
        FILE *f = allow ? fopen(allow, "r") : NULL;

        while (f && !found && fgets(text, sizeof text, f)) {
                char *end = strstr(text, ": ");
                if (text[0] != '#' && end) {
                        *end = '\0';
                        found = fnmatch(text, line, 0) == 0;
                }
        }
        if (f)
                fclose(f);
        return found;
}

static unsigned miss(bool print, const char *allow, const char *line, const char *more)
{
        if (is_allowed(allow, line))
                return 0;
        if (print)
                printf("never reached: %s%s\n", line, more);
        return 1;
}

unsigned cover_print(bool missing, const char *allow)
{
        char line[LINE_MAX], more[LINE_MAX];
        unsigned all_rows = 0, hit_rows = 0, hit_rules = 0, all_pairs = 0, hit_pairs = 0, bad = 0;

        for (unsigned t = 0; t < TABLES; t++)
                for (unsigned i = 0; i < tables[t].table->count; i++) {
                        all_rows++;
                        hit_rows += rows[t][i] > 0;
                        describe_row(line, sizeof line, t, i);
                        bad += rows[t][i] ? 0 : miss(missing, allow, line, "");
                }
        static const struct {
                const char *letter, *when;
        } texts[] = {
#define X(letter, when) {#letter, when},
            RULE_LIST(X)
#undef X
        };
        for (unsigned i = 0; i < RULES; i++) {
                hit_rules += rules[i] > 0;
                snprintf(line, sizeof line, "rule %s", texts[i].letter);
                snprintf(more, sizeof more, " (%s)", texts[i].when);
                bad += rules[i] ? 0 : miss(missing, allow, line, more);
        }
        for (unsigned i = 0; i < fault_kinds(); i++)
                for (unsigned j = i; j < fault_kinds(); j++) {
                        all_pairs++;
                        hit_pairs += pairs[i][j] > 0;
                        snprintf(line, sizeof line, "pair %s + %s", fault_word(i), fault_word(j));
                        bad += pairs[i][j] ? 0 : miss(missing, allow, line, "");
                }
        printf("coverage: %u of %u table rows, %u of %u rules, %u of %u pairs of faults; %u missing beyond what is allowed\n", hit_rows, all_rows,
               hit_rules, (unsigned)RULES, hit_pairs, all_pairs, bad);
        return bad;
}
