/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The least that a server can do and still look like one to an NBD client: one thread a connection, one recv for all that is there, one send for all
 * replies to it, no disk, no bookkeeping, no checks. What it reaches is the limit that sockets, loopback and the client set; bench-nbd prints how
 * close nbdd comes. Not a server for data: reads give zeroes, writes vanish.
 *
 *   echo PORT
 */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>


#define SIZE_BYTES (1ull << 30)
#define INPUT_BYTES (256u << 10)
#define BATCH 256
#define PAYLOAD_MAX (32u << 20)

static uint8_t zeroes[PAYLOAD_MAX]; /* never written, so the same page again and again */
static _Thread_local uint8_t sink[PAYLOAD_MAX / 32];

static bool take(int fd, void *to, size_t n)
{
        return n == 0 || recv(fd, to, n, MSG_WAITALL) == (ssize_t)n;
}

static bool give(int fd, const void *from, size_t n)
{
        return send(fd, from, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool answer_option(int fd, uint32_t option, uint32_t type, const void *data, uint32_t n)
{
        uint8_t head[20];

        memcpy(head, &(uint64_t){htobe64(0x3e889045565a9)}, 8);
        memcpy(head + 8, &(uint32_t){htobe32(option)}, 4);
        memcpy(head + 12, &(uint32_t){htobe32(type)}, 4);
        memcpy(head + 16, &(uint32_t){htobe32(n)}, 4);
        return give(fd, head, sizeof head) && (n == 0 || give(fd, data, n));
}

/* GO is granted whatever it names, everything else is unsupported. */
static bool shake_hands(int fd)
{
        uint8_t head[18], info[12] = {0};
        uint32_t flags, option, length;

        memcpy(head, "NBDMAGICIHAVEOPT", 16);
        memcpy(head + 16, &(uint16_t){htobe16(3)}, 2);
        memcpy(info + 2, &(uint64_t){htobe64(SIZE_BYTES)}, 8);
        memcpy(info + 10, &(uint16_t){htobe16(1 | 4 | 8 | 256)}, 2); /* flags, flush, FUA, multi-conn */
        if (!give(fd, head, sizeof head) || !take(fd, &flags, 4))
                return false;
        for (;;) {
                if (!take(fd, head, 16))
                        return false;
                memcpy(&option, head + 8, 4);
                memcpy(&length, head + 12, 4);
                option = be32toh(option);
                length = be32toh(length);
                if (length > sizeof sink || !take(fd, sink, length))
                        return false;
                if (option == 7)
                        return answer_option(fd, option, 3, info, sizeof info) && answer_option(fd, option, 1, NULL, 0);
                if (!answer_option(fd, option, 1u << 31 | 1, NULL, 0))
                        return false;
        }
}

struct batch {
        uint8_t heads[BATCH][16];
        struct iovec v[2 * BATCH];
        int count;
        size_t replies, bytes;
};

static bool flush_batch(int fd, struct batch *b)
{
        struct msghdr m = {.msg_iov = b->v, .msg_iovlen = (size_t)b->count};
        bool ok = b->count == 0 || sendmsg(fd, &m, MSG_NOSIGNAL | MSG_WAITALL) == (ssize_t)b->bytes;

        b->count = 0;
        b->replies = b->bytes = 0;
        return ok;
}

static void put(struct batch *b, void *data, size_t n)
{
        b->v[b->count++] = (struct iovec){data, n};
        b->bytes += n;
}

/* Swallows what of a write's payload is not in the input. */
static bool swallow(int fd, uint64_t left)
{
        while (left) {
                ssize_t n = recv(fd, sink, left < sizeof sink ? left : sizeof sink, MSG_WAITALL);
                if (n <= 0)
                        return false;
                left -= (uint64_t)n;
        }
        return true;
}

static void answer_all(int fd, uint8_t *input, struct batch *b)
{
        size_t have = 0, at;

        for (;;) {
                ssize_t n = recv(fd, input + have, INPUT_BYTES - have, 0);
                if (n <= 0)
                        return;
                have += (size_t)n;
                for (at = 0; have - at >= 28;) {
                        uint16_t command;
                        uint32_t length;
                        memcpy(&command, input + at + 6, 2);
                        memcpy(&length, input + at + 24, 4);
                        command = be16toh(command);
                        length = be32toh(length);
                        uint8_t *head = b->heads[b->replies++];
                        memcpy(head, &(uint32_t){htobe32(0x67446698)}, 4);
                        memset(head + 4, 0, 4);
                        memcpy(head + 8, input + at + 8, 8);
                        at += 28;
                        if (command == 2)
                                return;
                        put(b, head, 16);
                        if (command == 0)
                                put(b, zeroes, length < PAYLOAD_MAX ? length : PAYLOAD_MAX);
                        if (command == 1 && length > have - at) {
                                if (!swallow(fd, length - (have - at)))
                                        return;
                                at = have;
                        } else if (command == 1) {
                                at += length;
                        }
                        if (b->replies == BATCH && !flush_batch(fd, b))
                                return;
                }
                if (!flush_batch(fd, b))
                        return;
                memmove(input, input + at, have - at);
                have -= at;
        }
}

static void *serve(void *userdata)
{
        int fd = (int)(intptr_t)userdata, one = 1;
        uint8_t *input = malloc(INPUT_BYTES);
        struct batch *b = calloc(1, sizeof *b);

        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (input && b && shake_hands(fd))
                answer_all(fd, input, b);
        free(input);
        free(b);
        (void)close(fd);
        return NULL;
}

int main(int argc, char **argv)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        pthread_t thread;

        if (argc != 2 || fd < 0)
                return 2;
        a.sin_port = htons((uint16_t)atoi(argv[1]));
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 16) < 0) {
                perror("echo");
                return 1;
        }
        for (;;) {
                int client = accept(fd, NULL, NULL);
                if (client >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)client) == 0)
                        (void)pthread_detach(thread);
        }
}
