/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to hamon/api: its threads. */
#ifndef HAMON_API_THREADS_H
#define HAMON_API_THREADS_H

#include "hamon/api/api.h"

#include <pthread.h>

/* A thread that takes no signals. 0 or a positive errno, as pthread_create(). */
int api_thread(pthread_t *ret, void *(*run)(void *userdata), void *userdata);

/* Followers on every entrance are read again. Never from the loop. */
void api_wake(struct api *a);

/* An event, in the journal and among the events; returns its number. Never from the loop. */
uint64_t api_event(const struct api *a, const char *code, enum severity severity, const char *sentence);

/* Likewise of the table of reasons, about a mirror and a node. */
void api_reason_event(const struct api *a, enum reason reason, unsigned mirror, uint8_t node);

/* The event "access". Never from the loop. */
void api_audit(const struct api *a, const char *sentence);

#endif
