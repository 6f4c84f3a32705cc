/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files that make a machine a member of a cluster: cluster.key, with an API ca.crt, api.key and api.crt, and hamon.conf. hamon.conf is the last to be
 * put in place, and hamon starts only where it is: a power cut leaves a machine that is no member, or one that is. A key without a configuration is
 * what was left half done; the same key is put there again. Blocks on the disk. hamonctl alone uses it.
 */
#ifndef HAMON_HAMONCTL_CLUSTER_FILES_H
#define HAMON_HAMONCTL_CLUSTER_FILES_H

#include "hamon/config.h"

#include <jansson.h>

/* hamon/join/files.h for somebody at a terminal: each prints on stderr what is wrong and what to do. */
bool cluster_files_none(const char *dir);                                      /* no hamon.conf yet */
json_t *cluster_files_read(const char *dir);                                   /* {"NAME": TEXT}; NULL: printed */
bool cluster_files_check(const char *dir, const json_t *files, struct config *ret); /* all known, valid as a whole, and for this folder */
bool cluster_files_write(const char *dir, const char *authority_key, const json_t *files); /* `authority_key`: NULL, or for this machine alone and root's */

#define AUTHORITY_KEY "ca.key" /* where the cluster was made; beside AUTHORITY, which all have */
#define AUTHORITY     "ca.crt"

#endif
