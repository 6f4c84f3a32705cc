/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/tls_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "nbdc/limits.h"
#include "nbdc/nbdc_client.h"
#include "nbdc/supervise.h"
#include "net/tls.h"

int tls_options_load(const struct tls_files *files, const char *hosts, struct tls_keys **ret_keys)
{
        struct tls_files f = *files;
        char first[NBDC_HOST_SIZE], reason[TLS_REASON_SIZE];

        if (!tls_files_given(files))
                return NBDC_EXIT_OK;
        (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(hosts, ","), hosts);
        if (f.ca && !f.hostname)
                f.hostname = first;
        if (tls_keys_load(TLS_CLIENT, &f, ret_keys, reason, sizeof reason) == 0)
                return NBDC_EXIT_OK;
        log_error("TLS: %s", reason);
        return NBDC_EXIT_USAGE;
}

int tls_options_need_kernel(uint64_t *ret_records_max)
{
        const char *text = getenv(NBDC_TLS_RECORDS_ENV);
        unsigned long long n = text ? strtoull(text, NULL, 10) : 0;
        int rc = ktls_available();

        *ret_records_max = n > 0 && n < NBDC_TLS_RECORDS_MAX ? n : NBDC_TLS_RECORDS_MAX;
        if (rc == 0) {
                ktls_warm_up();
                return NBDC_EXIT_OK;
        }
        log_error("this kernel cannot encrypt connections (%s): it needs CONFIG_TLS; try 'modprobe tls'. Nothing was attached: nbdc never falls "
                  "back to a plain connection by itself",
                  strerror(-rc));
        return NBDC_EXIT_KERNEL;
}
