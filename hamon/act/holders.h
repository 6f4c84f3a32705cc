/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who holds a file system that cannot be unmounted: processes with a file, a directory or a program of it.
 *
 * Reads /proc; touches no file of the file system itself, so that one that hangs does not hold it up. Any thread but the main loop's.
 */
#ifndef HAMON_ACT_HOLDERS_H
#define HAMON_ACT_HOLDERS_H

#include <stddef.h>
#include <sys/types.h>

/*
 * "bash (pid 17, its directory), tail (pid 20, an open file) and 2 more"; "" when nobody is found: a mount, a swap file or a loop device on it
 * holds it then. `proc` is "/proc". Returns how many processes it are.
 */
unsigned holders_find(const char *proc, dev_t device, char *ret, size_t size);

#endif
