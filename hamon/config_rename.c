/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/config_rename.h"

#include "hamon/config_text.h"

#include <stdlib.h>
#include <string.h>

char *config_text_renamed(const char *text, const struct config_mirror *m, const char *new_name)
{
        const char *label = strcmp(m->label, new_name) != 0 ? m->label : NULL;
        char *labelled = config_text_with_word(text, "mirror", m->name, "label", label);
        char *mirror = labelled ? config_text_with_name(labelled, "mirror", m->name, new_name) : NULL;
        char *ret = mirror ? config_text_with_name(mirror, "service", m->name, new_name) : NULL;

        free(labelled);
        free(mirror);
        return ret;
}
