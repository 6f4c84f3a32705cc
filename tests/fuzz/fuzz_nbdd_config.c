/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nbdd.conf as a whole: whatever the file says, it is taken or refused with sentences that name a place in it, never both; what is taken lies inside every
 * bound that the engine relies on.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

#include "base/ini.h"
#include "nbdd/config.h"
#include "nbdd/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(void *userdata, const char *message)
{
        unsigned *count = userdata;

        assert(message[0] && strstr(message, "/proc/self/fd/"));
        (*count)++;
}

static void check(const struct config *c)
{
        assert(c->listen_count <= CONFIG_LISTEN_MAX);
        for (size_t i = 0; i < c->export_count; i++) {
                const struct config_export *x = &c->exports[i];
                uint64_t end;
                assert(x->device && x->device[0] && x->line);
                assert(config_find(c, x->id));
                assert(!__builtin_add_overflow(x->offset_bytes, x->size_bytes, &end));
                for (size_t k = 0; k < i; k++)
                        assert(c->exports[k].id != x->id);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static int fd = -1;
        char path[64];
        unsigned reported = 0;
        struct ini_errors errors = {.report = report, .userdata = &reported};
        struct config c;

        if (fd < 0)
                fd = memfd_create("nbdd.conf", MFD_CLOEXEC);
        assert(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int r = config_load(path, false, &errors, &c);
        assert((r == 0) == (errors.count == 0) && errors.count == reported);
        if (r < 0)
                return 0;
        check(&c);
        struct stored_table none = {0};
        config_conflicts(&c, &none, "/proc/self/fd/table", &errors);
        assert(errors.count == 0);
        config_release(&c);
        return 0;
}
