/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of sync_ledger.py: sync-ledger FILE PORT. Answers each line of a client with the line, after it was appended to FILE and is durable. One
 * client at a time. It ends when FILE fails, so that its unit does.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "sync-ledger: %s: %s\n", what, strerror(errno));
        _exit(1);
}

static int listen_on(uint16_t port)
{
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htobe16(port)};
        int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 8) < 0)
                die("listen");
        return fd;
}

static void serve(FILE *client, int file, const char *name)
{
        char line[64];

        while (fgets(line, sizeof line, client)) {
                size_t n = strlen(line);
                if (write(file, line, n) != (ssize_t)n) /* O_SYNC */
                        die(name);
                if (write(fileno(client), line, n) != (ssize_t)n)
                        return;
        }
}

int main(int argc, char **argv)
{
        if (argc != 3) {
                fputs("usage: sync-ledger FILE PORT\n", stderr);
                return 2;
        }
        (void)signal(SIGPIPE, SIG_IGN);
        int file = open(argv[1], O_WRONLY | O_APPEND | O_CREAT | O_SYNC | O_CLOEXEC, 0644);
        if (file < 0)
                die(argv[1]);
        int listener = listen_on((uint16_t)atoi(argv[2]));
        for (;;) {
                int fd = accept(listener, NULL, NULL);
                FILE *client = fd < 0 ? NULL : fdopen(fd, "r");
                if (!client)
                        die("accept");
                serve(client, file, argv[1]);
                fclose(client);
        }
}
