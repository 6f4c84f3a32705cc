/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/verify_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int verify_link_open(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        const struct timeval limit = {.tv_sec = VERIFY_LINK_MS / 1000};

        if (strlen(path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
            connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
                int r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

int verify_link_ask(int fd, const struct verify_ask *ask, struct verify_answer *ret)
{
        char packet[VERIFY_PACKET_MAX];
        char *text = verify_ask_encode(ask);

        if (!text)
                return -ENOMEM;
        ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);
        int r = n < 0 ? -errno : 0;
        free(text);
        if (r < 0)
                return r;
        n = recv(fd, packet, sizeof packet, 0);
        if (n <= 0)
                return n == 0 ? -ECONNRESET : errno == EAGAIN ? -ETIMEDOUT : -errno;
        return verify_answer_decode(ask->asked, packet, (size_t)n, ret);
}
