/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command lines from one table: the same table parses, prints --help, and generates the shell completion and the man page's option list.
 *
 * An option is "-x", "--name" or both, with or without a value; short ones may be bundled ("-las"). "--" ends options. `--help` and
 * `--version` are handled for every program. Errors are one line on the caller's buffer, with "did you mean" and, for pasted
 * typographic characters, the ASCII spelling. Does not exit or print by itself.
 */
#ifndef NBDD_BASE_CLI_H
#define NBDD_BASE_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cli_option {
        char short_name;         /* 0: none */
        const char *long_name;   /* NULL: none */
        const char *value_name;  /* NULL: a flag; else e.g. "DEV" */
        const char *help;        /* one line; NULL marks an undocumented alias */
        int id;                  /* what cli_next() returns, > 0 */
};

struct cli {
        const char *program;  /* "nbdd" */
        const char *summary;  /* one line */
        const char *usage;    /* lines after "usage: ", each complete, NUL-separated by newline */
        const char *epilog;   /* examples, exit codes; may be NULL */
        const struct cli_option *options; /* ends with id == 0 */
};

enum { CLI_END = 0, CLI_ERROR = -1, CLI_OPERAND = -2, CLI_HELP = -3, CLI_VERSION = -4 };

struct cli_parser {
        const struct cli *cli;
        int argc;
        char **argv;
        int index;
        const char *bundle;   /* rest of a bundle of short options */
        bool options_ended;
        const char *value;    /* of the last option or operand */
        char error[512];
};

void cli_start(struct cli_parser *p, const struct cli *cli, int argc, char **argv);

/* Next option's id, CLI_OPERAND (value set), CLI_HELP, CLI_VERSION, CLI_END, or CLI_ERROR (error set). */
int cli_next(struct cli_parser *p);

void cli_print_help(const struct cli *cli, FILE *to);
void cli_print_version(const struct cli *cli, FILE *to);

/* Machine-readable table ("SHORT\tLONG\tVALUE\tHELP" lines): what completions and man pages are generated from (--print-options). */
void cli_print_options(const struct cli *cli, FILE *to);

#endif
