/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The export table and the grants as text: what decodes must come out of the encoder and decode again to the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "nbdd/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct stored_table t, t2;
        struct stored_grants g, g2;
        char reason[256] = "";

        if (store_decode_table((const char *)data, size, &t, reason, sizeof reason) == 0) {
                char *text = store_encode_table(&t);
                assert(text && store_decode_table(text, strlen(text), &t2, reason, sizeof reason) == 0);
                assert(t2.count == t.count && memcmp(&t2.limits, &t.limits, sizeof t.limits) == 0);
                char *again = store_encode_table(&t2);
                assert(again && strcmp(text, again) == 0);
                free(text);
                free(again);
                stored_table_release(&t2);
                stored_table_release(&t);
        } else {
                assert(reason[0]);
        }
        if (store_decode_grants((const char *)data, size, &g, reason, sizeof reason) == 0) {
                char *text = store_encode_grants(&g);
                assert(text && store_decode_grants(text, strlen(text), &g2, reason, sizeof reason) == 0 && g2.count == g.count);
                free(text);
                stored_grants_release(&g2);
                stored_grants_release(&g);
        }
        return 0;
}
