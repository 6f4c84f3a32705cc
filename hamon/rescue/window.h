/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A read-only block device over a part of a disk or file: a loop device, which the kernel itself keeps from writing. */
#ifndef HAMON_RESCUE_WINDOW_H
#define HAMON_RESCUE_WINDOW_H

#include <stdint.h>

#include "hamon/act/trouble.h"

#define WINDOW_PATH_SIZE 32

/* 0 and the device's path, which stays until `losetup -d`; or -errno and a sentence. */
int window_open(const char *path, uint64_t offset_bytes, uint64_t size_bytes, char ret_device[WINDOW_PATH_SIZE], struct trouble *t);

#endif
