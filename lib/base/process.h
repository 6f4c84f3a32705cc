/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a daemon asks of the system for itself before its loop runs and before it starts a thread: memory that is never paged out, a place at the end
 * of the out-of-memory killer's list, signals that only the loop reads; and, after it, priority for the loop.
 *
 * Does not log: the caller knows whether a refusal matters. Main thread only.
 */
#ifndef NBDD_BASE_PROCESS_H
#define NBDD_BASE_PROCESS_H

#include <stddef.h>

/* What ps and top call this process (at most 15 bytes): one that began anew by execv("/proc/self/exe") would be "exe". */
void process_set_name(const char *name);

/* mlockall(2) of what is there and of what comes. -errno. */
int process_lock_memory(void);

/* The stacks of threads that start from here on: locked memory pays for all of a stack, so it is not the usual 8 MiB. A larger one still works. */
void process_use_small_stacks(size_t bytes);

/* oom_score_adj, -1000 (never) to 1000. -errno; lowering it wants CAP_SYS_RESOURCE. */
int process_set_oom_score(int score);

/* Real-time scheduling for the calling thread alone, whatever it starts: for a loop that never waits, so that load does not look like death. -errno. */
int process_raise_priority(void);

/* Blocks these (ends with 0) for this thread and all that it starts, and ignores SIGPIPE: writes say EPIPE. -errno. */
int process_block_signals(const int *signals);

#endif
