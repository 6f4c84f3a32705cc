/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/certificate_served.h"

#include "base/log.h"
#include "hamon/api/api.h"
#include "hamon/api/threads.h"
#include "net/http_server.h"
#include "net/tls_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Told when less than this is left, and less than a quarter of its time: one that lives for a week by design is renewed in its last days. */
enum { DAY_S = 86400, NEAR_S = 14 * DAY_S, NEAR_PART = 4, WHY_SIZE = SENTENCE_SIZE - 40 };

struct served_certificate {
        const struct api *api;
        pthread_mutex_t lock; /* guards what follows */
        struct tls_keys *keys;
        bool runs, again; /* the thread; and it is to read once more */
        bool has_thread;  /* the loop's own */
        pthread_t thread;
};

static int read_files(const struct config_api *c, struct tls_keys **ret, char *error, size_t size)
{
        const struct tls_files files = {.certificate = c->certificate, .key = c->key};
        return tls_keys_load(TLS_WEB, &files, ret, error, size);
}

static void day_of(int64_t at_s, char ret[16])
{
        time_t t = (time_t)at_s;
        struct tm utc;
        if (!gmtime_r(&t, &utc) || strftime(ret, 16, "%F", &utc) == 0)
                (void)strcpy(ret, "a far day");
}

/* Clients would refuse it: worse than the one that is there. */
static int check_period(const struct config_api *c, const struct tls_keys *keys, int64_t now_s, char *error, size_t size)
{
        int64_t from_s, until_s;
        char day[16];
        tls_keys_period(keys, &from_s, &until_s);
        if (now_s >= from_s && now_s < until_s)
                return 0;
        day_of(now_s < from_s ? from_s : until_s, day);
        (void)snprintf(error, size, "the certificate in \"%.120s\" %s on %s", c->certificate, now_s < from_s ? "begins" : "ended", day);
        return -EINVAL;
}

static void use(struct served_certificate *s, struct tls_keys *keys)
{
        pthread_mutex_lock(&s->lock);
        struct tls_keys *former = s->keys;
        s->keys = keys;
        pthread_mutex_unlock(&s->lock);
        for (unsigned i = 0; i < CONFIG_API_LISTENS_MAX; i++)
                if (s->api->on_tcp[i])
                        http_server_rekey(s->api->on_tcp[i], keys);
        tls_keys_free(former);
}

static void read_anew(struct served_certificate *s)
{
        const struct config_api *c = &s->api->config->api;
        struct tls_keys *keys = NULL;
        char sentence[SENTENCE_SIZE], why[WHY_SIZE], day[16];
        int64_t from_s, until_s;
        int r = read_files(c, &keys, why, sizeof why); /* may be cut */
        if (r == 0)
                r = check_period(c, keys, time(NULL), why, sizeof why);
        if (r < 0) {
                tls_keys_free(keys);
                (void)snprintf(sentence, sizeof sentence, "the API keeps its former certificate: %s", why); /* fits */
                (void)api_event(s->api, "certificate-kept", SEVERITY_WARNING, sentence);
                return;
        }
        tls_keys_period(keys, &from_s, &until_s);
        day_of(until_s, day);
        use(s, keys);
        (void)snprintf(sentence, sizeof sentence, "the certificate of the API was read anew; it is good until %s", day); /* fits */
        (void)api_event(s->api, "certificate-read", SEVERITY_INFO, sentence);
}

static void *run(void *userdata)
{
        struct served_certificate *s = userdata;
        for (bool more = true; more;) {
                read_anew(s);
                pthread_mutex_lock(&s->lock);
                more = s->runs = s->again;
                s->again = false;
                pthread_mutex_unlock(&s->lock);
        }
        return NULL;
}

void served_certificate_reload(struct served_certificate *s)
{
        pthread_mutex_lock(&s->lock);
        bool under_way = s->runs;
        s->again = under_way; /* what was written since it began to read counts as well */
        s->runs = true;
        pthread_mutex_unlock(&s->lock);
        if (under_way)
                return;
        if (s->has_thread)
                pthread_join(s->thread, NULL); /* it has nothing left to do */
        int r = api_thread(&s->thread, run, s);
        s->has_thread = r == 0;
        if (r == 0)
                return;
        s->runs = false; /* no other thread */
        log_error("[certificate-kept] no thread to read the certificate of the API with (%s), continuing with the former one", strerrordesc_np(r));
}

bool served_certificate_ends(struct served_certificate *s, int64_t now_s, uint32_t *ret_days)
{
        int64_t from_s, until_s;
        if (!s)
                return false;
        pthread_mutex_lock(&s->lock);
        tls_keys_period(s->keys, &from_s, &until_s);
        pthread_mutex_unlock(&s->lock);
        int64_t left_s = until_s - now_s;
        *ret_days = left_s > 0 ? (uint32_t)(left_s / DAY_S) : 0;
        return left_s < NEAR_S && left_s < (until_s - from_s) / NEAR_PART;
}

struct tls_keys *served_certificate_keys(const struct served_certificate *s)
{
        return s->keys;
}

int served_certificate_new(const struct api *api, struct served_certificate **ret, char *error, size_t error_size)
{
        struct served_certificate *s = calloc(1, sizeof *s);
        if (!s) {
                (void)snprintf(error, error_size, "no memory for the API's certificate");
                return -ENOMEM;
        }
        s->api = api;
        int r = read_files(&api->config->api, &s->keys, error, error_size);
        if (r < 0) {
                free(s);
                return r;
        }
        pthread_mutex_init(&s->lock, NULL);
        *ret = s;
        return 0;
}

void served_certificate_free(struct served_certificate *s)
{
        if (!s)
                return;
        if (s->has_thread)
                pthread_join(s->thread, NULL);
        pthread_mutex_destroy(&s->lock);
        tls_keys_free(s->keys);
        free(s);
}
