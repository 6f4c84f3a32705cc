/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The limits in /sys/block/nbdN/queue. They stay on a device from one use to the next, so all of them are set for every
 * attach.
 *
 * queue_apply() is called twice: before CONNECT, where a write cannot wait (nothing is in flight), and after, for those
 * that CONNECT itself sets. It writes only what differs, because newer kernels freeze the queue for a write, i.e. wait
 * for requests in flight: the second call, and any later one, belongs to the worker thread. Does not log.
 */
#ifndef NBDD_NBDC_QUEUE_H
#define NBDD_NBDC_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_limits {
        bool only_io_timeout; /* of an adopted device the rest was set at its attach */
        uint32_t io_timeout_ms;
        uint32_t max_sectors_kb;
        bool rotational;
        uint64_t discard_max_bytes; /* at most; less where the device itself takes less */
};

/* What a server's offer means for the queue: its greatest request (0: not said) bounds max_sectors_kb. */
void queue_limits_for(uint16_t transmission_flags, uint32_t block_maximum_bytes, uint32_t io_timeout_ms,
                      struct queue_limits *ret);

/*
 * Returns how many limits could not be set (0: all is well), their names in `ret_failed`. A limit that this kernel does
 * not have is not counted.
 */
unsigned queue_apply(int index, const struct queue_limits *limits, char *ret_failed, size_t size);

#endif
