/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/show.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "nbdc/control_codec.h"
#include "nbdc/device.h"
#include "nbdc/supervise.h"

#define SHOW_DEVICES_MAX 256u

static void print_header(void)
{
        printf("%-11s %-13s %-22s %-18s %-8s %12s %6s  %s\n", "Device", "State", "Server", "ID", "Policy", "Size",
               "Waits", "Note");
}

static void print_row(const struct nbdc_status *s)
{
        char id[EXPORT_ID_TEXT_SIZE], server[NBDC_HOST_SIZE + 8], waits[24] = "-";
        export_id_format(s->id, id);
        snprintf(server, sizeof server, "%s:%u", s->host, s->port);
        int64_t ms = s->oldest_request_ms;
        if (ms > 0)
                snprintf(waits, sizeof waits, "%" PRId64 ".%" PRId64 "s", ms / 1000, ms % 1000 / 100);
        /* With several hosts: which one it is now. */
        bool says_where = s->state == NBDC_ATTACHED && s->address[0] && strcmp(s->address, server) != 0;
        printf("%-11s %-13s %-22s %-18s %-8s %12" PRIu64 " %6s  %s%s%s\n", s->device, nbdc_state_name(s->state), server,
               id, nbdc_policy_name(s->policy), s->size_bytes, waits,
               s->state == NBDC_ATTACHED && s->tls ? says_where ? "encrypted, " : "encrypted" : "", says_where ? "over " : "",
               says_where                  ? s->address
               : s->state == NBDC_ATTACHED ? ""
                                           : s->last_error);
}

/* 0 shown, -ENOENT nothing there, another error when an nbdc is there and does not answer. */
static int show(int index, bool json, bool header, const char *separator)
{
        char device[NBDC_DEVICE_SIZE], text[CONTROL_MESSAGE_MAX];
        struct nbdc_status status;
        snprintf(device, sizeof device, "/dev/nbd%d", index);
        int rc = nbdc_status(device, 0, &status);
        if (rc == 0) {
                if (json && control_status_encode(&status, text, sizeof text) > 0) {
                        printf("%s%s", separator, text);
                } else {
                        if (header)
                                print_header();
                        print_row(&status);
                }
                return 0;
        }
        if (rc != -ENOENT)
                return rc;
        if (!device_is_configured(index))
                return -ENOENT;
        if (json) {
                printf("%s{\"device\":\"%s\",\"state\":\"UNSUPERVISED\"}", separator, device);
                return 0;
        }
        if (header)
                print_header();
        printf("%-11s %-13s %-22s %-18s %-8s %12s %6s  %s\n", device, "UNSUPERVISED", "-", "-", "-", "-", "-",
               "attached, but no nbdc runs for it; repeat the nbdc command that attached it");
        return 0;
}

static void cannot_ask(int index, int rc)
{
        log_error("the nbdc of /dev/nbd%d cannot be asked: %s%s", index, strerror(-rc),
                  rc == -EACCES || rc == -EPERM ? "; run nbdc as root" : "");
}

int show_one(int index, bool json)
{
        int rc = show(index, json, true, "");
        if (rc == 0 && json)
                putchar('\n');
        if (rc == -ENOENT)
                log_error("/dev/nbd%d is not attached; nbdc --status shows what is", index);
        else if (rc < 0)
                cannot_ask(index, rc);
        return rc == 0 ? NBDC_EXIT_OK : NBDC_EXIT_UNREACHABLE;
}

static int by_number(const void *a, const void *b)
{
        return *(const int *)a - *(const int *)b;
}

/* Adds the N of every "nbdN" or "nbdN.sock" in a folder. */
static void collect(const char *path, const char *suffix, int *list, unsigned *count)
{
        DIR *dir = opendir(path);
        if (!dir)
                return;
        for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
                char name[64];
                size_t n = strlen(e->d_name), m = strlen(suffix);
                if (n <= m || n - m >= sizeof name || strcmp(e->d_name + n - m, suffix) != 0)
                        continue;
                memcpy(name, e->d_name, n - m);
                name[n - m] = '\0';
                int index = nbdc_device_index(name);
                bool known = index < 0;
                for (unsigned i = 0; i < *count && !known; i++)
                        known = list[i] == index;
                if (!known && *count < SHOW_DEVICES_MAX)
                        list[(*count)++] = index;
        }
        closedir(dir);
}

int show_all(bool json)
{
        int list[SHOW_DEVICES_MAX], status = NBDC_EXIT_OK;
        unsigned count = 0, shown = 0;
        const char *root = getenv("NBDC_SYSFS");
        char path[256];
        collect(nbdc_rundir(), ".sock", list, &count);
        snprintf(path, sizeof path, "%s/block", root && *root ? root : "/sys");
        collect(path, "", list, &count);
        qsort(list, count, sizeof *list, by_number);
        if (json)
                putchar('[');
        for (unsigned i = 0; i < count; i++) {
                int rc = show(list[i], json, shown == 0, shown ? "," : "");
                if (rc == 0) {
                        shown++;
                } else if (rc != -ENOENT) {
                        cannot_ask(list[i], rc);
                        status = NBDC_EXIT_UNREACHABLE;
                }
        }
        if (json)
                puts("]");
        else if (shown == 0 && status == NBDC_EXIT_OK)
                puts("no device is attached");
        return status;
}
