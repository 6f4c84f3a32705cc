/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/resync_file.h"

#include "base/statefile.h"
#include "hamon/api/json_take.h"
#include "hamon/core/effect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OWNER "hamon-act-resync"
#define VERSION 1u

static int decode(const char *text, size_t size_bytes, struct resync_said *ret)
{
        json_t *j = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, NULL);
        struct json_take t = json_take_from(j);
        struct resync_said said = {
            .boot = json_take_uuid(&t, "boot"),
            .paused = json_take_bool(&t, "paused"),
            .until_ms = json_take_u64(&t, "until_ms"),
            .ceiling_kib = (uint32_t)json_take_int(&t, "ceiling_kib", 0, RESYNC_RATE_MOST_KIB),
        };
        int r = json_take_end(&t);

        json_decref(j);
        if (r < 0)
                return -EBADMSG;
        *ret = said;
        return 0;
}

int resync_file_read(const char *path, const struct uuid *boot, struct resync_said *ret)
{
        struct resync_said said;
        unsigned version;
        char *payload;
        size_t size;

        *ret = (struct resync_said){.boot = *boot};
        int r = statefile_read(path, OWNER, VERSION, &version, &payload, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        r = decode(payload, size, &said);
        free(payload);
        if (r == 0 && uuid_equal(&said.boot, boot))
                *ret = said;
        return r;
}

int resync_file_write(const char *path, const struct resync_said *said)
{
        json_t *j = json_pack("{s:o, s:b, s:o, s:I}", "boot", json_of_uuid(&said->boot), "paused", (int)said->paused, "until_ms",
                              json_of_u64(said->until_ms), "ceiling_kib", (json_int_t)said->ceiling_kib);
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

        json_decref(j);
        if (!text)
                return -ENOMEM;
        int r = statefile_write(path, OWNER, VERSION, text, strlen(text));
        free(text);
        return r;
}

int resync_file_remove(const char *path)
{
        return statefile_remove(path);
}
