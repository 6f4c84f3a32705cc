/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listening TCP sockets of the API. Any thread. */
#ifndef HAMON_API_LISTEN_H
#define HAMON_API_LISTEN_H

#include "hamon/config.h"

/* Also on an address that is not there yet. A descriptor, or -errno. */
int listen_tcp(const struct config_address *address, uint16_t port, int backlog);

#endif
