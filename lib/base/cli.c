/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cli.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

#define CLI_KNOWN_MAX 128  /* long options that "did you mean" looks at */
#define CLI_HELP_COLUMN 28 /* where the options' help texts start */

static const struct cli_option standard_options[] = {
    {'h', "help", NULL, "show this help and exit", CLI_HELP},
    {'V', "version", NULL, "show the version and exit", CLI_VERSION},
    {0, "print-options", NULL, NULL, CLI_PRINT_OPTIONS},
    {0, NULL, NULL, NULL, 0},
};

static int fail(struct cli_parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct cli_parser *p, const char *format, ...)
{
        char text[sizeof p->error];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        text_printable(text, p->error, sizeof p->error);
        return CLI_ERROR;
}

static const struct cli_option *find_short_in(const struct cli_option *o, char name)
{
        for (; o->id; o++)
                if (o->short_name == name)
                        return o;
        return NULL;
}

static const struct cli_option *find_short(const struct cli *cli, char name)
{
        const struct cli_option *o = find_short_in(cli->options, name);

        return o ? o : find_short_in(standard_options, name);
}

static const struct cli_option *find_long_in(const struct cli_option *o, const char *name, size_t length)
{
        for (; o->id; o++)
                if (o->long_name && strlen(o->long_name) == length && strncmp(o->long_name, name, length) == 0)
                        return o;
        return NULL;
}

static const struct cli_option *find_long(const struct cli *cli, const char *name, size_t length)
{
        const struct cli_option *o = find_long_in(cli->options, name, length);

        return o ? o : find_long_in(standard_options, name, length);
}

static size_t add_long_names(const struct cli_option *o, const char **names, size_t n)
{
        for (; o->id && n < CLI_KNOWN_MAX; o++)
                if (o->long_name && o->help)
                        names[n++] = o->long_name;
        return n;
}

static const char *nearest_long(const struct cli *cli, const char *word)
{
        const char *names[CLI_KNOWN_MAX + 1];

        size_t n = add_long_names(cli->options, names, 0);
        n = add_long_names(standard_options, names, n);
        names[n] = NULL;
        return text_nearest(word, names);
}

/* Whether all characters are short options, the last of which may take a value: "las". */
static bool is_bundle(const struct cli *cli, const char *letters)
{
        if (!*letters)
                return false;
        for (; *letters; letters++) {
                const struct cli_option *o = find_short(cli, *letters);
                if (!o || (o->value_name && letters[1]))
                        return false;
        }
        return true;
}

/* A pasted "–start" or "–las": the answer says how to type it. */
static bool check_typographic(struct cli_parser *p, const char *word)
{
        char ascii[128];

        if (!text_is_typographic(word, ascii, sizeof ascii))
                return false;
        const char *name = ascii + 2;
        bool is_long = strncmp(ascii, "--", 2) == 0;
        bool bundle = is_long && !find_long(p->cli, name, strcspn(name, "=")) && is_bundle(p->cli, name);
        (void)fail(p, "\"%s\" has a typographic character, pasted perhaps: type %s", word, ascii + (bundle ? 1 : 0));
        return true;
}

static int set_value_from_next(struct cli_parser *p, const struct cli_option *o, const char *shown)
{
        const char *next = p->index < p->argc ? p->argv[p->index] : NULL;

        if (!next)
                return fail(p, "option %s needs a value: %s %s", shown, shown, o->value_name);
        if (next[0] == '-' && next[1])
                return fail(p, "option %s needs a value, but \"%s\" follows: %s %s", shown, next, shown, o->value_name);
        p->index++;
        p->value = next;
        return o->id;
}

static int next_short(struct cli_parser *p)
{
        char letter = *p->bundle++;
        const char shown[] = {'-', letter, '\0'};
        const struct cli_option *o = find_short(p->cli, letter);

        if (!o) {
                const char *word = p->argv[p->index - 1];
                const char *nearest = word[2] ? nearest_long(p->cli, word + 1) : NULL;
                p->bundle = NULL;
                if (nearest)
                        return fail(p, "unknown option \"%s\", did you mean \"--%s\"?", word, nearest);
                if (word[2])
                        return fail(p, "unknown option \"%s\" in \"%s\", see --help", shown, word);
                return fail(p, "unknown option \"%s\", see --help", shown);
        }
        if (!o->value_name) {
                if (!*p->bundle)
                        p->bundle = NULL;
                return o->id;
        }
        const char *rest = p->bundle;
        p->bundle = NULL;
        if (!*rest)
                return set_value_from_next(p, o, shown);
        p->value = rest;
        return o->id;
}

static int next_long(struct cli_parser *p, const char *word)
{
        const char *name = word + 2;
        size_t length = strcspn(name, "=");
        const struct cli_option *o = find_long(p->cli, name, length);
        char shown[64];

        snprintf(shown, sizeof shown, "--%.*s", (int)(length < 48 ? length : 48), name);
        if (!o) {
                const char *nearest = nearest_long(p->cli, shown + 2);
                if (nearest)
                        return fail(p, "unknown option \"%s\", did you mean \"--%s\"?", shown, nearest);
                if (length > 1 && !name[length] && is_bundle(p->cli, name))
                        return fail(p, "unknown option \"%s\", did you mean \"-%s\"?", shown, name);
                return fail(p, "unknown option \"%s\", see --help", shown);
        }
        if (!o->value_name) {
                if (name[length] == '=')
                        return fail(p, "option %s takes no value", shown);
                return o->id;
        }
        if (name[length] == '=') {
                p->value = name + length + 1;
                return o->id;
        }
        return set_value_from_next(p, o, shown);
}

