/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * act-send SOCKET SECONDS PACKET...: sends packets to hamon-act one after the other, each after the answer to the one
 * before, and prints every answer as a line. With PACKET "watch" it prints observations until the time is over. For
 * tests that drive hamon-act without hamon. Exit status: 0 all were answered without error, 1 one was answered with an
 * error (the rest is not sent), 2 no answer in time.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char packet[8192];

static long long now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* 0 with a packet in `packet`, or -1 when the time is over. */
static int receive(int fd, long long deadline_ms)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        long long left = deadline_ms - now_ms();

        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
                return -1;
        ssize_t n = recv(fd, packet, sizeof packet - 1, 0);
        if (n <= 0)
                return -1;
        packet[n] = '\0';
        return 0;
}

int main(int argc, char **argv)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        if (argc < 4 || strlen(argv[1]) >= sizeof address.sun_path)
                return 2;
        strcpy(address.sun_path, argv[1]);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
                perror(argv[1]);
                return 2;
        }
        long long deadline_ms = now_ms() + atoll(argv[2]) * 1000;
        for (int i = 3; i < argc; i++) {
                int watch = strcmp(argv[i], "watch") == 0;

                if (!watch && send(fd, argv[i], strlen(argv[i]), 0) < 0) {
                        perror("send");
                        return 2;
                }
                for (;;) {
                        if (receive(fd, deadline_ms) < 0)
                                return watch ? 0 : 2;
                        int observed = strncmp(packet, "{\"observed\"", 11) == 0;
                        if (observed == watch) {
                                puts(packet);
                                fflush(stdout);
                        }
                        if (!observed && !watch)
                                break;
                }
                if (!strstr(packet, "\"error\":0,"))
                        return 1;
        }
        return 0;
}
