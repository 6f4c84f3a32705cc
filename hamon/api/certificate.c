/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/certificate.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SERIAL_BYTES = 16, KEY_ID_BYTES = 32, BACKDATE_S = 86400, DAY_S = 86400 };

struct pair {
        gnutls_x509_crt_t crt;
        gnutls_x509_privkey_t key;
};

static void pair_free(struct pair *p)
{
        gnutls_x509_crt_deinit(p->crt);
        gnutls_x509_privkey_deinit(p->key);
}

static int pair_init(struct pair *p)
{
        *p = (struct pair){0};
        int r = gnutls_x509_crt_init(&p->crt);
        return r ? r : gnutls_x509_privkey_init(&p->key);
}

static int generate(gnutls_x509_privkey_t key)
{
        return gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
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

/* What both have. The two key identifiers are what strict clients (RFC 5280, 4.2.1.1) look for. */
static int fill(struct pair *p, const char *what, const struct config *c, time_t until)
{
        uint8_t serial[SERIAL_BYTES], id[KEY_ID_BYTES];
        size_t id_size = sizeof id;
        char name[CONFIG_NAME_SIZE + 32];
        int n = snprintf(name, sizeof name, "%s of %s", what, c->cluster); /* fits */
        int r = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
        serial[0] = (uint8_t)((serial[0] & 0x7f) | 1); /* positive, and not 0 */
        r = r ? r : gnutls_x509_crt_set_version(p->crt, 3);
        r = r ? r : gnutls_x509_crt_set_serial(p->crt, serial, sizeof serial);
        r = r ? r : gnutls_x509_crt_set_activation_time(p->crt, time(NULL) - BACKDATE_S); /* clocks differ */
        r = r ? r : gnutls_x509_crt_set_expiration_time(p->crt, until);
        r = r ? r : gnutls_x509_crt_set_dn_by_oid(p->crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)n);
        r = r ? r : gnutls_x509_crt_set_key(p->crt, p->key);
        r = r ? r : gnutls_x509_crt_get_key_id(p->crt, 0, id, &id_size);
        return r ? r : gnutls_x509_crt_set_subject_key_id(p->crt, id, id_size);
}

