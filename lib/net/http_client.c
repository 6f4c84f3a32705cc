/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/http_client.h"

#include "net/json_text.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <curl/curl.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_once_result;

enum { CANCEL_LOOK_MS = 100 };

static void init_curl(void)
{
        curl_once_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- what arrives ---- */

struct answer {
        char *data;
        size_t size, room;
        int error;
};

static size_t on_data(char *data, size_t one, size_t size, void *userdata)
{
        struct answer *a = userdata;

        (void)one; /* libcurl: always 1 */
        if (size > HTTP_ANSWER_MAX - a->size) {
                a->error = -EMSGSIZE;
                return 0;
        }
        if (a->size + size > a->room) {
                size_t room = (a->size + size) * 2;
                char *grown = realloc(a->data, room);
                if (!grown) {
                        a->error = -ENOMEM;
                        return 0;
                }
                a->data = grown;
                a->room = room;
        }
        memcpy(a->data + a->size, data, size);
        a->size += size;
        return size;
}

static void keep(char *to, const char *line, size_t size, const char *name)
{
        size_t n = strlen(name);

        if (size <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
                return;
        for (n++; n < size && line[n] == ' ';)
                n++;
        while (size > n && (line[size - 1] == '\n' || line[size - 1] == '\r'))
                size--;
        if (size - n < HTTP_KEPT_SIZE)
                snprintf(to, HTTP_KEPT_SIZE, "%.*s", (int)(size - n), line + n);
}

static size_t on_header(char *line, size_t one, size_t size, void *userdata)
{
        struct http_answer *a = userdata;

        (void)one;
        keep(a->etag, line, size, "ETag");
        keep(a->location, line, size, "Location");
        keep(a->mac, line, size, "Hamon-Mac");
        return size;
}

/* libcurl's own sockets would be inherited by children. */
static curl_socket_t open_socket(void *userdata, curlsocktype purpose, struct curl_sockaddr *address)
{
        (void)userdata;
        (void)purpose;
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- one call ---- */

struct call {
        CURL *curl;
        struct curl_slist *headers;
        char *url, *body;
        struct answer answer;
        char why[CURL_ERROR_SIZE]; /* "" when libcurl has no words for it */
};

static void call_release(struct call *c)
{
        curl_easy_cleanup(c->curl);
        curl_slist_free_all(c->headers);
        free(c->url);
        free(c->body);
        free(c->answer.data);
}

static int set_headers(struct call *c, const char *const *headers)
{
        /* No "Expect: 100-continue": it costs a round trip and a second of waiting for servers that do not know it. */
        c->headers = curl_slist_append(NULL, "Expect:");
        if (!c->headers || !curl_slist_append(c->headers, "Content-Type: application/json") ||
            !curl_slist_append(c->headers, "Accept: application/json, application/problem+json"))
                return -ENOMEM;
        for (; headers && *headers; headers++)
                if (!curl_slist_append(c->headers, *headers))
                        return -ENOMEM;
        return 0;
}

static int call_prepare(struct call *c, const struct http_call_options *o, struct http_answer *answer)
{
        const char *method = o->method;
        long limit_ms = o->timeout_ms == 0 ? (long)HTTP_CALL_TIMEOUT_MS : o->timeout_ms > INT_MAX ? INT_MAX : (long)o->timeout_ms;

        c->curl = curl_easy_init();
        if (!c->curl || asprintf(&c->url, "%s%s", o->socket_path ? "http://localhost" : o->origin, o->path) < 0)
                return -ENOMEM;
        if (set_headers(c, o->headers) < 0)
                return -ENOMEM;
        if (o->body && !(c->body = json_dumps(o->body, JSON_COMPACT | JSON_ENCODE_ANY)))
                return -ENOMEM;
        const char *body = o->text ? o->text : c->body;

        CURLcode r = curl_easy_setopt(c->curl, CURLOPT_URL, c->url);
        if (o->socket_path)
                r = r ? r : curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, o->socket_path);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, o->origin && strncmp(o->origin, "https:", 6) == 0 ? "https" : "http");
        if (o->cancel) /* a name that is being looked up is not waited for either */
                r = r ? r : curl_easy_setopt(c->curl, CURLOPT_QUICK_EXIT, 1L);
        if (o->ca_file)
                r = r ? r : curl_easy_setopt(c->curl, CURLOPT_CAINFO, o->ca_file);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->why);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_PATH_AS_IS, 1L);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, limit_ms);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms); /* 0: libcurl's, above ours */
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "nbdd/" NBDD_VERSION);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_data);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &c->answer);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, answer);
        if (body || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "DELETE") != 0)) {
                r = r ? r : curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body ? body : "");
                r = r ? r : curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body ? strlen(body) : 0));
        }
        if (strcmp(method, "HEAD") == 0)
                r = r ? r : curl_easy_setopt(c->curl, CURLOPT_NOBODY, 1L);
        else
                r = r ? r : curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
        return r == CURLE_OK ? 0 : r == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

