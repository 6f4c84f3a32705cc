/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tls-strange: an NBD client or server whose TLS does, in the middle of a session, what a record layer in the kernel cannot follow.
 *
 *   tls-strange client HOST PORT EXPORT PSK-FILE update|alert   reads a block, does it, asks for another; 0 when the server ended the session then
 *   tls-strange server ADDRESS PORT PSK-FILE                    serves 64 MiB of memory under any name; says "ready", then takes lines "update" and
 *                                                               "alert" on standard input and does that in every session, and says "done N"
 *
 * update: a KeyUpdate (RFC 8446, 4.6.3). alert: user_canceled, a warning that need not end anything. PSK-FILE: one line IDENTITY:HEXKEY.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <err.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "wire/nbd_proto.h"

#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:-GROUP-ALL:+GROUP-SECP256R1:-KX-ALL:+ECDHE-PSK"
#define OPTION_MAGIC 0x49484156454F5054ull
#define REPLY_MAGIC 0x3e889045565a9ull
#define MEMORY_BYTES (64u << 20)
#define BLOCK_BYTES 4096u
#define SESSIONS_MAX 64

struct peer {
        int fd;
        gnutls_session_t tls; /* NULL: in the clear */
};

static uint8_t memory[MEMORY_BYTES];
static _Atomic int wanted[SESSIONS_MAX]; /* a trick for the session in this place: 'u', 'a'; 0 none, -1 no session */

static bool receive(struct peer *p, void *to, size_t bytes)
{
        for (uint8_t *at = to; bytes > 0;) {
                ssize_t n = p->tls ? gnutls_record_recv(p->tls, at, bytes) : recv(p->fd, at, bytes, 0);
                if (p->tls && (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED))
                        continue;
                if (n <= 0)
                        return false;
                at += n;
                bytes -= (size_t)n;
        }
        return true;
}

static bool transmit(struct peer *p, const void *from, size_t bytes)
{
        for (const uint8_t *at = from; bytes > 0;) {
                ssize_t n = p->tls ? gnutls_record_send(p->tls, at, bytes) : send(p->fd, at, bytes, MSG_NOSIGNAL);
                if (n <= 0)
                        return false;
                at += n;
                bytes -= (size_t)n;
        }
        return true;
}

static bool do_trick(struct peer *p, int trick)
{
        return (trick == 'u' ? gnutls_session_key_update(p->tls, 0) : gnutls_alert_send(p->tls, GNUTLS_AL_WARNING, GNUTLS_A_USER_CANCELED)) >= 0;
}

static bool shake(struct peer *p, unsigned side, gnutls_credentials_type_t type, void *credentials)
{
        gnutls_session_t session;
        if (gnutls_init(&session, side | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS) < 0 || gnutls_priority_set_direct(session, PRIORITY, NULL) < 0 ||
            gnutls_credentials_set(session, type, credentials) < 0)
                errx(2, "cannot set up TLS");
        gnutls_transport_set_int(session, p->fd);
        int r;
        while ((r = gnutls_handshake(session)) < 0 && !gnutls_error_is_fatal(r))
                ;
        if (r < 0)
                fprintf(stderr, "handshake: %s\n", gnutls_strerror(r));
        p->tls = session;
        return r >= 0;
}

/* ---- client ---- */

static bool option(struct peer *p, uint32_t number, const void *data, uint32_t bytes)
{
        struct __attribute__((packed)) {
                uint64_t magic;
                uint32_t option, bytes;
        } head = {htobe64(OPTION_MAGIC), htobe32(number), htobe32(bytes)};
        return transmit(p, &head, sizeof head) && transmit(p, data, bytes);
}

static bool acknowledged(struct peer *p)
{
        struct __attribute__((packed)) {
                uint64_t magic;
                uint32_t option, type, bytes;
        } head;
        uint8_t data[4096];
        do {
                if (!receive(p, &head, sizeof head) || be32toh(head.bytes) > sizeof data || !receive(p, data, be32toh(head.bytes)))
                        return false;
        } while (be32toh(head.type) == NBD_REP_INFO);
        return be32toh(head.type) == NBD_REP_ACK;
}

struct __attribute__((packed)) request {
        uint32_t magic;
        uint16_t flags, type;
        uint64_t handle, offset;
        uint32_t bytes;
};

