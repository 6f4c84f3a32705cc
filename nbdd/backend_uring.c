/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The io_uring backend: one ring for each worker carries its sockets and its disk operations, so that one system call submits a batch of
 * both and waits for the next. What never waits (a file in memory) is done at once instead: io_uring would hand it to a kernel thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/log.h"
#include "nbdd/backend.h"
#include "nbdd/coalesce.h"
#include "nbdd/conn.h"
#include "nbdd/disk_pool.h"
#include "nbdd/spin.h"
#include "nbdd/target.h"
#include "nbdd/worker.h"

#define RING_ENTRIES 512u
#define RING_COMPLETIONS 4096u
#define BATCH_MAX 256u
#define KERNEL_THREADS_MAX 128u /* of one ring, for what the kernel cannot do without waiting: the default (4 a core) is soon used up by a hanging disk */
#define TIMER_SLACK_NS 1000u /* the default, 50 us, is longer than a pause */
#define IMMEDIATE_WRITE_MAX (4u << 20) /* longer, and the others of this worker would wait for milliseconds */

/* What a completion belongs to: the low bits of user_data, beside the pointer. */
enum { TAG_REQUEST = 0, TAG_RECEIVE = 1, TAG_SEND = 2, TAG_WAKE = 3, TAG_MASK = 3 };

struct uring {
        struct io_uring ring;
        uint64_t wake_count; /* what the eventfd gave */
        struct disk_pool *pool; /* for what io_uring has no operation for; NULL until it is needed */
        struct spin spin;
        struct coalesce coalesce;
        struct conn *receiver; /* the last whose receive was queued in this turn */
        bool has_work;         /* something beside receives is queued: a pause must not hold it up */
        bool tells_task_work; /* the ring has a flag for completions that wait for us to enter the kernel */
};

/* The prep functions of liburing 2.3 clear user_data: tag the entry after them. */
static struct io_uring_sqe *sqe_get(struct worker *w)
{
        struct uring *u = w->backend_state;
        struct io_uring_sqe *sqe;

        while (!(sqe = io_uring_get_sqe(&u->ring))) {
                int r = io_uring_submit(&u->ring);
                if (r < 0 && r != -EINTR && r != -EAGAIN && r != -EBUSY) {
                        log_error("io_uring refuses submissions: %s", strerror(-r));
                        abort();
                }
        }
        return sqe;
}

static void sqe_tag(struct io_uring_sqe *sqe, void *pointer, unsigned tag)
{
        io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)pointer | tag);
}

static void arm_wake(struct worker *w)
{
        struct uring *u = w->backend_state;
        struct io_uring_sqe *sqe = sqe_get(w);
        io_uring_prep_read(sqe, w->wake_fd, &u->wake_count, sizeof u->wake_count, 0);
        sqe_tag(sqe, u, TAG_WAKE);
}

static int uring_init(struct worker *w)
{
        struct uring *u = calloc(1, sizeof *u);
        if (!u)
                return -ENOMEM;
        struct io_uring_params p = {
            .flags = IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
            .cq_entries = RING_COMPLETIONS,
        };
        int r = io_uring_queue_init_params(RING_ENTRIES, &u->ring, &p);
        if (r == -EINVAL) { /* a kernel before 6.1 */
                p = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = RING_COMPLETIONS};
                r = io_uring_queue_init_params(RING_ENTRIES, &u->ring, &p);
        }
        if (r < 0) {
                free(u);
                return r;
        }
        unsigned limits[2] = {KERNEL_THREADS_MAX, 0}; /* 0: as it is */
        (void)io_uring_register_iowq_max_workers(&u->ring, limits); /* a kernel before 5.15: the default has to do */
        u->tells_task_work = p.flags & IORING_SETUP_TASKRUN_FLAG;
        w->backend_state = u;
        (void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS); /* of this thread; without it pauses are longer, and fewer */
        arm_wake(w);
        return 0;
}

static void uring_release(struct worker *w)
{
        struct uring *u = w->backend_state;
        io_uring_queue_exit(&u->ring);
        disk_pool_free(u->pool);
        free(u);
        w->backend_state = NULL;
}

