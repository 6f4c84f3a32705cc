/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* [service NAME]: how hamon looks after what it has started. */
#include "hamon/config_internal.h"

#include <stdio.h>
#include <string.h>

static const struct ini_entry *get(const struct config_reading *r, const char *name, const char *key)
{
        return ini_get(r->ini, "service", name, key, 0);
}

/* A program and its arguments, without a shell: blanks between words are all that means anything. */
static bool command_is_valid(const char *command)
{
        unsigned words = 0;

        for (const char *p = command; *p; p++) {
                if ((unsigned char)*p < ' ' || *p == '\t')
                        return false;
                words += *p != ' ' && (p == command || p[-1] == ' ');
        }
        return command[0] == '/' && command[1] && command[1] != ' ' && words <= CONFIG_WORDS_MAX && strlen(command) < CONFIG_COMMAND_SIZE;
}

static void read_command(const struct config_reading *r, const char *name, const char *key, char to[CONFIG_COMMAND_SIZE])
{
        const struct ini_entry *e = get(r, name, key);

        if (e && !command_is_valid(e->value))
                ini_error(r->ini, e, r->errors, "%s \"%s\" is not a program's absolute path with at most %d arguments, in less than %d characters", key,
                          e->value, CONFIG_WORDS_MAX - 1, CONFIG_COMMAND_SIZE);
        else if (e)
                (void)strcpy(to, e->value);
}

static uint32_t read_duration(const struct config_reading *r, const char *name, const char *key, uint64_t least, uint64_t most, uint32_t value)
{
        const struct ini_entry *e = get(r, name, key);
        uint64_t v = value;

        if (e)
                (void)ini_duration_ms(r->ini, e, r->errors, least, most, &v);
        return (uint32_t)v;
}

static void needs(const struct config_reading *r, const char *name, const char *key, const char *other, const char *how)
{
        const struct ini_entry *e = get(r, name, key);

        if (e && !get(r, name, other))
                ini_error(r->ini, e, r->errors, "%s without %s: write %s below [service %s]", key, other, how, name);
}

static void read_health(const struct config_reading *r, const char *name, struct config_health *h)
{
        static const char *const keys[] = {"health-interval", "health-timeout", "health-retries"};
        const struct ini_entry *e = get(r, name, "health-retries");
        uint64_t retries = CONFIG_HEALTH_RETRIES;

        read_command(r, name, "health", h->command);
        h->interval_ms = read_duration(r, name, keys[0], 1000, 3600000, CONFIG_HEALTH_INTERVAL_MS);
        h->timeout_ms = read_duration(r, name, keys[1], 100, 600000, CONFIG_HEALTH_TIMEOUT_MS);
        if (e)
                (void)ini_u64(r->ini, e, r->errors, 1, 100, &retries);
        h->retries = (uint32_t)retries;
        for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
                needs(r, name, keys[i], "health", "health = /PROGRAM");
}

static void read_policy(const struct config_reading *r, const char *name, struct service_policy *p)
{
        const struct ini_entry *e = get(r, name, "restart"), *then = get(r, name, "on-failure");
        uint64_t restarts = 0;

        if (e)
                (void)ini_u64(r->ini, e, r->errors, 0, 100, &restarts);
        *p = (struct service_policy){.limited = e != NULL, .restarts = (uint8_t)restarts, .may_move = e != NULL};
        p->window_ms = read_duration(r, name, "restart-window", 10000, 24ull * 3600 * 1000, CONFIG_RESTART_WINDOW_MS);
        if (then && strcmp(then->value, "stay") == 0)
                p->may_move = false;
        else if (then && strcmp(then->value, "move") != 0)
                ini_error(r->ini, then, r->errors, "on-failure \"%s\" is not known: write move or stay", then->value);
        needs(r, name, "restart-window", "restart", "restart = NUMBER");
        needs(r, name, "on-failure", "restart", "restart = NUMBER");
}

static void read_hooks(const struct config_reading *r, const char *name, struct config_hooks *h)
{
        const struct ini_entry *e = get(r, name, "hook-timeout");

        read_command(r, name, "pre-promote", h->pre_promote);
        read_command(r, name, "post-demote", h->post_demote);
        read_command(r, name, "before-resync-target", h->before_resync_target);
        h->timeout_ms = read_duration(r, name, "hook-timeout", 100, 600000, CONFIG_HOOK_TIMEOUT_MS);
        if (e && !get(r, name, "pre-promote") && !get(r, name, "post-demote") && !get(r, name, "before-resync-target"))
                ini_error(r->ini, e, r->errors, "hook-timeout without a hook: write pre-promote = /PROGRAM below [service %s]", name);
}

void config_read_care(const struct config_reading *r, const char *name, struct config_service *s)
{
        read_health(r, name, &s->health);
        read_policy(r, name, &s->policy);
        read_hooks(r, name, &s->hooks);
}
