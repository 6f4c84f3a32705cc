/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last take-over by this node as its phases, each with the time since the one before; the same words as webui/timeline.js. */
#include "hamon/api/status_html.h"

#include "hamon/api/event_log.h"

#include <inttypes.h>
#include <string.h>

enum phase { DEAD, LEAVING, BEGUN, DECIDED, FENCED, ASSEMBLED, HANDED, ACTIVE, SERVED, PHASES };
enum { BEFORE_MS = 15000, AFTER_MS = 120000 }; /* a silence belongs to the take-over that follows within the one, a service that comes up within the other */

static const char *const codes[PHASES] = {"node-dead", "node-leaving", "takeover-begin", "takeover-decided", "takeover-fenced", "takeover-assembled", "leg-handed", "primary", "service-up"};

static enum phase phase_of(const struct event_entry *e)
{
        enum phase p = 0;
        while (p < PHASES && strcmp(codes[p], e->code) != 0)
                p++;
        return p;
}

static void put_words(FILE *to, enum phase phase, const char *me, const char *other, bool after_silence)
{
        switch (phase) {
        case DEAD:
                html_put(to, other);
                fputs(" is silent for long enough to count as dead", to);
                break;
        case LEAVING:
                html_put(to, other);
                fputs(" says that it stops", to);
                break;
        case BEGUN:
                html_put(to, after_silence ? me : other);
                fputs(after_silence ? " waits until nobody counts on " : " lets go in good order, and ", to);
                html_put(to, after_silence ? other : me);
                fputs(after_silence ? " any more" : " begins", to);
                break;
        case DECIDED:
                fputs("a majority votes for ", to);
                html_put(to, me);
                fputs(": from now on it alone may write", to);
                break;
        case FENCED:
                html_put(to, me);
                fputs(" shuts ", to);
                html_put(to, other);
                fputs(" out: nothing it still sends reaches this leg", to);
                break;
        case ASSEMBLED:
                fputs("the array starts on the leg of ", to);
                html_put(to, me);
                break;
        case HANDED:
                fputs("the leg of ", to);
                html_put(to, other);
                fputs(" is equal and comes along: nothing to resync", to);
                break;
        case ACTIVE:
                html_put(to, me);
                fputs(" is active and takes writes", to);
                break;
        case SERVED:
                fputs("file system, address and units are up: clients are served", to);
                break;
        case PHASES:
                break;
        }
}

struct takeover {
        struct event_entry at[PHASES]; /* id 0: it had no such phase */
};

/* What came before the decision is the last silence of the other node, and the last time it was asked for. */
static void look_before(struct takeover *t, struct event_log *log, const char *other)
{
        const struct event_entry *decided = &t->at[DECIDED];
        struct event_entry e;
        for (uint64_t at = 0; event_log_next(log, at, &e) && e.id < decided->id; at = e.id) {
                enum phase p = phase_of(&e);
                if (e.boot_ms > decided->boot_ms || e.boot_ms + BEFORE_MS <= decided->boot_ms || (*e.mirror && strcmp(e.mirror, decided->mirror) != 0))
                        continue;
                if (p == DECIDED || (strcmp(e.code, "node-up") == 0 && strcmp(e.node, other) == 0))
                        t->at[DEAD].id = t->at[LEAVING].id = t->at[BEGUN].id = 0;
                if (p == BEGUN || ((p == DEAD || p == LEAVING) && strcmp(e.node, other) == 0))
                        t->at[p] = e;
        }
        if (t->at[LEAVING].id)
                t->at[DEAD].id = 0;
}

static void look_after(struct takeover *t, struct event_log *log)
{
        const struct event_entry decided = t->at[DECIDED];
        struct event_entry e;
        for (uint64_t at = decided.id; !t->at[SERVED].id && event_log_next(log, at, &e) && e.boot_ms >= decided.boot_ms && e.boot_ms <= decided.boot_ms + AFTER_MS; at = e.id) {
                enum phase p = phase_of(&e);
                if (p > DECIDED && p < PHASES && !t->at[p].id && (!*e.mirror || strcmp(e.mirror, decided.mirror) == 0))
                        t->at[p] = e;
        }
}

void put_takeover(FILE *to, const struct config *config, uint8_t self, struct event_log *log)
{
        struct takeover t = {0};
        struct event_entry e;
        html_head(to, "Last take-over by this node", "<th>Phase<th>Took");
        for (uint64_t at = 0; event_log_next(log, at, &e); at = e.id)
                if (phase_of(&e) == DECIDED)
                        t.at[DECIDED] = e;
        if (!t.at[DECIDED].id || self >= NODES) {
                fputs("</table><p class=\"quiet\">None among the events that are kept.</section>\n", to);
                return;
        }
        const char *me = config->voters[self].name, *other = config->voters[1 - self].name;
        look_before(&t, log, other);
        look_after(&t, log);
        uint64_t before_ms = t.at[DEAD].id ? t.at[DEAD].boot_ms - t.at[DEAD].number : 0, last_id = 0;
        for (;;) { /* in the order in which they came */
                enum phase next = PHASES;
                for (enum phase p = 0; p < PHASES; p++)
                        if (t.at[p].id > last_id && (next == PHASES || t.at[p].id < t.at[next].id))
                                next = p;
                if (next == PHASES)
                        break;
                fputs("<tr><td class=\"wide\">", to);
                put_words(to, next, me, other, t.at[DEAD].id || t.at[LEAVING].id);
                fprintf(to, "<td class=\"number\">%" PRIu64 " ms\n", before_ms ? t.at[next].boot_ms - before_ms : 0);
                before_ms = t.at[next].boot_ms;
                last_id = t.at[next].id;
        }
        fputs(HTML_TABLE_END, to);
}
