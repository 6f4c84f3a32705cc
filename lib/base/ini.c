/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INI_FILE_MAX (1u << 20)
#define INI_KNOWN_MAX 128 /* rows of a schema that "did you mean" looks at */

struct ini_section {
        const char *section, *name;
        unsigned line;
};

struct ini {
        char *path;
        char *text; /* entries and sections point into it */
        struct ini_entry *entries;
        size_t entry_count, entry_room;
        struct ini_section *sections;
        size_t section_count, section_room;
};

/* The state of one ini_parse(). */
struct parse {
        struct ini *ini;
        const struct ini_schema *schema;
        struct ini_errors *errors;
        struct ini_section current;
        bool in_section; /* a header was seen, even a bad one: its keys do not get a second error each */
        bool ignore;     /* the header was bad */
        unsigned line;
};

static void reportv(const char *path, unsigned line, unsigned column, struct ini_errors *errors, const char *format, va_list args)
    __attribute__((format(printf, 5, 0)));
static void reportv(const char *path, unsigned line, unsigned column, struct ini_errors *errors, const char *format, va_list args)
{
        char text[512], message[1024], shown[1024];

        vsnprintf(text, sizeof text, format, args);
        snprintf(message, sizeof message, "%s:%u:%u: %s", path, line, column, text);
        errors->count++;
        if (errors->report)
                errors->report(errors->userdata, text_printable(message, shown, sizeof shown));
}

