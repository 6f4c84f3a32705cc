/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How large a new mirror gets: what the smaller of the two disks has room for, when the other node can tell. */
#include "hamon/hamonctl/hamonctl.h"

#include "net/http_client.h"

#include <stdlib.h>
#include <string.h>

enum { WORTH_SAYING_BYTES = 1 << 20 };

/* What the disk of a node (NULL: of this one) has room for; 0: not known. */
static uint64_t room_bytes(const struct command_line *c, const char *node, const char *mirror)
{
        char m[100], n[100], path[300], error[512];
        unsigned status = 0;
        json_t *disk = NULL;
        if (http_encode(mirror, m, sizeof m) < 0 || (node && http_encode(node, n, sizeof n) < 0))
                return 0;
        if (node)
                (void)snprintf(path, sizeof path, "/v1/nodes/%s/mirrors/%s/disk", n, m); /* fits */
        else
                (void)snprintf(path, sizeof path, "/v1/mirrors/%s/disk", m); /* fits */
        int r = http_call(c->socket, "GET", path, NULL, 0, &status, &disk, error, sizeof error);
        const char *room = r == 0 && status < 400 && json_is_null(json_object_get(disk, "error")) ? json_string_value(json_object_get(disk, "room_bytes")) : NULL;
        uint64_t bytes = room ? strtoull(room, NULL, 10) : 0;
        json_decref(disk);
        return bytes;
}

static bool find_copy(const json_t *status, const char *mirror, struct retire_copy *ret)
{
        for (size_t i = 0; i < json_array_size(json_object_get(status, "mirrors")); i++)
                if (retire_copy(status, i, ret) && strcmp(ret->mirror, mirror) == 0)
                        return true;
        return false;
}

uint64_t create_leg_bytes(const struct command_line *c, const char *mirror)
{
        char error[512];
        struct retire_copy copy;
        unsigned code = 0;
        uint64_t bytes = 0;
        json_t *status = NULL;
        int r = http_call(c->socket, "GET", "/v1/status", NULL, 0, &code, &status, error, sizeof error);
        if (r == 0 && code < 400 && find_copy(status, mirror, &copy)) {
                uint64_t own = room_bytes(c, NULL, mirror), peer = copy.peer_alive ? room_bytes(c, copy.peer, mirror) : 0;
                if (own && !peer)
                        fprintf(stderr, "hamonctl: %s does not tell how large its disk is: %s gets as large as this one, and that disk must not be smaller\n", copy.peer, mirror);
                else if (own && peer + WORTH_SAYING_BYTES <= own) {
                        fprintf(stderr,
                                "hamonctl: the disk of %s has room for %.2f GiB and this one for %.2f: %s gets the smaller size; the rest stays unused until both have it "
                                "(hamonctl mirror grow)\n",
                                copy.peer, (double)peer / (1 << 30), (double)own / (1 << 30), mirror);
                        bytes = peer;
                }
        }
        json_decref(status);
        return bytes;
}
