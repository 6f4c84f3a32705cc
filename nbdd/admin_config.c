/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `nbdd --check-config`: what a start or a reload would say, without a server: the file by itself, and against the state table. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ini.h"
#include "nbdd/admin.h"
#include "nbdd/config.h"
#include "nbdd/reload.h"
#include "nbdd/security.h"
#include "nbdd/store.h"

static void print_line(void *userdata, const char *message)
{
        (void)userdata;
        (void)fprintf(stderr, "nbdd: %s\n", message);
}

/* A device that is not there now may be there when the server starts: worth a word, no error. */
static void look_for_devices(const struct config *c)
{
        struct stat st;

        for (size_t i = 0; i < c->export_count; i++) {
                const struct config_export *x = &c->exports[i];
                if (stat(x->device, &st) < 0)
                        (void)fprintf(stderr, "nbdd: %s:%u: warning: \"%s\" is not there now\n", c->path, x->line, x->device);
                else if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
                        (void)fprintf(stderr, "nbdd: %s:%u: warning: \"%s\" is neither a block device nor a regular file\n", c->path, x->line,
                                      x->device);
        }
}

static bool is_credential(const char *name)
{
        return name && !strchr(name, '/');
}

/* Keys that the file names, and listeners that need some. Without any here they are the command line's, and credentials only the unit can read. */
static void look_at_keys(const struct config *c, struct ini_errors *errors)
{
        struct security_options o = reload_security(c);
        struct security_state state;
        char reason[512], address[LISTEN_WORD_SIZE];
        int tls;

        if (!tls_files_given(&o.files) || is_credential(o.files.psk) || is_credential(o.files.ca) || is_credential(o.files.certificate) ||
            is_credential(o.files.key))
                return;
        o.records = "user"; /* what the kernel can is another question, and takes time */
        int r = security_prepare(&o, &state, reason, sizeof reason);
        if (r == -EACCES) {
                (void)fprintf(stderr, "nbdd: %s: warning: %s\n", c->path, reason);
                return;
        }
        if (r < 0) {
                (void)fprintf(stderr, "nbdd: %s: %s\n", c->path, reason);
                errors->count++;
                return;
        }
        for (size_t i = 0; i < c->listen_count; i++) {
                if (security_listener(&state, c->listen[i].address, address, &tls, reason, sizeof reason) < 0) {
                        (void)fprintf(stderr, "nbdd: %s:%u: %s\n", c->path, c->listen[i].line, reason);
                        errors->count++;
                }
        }
        security_state_release(&state);
}

int admin_check_config(const char *path, const char *state_dir)
{
        struct ini_errors errors = {.report = print_line};
        struct stored_table table;
        struct config c;
        char table_path[512], reason[512];

        if (config_load(path ? path : CONFIG_DEFAULT_PATH, false, &errors, &c) < 0)
                return ADMIN_EXIT_REFUSED;
        (void)snprintf(table_path, sizeof table_path, "%s/exports", state_dir);
        int r = store_read_table(table_path, &table, reason, sizeof reason);
        if (r == 0) {
                config_conflicts(&c, &table, table_path, &errors);
                stored_table_release(&table);
        } else if (r == -EACCES) {
                (void)fprintf(stderr, "nbdd: warning: \"%s\" cannot be read: conflicts with it are not looked for\n", table_path);
        } else {
                print_line(NULL, reason);
                errors.count++;
        }
        look_for_devices(&c);
        look_at_keys(&c, &errors);
        if (errors.count == 0)
                (void)printf("%s: %zu exports, %zu listeners: good\n", c.path, c.export_count, c.listen_count);
        config_release(&c);
        return errors.count ? ADMIN_EXIT_REFUSED : 0;
}
