/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the other machines see: a thread asks each of them for its status, and keeps the last answer with its age. Nothing of it ever decides
 * who is active; an old one says how old it is.
 */
#ifndef HAMON_API_VIEWS_H
#define HAMON_API_VIEWS_H

#include "hamon/api/api.h"

enum {
        VIEWS_INTERVAL_MS = 1000,
        VIEWS_UNWATCHED_MS = 4000, /* while no person looks */
        VIEWS_WATCHED_MS = 10000,  /* after the last look */
        VIEWS_TIMEOUT_MS = 2000,
        VIEWS_FRESH_MS = 6000,     /* an older one takes no part in anything */
};

struct api_views;

int views_start(struct api *api, struct api_views **ret);
void views_stop(struct api_views *v); /* NULL is accepted */

struct views_answer {
        json_t *status;         /* the caller's reference; NULL: never answered */
        json_t *config;         /* likewise; NULL: the same as ours, or not known yet */
        uint64_t age_ms;        /* of the answer */
        char error[256];        /* why the last question got none; "" */
        uint64_t rtt_us[CONFIG_LINKS_MAX]; /* time to connect over each of its addresses; 0: not measured */
};

/* Release with views_release(). */
void views_get(struct api_views *v, uint8_t voter, struct views_answer *ret);

/* Likewise no more than "node" and "age_ms" of the status, without configuration and times. */
void views_get_node(struct api_views *v, uint8_t voter, struct views_answer *ret);

/* A person looks: the machines are asked more often for a while. */
void views_watch(struct api_views *v);

void views_release(struct views_answer *answer);

#endif
