/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request's way through the disk: which operations it needs, short reads and writes, zeroing where the kernel cannot, FUA, errors.
 *
 * An error of a leg's disk is never answered (md would drop the leg before the record says so): the engine latches it and ends the session.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "nbdd/backend.h"
#include "nbdd/conn.h"
#include "nbdd/shared_file.h"
#include "nbdd/target.h"
#include "nbdd/worker.h"

#define ZEROES_BYTES (1u << 20)
#define SPARSE_READ_MIN (64u << 10) /* a shorter read is sooner done than its holes are found */

static _Alignas(4096) uint8_t zeroes[ZEROES_BYTES]; /* never written: one page of memory in truth */

ssize_t disk_perform(const struct disk *d)
{
        ssize_t n = -EINVAL;
        uint64_t range[2] = {d->offset_bytes, d->length_bytes};
        struct iovec v = {d->buffer, d->length_bytes};

        switch (d->operation) {
        case DISK_READ:
                n = pread(d->fd, d->buffer, d->length_bytes, (off_t)d->offset_bytes);
                break;
        case DISK_WRITE:
                n = d->rw_flags ? pwritev2(d->fd, &v, 1, (off_t)d->offset_bytes, d->rw_flags)
                                : pwrite(d->fd, d->buffer, d->length_bytes, (off_t)d->offset_bytes);
                break;
        case DISK_SYNC:
                n = fdatasync(d->fd);
                break;
        case DISK_PUNCH:
                n = fallocate(d->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)d->offset_bytes, d->length_bytes);
                break;
        case DISK_ZERO:
                n = fallocate(d->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)d->offset_bytes, d->length_bytes);
                break;
        case DISK_DISCARD:
                n = ioctl(d->fd, BLKDISCARD, range);
                break;
        case DISK_CACHE:
                return -posix_fadvise(d->fd, (off_t)d->offset_bytes, d->length_bytes, POSIX_FADV_WILLNEED);
        case DISK_EXTENTS:
                extents_find(d->fd, d->offset_bytes, d->length_bytes, d->extents);
                n = 0;
                break;
        }
        return n < 0 ? -errno : n;
}

static void submit(struct request *q, enum disk_operation operation, uint8_t *buffer, uint32_t length_bytes)
{
        struct conn *c = q->conn;
        const struct target *t = c->target;

        q->disk = (struct disk){
            .operation = operation,
            .fd = t->fd,
            .buffer = buffer,
            .length_bytes = length_bytes,
            .offset_bytes = t->offset_bytes + q->nbd.offset_bytes + q->done_bytes,
            .extents = q->extents,
        };
#ifndef MUTANT_fua_ignored
        if (operation == DISK_WRITE && (q->nbd.flags & NBD_CMDFLAG_FUA) && !q->zero_by_write)
                q->disk.rw_flags = RWF_DSYNC;
#endif
        c->worker->backend->disk(q);
}

static void sync_now(struct request *q)
{
        q->sync_after = false;
        submit(q, DISK_SYNC, NULL, 0);
}

static void fail(struct request *q, int error)
{
        struct conn *c = q->conn;
        bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG; /* refused before it was accepted: nothing is lost */
        bool is_sync = q->disk.operation == DISK_SYNC || (q->disk.rw_flags && !is_full);
        static const char *const words[] = {"read", "write", "flush", "discard", "zero", "look for holes in", "read ahead", "discard"};
        static const char *const texts[] = {
            "the export's disk failed to read", "the export's disk failed to write",
            "the export's disk failed to flush, now or earlier", "the export's disk failed to discard",
            "the export's disk failed to write zeroes", "the export's file did not tell its holes",
            "the export's disk failed to read ahead", "the export's disk failed to discard",
        };

        q->text = is_full ? "no space is left under the export" : texts[q->disk.operation];
        if (is_sync)
                atomic_store(&c->target->file->sync_failed, true);
        if (engine_session_failed(c->worker->engine, &c->registration, error, is_sync, words[q->disk.operation])) {
                conn_end(c, NULL); /* the leg holds: no reply */
                conn_reply(q, NBD_ERROR_EIO);
                return;
        }
        conn_reply(q, nbd_error_from_errno(error));
}

/* Everything asked is on the device or in its cache; what is left is durability. */
static void data_done(struct request *q)
{
        if (q->sync_after)
                sync_now(q);
        else
                conn_reply(q, NBD_ERROR_OK);
}

static void zero_next(struct request *q)
{
        uint32_t left = q->nbd.length_bytes - q->done_bytes;

        q->zero_by_write = true;
        submit(q, DISK_WRITE, zeroes, left < ZEROES_BYTES ? left : ZEROES_BYTES);
}

