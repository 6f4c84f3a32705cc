/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/tls_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>

#define INPUT_EXACT_BYTES TLS_RECORD_BYTES_MAX
#define INPUT_BULK_BYTES (4u * TLS_RECORD_BYTES_MAX)
#define OUTPUT_BYTES_MAX (TLS_OUTPUT_BYTES + (128u << 10)) /* what a handshake and one record past the soft limit may need */

/* ---- bytes between GnuTLS and the buffers ---- */

/* Up to the end of the present record: first its header, then as much as that says. */
static size_t record_rest(const struct tls *t)
{
        size_t have = t->in_end - t->in_start;
        const uint8_t *header = t->in + t->in_start;

        if (have < TLS_RECORD_HEADER_BYTES)
                return TLS_RECORD_HEADER_BYTES - have;
        size_t whole = TLS_RECORD_HEADER_BYTES + ((size_t)header[3] << 8 | header[4]);
        return whole > have ? whole - have : 0;
}

/* GnuTLS gets whole records only, and one at a time: what it holds then always ends where a record does. */
static bool begin_record(struct tls *t)
{
        size_t have = t->in_end - t->in_start;
        const uint8_t *header = t->in + t->in_start;

        if (have < TLS_RECORD_HEADER_BYTES)
                return false;
        size_t whole = TLS_RECORD_HEADER_BYTES + ((size_t)header[3] << 8 | header[4]);
        if (have < whole && whole <= TLS_RECORD_BYTES_MAX)
                return false;
        t->pull_left = whole; /* one that is too long is refused for its header */
        return true;
}

static ssize_t pull(gnutls_transport_ptr_t p, void *to, size_t bytes)
{
        struct tls *t = p;
        size_t n = t->in_end - t->in_start;

        if (n == 0 || (t->pull_left == 0 && !begin_record(t))) {
                gnutls_transport_set_errno(t->session, EAGAIN);
                return -1;
        }
        n = n < t->pull_left ? n : t->pull_left;
        n = bytes < n ? bytes : n;
        memcpy(to, t->in + t->in_start, n);
        t->in_start += n;
        t->pull_left -= n;
        return (ssize_t)n;
}

static int pull_timeout(gnutls_transport_ptr_t p, unsigned ms)
{
        const struct tls *t = p;
        (void)ms;
        return t->in_end > t->in_start;
}

static bool grow_output(struct tls *t, size_t need)
{
        size_t size = t->out_size ? t->out_size : 4096;

        while (size < need)
                size *= 2;
        if (size == t->out_size)
                return true;
        uint8_t *bigger = need <= OUTPUT_BYTES_MAX ? realloc(t->out, size) : NULL;
        if (!bigger)
                return false;
        t->out = bigger;
        t->out_size = size;
        return true;
}

static ssize_t push(gnutls_transport_ptr_t p, const void *from, size_t bytes)
{
        struct tls *t = p;

        if (!grow_output(t, t->out_end + bytes)) {
                gnutls_transport_set_errno(t->session, ENOMEM);
                return -1;
        }
        memcpy(t->out + t->out_end, from, bytes);
        t->out_end += bytes;
        return (ssize_t)bytes;
}

/* ---- life ---- */

static int check_peer(gnutls_session_t session, const struct tls_keys *k)
{
        static gnutls_typed_vdata_st client_use = {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (void *)GNUTLS_KP_TLS_WWW_CLIENT};

        if (k->side == TLS_SERVER) {
                gnutls_session_set_verify_cert2(session, &client_use, 1, 0);
                gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
                return 0;
        }
        gnutls_session_set_verify_cert(session, k->hostname, 0);
        return strspn(k->hostname, "0123456789.") == strlen(k->hostname) || strchr(k->hostname, ':')
                   ? 0 /* an address is no name for SNI */
                   : gnutls_server_name_set(session, GNUTLS_NAME_DNS, k->hostname, strlen(k->hostname));
}

