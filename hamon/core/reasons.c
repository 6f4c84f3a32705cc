/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/reasons.h"

struct reason_row {
        const char *code;
        enum severity severity;
        const char *sentence, *next;
};

static const struct reason_row rows[] = {
#define X(name, code, severity, sentence, next) [REASON_##name] = {code, SEVERITY_##severity, sentence, next},
    REASONS(X)
#undef X
};

const char *reason_code(enum reason r)
{
        return rows[r < REASON_END ? r : REASON_NONE].code;
}

enum severity reason_severity(enum reason r)
{
        return rows[r < REASON_END ? r : REASON_NONE].severity;
}

const char *reason_sentence(enum reason r)
{
        return rows[r < REASON_END ? r : REASON_NONE].sentence;
}

const char *reason_next(enum reason r)
{
        return rows[r < REASON_END ? r : REASON_NONE].next;
}
