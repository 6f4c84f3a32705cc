/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamonctl node retire: this node leaves for good, as before its packages are removed. Its services move to the other node, and the command
 * comes back only when the record counts no copy here as in sync that another one stands beside: nobody waits for this disk any more, and
 * nobody trusts it. Refused, before anything is stopped, when that cannot be had. docs/CLUSTER.md, "Removing it all", has it for people.
 */
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"

#include "net/http_client.h"

#include <string.h>
#include <time.h>

enum { EXIT_NOBODY = 3, POLL_MS = 300 };

bool retire_copy(const json_t *status, size_t mirror, struct retire_copy *ret)
{
        const json_t *m = json_array_get(json_object_get(status, "mirrors"), mirror), *leg, *node;
        const char *self = NULL, *role = json_string_value(json_object_get(m, "role"));
        size_t i;
        *ret = (struct retire_copy){.mirror = json_string_value(json_object_get(m, "name"))};
        json_array_foreach(json_object_get(status, "nodes"), i, node)
        {
                const char *name = json_string_value(json_object_get(node, "name"));
                if (json_is_true(json_object_get(node, "self")))
                        self = name;
                else if (!json_is_true(json_object_get(node, "witness"))) {
                        ret->peer = name;
                        ret->peer_alive = json_is_true(json_object_get(node, "alive"));
                }
        }
        if (!self || !ret->mirror || !ret->peer || !role)
                return false;
        const char *state = json_string_value(json_object_get(json_object_get(m, "states"), "role"));
        ret->primary = strcmp(role, "primary") == 0;
        ret->left = state && strcmp(state, "left") == 0;
        json_array_foreach(json_object_get(m, "legs"), i, leg)
        {
                const char *name = json_string_value(json_object_get(leg, "node"));
                if (!name)
                        return false;
                if (strcmp(name, self) == 0)
                        ret->own_in_sync = json_is_true(json_object_get(leg, "in_sync"));
                else
                        ret->peer_in_sync = json_is_true(json_object_get(leg, "in_sync"));
        }
        return true;
}

bool retire_refused(const struct retire_copy *c, char *ret, size_t size_bytes)
{
        if (c->own_in_sync && c->peer_in_sync && !c->peer_alive)
                snprintf(ret, size_bytes, "mirror '%s': %s is not heard, so that it cannot be told that this node's copy goes; bring it back first",
                         c->mirror, c->peer);
        else if (c->own_in_sync && !c->peer_in_sync && !c->left)
                snprintf(ret, size_bytes,
                         "mirror '%s': the copy here is the only one in sync, and its service would end for good; wait until %s is in sync, or, if "
                         "that is meant, end it first: hamonctl node leave",
                         c->mirror, c->peer);
        else
                return false;
        return true;
}

/* How many copies here still count beside another one, or -1: the status cannot be understood. With `say` also what speaks against a leave. */
static int still_counted(const json_t *status, bool say, bool *ret_refused)
{
        int count = 0;
        for (size_t i = 0; i < json_array_size(json_object_get(status, "mirrors")); i++) {
                struct retire_copy copy;
                char text[400];
                if (!retire_copy(status, i, &copy)) {
                        fprintf(stderr, "hamonctl: hamon's status says nothing about the copies of this node: is this the witness?\n");
                        return -1;
                }
                count += (copy.own_in_sync && copy.peer_in_sync) || copy.primary;
                if (say && retire_refused(&copy, text, sizeof text)) {
                        fprintf(stderr, "hamonctl: %s\n", text);
                        *ret_refused = true;
                }
        }
        return count;
}

int verb_retire(const struct command_line *c)
{
        json_t *status = NULL;
        char error[512];
        unsigned code;
        bool refused = false;
        int r = http_call(c->socket, "GET", "/v1/status", NULL, 0, &code, &status, error, sizeof error);
        if (r < 0 || code >= 400) {
                fprintf(stderr, "hamonctl: %s\n", r < 0 ? error : "hamon does not tell its status");
                json_decref(status);
                return EXIT_NOBODY;
        }
        int count = still_counted(status, true, &refused);
        json_decref(status);
        if (count < 0 || refused)
                return EXIT_REFUSED;
        if (!out_agreed(c, "the services of this node move to the other one, and no copy on its disks counts any more: what is written from then on is not here", "retire", &r))
                return r;
        struct command_line quiet = *c;
        quiet.json = false;
        quiet.quiet = c->json; /* one result, not two */
        r = call_command(&quiet, "/v1/node/leave", NULL, NULL);
        if (r != EXIT_DONE)
                return r;
        for (uint64_t waited_ms = 0; count > 0; waited_ms += POLL_MS) {
                const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
                if (waited_ms / 1000 >= c->timeout_s) {
                        progress_end();
                        fprintf(stderr, "hamonctl: the record still counts this node's copy; the node has left, but is not retired: hamonctl status on "
                                        "the other node, and systemctl restart hamon here takes this one back in\n");
                        return EXIT_REFUSED;
                }
                progress_begin("the other node takes this one's copies out of the record");
                (void)nanosleep(&pause, NULL);
                if (!call_get(c, "/v1/status", &status))
                        return EXIT_REFUSED;
                count = still_counted(status, false, &refused);
                json_decref(status);
                if (count < 0)
                        return EXIT_REFUSED;
        }
        return out_done(c, NULL, "retired: nobody counts on a copy of this node");
}
