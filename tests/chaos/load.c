/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service that chaos runs on a mirror, and what presses on a node's memory.
 *
 *   chaos-load serve TARGET PORT BLOCKS STRIDE LOCK     TARGET: a file on the mirror's file system or the array itself
 *   chaos-load eat MIB SECONDS
 *
 * At its start it takes LOCK (an older one that still waits for the disk holds it), reads the generation in block 0 of TARGET, makes
 * generation + 1 durable there, and only then listens: generations order all services that ever ran on this mirror, whatever clocks say. It
 * does what its client says and answers when it is done; it keeps no ledger, that is the client's, outside the nodes. All I/O is O_DIRECT.
 *
 * Lines of a connection, one thread each; a new connection of a writer first ends the older one and waits for what that was doing:
 *   C WRITER             -> H NODE BOOT GENERATION
 *   W SECTOR SEQ FLAG    -> K, or E ERRNO          FLAG: n plain, d durable by itself (FUA), f then flush all
 *   S                    -> K                      flush
 *   R SECTOR COUNT       -> COUNT lines "SECTOR KIND SEQUENCE WRITER GENERATION"      KIND: blank, good, torn, misplaced, or error
 */
#include "tests/chaos/block.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { WRITERS = 64 };

static struct {
        int fd;
        uint64_t generation, blocks, stride;
        char node[65], boot[9];
        uint32_t node_number;
} target;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static int connection_of[WRITERS]; /* fd + 1 of the connection that each writer has, under lock */

static _Noreturn void die(const char *what, const char *which)
{
        fprintf(stderr, "chaos-load: %s '%s': %s\n", what, which, strerror(errno));
        _exit(1);
}

static off_t offset_of(uint64_t sector)
{
        return (off_t)((1 + sector * target.stride) * BLOCK_BYTES);
}

static int write_block(uint64_t sector, off_t at, uint64_t sequence, uint32_t writer, char flag, uint8_t *buffer)
{
        const struct block b = {.sector = sector,
                                .sequence = sequence,
                                .generation = target.generation,
                                .writer = writer,
                                .node = target.node_number};
        block_encode(&b, buffer);
        const struct iovec v = {buffer, BLOCK_BYTES};
        ssize_t n = pwritev2(target.fd, &v, 1, at, flag == 'd' ? RWF_DSYNC : 0);
        if (n != BLOCK_BYTES)
                return n < 0 ? errno : EIO;
        return flag == 'f' && fdatasync(target.fd) < 0 ? errno : 0;
}

static void read_block(FILE *out, uint64_t sector, uint8_t *buffer)
{
        struct block b = {0};
        const char *kind = "error";
        if (pread(target.fd, buffer, BLOCK_BYTES, offset_of(sector)) == BLOCK_BYTES) {
                switch (block_decode(buffer, &b)) {
                case BLOCK_BLANK:
                        kind = "blank";
                        break;
                case BLOCK_TORN:
                        kind = "torn";
                        break;
                case BLOCK_GOOD:
                        kind = b.sector == sector ? "good" : "misplaced";
                        break;
                }
        }
        fprintf(out, "%" PRIu64 " %s %" PRIu64 " %" PRIu32 " %" PRIu64 "\n", sector, kind, b.sequence, b.writer, b.generation);
}

static void obey(const char *line, FILE *out, uint32_t writer, uint8_t *buffer)
{
        uint64_t sector, n;
        char flag;
        if (sscanf(line, "W %" SCNu64 " %" SCNu64 " %c", &sector, &n, &flag) == 3 && sector < target.blocks) {
                int error = write_block(sector, offset_of(sector), n, writer, flag, buffer);
                fprintf(out, error ? "E %d\n" : "K\n", error);
        } else if (sscanf(line, "R %" SCNu64 " %" SCNu64, &sector, &n) == 2 && sector + n <= target.blocks) {
                for (uint64_t i = 0; i < n; i++)
                        read_block(out, sector + i, buffer);
        } else if (line[0] == 'S') {
                fprintf(out, fdatasync(target.fd) < 0 ? "E %d\n" : "K\n", errno);
        } else {
                fprintf(out, "E %d\n", EINVAL);
        }
        fflush(out);
}

