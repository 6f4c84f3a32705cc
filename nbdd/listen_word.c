/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdd/listen_word.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/nbd_proto.h"

#define TLS_SUFFIX ",tls="

bool listen_word_mode(const char *text, enum session_tls *ret)
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

int listen_word_split(char *word, char **ret_host, char **ret_port)
{
        static char default_port[8];
        (void)snprintf(default_port, sizeof default_port, "%u", (unsigned)NBD_DEFAULT_PORT);
        *ret_host = NULL;
        *ret_port = default_port;
        if (word[0] == '[') {
                char *end = strchr(word, ']');
                if (!end || (end[1] && end[1] != ':'))
                        return -EINVAL;
                if (end[1])
                        *ret_port = end + 2;
                *end = '\0';
                *ret_host = word + 1;
        } else if (*word && word[strspn(word, "0123456789")] == '\0') {
                *ret_port = word;
        } else {
                char *colon = strchr(word, ':');
                if (colon && strchr(colon + 1, ':'))
                        colon = NULL; /* a bare IPv6 address */
                if (colon) {
                        *colon = '\0';
                        *ret_port = colon + 1;
                }
                *ret_host = *word ? word : NULL;
        }
        char *end;
        long port = strtol(*ret_port, &end, 10);
        return **ret_port < '0' || **ret_port > '9' || *end || port > 65535 ? -EINVAL : 0;
}

int listen_word_parse(const char *word, char ret_address[LISTEN_WORD_SIZE], int *ret_mode, char *reason, size_t reason_size)
{
        const char *suffix = strchr(word, ',');
        size_t n = suffix ? (size_t)(suffix - word) : strlen(word);
        enum session_tls mode = SESSION_TLS_NONE;
        char copy[LISTEN_WORD_SIZE], *host, *port;

        if (n >= LISTEN_WORD_SIZE || (suffix && (strncmp(suffix, TLS_SUFFIX, strlen(TLS_SUFFIX)) != 0 ||
                                                 !listen_word_mode(suffix + strlen(TLS_SUFFIX), &mode)))) {
                (void)snprintf(reason, reason_size, "cannot understand the listener \"%.100s\": ADDR:PORT, or ADDR:PORT,tls=off|offer|require", word);
                return -EINVAL;
        }
        memcpy(copy, word, n);
        copy[n] = '\0';
        memcpy(ret_address, copy, n + 1);
        *ret_mode = suffix ? (int)mode : -1;
        if (listen_word_split(copy, &host, &port) == 0)
                return 0;
        (void)snprintf(reason, reason_size, "cannot understand the address \"%.100s\": ADDR:PORT, [IPV6]:PORT or PORT", ret_address);
        return -EINVAL;
}
