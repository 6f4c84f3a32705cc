/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disk threads. See disk_pool.h. */
#include "nbdd/disk_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "nbdd/conn.h"

#define DISK_THREADS_MAX 128u
#define TARGET_THREADS 8u
#define TARGET_SLOTS 256u /* targets are told apart by their descriptor modulo this */

struct job {
        struct job *next;
        struct request *request;
        struct disk disk;
        ssize_t result;
};

struct disk_pool {
        pthread_t disk_threads[DISK_THREADS_MAX];
        unsigned thread_count;
        int wake_fd;

        pthread_mutex_t lock;
        pthread_cond_t more;
        bool stop;                     /* under lock, as all below */
        struct job *queue, **queue_end;
        struct job *done;
        unsigned queued;
        unsigned idle;                 /* threads that wait for a job */
        unsigned active[TARGET_SLOTS]; /* jobs being performed for each target */
};

static unsigned *active_of(struct disk_pool *p, const struct job *j)
{
        return &p->active[(unsigned)j->disk.fd % TARGET_SLOTS];
}

/* The first job whose target may have one more thread; taken off the queue. */
static struct job *take_job(struct disk_pool *p)
{
        for (struct job **at = &p->queue; *at; at = &(*at)->next) {
                struct job *j = *at;
                if (*active_of(p, j) >= TARGET_THREADS)
                        continue;
                *at = j->next;
                if (!j->next)
                        p->queue_end = at;
                p->queued--;
                ++*active_of(p, j);
                return j;
        }
        return NULL;
}

static void *disk_thread(void *userdata)
{
        struct disk_pool *p = userdata;
        struct job *j;

        (void)pthread_setname_np(pthread_self(), "disk");
        (void)pthread_mutex_lock(&p->lock);
        for (;;) {
                p->idle++;
                while (!(j = take_job(p)) && !p->stop)
                        (void)pthread_cond_wait(&p->more, &p->lock);
                p->idle--;
                if (!j)
                        break;
                (void)pthread_mutex_unlock(&p->lock);

                j->result = disk_perform(&j->disk);

                (void)pthread_mutex_lock(&p->lock);
                --*active_of(p, j);
                j->next = p->done;
                p->done = j;
                uint64_t one = 1;
                (void)!write(p->wake_fd, &one, sizeof one);
        }
        (void)pthread_mutex_unlock(&p->lock);
        return NULL;
}

void disk_pool_free(struct disk_pool *p)
{
        if (!p)
                return;
        (void)pthread_mutex_lock(&p->lock);
        p->stop = true;
        (void)pthread_cond_broadcast(&p->more);
        (void)pthread_mutex_unlock(&p->lock);
        for (unsigned i = 0; i < p->thread_count; i++)
                (void)pthread_join(p->disk_threads[i], NULL);
        (void)pthread_cond_destroy(&p->more);
        (void)pthread_mutex_destroy(&p->lock);
        free(p);
}

static int add_thread(struct disk_pool *p)
{
        if (p->thread_count == DISK_THREADS_MAX)
                return -EAGAIN;
        int r = -pthread_create(&p->disk_threads[p->thread_count], NULL, disk_thread, p);
        p->thread_count += r == 0;
        return r;
}

int disk_pool_new(int wake_fd, struct disk_pool **ret)
{
        struct disk_pool *p = calloc(1, sizeof *p);

        if (!p)
                return -ENOMEM;
        p->wake_fd = wake_fd;
        p->queue_end = &p->queue;
        (void)pthread_mutex_init(&p->lock, NULL);
        (void)pthread_cond_init(&p->more, NULL);
        int r = add_thread(p); /* with one there is progress; that there is one is certain from here on */
        if (r < 0) {
                disk_pool_free(p);
                return r;
        }
        *ret = p;
        return 0;
}

void disk_pool_submit(struct disk_pool *p, struct request *q)
{
        struct job *j = malloc(sizeof *j);

        if (!j) {
                log_error("out of memory for a disk operation");
                abort();
        }
        *j = (struct job){.request = q, .disk = q->disk};
        (void)pthread_mutex_lock(&p->lock);
        *p->queue_end = j;
        p->queue_end = &j->next;
        bool crowded = ++p->queued > p->idle;
        (void)pthread_cond_signal(&p->more);
        (void)pthread_mutex_unlock(&p->lock);
        if (crowded)
                (void)add_thread(p); /* as many as there may be: the job waits for one of them */
}

void disk_pool_collect(struct disk_pool *p)
{
        (void)pthread_mutex_lock(&p->lock);
        struct job *j = p->done;
        p->done = NULL;
        (void)pthread_mutex_unlock(&p->lock);
        while (j) {
                struct job *next = j->next;
                request_done(j->request, j->result);
                free(j);
                j = next;
        }
}
