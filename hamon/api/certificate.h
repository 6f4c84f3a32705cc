/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The certificate of the API on TCP: P-256, self-signed. Blocks on the disk. */
#ifndef HAMON_API_CERTIFICATE_H
#define HAMON_API_CERTIFICATE_H

#include "hamon/config.h"

enum { CERTIFICATE_PEM_MAX = 64 << 10, CERTIFICATE_DAYS = 3650 };

/* *ret is malloc'ed, with a NUL. -errno; -EFBIG; -EBADMSG: empty. */
int certificate_read(const char *path, char **ret);

/* Makes a key and a certificate for every name and address of the cluster. Existing files are never touched (-EEXIST). `error`: one sentence. */
int certificate_create(const struct config *config, const char *certificate, const char *key, char *error, size_t error_size);

/* SHA-256 of the certificate in a file, as browsers show it. `ret` has 96 bytes. */
int certificate_fingerprint(const char *certificate, char ret[96]);

#endif
