/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SERIAL_BYTES = 16, BACKDATE_S = 86400 };

int certificate_read(const char *path, char **ret)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        char *text = fd < 0 ? NULL : calloc(1, CERTIFICATE_PEM_MAX + 1);
        ssize_t n = text ? read(fd, text, CERTIFICATE_PEM_MAX) : -1;
        int r = n < 0 ? -errno : n == 0 ? -EBADMSG : n == CERTIFICATE_PEM_MAX ? -EFBIG : 0;
        if (fd >= 0)
                close(fd);
        if (r < 0)
                free(text);
        else
                *ret = text;
        return r;
}

static int write_new(const char *path, mode_t mode, const gnutls_datum_t *pem)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        ssize_t n = write(fd, pem->data, pem->size);
        int r = n == (ssize_t)pem->size ? 0 : n < 0 ? -errno : -ENOSPC;
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        close(fd);
        if (r < 0)
                (void)unlink(path); /* ours and useless */
        return r;
}

/* Every name under which a node may be asked: verification works on whichever of them. */
static int add_names(gnutls_x509_crt_t crt, const struct config *c)
{
        int r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9, GNUTLS_FSAN_SET);
        for (unsigned v = 0; v < VOTERS; v++) {
                const struct config_voter *voter = &c->voters[v];
                if (r == 0 && *voter->name)
                        r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, voter->name, (unsigned)strlen(voter->name), GNUTLS_FSAN_APPEND);
                for (unsigned i = 0; r == 0 && i < voter->links; i++)
                        r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, voter->link[i].bytes,
                                                                 voter->link[i].family == AF_INET6 ? 16 : 4, GNUTLS_FSAN_APPEND);
        }
        for (unsigned i = 0; r == 0 && i < c->api.listens; i++)
                r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, c->api.listen[i].address.bytes,
                                                         c->api.listen[i].address.family == AF_INET6 ? 16 : 4, GNUTLS_FSAN_APPEND);
        for (unsigned i = 0; r == 0 && i < c->api.hosts; i++)
                r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, c->api.host[i], (unsigned)strlen(c->api.host[i]), GNUTLS_FSAN_APPEND);
        return r;
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const struct config *c)
{
        uint8_t serial[SERIAL_BYTES];
        time_t now = time(NULL);
        char name[CONFIG_NAME_SIZE + 16];
        int n = snprintf(name, sizeof name, "hamon of %s", c->cluster); /* fits */
        int r = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
        r = r ? r : gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
        serial[0] = (uint8_t)((serial[0] & 0x7f) | 1); /* positive, and not 0 */
        r = r ? r : gnutls_x509_crt_set_version(crt, 3);
        r = r ? r : gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
        r = r ? r : gnutls_x509_crt_set_activation_time(crt, now - BACKDATE_S); /* clocks differ */
        r = r ? r : gnutls_x509_crt_set_expiration_time(crt, now + (time_t)CERTIFICATE_DAYS * 86400);
        r = r ? r : gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)n);
        r = r ? r : gnutls_x509_crt_set_key(crt, key);
        r = r ? r : gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
        r = r ? r : gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN);
        r = r ? r : gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
        r = r ? r : add_names(crt, c);
        return r ? r : gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

int certificate_create(const struct config *config, const char *certificate, const char *key_path, char *error, size_t error_size)
{
        gnutls_x509_crt_t crt = NULL;
        gnutls_x509_privkey_t key = NULL;
        gnutls_datum_t crt_pem = {0}, key_pem = {0};
        int r = gnutls_x509_crt_init(&crt);
        r = r ? r : gnutls_x509_privkey_init(&key);
        r = r ? r : fill(crt, key, config);
        r = r ? r : gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem);
        r = r ? r : gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key_pem);
        if (r != 0)
                (void)snprintf(error, error_size, "cannot make a certificate: %s", gnutls_strerror(r));
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_privkey_deinit(key);
        if (r != 0) {
                r = -EIO;
        } else {
                const char *path = key_path;
                r = write_new(key_path, 0600, &key_pem);
                if (r == 0) {
                        path = certificate;
                        r = write_new(certificate, 0644, &crt_pem);
                        if (r < 0)
                                (void)unlink(key_path); /* made a moment ago, and of no use alone */
                }
                if (r < 0)
                        (void)snprintf(error, error_size, "cannot make '%s': %s", path, strerrordesc_np(-r));
        }
        gnutls_free(crt_pem.data);
        if (key_pem.data)
                gnutls_memset(key_pem.data, 0, key_pem.size);
        gnutls_free(key_pem.data);
        return r;
}

int certificate_fingerprint(const char *certificate, char ret[96])
{
        gnutls_x509_crt_t crt = NULL;
        uint8_t hash[32];
        size_t size = sizeof hash;
        char *text;
        int r = certificate_read(certificate, &text);
        if (r < 0)
                return r;
        gnutls_datum_t pem = {.data = (unsigned char *)text, .size = (unsigned)strlen(text)};
        int e = gnutls_x509_crt_init(&crt);
        e = e ? e : gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
        e = e ? e : gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &size);
        gnutls_x509_crt_deinit(crt);
        free(text);
        for (unsigned i = 0; e == 0 && i < sizeof hash; i++)
                (void)snprintf(ret + 3 * i, 4, i + 1 < sizeof hash ? "%02X:" : "%02X", hash[i]); /* fits */
        return e ? -EBADMSG : 0;
}
