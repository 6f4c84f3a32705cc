/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cluster key's file: 32 random bytes as 64 hex digits. */
#include "hamon/net/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

int seal_key_load(const char *path, uint8_t ret_key[SEAL_KEY_BYTES])
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        char text[2 * SEAL_KEY_BYTES + 3]; /* one byte past "64 digits, CR, LF" shows that the file is longer */
        ssize_t n = read(fd, text, sizeof text);
        int r = n < 0 ? -errno : 0;
        close(fd);
        if (r < 0)
                return r;
        while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
                n--;
        if (n != 2 * SEAL_KEY_BYTES)
                return -EBADMSG;
        uint8_t key[SEAL_KEY_BYTES];
        for (int i = 0; i < SEAL_KEY_BYTES; i++) {
                int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
                if (high < 0 || low < 0)
                        return -EBADMSG;
                key[i] = (uint8_t)(high << 4 | low);
        }
        memcpy(ret_key, key, sizeof key);
        explicit_bzero(key, sizeof key);
        explicit_bzero(text, sizeof text);
        return 0;
}

int seal_key_generate(const char *path)
{
        uint8_t key[SEAL_KEY_BYTES];
        if (getrandom(key, sizeof key, 0) != sizeof key)
                return -EIO;
        char text[2 * SEAL_KEY_BYTES + 2];
        for (int i = 0; i < SEAL_KEY_BYTES; i++)
                (void)snprintf(text + 2 * i, 3, "%02x", key[i]); /* always fits */
        text[2 * SEAL_KEY_BYTES] = '\n';
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        ssize_t n = write(fd, text, 2 * SEAL_KEY_BYTES + 1);
        int r = n == 2 * SEAL_KEY_BYTES + 1 ? 0 : n < 0 ? -errno : -ENOSPC;
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        close(fd);
        if (r < 0)
                (void)unlink(path); /* ours and useless */
        explicit_bzero(key, sizeof key);
        explicit_bzero(text, sizeof text);
        return r;
}

int seal_key_also(const char *path, char *ret, size_t size_bytes)
{
        return snprintf(ret, size_bytes, "%s.also", path) >= (int)size_bytes ? -ENAMETOOLONG : 0;
}

int seal_key_swap(const char *path, const char *also, const char **ret_which)
{
        uint8_t key[SEAL_KEY_BYTES];
        char folder[PATH_MAX];
        const char *files[] = {also, path};
        for (int i = 0; i < 2; i++) {
                int r = seal_key_load(*ret_which = files[i], key);
                explicit_bzero(key, sizeof key);
                if (r < 0)
                        return r;
        }
        if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder)
                return -ENAMETOOLONG;
        int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* first: what fails before the exchange has changed nothing */
        if (fd < 0)
                return -errno;
        int r = renameat2(AT_FDCWD, path, AT_FDCWD, also, RENAME_EXCHANGE) < 0 ? -errno : 0;
        if (r == 0 && fsync(fd) < 0) {
                r = -errno;
                *ret_which = NULL;
        }
        close(fd);
        return r;
}