static int errno_of(const struct call *c, CURLcode code)
{
        long os_error = 0;

        switch (code) {
        case CURLE_OK:
                return 0;
        case CURLE_OPERATION_TIMEDOUT:
                return -ETIMEDOUT;
        case CURLE_COULDNT_CONNECT:
                if (curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK && os_error > 0)
                        return -(int)os_error;
                return -ECONNREFUSED;
        case CURLE_GOT_NOTHING:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_PARTIAL_FILE:
                return -ECONNRESET;
        case CURLE_OUT_OF_MEMORY:
                return -ENOMEM;
        case CURLE_WRITE_ERROR:
                return c->answer.error ? c->answer.error : -EIO;
        default:
                return -EIO;
        }
}

/* As curl_easy_perform(), with an eye on *cancel: -ECANCELED. */
static int perform_until(struct call *c, const atomic_bool *cancel)
{
        CURLM *multi = curl_multi_init();
        CURLMcode m = multi ? curl_multi_add_handle(multi, c->curl) : CURLM_OUT_OF_MEMORY;
        int r = -ECANCELED, running = 1, left;

        while (m == CURLM_OK && !atomic_load(cancel)) {
                m = curl_multi_perform(multi, &running);
                if (m == CURLM_OK && running == 0) {
                        const CURLMsg *end = curl_multi_info_read(multi, &left);
                        r = end ? errno_of(c, end->data.result) : -EIO;
                        break;
                }
                if (m == CURLM_OK)
                        m = curl_multi_poll(multi, NULL, 0, CANCEL_LOOK_MS, NULL);
        }
        if (m != CURLM_OK)
                r = m == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO;
        if (multi) {
                (void)curl_multi_remove_handle(multi, c->curl); /* it may never have been added */
                curl_multi_cleanup(multi);
        }
        return r;
}

static bool has_status(const struct call *c)
{
        long status = 0;
        return curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status >= 200;
}

static int take_answer(struct call *c, bool any_answer, struct http_answer *ret)
{
        curl_off_t connect_us = 0;
        long status = 0;

        if (curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
                return -EIO;
        if (curl_easy_getinfo(c->curl, CURLINFO_CONNECT_TIME_T, &connect_us) == CURLE_OK && connect_us > 0)
                ret->connect_us = (uint64_t)connect_us;
        ret->status = (unsigned)status;
        ret->text = calloc(1, c->answer.size + 1);
        if (!ret->text)
                return -ENOMEM;
        if (c->answer.size == 0)
                return 0;
        memcpy(ret->text, c->answer.data, c->answer.size);
        ret->size = c->answer.size;
        ret->json = json_text_load(ret->text, ret->size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
        return ret->json || status >= 400 || any_answer ? 0 : -EBADMSG;
}

void http_answer_release(struct http_answer *a)
{
        json_decref(a->json);
        free(a->text);
        *a = (struct http_answer){0};
}

int http_call_full(const struct http_call_options *o, struct http_answer *ret, char *error, size_t error_size)
{
        struct call c = {0};
        int r;

        *ret = (struct http_answer){0};
        if (error_size)
                error[0] = '\0';
        pthread_once(&curl_once, init_curl);
        if (curl_once_result != CURLE_OK)
                r = -ENOMEM;
        else if (o->socket_path && strlen(o->socket_path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
                r = -ENAMETOOLONG;
        else
                r = call_prepare(&c, o, ret);
        if (r == 0)
                r = o->cancel ? perform_until(&c, o->cancel) : errno_of(&c, curl_easy_perform(c.curl));
        if (r < 0 && r != -ENOMEM && r != -ECANCELED && o->any_answer && has_status(&c))
                r = 0; /* a body that ends badly, as of servers that close without TLS's goodbye: nobody reads it */
        if (r == 0)
                r = take_answer(&c, o->any_answer, ret);
        call_release(&c);
        if (r < 0) {
                const char *to = o->label ? o->label : o->socket_path ? o->socket_path : o->origin;
                http_answer_release(ret);
                if (r == -ETIMEDOUT)
                        snprintf(error, error_size, "\"%s\": no answer in time", to);
                else if (r == -EBADMSG)
                        snprintf(error, error_size, "\"%s\": the answer is not JSON", to);
                else if (r == -EIO && *c.why) /* a certificate, a name: libcurl knows better */
                        snprintf(error, error_size, "\"%s\": %s", to, c.why);
                else
                        snprintf(error, error_size, "\"%s\": %s", to, strerror(-r));
        }
        return r;
}

int http_call(const char *socket_path, const char *method, const char *path, const json_t *body, uint64_t timeout_ms,
              unsigned *ret_status, json_t **ret_json, char *error, size_t error_size)
{
        const struct http_call_options options = {
            .socket_path = socket_path, .method = method, .path = path, .body = body, .timeout_ms = timeout_ms};
        struct http_answer answer;
        int r = http_call_full(&options, &answer, error, error_size);

        if (r < 0)
                return r;
        *ret_status = answer.status;
        *ret_json = answer.json;
        answer.json = NULL;
        http_answer_release(&answer);
        return 0;
}

int http_encode(const char *text, char *ret, size_t size)
{
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
        size_t used = 0;

        for (; *text; text++) {
                bool is_plain = strchr(plain, *text) != NULL;
                size_t need = is_plain ? 1 : 3;
                if (used + need >= size)
                        return -ENAMETOOLONG;
                snprintf(ret + used, size - used, is_plain ? "%c" : "%%%02X", (unsigned char)*text);
                used += need;
        }
        if (used >= size)
                return -ENAMETOOLONG;
        ret[used] = '\0';
        return 0;
}
