/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/sentence.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *sentence_render(const char *sentence, const char *mirror, const char *node, uint64_t number, char *ret, size_t size_bytes)
{
        assert(size_bytes > 0);
        char number_text[24];
        (void)snprintf(number_text, sizeof number_text, "%" PRIu64, number); /* fits */
        size_t used = 0;
        for (const char *p = sentence; *p && used + 1 < size_bytes; p++) {
                char one[2] = {*p, '\0'};
                const char *put = one;
                if (p[0] == '%' && p[1] == 'M')
                        put = mirror && *mirror ? mirror : "the mirror";
                else if (p[0] == '%' && p[1] == 'N')
                        put = node && *node ? node : "the other node";
                else if (p[0] == '%' && p[1] == 'n')
                        put = number_text;
                if (put != one)
                        p++;
                size_t n = strlen(put);
                if (n > size_bytes - 1 - used)
                        n = size_bytes - 1 - used;
                memcpy(ret + used, put, n);
                used += n;
        }
        ret[used] = '\0';
        return ret;
}
