/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/http_server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "net/problem.h"
#include "net/unix_listen.h"

#define HTTP_DISCARD_MAX (1u << 20) /* of a body that is too large, so that its sender gets to read the 413 */

struct http_server {
        struct MHD_Daemon *daemon;
        http_handler *handler;
        void *userdata;
        char *socket_path;
        struct unix_file socket_file;
};

/* One request while it arrives. */
struct exchange {
        char *body;
        size_t body_size, body_room;
        size_t discarded;
};

/* ---- requests ---- */

const char *http_request_query(const struct http_request *req, const char *name)
{
        const char *value = NULL;

        if (MHD_lookup_connection_value_n(req->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, NULL) != MHD_YES)
                return NULL;
        return value ? value : "";
}

const char *http_request_header(const struct http_request *req, const char *name)
{
        return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

static struct http_peer peer_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct ucred cred = {.uid = (uid_t)-1, .gid = (gid_t)-1};
        socklen_t size = sizeof cred;

        /* On TCP the kernel answers with pid 0 and ids of -1. */
        bool known = info && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0 && cred.uid != (uid_t)-1;
        return (struct http_peer){.known = known, .pid = cred.pid, .uid = cred.uid, .gid = cred.gid};
}

/* ---- responses ---- */

int http_response_problem(struct http_response *resp, unsigned status, const char *code, const char *title, const char *detail,
                          const char *next)
{
        json_decref(resp->json);
        free(resp->text);
        resp->text = NULL;
        resp->status = status;
        resp->content_type = NULL;
        resp->json = problem_new(status, code, title, detail, next);
        return 0;
}

static void response_release(struct http_response *resp)
{
        json_decref(resp->json);
        free(resp->text);
}

static const char *default_type(const struct http_response *resp)
{
        if (!resp->json)
                return "text/plain; charset=utf-8";
        return resp->status >= 400 ? PROBLEM_CONTENT_TYPE : "application/json";
}

static enum MHD_Result send_response(struct MHD_Connection *connection, struct http_response *resp)
{
        char *body = resp->text;

        resp->text = NULL;
        if (resp->status == 0)
                resp->status = MHD_HTTP_OK;
        if (resp->json) {
                free(body);
                body = json_dumps(resp->json, JSON_INDENT(2));
                if (!body)
                        return MHD_NO;
        }
        size_t size = body ? strlen(body) : 0;
        struct MHD_Response *response = MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                free(body);
                return MHD_NO;
        }
        if (body)
                (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                              resp->content_type ? resp->content_type : default_type(resp));
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        for (size_t i = 0; i < HTTP_RESPONSE_HEADERS_MAX && resp->headers[i].name; i++)
                (void)MHD_add_response_header(response, resp->headers[i].name, resp->headers[i].value);
        enum MHD_Result r = MHD_queue_response(connection, resp->status, response);
        MHD_destroy_response(response);
        return r;
}

static enum MHD_Result send_problem(struct MHD_Connection *connection, unsigned status, const char *code, const char *title,
                                    const char *detail)
{
        struct http_response resp = {0};

        http_response_problem(&resp, status, code, title, detail, NULL);
        enum MHD_Result r = send_response(connection, &resp);
        response_release(&resp);
        return r;
}

static enum MHD_Result send_too_large(struct MHD_Connection *connection)
{
        char detail[64];

        snprintf(detail, sizeof detail, "a request's body may have %u bytes", HTTP_BODY_MAX);
        return send_problem(connection, MHD_HTTP_CONTENT_TOO_LARGE, "body-too-large", "the request's body is too large", detail);
}

/* ---- one exchange ---- */

