/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hamon-act may send to hamon: whatever decodes names a mirror and an effect that exist. */
#include <stdlib.h>

#include "hamon/driver/act_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct config config = {.mirrors = 2, .mirror = {{.name = "data", .label = "data"}, {.name = "logs", .label = "logs"}}};
        struct act_packet p;

        if (act_decode(&config, (const char *)data, size, &p) < 0)
                return 0;
        if (p.type == ACT_PACKET_OBSERVATION ? p.observed.mirror >= config.mirrors
                                             : p.result.mirror >= config.mirrors || p.result.type >= EFFECT_TYPES || p.result.ticket == 0 ||
                                                       p.result.error > 0)
                abort();
        return 0;
}
