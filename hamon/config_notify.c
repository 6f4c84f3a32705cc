/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* [notify]: who is told of events. */
#include "hamon/config_internal.h"

#include <stdio.h>
#include <string.h>

#define REPEAT_MS (10 * 60 * 1000)

static void read_path(const struct config_reading *r, const char *key, char to[CONFIG_PATH_SIZE])
{
        const struct ini_entry *e = ini_get(r->ini, "notify", "", key, 0);
        if (e && (*e->value != '/' || !e->value[1] || strlen(e->value) >= CONFIG_PATH_SIZE))
                ini_error(r->ini, e, r->errors, "%s \"%s\" is not an absolute path of less than %d characters", key, e->value, CONFIG_PATH_SIZE);
        else if (e)
                (void)strcpy(to, e->value);
}

/* A URL as libcurl takes it, without blanks and control characters: it becomes one line of a request. */
static bool url_is_valid(const char *url)
{
        const char *host = strncmp(url, "https://", 8) == 0 ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
        if (!host || !*host || strchr("/?#:", *host))
                return false;
        for (const char *p = url; *p; p++)
                if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '#')
                        return false;
        return true;
}

static void read_severity(const struct config_reading *r, struct config_notify *n)
{
        static const char *const words[] = {"info", "warning", "critical", NULL};
        const struct ini_entry *e = ini_get(r->ini, "notify", "", "severity", 0);
        n->severity = SEVERITY_WARNING;
        if (!e)
                return;
        for (unsigned i = 0; words[i]; i++)
                if (strcmp(e->value, words[i]) == 0) {
                        n->severity = SEVERITY_INFO + i;
                        return;
                }
        const char *nearest = text_nearest(e->value, words);
        ini_error(r->ini, e, r->errors, "unknown severity \"%s\"%s%s%s", e->value, nearest ? ", did you mean \"" : ": write info, warning or critical",
                  nearest ? nearest : "", nearest ? "\"?" : "");
}

void config_read_notify(struct config_reading *r, struct config *c)
{
        struct config_notify *n = &c->notify;
        const struct ini_entry *e = ini_get(r->ini, "notify", "", "webhook", 0), *ca = ini_get(r->ini, "notify", "", "webhook-ca", 0);
        uint64_t repeat_ms = REPEAT_MS;
        read_path(r, "exec", n->exec);
        read_path(r, "webhook-ca", n->webhook_ca);
        /* Its value may be a secret: an error does not show it. */
        if (e && (!url_is_valid(e->value) || strlen(e->value) >= sizeof n->webhook))
                ini_error(r->ini, e, r->errors, "webhook is not a URL of less than %zu characters: write https://HOST/PATH", sizeof n->webhook);
        else if (e)
                (void)strcpy(n->webhook, e->value);
        if (ca && (!e || strncmp(e->value, "https://", 8) != 0))
                ini_error(r->ini, ca, r->errors, "a webhook-ca without a webhook of https: write webhook = https://HOST/PATH below [notify]");
        read_severity(r, n);
        e = ini_get(r->ini, "notify", "", "repeat", 0);
        if (e)
                (void)ini_duration_ms(r->ini, e, r->errors, 1000, 24ull * 3600 * 1000, &repeat_ms);
        n->repeat_ms = (uint32_t)repeat_ms;
        if ((ini_get(r->ini, "notify", "", "severity", 0) || e) && !*n->exec && !ini_get(r->ini, "notify", "", "webhook", 0) &&
            !ini_get(r->ini, "notify", "", "exec", 0))
                config_error_at(r, "notify", "", "[notify] tells nobody: write exec = /PROGRAM or webhook = https://HOST/PATH below [notify]");
}
