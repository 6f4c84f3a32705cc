/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamonctl mirror grow: both disks have become larger, and the mirror takes the room, while it serves. First the standby's leg, which the primary then
 * attaches anew, then the array and the file system on the primary. From any node; begun again after an interruption it goes on where it was.
 */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"

#include "net/http_client.h"

#include <stdlib.h>
#include <string.h>

/* What both nodes say about the mirror. */
struct growth {
        char mirror[100];                  /* as a part of a path */
        const char *primary, *standby;     /* the status's strings */
        uint64_t now_bytes, then_bytes;    /* of a leg, with what md keeps in front of the data */
        uint64_t room_bytes[2];            /* primary's, standby's */
};

/* False: printed. */
static bool take_names(const json_t *mirror, struct growth *ret)
{
        const json_t *legs = json_object_get(mirror, "legs"), *leg;
        size_t i;
        ret->primary = json_string_value(json_object_get(json_object_get(mirror, "record"), "primary"));
        ret->standby = NULL;
        bool both = json_array_size(legs) == 2;
        json_array_foreach(legs, i, leg) {
                const char *node = json_string_value(json_object_get(leg, "node"));
                both = both && node && json_is_true(json_object_get(leg, "in_sync"));
                if (node && ret->primary && strcmp(node, ret->primary) != 0)
                        ret->standby = node;
        }
        if (ret->primary && ret->standby && both)
                return true;
        fprintf(stderr, "hamonctl: a mirror is grown while both of its legs are in sync: hamonctl status says what is missing\n");
        return false;
}

/* What a leg needs now, and what the disks have room for. False: printed. */
static bool take_room(const struct command_line *c, struct growth *g)
{
        g->then_bytes = UINT64_MAX;
        for (unsigned i = 0; i < 2; i++) {
                const char *node = i == 0 ? g->primary : g->standby;
                char path[300], encoded[100];
                json_t *disk;
                if (http_encode(node, encoded, sizeof encoded) < 0)
                        return false; /* a configured name fits */
                (void)snprintf(path, sizeof path, "/v1/nodes/%s/mirrors/%s/disk", encoded, g->mirror); /* fits */
                if (!call_get(c, path, &disk))
                        return false;
                const char *error = json_string_value(json_object_get(disk, "error"));
                if (error)
                        fprintf(stderr, "hamonctl: the disk of %s cannot be used: %s\n", node, error);
                g->room_bytes[i] = answer_number(disk, "room_bytes");
                if (i == 0)
                        g->now_bytes = answer_number(disk, "needs_bytes");
                if (g->room_bytes[i] < g->then_bytes)
                        g->then_bytes = g->room_bytes[i];
                bool failed = error != NULL;
                json_decref(disk);
                if (failed)
                        return false;
        }
        return true;
}

static bool has_room(const struct growth *g)
{
        return g->then_bytes >= g->now_bytes + (1 << 20);
}

static void say_what(const struct growth *g, const char *mirror, FILE *to)
{
        fprintf(to, "hamonctl: a leg of %s has %.2f GiB; the disk of %s has room for %.2f, that of %s for %.2f\n", mirror, answer_gib(g->now_bytes), g->primary, answer_gib(g->room_bytes[0]),
                g->standby, answer_gib(g->room_bytes[1]));
        if (has_room(g))
                fprintf(to, "hamonctl: %s attaches the longer leg of %s anew (some seconds with one leg, what was written meanwhile is copied), then array and file system grow; the "
                            "new part is copied once\n",
                        g->primary, g->standby);
        else
                fprintf(to, "hamonctl: no room: make the disk of %s larger%s; the file system is grown to what the array has\n",
                        g->room_bytes[0] <= g->room_bytes[1] ? g->primary : g->standby, g->room_bytes[0] == g->room_bytes[1] ? ", and the other one" : "");
}

static bool path_of(char ret[300], const char *node, const struct growth *g)
{
        char encoded[100];
        if (http_encode(node, encoded, sizeof encoded) < 0)
                return false;
        (void)snprintf(ret, 300, "/v1/nodes/%s/mirrors/%s/grow", encoded, g->mirror); /* fits */
        return true;
}

static int rehearse_growth(const struct command_line *c, const struct growth *g, const char *mirror)
{
        char *said = NULL;
        size_t size;
        FILE *to = open_memstream(&said, &size);
        if (!to)
                return EXIT_REFUSED;
        say_what(g, mirror, to);
        int r = fclose(to) == 0 ? out_rehearsal(c, has_room(g), said) : EXIT_REFUSED;
        free(said);
        return r;
}

int verb_grow(const struct command_line *c, const char *mirror)
{
        struct growth g = {.primary = NULL};
        char path[160];
        json_t *j;
        if (http_encode(mirror, g.mirror, sizeof g.mirror) < 0) {
                fprintf(stderr, "hamonctl: '%.40s...' is too long for the name of a mirror\n", mirror);
                return EXIT_USAGE;
        }
        (void)snprintf(path, sizeof path, "/v1/mirrors/%s", g.mirror); /* fits */
        if (!call_get(c, path, &j))
                return EXIT_REFUSED;
        int r = EXIT_REFUSED;
        if (take_names(j, &g) && take_room(c, &g)) {
                char leg[300], array[300];
                if (c->dry_run)
                        r = rehearse_growth(c, &g, mirror);
                else
                        say_what(&g, mirror, stderr);
                if (c->dry_run)
                        (void)0; /* nothing is changed */
                else if (!path_of(leg, g.standby, &g) || !path_of(array, g.primary, &g))
                        r = EXIT_USAGE;
                else if (!has_room(&g))
                        r = call_command(c, array, NULL, NULL);
                else if ((r = call_command(c, leg, NULL, NULL)) == EXIT_DONE)
                        r = call_command_patiently(c, array, (unsigned)c->timeout_s); /* it has to have the longer leg in sync again */
        }
        json_decref(j);
        return r;
}
