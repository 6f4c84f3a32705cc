/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamonctl mirror replace: the disk of this node was changed for another one, and becomes its leg. What `mirror join` does, for somebody who has a new
 * disk in his hand: it says first what is on it, whether it is large enough, what is copied and what of it stays unused, and what a refusal means. The
 * disk of a node whose copy counts, or is the only one, is never taken; hamon's core holds to that whatever is asked here. docs/CLUSTER.md has it for people.
 */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"

#include "net/http_client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BEHIND_S = 10 };

bool replace_refused(const struct retire_copy *copy, const json_t *own, const json_t *peer, char *ret, size_t size_bytes)
{
        const char *m = copy->mirror, *device = answer_text(own, "device");
        uint64_t room = answer_number(own, "room_bytes"), needs = answer_number(peer, "needs_bytes");
        if (copy->primary)
                snprintf(ret, size_bytes, "mirror '%s' is active on this node, with this disk; move it first: hamonctl switchover %s", m, m);
        else if (copy->own_in_sync && !copy->peer_in_sync)
                snprintf(ret, size_bytes, "the disk of this node has the only copy of mirror '%s': it is never overwritten", m);
        else if (copy->own_in_sync)
                snprintf(ret, size_bytes,
                         "the copy on this node's disk is in sync: nothing has to be replaced; if the disk shall be changed all the same: hamonctl node leave, change it, "
                         "systemctl restart hamon-act hamon, and this again");
        else if (!copy->peer_in_sync)
                snprintf(ret, size_bytes, "no copy of mirror '%s' is in sync on %s: there is nothing to copy from", m, copy->peer);
        else if (!copy->peer_alive)
                snprintf(ret, size_bytes, "%s has the only copy and is not heard: start it, or mend the link, first", copy->peer);
        else if (!json_is_null(json_object_get(own, "error")))
                snprintf(ret, size_bytes, "the disk of this node cannot be used: %s; is the new one there, under the name in hamon.conf?", answer_text(own, "error"));
        else if (needs == 0)
                snprintf(ret, size_bytes, "%s does not say how large its copy is: %s", copy->peer, *answer_text(peer, "error") ? answer_text(peer, "error") : "hamonctl status there");
        else if (room < needs)
                snprintf(ret, size_bytes,
                         "'%s' is too small: the mirror needs %" PRIu64 " bytes behind the leg's header and %" PRIu64 " are there; take a disk of at least %.2f GiB", device,
                         needs, room, answer_gib(answer_number(own, "disk_bytes") + needs - room));
        else
                return false;
        return true;
}

static void say_what(const struct retire_copy *copy, const json_t *own, const json_t *peer, FILE *to)
{
        uint64_t room = answer_number(own, "room_bytes"), needs = answer_number(peer, "needs_bytes");
        fprintf(to, "hamonctl: '%s' of %s, %.2f GiB, holds %s\n", answer_text(own, "device"), answer_text(own, "node"), answer_gib(answer_number(own, "disk_bytes")), answer_text(own, "holds"));
        fprintf(to, "hamonctl: %.2f GiB are copied to it from %s", answer_gib(needs), copy->peer);
        if (room - needs >= 1 << 20)
                fprintf(to, "; %.2f GiB of it stay unused, for a mirror is as large as its smaller disk", answer_gib(room - needs));
        fputc('\n', to);
}

/* What both nodes say about their disks. False: printed. */
static bool get_disks(const struct command_line *c, const struct retire_copy *copy, json_t **ret_own, json_t **ret_peer)
{
        char mirror[100], peer[100], path[300];
        if (http_encode(copy->mirror, mirror, sizeof mirror) < 0 || http_encode(copy->peer, peer, sizeof peer) < 0)
                return false; /* names of a configuration fit */
        (void)snprintf(path, sizeof path, "/v1/mirrors/%s/disk", mirror);
        if (!call_get(c, path, ret_own))
                return false;
        (void)snprintf(path, sizeof path, "/v1/nodes/%s/mirrors/%s/disk", peer, mirror);
        return call_get(c, path, ret_peer);
}

static int replace(const struct command_line *c, const struct retire_copy *copy)
{
        char refusal[512], encoded[100], path[160], question[256];
        json_t *own = NULL, *peer = NULL;
        /* What speaks against it whatever is on the disks: the other node need not answer for that. */
        bool hopeless = copy->primary || copy->own_in_sync || !copy->peer_in_sync || !copy->peer_alive;
        bool known = !hopeless && get_disks(c, copy, &own, &peer);
        bool refused = (hopeless || known) && replace_refused(copy, own, peer, refusal, sizeof refusal);
        if (refused)
                fprintf(stderr, "hamonctl: %s\n", refusal);
        else if (known)
                say_what(copy, own, peer, c->dry_run && !c->json ? stdout : stderr); /* JSON is the preflight alone */
        bool blank = known && strcmp(answer_text(own, "holds"), "nothing") == 0;
        json_decref(own);
        json_decref(peer);
        if (refused || !known)
                return EXIT_REFUSED;
        if (c->dry_run)
                return rehearse(c, "join", copy->mirror);
        (void)snprintf(question, sizeof question, "all that is on this node's disk for mirror '%.64s' will be lost", copy->mirror);
        if (!blank && !c->yes && !ask_typed(question, copy->mirror))
                return EXIT_REFUSED;
        if (http_encode(copy->mirror, encoded, sizeof encoded) < 0)
                return EXIT_USAGE;
        (void)snprintf(path, sizeof path, "/v1/mirrors/%s/join", encoded); /* fits */
        return call_command(c, path, json_pack("{s:b}", "overwrite", 1), NULL);
}

/* Of a node that has just come back the record may be the one of before it went: it is read anew within a moment. */
static bool is_behind(const json_t *status)
{
        const json_t *m;
        size_t i;
        json_array_foreach(json_object_get(status, "mirrors"), i, m)
                if (json_is_true(json_object_get(json_object_get(m, "record"), "behind")))
                        return true;
        return false;
}

static json_t *settled_status(const struct command_line *c)
{
        json_t *status = NULL;
        for (unsigned spent_s = 0; call_get(c, "/v1/status", &status) && is_behind(status) && spent_s < BEHIND_S; spent_s++) {
                const struct timespec pause = {.tv_sec = 1};
                progress_begin("the record is read anew");
                json_decref(status);
                status = NULL;
                (void)nanosleep(&pause, NULL);
        }
        progress_end();
        return status;
}

int verb_replace(const struct command_line *c, const char *mirror)
{
        json_t *status = settled_status(c);
        if (!status)
                return EXIT_REFUSED;
        int r = EXIT_USAGE;
        bool found = false;
        for (size_t i = 0; i < json_array_size(json_object_get(status, "mirrors")) && !found; i++) {
                struct retire_copy copy;
                if (!retire_copy(status, i, &copy)) {
                        fprintf(stderr, "hamonctl: hamon's status says nothing about the copies of this node: is this the witness?\n");
                        r = EXIT_REFUSED;
                        found = true;
                } else if (strcmp(copy.mirror, mirror) == 0) {
                        found = true;
                        r = replace(c, &copy);
                }
        }
        if (!found)
                fprintf(stderr, "hamonctl: no mirror '%.32s' in the configuration\n", mirror);
        json_decref(status);
        return r;
}
