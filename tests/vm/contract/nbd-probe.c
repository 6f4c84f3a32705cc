/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nbd-probe INDEX HOST PORT STEP...: drives the kernel's NBD driver by netlink, one step after the other, and prints one line for each: its
 * name, its result and what it took in milliseconds. For the kernel contract suite: nothing of nbdc is in it but the numbers of the protocol.
 *
 *   connect         dials and configures the device; what listens there speaks the transmission phase from its first byte
 *   reconfigure     dials and offers the new connection
 *   backend:NAME    the backend identifier from here on
 *   timeout:S       NBD's request time-out for connect; dead:S its dead-connection time-out
 *   limit:MS        queue/io_timeout, when it is another one: since Linux 6.12 a write there freezes the queue until what is in flight has ended
 *   shutdown        shuts the newest connection down, on our duplicate of it
 *   status          is the device "connected"?
 *   link-dead:MS    waits for the kernel's message that a connection is dead
 *   disconnect      in a thread, as it may block; its end is printed when it comes
 *   write:BLOCK read:BLOCK flush   in a thread each (4 KiB, O_DIRECT): printed when it ends; big:BLOCK writes 16 MiB
 *   wait:MS         for all threads' ends
 *   sleep:MS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nbd-netlink.h>
#include <netinet/in.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE_BYTES (64u << 20)
#define BLOCK_BYTES 4096u
#define BIG_BYTES (16u << 20)
#define FLAGS (1u | 4u) /* HAS_FLAGS, SEND_FLUSH */

static struct {
        int index, fd;
        struct sockaddr_in server;
        const char *backend;
        uint64_t timeout_s, dead_s;
        struct nl_sock *requests, *events;
        int family, dead_seen;
        atomic_int running;
} probe = {.fd = -1};

struct job {
        pthread_t thread;
        char kind; /* w r f b d */
        uint64_t block;
        const char *step;
};

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void report(const char *step, int result, uint64_t since_ms)
{
        printf("%s %d %" PRIu64 "\n", step, result, now_ms() - since_ms);
        (void)fflush(stdout);
}

static int dial(void)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&probe.server, sizeof probe.server) < 0) {
                perror("nbd-probe: cannot connect");
                exit(1);
        }
        return fd;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *argument)
{
        (void)from;
        *(int *)argument = error->error;
        return NL_STOP;
}

static int on_ack(struct nl_msg *message, void *argument)
{
        (void)message;
        *(int *)argument = 0;
        return NL_STOP;
}

static int on_status(struct nl_msg *message, void *argument)
{
        struct nlattr *attributes[NBD_ATTR_MAX + 1], *item[NBD_DEVICE_ATTR_MAX + 1];
        if (genlmsg_parse(nlmsg_hdr(message), 0, attributes, NBD_ATTR_MAX, NULL) == 0 && attributes[NBD_ATTR_DEVICE_LIST]) {
                struct nlattr *first = nla_data(attributes[NBD_ATTR_DEVICE_LIST]);
                if (nla_parse_nested(item, NBD_DEVICE_ATTR_MAX, first, NULL) == 0 && item[NBD_DEVICE_CONNECTED])
                        *(int *)argument = nla_get_u8(item[NBD_DEVICE_CONNECTED]);
        }
        return NL_OK;
}

static int transact(struct nl_sock *socket, struct nl_msg *message, int *status)
{
        int result = 1;
        struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
        nl_cb_err(cb, NL_CB_CUSTOM, on_error, &result);
        nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &result);
        if (status)
                nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_status, status);
        int r = nl_send_auto(socket, message);
        while (r >= 0 && result == 1)
                r = nl_recvmsgs(socket, cb);
        nl_cb_put(cb);
        nlmsg_free(message);
        return result != 1 ? result : -EIO;
}

static struct nl_msg *message_new(uint8_t command)
{
        struct nl_msg *m = nlmsg_alloc();
        if (!genlmsg_put(m, NL_AUTO_PORT, NL_AUTO_SEQ, probe.family, 0, 0, command, NBD_GENL_VERSION))
                abort();
        (void)nla_put_u32(m, NBD_ATTR_INDEX, (uint32_t)probe.index);
        return m;
}

