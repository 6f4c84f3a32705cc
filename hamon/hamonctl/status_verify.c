/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the status says about verifies: the one under way, the last result with its age and, where the legs differ, what differs and what to do. */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/status_parts.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FINE_KIB = 4, RANGES_SHOWN = 4 };

static void draw_run(FILE *to, const json_t *verify, const json_t *run)
{
        const char *state = answer_text(run, "state");
        bool paused = strcmp(state, "paused") == 0;
        if (!paused && strcmp(state, "running") != 0) {
                status_label(to, "verify");
                fprintf(to, "%s at %.1f %%: %s\n", state, 100.0 * (double)answer_number(run, "position_bytes") / (double)(answer_number(run, "size_bytes") ? answer_number(run, "size_bytes") : 1),
                        answer_text(run, "why"));
                return;
        }
        status_label(to, "verify");
        fprintf(to, "%s%.1f %%", paused ? "PAUSED, " : "", json_real_value(json_object_get(verify, "percent")));
        if (json_is_integer(json_object_get(verify, "rate_kib"))) {
                fputs(", ", to);
                status_size(to, (double)answer_integer(verify, "rate_kib"));
                fputs("/s, done in ", to);
                status_age(to, answer_integer(verify, "eta_s") * 1000);
        }
        if (answer_number(run, "differing_blocks"))
                fprintf(to, ", %" PRIu64 " blocks of 4 KiB DIFFER so far", answer_number(run, "differing_blocks"));
        if (*answer_text(verify, "waiting_for") && !paused)
                fprintf(to, "; it waits: %s", answer_text(verify, "waiting_for"));
        fputc('\n', to);
}

static void draw_ranges(FILE *to, const json_t *last)
{
        const json_t *ranges = json_object_get(last, "ranges"), *range;
        size_t i;
        json_array_foreach(ranges, i, range)
        {
                if (i == RANGES_SHOWN)
                        break;
                uint64_t at = answer_number(range, "offset_bytes");
                status_label(to, "");
                fprintf(to, "bytes %" PRIu64 " to %" PRIu64 " of the array\n", at, at + answer_number(range, "size_bytes") - 1);
        }
        if (json_array_size(ranges) > RANGES_SHOWN) {
                status_label(to, "");
                fputs("and more: hamonctl status --json\n", to);
        }
}

static void draw_last(FILE *to, const json_t *verify, const json_t *last)
{
        uint64_t differing = answer_number(last, "differing_blocks");
        status_label(to, "verified");
        status_age(to, answer_integer(verify, "last_age_s") * 1000);
        fputs(" ago, ", to);
        status_size(to, (double)answer_number(last, "size_bytes") / 1024);
        fputs(" in ", to);
        status_age(to, (int64_t)(answer_number(last, "ended") - answer_number(last, "began")) * 1000);
        if (differing)
                fprintf(to, ": %" PRIu64 " block%s of %d KiB DIFFER%s; which copy is right only you can tell\n", differing, differing == 1 ? "" : "s", FINE_KIB,
                        differing == 1 ? "S" : "");
        else
                fputs(": both legs hold the same\n", to);
        if (differing)
                draw_ranges(to, last);
}

void status_verify(FILE *to, const json_t *verify)
{
        const json_t *run = json_object_get(verify, "run"), *last = json_object_get(verify, "last"), *next = json_object_get(verify, "next_s");
        if (json_is_object(run))
                draw_run(to, verify, run);
        if (json_is_object(last))
                draw_last(to, verify, last);
        if (json_is_integer(next) && !json_is_object(last) && !json_is_object(run)) {
                status_label(to, "verified");
                fputs("never yet; by itself in ", to);
                status_age(to, json_integer_value(next) * 1000);
                fputc('\n', to);
        }
}