static void take_turn(uint32_t writer, int fd)
{
        pthread_mutex_lock(&lock);
        while (connection_of[writer]) {
                shutdown(connection_of[writer] - 1, SHUT_RDWR);
                pthread_cond_wait(&ended, &lock);
        }
        connection_of[writer] = fd + 1;
        pthread_mutex_unlock(&lock);
}

static void end_turn(uint32_t writer, FILE *in, FILE *out)
{
        pthread_mutex_lock(&lock);
        fclose(out);
        fclose(in);
        connection_of[writer] = 0;
        pthread_cond_broadcast(&ended);
        pthread_mutex_unlock(&lock);
}

static void *serve_connection(void *argument)
{
        int fd = (int)(intptr_t)argument;
        char line[200];
        uint32_t writer = WRITERS;
        FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
        uint8_t *buffer = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
        if (!in || !out || !buffer)
                die("no memory for", "a connection");
        if (!fgets(line, sizeof line, in) || sscanf(line, "C %" SCNu32, &writer) != 1 || writer >= WRITERS) {
                fclose(out);
                fclose(in);
                free(buffer);
                return NULL;
        }
        take_turn(writer, fd);
        fprintf(out, "H %s %s %" PRIu64 "\n", target.node, target.boot, target.generation);
        fflush(out);
        while (!ferror(out) && fgets(line, sizeof line, in))
                obey(line, out, writer, buffer);
        end_turn(writer, in, out);
        free(buffer);
        return NULL;
}

static void learn_names(void)
{
        FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
        if (!f || !fgets(target.boot, sizeof target.boot, f))
                die("cannot read", "boot_id");
        fclose(f);
        if (gethostname(target.node, sizeof target.node - 1) < 0)
                die("cannot read", "host name");
        target.node_number = strcmp(target.node, "node-a") == 0 ? 1 : 2;
}

/* The next generation, durable before anybody can reach this service. */
static void next_generation(void)
{
        struct block b = {0};
        uint8_t *buffer = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
        if (!buffer || pread(target.fd, buffer, BLOCK_BYTES, 0) != BLOCK_BYTES)
                die("cannot read", "block 0");
        if (block_decode(buffer, &b) == BLOCK_TORN && memcmp(buffer, "CHAOSBLK", 8) == 0)
                fprintf(stderr, "chaos-load: block 0 is torn\n");
        target.generation = b.sequence + 1;
        if ((errno = write_block(UINT64_MAX, 0, target.generation, 0, 'f', buffer)) != 0)
                die("cannot write", "block 0");
        free(buffer);
}

static _Noreturn void serve(char **arguments)
{
        int guard = open(arguments[4], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (guard < 0 || flock(guard, LOCK_EX) < 0)
                die("cannot lock", arguments[4]);
        target.blocks = strtoull(arguments[2], NULL, 10);
        target.stride = strtoull(arguments[3], NULL, 10);
        target.fd = open(arguments[0], O_RDWR | O_DIRECT | O_CLOEXEC);
        if (target.fd < 0)
                die("cannot open", arguments[0]);
        learn_names();
        next_generation();
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
        int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 64) < 0)
                die("cannot listen at port", arguments[1]);
        fprintf(stderr, "chaos-load: %s, generation %" PRIu64 "\n", arguments[0], target.generation);
        for (;;) {
                pthread_t thread;
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0)
                        continue;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) != 0)
                        close(fd);
                else
                        pthread_detach(thread);
        }
}

static _Noreturn void eat(char **arguments)
{
        size_t bytes = strtoull(arguments[0], NULL, 10) << 20;
        uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        alarm((unsigned)strtoul(arguments[1], NULL, 10));
        if (memory == MAP_FAILED)
                die("cannot map", arguments[0]);
        for (uint8_t round = 1;; round++)
                for (size_t i = 0; i < bytes; i += 4096)
                        ((volatile uint8_t *)memory)[i] = round;
}

int main(int argc, char **argv)
{
        signal(SIGPIPE, SIG_IGN);
        if (argc == 7 && strcmp(argv[1], "serve") == 0)
                serve(argv + 2);
        if (argc == 4 && strcmp(argv[1], "eat") == 0)
                eat(argv + 2);
        fprintf(stderr, "chaos-load serve TARGET PORT BLOCKS STRIDE LOCK | eat MIB SECONDS\n");
        return 2;
}
