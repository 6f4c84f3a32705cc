/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/net/pki.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

struct pki {
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t certificate;
        unsigned char serial;
};

static void put(const char *path, const gnutls_datum_t *pem, mode_t mode)
{
        FILE *f = fopen(path, "w");
        assert(f && fwrite(pem->data, 1, pem->size, f) == pem->size && fclose(f) == 0 && chmod(path, mode) == 0);
}

static gnutls_x509_privkey_t new_key(void)
{
        gnutls_x509_privkey_t key;
        assert(gnutls_x509_privkey_init(&key) == 0);
        assert(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
        return key;
}

static gnutls_x509_crt_t new_certificate(gnutls_x509_privkey_t key, const char *common_name, unsigned char serial)
{
        gnutls_x509_crt_t c;
        assert(gnutls_x509_crt_init(&c) == 0);
        assert(gnutls_x509_crt_set_version(c, 3) == 0 && gnutls_x509_crt_set_key(c, key) == 0);
        assert(gnutls_x509_crt_set_serial(c, &serial, 1) == 0);
        assert(gnutls_x509_crt_set_activation_time(c, time(NULL) - 3600) == 0 && gnutls_x509_crt_set_expiration_time(c, time(NULL) + 3600) == 0);
        if (common_name)
                assert(gnutls_x509_crt_set_dn_by_oid(c, GNUTLS_OID_X520_COMMON_NAME, 0, common_name, (unsigned)strlen(common_name)) == 0);
        return c;
}

struct pki *pki_new(const char *ca_path)
{
        struct pki *ca = calloc(1, sizeof *ca);
        gnutls_datum_t pem;
        assert(ca);
        ca->key = new_key();
        ca->certificate = new_certificate(ca->key, "test CA", ++ca->serial);
        assert(gnutls_x509_crt_set_ca_status(ca->certificate, 1) == 0);
        assert(gnutls_x509_crt_set_key_usage(ca->certificate, GNUTLS_KEY_KEY_CERT_SIGN) == 0);
        assert(gnutls_x509_crt_sign2(ca->certificate, ca->certificate, ca->key, GNUTLS_DIG_SHA256, 0) == 0);
        assert(gnutls_x509_crt_export2(ca->certificate, GNUTLS_X509_FMT_PEM, &pem) == 0);
        put(ca_path, &pem, 0644);
        gnutls_free(pem.data);
        return ca;
}

void pki_issue(struct pki *ca, const char *common_name, const char *dns_name, const char *certificate_path, const char *key_path)
{
        gnutls_datum_t pem;
        gnutls_x509_privkey_t key = new_key();
        gnutls_x509_crt_t c = new_certificate(key, common_name, ++ca->serial);
        if (dns_name)
                assert(gnutls_x509_crt_set_subject_alt_name(c, GNUTLS_SAN_DNSNAME, dns_name, (unsigned)strlen(dns_name), GNUTLS_FSAN_SET) == 0);
        assert(gnutls_x509_crt_set_key_usage(c, GNUTLS_KEY_DIGITAL_SIGNATURE) == 0);
        assert(gnutls_x509_crt_sign2(c, ca->certificate, ca->key, GNUTLS_DIG_SHA256, 0) == 0);
        assert(gnutls_x509_crt_export2(c, GNUTLS_X509_FMT_PEM, &pem) == 0);
        put(certificate_path, &pem, 0644);
        gnutls_free(pem.data);
        assert(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem) == 0);
        put(key_path, &pem, 0600);
        gnutls_free(pem.data);
        gnutls_x509_crt_deinit(c);
        gnutls_x509_privkey_deinit(key);
}

void pki_free(struct pki *ca)
{
        gnutls_x509_crt_deinit(ca->certificate);
        gnutls_x509_privkey_deinit(ca->key);
        free(ca);
}
