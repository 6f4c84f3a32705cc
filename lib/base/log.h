/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log lines of a daemon: one line each on stderr, "PROGRAM: text", with systemd's "<N>" priority in front when stderr is the journal.
 *
 * Called by programs (main, drivers), never by libraries or by hamon/core. Thread-safe: one write(2) a line. A
 * journal that takes no more costs lines: it never holds up the caller. A line that carries a reason
 * code starts with it in brackets: "hamon: [peer-lost] ...".
 */
#ifndef NBDD_BASE_LOG_H
#define NBDD_BASE_LOG_H

#include <stdarg.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Name in front of each line, and the highest level that is printed (default LOG_LEVEL_INFO). `program` must outlive the process's use. */
void log_init(const char *program, enum log_level max_level);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_writev(enum log_level level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/*
 * The same line with fields of its own beside it, in the journal's native form, where stderr is the journal; a field with an empty value is left out.
 * Elsewhere, and when the journal does not take it at once: the line alone.
 */
struct log_field {
        const char *name, *value; /* NAME as the journal wants it: capitals, digits, underscores */
};
void log_write_fields(enum log_level level, const char *text, const struct log_field *fields, size_t count);

#define log_error(...) log_write(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
