/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/effect.h"

#include <stddef.h>
#include <string.h>

static const char *const words[] = {
#define X(name, word) [EFFECT_##name] = word,
    EFFECTS(X)
#undef X
};

const char *effect_word(enum effect_type type)
{
        return type < EFFECT_TYPES ? words[type] : NULL;
}

int effect_by_word(const char *word)
{
        for (int i = 0; i < EFFECT_TYPES; i++)
                if (strcmp(words[i], word) == 0)
                        return i;
        return -1;
}

bool effect_is_at_once(enum effect_type type)
{
        return type == EFFECT_ADDRESS_RENEW || type == EFFECT_ADDRESS_DROP || type == EFFECT_REBOOT;
}

bool effect_is_beside(enum effect_type type)
{
        return type == EFFECT_SERVICE_START || type == EFFECT_SERVICE_STOP || type == EFFECT_RESYNC_HOOK || type == EFFECT_ARRAY_GROW;
}
