/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/config_rename.h"

#include "hamon/config_text.h"

#include <stdlib.h>
#include <string.h>

/* Takes over `text`, which may be NULL. */
static char *step(char *text, char *next)
{
        free(text);
        return next;
}

char *config_text_renamed(const char *text, const struct config *c, const struct config_mirror *m, const char *new_name)
{
        const char *label = strcmp(m->label, new_name) != 0 ? m->label : NULL;
        char *ret = config_text_with_word(text, "mirror", m->name, "label", label);

        for (unsigned i = 0; ret && i < c->mirrors; i++)
                ret = step(ret, config_text_with_changed(ret, "service", c->mirror[i].name, "needs", m->name, new_name));
        if (ret)
                ret = step(ret, config_text_with_name(ret, "mirror", m->name, new_name));
        return ret ? step(ret, config_text_with_name(ret, "service", m->name, new_name)) : NULL;
}
