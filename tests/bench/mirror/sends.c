/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a request of 256 KiB goes to the wire when it is given to TCP in pieces, as nbd.ko does (drivers/block/nbd.c, nbd_send_cmd(): a send for each
 * bio_vec, MSG_MORE on all but the last), and when it is given in one. Each request is answered by one byte, which is waited for; one at a time.
 *
 *   sends ADDRESS PORT PIECE-BYTES SECONDS      prints requests a second
 *   sends PORT                                  answers, until it is killed
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_BYTES = 256 << 10 };

static char buffer[REQUEST_BYTES];

static int failed(const char *what)
{
        fprintf(stderr, "sends: %s: %s\n", what, strerror(errno));
        return 1;
}

static int answer(uint16_t port)
{
        const int yes = 1;
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 1) < 0)
                return failed("cannot listen");
        for (;;) {
                int fd = accept(listener, NULL, NULL);
                if (fd < 0)
                        return failed("cannot accept");
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                while (recv(fd, buffer, sizeof buffer, MSG_WAITALL) == sizeof buffer && send(fd, "", 1, MSG_NOSIGNAL) == 1)
                        ;
                close(fd);
        }
}

static double now_s(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
        if (argc == 2)
                return answer((uint16_t)atoi(argv[1]));
        const int yes = 1;
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(argc == 5 ? (uint16_t)atoi(argv[2]) : 0)};
        size_t piece = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
        if (piece == 0 || REQUEST_BYTES % piece != 0 || inet_pton(AF_INET, argv[1], &a.sin_addr) != 1) {
                fprintf(stderr, "usage: sends ADDRESS PORT PIECE-BYTES SECONDS, or sends PORT\n");
                return 2;
        }
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0)
                return failed("cannot connect");
        double begin = now_s(), end = begin + strtod(argv[4], NULL);
        unsigned requests = 0;
        for (; now_s() < end; requests++) {
                char byte;
                for (size_t at = 0; at < REQUEST_BYTES; at += piece)
                        if (send(fd, buffer + at, piece, MSG_NOSIGNAL | (at + piece < REQUEST_BYTES ? MSG_MORE : 0)) != (ssize_t)piece)
                                return failed("cannot send");
                if (recv(fd, &byte, 1, 0) != 1)
                        return failed("no answer");
        }
        printf("%u %.3f\n", requests, (double)requests / (now_s() - begin));
        return 0;
}
