/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Throw-away P-256 certificates for tests, written as PEM files. */
#ifndef NBDD_TESTS_PKI_H
#define NBDD_TESTS_PKI_H

struct pki; /* a CA */

struct pki *pki_new(const char *ca_path);
/* `common_name` or `dns_name` may be NULL. The key's file has mode 0600. */
void pki_issue(struct pki *ca, const char *common_name, const char *dns_name, const char *certificate_path, const char *key_path);
void pki_free(struct pki *ca);

#endif
