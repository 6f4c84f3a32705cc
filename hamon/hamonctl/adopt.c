/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamonctl mirror adopt: what is on a device becomes the content of a mirror, verified, and the device stays as it is. A mirror keeps a header and a bitmap in front
 * of its data, so that data never become a leg where they are: for the disk that is to be a leg itself the way by the other node is told, with its commands.
 * On the node where the mirror is active, as root. Both devices are held exclusively: nothing else mounts or writes them meanwhile.
 */
#include "hamon/hamonctl/adopt_copy.h"
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"

#include "net/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TELL_S = 1, TELL_AWAY_S = 30 /* where nobody sits at a terminal */ };

struct adoption {
        const char *mirror, *from;
        char to[96];
        uint64_t bytes, room_bytes;
        enum adopt_part part;
        uint64_t part_began_ns, told_ns;
        bool told; /* anything at all */
};

static uint64_t now_ns(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void tell(void *userdata, enum adopt_part part, uint64_t done_bytes)
{
        struct adoption *a = userdata;
        bool terminal = isatty(STDERR_FILENO);
        uint64_t now = now_ns();

        if (part != a->part || a->part_began_ns == 0) {
                a->part = part;
                a->part_began_ns = a->told_ns = now;
        }
        if (now - a->told_ns < (terminal ? TELL_S : TELL_AWAY_S) * UINT64_C(1000000000))
                return;
        a->told_ns = now;
        a->told = true;
        double seconds = (double)(now - a->part_began_ns) / 1e9, rate = (double)done_bytes / seconds;
        fprintf(stderr, "%shamonctl: %s: %.2f of %.2f GiB, %.0f MiB/s, done in %.0f s%s", terminal ? "\r" : "", part == ADOPT_COPIES ? "copied" : "compared", answer_gib(done_bytes), answer_gib(a->bytes),
                rate / (1 << 20), (double)(a->bytes - done_bytes) / rate, terminal ? "   " : "\n");
}

/* -- Whether it may be ------------------------------------------------------------------------------------------------------------- */

/* Are they one disk, by whatever names? */
static bool is_same_disk(const char *a, const char *b)
{
        struct stat one, two;
        if (strcmp(a, b) == 0)
                return true;
        return stat(a, &one) == 0 && stat(b, &two) == 0 && (S_ISBLK(one.st_mode) && S_ISBLK(two.st_mode) ? one.st_rdev == two.st_rdev : one.st_dev == two.st_dev && one.st_ino == two.st_ino);
}

static const char *leg_device(const json_t *mirror, const char *node)
{
        const json_t *leg;
        size_t i;
        json_array_foreach(json_object_get(mirror, "legs"), i, leg) {
                const char *of = json_string_value(json_object_get(leg, "node"));
                if (of && strcmp(of, node) == 0)
                        return json_string_value(json_object_get(leg, "device"));
        }
        return NULL;
}

static const char *other_node(const json_t *mirror, const char *node)
{
        const json_t *leg;
        size_t i;
        json_array_foreach(json_object_get(mirror, "legs"), i, leg) {
                const char *of = json_string_value(json_object_get(leg, "node"));
                if (of && strcmp(of, node) != 0)
                        return of;
        }
        return "the other node";
}

/* What surely fits behind a leg's header, md's superblock and its bitmap on a disk of that size. */
static uint64_t fits_bytes(uint64_t disk_bytes)
{
        uint64_t taken = (16 << 20) + disk_bytes / 1000;
        return disk_bytes > 2 * taken ? (disk_bytes - taken) >> 22 << 22 : 0;
}

static uint64_t size_of(const char *device)
{
        uint64_t bytes = 0;
        int fd = open(device, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
                if (ioctl(fd, BLKGETSIZE64, &bytes) < 0)
                        bytes = 0;
                (void)close(fd);
        }
        return bytes;
}

static void tell_the_way(const char *mirror, const char *device, const char *self, const char *peer)
{
        uint64_t bytes = fits_bytes(size_of(device));
        char size[24] = "SIZE", kib[24] = "SIZE";
        if (bytes > 0) {
                (void)snprintf(size, sizeof size, "%" PRIu64, bytes);
                (void)snprintf(kib, sizeof kib, "%" PRIu64 "K", bytes / 1024);
        }
        fprintf(stderr,
                "hamonctl: '%s' is the disk of %s for mirror '%s', and a mirror keeps its header and bitmap in front of the data: they cannot become its leg where they are.\n"
                "The way by the disk of %s, if it is as large; '%s' keeps its files until the last step:\n"
                "  on %s, so that the file system ends where there is room for it: e2fsck -fp %s && resize2fs %s %s   (ext4; xfs cannot shrink: copy its files instead)\n"
                "  on %s, if '%s' is not active yet: hamonctl mirror create %s\n"
                "  on %s: nbdd -m -d %s -i 1 --read-only --size %s && nbdd --start -i 1\n"
                "  on %s: nbdc %s 4343 1 /dev/nbd15 --read-only --optional &   (--tls-psk FILE where nbdd has keys)\n"
                "  on %s: hamonctl mirror adopt %s /dev/nbd15 && nbdc --detach /dev/nbd15\n"
                "  on %s: nbdd --stop -i 1 && nbdd --remove -i 1, and when all is there: hamonctl mirror join %s --overwrite\n",
                device, self, mirror, peer, device, self, device, device, kib, peer, mirror, mirror, self, device, size, peer, self, peer, mirror, self, mirror);
}

/* False: printed. */
static bool may_adopt(const json_t *mirror, const struct adoption *a)
{
        const char *self = json_string_value(json_object_get(mirror, "node")), *role = json_string_value(json_object_get(mirror, "role"));
        const char *primary = json_string_value(json_object_get(json_object_get(mirror, "record"), "primary")), *own = self ? leg_device(mirror, self) : NULL;
        if (!self || !role)
                fprintf(stderr, "hamonctl: hamon does not say what this node is to mirror '%s'\n", a->mirror);
        else if (own && is_same_disk(own, a->from))
                tell_the_way(a->mirror, a->from, self, other_node(mirror, self));
        else if (strcmp(role, "primary") == 0)
                return true;
        else if (primary)
                fprintf(stderr, "hamonctl: mirror '%s' is active on %s: bring the device there, or the mirror here (hamonctl switchover %s)\n", a->mirror, primary, a->mirror);
        else
                fprintf(stderr, "hamonctl: mirror '%s' is not active: make it first (hamonctl mirror create %s), or see hamonctl explain %s\n", a->mirror, a->mirror, a->mirror);
        return false;
}

/* -- The devices --------------------------------------------------------------------------------------------------------------------- */

/* Held against everybody else; *ret_bytes: its size. A negative errno. */
static int open_device(const char *path, int flags, uint64_t *ret_bytes)
{
        struct stat s;
        if (stat(path, &s) == 0 && !S_ISBLK(s.st_mode) && !S_ISREG(s.st_mode))
                return -ENOTBLK;
        int fd = open(path, flags | O_CLOEXEC | O_DIRECT);
        if (fd < 0 && errno == EINVAL && flags != (O_RDWR | O_EXCL))
                fd = open(path, flags | O_CLOEXEC); /* an image in a file system that knows no direct reads; what is compared is the mirror */
        if (fd < 0)
                return -errno;
        int r = fstat(fd, &s) < 0 ? -errno : 0;
        if (r == 0 && S_ISBLK(s.st_mode))
                r = ioctl(fd, BLKGETSIZE64, ret_bytes) < 0 ? -errno : 0;
        else if (r == 0 && S_ISREG(s.st_mode))
                *ret_bytes = (uint64_t)s.st_size;
        else if (r == 0)
                r = -ENOTBLK;
        if (r == 0)
                return fd;
        (void)close(fd);
        return r;
}

/* A descriptor; negative: printed. */
static int open_or_say(const char *path, int flags, const char *in_use, uint64_t *ret_bytes)
{
        int fd = open_device(path, flags, ret_bytes);
        if (fd == -EBUSY)
                fprintf(stderr, "hamonctl: '%s' is in use: %s\n", path, in_use);
        else if (fd < 0)
                fprintf(stderr, "hamonctl: '%s' cannot be opened: %s%s\n", path, strerror(-fd), fd == -EACCES ? "; this is for root" : "");
        return fd;
}

static int copy(const struct command_line *c, struct adoption *a, int from, int to)
{
        char bytes[24];
        struct adopt_copy all = {.from = from, .to = to, .bytes = a->bytes, .progress = tell, .userdata = a};
        struct adopt_end end;
        int r = adopt_copy(&all, &end);
        if (a->told && isatty(STDERR_FILENO))
                fputc('\n', stderr); /* ends the line that was told over and over */
        if (r < 0) {
                fprintf(stderr, "hamonctl: %s: %s, at byte %" PRIu64 "; '%s' is as it was, and mirror '%s' has not its content: begin again\n", end.what,
                        r == -EILSEQ ? "they differ, though every write was acknowledged" : strerror(-r), end.offset_bytes, a->from, a->mirror);
                return EXIT_REFUSED;
        }
        (void)snprintf(bytes, sizeof bytes, "%" PRIu64, a->bytes);
        (void)out_done(c, json_pack("{s:s, s:s}", "bytes", bytes, "sha256", end.digest), "mirror '%s' has the content of '%s': %s bytes, read back and found equal, SHA-256 %s", a->mirror, a->from,
                       bytes, end.digest);
        fprintf(stderr, "hamonctl: its service finds the file system by itself; where hamon has given up trying: hamonctl service restart %s\n", a->mirror);
        return EXIT_DONE;
}

/* Both are open. */
static int adopt_open(const struct command_line *c, struct adoption *a, int from, int to)
{
        char question[256], will[600];
        if (a->bytes == 0 || (a->bytes + ADOPT_ALIGN_BYTES - 1) / ADOPT_ALIGN_BYTES * ADOPT_ALIGN_BYTES > a->room_bytes) {
                fprintf(stderr, "hamonctl: '%s' has %" PRIu64 " bytes and mirror '%s' %" PRIu64 ": %s\n", a->from, a->bytes, a->mirror, a->room_bytes,
                        a->bytes ? "make the file system on it smaller and the device with it, or the disks of the mirror larger (hamonctl mirror grow)" : "there is nothing to adopt");
                return EXIT_REFUSED;
        }
        (void)snprintf(will, sizeof will, "hamonctl: %.2f GiB of '%s' are copied to mirror '%s' (%.2f GiB) and compared; '%s' stays as it is\n", answer_gib(a->bytes), a->from, a->mirror,
                       answer_gib(a->room_bytes), a->from); /* may be cut */
        if (c->dry_run)
                return out_rehearsal(c, true, will);
        fputs(will, stderr);
        (void)snprintf(question, sizeof question, "all that is on mirror '%.64s' now will be lost", a->mirror);
        if (!c->yes && !ask_typed(question, a->mirror))
                return EXIT_REFUSED;
        return copy(c, a, from, to);
}

int verb_adopt(const struct command_line *c, const char *mirror, const char *device)
{
        struct adoption a = {.mirror = mirror, .from = device};
        char path[160], encoded[100];
        json_t *j;
        if (http_encode(mirror, encoded, sizeof encoded) < 0 || strlen(mirror) > 64) {
                fprintf(stderr, "hamonctl: '%.40s...' is too long for the name of a mirror\n", mirror);
                return EXIT_USAGE;
        }
        (void)snprintf(path, sizeof path, "/v1/mirrors/%s", encoded); /* fits */
        if (!call_get(c, path, &j))
                return EXIT_REFUSED;
        bool may = may_adopt(j, &a);
        json_decref(j);
        if (!may)
                return EXIT_REFUSED;
        (void)snprintf(a.to, sizeof a.to, "/dev/md/%s", mirror); /* fits */
        int from = open_or_say(device, O_RDONLY | O_EXCL, "umount it, or stop what holds it (lsblk)", &a.bytes), to = -1, r = EXIT_REFUSED;
        if (from >= 0)
                to = open_or_say(a.to, O_RDWR | O_EXCL, "the mirror has data that are being used; a new, empty mirror adopts", &a.room_bytes);
        if (to >= 0) {
                r = adopt_open(c, &a, from, to);
                (void)close(to);
        }
        if (from >= 0)
                (void)close(from);
        return r;
}
