/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/cluster_config.h"

#include "hamon/config.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_EXPORT_ID = 0xd1 };

#define FORBIDDEN " \t\r\n[]#;"

/* Each part of "A,B,C" behind "NAME=" as a line; the caller's parser judges them. */
static void write_list(FILE *to, const char *format, const char *const *prefixes, const char *list)
{
        char copy[512], *save = NULL;
        unsigned i = 0;
        (void)snprintf(copy, sizeof copy, "%s", list); /* a longer one is no valid configuration */
        for (char *part = strtok_r(copy, ",", &save); part; part = strtok_r(NULL, ",", &save), i++)
                fprintf(to, format, prefixes && i < NODES ? prefixes[i] : "", part);
}

/* The interface of this machine that carries one of the machines' first addresses: where the service's are to live as well. */
static bool own_interface(const char *const *operands, unsigned count, char ret[IFNAMSIZ])
{
        struct ifaddrs *list = NULL;
        bool found = false;
        if (getifaddrs(&list) < 0)
                return false;
        for (const struct ifaddrs *a = list; a && !found; a = a->ifa_next) {
                char text[INET6_ADDRSTRLEN] = "";
                if (!a->ifa_addr)
                        continue;
                if (a->ifa_addr->sa_family == AF_INET)
                        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr, text, sizeof text); /* fits */
                else if (a->ifa_addr->sa_family == AF_INET6)
                        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr, text, sizeof text); /* fits */
                for (unsigned i = 0; *text && i < count && !found; i++) {
                        const char *value = strchr(operands[i], '=');
                        found = value && strlen(text) == strcspn(value + 1, ",") && strncmp(value + 1, text, strlen(text)) == 0;
                }
                if (found)
                        (void)snprintf(ret, IFNAMSIZ, "%s", a->ifa_name); /* fits */
        }
        freeifaddrs(list);
        return found;
}

/* "MIRROR=/MOUNT,ADDRESS/LENGTH,INTERFACE,UNIT.service": each part is known by its form. False: printed. */
static bool write_service(FILE *to, const char *words, const char *const *operands, unsigned count)
{
        char copy[512], *save = NULL, interface[IFNAMSIZ] = "";
        bool address = false, named = false;
        const char *value = strchr(words, '=');
        if (!value || value == words || !value[1] || strlen(words) >= sizeof copy || strpbrk(words, FORBIDDEN)) {
                fprintf(stderr, "hamonctl: '%.80s' is no service: MIRROR=MOUNT[,ADDRESS/LENGTH...][,INTERFACE][,UNIT...], for example data=/srv/data,10.99.0.100/24\n", words);
                return false;
        }
        fprintf(to, "\n[service %.*s]\n", (int)(value - words), words);
        (void)snprintf(copy, sizeof copy, "%s", value + 1); /* fits */
        for (const char *part = strtok_r(copy, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
                uint8_t bytes[16];
                bool is_address = *part != '/' && (strchr(part, '/') || inet_pton(AF_INET, part, bytes) == 1 || inet_pton(AF_INET6, part, bytes) == 1);
                bool is_interface = *part != '/' && !is_address && !strchr(part, '.');
                fprintf(to, "%s = %s\n", *part == '/' ? "mount" : is_address ? "address" : is_interface ? "interface" : "unit", part);
                address |= is_address;
                named |= is_interface;
        }
        if (address && !named && own_interface(operands, count, interface))
                fprintf(to, "interface = %s\n", interface);
        return true;
}

/* A machine or a mirror. False: printed. */
struct made {
        char names[VOTERS][64];
        unsigned machines, mirrors;
};
static bool write_operand(FILE *to, const char *operand, struct made *m)
{
        const char *const nodes[NODES] = {m->names[0], m->names[1]};
        const char *value = strchr(operand, '=');
        size_t n = value ? (size_t)(value - operand) : 0;
        bool mirror = value && value[1] == '/';
        if (n == 0 || n >= sizeof m->names[0] || !value[1] || strpbrk(operand, FORBIDDEN) || (mirror ? m->machines < NODES : m->machines == VOTERS || m->mirrors > 0)) {
                fprintf(stderr, "hamonctl: '%.60s' is not expected here: name two nodes and perhaps a witness, NAME=ADDRESS[,ADDRESS], then mirrors, NAME=DEVICE,DEVICE\n",
                        operand);
                return false;
        }
        fprintf(to, "\n[%s %.*s]\n", mirror ? "mirror" : m->machines < NODES ? "node" : "witness", (int)n, operand);
        if (mirror) {
                fprintf(to, "id = 0x%x\n", FIRST_EXPORT_ID + m->mirrors++);
                write_list(to, "device = %s:%s\n", nodes, value + 1);
        } else {
                (void)snprintf(m->names[m->machines++], sizeof m->names[0], "%.*s", (int)n, operand); /* fits */
                write_list(to, "address = %s%s\n", NULL, value + 1);
        }
        return true;
}

static void write_api(FILE *to, const char *dir, const char *const *operands, unsigned count)
{
        fprintf(to, "\n[api]\ncertificate = %s/api.crt\nkey = %s/api.key\n", dir, dir);
        for (unsigned i = 0; i < count; i++) {
                const char *value = strchr(operands[i], '=') + 1;
                if (*value != '/')
                        fprintf(to, strchr(value, ':') ? "listen = [%.*s]:4345\n" : "listen = %.*s:4345\n", (int)strcspn(value, ","), value);
        }
}

char *cluster_config_make(const struct command_line *c, const char *dir, const char *cluster, const char *const *operands, unsigned count)
{
        char *text = NULL;
        size_t size;
        struct made made = {0};
        bool good = true;
        FILE *to = open_memstream(&text, &size);
        if (!to)
                return NULL;
        fprintf(to, "# Made by hamonctl cluster create: the same on all machines.\n[cluster]\nname = %s\nkey-file = %s/cluster.key\n", cluster, dir);
        for (unsigned i = 0; i < count && good; i++)
                good = write_operand(to, operands[i], &made);
        if (good && c->api)
                write_api(to, dir, operands, count);
        for (unsigned i = 0; i < c->services && good; i++) /* last: a person adds units behind them */
                good = write_service(to, c->service[i], operands, count);
        if (fclose(to) == 0 && good)
                return text;
        free(text);
        return NULL;
}
