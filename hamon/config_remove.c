/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/config_remove.h"

#include "hamon/config_text.h"

#include <stdlib.h>
#include <string.h>

/* Takes over `text`, which may be NULL, and so may what follows. */
static char *keep_number(char *text, const struct config_mirror *m)
{
        char *ret = text ? config_text_with_value(text, "mirror", m->name, "number", m->number) : NULL;

        free(text);
        return ret;
}

char *config_text_without_mirror(const char *text, const struct config *c, const char *name)
{
        char *without = config_text_with_section(text, "mirror", name, NULL);
        char *ret = without ? config_text_with_section(without, "service", name, NULL) : NULL;
        bool behind = false;

        free(without);
        for (unsigned m = 0; m < c->mirrors; m++) {
                if (behind)
                        ret = keep_number(ret, &c->mirror[m]);
                behind = behind || strcmp(c->mirror[m].name, name) == 0;
        }
        return ret;
}
