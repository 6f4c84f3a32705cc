/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/access.h"

#include <stdio.h>
#include <string.h>

bool access_admit(struct api_call *c, struct http_response *resp)
{
        const struct http_peer *peer = &c->request->peer;
        (void)resp;
        c->access = ACCESS_LOCAL;
        if (peer->known)
                (void)snprintf(c->who, sizeof c->who, "uid %u, pid %d", (unsigned)peer->uid, (int)peer->pid); /* fits */
        else
                (void)strcpy(c->who, "the control socket");
        return true;
}

bool access_denied(const struct api_call *c, enum access needed, struct http_response *resp)
{
        if (c->access >= needed)
                return false;
        if (c->access == ACCESS_PUBLIC) {
                http_response_header(resp, "WWW-Authenticate", "Bearer realm=\"hamon\"");
                (void)http_response_problem(resp, 401, "no-token", "a token is needed", "this needs a bearer token that this node knows",
                                            "hamonctl token create NAME, on this node");
        } else {
                (void)http_response_problem(resp, 403, "not-permitted", "the token does not permit this",
                                            needed == ACCESS_LOCAL ? "this can be asked on the node's own control socket only"
                                                                   : "this needs the role operator, and 'changes = yes' below [api]",
                                            NULL);
        }
        return true;
}