struct __attribute__((packed)) reply {
        uint32_t magic, error;
        uint64_t handle;
};

static bool read_block(struct peer *p)
{
        struct request request = {.magic = htobe32(0x25609513), .bytes = htobe32(BLOCK_BYTES)};
        struct reply reply;
        uint8_t data[BLOCK_BYTES];
        return transmit(p, &request, sizeof request) && receive(p, &reply, sizeof reply) && reply.error == 0 && receive(p, data, sizeof data);
}

static int open_socket(const char *host, const char *port, bool listening)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
        if (fd < 0 || inet_pton(AF_INET, host, &a.sin_addr) != 1)
                errx(2, "'%s' is not an IPv4 address", host);
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if ((listening ? bind(fd, (struct sockaddr *)&a, sizeof a) : connect(fd, (struct sockaddr *)&a, sizeof a)) < 0)
                err(2, "%s:%s", host, port);
        return fd;
}

static int client(char **argv)
{
        gnutls_psk_client_credentials_t credentials;
        char text[512], *key;
        FILE *file = fopen(argv[3], "re");
        if (!file || !fgets(text, sizeof text, file) || !(key = strchr(text, ':')))
                errx(2, "no key in '%s'", argv[3]);
        *key++ = '\0';
        gnutls_datum_t hex = {(unsigned char *)key, (unsigned)strcspn(key, "\n")};
        if (gnutls_psk_allocate_client_credentials(&credentials) < 0 || gnutls_psk_set_client_credentials(credentials, text, &hex, GNUTLS_PSK_KEY_HEX) < 0)
                errx(2, "not a key");
        struct timeval patience = {.tv_sec = 20};
        struct peer p = {.fd = open_socket(argv[0], argv[1], false)};
        (void)setsockopt(p.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        uint8_t greeting[18], go[512];
        uint32_t flags = htobe32(3), name = (uint32_t)strlen(argv[2]), be_name = htobe32(name);
        memcpy(go, &be_name, 4);
        memcpy(go + 4, argv[2], name);
        memset(go + 4 + name, 0, 2);
        if (!receive(&p, greeting, sizeof greeting) || !transmit(&p, &flags, 4) || !option(&p, NBD_OPT_STARTTLS, "", 0) || !acknowledged(&p) ||
            !shake(&p, GNUTLS_CLIENT, GNUTLS_CRD_PSK, credentials) || !option(&p, NBD_OPT_GO, go, 6 + name) || !acknowledged(&p) || !read_block(&p))
                errx(2, "no session");
        if (!do_trick(&p, argv[4][0]))
                errx(2, "cannot do it");
        bool served = read_block(&p);
        puts(served ? "served" : "ended");
        return served;
}

/* ---- server ---- */

static gnutls_psk_server_credentials_t server_credentials;

static bool answer(struct peer *p, uint32_t number, uint32_t type, const void *data, uint32_t bytes)
{
        struct __attribute__((packed)) {
                uint64_t magic;
                uint32_t option, type, bytes;
        } head = {htobe64(REPLY_MAGIC), htobe32(number), htobe32(type), htobe32(bytes)};
        return transmit(p, &head, sizeof head) && transmit(p, data, bytes);
}

static bool greet(struct peer *p)
{
        struct __attribute__((packed)) {
                char magic[8];
                uint64_t option;
                uint16_t flags;
        } greeting = {"NBDMAGI", htobe64(OPTION_MAGIC), htobe16(3)};
        struct __attribute__((packed)) {
                uint64_t magic;
                uint32_t option, bytes;
        } head;
        struct __attribute__((packed)) {
                uint16_t type;
                uint64_t size;
                uint16_t flags;
        } export = {0, htobe64(MEMORY_BYTES), htobe16(NBD_TFLAG_HAS_FLAGS | NBD_TFLAG_SEND_FLUSH | NBD_TFLAG_SEND_FUA)};
        uint8_t data[4096];
        uint32_t flags;
        greeting.magic[7] = 'C';
        if (!transmit(p, &greeting, sizeof greeting) || !receive(p, &flags, 4))
                return false;
        for (;;) {
                if (!receive(p, &head, sizeof head) || be32toh(head.bytes) > sizeof data || !receive(p, data, be32toh(head.bytes)))
                        return false;
                uint32_t number = be32toh(head.option);
                if (number == NBD_OPT_STARTTLS && !p->tls) {
                        if (!answer(p, number, NBD_REP_ACK, "", 0) || !shake(p, GNUTLS_SERVER, GNUTLS_CRD_PSK, server_credentials))
                                return false;
                } else if (number == NBD_OPT_GO && p->tls) {
                        return answer(p, number, NBD_REP_INFO, &export, sizeof export) && answer(p, number, NBD_REP_ACK, "", 0);
                } else if (!answer(p, number, NBD_REP_ERR_UNSUP, "", 0)) {
                        return false;
                }
        }
}

static bool serve_one(struct peer *p, const struct request *r)
{
        uint64_t offset = be64toh(r->offset);
        uint32_t bytes = be32toh(r->bytes);
        struct reply reply = {htobe32(0x67446698), 0, r->handle};
        if (offset > MEMORY_BYTES || bytes > MEMORY_BYTES - offset)
                return false;
        switch (be16toh(r->type)) {
        case NBD_COMMAND_READ:
                return transmit(p, &reply, sizeof reply) && transmit(p, memory + offset, bytes);
        case NBD_COMMAND_WRITE:
                return receive(p, memory + offset, bytes) && transmit(p, &reply, sizeof reply);
        case NBD_COMMAND_FLUSH:
                return transmit(p, &reply, sizeof reply);
        default:
                return false;
        }
}

static void *session(void *argument)
{
        intptr_t place = (intptr_t)argument >> 32;
        struct peer p = {.fd = (int)(intptr_t)argument};
        struct request request;
        while (greet(&p) || (close(p.fd), false)) {
                for (;;) {
                        gnutls_record_set_timeout(p.tls, 50);
                        ssize_t n = gnutls_record_recv(p.tls, &request, 1); /* the first byte alone: a trick waits for no request */
                        gnutls_record_set_timeout(p.tls, 0);
                        int trick = atomic_exchange(&wanted[place], 0);
                        if (trick && !do_trick(&p, trick))
                                break;
                        if (n == GNUTLS_E_TIMEDOUT || n == GNUTLS_E_AGAIN)
                                continue;
                        if (n != 1 || !receive(&p, (uint8_t *)&request + 1, sizeof request - 1) || !serve_one(&p, &request))
                                break;
                }
                close(p.fd);
                break;
        }
        atomic_store(&wanted[place], -1);
        return NULL;
}

static void *tricks(void *argument)
{
        char line[32];
        (void)argument;
        while (fgets(line, sizeof line, stdin)) {
                int n = 0;
                for (unsigned i = 0; i < SESSIONS_MAX; i++) {
                        int none = 0;
                        n += atomic_compare_exchange_strong(&wanted[i], &none, line[0]);
                }
                printf("done %d\n", n);
                fflush(stdout);
        }
        exit(0);
}

static int server(char **argv)
{
        pthread_t thread;
        int listener = open_socket(argv[0], argv[1], true), one = 1;
        if (listen(listener, 16) < 0 || gnutls_psk_allocate_server_credentials(&server_credentials) < 0 ||
            gnutls_psk_set_server_credentials_file(server_credentials, argv[2]) < 0)
                err(2, "cannot serve");
        for (unsigned i = 0; i < SESSIONS_MAX; i++)
                wanted[i] = -1;
        pthread_create(&thread, NULL, tricks, NULL);
        puts("ready");
        fflush(stdout);
        for (intptr_t i = 0;;) {
                int fd = accept(listener, NULL, NULL);
                if (fd < 0)
                        err(2, "accept");
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                while (atomic_load(&wanted[i]) != -1)
                        i = (i + 1) % SESSIONS_MAX;
                atomic_store(&wanted[i], 0);
                if (pthread_create(&thread, NULL, session, (void *)(i << 32 | fd)) != 0)
                        err(2, "thread");
                pthread_detach(thread);
        }
}

int main(int argc, char **argv)
{
        if (argc == 7 && strcmp(argv[1], "client") == 0)
                return client(argv + 2);
        if (argc == 5 && strcmp(argv[1], "server") == 0)
                return server(argv + 2);
        fprintf(stderr, "usage: tls-strange client HOST PORT EXPORT PSK-FILE update|alert\n       tls-strange server ADDRESS PORT PSK-FILE\n");
        return 2;
}