static void uring_receive(struct conn *c)
{
        struct uring *u = c->worker->backend_state;
        struct io_uring_sqe *sqe = sqe_get(c->worker);

        u->receiver = c;
        if (c->receive_msg.msg_iovlen == 1)
                io_uring_prep_recv(sqe, c->fd, c->receive_iov[0].iov_base, c->receive_iov[0].iov_len, c->receive_flags);
        else
                io_uring_prep_recvmsg(sqe, c->fd, &c->receive_msg, (unsigned)c->receive_flags);
        sqe_tag(sqe, c, TAG_RECEIVE);
}

static void uring_send(struct conn *c)
{
        struct uring *u = c->worker->backend_state;
        struct io_uring_sqe *sqe = sqe_get(c->worker);

        u->has_work = true;
        io_uring_prep_sendmsg(sqe, c->fd, &c->send_msg, (unsigned)c->send_flags);
        sqe_tag(sqe, c, TAG_SEND);
}

/*
 * Of a file in memory a read or write is a copy, and a sync nothing: cheaper than handing it over. A kernel thread would copy while we receive the
 * next payload, but on another core, from memory that only this one has in its cache: 600 us of CPU for a MiB instead of 380 (docs/PERFORMANCE.md).
 */
static bool disk_is_immediate(const struct request *q)
{
        bool is_short = q->disk.operation == DISK_READ || q->disk.operation == DISK_SYNC || q->disk.operation == DISK_EXTENTS ||
                        (q->disk.operation == DISK_WRITE && q->disk.length_bytes <= IMMEDIATE_WRITE_MAX);
        return q->conn->target->memory_backed && is_short;
}

/*
 * What changes a regular file goes to the kernel's own threads one at a time for each of 64 hashes of inodes (io_uring/io-wq.c, io_wq_hash_work()): one
 * file that hangs would hold up every other with its hash. Our threads are told apart by file.
 */
static bool kernel_would_queue(const struct request *q)
{
        const struct target *t = q->conn->target;
        bool changes = q->disk.operation == DISK_WRITE || q->disk.operation == DISK_PUNCH || q->disk.operation == DISK_ZERO || q->disk.operation == DISK_DISCARD;

        return changes && !t->block_device && !t->direct;
}

/* False: there is no thread for it. */
static bool disk_by_thread(struct request *q)
{
        struct worker *w = q->conn->worker;
        struct uring *u = w->backend_state;

        if (!u->pool && disk_pool_new(w->wake_fd, &u->pool) < 0)
                return false;
        disk_pool_submit(u->pool, q);
        return true;
}

static void uring_disk(struct request *q)
{
        struct uring *u = q->conn->worker->backend_state;
        const struct disk *d = &q->disk;

        if (disk_is_immediate(q)) {
                request_done(q, disk_perform(d));
                return;
        }
        if (d->operation == DISK_EXTENTS || d->operation == DISK_DISCARD) {
                if (!disk_by_thread(q))
                        request_done(q, -ENOMEM);
                return;
        }
        if (kernel_would_queue(q) && disk_by_thread(q))
                return;
        struct io_uring_sqe *sqe = sqe_get(q->conn->worker);
        u->has_work = true;
        switch (d->operation) {
        case DISK_EXTENTS: /* above */
        case DISK_DISCARD:
                break;
        case DISK_CACHE:
                io_uring_prep_fadvise(sqe, d->fd, d->offset_bytes, (off_t)d->length_bytes, POSIX_FADV_WILLNEED);
                break;
        case DISK_READ:
                io_uring_prep_read(sqe, d->fd, d->buffer, d->length_bytes, d->offset_bytes);
                break;
        case DISK_WRITE:
                io_uring_prep_write(sqe, d->fd, d->buffer, d->length_bytes, d->offset_bytes);
                sqe->rw_flags = d->rw_flags;
                break;
        case DISK_SYNC:
                io_uring_prep_fsync(sqe, d->fd, IORING_FSYNC_DATASYNC);
                break;
        case DISK_PUNCH:
        case DISK_ZERO:
                io_uring_prep_fallocate(sqe, d->fd,
                                        FALLOC_FL_KEEP_SIZE |
                                            (d->operation == DISK_ZERO ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE),
                                        (off_t)d->offset_bytes, (off_t)d->length_bytes);
                break;
        }
        sqe_tag(sqe, q, TAG_REQUEST);
}

