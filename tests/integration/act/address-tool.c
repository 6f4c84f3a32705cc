/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes, renews, drops and probes the addresses of the first mirror's service, as hamon-act does: address-tool hold SECONDS|drop|probe|start CONFIG */
#include "hamon/act/address.h"
#include "hamon/act/address_probe.h"
#include "hamon/act/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void report(void *userdata, const char *message)
{
        (void)userdata;
        fprintf(stderr, "%s\n", message);
}

int main(int argc, char **argv)
{
        static struct config config;
        struct ini_errors errors = {.report = report};
        struct trouble t = {""};
        const struct timespec pause = {.tv_nsec = 200000000};
        int r = -1;

        if (argc < 3 || config_load(argv[argc - 1], &errors, &config) < 0)
                return 2;
        const struct config_service *s = &config.mirror[0].service;
        if (strcmp(argv[1], "hold") == 0)
                for (int left = atoi(argv[2]) * 5; left > 0 && (r = address_renew(s, 1000, &t)) == 0; left--)
                        (void)nanosleep(&pause, NULL);
        else if (strcmp(argv[1], "drop") == 0)
                r = address_drop(s, &t);
        else if (strcmp(argv[1], "start") == 0)
                r = service_start(s, "/dev/null", false, &t); /* without mount and units */
        else if (strcmp(argv[1], "probe") == 0) {
                struct address_probe p;
                struct timespec begin, end;
                (void)clock_gettime(CLOCK_MONOTONIC, &begin); /* cannot fail */
                address_probe_start(s, &p);
                r = address_probe_end(&p, &t);
                (void)clock_gettime(CLOCK_MONOTONIC, &end);
                printf("%lld\n", (long long)(end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000);
        }
        if (r < 0)
                fprintf(stderr, "%s\n", t.text);
        return r < 0 ? 1 : 0;
}