static void parse_error(struct parse *p, unsigned column, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void parse_error(struct parse *p, unsigned column, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        reportv(p->ini->path, p->line, column, p->errors, format, args);
        va_end(args);
}

void ini_error(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        reportv(ini->path, e->line, e->column, errors, format, args);
        va_end(args);
}

/* Column of `at` in the line, counted in characters (UTF-8), from 1. */
static unsigned column_of(const char *line, const char *at)
{
        unsigned column = 1;

        for (; line < at; line++)
                if (((unsigned char)*line & 0xc0) != 0x80)
                        column++;
        return column;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

static char *trim(char *start, char *end)
{
        while (start < end && is_blank(*start))
                start++;
        while (end > start && is_blank(end[-1]))
                end--;
        *end = '\0';
        return start;
}

/* Where a comment begins in a line that has something in front of it, or the line's end. */
static char *comment_at(char *line, char *end)
{
        for (char *p = line; p < end; p++)
                if ((*p == '#' || *p == ';') && (p == line || is_blank(p[-1])))
                        return p;
        return end;
}

static bool is_word(const char *text)
{
        return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] == '\0';
}

/* Room for one more element; NULL when out of memory. */
static void *grow(void *items, size_t count, size_t *room, size_t item_size)
{
        if (count < *room)
                return items;
        size_t more = *room ? *room * 2 : 16;
        void *grown = reallocarray(items, more, item_size);
        if (grown)
                *room = more;
        return grown;
}

/* ---- schema ---- */

static const struct ini_schema *schema_section(const struct ini_schema *schema, const char *section)
{
        for (; schema->section; schema++)
                if (strcmp(schema->section, section) == 0)
                        return schema;
        return NULL;
}

static const struct ini_schema *schema_key(const struct ini_schema *schema, const char *section, const char *key)
{
        for (; schema->section; schema++)
                if (strcmp(schema->section, section) == 0 && schema->key && strcmp(schema->key, key) == 0)
                        return schema;
        return NULL;
}

/* The nearest section name (section == NULL) or key of a section. */
static const char *schema_nearest(const struct ini_schema *schema, const char *section, const char *word)
{
        const char *known[INI_KNOWN_MAX + 1];
        size_t n = 0;

        for (; schema->section && n < INI_KNOWN_MAX; schema++) {
                if (!section)
                        known[n++] = schema->section;
                else if (strcmp(schema->section, section) == 0 && schema->key)
                        known[n++] = schema->key;
        }
        known[n] = NULL;
        return text_nearest(word, known);
}

/* ---- parser ---- */

static bool check_section(struct parse *p, unsigned column, const char *section, const char *name)
{
        if (!p->schema)
                return true;
        const struct ini_schema *row = schema_section(p->schema, section);
        if (!row) {
                const char *nearest = schema_nearest(p->schema, NULL, section);
                if (nearest)
                        parse_error(p, column, "unknown section \"%s\", did you mean \"%s\"?", section, nearest);
                else
                        parse_error(p, column, "unknown section \"%s\"", section);
                return false;
        }
        if (row->named && !*name) {
                parse_error(p, column, "section \"%s\" needs a name: write [%s NAME]", section, section);
                return false;
        }
        if (!row->named && *name) {
                parse_error(p, column, "section \"%s\" has no name: write [%s]", section, section);
                return false;
        }
        return true;
}

/* `line` starts with "[" at `start`; `end` is where the line ends. */
static int parse_section(struct parse *p, const char *line, char *start, char *end)
{
        unsigned column = column_of(line, start);

        p->in_section = true;
        p->ignore = true;
        if (end[-1] != ']' || end - start < 2) {
                parse_error(p, column, "section without its closing \"]\"");
                return 0;
        }
        char *section = trim(start + 1, end - 1);
        char *name = section + strcspn(section, " \t");
        if (*name) {
                *name++ = '\0';
                name += strspn(name, " \t");
        }
        if (!is_word(section) || (*name && !is_word(name))) {
                parse_error(p, column, "a section is written [section] or [section NAME] with letters, digits, \"_\", \"-\" and \".\"");
                return 0;
        }
        if (!check_section(p, column, section, name))
                return 0;
        p->ignore = false;
        p->current = (struct ini_section){section, name, p->line};
        if (ini_has_section(p->ini, section, name))
                return 0;
        struct ini_section *grown =
            grow(p->ini->sections, p->ini->section_count, &p->ini->section_room, sizeof *p->ini->sections);
        if (!grown)
                return -ENOMEM;
        p->ini->sections = grown;
        grown[p->ini->section_count++] = p->current;
        return 0;
}

static bool check_key(struct parse *p, unsigned column, const char *key)
{
        if (!p->schema)
                return true;
        const struct ini_schema *row = schema_key(p->schema, p->current.section, key);
        if (!row) {
                const char *nearest = schema_nearest(p->schema, p->current.section, key);
                if (nearest)
                        parse_error(p, column, "unknown key \"%s\" in section \"%s\", did you mean \"%s\"?", key, p->current.section,
                                    nearest);
                else
                        parse_error(p, column, "unknown key \"%s\" in section \"%s\"", key, p->current.section);
                return false;
        }
        const struct ini_entry *earlier = ini_get(p->ini, p->current.section, p->current.name, key, 0);
        if (!row->repeats && earlier) {
                parse_error(p, column, "\"%s\" is set already in line %u", key, earlier->line);
                return false;
        }
        return true;
}

static int parse_key(struct parse *p, const char *line, char *start, char *end)
{
        unsigned column = column_of(line, start);
        char *equals = memchr(start, '=', (size_t)(end - start));

        if (!p->in_section) {
                parse_error(p, column, "this line stands before the first [section]");
                return 0;
        }
        if (p->ignore)
                return 0;
        if (!equals) {
                parse_error(p, column, "expected \"key = value\" or \"[section]\"");
                return 0;
        }
        char *value = trim(equals + 1, end);
        unsigned value_column = column_of(line, value);
        char *key = trim(start, equals);
        if (!is_word(key)) {
                parse_error(p, column, "\"%s\" is not a key", key);
                return 0;
        }
        if (!check_key(p, column, key))
                return 0;
        struct ini_entry *grown = grow(p->ini->entries, p->ini->entry_count, &p->ini->entry_room, sizeof *p->ini->entries);
        if (!grown)
                return -ENOMEM;
        p->ini->entries = grown;
        grown[p->ini->entry_count++] = (struct ini_entry){
            .section = p->current.section,
            .section_name = p->current.name,
            .key = key,
            .value = value,
            .line = p->line,
            .column = value_column,
        };
        return 0;
}

static int parse_text(struct parse *p, char *text)
{
        int r = 0;

        if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
                text += 3;
        for (char *line = text; r == 0 && *line;) {
                char *end = line + strcspn(line, "\n");
                char *next = *end ? end + 1 : end;

                p->line++;
                *end = '\0';
                char *start = trim(line, comment_at(line, end));
                end = start + strlen(start);
                if (*start == '[')
                        r = parse_section(p, line, start, end);
                else if (*start)
                        r = parse_key(p, line, start, end);
                line = next;
        }
        return r;
}

struct ini *ini_parse(const char *path, const char *text, const struct ini_schema *schema, struct ini_errors *errors)
{
        struct ini *ini = calloc(1, sizeof *ini);

        if (!ini)
                return NULL;
        ini->path = strdup(path);
        ini->text = strdup(text);
        struct parse p = {.ini = ini, .schema = schema, .errors = errors};
        if (!ini->path || !ini->text || parse_text(&p, ini->text) < 0) {
                ini_free(ini);
                return NULL;
        }
        return ini;
}

/* Reads a regular file of up to INI_FILE_MAX bytes; on error *ret_reason is why. */
static char *read_text(const char *path, const char **ret_reason)
{
        struct stat st;
        size_t size = 0;
        char *text = NULL;

        *ret_reason = NULL;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                *ret_reason = strerror(errno);
        else if (!S_ISREG(st.st_mode))
                *ret_reason = "it is not a regular file";
        else if (st.st_size > (off_t)INI_FILE_MAX)
                *ret_reason = "it is larger than 1 MiB";
        else if (!(text = malloc((size_t)st.st_size + 1)))
                *ret_reason = strerror(ENOMEM);
        while (!*ret_reason && size < (size_t)st.st_size) {
                ssize_t n = read(fd, text + size, (size_t)st.st_size - size);
                if (n < 0 && errno != EINTR)
                        *ret_reason = strerror(errno);
                else if (n == 0)
                        break;
                else if (n > 0)
                        size += (size_t)n;
        }
        if (!*ret_reason && memchr(text, '\0', size))
                *ret_reason = "it is not text (it has a NUL byte)";
        if (fd >= 0)
                close(fd);
        if (*ret_reason) {
                free(text);
                return NULL;
        }
        text[size] = '\0';
        return text;
}

struct ini *ini_load(const char *path, const struct ini_schema *schema, struct ini_errors *errors)
{
        const char *reason;
        char message[1024];
        char *text = read_text(path, &reason);

        if (!text) {
                errors->count++;
                snprintf(message, sizeof message, "%s: cannot read the configuration: %s", path, reason);
                if (errors->report)
                        errors->report(errors->userdata, message);
                return NULL;
        }
        struct ini *ini = ini_parse(path, text, schema, errors);
        free(text);
        return ini;
}

void ini_free(struct ini *ini)
{
        if (!ini)
                return;
        free(ini->sections);
        free(ini->entries);
        free(ini->text);
        free(ini->path);
        free(ini);
}

/* ---- look-up ---- */

const struct ini_entry *ini_at(const struct ini *ini, size_t index)
{
        return index < ini->entry_count ? &ini->entries[index] : NULL;
}

const struct ini_entry *ini_get(const struct ini *ini, const char *section, const char *section_name, const char *key, size_t index)
{
        for (size_t i = 0; i < ini->entry_count; i++) {
                const struct ini_entry *e = &ini->entries[i];
                if (strcmp(e->key, key) == 0 && strcmp(e->section, section) == 0 && strcmp(e->section_name, section_name) == 0 &&
                    index-- == 0)
                        return e;
        }
        return NULL;
}

const char *ini_section_name(const struct ini *ini, const char *section, size_t index)
{
        for (size_t i = 0; i < ini->section_count; i++)
                if (strcmp(ini->sections[i].section, section) == 0 && index-- == 0)
                        return ini->sections[i].name;
        return NULL;
}

unsigned ini_section_line(const struct ini *ini, const char *section, const char *section_name)
{
        for (size_t i = 0; i < ini->section_count; i++)
                if (strcmp(ini->sections[i].section, section) == 0 && strcmp(ini->sections[i].name, section_name) == 0)
                        return ini->sections[i].line;
        return 0;
}

bool ini_has_section(const struct ini *ini, const char *section, const char *section_name)
{
        return ini_section_line(ini, section, section_name) != 0;
}
