/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/tls_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

/* TLS 1.3, the one cipher that every kernel with TLS can take over, ephemeral keys always. */
#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:-GROUP-ALL:+GROUP-SECP256R1:+GROUP-X25519"

__attribute__((format(printf, 4, 5))) static int fail(int error, char *reason, size_t size, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        (void)vsnprintf(reason, size, format, args); /* a cut sentence is still one */
        va_end(args);
        return error;
}

/* systemd guards the folder of credentials itself, and an ACL there looks like rights of the group. */
static int check_secret(const struct stat *st, const char *path, bool group_reads, bool credential, char *reason, size_t size)
{
        mode_t open_to = credential ? 07 : group_reads ? 037 : 077;
        if (st->st_mode & open_to)
                return fail(-EPERM, reason, size, "the secret file \"%.160s\" is open to others (mode %03o); chmod %s it", path,
                            (unsigned)(st->st_mode & 0777), group_reads ? "640" : "600");
        if (st->st_uid != 0 && st->st_uid != geteuid())
                return fail(-EPERM, reason, size, "the secret file \"%.160s\" belongs to another user; chown it", path);
        return 0;
}

static bool credential_path(const char *name, char *ret, size_t size)
{
        const char *folder = getenv("CREDENTIALS_DIRECTORY");
        int n;
        if (strchr(name, '/') || !folder || !*folder)
                return false;
        n = snprintf(ret, size, "%s/%s", folder, name);
        return n > 0 && (size_t)n < size;
}

enum reader { ALL_READ, GROUP_READS, OWNER_READS };

/* The whole file, NUL-terminated, wiped and freed by wipe(). `reader`: who may at most. */
static int read_file(const char *name, enum reader reader, gnutls_datum_t *ret, char *reason, size_t size)
{
        char path[4096];
        struct stat st;
        bool credential = credential_path(name, path, sizeof path);
        if (!credential && snprintf(path, sizeof path, "%s", name) >= (int)sizeof path)
                return fail(-ENAMETOOLONG, reason, size, "a file name longer than %zu bytes", sizeof path);
        int r = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* not to wait for the other end of a FIFO */
        if (fd < 0)
                return fail(-errno, reason, size, "cannot open \"%.160s\": %s%s", path, strerror(errno),
                            errno == ENOENT && reader == OWNER_READS ? "; copy the server's key there, or make one for both (psktool), mode 600" : "");
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                r = fail(-EINVAL, reason, size, "\"%.160s\" is not a regular file", path);
        else if (st.st_size > (off_t)PSK_TEXT_BYTES_MAX)
                r = fail(-E2BIG, reason, size, "\"%.160s\" is longer than %u bytes", path, PSK_TEXT_BYTES_MAX);
        else if (reader != ALL_READ)
                r = check_secret(&st, path, reader == GROUP_READS, credential, reason, size);
        uint8_t *data = r == 0 ? calloc(1, PSK_TEXT_BYTES_MAX + 1) : NULL;
        if (r == 0 && !data)
                r = fail(-ENOMEM, reason, size, "out of memory");
        size_t have = 0;
        while (r == 0 && have < PSK_TEXT_BYTES_MAX) {
                ssize_t n = read(fd, data + have, PSK_TEXT_BYTES_MAX - have);
                if (n == 0)
                        break;
                if (n < 0 && errno != EINTR)
                        r = fail(-errno, reason, size, "cannot read \"%.160s\": %s", path, strerror(errno));
                have += n > 0 ? (size_t)n : 0;
        }
        (void)close(fd);
        if (r < 0) {
                free(data);
                return r;
        }
        *ret = (gnutls_datum_t){data, (unsigned)have};
        return 0;
}

static void wipe(gnutls_datum_t *d)
{
        if (d->data)
                gnutls_memset(d->data, 0, d->size);
        free(d->data);
        *d = (gnutls_datum_t){0};
}

/* An unknown identity gets a random key, so that whoever asks cannot tell it from a wrong key (RFC 8446, 8.2 and E.6). */
static int find_key(gnutls_session_t session, const gnutls_datum_t *identity, gnutls_datum_t *ret)
{
        struct tls *t = gnutls_session_get_ptr(session);
        const struct psk *found = psk_find(&t->keys->psks, identity->data, identity->size);
        size_t bytes = found ? found->key_bytes : 32;

        ret->data = gnutls_malloc(bytes);
        if (!ret->data)
                return -1;
        ret->size = (unsigned)bytes;
        if (found)
                memcpy(ret->data, found->key, bytes);
        else if (gnutls_rnd(GNUTLS_RND_KEY, ret->data, bytes) < 0)
                return -1;
        t->unknown_identity = !found;
        return 0;
}

