/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/api.h"

#include "base/log.h"
#include "hamon/api/access.h"
#include "hamon/api/call.h"
#include "hamon/api/certificate_served.h"
#include "hamon/api/embedded.h"
#include "hamon/api/event_writer.h"
#include "hamon/api/forward.h"
#include "hamon/api/hub.h"
#include "hamon/api/idempotency.h"
#include "hamon/api/inviter.h"
#include "hamon/api/listen.h"
#include "hamon/api/notify.h"
#include "hamon/api/rate.h"
#include "hamon/api/sentence.h"
#include "hamon/api/threads.h"
#include "hamon/api/tokens.h"
#include "hamon/api/verifier.h"
#include "hamon/api/views.h"
#include "hamon/api/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SOCKET_CONNECTIONS_MAX = 256, PEER_CONNECTIONS_MAX = 32, TCP_CONNECTIONS_MAX = 320, TCP_CONNECTIONS_PER_ADDRESS = 128 };

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int64_t wall_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail for this clock */
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int api_thread(pthread_t *ret, void *(*run)(void *userdata), void *userdata)
{
        sigset_t all, before;
        sigfillset(&all); /* the loop's thread reads the signals */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(ret, NULL, run, userdata);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r;
}

/* A call that has to wait goes to a worker. */
static int hand_over(struct api *a, struct api_call *c, const struct http_request *req, struct http_response *resp)
{
        if (workers_put(a->workers, &c->work, http_request_later(req), &c->caller) == 0)
                return HTTP_LATER;
        json_decref(c->work.body);
        http_response_header(resp, "Retry-After", "1");
        return http_response_problem(resp, 503, "busy", "too many calls", "too many calls wait for the other node or nbdd", "try again in a second");
}

/* What a forwarded target says behind its path. */
static void split_query(struct api_call *c, char *copy, size_t size)
{
        (void)snprintf(copy, size, "%s", c->path); /* one that is longer is no path of ours */
        char *query = strchr(copy, '?');
        if (query)
                *query++ = '\0';
        c->path = copy;
        c->query = query;
}

static int answer(struct api *a, enum entrance entrance, const struct http_request *req, struct http_response *resp)
{
        struct api_call c = {
                .api = a,
                .entrance = entrance,
                .method = req->method,
                .path = req->path,
                .body = req->body,
                .if_match = http_request_header(req, "If-Match"),
                .idempotency_key = http_request_header(req, "Idempotency-Key"),
                .request = req,
                .now_ms = now_ms(),
        };
        char path[CALL_PATH_SIZE];
        json_t *envelope = NULL;
        http_response_header(resp, "X-Content-Type-Options", "nosniff");
        if (entrance == ENTRANCE_PEER && !forward_admit(&c, &envelope, resp)) {
                if (c.caller.sequence)
                        forward_seal(&c.caller, resp);
                explicit_bzero(&c.caller, sizeof c.caller);
                return 0;
        }
        if (entrance == ENTRANCE_PEER)
                split_query(&c, path, sizeof path);
        c.snapshot = snapshot_get(a->snapshots);
        if (c.snapshot && c.now_ms < c.snapshot->taken_ms)
                c.now_ms = c.snapshot->taken_ms; /* it was taken after we looked at the clock */
        int r = entrance == ENTRANCE_PEER || access_admit(&c, resp) ? route_call(&c, resp) : 0;
        snapshot_release(a->snapshots, c.snapshot);
        if (r == HTTP_LATER)
                r = hand_over(a, &c, req, resp);
        if (r < 0 && c.caller.sequence)
                r = http_response_problem(resp, 500, "internal", "the request failed inside the server", strerrordesc_np(-r), NULL);
        if (r == 0 && c.caller.sequence)
                forward_seal(&c.caller, resp);
        json_decref(envelope);
        explicit_bzero(&c.caller, sizeof c.caller);
        return r;
}

static int on_socket_request(void *userdata, const struct http_request *req, struct http_response *resp)
{
        return answer(userdata, ENTRANCE_SOCKET, req, resp);
}

static int on_peer_request(void *userdata, const struct http_request *req, struct http_response *resp)
{
        return answer(userdata, ENTRANCE_PEER, req, resp);
}

static int on_tcp_request(void *userdata, const struct http_request *req, struct http_response *resp)
{
        return answer(userdata, ENTRANCE_TCP, req, resp);
}

