/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nbdc's --tls-... options: keys from files, and whether this kernel can do its part. Logs one line for what is wrong. Before the loop runs. */
#ifndef NBDD_NBDC_TLS_OPTIONS_H
#define NBDD_NBDC_TLS_OPTIONS_H

#include <stdint.h>

#include "net/tls_keys.h"

/* `hosts`: as on the command line. *ret_keys stays NULL when no such option was given. Returns the exit status. */
int tls_options_load(const struct tls_files *files, const char *hosts, struct tls_keys **ret_keys);

/* For an attach: records are the kernel's business, or there is no attach. Returns the exit status. */
int tls_options_need_kernel(uint64_t *ret_records_max);

#endif
