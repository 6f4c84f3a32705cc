/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdd/security.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/tls.h"

static int no_keys(char *reason, size_t reason_size)
{
        (void)snprintf(reason, reason_size, "TLS is wanted, but there are no keys: give --tls-psk FILE, or --tls-ca, --tls-cert and --tls-key");
        return -EINVAL;
}

void security_init(struct security *s)
{
        *s = (struct security){.now.mode = SESSION_TLS_NONE};
        (void)pthread_mutex_init(&s->lock, NULL);
}

void security_release(struct security *s)
{
        security_state_release(&s->now);
        (void)pthread_mutex_destroy(&s->lock);
}

void security_state_release(struct security_state *state)
{
        tls_keys_free(state->keys);
        *state = (struct security_state){.mode = SESSION_TLS_NONE};
}

int security_prepare(const struct security_options *o, struct security_state *ret, char *reason, size_t reason_size)
{
        bool given = tls_files_given(&o->files);
        struct security_state next = {.mode = given ? SESSION_TLS_REQUIRED : SESSION_TLS_NONE};

        if (o->mode && !listen_word_mode(o->mode, &next.mode)) {
                (void)snprintf(reason, reason_size, "--tls \"%.40s\" must be off, offer or require", o->mode);
                return -EINVAL;
        }
        if (o->records && strcmp(o->records, "kernel") != 0 && strcmp(o->records, "user") != 0) {
                (void)snprintf(reason, reason_size, "--tls-records \"%.40s\" must be kernel or user", o->records);
                return -EINVAL;
        }
        if (!given && next.mode > SESSION_TLS_OFF)
                return no_keys(reason, reason_size);
        if (given) {
                int r = tls_keys_load(TLS_SERVER, &o->files, &next.keys, reason, reason_size);
                if (r < 0)
                        return r;
                next.kernel = (!o->records || strcmp(o->records, "kernel") == 0) && ktls_available() == 0;
                if (next.kernel)
                        ktls_warm_up();
        }
        *ret = next;
        return 0;
}

void security_exchange(struct security *s, struct security_state *next)
{
        (void)pthread_mutex_lock(&s->lock);
        struct security_state before = s->now;
        s->now = *next;
        (void)pthread_mutex_unlock(&s->lock);
        *next = (struct security_state){.mode = SESSION_TLS_NONE};
        security_state_release(&before);
}

struct tls_keys *security_hold_keys(struct security *s)
{
        (void)pthread_mutex_lock(&s->lock);
        struct tls_keys *keys = tls_keys_hold(s->now.keys);
        (void)pthread_mutex_unlock(&s->lock);
        return keys;
}

bool security_kernel(struct security *s)
{
        (void)pthread_mutex_lock(&s->lock);
        bool kernel = s->now.kernel;
        (void)pthread_mutex_unlock(&s->lock);
        return kernel;
}

enum session_tls security_mode(struct security *s, int listener)
{
        (void)pthread_mutex_lock(&s->lock);
        enum session_tls mode = !s->now.keys ? SESSION_TLS_NONE : listener == SECURITY_DEFAULT ? s->now.mode : (enum session_tls)listener;
        (void)pthread_mutex_unlock(&s->lock);
        return mode;
}

int security_listener(const struct security_state *state, const char *word, char ret_word[LISTEN_WORD_SIZE], int *ret_mode, char *reason, size_t reason_size)
{
        int r = listen_word_parse(word, ret_word, ret_mode, reason, reason_size);

        return r == 0 && !state->keys && *ret_mode > SESSION_TLS_OFF ? no_keys(reason, reason_size) : r;
}
