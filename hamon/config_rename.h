/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mirror and its service get another name in the configuration's text. What its disks call it stays, as its label: with the first name again it needs none.
 *
 * Pure. Any thread.
 */
#ifndef HAMON_CONFIG_RENAME_H
#define HAMON_CONFIG_RENAME_H

#include "hamon/config.h"

/* `c` is what `text` says, and `m` its mirror. malloc'ed; NULL: out of memory. Whether the name is a good one, config_parse() says of the result. */
char *config_text_renamed(const char *text, const struct config *c, const struct config_mirror *m, const char *new_name);

#endif