static int choose_own(struct tls_keys *k, const struct tls_files *f, char *reason, size_t size)
{
        if (f->identity) {
                k->own = psk_find(&k->psks, f->identity, strlen(f->identity));
                if (!k->own)
                        return fail(-ENOENT, reason, size, "\"%.160s\" has no key for the identity \"%.100s\"; it has \"%.60s\"%s", f->psk, f->identity,
                                    k->psks.list[0].identity, k->psks.count > 1 ? " and others" : "");
                return 0;
        }
        if (k->psks.count != 1)
                return fail(-EINVAL, reason, size, "\"%.160s\" has %zu keys: name the identity (--tls-identity)", f->psk, k->psks.count);
        k->own = &k->psks.list[0];
        return 0;
}

static int load_psks(struct tls_keys *k, const struct tls_files *f, char *reason, size_t size)
{
        gnutls_datum_t text = {0}, key;
        char what[128];
        int r = read_file(f->psk, OWNER_READS, &text, reason, size);
        if (r < 0)
                return r;
        r = psk_parse((const char *)text.data, text.size, &k->psks, what, sizeof what);
        wipe(&text);
        if (r < 0)
                return fail(r, reason, size, "\"%.160s\": %s", f->psk, what);
        if (k->side == TLS_SERVER) {
                if (gnutls_psk_allocate_server_credentials(&k->psk_server) < 0)
                        return fail(-ENOMEM, reason, size, "out of memory");
                gnutls_psk_set_server_credentials_function2(k->psk_server, find_key);
                return 0;
        }
        r = choose_own(k, f, reason, size);
        if (r < 0)
                return r;
        key = (gnutls_datum_t){(void *)k->own->key, (unsigned)k->own->key_bytes};
        if (gnutls_psk_allocate_client_credentials(&k->psk_client) < 0 ||
            gnutls_psk_set_client_credentials(k->psk_client, k->own->identity, &key, GNUTLS_PSK_KEY_RAW) < 0)
                return fail(-ENOMEM, reason, size, "out of memory");
        return 0;
}

/* The shortest of the chain: a client checks all of it. */
static int find_period(struct tls_keys *k)
{
        gnutls_x509_crt_t *chain;
        unsigned count;
        int r = gnutls_certificate_get_x509_crt(k->certificates, 0, &chain, &count);
        if (r < 0)
                return r;
        k->from_s = 0;
        k->until_s = INT64_MAX;
        for (unsigned i = 0; i < count; i++) {
                time_t from = gnutls_x509_crt_get_activation_time(chain[i]), until = gnutls_x509_crt_get_expiration_time(chain[i]);
                if (from > k->from_s)
                        k->from_s = from;
                if (until >= 0 && until < k->until_s) /* negative: it has none (RFC 5280, 4.1.2.5) */
                        k->until_s = until;
                gnutls_x509_crt_deinit(chain[i]);
        }
        gnutls_free(chain);
        return 0;
}

static int load_certificates(struct tls_keys *k, const struct tls_files *f, char *reason, size_t size)
{
        gnutls_datum_t ca = {0}, certificate = {0}, key = {0};
        int n, r;

        if (gnutls_certificate_allocate_credentials(&k->certificates) < 0)
                return fail(-ENOMEM, reason, size, "out of memory");
        r = f->ca ? read_file(f->ca, ALL_READ, &ca, reason, size) : 0;
        if (r == 0 && f->ca && (n = gnutls_certificate_set_x509_trust_mem(k->certificates, &ca, GNUTLS_X509_FMT_PEM)) <= 0)
                r = fail(-EINVAL, reason, size, "no certificate of a CA in \"%.160s\" (%s)", f->ca, n ? gnutls_strerror(n) : "PEM is expected");
        if (r == 0 && f->certificate)
                r = read_file(f->certificate, ALL_READ, &certificate, reason, size);
        if (r == 0 && f->certificate)
                r = read_file(f->key, k->side == TLS_WEB ? GROUP_READS : OWNER_READS, &key, reason, size);
        if (r == 0 && f->certificate &&
            ((n = gnutls_certificate_set_x509_key_mem(k->certificates, &certificate, &key, GNUTLS_X509_FMT_PEM)) < 0 || (n = find_period(k)) < 0))
                r = fail(-EINVAL, reason, size, "\"%.100s\" and \"%.100s\" are not a certificate and its key in PEM: %s", f->certificate,
                         f->key, gnutls_strerror(n));
        wipe(&ca);
        wipe(&certificate);
        wipe(&key);
        return r;
}