void cli_start(struct cli_parser *p, const struct cli *cli, int argc, char **argv)
{
        *p = (struct cli_parser){.cli = cli, .argc = argc, .argv = argv, .index = 1};
}

int cli_next(struct cli_parser *p)
{
        p->value = NULL;
        if (p->bundle)
                return next_short(p);
        if (p->index >= p->argc)
                return CLI_END;
        const char *word = p->argv[p->index++];
        if (p->options_ended) {
                p->value = word;
                return CLI_OPERAND;
        }
        if (strcmp(word, "--") == 0) {
                p->options_ended = true;
                return cli_next(p);
        }
        /* A typographic dash is never a flag here; other such characters are judged by whoever parses the value. */
        if ((unsigned char)word[0] >= 0x80 && check_typographic(p, word))
                return CLI_ERROR;
        if (word[0] != '-' || !word[1]) {
                p->value = word;
                return CLI_OPERAND;
        }
        if (word[1] != '-') {
                if ((unsigned char)word[1] >= 0x80 && check_typographic(p, word))
                        return CLI_ERROR;
                p->bundle = word + 1;
                return next_short(p);
        }
        if ((unsigned char)word[2] >= 0x80 && check_typographic(p, word))
                return CLI_ERROR;
        return next_long(p, word);
}

int cli_answer(const struct cli_parser *p, int result)
{
        switch (result) {
        case CLI_HELP:
                cli_print_help(p->cli, stdout);
                break;
        case CLI_VERSION:
                cli_print_version(p->cli, stdout);
                break;
        case CLI_PRINT_OPTIONS:
                cli_print_options(p->cli, stdout);
                break;
        case CLI_ERROR:
                fprintf(stderr, "%s: %s\n", p->cli->program, p->error);
                return CLI_EXIT_USAGE;
        default:
                return -1;
        }
        return fflush(stdout) == 0 ? 0 : 1;
}

bool cli_place(const struct cli_parser *p, int id, const struct cli_place *places)
{
        for (; places->id; places++) {
                if (places->id != id)
                        continue;
                if (places->value)
                        *places->value = p->value;
                if (places->flag)
                        *places->flag = true;
                return true;
        }
        return false;
}

/* ---- renderers of the table ---- */

/* Calls back for each documented option, the standard ones last unless the program has its own. */
static void each_option(const struct cli *cli, FILE *to, void (*print)(const struct cli_option *o, FILE *to))
{
        for (const struct cli_option *o = cli->options; o->id; o++)
                if (o->help)
                        print(o, to);
        for (const struct cli_option *o = standard_options; o->id; o++) {
                struct cli_option shown = *o;
                if (!o->help || find_long_in(cli->options, o->long_name, strlen(o->long_name)))
                        continue;
                if (find_short_in(cli->options, o->short_name))
                        shown.short_name = 0;
                print(&shown, to);
        }
}

static void print_help_line(const struct cli_option *o, FILE *to)
{
        char left[128];
        const char *value = o->value_name ? o->value_name : "";

        if (o->short_name && o->long_name)
                snprintf(left, sizeof left, "  -%c, --%s%s%s", o->short_name, o->long_name, *value ? " " : "", value);
        else if (o->short_name)
                snprintf(left, sizeof left, "  -%c%s%s", o->short_name, *value ? " " : "", value);
        else
                snprintf(left, sizeof left, "      --%s%s%s", o->long_name, *value ? " " : "", value);
        if (strlen(left) + 2 > CLI_HELP_COLUMN)
                fprintf(to, "%s\n%*s%s\n", left, CLI_HELP_COLUMN, "", o->help);
        else
                fprintf(to, "%-*s%s\n", CLI_HELP_COLUMN, left, o->help);
}

void cli_print_help(const struct cli *cli, FILE *to)
{
        const char *lead = "usage: ";

        for (const char *line = cli->usage; *line;) {
                int length = (int)strcspn(line, "\n");
                fprintf(to, "%s%.*s\n", lead, length, line);
                line += length;
                line += *line == '\n';
                lead = "       ";
        }
        fprintf(to, "\n%s: %s\n\n", cli->program, cli->summary);
        each_option(cli, to, print_help_line);
        if (cli->epilog)
                fprintf(to, "\n%s%s", cli->epilog, cli->epilog[0] && cli->epilog[strlen(cli->epilog) - 1] == '\n' ? "" : "\n");
}

void cli_print_version(const struct cli *cli, FILE *to)
{
        fprintf(to, "%s %s\n", cli->program, NBDD_VERSION);
}

static void print_option_row(const struct cli_option *o, FILE *to)
{
        if (o->short_name)
                fprintf(to, "-%c", o->short_name);
        fprintf(to, "\t%s%s\t%s\t%s\n", o->long_name ? "--" : "", o->long_name ? o->long_name : "", o->value_name ? o->value_name : "",
                o->help);
}

void cli_print_options(const struct cli *cli, FILE *to)
{
        each_option(cli, to, print_option_row);
}
