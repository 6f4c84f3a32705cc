/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Export names with parameters: "0x12345678", "0x12345678?epoch=7&session=UUID". Shared by nbdd and nbdc.
 *
 * The name is an export id (decimal or 0x hex) and may carry the fence's parameters (docs/ARCHITECTURE.md, grants): `epoch`, a decimal
 * number from 1, and `session`, a UUID. Both or none; each once; nothing else. Pure; any thread.
 */
#ifndef NBDD_WIRE_EXPORT_NAME_H
#define NBDD_WIRE_EXPORT_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

#define EXPORT_NAME_MAX 256u        /* longest that we accept; the longest that has a meaning is about 100 */
#define EXPORT_NAME_TEXT_SIZE 112u  /* room for export_name_format() with its NUL */

struct export_name {
        uint64_t id;
        bool has_session; /* epoch and session are given */
        uint64_t epoch;
        struct uuid session;
};

/* `name` is a slice. On error -EINVAL and one sentence in `reason` (lower case, no full stop). */
int export_name_parse(const char *name, size_t name_bytes, struct export_name *ret, char *reason, size_t reason_size);

void export_name_format(const struct export_name *name, char ret_text[EXPORT_NAME_TEXT_SIZE]);

#endif
