/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/statefile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/crypto.h>

#define STATEFILE_MAGIC "nbdd-state"
#define OWNER_MAX 32
#define HASH_BYTES 32
#define HASH_TEXT_SIZE (2 * HASH_BYTES + 1)
#define HEADER_MAX 160 /* magic, owner, version, hash, length, separators */

/* ---- fault injection ---- */

enum step { STEP_OPEN, STEP_WRITE, STEP_FSYNC, STEP_RENAME, STEP_DIRSYNC, STEP_SETTLE };

static const char *const step_names[] = {"open", "write", "fsync", "rename", "dirsync", "settle"};

static bool fault(enum step step)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static char armed[64];
        static unsigned long left;
        const char *want = getenv("NBDD_FAULT_STATEFILE");
        bool hit = false;

        if (!want) {
                pthread_mutex_lock(&lock);
                armed[0] = '\0';
                pthread_mutex_unlock(&lock);
                return false;
        }
        pthread_mutex_lock(&lock);
        const char *colon = strchr(want, ':');
        if (colon && strncmp(armed, want, sizeof armed) != 0) {
                snprintf(armed, sizeof armed, "%s", want);
                left = strtoul(colon + 1, NULL, 10);
        }
        size_t length = strlen(step_names[step]);
        if (colon && (size_t)(colon - want) == length && strncmp(want, step_names[step], length) == 0 && left > 0)
                hit = --left == 0;
        pthread_mutex_unlock(&lock);
        return hit;
}

/* ---- header ---- */

