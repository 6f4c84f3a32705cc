/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one table of reasons: code, severity, sentence, next command. CLI, API problem types, journal, page and troubleshooting chapter use
 * these rows and no other words. "%M" mirror, "%N" node, "%n" number are replaced by the renderer (hamon/api).
 */
#ifndef HAMON_CORE_REASONS_H
#define HAMON_CORE_REASONS_H

enum severity { SEVERITY_OK, SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };

/* X(enum name, "code", severity, "sentence", "next step or empty"): rows live in reasons_table.h, in the order of urgency. */
#include "hamon/core/reasons_table.h"

enum reason {
#define X(name, code, severity, sentence, next) REASON_##name,
        REASONS(X)
#undef X
        REASON_END
};

const char *reason_code(enum reason r);
enum severity reason_severity(enum reason r);
const char *reason_sentence(enum reason r);
const char *reason_next(enum reason r);

#endif
