/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/http_client.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <curl/curl.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_once_result;

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
};

static void call_release(struct call *c)
{
        curl_easy_cleanup(c->curl);
        curl_slist_free_all(c->headers);
        free(c->url);
        free(c->body);
        free(c->answer.data);
}

static int call_prepare(struct call *c, const char *socket_path, const char *method, const char *path, const json_t *body,
                        uint64_t timeout_ms)
{
        long limit_ms = timeout_ms == 0 ? (long)HTTP_CALL_TIMEOUT_MS : timeout_ms > INT_MAX ? INT_MAX : (long)timeout_ms;

        c->curl = curl_easy_init();
        if (!c->curl || asprintf(&c->url, "http://localhost%s", path) < 0)
                return -ENOMEM;
        /* No "Expect: 100-continue": it costs a round trip and a second of waiting for servers that do not know it. */
        c->headers = curl_slist_append(NULL, "Expect:");
        if (!c->headers || !curl_slist_append(c->headers, "Content-Type: application/json") ||
            !curl_slist_append(c->headers, "Accept: application/json, application/problem+json"))
                return -ENOMEM;
        if (body && !(c->body = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY)))
                return -ENOMEM;

        CURLcode r = curl_easy_setopt(c->curl, CURLOPT_URL, c->url);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http");
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_PATH_AS_IS, 1L);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, limit_ms);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "nbdd/" NBDD_VERSION);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_data);
        r = r ? r : curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &c->answer);
        if (body || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "DELETE") != 0)) {
                r = r ? r : curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body ? c->body : "");
                r = r ? r : curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body ? strlen(c->body) : 0));
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

static int decode(const struct call *c, unsigned status, json_t **ret_json)
{
        *ret_json = NULL;
        if (c->answer.size == 0)
                return 0;
        *ret_json = json_loadb(c->answer.data, c->answer.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
        return *ret_json || status >= 400 ? 0 : -EBADMSG;
}

int http_call(const char *socket_path, const char *method, const char *path, const json_t *body, uint64_t timeout_ms,
              unsigned *ret_status, json_t **ret_json, char *error, size_t error_size)
{
        struct call c = {0};
        json_t *json = NULL;
        long status = 0;
        int r;

        if (error_size)
                error[0] = '\0';
        pthread_once(&curl_once, init_curl);
        if (curl_once_result != CURLE_OK)
                r = -ENOMEM;
        else if (strlen(socket_path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
                r = -ENAMETOOLONG;
        else
                r = call_prepare(&c, socket_path, method, path, body, timeout_ms);
        if (r == 0)
                r = errno_of(&c, curl_easy_perform(c.curl));
        if (r == 0)
                r = curl_easy_getinfo(c.curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK ? 0 : -EIO;
        if (r == 0)
                r = decode(&c, (unsigned)status, &json);
        call_release(&c);
        if (r < 0) {
                if (r == -ETIMEDOUT)
                        snprintf(error, error_size, "\"%s\": no answer in time", socket_path);
                else if (r == -EBADMSG)
                        snprintf(error, error_size, "\"%s\": the answer is not JSON", socket_path);
                else
                        snprintf(error, error_size, "\"%s\": %s", socket_path, strerror(-r));
                return r;
        }
        *ret_status = (unsigned)status;
        *ret_json = json;
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
