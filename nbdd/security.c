/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdd/security.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/tls.h"

#define LISTENER_SUFFIX ",tls="

static bool parse_mode(const char *text, enum session_tls *ret)
{
        static const struct {
                const char *word;
                enum session_tls mode;
        } modes[] = {{"off", SESSION_TLS_OFF}, {"offer", SESSION_TLS_OFFERED}, {"require", SESSION_TLS_REQUIRED}};

        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
                if (strcmp(text, modes[i].word) == 0) {
                        *ret = modes[i].mode;
                        return true;
                }
        return false;
}

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

        if (o->mode && !parse_mode(o->mode, &next.mode)) {
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

int security_listener(const struct security_state *state, const char *word, char *ret_word, size_t word_size, int *ret_mode, char *reason, size_t reason_size)
{
        const char *suffix = strchr(word, ',');
        size_t n = suffix ? (size_t)(suffix - word) : strlen(word);
        enum session_tls mode = SESSION_TLS_NONE;

        if (n >= word_size || (suffix && (strncmp(suffix, LISTENER_SUFFIX, strlen(LISTENER_SUFFIX)) != 0 ||
                                          !parse_mode(suffix + strlen(LISTENER_SUFFIX), &mode)))) {
                (void)snprintf(reason, reason_size, "cannot understand the listener \"%.100s\": ADDR:PORT, or ADDR:PORT,tls=off|offer|require", word);
                return -EINVAL;
        }
        if (!state->keys && mode > SESSION_TLS_OFF)
                return no_keys(reason, reason_size);
        memcpy(ret_word, word, n);
        ret_word[n] = '\0';
        *ret_mode = suffix ? (int)mode : SECURITY_DEFAULT;
        return 0;
}
