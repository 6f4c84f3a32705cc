/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The certificate of the API on TCP, and the cluster's own authority that signs it: P-256 both. Clients trust the authority, so that another certificate by it
 * is nothing they have to be given. hamonctl makes them; hamon only reads what [api] names, whoever signed it.
 */
#ifndef HAMON_API_CERTIFICATE_H
#define HAMON_API_CERTIFICATE_H

#include "hamon/config.h"

enum { CERTIFICATE_PEM_MAX = 64 << 10, CERTIFICATE_DAYS = 3650, AUTHORITY_DAYS = 7300 };

/* PEM texts, malloc'ed. */
struct certificate_made {
        char *authority, *authority_key; /* the new ones, which the caller keeps; NULL: that which was given is used */
        char *chain, *key;               /* the certificate with its authority's behind it, and its key */
};

/*
 * A key, and a certificate for every name and address of the cluster, by the authority in these texts. Without `authority` by a new one, whose key is `authority_key`
 * if that is given (an attempt that was cut off has left it). Nothing is written. -EBADMSG: a text is not what it should be, or the two do not
 * belong together; -EKEYEXPIRED: the authority's time is over; -EIO. `error`: one sentence. *ret is set only on success.
 */
int certificate_make(const struct config *config, const char *authority, const char *authority_key, struct certificate_made *ret, char *error, size_t error_size);

/* Wipes the keys. */
void certificate_made_release(struct certificate_made *m);

/* SHA-256 of the first certificate in a PEM text, as browsers show it. `ret` has 96 bytes. -EBADMSG. */
int certificate_fingerprint(const char *pem, char ret[96]);

#endif
