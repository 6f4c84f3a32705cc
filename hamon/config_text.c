/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/config_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t line_length(const char *line)
{
        const char *end = strchr(line, '\n');
        return end ? (size_t)(end - line) + 1 : strlen(line);
}

static const char *skip_blanks(const char *p)
{
        return p + strspn(p, " \t");
}

static bool is_header(const char *line)
{
        return *skip_blanks(line) == '[';
}

/* "[section]" or "[section name]", with any blanks. */
static bool is_header_of(const char *line, const char *section, const char *name)
{
        const char *p = skip_blanks(line);
        if (*p++ != '[')
                return false;
        p = skip_blanks(p);
        if (strncmp(p, section, strlen(section)) != 0)
                return false;
        p += strlen(section);
        if (*name && *p != ' ' && *p != '\t')
                return false;
        p = skip_blanks(p);
        if (strncmp(p, name, strlen(name)) != 0)
                return false;
        return *skip_blanks(p + strlen(name)) == ']';
}

static bool is_key(const char *line, const char *key)
{
        const char *p = skip_blanks(line);
        return strncmp(p, key, strlen(key)) == 0 && *skip_blanks(p + strlen(key)) == '=';
}

/* Where a section's lines begin; *ret_header: its own. NULL: there is none. */
static const char *find_section(const char *text, const char *section, const char *name, const char **ret_header)
{
        for (const char *line = text; *line; line += line_length(line))
                if (is_header_of(line, section, name)) {
                        *ret_header = line;
                        return line + line_length(line);
                }
        return NULL;
}

static const char *end_of_section(const char *body)
{
        while (*body && !is_header(body))
                body += line_length(body);
        return body;
}

/* Comments and empty lines right before the next header belong to that one. */
static const char *end_of_own_lines(const char *body)
{
        const char *end = body;
        for (const char *line = body; *line && !is_header(line); line += line_length(line)) {
                const char *p = skip_blanks(line);
                if (*p != '\n' && *p != '#' && *p != ';' && *p)
                        end = line + line_length(line);
        }
        return end;
}

/* text[0..from) + middle + text[to..) */
static char *splice(const char *text, const char *from, const char *middle, const char *to)
{
        size_t head = (size_t)(from - text), n = strlen(middle), tail = strlen(to);
        bool needs_end = head > 0 && n > 0 && from[-1] != '\n'; /* a file whose last line has no end */
        char *ret = malloc(head + n + tail + 2);
        if (!ret)
                return NULL;
        memcpy(ret, text, head);
        if (needs_end)
                ret[head++] = '\n';
        memcpy(ret + head, middle, n);
        memcpy(ret + head + n, to, tail + 1);
        return ret;
}

char *config_text_with_word(const char *text, const char *section, const char *name, const char *key, const char *value)
{
        const char *header, *body = find_section(text, section, name, &header);
        char line[192] = "";
        if (value)
                (void)snprintf(line, sizeof line, "%.30s = %.128s\n", key, value); /* fits what has a place in a configuration's names */
        if (!body)
                return strdup(text);
        for (const char *p = body, *end = end_of_section(body); p < end; p += line_length(p))
                if (is_key(p, key))
                        return splice(text, p, line, p + line_length(p));
        return splice(text, body, line, body);
}

char *config_text_with_value(const char *text, const char *section, const char *name, const char *key, uint64_t value)
{
        char word[24];
        (void)snprintf(word, sizeof word, "%" PRIu64, value); /* fits */
        return config_text_with_word(text, section, name, key, word);
}

static bool is_value(const char *line, const char *value)
{
        const char *p = skip_blanks(strchr(line, '=') + 1);
        size_t n = strlen(value);
        return strncmp(p, value, n) == 0 && (p[n] == '\0' || strchr(" \t\r\n", p[n]));
}

char *config_text_with_changed(const char *text, const char *section, const char *name, const char *key, const char *old, const char *value)
{
        const char *header, *body = find_section(text, section, name, &header);
        char line[192];
        (void)snprintf(line, sizeof line, "%.30s = %.128s\n", key, value); /* fits */
        for (const char *p = body, *end = body ? end_of_section(body) : NULL; p && p < end; p += line_length(p))
                if (is_key(p, key) && is_value(p, old))
                        return splice(text, p, line, p + line_length(p)); /* no value stands there twice */
        return strdup(text);
}

char *config_text_with_name(const char *text, const char *section, const char *name, const char *new_name)
{
        const char *header = NULL, *body = find_section(text, section, name, &header);
        char head[128];
        if (!body)
                return strdup(text);
        (void)snprintf(head, sizeof head, "[%.32s %.64s]", section, new_name); /* longer names are none of ours */
        return splice(text, header, head, strchr(header, ']') + 1);
}

char *config_text_with_version(const char *text, uint64_t version)
{
        return config_text_with_value(text, "cluster", "", "version", version); /* without [cluster] it is no configuration: config_parse() says so */
}

char *config_text_with_section(const char *text, const char *section, const char *name, const char *body)
{
        const char *header, *old = find_section(text, section, name, &header);
        char head[128];
        if (old && !body)
                return splice(text, header, "", end_of_own_lines(old));
        if (old)
                return splice(text, old, body, end_of_own_lines(old));
        if (!body)
                return strdup(text);
        (void)snprintf(head, sizeof head, "\n[%.32s %.64s]\n", section, name); /* longer names are none of ours, and are refused when this is read */
        size_t n = strlen(head) + strlen(body) + 1;
        char *both = malloc(n);
        if (!both)
                return NULL;
        (void)snprintf(both, n, "%s%s", head, body);
        const char *end = text + strlen(text);
        char *ret = splice(text, end, both, end);
        free(both);
        return ret;
}
