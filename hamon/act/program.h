/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that the configuration names for a service: its health check and its hooks. Run as root, without a shell, in "/".
 *
 * They get PATH, LC_ALL, and HAMON_CLUSTER, HAMON_NODE, HAMON_PEER, HAMON_MIRROR, HAMON_DEVICE (the array), HAMON_MOUNT ("" without one) and
 * HAMON_CALL (what they are called for). Blocks for at most `timeout_ms` plus a second. Any thread but the main loop's.
 */
#ifndef HAMON_ACT_PROGRAM_H
#define HAMON_ACT_PROGRAM_H

#include "hamon/act/mirror.h"
#include "hamon/act/trouble.h"

/* 0 when it exits with 0; else as child_run_full(). */
int program_run(const struct mirror *m, const char *command, const char *call, unsigned timeout_ms, int *ret_status, struct trouble *t);

#endif
