/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * On TCP: how much, under which name of ours, from which page, with which token. A browser sends neither a token nor If-Match to a foreign page's
 * order (both need a permission that is never given: no CORS), and a page that calls itself by our address is refused for its Host.
 */
#include "hamon/api/access.h"

#include "hamon/api/rate.h"
#include "hamon/api/tokens.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool refuse(struct http_response *resp, unsigned status, const char *code, const char *title, const char *detail)
{
        (void)http_response_problem(resp, status, code, title, detail, NULL);
        return false;
}

static bool is_address(const char *text)
{
        uint8_t bytes[16];
        return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* An address, the name of a voter, or one of the configuration's: nobody else's name leads a browser here. */
static bool is_our_host(const struct config *c, const char *host)
{
        char name[CONFIG_API_HOST_SIZE];
        bool bracket = *host == '[';
        size_t n = bracket ? strcspn(host + 1, "]") : strcspn(host, ":");
        if (n == 0 || n >= sizeof name)
                return false;
        memcpy(name, host + bracket, n);
        name[n] = '\0';
        if (is_address(name) || strcasecmp(name, "localhost") == 0)
                return true;
        for (unsigned v = 0; v < VOTERS; v++)
                if (*c->voters[v].name && strcasecmp(name, c->voters[v].name) == 0)
                        return true;
        for (unsigned i = 0; i < c->api.hosts; i++)
                if (strcasecmp(name, c->api.host[i]) == 0)
                        return true;
        return false;
}

/* What a browser tells about the page that asks. */
static bool is_same_site(const struct http_request *req, const char *host)
{
        const char *origin = http_request_header(req, "Origin"), *site = http_request_header(req, "Sec-Fetch-Site");
        char own[CONFIG_API_HOST_SIZE + 32];
        (void)snprintf(own, sizeof own, "https://%.150s", host); /* fits */
        if (origin && strcasecmp(origin, own) != 0)
                return false;
        return !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

static int base64_value(char c)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *p = c ? strchr(digits, c) : NULL;
        return p ? (int)(p - digits) : -1;
}

/* The password of "Basic", which browsers can send by themselves. */
static bool basic_password(const char *encoded, char *ret, size_t size)
{
        char text[256];
        size_t n = 0;
        uint32_t bits = 0;
        unsigned have = 0;
        for (; base64_value(*encoded) >= 0; encoded++) {
                bits = bits << 6 | (uint32_t)base64_value(*encoded);
                have += 6;
                if (have >= 8) {
                        if (n + 1 == sizeof text)
                                return false;
                        text[n++] = (char)(bits >> (have -= 8) & 0xff);
                }
        }
        text[n] = '\0';
        const char *colon = memchr(text, ':', n);
        if (!colon || strlen(colon + 1) >= size || strlen(text) != n)
                return false;
        (void)strcpy(ret, colon + 1);
        return true;
}

static bool take_token(struct api_call *c, struct http_response *resp)
{
        const char *header = http_request_header(c->request, "Authorization");
        char secret[TOKEN_TEXT_SIZE], name[TOKEN_NAME_SIZE];
        bool is_get = strcmp(c->method, "GET") == 0;
        if (!header) {
                (void)snprintf(c->who, sizeof c->who, "%s, without a token", c->request->peer.address); /* fits */
                return true;
        }
        if (strncasecmp(header, "Bearer ", 7) == 0 && strlen(header + 7) < sizeof secret)
                (void)strcpy(secret, header + 7);
        else if (!is_get || strncasecmp(header, "Basic ", 6) != 0 || !basic_password(header + 6, secret, sizeof secret))
                secret[0] = '\0';
        c->access = tokens_check(c->api->tokens, secret, name);
        explicit_bzero(secret, sizeof secret);
        if (c->access == ACCESS_PUBLIC) {
                (void)rate_take(c->api->rate, c->request->peer.address, RATE_REFUSED, c->now_ms);
                http_response_header(resp, "WWW-Authenticate", "Bearer realm=\"hamon\", error=\"invalid_token\"");
                return refuse(resp, 401, "bad-token", "the token is not known", "this node knows no such token: it may be another node's, or revoked");
        }
        if (c->access == ACCESS_OPERATOR && !c->api->config->api.changes)
                c->access = ACCESS_VIEWER;
        (void)snprintf(c->who, sizeof c->who, "token '%s' from %s", name, c->request->peer.address); /* fits */
        return true;
}

static bool admit_tcp(struct api_call *c, struct http_response *resp)
{
        const struct http_request *req = c->request;
        const char *host = http_request_header(req, "Host"), *type = http_request_header(req, "Content-Type");
        bool is_get = strcmp(c->method, "GET") == 0;
        c->access = ACCESS_PUBLIC;
        if (!rate_take(c->api->rate, req->peer.address, 1, c->now_ms)) {
                http_response_header(resp, "Retry-After", "5");
                return refuse(resp, 429, "too-many-requests", "too many requests", "this address asks more than 50 times a second, or with wrong tokens");
        }
        if (!host || !is_our_host(c->api->config, host))
                return refuse(resp, 421, "wrong-host", "not a name of this node", "the URL must have an address, a node's name, or a 'host' of [api]");
        if (!is_get && !is_same_site(req, host))
                return refuse(resp, 403, "cross-site", "another site's page asks", "changes are taken from this node's own page only");
        if (!is_get && req->raw_size > 0 && (!type || strncasecmp(type, "application/json", 16) != 0))
                return refuse(resp, 415, "not-json", "the body must be JSON", "send Content-Type: application/json");
        return take_token(c, resp);
}

bool access_admit(struct api_call *c, struct http_response *resp)
{
        const struct http_peer *peer = &c->request->peer;
        if (c->entrance == ENTRANCE_TCP)
                return admit_tcp(c, resp);
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
                bool page = strcmp(c->path, "/status") == 0;
                http_response_header(resp, "WWW-Authenticate", page ? "Basic realm=\"hamon\", charset=\"UTF-8\"" : "Bearer realm=\"hamon\"");
                (void)http_response_problem(resp, 401, "no-token", "a token is needed",
                                            page ? "the password is a token of this node, the user's name does not matter"
                                                 : "this needs a bearer token that this node knows",
                                            "hamonctl token create NAME, on this node");
        } else {
                (void)http_response_problem(resp, 403, "not-permitted", "the token does not permit this",
                                            needed == ACCESS_LOCAL ? "this can be asked on the node's own control socket only"
                                                                   : "this needs the role operator, and 'changes = yes' below [api]",
                                            NULL);
        }
        return true;
}
