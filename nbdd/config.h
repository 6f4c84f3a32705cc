/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nbdd.conf: exports, listeners and limits that a person or a tool declares (nbdd.conf(5)).
 *
 * Owns what was read, with the line of each thing, so that every complaint can name its place. Decides nothing about what is in use: the engine
 * compares (engine_configure.c). Reading blocks on the file; the rest is pure.
 */
#ifndef NBDD_CONFIG_H
#define NBDD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nbdd/limits.h"
#include "nbdd/settings.h"

#define CONFIG_DEFAULT_PATH "/etc/nbdd/nbdd.conf"
#define CONFIG_LISTEN_MAX 16u

struct ini_errors;
struct stored_table;

struct config_export {
        uint64_t id;
        char *device;
        bool read_only;
        bool start; /* available when it first appears; later --start and --stop decide */
        uint64_t offset_bytes, size_bytes;
        struct export_settings settings;
        unsigned line;
};

struct config_listen {
        char *address; /* as for --listen */
        unsigned line;
};

/* As for the options of the same names. */
enum config_tls { CONFIG_TLS, CONFIG_TLS_PSK, CONFIG_TLS_CA, CONFIG_TLS_CERT, CONFIG_TLS_KEY, CONFIG_TLS_RECORDS, CONFIG_TLS_COUNT };

struct config {
        char *path;
        struct config_export *exports;
        size_t export_count;
        struct config_listen listen[CONFIG_LISTEN_MAX];
        size_t listen_count;
        char *tls[CONFIG_TLS_COUNT]; /* NULL: not there */
        struct limits limits;
        unsigned limit_lines[LIMIT_COUNT]; /* 0: not declared */
};

/*
 * Reads the file; all that is wrong in it goes to `errors`, in one run. A file that is not there is an empty configuration when `may_miss`. 0, or
 * -EINVAL when something was reported, -ENOMEM.
 */
int config_load(const char *path, bool may_miss, struct ini_errors *errors, struct config *ret);
void config_release(struct config *c);

/* Reports each export that the state table has by command and the configuration declares, too, with both places. */
void config_conflicts(const struct config *c, const struct stored_table *table, const char *table_path, struct ini_errors *errors);

const struct config_export *config_find(const struct config *c, uint64_t id);

#endif
