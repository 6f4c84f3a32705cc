/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How large a new mirror gets: what the smaller of the two disks has room for, when the other node can tell; and what of the larger one is of no use. */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"

#include "net/http_client.h"

#include <string.h>

enum { WORTH_SAYING_BYTES = 1 << 20 };

/* A figure of the disk of a node (NULL: of this one); 0: not known. */
static uint64_t of_disk(const struct command_line *c, const char *node, const char *mirror, const char *figure)
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
        uint64_t bytes = r == 0 && status < 400 && json_is_null(json_object_get(disk, "error")) ? answer_number(disk, figure) : 0;
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

static bool look(const struct command_line *c, const char *mirror, json_t **ret_status, struct retire_copy *ret)
{
        char error[512];
        unsigned code = 0;
        int r = http_call(c->socket, "GET", "/v1/status", NULL, 0, &code, ret_status, error, sizeof error);
        return r == 0 && code < 400 && find_copy(*ret_status, mirror, ret);
}

/* A MiB, too, is said as something. */
static int unused_digits(uint64_t bytes)
{
        return bytes < (uint64_t)10 << 20 ? 4 : 2;
}

uint64_t create_leg_bytes(const struct command_line *c, const char *mirror)
{
        struct retire_copy copy;
        uint64_t bytes = 0;
        json_t *status = NULL;
        if (look(c, mirror, &status, &copy)) {
                uint64_t own = of_disk(c, NULL, mirror, "room_bytes"), peer = copy.peer_alive ? of_disk(c, copy.peer, mirror, "room_bytes") : 0;
                bool smaller = peer + WORTH_SAYING_BYTES <= own;
                if (own && !peer)
                        fprintf(stderr, "hamonctl: %s does not tell how large its disk is: %s gets as large as this one, and that disk must not be smaller\n", copy.peer, mirror);
                else if (own && (smaller || own + WORTH_SAYING_BYTES <= peer)) {
                        fprintf(stderr,
                                "hamonctl: the disk of %s has room for %.2f GiB and this one for %.2f: %s gets the smaller size; %.*f GiB stay unused until both have it "
                                "(hamonctl mirror grow)\n",
                                copy.peer, answer_gib(peer), answer_gib(own), mirror, unused_digits(smaller ? own - peer : peer - own), answer_gib(smaller ? own - peer : peer - own));
                        bytes = smaller ? peer : 0;
                }
        }
        json_decref(status);
        return bytes;
}

void join_say_unused(const struct command_line *c, const char *mirror)
{
        struct retire_copy copy;
        json_t *status = NULL;
        if (look(c, mirror, &status, &copy) && copy.peer_alive) {
                uint64_t own = of_disk(c, NULL, mirror, "room_bytes"), needs = of_disk(c, copy.peer, mirror, "needs_bytes");
                if (needs && needs + WORTH_SAYING_BYTES <= own)
                        fprintf(stderr, "hamonctl: %.*f GiB of this node's disk stay unused until the disk of %s is as large (hamonctl mirror grow)\n", unused_digits(own - needs),
                                answer_gib(own - needs), copy.peer);
        }
        json_decref(status);
}
