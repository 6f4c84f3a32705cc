/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `hamonctl switchover NAME --dry-run` prints. Pure. */
#include "hamon/hamonctl/hamonctl.h"

static const char *text(const json_t *j, const char *key)
{
        const char *s = json_string_value(json_object_get(j, key));
        return s ? s : "";
}

static void print_check(const json_t *check, FILE *to)
{
        const json_t *reason = json_object_get(check, "else");
        bool holds = json_is_true(json_object_get(check, "holds"));

        (void)fprintf(to, "  %-4s %s\n", holds ? "yes" : "NO", text(check, "fact"));
        if (!holds && *text(reason, "sentence"))
                (void)fprintf(to, "         %s [%s]\n", text(reason, "sentence"), text(reason, "code"));
        if (!holds && *text(reason, "next"))
                (void)fprintf(to, "         next: %s\n", text(reason, "next"));
}

bool preflight_text(const json_t *preflight, FILE *to)
{
        const json_t *check;
        bool ready = json_is_true(json_object_get(preflight, "ready"));
        size_t i;

        (void)fprintf(to, "switchover of %s from %s:\n", text(preflight, "mirror"), *text(preflight, "from") ? text(preflight, "from") : "nobody");
        json_array_foreach(json_object_get(preflight, "checks"), i, check)
                print_check(check, to);
        (void)fprintf(to, "%s\n", ready ? "nothing stands in the way; nothing was changed" : "it would be refused or fail; nothing was changed");
        return ready;
}
