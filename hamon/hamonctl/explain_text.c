/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `hamonctl explain`, `simulate` and `--dry-run` print. Pure: JSON in, text out. */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"

#include <string.h>

static void print_fact(const json_t *fact, FILE *to)
{
        const json_t *reason = json_object_get(fact, "else");
        bool holds = json_is_true(json_object_get(fact, "holds"));

        fputs("  ", to);
        colour_begin(to, holds ? "ok" : answer_text(reason, "severity"));
        fprintf(to, "%-4s", holds ? "yes" : "NO");
        colour_end(to);
        fprintf(to, " %s\n", answer_text(fact, "fact"));
        if (!holds && *answer_text(reason, "sentence"))
                fprintf(to, "         %s [%s]\n", answer_text(reason, "sentence"), answer_text(reason, "code"));
        if (!holds && *answer_text(reason, "next"))
                fprintf(to, "         next: %s\n", answer_text(reason, "next"));
}

void explain_text(const json_t *one, FILE *to)
{
        const json_t *reason = json_object_get(one, "reason"), *item;
        size_t i;

        fprintf(to, "%s: ", answer_text(one, "mirror"));
        colour_begin(to, answer_text(reason, "severity"));
        fputs(answer_text(one, "health"), to);
        colour_end(to);
        fprintf(to, ", %s here\n  %s [%s]\nbecause:\n", answer_text(one, "role"), answer_text(reason, "sentence"), answer_text(reason, "code"));
        json_array_foreach(json_object_get(one, "facts"), i, item)
                print_fact(item, to);
        if (*answer_text(one, "waiting_for"))
                fprintf(to, "waiting for '%s' of hamon-act\n", answer_text(one, "waiting_for"));
        json_array_foreach(json_object_get(one, "unblocked_by"), i, item)
                fprintf(to, "%s  %s\n", i == 0 ? "what unblocks it:\n" : "", json_string_value(item));
        if (json_array_size(json_object_get(one, "unblocked_by")) == 0)
                fputs("nothing is to be done\n", to);
}

void simulate_text(const json_t *answer, FILE *to)
{
        const json_t *item;
        size_t i;

        fprintf(to, "if %s fails now:\n", answer_text(answer, "fail"));
        json_array_foreach(json_object_get(answer, "simulate"), i, item)
        {
                const json_t *outcome = json_object_get(item, "outcome");
                fputs("  ", to);
                colour_begin(to, answer_text(outcome, "severity"));
                fputs(answer_text(outcome, "sentence"), to);
                colour_end(to);
                fprintf(to, " [%s]\n", answer_text(outcome, "code"));
        }
}

void will_text(const json_t *preflight, FILE *to)
{
        const json_t *item;
        size_t i;
        json_array_foreach(json_object_get(preflight, "will"), i, item)
                fprintf(to, "  %s\n", json_string_value(item));
}

void obstacles_text(const json_t *preflight, FILE *to)
{
        const json_t *check;
        size_t i;
        json_array_foreach(json_object_get(preflight, "checks"), i, check)
                if (!json_is_true(json_object_get(check, "holds")))
                        print_fact(check, to);
}

bool preflight_text(const char *command, const json_t *preflight, FILE *to)
{
        const json_t *check;
        bool ready = json_is_true(json_object_get(preflight, "ready"));
        size_t i;

        fprintf(to, "%s, for mirror %s (active on %s), would:\n", command, answer_text(preflight, "mirror"), *answer_text(preflight, "from") ? answer_text(preflight, "from") : "no node");
        will_text(preflight, to);
        fputs("what it needs:\n", to);
        json_array_foreach(json_object_get(preflight, "checks"), i, check)
                print_fact(check, to);
        fprintf(to, "%s\n", ready ? "nothing stands in the way; nothing was changed" : "it would be refused or fail; nothing was changed");
        return ready;
}
