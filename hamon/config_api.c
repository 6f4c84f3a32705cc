/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* [api]: hamon's API on TCP. */
#include "hamon/config_internal.h"

#include <stdio.h>
#include <string.h>

/* "10.0.0.1:4345", "[fd00::1]:4345", "10.0.0.1" */
static void read_listen(const struct config_reading *r, const struct ini_entry *e, struct config_api *a)
{
        struct config_api_listen *to = &a->listen[a->listens];
        char address[CONFIG_ADDRESS_SIZE] = "";
        const char *from = e->value, *end = NULL, *port;
        uint64_t number = CONFIG_API_PORT;
        if (a->listens == CONFIG_API_LISTENS_MAX) {
                ini_error(r->ini, e, r->errors, "more than %d values of listen", CONFIG_API_LISTENS_MAX);
                return;
        }
        if (*from == '[') {
                end = strchr(++from, ']');
                port = end && end[1] ? end + 1 : NULL;
        } else {
                port = strchr(from, ':');
                if (port && strchr(port + 1, ':'))
                        port = NULL; /* IPv6 without a port */
                end = port ? port : from + strlen(from);
        }
        if (!end || (size_t)(end - from) >= sizeof address || (port && *port != ':')) {
                ini_error(r->ini, e, r->errors, "listen \"%s\" is not ADDRESS:PORT or [ADDRESS]:PORT", e->value);
                return;
        }
        memcpy(address, from, (size_t)(end - from));
        struct ini_entry part = *e;
        part.value = (char *)address;
        if (!config_read_address(r, &part, false, &to->address))
                return;
        if (port) {
                part.value = (char *)port + 1;
                if (ini_u64(r->ini, &part, r->errors, 1, 65535, &number) < 0)
                        return;
        }
        to->port = (uint16_t)number;
        a->listens++;
}

static void read_path(const struct config_reading *r, const char *key, const char *otherwise, char to[CONFIG_PATH_SIZE])
{
        const struct ini_entry *e = ini_get(r->ini, "api", "", key, 0);
        if (e && (*e->value != '/' || strlen(e->value) >= CONFIG_PATH_SIZE))
                ini_error(r->ini, e, r->errors, "%s \"%s\" is not an absolute path of less than %d characters", key, e->value, CONFIG_PATH_SIZE);
        else
                (void)snprintf(to, CONFIG_PATH_SIZE, "%s", e ? e->value : otherwise); /* fits */
}

void config_read_api(struct config_reading *r, struct config *c)
{
        const struct ini_entry *e;
        struct config_api *a = &c->api;
        for (size_t i = 0; (e = ini_get(r->ini, "api", "", "listen", i)); i++)
                read_listen(r, e, a);
        read_path(r, "certificate", CONFIG_API_CERTIFICATE, a->certificate);
        read_path(r, "key", CONFIG_API_KEY, a->key);
        e = ini_get(r->ini, "api", "", "changes", 0);
        if (e)
                (void)ini_bool(r->ini, e, r->errors, &a->changes);
        for (size_t i = 0; (e = ini_get(r->ini, "api", "", "host", i)); i++) {
                if (a->hosts == CONFIG_API_HOSTS_MAX)
                        ini_error(r->ini, e, r->errors, "more than %d values of host", CONFIG_API_HOSTS_MAX);
                else if (!*e->value || strlen(e->value) >= CONFIG_API_HOST_SIZE || strpbrk(e->value, ":/@ "))
                        ini_error(r->ini, e, r->errors, "host \"%s\" is not a name as it stands in a URL, without port", e->value);
                else
                        (void)strcpy(a->host[a->hosts++], e->value);
        }
}