void api_wake(struct api *a)
{
        http_server_wake(a->on_socket);
        for (unsigned i = 0; i < CONFIG_API_LISTENS_MAX; i++)
                if (a->on_tcp[i])
                        http_server_wake(a->on_tcp[i]);
}

static uint64_t add_event(const struct api *a, const char *code, enum severity severity, const char *sentence, const char *mirror, const char *node)
{
        struct timespec wall;
        (void)clock_gettime(CLOCK_REALTIME, &wall);
        struct event_entry e = {.wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000, .boot_ms = now_ms(), .severity = severity};
        (void)snprintf(e.code, sizeof e.code, "%s", code);             /* fits */
        (void)snprintf(e.mirror, sizeof e.mirror, "%s", mirror);       /* fits */
        (void)snprintf(e.node, sizeof e.node, "%s", node);             /* fits */
        (void)snprintf(e.sentence, sizeof e.sentence, "%s", sentence); /* may be cut */
        uint64_t id = event_log_add(a->events, &e);
        log_write(severity >= SEVERITY_WARNING ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "[%s] %s", code, sentence);
        hub_notify(a->hub);
        return id;
}

uint64_t api_event(const struct api *a, const char *code, enum severity severity, const char *sentence)
{
        return add_event(a, code, severity, sentence, "", "");
}

void api_reason_event(const struct api *a, enum reason reason, unsigned mirror, uint8_t node)
{
        const char *m = a->config->mirror[mirror].name, *n = a->config->voters[node].name;
        char sentence[SENTENCE_SIZE];
        sentence_render(reason_sentence(reason), m, n, 0, sentence, sizeof sentence);
        (void)add_event(a, reason_code(reason), reason_severity(reason), sentence, m, n);
}

void api_audit(const struct api *a, const char *sentence)
{
        (void)api_event(a, "access", SEVERITY_INFO, sentence);
}

static void events_not_durable(void *userdata, const char *sentence)
{
        (void)api_event(userdata, "events-not-durable", SEVERITY_WARNING, sentence);
}

int api_rekey(const struct api *a, const uint8_t key[SEAL_KEY_BYTES], const uint8_t *also)
{
        return a->forward ? forward_rekey(a->forward, key, also) : 0; /* it reads them when it starts */
}

void api_reload(const struct api *a)
{
        if (a->certificate)
                served_certificate_reload(a->certificate);
}

void api_notify(const struct api *a)
{
        hub_notify(a->hub);
}

/* Where the other machines' hamons call. */
static int listen_for_peers(struct api *a, char *error, size_t error_size)
{
        const struct config_voter *self = &a->config->voters[a->self];
        for (unsigned i = 0; i < self->links; i++) {
                struct http_server_options options = {.threads = HTTP_ONE_THREAD, .connections_max = PEER_CONNECTIONS_MAX, .handler = on_peer_request,
                                                      .connections_per_address = PEER_CONNECTIONS_MAX / 2, .userdata = a};
                options.listen_fd = listen_tcp(&self->link[i], a->config->port, PEER_CONNECTIONS_MAX);
                int r = options.listen_fd < 0 ? options.listen_fd : http_server_start(&options, &a->on_peer[i]);
                if (r < 0) {
                        (void)snprintf(error, error_size, "cannot listen on TCP port %u of '%s': %s", a->config->port, self->link[i].text,
                                       strerrordesc_np(-r));
                        return r;
                }
        }
        return 0;
}

/* Another voter's link is that voter's to listen on. */
static bool is_anothers(const struct api *a, const struct config_address *address)
{
        bool own = false, anothers = false;
        for (unsigned v = 0; v < VOTERS; v++)
                for (unsigned i = 0; i < a->config->voters[v].links; i++)
                        if (strcmp(a->config->voters[v].link[i].text, address->text) == 0) {
                                own = own || v == a->self;
                                anothers = anothers || v != a->self;
                        }
        return anothers && !own;
}

