/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The payload of an acceptor's state file: what decodes, encodes, and decodes to the same again. */
#include <stdlib.h>
#include <string.h>

#include "hamon/driver/acceptor_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct acceptor_state a, b;
        char *text;

        if (acceptor_decode((const char *)data, size, &a) < 0)
                return 0;
        if (acceptor_encode(&a, &text) < 0 || acceptor_decode(text, strlen(text), &b) < 0)
                abort();
        if (ballot_compare(&a.promised, &b.promised) != 0 || ballot_compare(&a.accepted, &b.accepted) != 0 ||
            !record_equal(&a.value, &b.value) || !uuid_equal(&a.voter, &b.voter))
                abort();
        free(text);
        return 0;
}
