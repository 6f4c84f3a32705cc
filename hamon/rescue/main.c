/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamon-rescue: gets the data off one disk of a mirror, read-only, on any machine, without hamon, its configuration or the other disk. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cli.h"
#include "base/id.h"
#include "hamon/rescue/copy.h"
#include "hamon/rescue/window.h"

enum { OPT_ATTACH = 1, OPT_TORN };

static const struct cli_option options[] = {
    {'a', "attach", NULL, "make a read-only device of the data on it, to be mounted", OPT_ATTACH},
    {0, "even-torn", NULL, "with --attach: also of a copy whose rebuild never ended", OPT_TORN},
    {0, NULL, NULL, NULL, 0},
};

static const struct cli cli = {
    .program = "hamon-rescue",
    .summary = "get the data off one disk of a mirror, without hamon",
    .usage = "hamon-rescue DISK\n"
             "hamon-rescue --attach [--even-torn] DISK",
    .epilog = "DISK is a disk of a mirror, or a copy of one in a file. It is only read. Without --attach it is described: whose it is, and what its\n"
              "copy is worth.\n"
              "\n"
              "Exit status: 0 done, 1 failed or refused, 2 wrong usage.\n"
              "\n"
              "example: hamon-rescue --attach /dev/sdb && mount -o ro,noload /dev/loop0 /mnt",
    .options = options,
};

static const char *worth_text(enum copy_worth worth)
{
        switch (worth) {
        case COPY_COMPLETE:
                return "complete as of when it last ran; whether the other disk went on without it, only the other disk knows";
        case COPY_LEFT:
                return "old: the mirror went on without it";
        case COPY_TORN:
                return "torn: a rebuild never ended, old and new blocks stand side by side";
        }
        return "";
}

static void print_bytes(const char *what, uint64_t bytes)
{
        if (bytes == UINT64_MAX)
                printf("%s unknown\n", what);
        else
                printf("%s %" PRIu64 " MiB\n", what, (bytes + (1u << 20) - 1) >> 20);
}

static void describe(const char *path, const struct copy *c)
{
        char leg[UUID_TEXT_SIZE], array[UUID_TEXT_SIZE];

        uuid_format(&c->header.uuid, leg);
        uuid_format(&c->super.array, array);
        printf("disk            %s\n", path);
        printf("mirror          %s of cluster %s\n", c->header.mirror, c->header.cluster);
        printf("leg             %s, last served in epoch %" PRIu64 "\n", leg, leg_header_last_epoch(&c->header));
        printf("array           %s, %" PRIu64 " events\n", array, c->super.events);
        printf("copy            %s\n", worth_text(c->worth));
        print_bytes("size           ", c->size_bytes);
        print_bytes("may be missing on the other disk ", c->dirty_bytes);
}

static int attach(const char *path, const struct copy *c, bool even_torn)
{
        char device[WINDOW_PATH_SIZE];
        struct trouble t = {0};

        if (c->worth == COPY_TORN && !even_torn) {
                (void)fprintf(stderr, "hamon-rescue: the copy on %s is torn: look for the other disk first; --even-torn gives what is there\n", path);
                return EXIT_FAILURE;
        }
        if (window_open(path, c->offset_bytes, c->size_bytes, device, &t) < 0) {
                (void)fprintf(stderr, "hamon-rescue: %s\n", t.text);
                return EXIT_FAILURE;
        }
        printf("device          %s, read-only\n"
               "next            mount -o ro,noload %s /mnt     (ext4; xfs: -o ro,norecovery)\n"
               "to undo         umount /mnt; losetup -d %s\n",
               device, device, device);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        static struct copy copy;
        const char *path = NULL;
        bool wants_device = false, even_torn = false;
        struct trouble t = {0};
        struct cli_parser p;

        cli_start(&p, &cli, argc, argv);
        for (int id; (id = cli_next(&p)) != CLI_END;) {
                int answered = cli_answer(&p, id);
                if (answered >= 0)
                        return answered;
                if (id == OPT_ATTACH) {
                        wants_device = true;
                } else if (id == OPT_TORN) {
                        even_torn = true;
                } else if (path) {
                        (void)fprintf(stderr, "hamon-rescue: one disk at a time: \"%s\" is one too many\n", p.value);
                        return CLI_EXIT_USAGE;
                } else {
                        path = p.value;
                }
        }
        if (!path || (even_torn && !wants_device)) {
                (void)fprintf(stderr, path ? "hamon-rescue: --even-torn goes with --attach\n" : "hamon-rescue: which disk? hamon-rescue DISK (see --help)\n");
                return CLI_EXIT_USAGE;
        }
        if (copy_read(path, &copy, &t) < 0) {
                (void)fprintf(stderr, "hamon-rescue: %s\n", t.text);
                return EXIT_FAILURE;
        }
        describe(path, &copy);
        return wants_device ? attach(path, &copy, even_torn) : EXIT_SUCCESS;
}
