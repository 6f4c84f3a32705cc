/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/note.h"

#include "base/statefile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OWNER "hamon-act-note"
#define VERSION 1u

static const char set_text[] = "peer_attached\n", clear_text[] = "clear\n";

int note_read(const char *path, bool *ret)
{
        unsigned version;
        char *payload;
        size_t size;

        int r = statefile_read(path, OWNER, VERSION, &version, &payload, &size);
        if (r < 0) {
                *ret = true;
                return r;
        }
        *ret = size != sizeof clear_text - 1 || memcmp(payload, clear_text, size) != 0;
        free(payload);
        return 0;
}

int note_set(const char *path)
{
        return statefile_write(path, OWNER, VERSION, set_text, sizeof set_text - 1);
}

int note_clear(const char *path)
{
        int r = statefile_write(path, OWNER, VERSION, clear_text, sizeof clear_text - 1);
        return r == -ENOSPC || r == -EDQUOT ? statefile_remove(path) : r;
}
