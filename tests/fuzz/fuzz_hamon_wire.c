/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What decodes must encode to the very same bytes: the format has one spelling for each message. Run by `make fuzz` and by the unit tests. */
#include <stdlib.h>
#include <string.h>

#include "wire/hamon_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct message m;
        uint8_t again[HAMON_WIRE_MAX];

        if (hamon_wire_decode(data, size, &m) < 0)
                return 0;
        if (hamon_wire_encode(&m, again, sizeof again) != (int)size || memcmp(again, data, size) != 0)
                abort();
        return 0;
}
