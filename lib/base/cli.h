/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command lines from one table: the same table parses, prints --help, and generates the shell completion and the man page's option list.
 *
 * An option is "-x", "--name" or both, with or without a value ("-d DEV", "-dDEV", "--dev DEV", "--dev=DEV"; a value that starts with
 * "-" must be attached); short ones may be bundled ("-las"). "--" ends options. `--help` (`-h`), `--version` (`-V`) and the undocumented
 * `--print-options` are known for every program, unless its own table has them. Errors are one line in the parser's buffer, with "did
 * you mean" and, for pasted typographic characters, the ASCII spelling. Does not exit; only the functions named print or answer print.
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
        const char *usage;    /* lines after "usage: ", each complete, separated by newlines */
        const char *epilog;   /* examples, exit codes; may be NULL */
        const struct cli_option *options; /* ends with id == 0 */
};

enum { CLI_END = 0, CLI_ERROR = -1, CLI_OPERAND = -2, CLI_HELP = -3, CLI_VERSION = -4, CLI_PRINT_OPTIONS = -5 };

#define CLI_EXIT_USAGE 2

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

/* Next option's id, CLI_OPERAND (value set), CLI_HELP, CLI_VERSION, CLI_PRINT_OPTIONS, CLI_END, or CLI_ERROR (error set). */
int cli_next(struct cli_parser *p);

/*
 * What every program does with help, version, option table and error: prints help, version or the option table on stdout, or "PROGRAM: error" on stderr.
 * Returns the exit status (0 or CLI_EXIT_USAGE) for these, -1 for any other `result`, which the caller handles.
 */
int cli_answer(const struct cli_parser *p, int result);

/* Where an option's value goes, or that it was given: the part of a command line that needs no code. A table of them ends with id 0. */
struct cli_place {
        int id;
        const char **value; /* NULL: a flag */
        bool *flag;         /* NULL: a value */
};

/* True: `id`, the option that cli_next() returned last, has its place in the table and went there. */
bool cli_place(const struct cli_parser *p, int id, const struct cli_place *places);

void cli_print_help(const struct cli *cli, FILE *to);
void cli_print_version(const struct cli *cli, FILE *to);

/* Machine-readable table ("SHORT\tLONG\tVALUE\tHELP" lines): what completions and man pages are generated from (--print-options). */
void cli_print_options(const struct cli *cli, FILE *to);

#endif
