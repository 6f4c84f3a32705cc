/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/note.h"

#include "base/statefile.h"

#include <errno.h>
#include <stdlib.h>

#define OWNER "hamon-act-note"
#define VERSION 1u

static const char text[] = "peer_attached\n";

int note_read(const char *path, bool *ret)
{
        unsigned version;
        char *payload;
        size_t size;

        int r = statefile_read(path, OWNER, VERSION, &version, &payload, &size);
        if (r == 0)
                free(payload); /* that it is there is all that it says */
        *ret = r != -ENOENT;
        return r == -ENOENT ? 0 : r;
}

int note_set(const char *path)
{
        return statefile_write(path, OWNER, VERSION, text, sizeof text - 1);
}

int note_clear(const char *path)
{
        return statefile_remove(path);
}