static int fill_authority(struct pair *p, const struct config *c)
{
        int r = fill(p, "authority", c, time(NULL) + (time_t)AUTHORITY_DAYS * DAY_S);
        r = r ? r : gnutls_x509_crt_set_basic_constraints(p->crt, 1, 0);
        r = r ? r : gnutls_x509_crt_set_key_usage(p->crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
        return r ? r : gnutls_x509_crt_sign2(p->crt, p->crt, p->key, GNUTLS_DIG_SHA256, 0);
}

static int fill_certificate(struct pair *p, const struct pair *by, const struct config *c)
{
        uint8_t id[KEY_ID_BYTES];
        size_t id_size = sizeof id;
        time_t until = time(NULL) + (time_t)CERTIFICATE_DAYS * DAY_S, end = gnutls_x509_crt_get_expiration_time(by->crt);
        int r = generate(p->key);
        r = r ? r : fill(p, "hamon", c, until < end ? until : end);
        r = r ? r : gnutls_x509_crt_set_basic_constraints(p->crt, 0, -1);
        r = r ? r : gnutls_x509_crt_set_key_usage(p->crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
        r = r ? r : gnutls_x509_crt_set_key_purpose_oid(p->crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
        r = r ? r : gnutls_x509_crt_get_subject_key_id(by->crt, id, &id_size, NULL);
        r = r ? r : gnutls_x509_crt_set_authority_key_id(p->crt, id, id_size);
        r = r ? r : add_names(p->crt, c);
        return r ? r : gnutls_x509_crt_sign2(p->crt, by->crt, by->key, GNUTLS_DIG_SHA256, 0);
}

/* -- The authority that is there -------------------------------------------------------------------------------------------------------- */

static gnutls_datum_t datum(const char *text)
{
        return (gnutls_datum_t){.data = (unsigned char *)text, .size = (unsigned)strlen(text)};
}

static bool belong_together(const struct pair *p)
{
        uint8_t of_crt[KEY_ID_BYTES], of_key[KEY_ID_BYTES];
        size_t a = sizeof of_crt, b = sizeof of_key;
        return gnutls_x509_crt_get_key_id(p->crt, 0, of_crt, &a) == 0 && gnutls_x509_privkey_get_key_id(p->key, 0, of_key, &b) == 0 && a == b &&
               memcmp(of_crt, of_key, a) == 0;
}

static int read_authority(struct pair *p, const char *crt, const char *key, char *error, size_t size)
{
        gnutls_datum_t crt_pem = datum(crt), key_pem = datum(key);
        unsigned ca = 0;
        if (gnutls_x509_crt_import(p->crt, &crt_pem, GNUTLS_X509_FMT_PEM) < 0 || gnutls_x509_crt_get_basic_constraints(p->crt, NULL, &ca, NULL) < 0 || !ca) {
                (void)snprintf(error, size, "the authority's certificate is none");
                return -EBADMSG;
        }
        if (gnutls_x509_privkey_import(p->key, &key_pem, GNUTLS_X509_FMT_PEM) < 0 || !belong_together(p)) {
                (void)snprintf(error, size, "the authority's key is not that of its certificate");
                return -EBADMSG;
        }
        if (gnutls_x509_crt_get_expiration_time(p->crt) <= time(NULL)) {
                (void)snprintf(error, size, "the authority's time is over");
                return -EKEYEXPIRED;
        }
        return 0;
}

static int open_authority(struct pair *p, const struct config *config, const char *crt, const char *key, char *error, size_t size)
{
        if (crt)
                return read_authority(p, crt, key ? key : "", error, size);
        gnutls_datum_t key_pem = datum(key ? key : "");
        if (key && gnutls_x509_privkey_import(p->key, &key_pem, GNUTLS_X509_FMT_PEM) < 0) {
                (void)snprintf(error, size, "the authority's key is none");
                return -EBADMSG;
        }
        int r = key ? 0 : generate(p->key);
        r = r ? r : fill_authority(p, config);
        if (r == 0)
                return 0;
        (void)snprintf(error, size, "cannot make an authority: %s", gnutls_strerror(r));
        return -EIO;
}

/* -- Texts ------------------------------------------------------------------------------------------------------------------------------ */

static char *crt_text(gnutls_x509_crt_t crt, const char *behind)
{
        gnutls_datum_t pem = {0};
        char *text = NULL;
        if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) == 0 && asprintf(&text, "%.*s%s", (int)pem.size, (char *)pem.data, behind) < 0)
                text = NULL;
        gnutls_free(pem.data);
        return text;
}

static char *key_text(gnutls_x509_privkey_t key)
{
        gnutls_datum_t pem = {0};
        char *text = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem) == 0 ? strndup((char *)pem.data, pem.size) : NULL;
        if (pem.data)
                gnutls_memset(pem.data, 0, pem.size);
        gnutls_free(pem.data);
        return text;
}

static void release_key(char *text)
{
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
}

void certificate_made_release(struct certificate_made *m)
{
        free(m->authority);
        free(m->chain);
        release_key(m->authority_key);
        release_key(m->key);
        *m = (struct certificate_made){0};
}

int certificate_make(const struct config *config, const char *authority, const char *authority_key, struct certificate_made *ret, char *error, size_t error_size)
{
        struct certificate_made made = {0};
        struct pair by = {0}, pair = {0};
        (void)snprintf(error, error_size, "cannot make a certificate: no memory");
        int r = pair_init(&by) || pair_init(&pair) ? -EIO : open_authority(&by, config, authority, authority_key, error, error_size);
        if (r == 0) {
                int e = fill_certificate(&pair, &by, config);
                char *authority_text = crt_text(by.crt, "");
                if (e)
                        (void)snprintf(error, error_size, "cannot make a certificate: %s", gnutls_strerror(e));
                made.chain = authority_text ? crt_text(pair.crt, authority_text) : NULL;
                made.key = key_text(pair.key);
                if (!authority)
                        made.authority_key = key_text(by.key);
                r = e || !made.chain || !made.key || (!authority && !made.authority_key) ? -EIO : 0;
                if (authority)
                        free(authority_text);
                else
                        made.authority = authority_text;
        }
        pair_free(&by);
        pair_free(&pair);
        if (r < 0)
                certificate_made_release(&made);
        else
                *ret = made;
        return r;
}

int certificate_fingerprint(const char *pem, char ret[96])
{
        gnutls_x509_crt_t crt = NULL;
        gnutls_datum_t text = datum(pem);
        uint8_t hash[32];
        size_t size = sizeof hash;
        int e = gnutls_x509_crt_init(&crt);
        e = e ? e : gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM);
        e = e ? e : gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &size);
        gnutls_x509_crt_deinit(crt);
        for (unsigned i = 0; e == 0 && i < sizeof hash; i++)
                (void)snprintf(ret + 3 * i, 4, i + 1 < sizeof hash ? "%02X:" : "%02X", hash[i]); /* fits */
        return e ? -EBADMSG : 0;
}
