/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/event_file.h"

#include "hamon/api/json_take.h"
#include "hamon/api/words.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUM_DIGITS = 16, LINE_MAX_BYTES = 4096, READ_MAX_BYTES = EVENT_FILE_LINES_MAX * LINE_MAX_BYTES };

/* ---- one line ---- */

static bool checksum(const char *text, size_t size, char ret[SUM_DIGITS + 1])
{
        unsigned char digest[32];
        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, size, digest) < 0)
                return false;
        for (int i = 0; i < SUM_DIGITS / 2; i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", digest[i]); /* fits */
        return true;
}

char *event_line_encode(const struct event_entry *e)
{
        char sum[SUM_DIGITS + 1], *line = NULL;
        json_t *j = json_pack("{s:s, s:o, s:I, s:o, s:s, s:s, s:s, s:s, s:o, s:s}", "log", e->log, "id", json_of_u64(e->id), "wall_ms",
                              (json_int_t)e->wall_ms, "boot_ms", json_of_u64(e->boot_ms), "reason", e->code, "severity", severity_word(e->severity),
                              "mirror", e->mirror, "node", e->node, "number", json_of_u64(e->number), "sentence", e->sentence);
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        json_decref(j);
        if (text && checksum(text, strlen(text), sum) && asprintf(&line, "%s %s", sum, text) < 0)
                line = NULL;
        free(text);
        return line;
}

static bool take_text(struct json_take *t, const char *key, char *to, size_t size)
{
        const char *text = json_take_string(t, key);
        return snprintf(to, size, "%s", text) < (int)size;
}

bool event_line_decode(const char *line, size_t size, struct event_entry *ret)
{
        char sum[SUM_DIGITS + 1], severity[16];
        struct event_entry e = {0};
        if (size <= SUM_DIGITS + 1 || line[SUM_DIGITS] != ' ' || !checksum(line + SUM_DIGITS + 1, size - SUM_DIGITS - 1, sum) ||
            memcmp(sum, line, SUM_DIGITS) != 0)
                return false;
        json_t *j = json_loadb(line + SUM_DIGITS + 1, size - SUM_DIGITS - 1, JSON_REJECT_DUPLICATES, NULL);
        struct json_take t = json_take_from(j);
        e.id = json_take_u64(&t, "id");
        e.wall_ms = json_take_int(&t, "wall_ms", 0, INT64_MAX);
        e.boot_ms = json_take_u64(&t, "boot_ms");
        e.number = json_take_u64(&t, "number");
        bool fits = take_text(&t, "log", e.log, sizeof e.log) && take_text(&t, "reason", e.code, sizeof e.code) &&
                    take_text(&t, "severity", severity, sizeof severity) && take_text(&t, "mirror", e.mirror, sizeof e.mirror) &&
                    take_text(&t, "node", e.node, sizeof e.node) && take_text(&t, "sentence", e.sentence, sizeof e.sentence);
        bool known = false;
        for (enum severity s = SEVERITY_OK; s <= SEVERITY_CRITICAL; s++)
                if (strcmp(severity, severity_word(s)) == 0) {
                        e.severity = s;
                        known = true;
                }
        bool good = json_take_end(&t) == 0 && fits && known && e.id > 0 && strlen(e.log) == EVENT_LOG_NAME_SIZE - 1;
        json_decref(j);
        if (good)
                *ret = e;
        return good;
}

/* ---- the file ---- */

static int whole_write(int fd, const char *text, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, text, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                text += n;
                size -= (size_t)n;
        }
        return 0;
}

/* The end of the file, when it is longer than it can be. */
static char *read_file(int fd, size_t *ret_size)
{
        struct stat st;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return NULL;
        size_t size = st.st_size > READ_MAX_BYTES ? READ_MAX_BYTES : (size_t)st.st_size, used = 0;
        char *text = malloc(size + 1);
        while (text && used < size) {
                ssize_t n = pread(fd, text + used, size - used, st.st_size - (off_t)(size - used));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        free(text);
                        return NULL;
                }
                used += (size_t)n;
        }
        *ret_size = used;
        return text;
}

