/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plain threads for the disk operations of one worker: all of them in the threads backend, and in the io_uring backend those that io_uring lacks.
 *
 * Why threads: lseek(SEEK_HOLE) and friends wait for the disk, and a worker never does. Threads are made as they are needed, but one target never
 * gets more than TARGET_THREADS of a worker's: a disk that hangs must not take those of others. All functions are called by the worker.
 */
#ifndef NBDD_DISK_POOL_H
#define NBDD_DISK_POOL_H

struct disk_pool;
struct request;

/* Writes to wake_fd (an eventfd) whenever something is done. -errno: no memory, or not one thread to be had. */
int disk_pool_new(int wake_fd, struct disk_pool **ret);
/* Nothing is under way any more. NULL is allowed. */
void disk_pool_free(struct disk_pool *p);

/* Performs q->disk. Aborts without memory. */
void disk_pool_submit(struct disk_pool *p, struct request *q);
/* Calls request_done() for what is done. */
void disk_pool_collect(struct disk_pool *p);

#endif
