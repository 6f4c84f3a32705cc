/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One exchange: the request as it arrives, the handler's call, the answer. */
#include "net/http_internal.h"
#include "net/json_text.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/problem.h"

#define HTTP_DISCARD_MAX (1u << 20) /* of a body that is too large, so that its sender gets to read the 413 */

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
        struct http_peer peer = {.known = known, .pid = cred.pid, .uid = cred.uid, .gid = cred.gid};
        const union MHD_ConnectionInfo *address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const struct sockaddr *a = address ? address->client_addr : NULL;
        if (a && a->sa_family == AF_INET)
                (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, peer.address, sizeof peer.address);
        else if (a && a->sa_family == AF_INET6)
                (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, peer.address, sizeof peer.address);
        return peer;
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

void http_response_release(struct http_response *resp)
{
        json_decref(resp->json);
        free(resp->text);
        if (resp->stream)
                resp->stream_release(resp->stream_userdata);
        *resp = (struct http_response){0};
}

struct http_later *http_request_later(const struct http_request *req)
{
        return req->later;
}

static const char *default_type(const struct http_response *resp)
{
        if (!resp->json)
                return "text/plain; charset=utf-8";
        return resp->status >= 400 ? PROBLEM_CONTENT_TYPE : "application/json";
}

static struct MHD_Response *response_of(struct http_server *server, struct MHD_Connection *connection, struct http_response *resp)
{
        if (resp->stream)
                return http_stream_response(server, connection, resp);
        if (resp->bytes)
                return MHD_create_response_from_buffer(resp->bytes_size, (void *)resp->bytes, MHD_RESPMEM_PERSISTENT);
        char *body = resp->text;
        resp->text = NULL;
        if (resp->json) {
                free(body);
                body = json_dumps(resp->json, JSON_INDENT(2));
                if (!body)
                        return NULL;
        }
        struct MHD_Response *response = MHD_create_response_from_buffer(body ? strlen(body) : 0, body, MHD_RESPMEM_MUST_FREE);
        if (!response)
                free(body);
        return response;
}

static enum MHD_Result send_response(struct http_server *server, struct MHD_Connection *connection, struct http_response *resp)
{
        if (resp->status == 0)
                resp->status = MHD_HTTP_OK;
        const char *type = resp->content_type ? resp->content_type : resp->json || resp->text ? default_type(resp) : NULL;
        struct MHD_Response *response = response_of(server, connection, resp);
        if (!response)
                return MHD_NO;
        if (type)
                (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, resp->cache_control ? resp->cache_control : "no-store");
        for (size_t i = 0; i < HTTP_RESPONSE_HEADERS_MAX && resp->headers[i].name; i++)
                (void)MHD_add_response_header(response, resp->headers[i].name, resp->headers[i].value);
        enum MHD_Result r = MHD_queue_response(connection, resp->status, response);
        MHD_destroy_response(response);
        return r;
}

void http_response_header(struct http_response *resp, const char *name, const char *format, ...)
{
        size_t i = 0;
        va_list args;

        while (i < HTTP_RESPONSE_HEADERS_MAX && resp->headers[i].name)
                i++;
        assert(i < HTTP_RESPONSE_HEADERS_MAX);
        resp->headers[i].name = name;
        va_start(args, format);
        vsnprintf(resp->headers[i].value, sizeof resp->headers[i].value, format, args);
        va_end(args);
}

static enum MHD_Result send_problem(struct MHD_Connection *connection, unsigned status, const char *code, const char *title,
                                    const char *detail)
{
        struct http_response resp = {0};

        http_response_problem(&resp, status, code, title, detail, NULL);
        enum MHD_Result r = send_response(NULL, connection, &resp);
        http_response_release(&resp);
        return r;
}

static enum MHD_Result send_too_large(struct MHD_Connection *connection)
{
        char detail[64];

        snprintf(detail, sizeof detail, "a request's body may have %u bytes", HTTP_BODY_MAX);
        return send_problem(connection, MHD_HTTP_CONTENT_TOO_LARGE, "body-too-large", "the request's body is too large", detail);
}

/* ---- one exchange ---- */

/* The handler wants to answer later: sleep, unless it has answered meanwhile. */
static enum MHD_Result wait_for_answer(struct http_later *x)
{
        pthread_mutex_lock(&x->server->lock);
        x->asked = true;
        if (!x->answered) {
                x->suspended = true;
                MHD_suspend_connection(x->connection);
                pthread_mutex_unlock(&x->server->lock);
                return MHD_YES;
        }
        pthread_mutex_unlock(&x->server->lock);
        return send_response(x->server, x->connection, &x->response);
}

void http_later_answer(struct http_later *x, struct http_response *resp)
{
        struct http_server *server = x->server;

        pthread_mutex_lock(&server->lock);
        x->response = *resp;
        *resp = (struct http_response){0};
        x->answered = true;
        if (x->suspended)
                MHD_resume_connection(x->connection); /* from here on x may be gone */
        pthread_mutex_unlock(&server->lock);
}

static enum MHD_Result serve(struct http_server *server, struct MHD_Connection *connection, const char *method, const char *path,
                             struct http_later *x)
{
        struct http_response resp = {0};
        json_t *body = NULL;

        if (x->body_size > 0) {
                json_error_t error;
                body = json_text_load(x->body, x->body_size, JSON_REJECT_DUPLICATES, &error);
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
            .raw = x->body,
            .raw_size = x->body_size,
            .is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0,
            .tls = server->tls,
            .peer = peer_of(connection),
            .connection = connection,
            .later = x,
        };
        int r = server->handler(server->userdata, &req, &resp);
        json_decref(body);
        if (r == HTTP_LATER) {
                http_response_release(&resp);
                return wait_for_answer(x);
        }
        if (r < 0)
                http_response_problem(&resp, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "the request failed inside the server",
                                      strerror(-r), NULL);
        enum MHD_Result result = send_response(server, connection, &resp);
        http_response_release(&resp);
        return result;
}

/* Appends to the body; what goes past the limit is counted and dropped. MHD_NO ends the connection. */
static enum MHD_Result take_body(struct http_later *x, const char *data, size_t size)
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
enum MHD_Result http_on_request(void *userdata, struct MHD_Connection *connection, const char *path, const char *method,
                                const char *version, const char *upload_data, size_t *upload_data_size, void **state)
{
        struct http_later *x = *state;

        (void)version;
        if (!x) {
                x = calloc(1, sizeof *x);
                *state = x;
                if (x) {
                        x->server = userdata;
                        x->connection = connection;
                }
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
        if (x->asked) /* awake again: the answer is there */
                return send_response(userdata, connection, &x->response);
        return serve(userdata, connection, method, path, x);
}

void http_on_completed(void *userdata, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
        struct http_later *x = *state;

        (void)userdata;
        (void)connection;
        (void)why;
        if (x) {
                free(x->body);
                http_response_release(&x->response);
        }
        free(x);
        *state = NULL;
}
