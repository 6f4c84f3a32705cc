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

int identity_find(const struct config *c, const char *name, bool witness, char *ret_why, size_t why_bytes)
{
        char host[256] = "";
        const char *what = "node";
        if (!name) {
                (void)gethostname(host, sizeof host - 1); /* cut is fine: no configured name is that long */
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
