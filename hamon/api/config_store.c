/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/config_store.h"

#include "base/statefile.h"
#include "hamon/api/json_take.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWNER "hamon-config"
enum { FORMAT = 1, MODE = 0640 };

void config_next_release(struct config_next *n)
{
        free(n->text);
        *n = (struct config_next){0};
}

static int next_path(const char *path, char ret[PATH_MAX])
{
        return snprintf(ret, PATH_MAX, "%s.next", path) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int config_store_read(const char *path, char **ret_text)
{
        char *text = calloc(1, CONFIG_TEXT_MAX + 2);
        if (!text)
                return -ENOMEM;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, CONFIG_TEXT_MAX + 1);
        int r = n < 0 ? -errno : n > CONFIG_TEXT_MAX ? -EFBIG : memchr(text, '\0', (size_t)n) ? -EBADMSG : 0;
        if (fd >= 0)
                close(fd);
        if (r < 0)
                free(text);
        else
                *ret_text = text;
        return r;
}

int config_store_next(const char *path, struct config_next *ret)
{
        char next[PATH_MAX], *payload;
        size_t size;
        unsigned format;
        int r = next_path(path, next);
        if (r == 0)
                r = statefile_read(next, OWNER, FORMAT, &format, &payload, &size);
        if (r < 0)
                return r;
        json_t *j = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);
        struct json_take t = json_take_from(j);
        struct config_next n = {.version = json_take_u64(&t, "version")};
        const char *hash = json_take_string(&t, "hash"), *by = json_take_string(&t, "by"), *text = json_take_string(&t, "text");
        if (json_take_end(&t) < 0 || strlen(hash) >= sizeof n.hash || strlen(by) >= sizeof n.by)
                r = -EBADMSG;
        if (r == 0) {
                (void)strcpy(n.hash, hash);
                (void)strcpy(n.by, by);
                n.text = strdup(text);
                r = n.text ? 0 : -ENOMEM;
        }
        json_decref(j);
        free(payload);
        if (r == 0)
                *ret = n;
        return r;
}

int config_store_prepare(const char *path, const struct config_next *n)
{
        char next[PATH_MAX];
        json_t *j = json_pack("{s:o, s:s, s:s, s:s}", "version", json_of_u64(n->version), "hash", n->hash, "by", n->by, "text", n->text);
        char *payload = j ? json_dumps(j, JSON_COMPACT) : NULL;
        int r = payload ? next_path(path, next) : -ENOMEM;
        if (r == 0)
                r = statefile_write(next, OWNER, FORMAT, payload, strlen(payload));
        free(payload);
        json_decref(j);
        return r;
}

int config_store_commit(const char *path)
{
        struct config_next n;
        int r = config_store_next(path, &n);
        if (r < 0)
                return r;
        r = statefile_replace_plain(path, MODE, n.text, strlen(n.text));
        config_next_release(&n);
        return r < 0 ? r : config_store_discard(path);
}

int config_store_discard(const char *path)
{
        char next[PATH_MAX];
        int r = next_path(path, next);
        return r < 0 ? r : statefile_remove(next);
}

int config_store_try(const char *path)
{
        char folder[PATH_MAX];
        const char *slash = strrchr(path, '/');
        if (!slash || snprintf(folder, sizeof folder, "%.*s", (int)(slash == path ? 1 : slash - path), path) >= (int)sizeof folder)
                return -EINVAL;
        return access(folder, W_OK) < 0 ? -errno : 0;
}
