/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/driver/journal.h"

#include "base/text.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void journal_message_id(const char *code, char ret[JOURNAL_ID_TEXT])
{
        char text[96];
        uint8_t hash[32];
        int n = snprintf(text, sizeof text, "hamon reason %s", code);
        ret[0] = '\0';
        if (n < 0 || (size_t)n >= sizeof text || gnutls_hash_fast(GNUTLS_DIG_SHA256, text, (size_t)n, hash) < 0)
                return;
        hash[6] = (uint8_t)((hash[6] & 0x0f) | 0x40);
        hash[8] = (uint8_t)((hash[8] & 0x3f) | 0x80);
        for (unsigned i = 0; i < 16; i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", hash[i]); /* fits */
}

void journal_event(enum log_level level, const char *code, const char *mirror, const char *node, uint64_t number, const char *text)
{
        char id[JOURNAL_ID_TEXT], digits[24];
        journal_message_id(code, id);
        (void)snprintf(digits, sizeof digits, "%" PRIu64, number); /* fits */
        const struct log_field fields[] = {
                {"MESSAGE_ID", id}, {"HAMON_REASON", code}, {"HAMON_MIRROR", mirror}, {"HAMON_NODE", node}, {"HAMON_NUMBER", digits},
        };
        log_write_fields(level, text, fields, sizeof fields / sizeof fields[0]);
}