static int set_up(struct tls *t)
{
        const struct tls_keys *k = t->keys;
        unsigned side = k->side == TLS_SERVER ? GNUTLS_SERVER : GNUTLS_CLIENT;
        int r = gnutls_init(&t->session, side | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);

        if (r < 0)
                return r;
        gnutls_session_set_ptr(t->session, t);
        gnutls_transport_set_ptr(t->session, t);
        gnutls_transport_set_pull_function(t->session, pull);
        gnutls_transport_set_pull_timeout_function(t->session, pull_timeout);
        gnutls_transport_set_push_function(t->session, push);
        gnutls_handshake_set_timeout(t->session, GNUTLS_INDEFINITE_TIMEOUT); /* the caller has a clock */
        r = gnutls_priority_set(t->session, k->priority);
        if (r >= 0 && k->psk_server)
                r = gnutls_credentials_set(t->session, GNUTLS_CRD_PSK, k->psk_server);
        if (r >= 0 && k->psk_client)
                r = gnutls_credentials_set(t->session, GNUTLS_CRD_PSK, k->psk_client);
        if (r >= 0 && k->certificates)
                r = gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, k->certificates);
        return r >= 0 && k->certificates ? check_peer(t->session, k) : r;
}

int tls_new(const struct tls_keys *keys, struct tls **ret)
{
        struct tls *t = calloc(1, sizeof *t);

        if (!t)
                return -ENOMEM;
        t->keys = tls_keys_hold(keys);
        t->in_size = INPUT_EXACT_BYTES;
        t->in = malloc(t->in_size);
        t->plain = malloc(TLS_RECORD_PLAIN_BYTES);
        if (!t->in || !t->plain || set_up(t) < 0) {
                tls_free(t);
                return -ENOMEM;
        }
        *ret = t;
        return 0;
}

void tls_free(struct tls *t)
{
        if (!t)
                return;
        if (t->session)
                gnutls_deinit(t->session);
        if (t->plain)
                gnutls_memset(t->plain, 0, TLS_RECORD_PLAIN_BYTES);
        free(t->plain);
        free(t->in);
        free(t->out);
        free(t->leaving);
        tls_keys_free(t->keys);
        free(t);
}

/* ---- ciphertext ---- */

uint8_t *tls_room(struct tls *t, size_t *ret_bytes)
{
        if (t->in_start) {
                memmove(t->in, t->in + t->in_start, t->in_end - t->in_start);
                t->in_end -= t->in_start;
                t->in_start = 0;
        }
        size_t room = t->in_size - t->in_end;
        size_t rest = t->bulk ? room : record_rest(t);
        *ret_bytes = rest < room ? rest : room; /* a record that says to be too long does not fit: GnuTLS refuses it */
        return t->in + t->in_end;
}

void tls_received(struct tls *t, size_t bytes)
{
        assert(bytes <= t->in_size - t->in_end);
        t->in_end += bytes;
}

const uint8_t *tls_output(struct tls *t, size_t *ret_bytes)
{
        if (t->leaving_start == t->leaving_end) {
                uint8_t *empty = t->leaving;
                size_t empty_size = t->leaving_size;
                t->leaving = t->out;
                t->leaving_size = t->out_size;
                t->leaving_start = 0;
                t->leaving_end = t->out_end;
                t->out = empty;
                t->out_size = empty_size;
                t->out_end = 0;
        }
        *ret_bytes = t->leaving_end - t->leaving_start;
        return t->leaving + t->leaving_start;
}

void tls_sent(struct tls *t, size_t bytes)
{
        assert(bytes <= t->leaving_end - t->leaving_start);
        t->leaving_start += bytes;
}

int tls_bulk(struct tls *t)
{
        uint8_t *bigger = realloc(t->in, INPUT_BULK_BYTES);
        if (!bigger)
                return -ENOMEM;
        t->in = bigger;
        t->in_size = INPUT_BULK_BYTES;
        t->bulk = true;
        return 0;
}