bool tls_files_given(const struct tls_files *f)
{
        return f->psk || f->identity || f->ca || f->certificate || f->key || f->hostname;
}

/* Which files go together; NULL: these do. */
static const char *check_files(enum tls_side side, const struct tls_files *f)
{
        if (side == TLS_WEB)
                return f->certificate && f->key && !f->psk && !f->ca && !f->identity && !f->hostname ? NULL : "a web server needs a certificate and its key, and nothing else";
        if (!f->certificate != !f->key)
                return "a certificate and its key belong together: give both";
        if (f->identity && !f->psk)
                return "an identity goes with a file of pre-shared keys";
        if (f->certificate && !f->ca)
                return "a certificate needs the CA's as well, which the other side's is checked with";
        if (side == TLS_SERVER)
                return f->ca && !f->certificate ? "a server with a CA needs a certificate and its key"
                       : f->psk || f->ca        ? NULL
                                                : "TLS needs a file of pre-shared keys, or CA, certificate and key";
        if (f->psk && f->ca)
                return "pre-shared keys and certificates exclude each other: give one";
        if (f->ca && !f->hostname)
                return "the CA's certificate goes with the name that the server's certificate must carry";
        return f->psk || f->ca ? NULL : "TLS needs a file of pre-shared keys, or the CA's certificate";
}

static int set_priority(struct tls_keys *k)
{
        /* A server's and client's certificates stay out of a PSK client's hello, and the other way round. */
        const char *text = k->psks.count == 0   ? PRIORITY
                           : !k->certificates   ? PRIORITY ":-KX-ALL:+ECDHE-PSK"
                                                : PRIORITY ":+ECDHE-PSK";
        return gnutls_priority_init(&k->priority, text, NULL);
}

int tls_keys_load(enum tls_side side, const struct tls_files *files, struct tls_keys **ret, char *reason, size_t reason_size)
{
        const char *wrong = check_files(side, files);
        if (wrong)
                return fail(-EINVAL, reason, reason_size, "%s", wrong);
        struct tls_keys *k = calloc(1, sizeof *k);
        if (!k)
                return fail(-ENOMEM, reason, reason_size, "out of memory");
        int r = 0, n;
        k->side = side;
        atomic_init(&k->holders, 1);
        if (files->hostname && !(k->hostname = strdup(files->hostname)))
                r = fail(-ENOMEM, reason, reason_size, "out of memory");
        if (r == 0 && files->psk)
                r = load_psks(k, files, reason, reason_size);
        if (r == 0 && (files->ca || side == TLS_WEB))
                r = load_certificates(k, files, reason, reason_size);
        if (r == 0 && (n = set_priority(k)) < 0)
                r = fail(-EINVAL, reason, reason_size, "this GnuTLS cannot do TLS 1.3 with AES-128-GCM: %s", gnutls_strerror(n));
        if (r < 0)
                tls_keys_free(k);
        else
                *ret = k;
        return r;
}

struct tls_keys *tls_keys_hold(const struct tls_keys *k)
{
        struct tls_keys *held = (struct tls_keys *)(uintptr_t)k; /* the count alone is changed */

        if (held)
                (void)atomic_fetch_add_explicit(&held->holders, 1, memory_order_relaxed);
        return held;
}

void tls_keys_period(const struct tls_keys *k, int64_t *ret_from_s, int64_t *ret_until_s)
{
        *ret_from_s = k->from_s;
        *ret_until_s = k->until_s;
}

void tls_keys_free(struct tls_keys *k)
{
        if (!k || atomic_fetch_sub_explicit(&k->holders, 1, memory_order_acq_rel) > 1)
                return;
        if (k->priority)
                gnutls_priority_deinit(k->priority);
        if (k->psk_server)
                gnutls_psk_free_server_credentials(k->psk_server);
        if (k->psk_client)
                gnutls_psk_free_client_credentials(k->psk_client);
        if (k->certificates)
                gnutls_certificate_free_credentials(k->certificates);
        psk_release(&k->psks);
        free(k->hostname);
        free(k);
}
