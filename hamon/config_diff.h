/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a new configuration changes, and when each change counts. A changed configuration is put in force by hamon and hamon-act beginning anew,
 * one machine after the other, while arrays and services run on; some things cannot be changed that way, and this says so of each.
 *
 * Knows nothing of the state: what must not run meanwhile is hamon/api/config_local.c's business. Pure. Any thread.
 */
#ifndef HAMON_CONFIG_DIFF_H
#define HAMON_CONFIG_DIFF_H

#include "hamon/config.h"

enum config_effect {
        CONFIG_AT_ONCE,    /* with no restart of anything else */
        CONFIG_LATER,      /* counts from a later moment on, which the sentence names */
        CONFIG_IMPOSSIBLE, /* not while the cluster runs: the sentence says what to do instead */
};
const char *config_effect_word(enum config_effect e); /* "at-once", "later", "impossible" */

enum { CONFIG_CHANGE_SIZE = 320 };

/* Calls `report` for each change, in the order of the file. Returns how many are impossible. */
unsigned config_diff(const struct config *before, const struct config *after, void (*report)(void *userdata, enum config_effect effect, const char *sentence),
                     void *userdata);

/* A voter that counts with the shorter lease may let another node become primary while one that counts with the longer still serves (R4). */
bool config_shortens_lease(const struct config *before, const struct config *after);

#endif
