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
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

#define LOG_LINE_MAX 2048

static const char *log_program = "nbdd";
static atomic_int log_max_level = LOG_LEVEL_INFO;
static bool log_to_journal;

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define JOURNAL_SOCKET_ENV "NBDD_JOURNAL_SOCKET" /* for tests */

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

/* "NAME=VALUE\n" behind what is there; control characters become "?", so that nobody forges a field. False: no room. */
static bool add_field(char *entry, size_t size, size_t *length, const char *name, const char *value)
{
        int n = snprintf(entry + *length, size - *length, "%s=%s\n", name, value);
        if (n < 0 || (size_t)n >= size - *length)
                return false;
        for (size_t i = *length; i + 1 < *length + (size_t)n; i++)
                if ((unsigned char)entry[i] < 0x20 || entry[i] == 0x7f)
                        entry[i] = '?';
        *length += (size_t)n;
        return true;
}

/* False: it was not taken. */
static bool send_native(enum log_level level, const char *text, const struct log_field *fields, size_t count)
{
        const char *path = getenv(JOURNAL_SOCKET_ENV);
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        char entry[LOG_LINE_MAX * 2], line[LOG_LINE_MAX], digit[4];
        size_t length = 0;
        int fd;

        (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", path ? path : JOURNAL_SOCKET); /* a cut one is no socket */
        (void)snprintf(line, sizeof line, "%s: %s", log_program, text);                      /* a cut line is still one */
        (void)snprintf(digit, sizeof digit, "%d", (int)level);
        bool whole = add_field(entry, sizeof entry, &length, "MESSAGE", line) && add_field(entry, sizeof entry, &length, "PRIORITY", digit) &&
                     add_field(entry, sizeof entry, &length, "SYSLOG_IDENTIFIER", log_program);
        for (size_t i = 0; i < count && whole; i++)
                whole = !fields[i].value[0] || add_field(entry, sizeof entry, &length, fields[i].name, fields[i].value);
        fd = whole ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
        if (fd < 0)
                return false;
        bool sent = sendto(fd, entry, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to) == (ssize_t)length;
        (void)close(fd);
        return sent;
}

void log_write_fields(enum log_level level, const char *text, const struct log_field *fields, size_t count)
{
        if ((int)level > log_max_level)
                return;
        if (!log_to_journal || !send_native(level, text, fields, count))
                log_write(level, "%s", text);
}
