/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client's bytes through the real server behind the socket: worker, connection, requests, replies, a real engine and a real file. Only the backend is the
 * target's own: it hands the bytes over in pieces, takes replies in pieces, completes disk operations in any order, in parts, or with an error, as the
 * input says. Whatever comes: each reply is to a request that was sent and not yet answered, with as many bytes as were asked for; a client that waits
 * for its replies gets all of them; a leg answers no error; the file keeps its size, and nothing is left behind.
 *
 * Input: byte 0 chooses the handshake that is put in front (bits 0-2) and whether the client waits for its replies (bit 3), byte 1 is the lot for
 * everything that is random, byte 2 the disk operation that fails (0: none); the rest is the stream.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "nbdd/backend.h"
#include "nbdd/budget.h"
#include "nbdd/conn.h"
#include "nbdd/engine.h"
#include "nbdd/worker.h"

#define EXPORT_BYTES (1u << 20)
#define INPUT_MAX (64u << 10)
#define OUTPUT_MAX (64u << 20)
#define REQUESTS_MAX 4096u
#define PLAIN 0x1u
#define READ_ONLY 0x2u
#define LEG 0xd1u
#define LEG_SESSION "11111111-2222-4333-8444-555555555555"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One client. Filled before its connection is posted, the worker's until `done`. */
static struct client {
        uint8_t input[INPUT_MAX];
        size_t input_bytes, at;
        uint32_t lot;
        unsigned failing; /* countdown; 0: never */
        bool waits;
        int peer_fd; /* the other end of the connection's socket */
        struct conn *conn;
        bool receiving, sending;
        struct request *disk[CONN_DEPTH_MAX];
        unsigned disk_count;
        uint8_t *output;
        size_t output_bytes;
} client;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool posted, done; /* under lock */

static char folder[64];
static int files[2];
static struct engine *engine;
static struct worker worker;

static uint32_t draw(uint32_t below)
{
        client.lot ^= client.lot << 13;
        client.lot ^= client.lot >> 17;
        client.lot ^= client.lot << 5;
        return client.lot % below;
}

/* ---- the backend: in the worker's thread ---- */

static int fuzz_init(struct worker *w)
{
        (void)w;
        return 0;
}

static void fuzz_release(struct worker *w)
{
        (void)w;
}

static void fuzz_receive(struct conn *c)
{
        assert(!client.receiving);
        client.conn = c;
        client.receiving = true;
}

static void fuzz_send(struct conn *c)
{
        assert(!client.sending);
        client.conn = c;
        client.sending = true;
}

static void fuzz_disk(struct request *q)
{
        assert(client.disk_count < CONN_DEPTH_MAX);
        client.disk[client.disk_count++] = q;
}

static void fuzz_forget(struct conn *c)
{
        assert(c == client.conn && !client.receiving && !client.sending && client.disk_count == 0);
        client.conn = NULL;
}

static void take_output(const void *data, size_t size)
{
        assert(size <= OUTPUT_MAX - client.output_bytes);
        memcpy(client.output + client.output_bytes, data, size);
        client.output_bytes += size;
}

