/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/verify/ask.h"

#include "hamon/api/json_take.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const words[] = {[ASK_DIGESTS] = "digests", [ASK_HOLD] = "hold", [ASK_LET_GO] = "let-go", [ASK_DISK] = "disk"};

void verify_hex(const uint8_t *bytes, size_t size_bytes, char *ret_text)
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < size_bytes; i++) {
                ret_text[2 * i] = digits[bytes[i] >> 4];
                ret_text[2 * i + 1] = digits[bytes[i] & 15];
        }
        ret_text[2 * size_bytes] = '\0';
}

static int nibble(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool verify_unhex(const char *text, size_t size_bytes, uint8_t *ret)
{
        if (strlen(text) != 2 * size_bytes)
                return false;
        for (size_t i = 0; i < size_bytes; i++) {
                int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
                if (high < 0 || low < 0)
                        return false;
                ret[i] = (uint8_t)(high << 4 | low);
        }
        return true;
}

static char *dump(json_t *j)
{
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

        json_decref(j);
        return text;
}

char *verify_ask_encode(const struct verify_ask *a)
{
        char key[2 * DIGEST_KEY_BYTES + 1];
        json_t *j = json_pack("{s:s, s:s}", "ask", words[a->asked], "mirror", a->mirror);

        verify_hex(a->key, sizeof a->key, key);
        if (a->asked == ASK_DIGESTS || a->asked == ASK_HOLD)
                json_object_set_new(j, "offset", json_of_u64(a->offset_bytes));
        if (a->asked == ASK_HOLD)
                json_object_set_new(j, "size", json_integer(a->size_bytes));
        if (a->asked == ASK_DIGESTS) {
                json_object_set_new(j, "leg", json_of_uuid(&a->leg));
                json_object_set_new(j, "key", json_string(key));
                json_object_set_new(j, "block", json_integer(a->block_bytes));
                json_object_set_new(j, "count", json_integer(a->count));
                json_object_set_new(j, "paced", json_boolean(a->paced));
        }
        return dump(j);
}

int verify_ask_decode(const char *text, size_t size_bytes, struct verify_ask *ret)
{
        struct verify_ask a = {.asked = ASK_DIGESTS};
        json_t *j = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, NULL);
        struct json_take t = json_take_from(j);
        const char *word = json_take_string(&t, "ask"), *mirror = json_take_string(&t, "mirror");
        int asked = -1;

        for (int i = 0; i <= ASK_DISK; i++)
                if (strcmp(word, words[i]) == 0)
                        asked = i;
        bool good = asked >= 0 && strlen(mirror) < sizeof a.mirror;
        if (good) {
                a.asked = (enum verify_asked)asked;
                (void)strcpy(a.mirror, mirror);
        }
        if (asked == ASK_DIGESTS || asked == ASK_HOLD)
                a.offset_bytes = json_take_u64(&t, "offset");
        if (asked == ASK_HOLD)
                a.size_bytes = (uint32_t)json_take_int(&t, "size", DIGEST_BLOCK_LEAST, DIGEST_BLOCK_MOST);
        if (asked == ASK_DIGESTS) {
                a.leg = json_take_uuid(&t, "leg");
                good = verify_unhex(json_take_string(&t, "key"), sizeof a.key, a.key) && good;
                a.block_bytes = (uint32_t)json_take_int(&t, "block", DIGEST_BLOCK_LEAST, DIGEST_BLOCK_MOST);
                a.count = (uint32_t)json_take_int(&t, "count", 0, DIGESTS_MAX);
                a.paced = json_take_bool(&t, "paced");
        }
        good = good && json_take_end(&t) == 0 && a.offset_bytes % DIGEST_BLOCK_LEAST == 0 && a.block_bytes % DIGEST_BLOCK_LEAST == 0 &&
               a.size_bytes % DIGEST_BLOCK_LEAST == 0;
        json_decref(j);
        if (good)
                *ret = a;
        return good ? 0 : -EPROTO;
}

/* A text may quote a disk or a program: JSON takes only UTF-8. */
static json_t *plain(const char *text)
{
        char shown[sizeof((struct verify_answer *)0)->detail];
        size_t i;

        for (i = 0; i < sizeof shown - 1 && text[i]; i++)
                shown[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
        shown[i] = '\0';
        return json_string(shown);
}

char *verify_answer_encode(enum verify_asked to, const struct verify_answer *a)
{
        char hex[DIGESTS_MAX * DIGEST_BYTES * 2 + 1];
        json_t *j = json_pack("{s:i, s:o}", "error", a->error, "detail", plain(a->detail));

        if (to == ASK_DISK && a->error == 0) {
                json_object_set_new(j, "disk_bytes", json_of_u64(a->disk_bytes));
                json_object_set_new(j, "room_bytes", json_of_u64(a->room_bytes));
                json_object_set_new(j, "needs_bytes", json_of_u64(a->needs_bytes));
                json_object_set_new(j, "holds", plain(a->holds));
        }
        if (to == ASK_DIGESTS && a->error == 0) {
                verify_hex((const uint8_t *)a->digest, (size_t)a->count * DIGEST_BYTES, hex);
                json_object_set_new(j, "size", json_of_u64(a->size_bytes));
                json_object_set_new(j, "digests", json_string(hex));
                json_object_set_new(j, "latency_us", json_integer(a->latency_us));
                json_object_set_new(j, "limit_kib", json_integer(a->limit_kib));
        }
        return dump(j);
}

int verify_answer_decode(enum verify_asked to, const char *text, size_t size_bytes, struct verify_answer *ret)
{
        json_t *j = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, NULL);
        struct json_take t = json_take_from(j);
        struct verify_answer a = {.error = (int)json_take_int(&t, "error", -4095, 0)};
        bool good = true;

        (void)snprintf(a.detail, sizeof a.detail, "%s", json_take_string(&t, "detail")); /* for people: cut when longer */
        if (to == ASK_DIGESTS && a.error == 0) {
                const char *hex = json_take_string(&t, "digests");
                a.size_bytes = json_take_u64(&t, "size");
                a.count = (uint32_t)(strlen(hex) / (2 * DIGEST_BYTES));
                a.latency_us = (uint32_t)json_take_int(&t, "latency_us", 0, UINT32_MAX);
                a.limit_kib = (uint32_t)json_take_int(&t, "limit_kib", 0, UINT32_MAX);
                good = a.count <= DIGESTS_MAX && verify_unhex(hex, (size_t)a.count * DIGEST_BYTES, (uint8_t *)a.digest);
        }
        if (to == ASK_DISK && a.error == 0) {
                a.disk_bytes = json_take_u64(&t, "disk_bytes");
                a.room_bytes = json_take_u64(&t, "room_bytes");
                a.needs_bytes = json_take_u64(&t, "needs_bytes");
                (void)snprintf(a.holds, sizeof a.holds, "%s", json_take_string(&t, "holds")); /* for people */
        }
        good = json_take_end(&t) == 0 && good;
        json_decref(j);
        if (good)
                *ret = a;
        return good ? 0 : -EPROTO;
}
