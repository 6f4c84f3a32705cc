/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of hamon-act: they take no signals, and run for as long as the process. */
#ifndef HAMON_ACT_THREAD_H
#define HAMON_ACT_THREAD_H

/* 0 or -errno. */
int thread_start(void *(*function)(void *userdata), void *userdata);

#endif
