/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/grants_file.h"

#include "base/id.h"
#include "base/statefile.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER "nbdd-grants"
#define VERSION 1u

/* The text without the grant; NULL when it is not what nbdd writes. */
static char *without(const char *text, size_t size_bytes, uint64_t id)
{
        json_t *root = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, NULL), *grants = json_object_get(root, "grants");
        bool understood = json_is_array(grants);
        char reason[128];

        for (size_t i = json_array_size(grants); understood && i-- > 0;) {
                const char *value = json_string_value(json_object_get(json_array_get(grants, i), "id"));
                uint64_t that;

                understood = value && export_id_parse(value, &that, reason, sizeof reason) == 0;
                if (understood && that == id)
                        understood = json_array_remove(grants, i) == 0;
        }
        char *result = understood ? json_dumps(root, JSON_INDENT(1)) : NULL;
        json_decref(root);
        return result;
}

static int forget(const char *path, uint64_t id)
{
        char *text = NULL, *rest = NULL;
        unsigned version;
        size_t size_bytes;
        struct stat st;

        if (stat(path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        int r = statefile_read(path, OWNER, VERSION, &version, &text, &size_bytes);
        if (r == 0)
                rest = without(text, size_bytes, id);
        r = rest ? statefile_write(path, OWNER, VERSION, rest, strlen(rest)) : -EBADMSG;
        /* nbdd has an account of its own, and must be able to read what it owns. */
        if (r == 0 && (chown(path, st.st_uid, st.st_gid) < 0 || chmod(path, st.st_mode & 07777) < 0))
                r = -errno;
        free(rest);
        free(text);
        return r == 0 ? 0 : statefile_remove(path);
}

int grants_file_forget(const char *path, uint64_t id)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

        pthread_mutex_lock(&lock);
        int r = forget(path, id);
        pthread_mutex_unlock(&lock);
        return r;
}