/* What the connection sent by itself. */
static void drain_socket(void)
{
        static uint8_t buffer[256u << 10];
        ssize_t n;

        while ((n = recv(client.peer_fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
                take_output(buffer, (size_t)n);
}

static void hand_over_input(void)
{
        struct conn *c = client.conn;
        const struct msghdr *m = &c->receive_msg;
        size_t left = client.input_bytes - client.at, n = 0;

        client.receiving = false;
        if (c->ending || left == 0) {
                conn_received(c, c->ending && draw(2) ? -ECONNRESET : 0);
                return;
        }
        size_t piece = draw(4) ? left : 1 + draw((uint32_t)left);
        for (size_t i = 0; i < m->msg_iovlen && piece; i++) {
                size_t part = m->msg_iov[i].iov_len < piece ? m->msg_iov[i].iov_len : piece;
                memcpy(m->msg_iov[i].iov_base, client.input + client.at, part);
                client.at += part;
                piece -= part;
                n += part;
        }
        conn_received(c, (ssize_t)n);
}

static void accept_output(void)
{
        struct conn *c = client.conn;
        const struct msghdr *m = &c->send_msg;
        size_t all = 0, n = 0;

        client.sending = false;
        if (c->ending) {
                conn_sent(c, -EPIPE);
                return;
        }
        drain_socket();
        for (size_t i = 0; i < m->msg_iovlen; i++)
                all += m->msg_iov[i].iov_len;
        size_t piece = draw(4) ? all : 1 + draw((uint32_t)all);
        for (size_t i = 0; i < m->msg_iovlen && piece; i++) {
                size_t part = m->msg_iov[i].iov_len < piece ? m->msg_iov[i].iov_len : piece;
                take_output(m->msg_iov[i].iov_base, part);
                piece -= part;
                n += part;
        }
        conn_sent(c, (ssize_t)n);
}

static void complete_one(void)
{
        unsigned i = draw(client.disk_count);
        struct request *q = client.disk[i];
        struct disk d = q->disk;
        bool moves = d.operation == DISK_READ || d.operation == DISK_WRITE;
        ssize_t r = -EIO;

        client.disk[i] = client.disk[--client.disk_count];
        if (moves && d.length_bytes > 4096 && draw(8) == 0)
                d.length_bytes = 4096 * (1 + draw(d.length_bytes / 4096)); /* a short one, as a kernel may */
        if (client.failing != 1)
                r = draw(16) ? disk_perform(&d) : -EINTR;
        if (client.failing)
                client.failing--;
        request_done(q, r);
}

/* Whoever waits for replies hangs up when there can be no more of them. */
static bool may_hand_over(void)
{
        if (!client.receiving)
                return false;
        bool is_end = client.at == client.input_bytes && !client.conn->ending;
        return !(client.waits && is_end && (client.sending || client.disk_count));
}

static void fuzz_turn(struct worker *w, unsigned timeout_ms)
{
        void (*const steps[])(void) = {hand_over_input, accept_output, complete_one};
        struct pollfd wake = {.fd = w->wake_fd, .events = POLLIN};
        bool can[3] = {may_hand_over(), client.sending, client.disk_count > 0};
        uint64_t count;

        if (list_empty(&w->conns)) {
                (void)pthread_mutex_lock(&lock);
                done = posted && atomic_load(&w->conn_count) == 0;
                (void)pthread_cond_signal(&changed);
                (void)pthread_mutex_unlock(&lock);
        }
        bool idle = !can[0] && !can[1] && !can[2];
        if (poll(&wake, 1, idle ? (int)timeout_ms : 0) > 0)
                (void)!read(w->wake_fd, &count, sizeof count);
        for (unsigned i = draw(3), n = 0; n < 3; n++, i = (i + 1) % 3) {
                if (can[i]) {
                        steps[i]();
                        return;
                }
        }
}

static const struct backend backend = {"fuzz", fuzz_init, fuzz_release, fuzz_receive, fuzz_send, fuzz_disk, fuzz_turn, fuzz_forget};

/* ---- the server ---- */

static void clean_up(void)
{
        char command[128];

        engine_shutdown(engine);
        worker_stop(&worker);
        engine_free(engine);
        (void)snprintf(command, sizeof command, "rm -rf %s", folder);
        (void)!system(command);
}

static void grant(void)
{
        struct uuid session, none = {0};
        char reason[ENGINE_REASON_SIZE];

        assert(uuid_parse(LEG_SESSION, &session) == 0);
        assert(engine_grant(engine, LEG, 1, &session, &none, true, reason) == 0);
}

static void define(uint64_t id, enum export_kind kind, bool read_only, unsigned file)
{
        char path[96], reason[ENGINE_REASON_SIZE];

        (void)snprintf(path, sizeof path, "%s/disk%u", folder, file);
        struct engine_add add = {.id = id, .device = path, .kind = kind, .read_only = read_only};
        assert(engine_add(engine, &add, reason) == 0);
}

static void set_up(void)
{
        char path[96], reason[ENGINE_REASON_SIZE];
        struct limits limits;

        log_init("fuzz", 0); /* a hostile client is worth a line in a server's log, not here */
        (void)strcpy(folder, "/dev/shm/nbdd-fuzz-XXXXXX");
        assert(mkdtemp(folder));
        for (unsigned i = 0; i < 3; i++) {
                (void)snprintf(path, sizeof path, "%s/disk%u", folder, i);
                int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                assert(fd >= 0 && ftruncate(fd, EXPORT_BYTES) == 0);
                assert(i != 2 || posix_fallocate(fd, 0, EXPORT_BYTES) == 0); /* without holes: its pages are sent as they are */
                if (i < 2)
                        files[i] = fd;
                else
                        (void)close(fd);
        }
        (void)snprintf(path, sizeof path, "%s/state", folder);
        assert(engine_new(path, &engine, reason, sizeof reason) == 0 && engine_start(engine) == 0);
        limits_init(&limits);
        limits.value[LIMIT_CONNECTION_MIB] = 1; /* so that it is reached */
        assert(engine_set_limits(engine, &limits, reason) == 0);
        define(PLAIN, EXPORT_PLAIN, false, 0);
        define(LEG, EXPORT_LEG, false, 1);
        define(READ_ONLY, EXPORT_PLAIN, true, 2);
        assert(engine_export_start(engine, PLAIN, reason) == 0 && engine_export_start(engine, READ_ONLY, reason) == 0);
        grant();
        client.output = malloc(OUTPUT_MAX);
        assert(client.output);
        assert(worker_start(&worker, 0, engine, NULL, &backend) == 0);
        (void)atexit(clean_up);
}

/* A disk error was latched: a person has looked. */
static void mend(void)
{
        char reason[ENGINE_REASON_SIZE];

        (void)engine_export_stop(engine, PLAIN, reason);
        assert(engine_clear(engine, PLAIN, reason) == 0 && engine_export_start(engine, PLAIN, reason) == 0);
        (void)engine_export_stop(engine, READ_ONLY, reason);
        assert(engine_clear(engine, READ_ONLY, reason) == 0 && engine_export_start(engine, READ_ONLY, reason) == 0);
        (void)engine_revoke(engine, LEG, reason);
        assert(engine_clear(engine, LEG, reason) == 0);
        grant();
}

/* ---- the client's side ---- */

enum handshake { RAW, GO, GO_STRUCTURED, GO_READ_ONLY, GO_LEG, EXPORT_NAME, HANDSHAKES };

static void put(const void *data, size_t size)
{
        if (size)
                memcpy(client.input + client.input_bytes, data, size);
        client.input_bytes += size;
}

static void put_option(uint32_t option, const void *data, uint32_t size)
{
        uint8_t header[16];
        struct bwriter w = bwriter_of(header, sizeof header);

        bwriter_be64(&w, NBD_MAGIC_OPTION);
        bwriter_be32(&w, option);
        bwriter_be32(&w, size);
        put(header, sizeof header);
        put(data, size);
}

static void put_go(const char *name)
{
        uint8_t data[128];
        struct bwriter w = bwriter_of(data, sizeof data);

        bwriter_be32(&w, (uint32_t)strlen(name));
        bwriter_copy(&w, name, strlen(name));
        bwriter_be16(&w, 0);
        put_option(NBD_OPT_GO, data, (uint32_t)w.offset_bytes);
}

static void put_handshake(enum handshake h)
{
        static const uint8_t flags[4] = {0, 0, 0, 3};
        static const char meta[] = "\0\0\0\3" "0x1" "\0\0\0\1" "\0\0\0\17" NBD_CONTEXT_ALLOCATION;

        if (h == RAW)
                return;
        put(flags, sizeof flags);
        if (h == GO_STRUCTURED) {
                put_option(NBD_OPT_STRUCTURED_REPLY, NULL, 0);
                put_option(NBD_OPT_SET_META_CONTEXT, meta, sizeof meta - 1);
        }
        if (h == EXPORT_NAME)
                put_option(NBD_OPT_EXPORT_NAME, "0x1", 3);
        else
                put_go(h == GO_READ_ONLY ? "0x2" : h == GO_LEG ? "0xd1?epoch=1&session=" LEG_SESSION : "0x1");
}

/* ---- what must have come back ---- */

struct asked {
        struct nbd_request request;
        bool answered;
        uint64_t got_bytes; /* of a structured read */
};
static struct asked asked[REQUESTS_MAX];

/*
 * The requests of the stream, up to the one that ends it; each gets its place as its cookie, so that a reply says whose it is. *ret_all: the stream ends
 * between two of them, or with DISC.
 */
static size_t requests_of(uint8_t *data, size_t size, bool *ret_all)
{
        size_t count = 0, at = 0;

        *ret_all = false;
        while (count < REQUESTS_MAX) {
                struct breader r = breader_of(data + at, size - at);
                struct nbd_request q;
                if (at == size) {
                        *ret_all = true;
                        return count;
                }
                if (size - at < NBD_REQUEST_BYTES || nbd_request_decode(&r, &q) < 0)
                        return count;
                if (q.command == NBD_COMMAND_DISC) {
                        *ret_all = true;
                        return count;
                }
                struct bwriter w = bwriter_of(data + at + 8, 8);
                bwriter_be64(&w, count);
                asked[count] = (struct asked){.request = q};
                at += NBD_REQUEST_BYTES;
                if (q.command == NBD_COMMAND_WRITE) {
                        if (q.length_bytes > size - at)
                                return count; /* never complete: refused at its head, perhaps */
                        at += q.length_bytes;
                }
                count++;
        }
        return count;
}

/* Whose reply it is. NULL: of the write after the last whole request, whose data never came and which was refused at its head. */
static struct asked *open_request(size_t count, uint64_t cookie)
{
        assert(cookie <= count);
        if (cookie == count)
                return NULL;
        assert(!asked[cookie].answered);
        return &asked[cookie];
}

struct bytes {
        const uint8_t *data;
        size_t left;
};

/* Fewer are left: what was cut off by the connection's end. */
static bool take(struct bytes *b, size_t n, const uint8_t **ret)
{
        if (b->left < n)
                return false;
        *ret = b->data;
        b->data += n;
        b->left -= n;
        return true;
}

static uint64_t be(const uint8_t *p, unsigned n)
{
        uint64_t v = 0;
        while (n--)
                v = v << 8 | *p++;
        return v;
}

/* Greeting and option replies. False: it did not get as far as transmission. */
static bool skip_handshake(struct bytes *b, enum handshake h)
{
        const uint8_t *p;

        if (!take(b, NBD_GREETING_BYTES, &p))
                return false;
        assert(be(p, 8) == NBD_MAGIC_INIT);
        if (h == EXPORT_NAME)
                return take(b, NBD_EXPORT_NAME_REPLY_BYTES, &p); /* NO_ZEROES */
        for (;;) {
                if (!take(b, NBD_OPTION_REPLY_BYTES, &p))
                        return false;
                assert(be(p, 8) == NBD_MAGIC_OPTION_REPLY);
                bool is_go = be(p + 8, 4) == NBD_OPT_GO && be(p + 12, 4) == NBD_REP_ACK;
                assert(!(be(p + 12, 4) & NBD_REP_FLAG_ERROR));
                if (!take(b, be(p + 16, 4), &p))
                        return false;
                if (is_go)
                        return true;
        }
}

static bool simple_reply(struct bytes *b, size_t count, enum handshake h)
{
        const uint8_t *p;

        if (!take(b, NBD_SIMPLE_REPLY_BYTES, &p))
                return false;
        uint64_t error = be(p + 4, 4);
        struct asked *a = open_request(count, be(p + 8, 8));
        if (!a) {
                assert(error);
                return true;
        }
        assert(h != GO_LEG || error == 0);
        assert(h != GO_STRUCTURED || error == 0); /* an error has a text then */
        a->answered = true;
        if (error || a->request.command != NBD_COMMAND_READ)
                return true;
        assert(h != GO_STRUCTURED || a->request.length_bytes == 0);
        return take(b, a->request.length_bytes, &p);
}

static bool chunk(struct bytes *b, size_t count, enum handshake h)
{
        const uint8_t *p;

        assert(h == GO_STRUCTURED);
        if (!take(b, NBD_CHUNK_HEADER_BYTES, &p))
                return false;
        uint64_t flags = be(p + 4, 2), type = be(p + 6, 2), cookie = be(p + 8, 8), length = be(p + 16, 4);
        bool of_read = type == NBD_CHUNK_OFFSET_DATA || type == NBD_CHUNK_OFFSET_HOLE;
        struct asked *a = open_request(count, cookie);
        if (!take(b, length, &p))
                return false;
        assert(a || type == NBD_CHUNK_ERROR);
        if (!a)
                return true;
        assert(!of_read || a->request.command == NBD_COMMAND_READ);
        if (of_read) {
                uint64_t offset = be(p, 8), bytes = type == NBD_CHUNK_OFFSET_DATA ? length - 8 : be(p + 8, 4);
                assert(bytes && offset >= a->request.offset_bytes && offset + bytes <= a->request.offset_bytes + a->request.length_bytes);
                a->got_bytes += bytes;
        }
        if (!(flags & NBD_CHUNK_FLAG_DONE))
                return true;
        a->answered = true;
        assert(type == NBD_CHUNK_ERROR || a->request.command != NBD_COMMAND_READ || a->got_bytes == a->request.length_bytes);
        return true;
}

static void check_output(enum handshake h, size_t count, bool all, bool failed)
{
        struct bytes b = {client.output, client.output_bytes};
        bool whole = true;

        if (h == RAW || !skip_handshake(&b, h))
                return;
        while (whole && b.left >= 4) {
                uint64_t magic = be(b.data, 4);
                assert(magic == NBD_MAGIC_SIMPLE_REPLY || magic == NBD_MAGIC_STRUCTURED_REPLY);
                whole = magic == NBD_MAGIC_SIMPLE_REPLY ? simple_reply(&b, count, h) : chunk(&b, count, h);
        }
        if (!client.waits || !all || h == GO_LEG || failed) /* a leg drops who breaks its rules */
                return;
        for (size_t i = 0; i < count; i++)
                if (asked[i].request.command != NBD_COMMAND_WRITE || asked[i].request.length_bytes <= NBD_PAYLOAD_MAX)
                        assert(asked[i].answered);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct worker_message m = {.type = WORKER_CONNECT, .tls = SESSION_TLS_NONE, .text = "fuzz"};
        char reason[ENGINE_REASON_SIZE];
        unsigned exports, sessions;
        struct stat st;
        int pair[2];

        if (size < 3 || size > INPUT_MAX / 2)
                return 0;
        if (!engine)
                set_up();
        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        uint8_t *output = client.output;
        enum handshake h = (enum handshake)((data[0] & 7) % HANDSHAKES);
        client = (struct client){.lot = data[1] * 2654435761u + 1, .failing = data[2], .waits = data[0] & 8, .peer_fd = pair[1], .output = output};
        if (draw(2)) { /* a socket that soon takes no more */
                int small = 4608;
                assert(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
        }
        put_handshake(h);
        uint8_t *stream = client.input + client.input_bytes;
        put(data + 3, size - 3);
        bool all;
        size_t count = requests_of(stream, size - 3, &all);

        assert(engine_admit(engine, &m.from, &m.session, reason));
        m.fd = pair[0];
        atomic_fetch_add(&worker.conn_count, 1);
        (void)pthread_mutex_lock(&lock);
        posted = true;
        done = false;
        worker_post(&worker, &m);
        while (!done)
                (void)pthread_cond_wait(&changed, &lock);
        posted = false;
        (void)pthread_mutex_unlock(&lock);
        drain_socket();
        (void)close(pair[1]);

        bool failed = data[2] && client.failing == 0;
        check_output(h, count, all, failed);
        engine_counts(engine, &exports, &sessions);
        assert(exports == 3 && sessions == 0);
        for (unsigned i = 0; i < 2; i++)
                assert(fstat(files[i], &st) == 0 && st.st_size == EXPORT_BYTES);
        if (failed)
                mend();
        return 0;
}
