/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/trouble.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int trouble_say(struct trouble *t, int error, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(t->text, sizeof t->text, format, args);
        va_end(args);
        return error;
}

int trouble_errno(struct trouble *t, int error, const char *format, ...)
{
        char reason[64];
        va_list args;

        va_start(args, format);
        int n = vsnprintf(t->text, sizeof t->text, format, args);
        va_end(args);
        if (n >= 0 && (size_t)n < sizeof t->text)
                snprintf(t->text + n, sizeof t->text - (size_t)n, ": %s", strerror_r(-error, reason, sizeof reason));
        return error;
}