/* connect: with the device's description; reconfigure: as little as there must be. The kernel takes its own reference to the socket. */
static int offer(uint8_t command)
{
        int fd = dial();
        struct nl_msg *m = message_new(command);
        if (command == NBD_CMD_CONNECT) {
                (void)nla_put_u64(m, NBD_ATTR_SIZE_BYTES, SIZE_BYTES);
                (void)nla_put_u64(m, NBD_ATTR_BLOCK_SIZE_BYTES, BLOCK_BYTES);
                (void)nla_put_u64(m, NBD_ATTR_SERVER_FLAGS, FLAGS);
                (void)nla_put_u64(m, NBD_ATTR_TIMEOUT, probe.timeout_s);
                (void)nla_put_u64(m, NBD_ATTR_DEAD_CONN_TIMEOUT, probe.dead_s);
        }
        if (probe.backend)
                (void)nla_put_string(m, NBD_ATTR_BACKEND_IDENTIFIER, probe.backend);
        struct nlattr *list = nla_nest_start(m, NBD_ATTR_SOCKETS), *item = nla_nest_start(m, NBD_SOCK_ITEM);
        (void)nla_put_u32(m, NBD_SOCK_FD, (uint32_t)fd);
        nla_nest_end(m, item);
        nla_nest_end(m, list);
        int r = transact(probe.requests, m, NULL);
        if (probe.fd >= 0)
                (void)close(probe.fd);
        probe.fd = fd;
        return r;
}

static int on_event(struct nl_msg *message, void *argument)
{
        struct genlmsghdr *h = nlmsg_data(nlmsg_hdr(message));
        if (h->cmd == NBD_CMD_LINK_DEAD)
                ++*(int *)argument;
        return NL_OK;
}

static int wait_link_dead(int wait_ms)
{
        uint64_t end = now_ms() + (uint64_t)wait_ms;
        struct pollfd p = {.fd = nl_socket_get_fd(probe.events), .events = POLLIN};
        while (!probe.dead_seen) {
                uint64_t now = now_ms();
                if (now >= end || poll(&p, 1, (int)(end - now)) <= 0)
                        return -ETIMEDOUT;
                (void)nl_recvmsgs_default(probe.events);
        }
        probe.dead_seen = 0;
        return 0;
}

static int transfer(const struct job *j)
{
        char path[32];
        void *buffer;
        (void)snprintf(path, sizeof path, "/dev/nbd%d", probe.index);
        size_t size = j->kind == 'b' ? BIG_BYTES : BLOCK_BYTES;
        int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC), r;
        if (fd < 0 || posix_memalign(&buffer, BLOCK_BYTES, size) != 0)
                return -errno;
        memset(buffer, 'w', size);
        off_t at = (off_t)(j->block * BLOCK_BYTES);
        if (j->kind == 'f')
                r = fsync(fd) < 0 ? -errno : 0;
        else if (j->kind != 'r')
                r = pwrite(fd, buffer, size, at) < 0 ? -errno : 0;
        else
                r = pread(fd, buffer, size, at) < 0 ? -errno : 0;
        free(buffer);
        (void)close(fd);
        return r;
}

static int disconnect(void)
{
        struct nl_sock *s = nl_socket_alloc();
        int r = genl_connect(s) < 0 ? -EIO : transact(s, message_new(NBD_CMD_DISCONNECT), NULL);
        nl_socket_free(s);
        return r;
}

static void *job_main(void *userdata)
{
        struct job *j = userdata;
        uint64_t since = now_ms();
        int r = j->kind == 'd' ? disconnect() : transfer(j);
        report(j->step, r, since);
        atomic_fetch_sub(&probe.running, 1);
        return NULL;
}

/* Its memory stays: the process is short. */
static void start(char kind, uint64_t block, const char *step)
{
        struct job *j = calloc(1, sizeof *j);
        *j = (struct job){.kind = kind, .block = block, .step = step};
        atomic_fetch_add(&probe.running, 1);
        if (pthread_create(&j->thread, NULL, job_main, j) != 0)
                abort();
        (void)usleep(20000); /* steps are in the order of the command line also inside the kernel */
}

