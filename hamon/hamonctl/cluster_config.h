/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of `hamonctl cluster create` as a hamon.conf. Only the words' form is looked at here; whether the whole is a valid configuration the parser of
 * hamon.conf says. Reads this machine's interfaces, changes nothing. hamonctl alone uses it.
 */
#ifndef HAMON_HAMONCTL_CLUSTER_CONFIG_H
#define HAMON_HAMONCTL_CLUSTER_CONFIG_H

#include "hamon/hamonctl/hamonctl.h"

/* `operands`: see verb_cluster_create(); `dir`: of the key and the certificate. malloc'ed; NULL: printed. */
char *cluster_config_make(const struct command_line *c, const char *dir, const char *cluster, const char *const *operands, unsigned count);

#endif
