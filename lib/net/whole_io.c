/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/whole_io.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

static uint64_t now_ns(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t whole_io_deadline(unsigned in_ms)
{
        return now_ns() + in_ms * UINT64_C(1000000) + 1;
}

static int wait_for(int fd, short events, uint64_t deadline_ns)
{
        struct pollfd p = {.fd = fd, .events = events};
        uint64_t now = now_ns();
        int n;

        if (deadline_ns == WHOLE_IO_FOR_EVER)
                return 0; /* the call itself waits */
        if (now >= deadline_ns)
                return -ETIMEDOUT;
        n = poll(&p, 1, (int)((deadline_ns - now) / 1000000u + 1));
        return n < 0 && errno != EINTR ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

int receive_whole(int fd, void *data, size_t size_bytes, uint64_t deadline_ns)
{
        int flags = deadline_ns == WHOLE_IO_FOR_EVER ? MSG_WAITALL : MSG_DONTWAIT;

        while (size_bytes > 0) {
                int r = wait_for(fd, POLLIN, deadline_ns);
                if (r < 0)
                        return r;
                ssize_t n = recv(fd, data, size_bytes, flags);
                if (n == 0)
                        return -EPIPE;
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return -errno;
                if (n > 0) {
                        data = (uint8_t *)data + n;
                        size_bytes -= (size_t)n;
                }
        }
        return 0;
}

int send_whole(int fd, const void *data, size_t size_bytes, uint64_t deadline_ns)
{
        int flags = MSG_NOSIGNAL | (deadline_ns == WHOLE_IO_FOR_EVER ? 0 : MSG_DONTWAIT);

        while (size_bytes > 0) {
                int r = wait_for(fd, POLLOUT, deadline_ns);
                if (r < 0)
                        return r;
                ssize_t n = send(fd, data, size_bytes, flags);
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return -errno;
                if (n > 0) {
                        data = (const uint8_t *)data + n;
                        size_bytes -= (size_t)n;
                }
        }
        return 0;
}
