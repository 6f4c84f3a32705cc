/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What went wrong, in one sentence for people, beside the errno that programs look at.
 *
 * Parts of hamon-act that touch the machine take a struct trouble and fill it on failure; the effect's answer carries
 * it to hamon. A later call overwrites an earlier text. Never logs. Any thread, each with its own.
 */
#ifndef HAMON_ACT_TROUBLE_H
#define HAMON_ACT_TROUBLE_H

struct trouble {
        char text[128]; /* as in struct effect_result; "" when there is nothing to say */
};

/* Sets the text and returns `error` (a negative errno) unchanged, so that a caller writes "return trouble_say(t, -EIO,
 * ...)". */
int trouble_say(struct trouble *t, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same, with ": REASON" of the errno behind the text. */
int trouble_errno(struct trouble *t, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
