/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Digests of this node's leg, for the hamon of the active node that verifies the mirror (verifier.h). A worker's work: it waits for the disk. */
#include "hamon/api/call.h"
#include "hamon/api/forward.h"
#include "hamon/api/verify_link.h"
#include "hamon/api/workers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SALT_BYTES = 16 };

static bool take_number(struct api_call *c, const char *name, uint64_t most, uint64_t *ret)
{
        const char *text = call_query(c, name);
        return text && parse_u64(text, ret) && *ret <= most;
}

static bool take_ask(struct api_call *c, struct verify_ask *ret)
{
        struct verify_ask ask = {.asked = ASK_DIGESTS};
        uint8_t salt[SALT_BYTES];
        uint64_t block, count;
        const char *text = call_query(c, "leg");
        bool good = text && uuid_parse(text, &ask.leg) == 0;
        text = call_query(c, "salt");
        good = good && text && verify_unhex(text, sizeof salt, salt) && take_number(c, "offset", INT64_MAX, &ask.offset_bytes) &&
               take_number(c, "block", DIGEST_BLOCK_MOST, &block) && take_number(c, "count", DIGESTS_MAX, &count) &&
               forward_derive(c->api, salt, sizeof salt, ask.key) == 0;
        if (!good || block < DIGEST_BLOCK_LEAST || block % DIGEST_BLOCK_LEAST != 0 || ask.offset_bytes % DIGEST_BLOCK_LEAST != 0)
                return false;
        (void)snprintf(ask.mirror, sizeof ask.mirror, "%s", c->api->config->mirror[c->mirror].name); /* fits */
        ask.block_bytes = (uint32_t)block;
        ask.count = (uint32_t)count;
        *ret = ask;
        return true;
}

static void digest(const struct api *a, struct api_work *w, struct http_response *resp)
{
        struct verify_ask ask;
        struct verify_answer answer;
        int fd = verify_link_open(verifier_socket(a->verifier));
        int r = fd < 0 ? fd : verify_ask_decode(w->target, strlen(w->target), &ask);
        if (r == 0)
                r = verify_link_ask(fd, &ask, &answer);
        if (fd >= 0)
                close(fd);
        char *text = r == 0 ? verify_answer_encode(ASK_DIGESTS, &answer) : NULL;
        if (!text) {
                char detail[160];
                (void)snprintf(detail, sizeof detail, "hamon-act does not answer: %s", strerrordesc_np(r < 0 ? -r : ENOMEM)); /* fits */
                (void)http_response_problem(resp, 503, "act-lost", "hamon-act does not answer", detail, "systemctl status hamon-act");
                return;
        }
        resp->json = json_loads(text, 0, NULL);
        free(text);
}

int get_digests(struct api_call *c, struct http_response *resp)
{
        struct verify_ask ask;
        if (!c->api->verifier)
                return http_response_problem(resp, 409, "wrong-node", "the witness holds no data", "this is the witness: it has no leg", "ask a node");
        if (!take_ask(c, &ask))
                return http_response_problem(resp, 400, "bad-request", "these are no blocks",
                                             "leg, salt (32 hex digits), offset, block (of 4096 to 65536) and count (up to 64) must be given, in multiples of 4096", "see /v1/openapi.yaml");
        char *text = verify_ask_encode(&ask);
        int n = text ? snprintf(c->work.target, sizeof c->work.target, "%s", text) : -1;
        free(text);
        if (n < 0 || (size_t)n >= sizeof c->work.target)
                return -ENOMEM;
        c->work.run = digest;
        return HTTP_LATER;
}