void event_file_load(struct event_file *f, const char *directory, struct event_log *l)
{
        size_t size = 0;
        *f = (struct event_file){.fd = -1, .unsure = true}; /* until it is known to be whole, it is replaced */
        (void)snprintf(f->path, sizeof f->path, "%s/events", directory); /* one that does not fit cannot be opened either */
        int fd = open(f->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        char *text = fd >= 0 ? read_file(fd, &size) : NULL;
        if (!text) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        char *line = text, *end = text + size;
        while (line < end) {
                char *newline = memchr(line, '\n', (size_t)(end - line));
                struct event_entry e;
                if (newline && event_line_decode(line, (size_t)(newline - line), &e))
                        event_log_restore(l, &e);
                else
                        f->damaged++;
                f->lines++;
                line = newline ? newline + 1 : end;
        }
        free(text);
        f->fd = fd;
        f->size = (long long)size;
        f->unsure = f->damaged > 0;
}

void event_file_close(struct event_file *f)
{
        if (f->fd >= 0)
                close(f->fd);
        f->fd = -1;
}

static int sync_directory(const char *path)
{
        char folder[CONFIG_PATH_SIZE];
        (void)snprintf(folder, sizeof folder, "%s", path); /* fits */
        char *slash = strrchr(folder, '/');
        if (!slash)
                return -EINVAL;
        *slash = '\0';
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
        if (fd >= 0)
                close(fd);
        return r;
}

/* The lines of the events above `since`; `*ret_lines` counts those that could be written. NULL: no memory. */
static char *render(struct event_log *l, uint64_t since, uint64_t *ret_last, size_t *ret_size, unsigned *ret_lines)
{
        struct event_entry e;
        char *text = NULL;
        *ret_last = since;
        *ret_lines = 0;
        FILE *to = open_memstream(&text, ret_size);
        if (!to)
                return NULL;
        for (unsigned i = 0; i < EVENT_LOG_SIZE && event_log_next(l, *ret_last, &e); i++) {
                char *line = event_line_encode(&e);
                if (line) {
                        fprintf(to, "%s\n", line);
                        ++*ret_lines;
                }
                free(line);
                *ret_last = e.id;
        }
        if (fclose(to) == 0)
                return text;
        free(text);
        return NULL;
}

/* A new file with all that the log has, in the place of the old one: whole, or not at all. */
static int replace(struct event_file *f, struct event_log *l, uint64_t *written)
{
        char path[CONFIG_PATH_SIZE + 8];
        uint64_t last;
        size_t size;
        unsigned lines;
        char *text = render(l, 0, &last, &size, &lines);
        if (!text)
                return -ENOMEM;
        (void)snprintf(path, sizeof path, "%s.new", f->path); /* fits */
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r = fd < 0 ? -errno : whole_write(fd, text, size);
        free(text);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r == 0 && rename(path, f->path) < 0)
                r = -errno;
        if (r < 0) {
                if (fd >= 0) {
                        close(fd);
                        (void)unlink(path); /* room for others */
                }
                return r;
        }
        event_file_close(f);
        *f = (struct event_file){.fd = fd, .lines = lines, .size = (long long)size, .unsure = false, .damaged = f->damaged, .path = ""};
        (void)snprintf(f->path, sizeof f->path, "%.*s", (int)(strlen(path) - 4), path); /* fits */
        r = sync_directory(f->path);
        if (r < 0)
                f->unsure = true; /* after a power cut the old one may be there */
        else
                *written = last;
        return r;
}

int event_file_append(struct event_file *f, struct event_log *l, uint64_t *written)
{
        uint64_t last;
        size_t size;
        unsigned lines;
        if (f->fd < 0 || f->unsure || f->lines >= EVENT_FILE_LINES_MAX)
                return replace(f, l, written);
        char *text = render(l, *written, &last, &size, &lines);
        if (!text)
                return -ENOMEM;
        int r = whole_write(f->fd, text, size);
        free(text);
        if (r < 0) {
                if (ftruncate(f->fd, f->size) < 0)
                        f->unsure = true;
                return r;
        }
        if (fdatasync(f->fd) < 0) {
                r = -errno;
                f->unsure = true; /* what a failed sync has dropped, a second one does not bring back */
                return r;
        }
        f->size += (long long)size;
        f->lines += lines;
        *written = last;
        return 0;
}
