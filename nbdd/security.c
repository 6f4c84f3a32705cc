/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdd/security.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

static int need_keys(const struct security *s, enum session_tls *mode, char *reason, size_t reason_size)
{
        if (s)
                return 0;
        if (*mode > SESSION_TLS_OFF) {
                (void)snprintf(reason, reason_size, "TLS is wanted, but there are no keys: give --tls-psk FILE, or --tls-ca, --tls-cert and --tls-key");
                return -EINVAL;
        }
        *mode = SESSION_TLS_NONE;
        return 0;
}

int security_new(const struct security_options *o, struct security **ret, enum session_tls *ret_mode, char *reason, size_t reason_size)
{
        bool given = tls_files_given(&o->files);
        enum session_tls mode = given ? SESSION_TLS_REQUIRED : SESSION_TLS_NONE;
        struct security *s = NULL;

        if (o->mode && !parse_mode(o->mode, &mode)) {
                (void)snprintf(reason, reason_size, "--tls \"%.40s\" must be off, offer or require", o->mode);
                return -EINVAL;
        }
        if (o->records && strcmp(o->records, "kernel") != 0 && strcmp(o->records, "user") != 0) {
                (void)snprintf(reason, reason_size, "--tls-records \"%.40s\" must be kernel or user", o->records);
                return -EINVAL;
        }
        if (given) {
                s = calloc(1, sizeof *s);
                int r = s ? tls_keys_load(TLS_SERVER, &o->files, &s->keys, reason, reason_size) : -ENOMEM;
                if (r < 0) {
                        free(s);
                        return r;
                }
                s->kernel = (!o->records || strcmp(o->records, "kernel") == 0) && ktls_available() == 0;
                if (s->kernel)
                        ktls_warm_up();
        }
        int r = need_keys(s, &mode, reason, reason_size);
        if (r < 0)
                return r;
        *ret = s;
        *ret_mode = mode;
        return 0;
}

void security_free(struct security *s)
{
        if (!s)
                return;
        tls_keys_free(s->keys);
        free(s);
}

int security_listener(const struct security *s, const char *word, char *ret_word, size_t word_size, enum session_tls *ret_mode, char *reason,
                      size_t reason_size)
{
        const char *suffix = strchr(word, ',');
        size_t n = suffix ? (size_t)(suffix - word) : strlen(word);

        if (n >= word_size || (suffix && (strncmp(suffix, LISTENER_SUFFIX, strlen(LISTENER_SUFFIX)) != 0 ||
                                          !parse_mode(suffix + strlen(LISTENER_SUFFIX), ret_mode)))) {
                (void)snprintf(reason, reason_size, "cannot understand the listener \"%.100s\": ADDR:PORT, or ADDR:PORT,tls=off|offer|require", word);
                return -EINVAL;
        }
        memcpy(ret_word, word, n);
        ret_word[n] = '\0';
        return need_keys(s, ret_mode, reason, reason_size);
}
