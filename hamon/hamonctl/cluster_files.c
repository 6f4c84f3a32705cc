/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/cluster_files.h"

#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/put_file.h"
#include "hamon/join/files.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What hamon/join says, line by line: what is wrong, and behind it what to do. */
static void print_why(const char *why)
{
        const char *next = strchr(why, '\n');
        fprintf(stderr, "hamonctl: %.*s\n", next ? (int)(next - why) : (int)strlen(why), why);
        if (next)
                fprintf(stderr, "hamonctl: next: %s\n", next + 1);
}

bool cluster_files_none(const char *dir)
{
        char path[256];
        join_file_path(dir, "hamon.conf", path, sizeof path);
        if (access(path, F_OK) < 0 && errno == ENOENT)
                return true;
        fprintf(stderr, "hamonctl: '%s' is there: this machine is in a cluster already; nothing was changed\n"
                        "hamonctl: next: to bring the other machines in: hamonctl cluster invite NAME...; to leave it, stop hamon and hamon-act, and move that file away\n", path);
        return false;
}

json_t *cluster_files_read(const char *dir)
{
        char why[JOIN_ERROR_SIZE];
        json_t *files = join_files_read(dir, why);
        if (!files)
                print_why(why);
        return files;
}

static void print_config_error(void *userdata, const char *message)
{
        (void)userdata;
        fprintf(stderr, "%s\n", message);
}

bool cluster_files_check(const char *dir, const json_t *files, struct config *ret)
{
        char why[JOIN_ERROR_SIZE];
        struct ini_errors errors = {.report = print_config_error};
        bool good = join_files_check(dir, files, &errors, ret, why);
        if (!good)
                print_why(why);
        return good;
}

static bool put(const char *dir, const char *name, mode_t mode, enum put_owner owner, const char *text)
{
        char path[256];
        join_file_path(dir, name, path, sizeof path);
        int r = put_file(path, mode, owner, text);
        if (r == 0)
                return true;
        fprintf(stderr, "hamonctl: cannot put '%s' in place: %s; this machine is in no cluster yet\n", path, r == -EEXIST ? "another one is there" : strerrordesc_np(-r));
        fprintf(stderr, "hamonctl: next: %s, and ask for a new join line: hamonctl cluster invite NAME\n", r == -EEXIST ? "move it away if nobody uses it" : "correct that");
        return false;
}

bool cluster_files_write(const char *dir, const char *authority_key, const json_t *files)
{
        if (mkdir(dir, 0750) < 0 && errno != EEXIST) {
                fprintf(stderr, "hamonctl: cannot make '%s': %s\n", dir, strerrordesc_np(errno));
                return false;
        }
        bool good = !authority_key || put(dir, AUTHORITY_KEY, 0600, PUT_OWNER_ROOT, authority_key);
        for (unsigned i = 0; good && i < JOIN_FILES; i++) {
                const char *text = json_string_value(json_object_get(files, join_files[i].name));
                good = !text || put(dir, join_files[i].name, join_files[i].mode, join_files[i].mode == 0644 ? PUT_OWNER_ROOT : PUT_OWNER_HAMON, text);
        }
        return good;
}
