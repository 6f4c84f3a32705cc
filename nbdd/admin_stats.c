/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `nbdd -l --stats`: counters and latencies for a person. Percentiles are upper bounds, as the server counts in powers of two. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "nbdd/admin.h"
#include "nbdd/client/nbdd.h"

#define TIMEOUT_MS 10000u

static const char *text(const json_t *o, const char *key)
{
        const char *value = json_string_value(json_object_get(o, key));
        return value ? value : "0";
}

static uint64_t count(const json_t *v)
{
        const char *value = json_string_value(v);
        return value ? strtoull(value, NULL, 10) : 0;
}

/* Below which time `percent` of the requests were done, in words. */
static const char *percentile(const json_t *latency, unsigned percent, char *ret, size_t size)
{
        uint64_t all = 0, seen = 0;
        size_t i;

        for (i = 0; i < json_array_size(latency); i++)
                all += count(json_array_get(latency, i));
        if (!all)
                return "-";
        for (i = 0; i + 1 < json_array_size(latency); i++) {
                seen += count(json_array_get(latency, i));
                if (seen * 100 >= all * percent)
                        break;
        }
        uint64_t us = UINT64_C(1) << i;
        if (us < 1000)
                (void)snprintf(ret, size, "<%" PRIu64 "us", us);
        else if (us < 1000000)
                (void)snprintf(ret, size, "<%" PRIu64 "ms", us / 1000 + 1);
        else
                (void)snprintf(ret, size, "<%" PRIu64 "s", us / 1000000 + 1);
        return ret;
}

static void print_one(const json_t *x)
{
        static const char *const kinds[] = {"read", "write", "flush", "other"};
        const json_t *stats = json_object_get(x, "stats");
        char buffers[3][32];

        (void)printf("%s  %s  %s\n", text(x, "id"), text(x, "device"), text(x, "status"));
        (void)printf("  %-6s %12s %16s %8s %8s %8s %8s\n", "", "Operations", "Bytes", "Errors", "Median", "99%", "Slowest");
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
                const json_t *k = json_object_get(stats, kinds[i]), *latency = json_object_get(k, "latency_us");
                (void)printf("  %-6s %12s %16s %8s %8s %8s %8s\n", kinds[i], text(k, "operations"), text(k, "bytes"), text(k, "errors"),
                             percentile(latency, 50, buffers[0], sizeof buffers[0]), percentile(latency, 99, buffers[1], sizeof buffers[1]),
                             percentile(latency, 100, buffers[2], sizeof buffers[2]));
        }
        (void)printf("  sessions %" JSON_INTEGER_FORMAT ", in flight %s, oldest request %s ms, fences %s, disk errors %s\n",
                     json_integer_value(json_object_get(x, "session_count")), text(x, "inflight"), text(x, "oldest_request_ms"),
                     text(x, "fences"), text(x, "disk_errors"));
        if (*text(x, "reason") && strcmp(text(x, "reason"), "0") != 0)
                (void)printf("  %s\n", text(x, "reason"));
}

int admin_print_stats(struct nbdd *n, uint64_t id)
{
        char path[64] = "/v1/exports?stats=true", id_text[EXPORT_ID_TEXT_SIZE], *answer = NULL;

        if (id) {
                export_id_format(id, id_text);
                (void)snprintf(path, sizeof path, "/v1/exports/%s?stats=true", id_text);
        }
        if (nbdd_call(n, "GET", path, NULL, TIMEOUT_MS, &answer) < 0) {
                (void)fprintf(stderr, "nbdd: %s\n", nbdd_error(n));
                return ADMIN_EXIT_REFUSED;
        }
        json_t *root = json_loads(answer, 0, NULL), *exports = json_object_get(root, "exports");
        if (id) {
                print_one(root);
        } else {
                for (size_t i = 0; i < json_array_size(exports); i++)
                        print_one(json_array_get(exports, i));
        }
        json_decref(root);
        free(answer);
        return 0;
}
