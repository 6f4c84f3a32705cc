/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How hamon-act asks nbdc to attach the peer's leg. Pure. */
#include "hamon/act/attach.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wire/export_name.h"

int attach_format_environment(const struct mirror *m, uint64_t epoch, const struct uuid *session, char *ret,
                              size_t size)
{
        const struct config_voter *peer = &m->config->voters[m->self ^ 1u];
        char hosts[CONFIG_LINKS_MAX * CONFIG_ADDRESS_SIZE] = "", id[EXPORT_ID_TEXT_SIZE], text[UUID_TEXT_SIZE];

        for (unsigned i = peer->links; i-- > 0;) /* the last address is the preferred one for legs */
                snprintf(hosts + strlen(hosts), sizeof hosts - strlen(hosts), "%s%s", *hosts ? "," : "",
                         peer->link[i].text);
        export_id_format(m->cm->id, id);
        uuid_format(session, text);
        const char *key = m->config->leg_key_file;
        int n = snprintf(ret, size, "NBDC_ARGS=--optional%s%s%s --epoch %" PRIu64 " --session %s %s %u %s %s\n",
                         mirror_discards(m) ? "" : " --no-trim", *key ? " --tls-psk " : "", key, epoch, text, hosts, m->config->leg_port, id, m->peer_path);
        return n < 0 || (size_t)n >= size ? -E2BIG : 0;
}
