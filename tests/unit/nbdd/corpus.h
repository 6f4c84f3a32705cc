/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replays a fuzzer's committed corpus in a unit test: the target's source is linked in. */
#ifndef NBDD_TESTS_CORPUS_H
#define NBDD_TESTS_CORPUS_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many files were run; the target aborts on a failure. */
static inline int corpus_replay(const char *folder)
{
        int count = 0;
        const struct dirent *entry;
        DIR *d = opendir(folder);

        while (d && (entry = readdir(d))) {
                char path[512];
                static uint8_t data[1 << 20];
                (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
                FILE *f = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
                if (!f)
                        continue;
                size_t n = fread(data, 1, sizeof data, f);
                (void)fclose(f);
                uint8_t *exact = malloc(n ? n : 1); /* so that ASan sees one byte too many */
                for (size_t i = 0; i < n; i++)
                        exact[i] = data[i];
                (void)LLVMFuzzerTestOneInput(exact, n);
                free(exact);
                count++;
        }
        if (d)
                (void)closedir(d);
        return count;
}

#endif