/* ---- handshake ---- */

const char *tls_reason(const struct tls *t)
{
        return t->reason;
}

const char *tls_identity(const struct tls *t)
{
        return t->identity;
}

bool tls_is_psk(const struct tls *t)
{
        return gnutls_auth_client_get_type(t->session) == GNUTLS_CRD_PSK;
}

/* Printable and without NUL inside, so that no two names look the same. */
static bool take_identity(struct tls *t, const void *data, size_t bytes)
{
        const unsigned char *c = data;

        if (bytes == 0 || bytes >= sizeof t->identity)
                return false;
        for (size_t i = 0; i < bytes; i++)
                if (c[i] < ' ' || c[i] == 0x7f)
                        return false;
        memcpy(t->identity, data, bytes);
        t->identity[bytes] = '\0';
        return true;
}

static bool identity_of_certificate(struct tls *t)
{
        gnutls_x509_crt_t crt = NULL;
        char text[TLS_IDENTITY_SIZE];
        unsigned count = 0, critical;
        bool found = false;
        const gnutls_datum_t *list = gnutls_certificate_get_peers(t->session, &count);

        if (count == 0 || gnutls_x509_crt_init(&crt) < 0)
                return false;
        if (gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER) == 0) {
                size_t size = sizeof text;
                found = gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &size) == 0 && take_identity(t, text, size);
                for (unsigned i = 0; !found; i++) {
                        size = sizeof text;
                        int type = gnutls_x509_crt_get_subject_alt_name(crt, i, text, &size, &critical);
                        if (type < 0)
                                break;
                        found = type == GNUTLS_SAN_DNSNAME && take_identity(t, text, size);
                }
        }
        gnutls_x509_crt_deinit(crt);
        return found;
}

static bool identify(struct tls *t)
{
        gnutls_datum_t name;

        if (t->keys->side == TLS_CLIENT)
                return true;
        if (tls_is_psk(t))
                return gnutls_psk_server_get_username2(t->session, &name) == 0 && take_identity(t, name.data, name.size);
        return identity_of_certificate(t);
}

static void explain_certificate(struct tls *t)
{
        gnutls_datum_t text;
        unsigned status = gnutls_session_get_verify_cert_status(t->session);

        if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0) {
                (void)snprintf(t->reason, sizeof t->reason, "the other side's certificate is not accepted");
                return;
        }
        (void)snprintf(t->reason, sizeof t->reason, "%.*s", (int)text.size, (const char *)text.data);
        size_t n = strlen(t->reason);
        while (n && (t->reason[n - 1] == ' ' || t->reason[n - 1] == '.'))
                t->reason[--n] = '\0';
        gnutls_free(text.data);
}

/* What GnuTLS says, in words that tell a person where to look. */
static int explain(struct tls *t, int error)
{
        bool client = t->keys->side == TLS_CLIENT;

        switch (error) {
        case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
                explain_certificate(t);
                return -EACCES;
        case GNUTLS_E_NO_CERTIFICATE_FOUND:
        case GNUTLS_E_CERTIFICATE_REQUIRED:
                (void)snprintf(t->reason, sizeof t->reason, "the client shows neither a certificate nor a pre-shared key");
                return -EACCES;
        case GNUTLS_E_INSUFFICIENT_CREDENTIALS:
        case GNUTLS_E_NO_CIPHER_SUITES:
                (void)snprintf(t->reason, sizeof t->reason, "no kind of key that both sides have: one has pre-shared keys, the other certificates");
                return -EACCES;
        case GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER: /* the PSK binder is wrong */
        case GNUTLS_E_DECRYPTION_FAILED:
                (void)snprintf(t->reason, sizeof t->reason, "%s",
                               t->unknown_identity ? "the pre-shared key's identity is not known here" : "the pre-shared key is another one");
                return -EACCES;
        case GNUTLS_E_FATAL_ALERT_RECEIVED:
                (void)snprintf(t->reason, sizeof t->reason, "the other side refuses: %s%s", gnutls_alert_get_name(gnutls_alert_get(t->session)),
                               client ? "; key, identity or certificate are not the ones that it knows: its log says which, compare the files" : "");
                return -EACCES;
        default:
                (void)snprintf(t->reason, sizeof t->reason, "%s", gnutls_strerror(error));
                return -EPROTO;
        }
}

