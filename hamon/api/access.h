/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what. On the control socket the file's mode has decided: who can connect is an operator. Runs in an HTTP thread. */
#ifndef HAMON_API_ACCESS_H
#define HAMON_API_ACCESS_H

#include "hamon/api/call.h"

/* Who is calling: fills in c->access and c->who. False: refused, `resp` says why. */
bool access_admit(struct api_call *c, struct http_response *resp);

/* True: refused, `resp` says why (401, 403). */
bool access_denied(const struct api_call *c, enum access needed, struct http_response *resp);

#endif
