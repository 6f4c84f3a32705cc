/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One change of the configuration of all machines while its worker sees to it: config_apply.c begins and answers it, config_look.c looks, config_commit.c
 * changes. A worker's; its values are its own.
 */
#ifndef HAMON_API_CONFIG_CHANGE_H
#define HAMON_API_CONFIG_CHANGE_H

#include "hamon/api/call.h"
#include "hamon/api/config_store.h"
#include "hamon/api/forward.h"

struct config_change {
        const struct api *a;
        const char *text; /* as it was given */
        const json_t *without; /* names, or NULL */
        const char *past;      /* code of findings that are no obstacle, or NULL */
        bool accept;
        json_t *findings, *changes, *machines; /* machines: name -> what it said, or null */
        struct config *config;
        struct config_next next;
        char *own_text;
        unsigned through; /* the machine that passed the call on: its answer goes back over that one, which begins anew only then. VOTERS: none */
};

static inline const char *change_name_of(const struct config_change *c, unsigned voter)
{
        return c->a->config->voters[voter].name;
}

bool change_is_part(const struct config_change *c, unsigned voter); /* there is such a machine, and nobody said "without" it */
unsigned change_count(const json_t *findings, const char *severity);

/* A step for another machine; NULL: out of memory. */
json_t *change_step(const struct config_change *c, const char *what, bool with_text);

/* Takes `body`. 0 with its answer, whatever its status, or -errno and one sentence. */
int change_ask(const struct config_change *c, unsigned voter, json_t *body, struct forward_answer *ret, char *error, size_t size);

/* False: it cannot be applied; `findings` say why. Nothing changes. */
bool change_look(struct config_change *c);

/* Each machine keeps it; false: nobody does, `findings` say why. */
bool change_prepare(struct config_change *c);

/* From here on it is decided: name -> how it stands there. NULL: nothing was changed, `findings` say why. */
json_t *change_commit(struct config_change *c);

#endif
