/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamon-act's second socket: answers the questions of hamon/verify/ask.h. It changes nothing but the window of hold.h, so it goes beside the queue of
 * effects: a verify never stands before a detach.
 *
 * Threads: one that accepts, and one for each connection, because reading a disk, the pace and a window all wait. A window ends with its
 * connection, after VERIFY_HOLD_MS at the latest.
 */
#ifndef HAMON_ACT_VERIFY_SERVER_H
#define HAMON_ACT_VERIFY_SERVER_H

#include "hamon/act/mirror.h"

/* `act_socket`: its folder is where we listen. Lives as long as the process. 0 or -errno. */
int verify_server_start(const struct config *config, const struct mirror *mirrors, const char *act_socket);

#endif
