/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fault injection by countdown: NBDD_FAULT=CLASS:N makes the N-th call of its class fail, once, as the kernel or the C library would. Linked into
 * build/fault/nbdd alone (make FAULT=1), between the program and the C library by the linker's --wrap: what libraries allocate or send is theirs.
 * At its end the program says how many calls of the class there were, so that a loop over N knows when it has seen all.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *const classes[] = {"alloc", "read", "write", "fsync", "send"};
enum class { ALLOC, READ, WRITE, FSYNC, SEND, CLASSES };

static unsigned chosen = CLASSES;
static unsigned long target;
static atomic_ulong calls;

__attribute__((constructor)) static void fault_begin(void)
{
        const char *wish = getenv("NBDD_FAULT"), *colon = wish ? strchr(wish, ':') : NULL;

        for (unsigned i = 0; colon && i < CLASSES; i++)
                if (strncmp(wish, classes[i], (size_t)(colon - wish)) == 0 && strlen(classes[i]) == (size_t)(colon - wish))
                        chosen = i;
        target = colon ? strtoul(colon + 1, NULL, 10) : 0;
}

__attribute__((destructor)) static void fault_end(void)
{
        if (chosen < CLASSES)
                (void)dprintf(STDERR_FILENO, "nbdd-fault: %lu calls of %s\n", atomic_load(&calls), classes[chosen]);
}

static bool fails(enum class class, int error)
{
        if (class != chosen || atomic_fetch_add(&calls, 1) + 1 != target)
                return false;
        errno = error;
        return true;
}

#define WRAP(type, name, parameters, arguments, class, failure, error) \
        type __real_##name parameters;                                 \
        type __wrap_##name parameters;                                 \
        type __wrap_##name parameters                                  \
        {                                                              \
                return fails(class, error) ? failure : __real_##name arguments; \
        }

WRAP(void *, malloc, (size_t n), (n), ALLOC, NULL, ENOMEM)
WRAP(void *, calloc, (size_t n, size_t size), (n, size), ALLOC, NULL, ENOMEM)
WRAP(void *, realloc, (void *p, size_t n), (p, n), ALLOC, NULL, ENOMEM)
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size), ALLOC, NULL, ENOMEM)
WRAP(int, posix_memalign, (void **ret, size_t alignment, size_t n), (ret, alignment, n), ALLOC, ENOMEM, ENOMEM)
WRAP(char *, strdup, (const char *s), (s), ALLOC, NULL, ENOMEM)
WRAP(char *, strndup, (const char *s, size_t n), (s, n), ALLOC, NULL, ENOMEM)
WRAP(int, vasprintf, (char **ret, const char *format, va_list args), (ret, format, args), ALLOC, -1, ENOMEM)
WRAP(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n), READ, -1, EIO)
WRAP(ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at), READ, -1, EIO)
WRAP(ssize_t, recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags), READ, -1, ECONNRESET)
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), READ, -1, ECONNRESET)
WRAP(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at), WRITE, -1, EIO)
WRAP(ssize_t, pwritev2, (int fd, const struct iovec *v, int n, off_t at, int flags), (fd, v, n, at, flags), WRITE, -1, EIO)
WRAP(int, fsync, (int fd), (fd), FSYNC, -1, EIO)
WRAP(int, fdatasync, (int fd), (fd), FSYNC, -1, EIO)
WRAP(ssize_t, send, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags), SEND, -1, EPIPE)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), SEND, -1, EPIPE)

/* A line of the log that is lost is not what this is about, and the tests read the log. */
ssize_t __real_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n)
{
        return fd != STDERR_FILENO && fails(WRITE, EIO) ? -1 : __real_write(fd, from, n);
}

/* Variable arguments: by way of the wrapped vasprintf(). */
int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **ret, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        int r = __wrap_vasprintf(ret, format, args);
        va_end(args);
        return r;
}
