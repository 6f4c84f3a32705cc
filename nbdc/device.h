/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What sysfs says about one nbd device: configured or not, by whom, how large, how much in flight. Read only; never
 * opens the block device. Reads of these files do not wait for requests. The loop's thread.
 */
#ifndef NBDD_NBDC_DEVICE_H
#define NBDD_NBDC_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_BACKEND_SIZE 640

/* "/sys/block/nbd3/NAME"; the environment's NBDC_SYSFS replaces "/sys" (tests). */
void device_path(int index, const char *name, char *ret, size_t size);

/* A small sysfs file as text without its newline. -ENOENT, or -ENOBUFS when it does not fit. */
int device_read(int index, const char *name, char *ret, size_t size);
int device_read_u64(int index, const char *name, uint64_t *ret);

/* The kernel has a configuration for it (attached, by whomever). It says nothing about the connection. */
bool device_is_configured(int index);
/* The backend identifier given at CONNECT; -ENOENT: configured by a tool that gives none, or not configured. */
int device_backend(int index, char ret[DEVICE_BACKEND_SIZE]);
int device_size_bytes(int index, uint64_t *ret);

/* Counters, through files that stay open: no allocation, fit for a loop that samples them while the device hangs. */
struct device_counters {
        uint64_t in_flight;
        uint64_t completed;                 /* reads, writes, discards and flushes since boot */
        uint64_t read_bytes, written_bytes; /* of the completed ones */
};

struct device_sampler {
        int stat_fd, inflight_fd;
};

int device_sampler_open(struct device_sampler *s, int index);
void device_sampler_close(struct device_sampler *s);
int device_sampler_read(const struct device_sampler *s, struct device_counters *ret);

#endif