/* "NBD_CMD_FLAG_FAST_ZERO": what would have to be written is refused at once, and nothing is changed. */
static void zero_slowly(struct request *q)
{
        if (q->nbd.flags & NBD_CMDFLAG_FAST_ZERO) {
                q->text = "zeroing this is not faster than writing";
                conn_reply(q, NBD_ERROR_ENOTSUP);
        } else {
                zero_next(q);
        }
}

/* NO_HOLE keeps the space allocated: it may cost writing, but never makes a hole. */
static void start_zeroes(struct request *q)
{
        struct target *t = q->conn->target;
        uint64_t start = t->offset_bytes + q->nbd.offset_bytes;
        bool no_hole = q->nbd.flags & NBD_CMDFLAG_NO_HOLE;
        bool refused = atomic_load_explicit(no_hole ? &t->no_zero_range : &t->no_punch, memory_order_relaxed);

        if (refused || (start | q->nbd.length_bytes) & (t->zero_block_bytes - 1))
                zero_slowly(q);
        else
                submit(q, no_hole ? DISK_ZERO : DISK_PUNCH, NULL, q->nbd.length_bytes);
}

static bool must_zero(const struct request *q)
{
#ifdef MUTANT_trim_is_advice
        return false;
#endif
        return q->conn->registration.is_leg;
}

/*
 * On a leg discarding is no advice: the other leg reads zeroes afterwards, and so must this one. Where the kernel makes no zeroes without writing them, a
 * plain discard does, for the grant of a session that has TRIM says that this disk reads zeroes after one; and else they are written.
 */
static void start_trim_of_leg(struct request *q)
{
        struct target *t = q->conn->target;
        uint64_t start = t->offset_bytes + q->nbd.offset_bytes;

        if ((start | q->nbd.length_bytes) & (t->zero_block_bytes - 1))
                zero_next(q);
        else if (!atomic_load_explicit(&t->no_punch, memory_order_relaxed))
                submit(q, DISK_PUNCH, NULL, q->nbd.length_bytes);
        else if (t->block_device && !atomic_load_explicit(&t->no_discard, memory_order_relaxed))
                submit(q, DISK_DISCARD, NULL, q->nbd.length_bytes);
        else
                zero_next(q);
}

/* Elsewhere it is: what is not aligned, or not supported, is left as it is. */
static void start_trim(struct request *q)
{
        const struct target *t = q->conn->target;
        uint64_t start = t->offset_bytes + q->nbd.offset_bytes;

        if (must_zero(q)) {
                start_trim_of_leg(q);
                return;
        }
        if ((start | q->nbd.length_bytes) & (t->zero_block_bytes - 1))
                data_done(q);
        else
                submit(q, DISK_PUNCH, NULL, q->nbd.length_bytes);
}

/* "Structured reply types", OFFSET_HOLE: not with DF, which wants one chunk. */
static bool looks_for_holes(const struct request *q)
{
        const struct conn *c = q->conn;
        return c->session.structured_replies && !(q->nbd.flags & NBD_CMDFLAG_DF) && q->nbd.length_bytes >= SPARSE_READ_MIN &&
               !c->target->block_device && !atomic_load_explicit(&c->target->no_holes, memory_order_relaxed);
}

static void start_read(struct request *q)
{
        if (q->mapped) {
                conn_reply(q, NBD_ERROR_OK);
                return;
        }
        if (looks_for_holes(q))
                q->extents = extents_new(EXTENTS_READ_MAX, true, q->conn->target->block_bytes); /* without memory: all is data */
        if (q->extents)
                submit(q, DISK_EXTENTS, NULL, q->nbd.length_bytes);
        else
                submit(q, DISK_READ, q->buffer, q->nbd.length_bytes);
}

/* "NBD_CMD_BLOCK_STATUS": a block device does not tell, so all of it is allocated. */
static void start_status(struct request *q)
{
        const struct target *t = q->conn->target;

        q->extents = extents_new(q->nbd.flags & NBD_CMDFLAG_REQ_ONE ? 1 : EXTENTS_STATUS_MAX, false, t->block_bytes);
        if (!q->extents) {
                q->text = "out of memory";
                conn_reply(q, NBD_ERROR_ENOMEM);
        } else if (t->block_device) {
                q->extents->list[0] = (struct extent){.length_bytes = q->nbd.length_bytes};
                q->extents->count = 1;
                conn_reply(q, NBD_ERROR_OK);
        } else {
                submit(q, DISK_EXTENTS, NULL, q->nbd.length_bytes);
        }
}

