/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/program.h"

#include "hamon/act/child.h"

#include <stdio.h>
#include <string.h>

enum { VARIABLES_MAX = 16, VARIABLE_SIZE = CONFIG_PATH_SIZE + 32 };

struct variables {
        char text[VARIABLES_MAX][VARIABLE_SIZE];
        const char *list[VARIABLES_MAX + 1];
        unsigned count;
};

static void add(struct variables *v, const char *name, const char *value)
{
        if (v->count == VARIABLES_MAX)
                return; /* the callers below give fewer */
        (void)snprintf(v->text[v->count], VARIABLE_SIZE, "%s=%s", name, value); /* fits: names and paths of the configuration are shorter */
        v->list[v->count] = v->text[v->count];
        v->list[++v->count] = NULL;
}

/* Cuts `words` in place; config_care.c has seen to it that there are few enough. */
static void split(char *words, const char **ret)
{
        unsigned n = 0;

        for (char *rest = NULL, *w = strtok_r(words, " ", &rest); w && n < CONFIG_WORDS_MAX; w = strtok_r(NULL, " ", &rest))
                ret[n++] = w;
        ret[n] = NULL;
}

int program_run(const struct mirror *m, const char *command, const char *call, unsigned timeout_ms, int *ret_status, struct trouble *t)
{
        char words[CONFIG_COMMAND_SIZE], device[32];
        const char *argv[CONFIG_WORDS_MAX + 1];
        struct variables v = {.count = 0};

        (void)snprintf(words, sizeof words, "%s", command);
        split(words, argv);
        (void)snprintf(device, sizeof device, "/dev/md%u", ARRAY_MD_FIRST + m->cm->number);
        add(&v, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        add(&v, "LC_ALL", "C");
        add(&v, "HAMON_CLUSTER", m->config->cluster);
        add(&v, "HAMON_NODE", m->config->voters[m->self].name);
        add(&v, "HAMON_PEER", m->config->voters[1 - m->self].name);
        add(&v, "HAMON_MIRROR", m->cm->name);
        add(&v, "HAMON_DEVICE", device);
        add(&v, "HAMON_MOUNT", m->cm->service.mount);
        add(&v, "HAMON_CALL", call);
        return child_run_full(&(struct child){.argv = argv, .environment = v.list, .timeout_ms = timeout_ms, .foreign = true}, ret_status, t);
}
