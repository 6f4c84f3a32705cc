/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STACK_MOST_BYTES ((size_t)8 << 20) /* the usual default */
enum { LOOP_PRIORITY = 5 }; /* SCHED_RR: ahead of ordinary work, behind the kernel's own threads */

void process_set_name(const char *name)
{
        (void)prctl(PR_SET_NAME, name, 0, 0, 0); /* cannot fail */
}

int process_lock_memory(void)
{
        return mlockall(MCL_CURRENT | MCL_FUTURE) < 0 ? -errno : 0;
}

static void *return_at_once(void *unused)
{
        return unused;
}

/* Thread-local storage of all libraries comes out of a thread's stack (a sanitizer's is larger than ours): where no thread can be made, more is taken. */
void process_use_small_stacks(size_t bytes)
{
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        for (; bytes <= STACK_MOST_BYTES; bytes *= 2) {
                if (pthread_attr_setstacksize(&attributes, bytes) != 0 || pthread_create(&thread, &attributes, return_at_once, NULL) != 0)
                        continue;
                (void)pthread_join(thread, NULL);
                (void)pthread_setattr_default_np(&attributes);
                break;
        }
        pthread_attr_destroy(&attributes);
}

int process_set_oom_score(int score)
{
        char text[16];
        int n = snprintf(text, sizeof text, "%d", score);
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = write(fd, text, (size_t)n) == n ? 0 : -errno;
        close(fd);
        return r;
}

int process_raise_priority(void)
{
        const struct sched_param param = {.sched_priority = LOOP_PRIORITY};

        return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param) < 0 ? -errno : 0;
}

int process_block_signals(const int *signals)
{
        sigset_t mask;
        sigemptyset(&mask);
        for (const int *s = signals; *s; s++)
                sigaddset(&mask, *s);
        (void)signal(SIGPIPE, SIG_IGN); /* cannot fail */
        return sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ? -errno : 0;
}
