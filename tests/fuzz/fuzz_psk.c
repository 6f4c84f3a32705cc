/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key files: what is taken has names that are printable and unique, and keys of a sane length; what is not has a reason. */
#include <assert.h>
#include <string.h>

#include "net/psk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct psk_table t;
        char reason[160] = "";

        if (psk_parse((const char *)data, size, &t, reason, sizeof reason) < 0) {
                assert(reason[0]);
                return 0;
        }
        assert(t.count > 0 && t.count <= PSK_ENTRIES_MAX);
        for (size_t i = 0; i < t.count; i++) {
                const struct psk *p = &t.list[i];
                size_t n = strlen(p->identity);
                assert(n > 0 && n < sizeof p->identity && strpbrk(p->identity, " \r\n\t") == NULL);
                assert(p->key_bytes >= PSK_KEY_BYTES_MIN && p->key_bytes <= PSK_KEY_BYTES_MAX);
                assert(psk_find(&t, p->identity, n) == p);
        }
        psk_release(&t);
        assert(!t.list);
        return 0;
}
