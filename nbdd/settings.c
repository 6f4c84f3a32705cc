/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The changeable settings of an export. See settings.h. */
#include "nbdd/settings.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const policies[WRITERS_COUNT] = {"shared", "refuse", "readonly", "fence"};

const char *writer_policy_text(enum writer_policy policy)
{
        return policies[policy];
}

int settings_init(struct export_settings *s)
{
        *s = (struct export_settings){.description = strdup(""), .aliases = strdup(""), .allow = strdup("")};
        if (s->description && s->aliases && s->allow)
                return 0;
        settings_release(s);
        return -ENOMEM;
}

void settings_release(struct export_settings *s)
{
        free(s->description);
        free(s->aliases);
        free(s->allow);
        *s = (struct export_settings){0};
}

int settings_copy(const struct export_settings *from, struct export_settings *ret)
{
        *ret = (struct export_settings){.writers = from->writers,
                                        .hidden = from->hidden,
                                        .description = strdup(from->description),
                                        .aliases = strdup(from->aliases),
                                        .allow = strdup(from->allow)};
        if (ret->description && ret->aliases && ret->allow)
                return 0;
        settings_release(ret);
        return -ENOMEM;
}

/* Letters first, so that no alias can be taken for an id. */
static const char *check_alias(const char *word)
{
        if (!isalpha((unsigned char)word[0]))
                return "must begin with a letter";
        if (strlen(word) > SETTINGS_ALIAS_MAX)
                return "is longer than 64 bytes";
        for (const char *c = word; *c; c++)
                if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
                        return "may have letters, digits, \".\", \"_\" and \"-\"";
        return NULL;
}

/* Rewrites `text` with one blank between its words. */
static const char *check_aliases(char *text, char *ret_shown, size_t shown_size)
{
        char *rest = text, *out = text, *word;
        size_t count = 0;

        while ((word = strsep(&rest, " \t,"))) {
                if (!*word)
                        continue;
                size_t n = strlen(word);
                (void)snprintf(ret_shown, shown_size, "%s", word);
                const char *wrong = ++count > SETTINGS_ALIASES_MAX ? "is one alias too many (8)" : check_alias(word);
                if (wrong)
                        return wrong;
                if (count > 1)
                        *out++ = ' ';
                memmove(out, word, n);
                out += n;
        }
        *out = '\0';
        return NULL;
}

static int set_aliases(struct export_settings *s, const char *value, char *reason, size_t reason_size)
{
        char *copy = strdup(value), shown[80];
        const char *wrong = copy ? check_aliases(copy, shown, sizeof shown) : NULL;

        if (!copy || wrong) {
                if (wrong)
                        (void)snprintf(reason, reason_size, "aliases: \"%s\" %s", shown, wrong);
                else
                        (void)snprintf(reason, reason_size, "out of memory");
                free(copy);
                return wrong ? -EINVAL : -ENOMEM;
        }
        free(s->aliases);
        s->aliases = copy;
        return 0;
}

static bool is_utf8(const char *text)
{
        json_t *j = json_string(text);
        json_decref(j);
        return j;
}

static int set_text(char **member, const char *value, char *reason, size_t reason_size)
{
        char *copy = strdup(value);

        if (!is_utf8(value)) {
                (void)snprintf(reason, reason_size, "\"%.60s\" is not UTF-8", value);
                free(copy);
                return -EINVAL;
        }
        if (!copy) {
                (void)snprintf(reason, reason_size, "out of memory");
                return -ENOMEM;
        }
        free(*member);
        *member = copy;
        return 0;
}

static int set_writers(struct export_settings *s, const char *value, char *reason, size_t reason_size)
{
        for (unsigned i = 0; i < WRITERS_COUNT; i++) {
                if (strcmp(value, policies[i]) == 0) {
                        s->writers = (enum writer_policy)i;
                        return 0;
                }
        }
        (void)snprintf(reason, reason_size, "writers: \"%.60s\" must be shared, refuse, readonly or fence", value);
        return -EINVAL;
}

static int set_allow(struct export_settings *s, const char *value, char *reason, size_t reason_size)
{
        struct allow_list list;
        int r = allow_parse(value, &list, reason, reason_size);

        if (r < 0)
                return r;
        allow_release(&list);
        return set_text(&s->allow, value, reason, reason_size);
}

static int set_description(struct export_settings *s, const char *value, char *reason, size_t reason_size)
{
        if (strlen(value) > SETTINGS_DESCRIPTION_MAX) {
                (void)snprintf(reason, reason_size, "description: longer than %u bytes", SETTINGS_DESCRIPTION_MAX);
                return -EINVAL;
        }
        for (const char *c = value; *c; c++) {
                if (iscntrl((unsigned char)*c)) {
                        (void)snprintf(reason, reason_size, "description: must be one line without control characters");
                        return -EINVAL;
                }
        }
        return set_text(&s->description, value, reason, reason_size);
}

int settings_set(struct export_settings *s, const char *key, const char *value, char *reason, size_t reason_size)
{
        if (strcmp(key, "writers") == 0)
                return set_writers(s, value, reason, reason_size);
        if (strcmp(key, "description") == 0)
                return set_description(s, value, reason, reason_size);
        if (strcmp(key, "aliases") == 0)
                return set_aliases(s, value, reason, reason_size);
        if (strcmp(key, "allow") == 0)
                return set_allow(s, value, reason, reason_size);
        (void)snprintf(reason, reason_size, "no such setting: \"%.60s\"", key);
        return -EINVAL;
}

bool settings_alias(const struct export_settings *s, size_t index, const char **ret, size_t *ret_bytes)
{
        const char *word = s->aliases;

        for (; *word; word += strspn(word, " ")) {
                size_t n = strcspn(word, " ");
                if (index-- == 0) {
                        *ret = word;
                        *ret_bytes = n;
                        return true;
                }
                word += n;
        }
        return false;
}

bool settings_has_alias(const struct export_settings *s, const char *name, size_t name_bytes)
{
        const char *alias;
        size_t n;

        for (size_t i = 0; settings_alias(s, i, &alias, &n); i++)
                if (n == name_bytes && memcmp(alias, name, n) == 0)
                        return true;
        return false;
}