static void dispatch(struct worker *w, uint64_t data, int result)
{
        void *pointer = (void *)(uintptr_t)(data & ~(uint64_t)TAG_MASK);
        struct uring *u = w->backend_state;

        switch (data & TAG_MASK) {
        case TAG_REQUEST:
                request_done(pointer, result);
                break;
        case TAG_RECEIVE:
                conn_received(pointer, result);
                break;
        case TAG_SEND:
                conn_sent(pointer, result);
                break;
        case TAG_WAKE:
                arm_wake(w); /* the worker looks at its messages after every turn */
                if (u->pool)
                        disk_pool_collect(u->pool);
                break;
        }
}

static bool something_came(const struct uring *u)
{
        return io_uring_cq_ready(&u->ring) || (IO_URING_READ_ONCE(*u->ring.sq.kflags) & IORING_SQ_TASKRUN);
}

/* Submits, then looks for the next completion without a system call; whoever else wants this processor gets it. See spin.h. */
static void look_first(struct uring *u, uint64_t end_ns)
{
        if (!u->tells_task_work || !spin_pays(&u->spin))
                return;
        (void)io_uring_submit(&u->ring); /* an error is met again, and told, by the wait */
        while (!something_came(u) && monotonic_ns() < end_ns)
                (void)sched_yield();
}

/* Requests of a client that is ahead of us gather; the disk and the senders have their work meanwhile. See coalesce.h. */
static void pause_first(struct worker *w)
{
        struct uring *u = w->backend_state;
        uint32_t limit_ns = engine_limit(w->engine, LIMIT_COALESCE_US) * 1000u;
        uint32_t pause_ns = 0;

        if (w->taken > 0 && limit_ns > 0 && coalesce_looks(&u->coalesce))
                pause_ns = coalesce_pause(&u->coalesce, w->taken, u->receiver && conn_is_ahead(u->receiver), limit_ns);

        if (pause_ns > 0) {
                if (u->has_work)
                        (void)io_uring_submit(&u->ring); /* an error is met again, and told, by the wait */
                (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = pause_ns}, NULL);
        }
        w->taken = 0;
        u->receiver = NULL;
        u->has_work = false;
}

static void uring_turn(struct worker *w, unsigned timeout_ms)
{
        struct uring *u = w->backend_state;
        struct io_uring_cqe *cqes[BATCH_MAX], *one;
        struct __kernel_timespec t = {.tv_sec = timeout_ms / 1000, .tv_nsec = (long long)(timeout_ms % 1000) * 1000000};

        uint64_t begin_ns = monotonic_ns(), limit_ns = engine_limit(w->engine, LIMIT_SPIN_US) * 1000ull;

        pause_first(w);
        look_first(u, begin_ns + limit_ns);
        int r = io_uring_submit_and_wait_timeout(&u->ring, &one, 1, &t, NULL);
        if (r < 0 && r != -ETIME && r != -EINTR && r != -EAGAIN && r != -EBUSY) {
                log_error("io_uring cannot wait: %s", strerror(-r));
                abort();
        }
        unsigned n = io_uring_peek_batch_cqe(&u->ring, cqes, BATCH_MAX);
        spin_waited(&u->spin, monotonic_ns() - begin_ns, limit_ns, n);
        for (unsigned i = 0; i < n; i++)
                dispatch(w, cqes[i]->user_data, cqes[i]->res);
        io_uring_cq_advance(&u->ring, n);
}

static void uring_forget(struct conn *c)
{
        struct uring *u = c->worker->backend_state;

        if (u->receiver == c)
                u->receiver = NULL;
}

const struct backend backend_uring = {
    .name = "io_uring",
    .init = uring_init,
    .release = uring_release,
    .receive = uring_receive,
    .send = uring_send,
    .disk = uring_disk,
    .turn = uring_turn,
    .forget = uring_forget,
};

const struct backend *backend_choose(void)
{
        const char *wish = getenv("NBDD_BACKEND");
        struct io_uring ring;

        if (wish && strcmp(wish, "threads") == 0)
                return &backend_threads;
        int r = io_uring_queue_init(8, &ring, 0);
        if (r < 0) {
                log_warning("io_uring is refused (%s), using threads, continuing", strerror(-r));
                return &backend_threads;
        }
        io_uring_queue_exit(&ring);
        return &backend_uring;
}
