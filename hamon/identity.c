/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "node-a" of "node-a.example.org" counts as well. */
static int find(const struct config *c, const char *name)
{
        int i = config_voter_index(c, name);
        const char *dot = strchr(name, '.');
        char head[CONFIG_NAME_SIZE];
        if (i >= 0 || !dot || (size_t)(dot - name) >= sizeof head)
                return i;
        memcpy(head, name, (size_t)(dot - name));
        head[dot - name] = '\0';
        return config_voter_index(c, head);
}

static void host_name(char *ret, size_t size_bytes)
{
        memset(ret, 0, size_bytes);
        (void)gethostname(ret, size_bytes - 1); /* cut is fine: no configured name is that long */
}

int identity_find_witness(const struct config *c, char *ret_why, size_t why_bytes)
{
        char host[256];
        host_name(host, sizeof host);
        int i = find(c, host);
        if (i >= 0 && i < NODES) {
                (void)snprintf(ret_why, why_bytes, "this host, '%s', is a node of cluster '%s': its witness must be another machine", host, c->cluster);
                return -ENOTSUP;
        }
        if (!c->has_witness) {
                (void)snprintf(ret_why, why_bytes, "cluster '%s' has no [witness] section in its configuration", c->cluster);
                return -ENOENT;
        }
        return WITNESS;
}

int identity_find(const struct config *c, const char *name, bool witness, char *ret_why, size_t why_bytes)
{
        char host[256];
        const char *what = "node";
        if (!name) {
                host_name(host, sizeof host);
                name = host;
                what = "host";
        }
        int i = find(c, name);
        int r = -ENOTSUP;
        if (i < 0) {
                r = -ENOENT;
                (void)snprintf(ret_why, why_bytes,
                               "no [node] or [witness] section of the configuration is named like this %s, '%s'; give --node NAME", what, name);
        } else if (i == WITNESS && !witness) {
                (void)snprintf(ret_why, why_bytes, "'%s' is the witness: run 'hamon --witness' there (hamon-witness.service)", name);
        } else if (i != WITNESS && witness) {
                (void)snprintf(ret_why, why_bytes, "'%s' is a node, not the witness: run 'hamon' there (hamon.service)", name);
        } else {
                return i;
        }
        return r;
}
