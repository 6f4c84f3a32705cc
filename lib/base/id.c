/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/id.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/text.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

bool uuid_is_null(const struct uuid *u)
{
        static const struct uuid null;

        return uuid_equal(u, &null);
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
        return uuid_compare(a, b) == 0;
}

int uuid_compare(const struct uuid *a, const struct uuid *b)
{
        return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

void uuid_generate(struct uuid *ret)
{
        ssize_t got;

        do
                got = getrandom(ret->bytes, sizeof ret->bytes, 0);
        while (got < 0 && errno == EINTR);
        if (got != (ssize_t)sizeof ret->bytes)
                abort(); /* up to 256 bytes come whole; a session id that is not random would break the fence */
        ret->bytes[6] = (uint8_t)((ret->bytes[6] & 0x0f) | 0x40);
        ret->bytes[8] = (uint8_t)((ret->bytes[8] & 0x3f) | 0x80);
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

static bool dash_before(size_t byte)
{
        return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

int uuid_parse(const char *text, struct uuid *ret)
{
        struct uuid u;

        for (size_t i = 0; i < sizeof u.bytes; i++) {
                if (dash_before(i) && *text++ != '-')
                        return -EINVAL;
                int high = hex_digit(text[0]);
                int low = high < 0 ? -1 : hex_digit(text[1]);
                if (low < 0)
                        return -EINVAL;
                u.bytes[i] = (uint8_t)(high << 4 | low);
                text += 2;
        }
        if (*text)
                return -EINVAL;
        *ret = u;
        return 0;
}

void uuid_format(const struct uuid *u, char ret_text[UUID_TEXT_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        char *p = ret_text;

        for (size_t i = 0; i < sizeof u->bytes; i++) {
                if (dash_before(i))
                        *p++ = '-';
                *p++ = digits[u->bytes[i] >> 4];
                *p++ = digits[u->bytes[i] & 0x0f];
        }
        *p = '\0';
}

int boot_id_read(struct uuid *ret)
{
        char text[UUID_TEXT_SIZE + 1];
        int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, text, sizeof text - 1);
        int error = n < 0 ? errno : 0;
        close(fd);
        if (error)
                return -error;
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return uuid_parse(text, ret) < 0 ? -EBADMSG : 0;
}

static bool all_hex(const char *text)
{
        for (; *text; text++)
                if (hex_digit(*text) < 0)
                        return false;
        return true;
}

int export_id_parse(const char *text, uint64_t *ret_id, char *reason_buf, unsigned reason_size)
{
        char shown[64], ascii[64];
        uint64_t id = 0;

        text_printable(text, shown, sizeof shown);
        if (!*text) {
                snprintf(reason_buf, reason_size, "the id is empty: type a number from 1 to 2^64-1, decimal or 0x hex");
                return -EINVAL;
        }
        if (text_is_typographic(text, ascii, sizeof ascii)) {
                snprintf(reason_buf, reason_size, "id \"%s\" has a typographic character, pasted perhaps: type %s", shown, ascii);
                return -EINVAL;
        }
        bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
        unsigned base = hex ? 16 : 10;
        const char *p = hex ? text + 2 : text;
        bool digits = *p != '\0';
        for (const char *q = p; *q; q++) {
                int d = hex_digit(*q);
                if (d < 0 || (unsigned)d >= base)
                        digits = false;
        }
        if (!digits) {
                if (!hex && all_hex(text) && strlen(text) <= 16)
                        snprintf(reason_buf, reason_size, "id \"%s\" is hex without its 0x: type 0x%s", shown, text);
                else
                        snprintf(reason_buf, reason_size, "id \"%s\" is not a number: type 1 to 2^64-1, decimal or 0x hex", shown);
                return -EINVAL;
        }
        for (; *p; p++) {
                uint64_t d = (uint64_t)hex_digit(*p);
                if (__builtin_mul_overflow(id, base, &id) || __builtin_add_overflow(id, d, &id)) {
                        snprintf(reason_buf, reason_size, "id \"%s\" is too large: the largest is 0xffffffffffffffff", shown);
                        return -EINVAL;
                }
        }
        if (id == 0) {
                snprintf(reason_buf, reason_size, "id 0 is not used: ids are 1 to 2^64-1");
                return -EINVAL;
        }
        *ret_id = id;
        return 0;
}

void export_id_format(uint64_t id, char ret_text[EXPORT_ID_TEXT_SIZE])
{
        snprintf(ret_text, EXPORT_ID_TEXT_SIZE, "0x%" PRIx64, id);
}
