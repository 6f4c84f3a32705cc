/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/orphan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nbdc/keeper.h"
#include "nbdc/link.h"
#include "nbdc/limits.h"
#include "nbdc/nbdc_client.h"
#include "nbdc/netlink.h"
#include "nbdc/policy_file.h"

int orphan_detach(int index, bool decided, char *ret_error)
{
        enum nbdc_policy policy = NBDC_REQUIRED;
        struct netlink *nl = NULL;
        (void)policy_file_read(index, &policy); /* none: required */
        if (!decided && policy == NBDC_REQUIRED) {
                snprintf(ret_error, NBDC_ERROR_SIZE, "%s", NBDC_REQUIRED_SENTENCE);
                return -EPERM;
        }
        int keeper = keeper_connect(index);
        struct link_set links;
        if (keeper < 0 || keeper_get_links(keeper, &links) < 0) {
                snprintf(ret_error, NBDC_ERROR_SIZE,
                         "no nbdc supervises it, and nobody holds its connection; repeat the nbdc command that "
                         "attached it, then detach");
                if (keeper >= 0)
                        close(keeper);
                return -EPERM;
        }
        link_set_shut(&links);
        int rc = netlink_open(&nl);
        if (rc == 0)
                rc = netlink_disconnect(nl, index);
        if (rc == 0) {
                keeper_quit(keeper, index);
                policy_file_remove(index);
        } else {
                snprintf(ret_error, NBDC_ERROR_SIZE, "the kernel does not disconnect: %s", strerror(-rc));
                rc = -EIO;
        }
        netlink_free(nl);
        link_set_close(&links);
        close(keeper);
        return rc;
}
