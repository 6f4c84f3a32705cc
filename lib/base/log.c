/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define LOG_LINE_MAX 2048

static const char *log_program = "nbdd";
static atomic_int log_max_level = LOG_LEVEL_INFO;
static bool log_to_journal;

/* systemd names the journal's socket as "DEVICE:INODE"; stderr may have been redirected since. */
static bool stderr_is_journal(void)
{
        const char *text = getenv("JOURNAL_STREAM");
        uintmax_t device, inode;
        struct stat st;

        return text && sscanf(text, "%ju:%ju", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
               st.st_ino == inode;
}

void log_init(const char *program, enum log_level max_level)
{
        log_program = program;
        log_max_level = (int)max_level;
        log_to_journal = stderr_is_journal();
}

void log_writev(enum log_level level, const char *format, va_list args)
{
        char line[LOG_LINE_MAX];
        int saved_errno = errno;
        size_t room = sizeof line - 1; /* the newline's place is kept */
        int prefix, text;

        if ((int)level > log_max_level)
                return;
        if (log_to_journal)
                prefix = snprintf(line, room, "<%d>%s: ", (int)level, log_program);
        else
                prefix = snprintf(line, room, "%s: ", log_program);
        if (prefix < 0 || (size_t)prefix >= room)
                return;
        errno = saved_errno; /* for %m */
        text = vsnprintf(line + prefix, room - (size_t)prefix, format, args);
        if (text < 0)
                text = 0;
        size_t length = (size_t)prefix + (size_t)text;
        if (length > room - 1) {
                length = room - 1;
                memcpy(line + length - 3, "...", 3);
        }
        /* One line stays one line, and text, whatever a peer sent: nobody forges an entry, or has journalctl show it as a "blob". */
        for (size_t i = (size_t)prefix, n; i < length; i += n ? n : 1)
                if ((n = text_character(line + i, length - i)) == 0)
                        line[i] = line[i] == '\n' || line[i] == '\t' ? ' ' : '?';
        line[length++] = '\n';
        /* There is no other place to complain. A journal that hangs with its disk costs lines, never the caller's turn. */
        if (!log_to_journal || (send(STDERR_FILENO, line, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ENOTSOCK))
                (void)!write(STDERR_FILENO, line, length);
        errno = saved_errno;
}

void log_write(enum log_level level, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        log_writev(level, format, args);
        va_end(args);
}