/* Holes that were found are not sent; that the data between them is read in one piece costs less than many reads would. */
static void extents_found(struct request *q, ssize_t result)
{
        struct extents *x = q->extents;

        if (q->conn->ending) { /* the drain is waited for: no further operation */
                conn_reply(q, NBD_ERROR_ESHUTDOWN);
                return;
        }
        if (result == 0 && x->is_full)
                atomic_store_explicit(&q->conn->target->no_holes, true, memory_order_relaxed); /* a race with a punch costs only bytes */
        if (result < 0) { /* no thread to ask: all is data */
                x->count = 1;
                x->list[0] = (struct extent){.length_bytes = q->nbd.length_bytes};
        }
        if (q->nbd.command == NBD_COMMAND_BLOCK_STATUS || (x->count == 1 && x->list[0].is_hole)) {
                conn_reply(q, NBD_ERROR_OK);
                return;
        }
        if (x->count == 1) {
                free(x);
                q->extents = NULL;
        }
        submit(q, DISK_READ, q->buffer, q->nbd.length_bytes);
}

void request_start(struct request *q)
{
        struct conn *c = q->conn;
        uint16_t command = q->nbd.command;
        bool durable = command == NBD_COMMAND_FLUSH || (q->nbd.flags & NBD_CMDFLAG_FUA);

        if (durable && command != NBD_COMMAND_READ && atomic_load(&c->target->file->sync_failed)) {
                q->disk.operation = DISK_SYNC;
                fail(q, EIO);
                return;
        }
        q->sync_after = (q->nbd.flags & NBD_CMDFLAG_FUA) &&
                        (command == NBD_COMMAND_TRIM || command == NBD_COMMAND_WRITE_ZEROES);
        if (command != NBD_COMMAND_FLUSH && q->nbd.length_bytes == 0) {
                data_done(q);
                return;
        }
        switch (command) {
        case NBD_COMMAND_READ:
                start_read(q);
                break;
        case NBD_COMMAND_BLOCK_STATUS:
                start_status(q);
                break;
        case NBD_COMMAND_CACHE:
                submit(q, DISK_CACHE, NULL, q->nbd.length_bytes);
                break;
        case NBD_COMMAND_WRITE:
                submit(q, DISK_WRITE, q->buffer, q->nbd.length_bytes);
                break;
        case NBD_COMMAND_FLUSH:
#ifdef MUTANT_flush_ignored
                conn_reply(q, NBD_ERROR_OK);
#else
                sync_now(q);
#endif
                break;
        case NBD_COMMAND_TRIM:
                start_trim(q);
                break;
        default: /* session_input() lets nothing else through */
                start_zeroes(q);
                break;
        }
}

static void transferred(struct request *q, size_t bytes)
{
        q->done_bytes += (uint32_t)bytes;
        if (q->done_bytes >= q->nbd.length_bytes)
                data_done(q);
        else if (bytes == 0)
                fail(q, EIO); /* the device or file became shorter than what we export */
        else if (q->zero_by_write)
                zero_next(q);
        else
                submit(q, q->disk.operation, q->buffer + q->done_bytes, q->nbd.length_bytes - q->done_bytes);
}

void request_done(struct request *q, ssize_t result)
{
        if (result == -EINTR || result == -EAGAIN) { /* io-wq may be interrupted; nothing was transferred */
                q->conn->worker->backend->disk(q);
                return;
        }
        switch (q->disk.operation) {
        case DISK_READ:
        case DISK_WRITE:
                if (result < 0)
                        fail(q, (int)-result);
                else
                        transferred(q, (size_t)result);
                break;
        case DISK_SYNC:
                if (result < 0)
                        fail(q, (int)-result);
                else
                        conn_reply(q, NBD_ERROR_OK);
                break;
        case DISK_CACHE: /* "NBD_CMD_CACHE" is advice: where nothing can be read ahead there is nothing to report */
                data_done(q);
                break;
        case DISK_EXTENTS:
                extents_found(q, result);
                break;
        case DISK_PUNCH:
        case DISK_ZERO:
        case DISK_DISCARD:
                if (result == 0) {
                        atomic_store_explicit(&q->conn->target->no_holes, false, memory_order_relaxed);
                        if (q->disk.operation == DISK_PUNCH)
                                mapping_give_up(&q->conn->target->mapping);
                        data_done(q);
                } else if (result == -EOPNOTSUPP || result == -ENOSYS || result == -EINVAL || result == -ENODEV) {
                        struct target *t = q->conn->target;
                        if (q->nbd.command == NBD_COMMAND_TRIM && must_zero(q)) {
                                atomic_store_explicit(q->disk.operation == DISK_PUNCH ? &t->no_punch : &t->no_discard, true, memory_order_relaxed);
                                start_trim_of_leg(q);
                        } else if (q->nbd.command == NBD_COMMAND_TRIM) {
                                data_done(q);
                        } else {
                                atomic_store_explicit(q->disk.operation == DISK_ZERO ? &t->no_zero_range : &t->no_punch, true,
                                                      memory_order_relaxed);
                                zero_slowly(q);
                        }
                } else {
                        fail(q, (int)-result);
                }
                break;
        }
}
