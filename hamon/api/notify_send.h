/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling one event: to a program, by its environment, or to a web server, by a POST of JSON.
 *
 * Both block for at most their time-out, and end early when *stopping is set: the notifier's threads only. 0, or -errno and one sentence in
 * `error`, which never shows more of a URL than its host.
 */
#ifndef HAMON_API_NOTIFY_SEND_H
#define HAMON_API_NOTIFY_SEND_H

#include "hamon/api/notify_queue.h"

#include <stdatomic.h>

enum { NOTIFY_EXEC_TIMEOUT_MS = 30000, NOTIFY_WEBHOOK_TIMEOUT_MS = 10000 };

struct notify_sender {
        const struct config *config;
        const char *reporter; /* the name of this machine */
        const atomic_bool *stopping;
};

/*
 * HAMON_CLUSTER, HAMON_REPORTER, HAMON_EVENT (number), HAMON_TIME (seconds since 1970), HAMON_REASON, HAMON_SEVERITY, HAMON_MIRROR,
 * HAMON_NODE ("" when it is not about one), HAMON_SENTENCE, HAMON_REPEATS, and PATH; no arguments; what it prints goes to hamon's journal.
 * Told when it exits with 0. After the time-out it and its children are killed.
 */
int notify_exec(const struct notify_sender *s, const struct notice *n, char *error, size_t error_size);

/* {"cluster", "reporter", "repeats", "event": as in GET /v1/events}. Told when the server answers with 2xx. */
int notify_webhook(const struct notify_sender *s, const struct notice *n, char *error, size_t error_size);

/* Scheme, host and port of a URL, without names and secrets; "" of "". */
void notify_origin(const char *url, char ret[CONFIG_URL_SIZE]);

#endif