static enum MHD_Result serve(struct http_server *server, struct MHD_Connection *connection, const char *method, const char *path,
                             const struct exchange *x)
{
        struct http_response resp = {0};
        json_t *body = NULL;

        if (x->body_size > 0) {
                json_error_t error;
                body = json_loadb(x->body, x->body_size, JSON_REJECT_DUPLICATES, &error);
                if (!body) {
                        char detail[JSON_ERROR_TEXT_LENGTH + 64];
                        snprintf(detail, sizeof detail, "line %d, column %d: %s", error.line, error.column, error.text);
                        return send_problem(connection, MHD_HTTP_BAD_REQUEST, "bad-json", "the request's body is not valid JSON", detail);
                }
        }
        struct http_request req = {
            .method = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : method,
            .path = path,
            .body = body,
            .peer = peer_of(connection),
            .connection = connection,
        };
        int r = server->handler(server->userdata, &req, &resp);
        json_decref(body);
        if (r < 0)
                http_response_problem(&resp, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "the request failed inside the server",
                                      strerror(-r), NULL);
        enum MHD_Result result = send_response(connection, &resp);
        response_release(&resp);
        return result;
}

/* Appends to the body; what goes past the limit is counted and dropped. MHD_NO ends the connection. */
static enum MHD_Result take_body(struct exchange *x, const char *data, size_t size)
{
        if (x->discarded > 0 || size > HTTP_BODY_MAX - x->body_size) {
                x->discarded += size;
                return x->discarded > HTTP_DISCARD_MAX ? MHD_NO : MHD_YES;
        }
        if (x->body_size + size > x->body_room) {
                size_t room = (x->body_size + size) * 2;
                char *grown = realloc(x->body, room);
                if (!grown)
                        return MHD_NO;
                x->body = grown;
                x->body_room = room;
        }
        memcpy(x->body + x->body_size, data, size);
        x->body_size += size;
        return MHD_YES;
}

/* libmicrohttpd calls this once with the headers, then with each piece of the body, then with nothing left. */
static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload_data, size_t *upload_data_size, void **state)
{
        struct exchange *x = *state;

        (void)version;
        if (!x) {
                x = calloc(1, sizeof *x);
                *state = x;
                const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
                if (x && length && strtoull(length, NULL, 10) > HTTP_DISCARD_MAX)
                        return send_too_large(connection); /* unread: its sender may see a reset instead of the answer */
                return x ? MHD_YES : MHD_NO;
        }
        if (*upload_data_size > 0) {
                enum MHD_Result r = take_body(x, upload_data, *upload_data_size);
                *upload_data_size = 0;
                return r;
        }
        if (x->discarded > 0)
                return send_too_large(connection);
        return serve(userdata, connection, method, path, x);
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
        struct exchange *x = *state;

        (void)userdata;
        (void)connection;
        (void)why;
        if (x)
                free(x->body);
        free(x);
        *state = NULL;
}

/* ---- server ---- */

static void server_free(struct http_server *server)
{
        free(server->socket_path);
        free(server);
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int listen_fd, const struct http_server_options *options)
{
        unsigned idle_s = options->idle_timeout_s ? options->idle_timeout_s : HTTP_IDLE_TIMEOUT_S;
        unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD |
                         (options->threads == HTTP_THREAD_EACH ? MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL : MHD_USE_EPOLL);
        sigset_t all, before;

        /* Its threads inherit the mask: a signal for the program must not end up in a handler. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        struct MHD_Daemon *daemon = MHD_start_daemon(
            flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
            HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)HTTP_CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return daemon;
}

int http_server_start(const struct http_server_options *options, struct http_server **ret)
{
        int fd = options->listen_fd;
        struct http_server *server = calloc(1, sizeof *server);

        if (!server)
                return -ENOMEM;
        server->handler = options->handler;
        server->userdata = options->userdata;
        if (options->socket_path) {
                server->socket_path = strdup(options->socket_path);
                int r = server->socket_path ? unix_listen(options->socket_path, options->socket_mode, (int)HTTP_CONNECTIONS_MAX, &fd)
                                            : -ENOMEM;
                if (r < 0) {
                        server_free(server);
                        return r;
                }
                server->socket_file = unix_file_of(options->socket_path);
        }
        server->daemon = start_daemon(server, fd, options);
        if (!server->daemon) {
                if (server->socket_path)
                        unix_file_remove(server->socket_path, &server->socket_file);
                close(fd);
                server_free(server);
                return -ENOMEM;
        }
        *ret = server;
        return 0;
}

void http_server_stop(struct http_server *server)
{
        if (!server)
                return;
        if (server->socket_path)
                unix_file_remove(server->socket_path, &server->socket_file);
        MHD_stop_daemon(server->daemon);
        server_free(server);
}