static bool owner_is_valid(const char *owner)
{
        size_t n = strspn(owner, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

        return n > 0 && n <= OWNER_MAX && owner[n] == '\0';
}

/* The hash covers owner, version and length too: no bit of the file can change unseen. */
static int hash_text(const char *owner, unsigned version, const void *payload, size_t size_bytes, char ret[HASH_TEXT_SIZE])
{
        unsigned char hash[HASH_BYTES];
        char prefix[HEADER_MAX];
        gnutls_hash_hd_t handle;

        int n = snprintf(prefix, sizeof prefix, "%s %u %zu\n", owner, version, size_bytes);
        if (gnutls_hash_init(&handle, GNUTLS_DIG_SHA256) < 0)
                return -ENOMEM;
        int r = gnutls_hash(handle, prefix, (size_t)n);
        if (r >= 0 && size_bytes > 0)
                r = gnutls_hash(handle, payload, size_bytes);
        gnutls_hash_deinit(handle, hash);
        if (r < 0)
                return -EIO;
        for (size_t i = 0; i < HASH_BYTES; i++)
                snprintf(ret + 2 * i, 3, "%02x", hash[i]);
        return 0;
}

/* ---- folder and name ---- */

struct place {
        int folder_fd;
        const char *name;
        char temporary[NAME_MAX + 1];
};

static int place_open(const char *path, struct place *ret)
{
        const char *slash = strrchr(path, '/');
        char folder[PATH_MAX];

        ret->name = slash ? slash + 1 : path;
        if (!*ret->name)
                return -EISDIR;
        if (!slash)
                snprintf(folder, sizeof folder, ".");
        else if (snprintf(folder, sizeof folder, "%.*s", (int)(slash == path ? 1 : slash - path), path) >= (int)sizeof folder)
                return -ENAMETOOLONG;
        if (snprintf(ret->temporary, sizeof ret->temporary, ".%s.tmp", ret->name) >= (int)sizeof ret->temporary)
                return -ENAMETOOLONG;
        ret->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return ret->folder_fd < 0 ? -errno : 0;
}

/* ---- write ---- */

static int write_all(int fd, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

static int write_temporary(const struct place *at, mode_t mode, const char *header, const void *payload, size_t size_bytes)
{
        /* A left-over of a crash is of no use to anybody; O_EXCL so that nothing is written through a planted link. */
        (void)unlinkat(at->folder_fd, at->temporary, 0);
        if (fault(STEP_OPEN))
                return -EIO;
        int fd = openat(at->folder_fd, at->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        int r = write_all(fd, header, strlen(header));
        if (r == 0)
                r = fault(STEP_WRITE) ? -EIO : write_all(fd, payload, size_bytes);
        if (r == 0 && fault(STEP_FSYNC))
                r = -EIO;
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (close(fd) < 0 && r == 0)
                r = -errno;
        return r;
}

static int replace(const char *path, mode_t mode, const char *header, const void *payload, size_t size_bytes)
{
        struct place at;

        int r = place_open(path, &at);
        if (r < 0)
                return r;
        r = write_temporary(&at, mode, header, payload, size_bytes);
        if (r == 0 && fault(STEP_RENAME))
                r = -EIO;
        if (r == 0 && renameat(at.folder_fd, at.temporary, at.folder_fd, at.name) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(at.folder_fd, at.temporary, 0); /* the first error is the one to report */
        else if (fault(STEP_DIRSYNC))
                r = -EIO;
        else if (fsync(at.folder_fd) < 0)
                r = -errno;
        close(at.folder_fd);
        return r;
}

int statefile_write(const char *path, const char *owner, unsigned version, const void *payload, size_t size_bytes)
{
        char hash[HASH_TEXT_SIZE], header[HEADER_MAX];

        assert(owner_is_valid(owner));
        if (size_bytes > STATEFILE_PAYLOAD_MAX)
                return -EFBIG;
        int r = hash_text(owner, version, payload, size_bytes, hash);
        if (r < 0)
                return r;
        snprintf(header, sizeof header, STATEFILE_MAGIC " %s %u %s %zu\n", owner, version, hash, size_bytes);
        return replace(path, 0600, header, payload, size_bytes);
}

int statefile_replace_plain(const char *path, unsigned mode, const void *content, size_t size_bytes)
{
        return replace(path, (mode_t)mode, "", content, size_bytes);
}

int statefile_remove(const char *path)
{
        struct place at;

        int r = place_open(path, &at);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (unlinkat(at.folder_fd, at.name, 0) < 0 && errno != ENOENT)
                r = -errno;
        /* Also when it is gone already: the sync of an earlier attempt may be what failed. */
        else if (fault(STEP_DIRSYNC))
                r = -EIO;
        else if (fsync(at.folder_fd) < 0)
                r = -errno;
        close(at.folder_fd);
        return r;
}

/* ---- read ---- */

static int read_whole(const char *path, char **ret_text, size_t *ret_size)
{
        struct stat st;
        int r = 0;
        size_t size = 0;
        char *text = NULL;

        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                r = -errno;
        else if (!S_ISREG(st.st_mode) || st.st_size > (off_t)(STATEFILE_PAYLOAD_MAX + HEADER_MAX))
                r = -EBADMSG;
        else if (!(text = malloc((size_t)st.st_size + 1)))
                r = -ENOMEM;
        while (r == 0 && size < (size_t)st.st_size) {
                ssize_t n = read(fd, text + size, (size_t)st.st_size - size);
                if (n < 0 && errno != EINTR)
                        r = -errno;
                else if (n == 0)
                        r = -EBADMSG;
                else if (n > 0)
                        size += (size_t)n;
        }
        close(fd);
        if (r < 0) {
                free(text);
                return r;
        }
        text[size] = '\0';
        *ret_text = text;
        *ret_size = size;
        return 0;
}

struct header {
        char owner[OWNER_MAX + 1];
        unsigned version;
        char hash[HASH_TEXT_SIZE];
        size_t length;
        size_t size; /* of the line itself, with its newline */
};

/* Accepts only the one spelling that statefile_write() gives, by printing what was read and comparing. */
static bool header_parse(const char *text, size_t size, struct header *ret)
{
        char line[HEADER_MAX], again[HEADER_MAX];
        const char *newline = memchr(text, '\n', size < sizeof line ? size : sizeof line);

        if (!newline || newline == text + sizeof line - 1)
                return false;
        ret->size = (size_t)(newline - text) + 1;
        memcpy(line, text, ret->size);
        line[ret->size] = '\0';
        if (sscanf(line, STATEFILE_MAGIC " %32s %u %64s %zu", ret->owner, &ret->version, ret->hash, &ret->length) != 4)
                return false;
        snprintf(again, sizeof again, STATEFILE_MAGIC " %s %u %s %zu\n", ret->owner, ret->version, ret->hash, ret->length);
        return strcmp(line, again) == 0;
}

/* What is at that name, or that nothing is, is what a power cut leaves from now on. The content was flushed before it got the name. */
static int settle(const char *path)
{
        struct place at;
        int r = place_open(path, &at);

        if (r < 0)
                return r;
        if (fault(STEP_SETTLE))
                r = -EIO;
        else if (fsync(at.folder_fd) < 0)
                r = -errno;
        close(at.folder_fd);
        return r;
}

int statefile_peek(const char *path, const char *owner, unsigned max_version, unsigned *ret_version, char **ret_payload,
                   size_t *ret_size_bytes)
{
        struct header header;
        char hash[HASH_TEXT_SIZE];
        char *text = NULL;
        size_t size = 0;

        int r = read_whole(path, &text, &size);
        if (r < 0)
                return r;
        if (!header_parse(text, size, &header) || header.length != size - header.size)
                r = -EBADMSG;
        if (r == 0)
                r = hash_text(header.owner, header.version, text + header.size, header.length, hash);
        if (r == 0 && (strcmp(hash, header.hash) != 0 || strcmp(owner, header.owner) != 0))
                r = -EBADMSG;
        if (r == 0 && header.version > max_version)
                r = -EPROTO;
        if (r < 0) {
                free(text);
                return r;
        }
        memmove(text, text + header.size, header.length + 1);
        *ret_version = header.version;
        *ret_payload = text;
        *ret_size_bytes = header.length;
        return 0;
}

int statefile_read(const char *path, const char *owner, unsigned max_version, unsigned *ret_version, char **ret_payload,
                   size_t *ret_size_bytes)
{
        unsigned version;
        char *payload = NULL;
        size_t size;

        int r = statefile_peek(path, owner, max_version, &version, &payload, &size);
        int settled = r == 0 || r == -ENOENT ? settle(path) : 0;
        if (settled < 0 && settled != -ENOENT) { /* no folder: nothing can come back */
                free(payload);
                return settled;
        }
        if (r < 0)
                return r;
        *ret_version = version;
        *ret_payload = payload;
        *ret_size_bytes = size;
        return 0;
}

void statefile_explain(const char *path, int error, char *ret_text, size_t size_bytes)
{
        switch (error < 0 ? -error : error) {
        case ENOENT:
                snprintf(ret_text, size_bytes, "state file \"%s\" does not exist: it is made when there is something to keep", path);
                break;
        case EBADMSG:
                snprintf(ret_text, size_bytes,
                         "state file \"%s\" is torn, damaged or of another program: it is left as it is; move it away or restore it", path);
                break;
        case EPROTO:
                snprintf(ret_text, size_bytes, "state file \"%s\" was written by a newer version: install that version again", path);
                break;
        case ENOSPC:
        case EDQUOT:
                snprintf(ret_text, size_bytes, "no space for state file \"%s\": free some on its file system", path);
                break;
        default:
                snprintf(ret_text, size_bytes, "cannot use state file \"%s\": %s", path, strerror(error < 0 ? -error : error));
                break;
        }
}
