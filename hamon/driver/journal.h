/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An event's line in the journal, with fields: MESSAGE_ID for the catalog (`journalctl -x` explains the reason), HAMON_REASON, HAMON_MIRROR, HAMON_NODE and
 * HAMON_NUMBER for whoever searches (`journalctl HAMON_REASON=frozen`). Where stderr is not the journal, or the journal does not take it, the
 * plain line of log.h. Never waits. The loop's thread.
 */
#ifndef HAMON_DRIVER_JOURNAL_H
#define HAMON_DRIVER_JOURNAL_H

#include "base/log.h"

#include <stdint.h>

enum { JOURNAL_ID_TEXT = 33 };

/* Of a reason's code alone, so that deploy/make-catalog finds the same; "" when the library fails. */
void journal_message_id(const char *code, char ret[JOURNAL_ID_TEXT]);

void journal_event(enum log_level level, const char *code, const char *mirror, const char *node, uint64_t number, const char *text);

#endif
