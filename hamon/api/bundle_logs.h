/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a support bundle has from outside of hamon: the journal of our units, the kernel's messages, what the system is - and what must never be in
 * it. Blocks for seconds; starts children. Called by the API's workers and by hamonctl, where no hamon answers.
 */
#ifndef HAMON_API_BUNDLE_LOGS_H
#define HAMON_API_BUNDLE_LOGS_H

#include "hamon/config.h"

#include <jansson.h>

enum { BUNDLE_TEXT_MAX = 384 << 10, BUNDLE_CHILD_MS = 2500, BUNDLE_SECRETS_MAX = 64 };

/* {"journal", "kernel_log", "journal_error", "uname", "os", "mdstat", "uptime"}: texts, null where they could not be had. NULL: no memory. */
json_t *bundle_logs(void);

/*
 * Overwrites with '*' in `text` every secret that the configuration names and that this process can read: cluster keys, the API's key, the key of
 * the legs. None is put into a bundle; this is for what somebody else has written into a log.
 */
void bundle_scrub(const struct config *config, char *text);

#endif
