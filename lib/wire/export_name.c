/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Export names with parameters. See export_name.h. */
#include "wire/export_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int parse_epoch(const char *text, uint64_t *ret)
{
        uint64_t v = 0;
        if (!*text || *text == '0')
                return -EINVAL;
        for (; *text; text++) {
                if (*text < '0' || *text > '9' || __builtin_mul_overflow(v, 10u, &v) ||
                    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
                        return -EINVAL;
        }
        *ret = v;
        return 0;
}

static int parse_parameter(char *word, struct export_name *name, bool *epoch_seen, bool *session_seen, char *reason,
                           size_t reason_size)
{
        char *value = strchr(word, '=');
        if (value)
                *value++ = '\0';
        if (strcmp(word, "epoch") != 0 && strcmp(word, "session") != 0) {
                (void)snprintf(reason, reason_size, "unknown parameter \"%.32s\" in the export name; epoch and session exist",
                               word);
                return -EINVAL;
        }
        bool is_epoch = word[0] == 'e';
        bool *seen = is_epoch ? epoch_seen : session_seen;
        if (*seen) {
                (void)snprintf(reason, reason_size, "parameter \"%s\" is given twice in the export name", word);
                return -EINVAL;
        }
        *seen = true;
        if (is_epoch && (!value || parse_epoch(value, &name->epoch) < 0)) {
                (void)snprintf(reason, reason_size, "epoch in the export name must be a decimal number from 1 to 2^64-1");
                return -EINVAL;
        }
        if (!is_epoch && (!value || uuid_parse(value, &name->session) < 0 || uuid_is_null(&name->session))) {
                (void)snprintf(reason, reason_size, "session in the export name must be a UUID");
                return -EINVAL;
        }
        return 0;
}

int export_name_parse(const char *text, size_t name_bytes, struct export_name *ret, char *reason, size_t reason_size)
{
        struct export_name name = {0};
        char copy[EXPORT_NAME_MAX + 1];

        if (name_bytes == 0) {
                (void)snprintf(reason, reason_size, "the export name is empty; it is the export's id, e.g. 0x12345678");
                return -EINVAL;
        }
        if (name_bytes > EXPORT_NAME_MAX || memchr(text, '\0', name_bytes)) {
                (void)snprintf(reason, reason_size, "the export name is not an id with parameters");
                return -EINVAL;
        }
        memcpy(copy, text, name_bytes);
        copy[name_bytes] = '\0';

        char *parameters = strchr(copy, '?');
        if (parameters)
                *parameters++ = '\0';
        if (export_id_parse(copy, &name.id, reason, (unsigned)reason_size) < 0)
                return -EINVAL;
        if (parameters) {
                bool epoch_seen = false, session_seen = false;
                char *word;
                while ((word = strsep(&parameters, "&")))
                        if (parse_parameter(word, &name, &epoch_seen, &session_seen, reason, reason_size) < 0)
                                return -EINVAL;
                if (!epoch_seen || !session_seen) {
                        (void)snprintf(reason, reason_size, "epoch and session go together in the export name");
                        return -EINVAL;
                }
                name.has_session = true;
        }
        *ret = name;
        return 0;
}

void export_name_format(const struct export_name *name, char ret_text[EXPORT_NAME_TEXT_SIZE])
{
        char id[EXPORT_ID_TEXT_SIZE], session[UUID_TEXT_SIZE];

        export_id_format(name->id, id);
        if (!name->has_session) {
                (void)snprintf(ret_text, EXPORT_NAME_TEXT_SIZE, "%s", id);
                return;
        }
        uuid_format(&name->session, session);
        (void)snprintf(ret_text, EXPORT_NAME_TEXT_SIZE, "%s?epoch=%llu&session=%s", id, (unsigned long long)name->epoch,
                       session);
}