static int wait_jobs(int wait_ms)
{
        uint64_t end = now_ms() + (uint64_t)wait_ms;
        while (atomic_load(&probe.running) > 0 && now_ms() < end)
                (void)usleep(5000);
        return -atomic_load(&probe.running);
}

static int set_limit(int ms)
{
        char path[64];
        int now = -1, r = 0;
        (void)snprintf(path, sizeof path, "/sys/block/nbd%d/queue/io_timeout", probe.index); /* fits */
        FILE *f = fopen(path, "r+");
        if (!f)
                return -errno;
        if (fscanf(f, "%d", &now) != 1 || now != ms) {
                rewind(f);
                r = fprintf(f, "%d\n", ms) < 0 ? -EIO : 0;
        }
        return fclose(f) == 0 ? r : -errno;
}

static void step(const char *text)
{
        const char *colon = strchr(text, ':');
        const char *argument = colon ? colon + 1 : "";
        size_t length = colon ? (size_t)(colon - text) : strlen(text);
        int number = atoi(argument), status = -1;
        uint64_t since = now_ms();
#define IS(name) (length == strlen(name) && strncmp(text, name, length) == 0)

        if (IS("write") || IS("read") || IS("flush") || IS("big")) {
                start(text[0], (uint64_t)number, text);
        } else if (IS("disconnect")) {
                start('d', 0, text);
        } else if (IS("backend")) {
                probe.backend = argument;
        } else if (IS("timeout")) {
                probe.timeout_s = (uint64_t)number;
        } else if (IS("dead")) {
                probe.dead_s = (uint64_t)number;
        } else if (IS("limit")) {
                int r = set_limit(number);
                if (r < 0) {
                        (void)fprintf(stderr, "nbd-probe: queue/io_timeout: %s\n", strerror(-r));
                        exit(1);
                }
        } else if (IS("sleep")) {
                (void)usleep((useconds_t)number * 1000u);
        } else if (IS("connect")) {
                report(text, offer(NBD_CMD_CONNECT), since);
        } else if (IS("reconfigure")) {
                report(text, offer(NBD_CMD_RECONFIGURE), since);
        } else if (IS("shutdown")) {
                report(text, shutdown(probe.fd, SHUT_RDWR) < 0 ? -errno : 0, since);
        } else if (IS("status")) {
                int r = transact(probe.requests, message_new(NBD_CMD_STATUS), &status);
                report(text, r < 0 ? r : status, since);
        } else if (IS("link-dead")) {
                report(text, wait_link_dead(number), since);
        } else if (IS("wait")) {
                report(text, wait_jobs(number), since);
        } else {
                (void)fprintf(stderr, "nbd-probe: unknown step '%s'\n", text);
                exit(2);
        }
}

int main(int argc, char **argv)
{
        if (argc < 5) {
                (void)fprintf(stderr, "usage: nbd-probe INDEX HOST PORT STEP...\n");
                return 2;
        }
        probe.index = atoi(argv[1]);
        probe.server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
        if (inet_pton(AF_INET, argv[2], &probe.server.sin_addr) != 1)
                return 2;
        probe.requests = nl_socket_alloc();
        probe.events = nl_socket_alloc();
        if (genl_connect(probe.requests) < 0 || genl_connect(probe.events) < 0 ||
            (probe.family = genl_ctrl_resolve(probe.requests, NBD_GENL_FAMILY_NAME)) < 0) {
                (void)fprintf(stderr, "nbd-probe: no nbd driver\n");
                return 1;
        }
        int group = genl_ctrl_resolve_grp(probe.events, NBD_GENL_FAMILY_NAME, NBD_GENL_MCAST_GROUP_NAME);
        nl_socket_disable_seq_check(probe.events);
        nl_socket_modify_cb(probe.events, NL_CB_VALID, NL_CB_CUSTOM, on_event, &probe.dead_seen);
        if (group < 0 || nl_socket_add_membership(probe.events, group) < 0)
                return 1;
        for (int i = 4; i < argc; i++)
                step(argv[i]);
        return 0;
}
