/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes the export of a mirror's leg away, as hamon-act does: export-tool SOCKET ID MIRROR */
#include "hamon/act/nbdd_export.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
        struct config_mirror cm = {0};
        struct trouble t = {""};

        if (argc != 4)
                return 2;
        cm.id = strtoull(argv[2], NULL, 0);
        (void)snprintf(cm.label, sizeof cm.label, "%s", argv[3]); /* the test's own, short */
        const struct mirror m = {.cm = &cm, .nbdd_socket = argv[1]};
        int r = nbdd_export_forget(&m, &t);
        if (r < 0)
                fprintf(stderr, "%s\n", t.text);
        return r < 0 ? 1 : 0;
}