static int end_with(struct tls *t, int error)
{
        bool open = t->phase == TLS_OPEN;

        t->phase = TLS_ENDED;
        if (error != GNUTLS_E_FATAL_ALERT_RECEIVED)
                (void)gnutls_alert_send_appropriate(t->session, error); /* there is none for every error */
        int r = explain(t, error);
        if (!open || error != GNUTLS_E_DECRYPTION_FAILED)
                return r;
        (void)snprintf(t->reason, sizeof t->reason, "a record was changed on its way");
        return -EPROTO;
}

int tls_handshake(struct tls *t)
{
        int r;

        assert(t->phase == TLS_HANDSHAKING);
        do
                r = gnutls_handshake(t->session);
        while (r == GNUTLS_E_INTERRUPTED || (r < 0 && r != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(r)));
        if (r == GNUTLS_E_AGAIN)
                return -EAGAIN;
        if (r < 0)
                return end_with(t, r);
        if (!identify(t)) {
                t->phase = TLS_ENDED;
                (void)gnutls_alert_send(t->session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
                (void)snprintf(t->reason, sizeof t->reason, "the certificate has no usable name: neither common name nor DNS name");
                return -EACCES;
        }
        t->phase = TLS_OPEN;
        return 0;
}

/* ---- records ---- */

ssize_t tls_read(struct tls *t, void *to, size_t bytes)
{
        ssize_t n;

        if (t->phase != TLS_OPEN)
                return -EPROTO;
        do /* tickets and key updates are taken on the way */
                n = gnutls_record_recv(t->session, to, bytes);
        while (n == GNUTLS_E_INTERRUPTED || (n == GNUTLS_E_AGAIN && t->in_end > t->in_start && record_rest(t) == 0));
        if (n >= 0)
                return n;
        return n == GNUTLS_E_AGAIN ? -EAGAIN : end_with(t, (int)n); /* -EACCES: an alert */
}

static int send_record(struct tls *t, const uint8_t *data, size_t bytes)
{
        while (bytes) {
                ssize_t n = gnutls_record_send(t->session, data, bytes);
                if (n < 0 && n != GNUTLS_E_INTERRUPTED && n != GNUTLS_E_AGAIN)
                        return n == GNUTLS_E_PUSH_ERROR || n == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EPROTO;
                if (n > 0) {
                        data += n;
                        bytes -= (size_t)n;
                }
        }
        return 0;
}

ssize_t tls_write(struct tls *t, const struct iovec *iov, size_t count)
{
        size_t taken = 0, collected = 0;
        int r = t->phase == TLS_OPEN ? 0 : -EPROTO;

        for (size_t i = 0; r == 0 && i < count; i++) {
                const uint8_t *from = iov[i].iov_base;
                size_t left = iov[i].iov_len;
                while (r == 0 && left) {
                        if (t->out_end >= TLS_OUTPUT_BYTES)
                                goto full;
                        size_t n = TLS_RECORD_PLAIN_BYTES - collected;
                        n = left < n ? left : n;
                        memcpy(t->plain + collected, from, n);
                        from += n;
                        left -= n;
                        collected += n;
                        taken += n;
                        if (collected == TLS_RECORD_PLAIN_BYTES) {
                                r = send_record(t, t->plain, collected);
                                collected = 0;
                        }
                }
        }
full:
        if (r == 0 && collected)
                r = send_record(t, t->plain, collected);
        return r < 0 ? r : (ssize_t)taken;
}
