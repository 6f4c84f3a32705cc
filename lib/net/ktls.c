/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record layer in the kernel: Documentation/networking/tls.rst. */
#include "net/tls_internal.h"

#include <errno.h>
#include <arpa/inet.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

int ktls_available(void)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        /* On a socket without a connection: ENOTCONN from the module, ENOENT when there is none (net/ipv4/tcp_ulp.c). */
        int r = setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0 || errno == ENOTCONN ? 0 : -errno;
        (void)close(fd);
        return r;
}

/* A connection to ourselves whose other end is never taken. -1: this machine's loopback is not up. */
static int connect_to_self(int *ret_listener)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        *ret_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && *ret_listener >= 0 && bind(*ret_listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(*ret_listener, 1) == 0 &&
            getsockname(*ret_listener, (struct sockaddr *)&a, &size) == 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
                return fd;
        if (fd >= 0)
                (void)close(fd);
        return -1;
}

void ktls_warm_up(void)
{
        const struct tls12_crypto_info_aes_gcm_128 nothing = {
            .info = {.version = TLS_1_3_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128},
        };
        int listener, fd = connect_to_self(&listener);

        /* Whether it works is for the first real connection to find out. */
        if (fd >= 0 && setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0 &&
            setsockopt(fd, SOL_TLS, TLS_TX, &nothing, sizeof nothing) == 0)
                (void)setsockopt(fd, SOL_TLS, TLS_RX, &nothing, sizeof nothing);
        if (fd >= 0)
                (void)close(fd);
        if (listener >= 0)
                (void)close(listener);
}

bool ktls_is_on(int fd)
{
        char name[16] = "";
        socklen_t size = sizeof name;
        return getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &size) == 0 && strncmp(name, "tls", sizeof name) == 0;
}

static int get_state(struct tls *t, bool reading, struct tls12_crypto_info_aes_gcm_128 *ret)
{
        gnutls_datum_t mac, iv, key;
        unsigned char sequence[8];

        if (gnutls_record_get_state(t->session, reading, &mac, &iv, &key, sequence) < 0)
                return -EPROTO;
        if (key.size != sizeof ret->key || iv.size != sizeof ret->salt + sizeof ret->iv)
                return -EPROTO;
        *ret = (struct tls12_crypto_info_aes_gcm_128){
            .info = {.version = TLS_1_3_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128},
        };
        memcpy(ret->salt, iv.data, sizeof ret->salt);
        memcpy(ret->iv, iv.data + sizeof ret->salt, sizeof ret->iv);
        memcpy(ret->key, key.data, sizeof ret->key);
        memcpy(ret->rec_seq, sequence, sizeof ret->rec_seq);
        return 0;
}

static bool between_records(const struct tls *t)
{
        return t->phase == TLS_OPEN && !t->bulk && t->in_start == t->in_end && t->out_end == 0 && t->leaving_start == t->leaving_end &&
               gnutls_record_check_pending(t->session) == 0;
}

int tls_to_kernel(struct tls *t, int fd)
{
        struct tls12_crypto_info_aes_gcm_128 transmit, receive;
        int r, no_padding = 1;

        if (!between_records(t) || get_state(t, false, &transmit) < 0 || get_state(t, true, &receive) < 0)
                return -EPROTO;
        if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") < 0)
                r = -errno;
        else if (setsockopt(fd, SOL_TLS, TLS_TX, &transmit, sizeof transmit) < 0)
                r = -errno; /* without keys the layer lets everything through as it is */
        else
                r = setsockopt(fd, SOL_TLS, TLS_RX, &receive, sizeof receive) < 0 ? -EPROTO : 0;
#ifdef TLS_RX_EXPECT_NO_PAD
        if (r == 0) /* saves a copy; padded records are decrypted twice, and the kernels that know no such option go on */
                (void)setsockopt(fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &no_padding, sizeof no_padding);
#endif
        (void)no_padding;
        gnutls_memset(&transmit, 0, sizeof transmit);
        gnutls_memset(&receive, 0, sizeof receive);
        if (r == 0)
                t->phase = TLS_ENDED;
        return r;
}
