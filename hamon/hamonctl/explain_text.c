/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `hamonctl explain`, `simulate` and `--dry-run` print. Pure: JSON in, text out. */
#include "hamon/hamonctl/hamonctl.h"

#include <string.h>

static const char *text(const json_t *j, const char *key)
{
        const char *s = json_string_value(json_object_get(j, key));
        return s ? s : "";
}

static void print_fact(const json_t *fact, FILE *to)
{
        const json_t *reason = json_object_get(fact, "else");
        bool holds = json_is_true(json_object_get(fact, "holds"));

        fputs("  ", to);
        colour_begin(to, holds ? "ok" : text(reason, "severity"));
        fprintf(to, "%-4s", holds ? "yes" : "NO");
        colour_end(to);
        fprintf(to, " %s\n", text(fact, "fact"));
        if (!holds && *text(reason, "sentence"))
                fprintf(to, "         %s [%s]\n", text(reason, "sentence"), text(reason, "code"));
        if (!holds && *text(reason, "next"))
                fprintf(to, "         next: %s\n", text(reason, "next"));
}

void explain_text(const json_t *one, FILE *to)
{
        const json_t *reason = json_object_get(one, "reason"), *item;
        size_t i;

        fprintf(to, "%s: ", text(one, "mirror"));
        colour_begin(to, text(reason, "severity"));
        fputs(text(one, "health"), to);
        colour_end(to);
        fprintf(to, ", %s here\n  %s [%s]\nbecause:\n", text(one, "role"), text(reason, "sentence"), text(reason, "code"));
        json_array_foreach(json_object_get(one, "facts"), i, item)
                print_fact(item, to);
        if (*text(one, "waiting_for"))
                fprintf(to, "waiting for '%s' of hamon-act\n", text(one, "waiting_for"));
        json_array_foreach(json_object_get(one, "unblocked_by"), i, item)
                fprintf(to, "%s  %s\n", i == 0 ? "what unblocks it:\n" : "", json_string_value(item));
        if (json_array_size(json_object_get(one, "unblocked_by")) == 0)
                fputs("nothing is to be done\n", to);
}

void simulate_text(const json_t *answer, FILE *to)
{
        const json_t *item;
        size_t i;

        fprintf(to, "if %s fails now:\n", text(answer, "fail"));
        json_array_foreach(json_object_get(answer, "simulate"), i, item)
        {
                const json_t *outcome = json_object_get(item, "outcome");
                fputs("  ", to);
                colour_begin(to, text(outcome, "severity"));
                fputs(text(outcome, "sentence"), to);
                colour_end(to);
                fprintf(to, " [%s]\n", text(outcome, "code"));
        }
}

void will_text(const json_t *preflight, FILE *to)
{
        const json_t *item;
        size_t i;
        json_array_foreach(json_object_get(preflight, "will"), i, item)
                fprintf(to, "  %s\n", json_string_value(item));
}

bool preflight_text(const char *command, const json_t *preflight, FILE *to)
{
        const json_t *check;
        bool ready = json_is_true(json_object_get(preflight, "ready"));
        size_t i;

        fprintf(to, "%s, for mirror %s (active on %s), would:\n", command, text(preflight, "mirror"), *text(preflight, "from") ? text(preflight, "from") : "no node");
        will_text(preflight, to);
        fputs("what it needs:\n", to);
        json_array_foreach(json_object_get(preflight, "checks"), i, check)
                print_fact(check, to);
        fprintf(to, "%s\n", ready ? "nothing stands in the way; nothing was changed" : "it would be refused or fail; nothing was changed");
        return ready;
}
