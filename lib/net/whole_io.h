/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole messages over a blocking stream socket, for threads that may wait: by a deadline, or for as long as it takes. */
#ifndef NBDD_NET_WHOLE_IO_H
#define NBDD_NET_WHOLE_IO_H

#include <stddef.h>
#include <stdint.h>

#define WHOLE_IO_FOR_EVER 0u

/* CLOCK_MONOTONIC, in nanoseconds; never WHOLE_IO_FOR_EVER. */
uint64_t whole_io_deadline(unsigned in_ms);

/* 0 when all of it went; -EPIPE at the end of the stream, -ETIMEDOUT at the deadline, or -errno. A deadline holds for the sum of all waits. */
int receive_whole(int fd, void *data, size_t size_bytes, uint64_t deadline_ns);
int send_whole(int fd, const void *data, size_t size_bytes, uint64_t deadline_ns);

#endif
