/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hamon-act reads of this node's disk: what is on it, and digests of its leg for the hamon of the active node that verifies the mirror (verifier.h).
 * A worker's work: it waits for the disk.
 */
#include "hamon/api/call.h"
#include "hamon/api/forward.h"
#include "hamon/api/json_take.h"
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
               forward_derive(c->api, &c->caller, salt, sizeof salt, ask.key) == 0;
        if (!good || block < DIGEST_BLOCK_LEAST || block % DIGEST_BLOCK_LEAST != 0 || ask.offset_bytes % DIGEST_BLOCK_LEAST != 0)
                return false;
        (void)snprintf(ask.mirror, sizeof ask.mirror, "%s", c->api->config->mirror[c->mirror].label); /* fits */
        ask.block_bytes = (uint32_t)block;
        ask.count = (uint32_t)count;
        *ret = ask;
        return true;
}

/* False: hamon-act does not answer, and `resp` says so. */
static bool ask_act(const struct api *a, const struct api_work *w, struct verify_ask *ret_ask, struct verify_answer *ret, struct http_response *resp)
{
        int fd = verify_link_open(verifier_socket(a->verifier));
        int r = fd < 0 ? fd : verify_ask_decode(w->target, strlen(w->target), ret_ask);
        if (r == 0)
                r = verify_link_ask(fd, ret_ask, ret);
        if (fd >= 0)
                close(fd);
        if (r == 0)
                return true;
        char detail[160];
        (void)snprintf(detail, sizeof detail, "hamon-act does not answer: %s", strerrordesc_np(-r)); /* fits */
        (void)http_response_problem(resp, 503, "act-lost", "hamon-act does not answer", detail, "systemctl status hamon-act");
        return false;
}

static void digest(const struct api *a, struct api_work *w, struct http_response *resp)
{
        struct verify_ask ask;
        struct verify_answer answer;
        if (!ask_act(a, w, &ask, &answer, resp))
                return;
        char *text = verify_answer_encode(ASK_DIGESTS, &answer);
        resp->json = text ? json_loads(text, 0, NULL) : NULL;
        free(text);
}

static void disk(const struct api *a, struct api_work *w, struct http_response *resp)
{
        struct verify_ask ask;
        struct verify_answer d;
        if (!ask_act(a, w, &ask, &d, resp))
                return;
        int mirror = config_mirror_by_label(a->config, ask.mirror); /* it is one of ours */
        resp->json = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "node", a->config->voters[a->self].name, "device", a->config->mirror[mirror].device[a->self], "error",
                               d.error < 0 ? json_string(d.detail) : json_null(), "disk_bytes", json_of_u64(d.disk_bytes), "room_bytes", json_of_u64(d.room_bytes),
                               "needs_bytes", json_of_u64(d.needs_bytes), "holds", json_string(d.holds));
}

static int later(struct api_call *c, const struct verify_ask *ask, void (*run)(const struct api *a, struct api_work *w, struct http_response *resp))
{
        char *text = verify_ask_encode(ask);
        int n = text ? snprintf(c->work.target, sizeof c->work.target, "%s", text) : -1;
        free(text);
        if (n < 0 || (size_t)n >= sizeof c->work.target)
                return -ENOMEM;
        c->work.run = run;
        return HTTP_LATER;
}

static int of_the_witness(struct http_response *resp)
{
        return http_response_problem(resp, 409, "wrong-node", "the witness holds no data", "this is the witness: it has no leg", "ask a node");
}

int get_disk(struct api_call *c, struct http_response *resp)
{
        struct verify_ask ask = {.asked = ASK_DISK};
        if (!c->api->verifier)
                return of_the_witness(resp);
        (void)snprintf(ask.mirror, sizeof ask.mirror, "%s", c->api->config->mirror[c->mirror].label); /* fits */
        return later(c, &ask, disk);
}

int get_digests(struct api_call *c, struct http_response *resp)
{
        struct verify_ask ask;
        if (!c->api->verifier)
                return of_the_witness(resp);
        if (!take_ask(c, &ask))
                return http_response_problem(resp, 400, "bad-request", "these are no blocks",
                                             "leg, salt (32 hex digits), offset, block (of 4096 to 65536) and count (up to 64) must be given, in multiples of 4096", "see /v1/openapi.yaml");
        return later(c, &ask, digest);
}
