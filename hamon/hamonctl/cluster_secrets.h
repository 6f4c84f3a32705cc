/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The secrets of a cluster that is being made: its key, and the API's key and certificate with the authority that signs it. What an attempt that was cut off has left is used, so that the same
 * command again goes on with it. Blocks on the disk; hamonctl's only thread. False: said to the person.
 */
#ifndef HAMON_HAMONCTL_CLUSTER_SECRETS_H
#define HAMON_HAMONCTL_CLUSTER_SECRETS_H

#include "hamon/api/certificate.h"
#include "hamon/config.h"

#include <jansson.h>

/* Into `files`, as join/files.h has them; nothing is written in `dir`. *ret_authority_key: malloc'ed, of a new authority, for this machine alone; else NULL. */
bool cluster_secrets_add_key(const char *dir, json_t *files);
bool cluster_secrets_add_pair(const char *dir, const struct config *config, json_t *files, char **ret_authority_key);

/* A certificate by the authority in `dir`, or by a new one. *ret_authority: malloc'ed, of whichever. Nothing is written. */
bool cluster_secrets_make_certificate(const char *dir, const struct config *config, struct certificate_made *ret, char **ret_authority);

/* A key that never got its certificate is of no use to this cluster; it may be somebody's all the same: it becomes api.key.old. */
bool cluster_secrets_set_aside(const char *dir, const json_t *files);

#endif
