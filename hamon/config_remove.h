/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mirror goes out of the configuration's text, with its service, and the devices of those behind it keep their numbers.
 *
 * Pure. Any thread.
 */
#ifndef HAMON_CONFIG_REMOVE_H
#define HAMON_CONFIG_REMOVE_H

#include "hamon/config.h"

/* `c` is what `text` says. malloc'ed; NULL: out of memory. */
char *config_text_without_mirror(const char *text, const struct config *c, const char *name);

#endif
