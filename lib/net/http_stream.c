/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers without an end: server-sent events. A stream with nothing to say is suspended, and costs nothing until http_server_wake().
 *
 * The lock is held from the reader's "nothing now" to the suspension, and by http_server_wake(): what is added before a wake is either seen
 * by that read or wakes the stream.
 */
#include "net/http_internal.h"

#include <stdlib.h>

#define STREAM_BLOCK (16u << 10) /* bytes that a reader may give at once */

struct http_stream {
        struct http_server *server;
        struct MHD_Connection *connection;
        http_stream_read *read;
        void (*release)(void *userdata);
        void *userdata;
        bool suspended;
        struct http_stream *next, **back;
};

static ssize_t on_read(void *userdata, uint64_t position, char *to, size_t size)
{
        struct http_stream *s = userdata;
        ssize_t n;

        (void)position;
        pthread_mutex_lock(&s->server->lock);
        if (s->server->stopping) {
                n = MHD_CONTENT_READER_END_OF_STREAM;
        } else {
                n = s->read(s->userdata, to, size);
                if (n < 0)
                        n = MHD_CONTENT_READER_END_OF_STREAM;
                if (n == 0) {
                        s->suspended = true;
                        MHD_suspend_connection(s->connection);
                }
        }
        pthread_mutex_unlock(&s->server->lock);
        return n;
}

static void on_free(void *userdata)
{
        struct http_stream *s = userdata;

        pthread_mutex_lock(&s->server->lock);
        *s->back = s->next;
        if (s->next)
                s->next->back = s->back;
        pthread_mutex_unlock(&s->server->lock);
        s->release(s->userdata);
        free(s);
}

struct MHD_Response *http_stream_response(struct http_server *server, struct MHD_Connection *connection, struct http_response *resp)
{
        struct http_stream *s = calloc(1, sizeof *s);

        if (!s)
                return NULL;
        *s = (struct http_stream){.server = server, .connection = connection, .read = resp->stream, .release = resp->stream_release,
                                  .userdata = resp->stream_userdata};
        struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_read, s, on_free);
        if (!response) {
                free(s);
                return NULL;
        }
        resp->stream = NULL;
        pthread_mutex_lock(&server->lock);
        s->next = server->streams;
        s->back = &server->streams;
        if (s->next)
                s->next->back = &s->next;
        server->streams = s;
        pthread_mutex_unlock(&server->lock);
        return response;
}

static void wake_locked(struct http_server *server)
{
        for (struct http_stream *s = server->streams; s; s = s->next)
                if (s->suspended) {
                        s->suspended = false;
                        MHD_resume_connection(s->connection);
                }
}

void http_server_wake(struct http_server *server)
{
        pthread_mutex_lock(&server->lock);
        wake_locked(server);
        pthread_mutex_unlock(&server->lock);
}

void http_streams_stop(struct http_server *server)
{
        pthread_mutex_lock(&server->lock);
        server->stopping = true;
        wake_locked(server);
        pthread_mutex_unlock(&server->lock);
}