static int listen_on_tcp(struct api *a, char *error, size_t error_size)
{
        const struct config_api *c = &a->config->api;
        char why[SENTENCE_SIZE];
        int r = c->listens > 0 ? served_certificate_new(a, &a->certificate, why, sizeof why) : 0;
        if (r < 0) {
                (void)snprintf(error, error_size, "%.*s; %s", (int)error_size - 80, why,
                               r == -ENOENT ? "make it with 'hamonctl cert create', then restart hamon" : "correct that, then restart hamon");
                return r;
        }
        for (unsigned i = 0; i < c->listens; i++) {
                if (is_anothers(a, &c->listen[i].address))
                        continue;
                struct http_server_options options = {.threads = HTTP_ONE_THREAD, .connections_max = TCP_CONNECTIONS_MAX, .handler = on_tcp_request,
                                                      .connections_per_address = TCP_CONNECTIONS_PER_ADDRESS, .userdata = a,
                                                      .tls_keys = served_certificate_keys(a->certificate)};
                options.listen_fd = listen_tcp(&c->listen[i].address, c->listen[i].port, TCP_CONNECTIONS_MAX);
                r = options.listen_fd < 0 ? options.listen_fd : http_server_start(&options, &a->on_tcp[i]);
                if (r < 0) {
                        (void)snprintf(error, error_size, "cannot serve '%s' port %u: %s", c->listen[i].address.text, c->listen[i].port,
                                       strerrordesc_np(-r));
                        return r;
                }
        }
        return 0;
}

int api_start(struct api *a, const struct api_options *options, char *error, size_t error_size)
{
        struct http_server_options on_socket = {
                .socket_path = options->socket_path,
                .socket_mode = 0660,
                .threads = HTTP_ONE_THREAD,
                .connections_max = SOCKET_CONNECTIONS_MAX,
                .handler = on_socket_request,
                .userdata = a,
        };
        embedded_init();
        a->nbdd_socket = options->nbdd_socket;
        (void)snprintf(error, error_size, "no memory or no thread for the API");
        a->idempotency = idempotency_new(options->state_directory, wall_ms());
        if (a->idempotency)
                operations_number_from(a->operations, idempotency_last(a->idempotency));
        a->rate = rate_new(options->start);
        int r = a->idempotency && a->rate ? hub_new(a, &a->hub) : -ENOMEM;
        if (r == 0)
                r = event_writer_run(a->event_writer, events_not_durable, a);
        if (r == 0)
                r = notifier_start(a, options->state_directory, &a->notifier);
        if (r == 0)
                r = tokens_open(options->state_directory, &a->tokens);
        if (r == 0)
                r = forward_new(a->config, a->self, options->start, &a->forward);
        if (r == 0)
                r = workers_start(a, &a->workers);
        if (r == 0)
                r = inviter_new(a, &a->inviter);
        if (r == 0)
                r = views_start(a, &a->views);
        if (r == 0 && a->self < NODES)
                r = verifier_start(a, options->state_directory, options->act_socket, &a->verifier);
        if (r == 0) {
                r = http_server_start(&on_socket, &a->on_socket);
                if (r < 0)
                        (void)snprintf(error, error_size, "cannot listen on '%s': %s", options->socket_path, strerrordesc_np(-r));
        }
        if (r < 0)
                return r;
        error[0] = '\0';
        /* Without these this node still decides: said in `error`, and no more. */
        if (listen_for_peers(a, error, error_size) == 0 && listen_on_tcp(a, error, error_size) == 0 && tokens_error(a->tokens) < 0)
                (void)snprintf(error, error_size, "the tokens in '%.150s/tokens' cannot be used: %s; move that file away and make new ones",
                               options->state_directory, strerrordesc_np(-tokens_error(a->tokens)));
        return hub_run(a->hub); /* it knows the servers */
}

void api_stop(struct api *a)
{
        if (a->events)
                event_log_stop(a->events);
        notifier_stop(a->notifier);
        event_writer_close(a->event_writer);
        hub_stop(a->hub);
        verifier_stop(a->verifier); /* it calls the other machines, and looks at their views */
        a->verifier = NULL;
        workers_stop(a->workers); /* answers all that wait */
        inviter_free(a->inviter);
        views_stop(a->views);
        served_certificate_free(a->certificate); /* it looks at the servers */
        http_server_stop(a->on_socket);
        for (unsigned i = 0; i < CONFIG_LINKS_MAX; i++)
                http_server_stop(a->on_peer[i]);
        for (unsigned i = 0; i < CONFIG_API_LISTENS_MAX; i++)
                http_server_stop(a->on_tcp[i]);
        hub_free(a->hub);
        forward_free(a->forward);
        idempotency_free(a->idempotency);
        rate_free(a->rate);
        tokens_free(a->tokens);
}
