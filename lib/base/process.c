/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int process_lock_memory(void)
{
        return mlockall(MCL_CURRENT | MCL_FUTURE) < 0 ? -errno : 0;
}

void process_use_small_stacks(size_t bytes)
{
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, bytes);
        (void)pthread_setattr_default_np(&attributes);
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

int process_block_signals(const int *signals)
{
        sigset_t mask;
        sigemptyset(&mask);
        for (const int *s = signals; *s; s++)
                sigaddset(&mask, *s);
        (void)signal(SIGPIPE, SIG_IGN); /* cannot fail */
        return sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ? -errno : 0;
}
