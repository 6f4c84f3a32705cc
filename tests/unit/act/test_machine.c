/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thin parts that look at or touch the machine, against folders and files that stand for it. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/address.h"
#include "hamon/act/blank.h"
#include "hamon/act/child.h"
#include "hamon/act/direct_io.h"
#include "hamon/act/leg.h"
#include "hamon/act/md_sysfs.h"
#include "hamon/act/member.h"
#include "hamon/act/mount.h"
#include "hamon/act/service.h"
#include "hamon/act/units.h"

#include "tests/unit/act/fixtures.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static const struct uuid any, named = {{7, 7, 7}};

static int setup(void **state)
{
        (void)state;
        snprintf(folder, sizeof folder, "/tmp/test_machine.XXXXXX");
        return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
        const char *argv[] = {"/bin/rm", "-rf", folder, NULL};
        struct trouble t;

        (void)state;
        return child_run(argv, 10000, &t);
}

static void put(const char *path, const char *text)
{
        char full[256];

        snprintf(full, sizeof full, "%s/%s", folder, path);
        for (char *p = full + strlen(folder) + 1; (p = strchr(p, '/')); p++) {
                *p = '\0';
                (void)mkdir(full, 0755);
                *p = '/';
        }
        int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

#define M "block/md100/md/"

static void members_are_found_by_device(void **state)
{
        struct md_state s;

        (void)state;
        assert_int_equal(md_sysfs_read(folder, "md100", makedev(253, 0), makedev(43, 0), &s), 0);
        assert_false(s.running);
        put(M "array_state", "active\n");
        put(M "sync_action", "recover\n");
        put(M "sync_completed", "2048 / 259840\n");
        put(M "dev-dm-0/block/dev", "253:0\n");
        put(M "dev-dm-0/state", "in_sync,write_mostly\n");
        put(M "dev-dm-0/slot", "1\n");
        put(M "dev-dm-0/errors", "3\n");
        put(M "dev-nbd0/block/dev", "43:0\n");
        put(M "dev-nbd0/state", "spare\n");
        put(M "dev-nbd0/slot", "none\n");
        assert_int_equal(md_sysfs_read(folder, "md100", makedev(253, 0), makedev(43, 0), &s), 0);
        assert_true(s.running && !s.read_auto && !s.sync_idle);
        assert_true(s.sync_done_sectors == 2048 && s.sync_total_sectors == 259840);
        assert_int_equal(s.members, 2);
        assert_true(s.own.present && s.own.in_sync && s.own.write_mostly && !s.own.faulty);
        assert_int_equal(s.own.slot, 1);
        assert_true(s.own.errors == 3);
        assert_string_equal(s.own.name, "dm-0");
        assert_true(s.peer.present && !s.peer.in_sync);
        assert_int_equal(s.peer.slot, -1);
        put(M "dev-nbd0/state", "faulty,write_mostly\n");
        put(M "sync_action", "idle\n");
        put(M "array_state", "read-auto\n");
        assert_int_equal(md_sysfs_read(folder, "md100", makedev(253, 1), makedev(43, 0), &s), 0);
        assert_true(s.running && s.read_auto && s.sync_idle && s.peer.faulty && !s.own.present);
        put(M "array_state", "inactive\n");
        assert_int_equal(md_sysfs_read(folder, "md100", makedev(253, 0), 0, &s), 0);
        assert_true(!s.running && !s.own.present && !s.peer.present && s.members == 2);
        assert_true(s.halfway);
        assert_int_equal(md_sysfs_read(folder, "md100", makedev(253, 9), 0, &s), 0);
        assert_false(s.halfway); /* somebody else's */
        put(M "array_state", "clean\n");
        assert_int_equal(md_sysfs_read(folder, "md100", makedev(253, 0), 0, &s), 0);
        assert_true(s.running && !s.halfway);
        s.members = 7;
        assert_int_equal(md_sysfs_read(folder, "md100", makedev(253, 9), makedev(43, 9), &s), MD_SOMEBODY_ELSES); /* neither leg: not ours */
        assert_int_equal(s.members, 7);
        assert_int_equal(md_sysfs_read(folder, "md100", 0, 0, &s), 0);
        assert_true(s.running && !s.own_known); /* the leg's device is not there: it may be ours */
        assert_int_equal(md_sysfs_read(folder, "md100", makedev(253, 9), makedev(43, 0), &s), 0); /* the own leg has left it */
        assert_true(s.running && s.own_known && !s.own.present && s.peer.present);
}

/* Leaves room for `more` descriptors. */
static void limit_descriptors(rlim_t more, struct rlimit *old)
{
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0); /* the lowest that is free */
        close(fd);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, old), 0);
        struct rlimit now = {.rlim_cur = (rlim_t)fd + more, .rlim_max = old->rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

/* A look that fails half-way is no look: the own leg did not leave the array. */
static void no_descriptor_is_no_missing_member(void **state)
{
        struct rlimit old;
        struct md_state s = {.members = 7};

        (void)state;
        put(M "array_state", "active\n");
        put(M "sync_action", "idle\n");
        put(M "dev-dm-0/block/dev", "253:0\n");
        put(M "dev-dm-0/state", "in_sync\n");
        for (rlim_t more = 0; more < 3; more++) { /* for nothing, for the folder alone, for all */
                limit_descriptors(more, &old);
                int r = md_sysfs_read(folder, "md100", makedev(253, 0), 0, &s);
                assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
                assert_int_equal(r, more < 2 ? -EMFILE : 0);
                assert_int_equal(s.members, more < 2 ? 7 : 1); /* what was known stays */
        }
        assert_true(s.running && s.own.present && s.own.in_sync);
        assert_true(md_sysfs_is_gone(-ENOENT) && md_sysfs_is_gone(-ENODEV));
        assert_false(md_sysfs_is_gone(-EMFILE) || md_sysfs_is_gone(-ENOMEM));
}

/* The order of the mirrors was changed while their arrays run: this one's leg is in another array than it should be. */
static void another_array_holds_the_leg(void **state)
{
        char name[32] = "";

        (void)state;
        assert_int_equal(md_sysfs_other_holder(folder, "md100", makedev(253, 0), name, sizeof name), 0);
        put("dev/block/253:0/holders/md100", "");
        assert_int_equal(md_sysfs_other_holder(folder, "md100", makedev(253, 0), name, sizeof name), 0);
        assert_int_equal(md_sysfs_other_holder(folder, "md101", makedev(253, 0), name, sizeof name), 1);
        assert_string_equal(name, "md100");
        put("dev/block/253:1/holders/dm-5", "");
        assert_int_equal(md_sysfs_other_holder(folder, "md101", makedev(253, 1), name, sizeof name), 0);
        put("dev/block/253:2/holders", "");
        assert_int_equal(md_sysfs_other_holder(folder, "md101", makedev(253, 2), name, sizeof name), -ENOTDIR);
}

static void mounts_are_found_by_device(void **state)
{
        const char text[] = "22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n"
                            "40 22 9:100 / /srv/data rw - ext4 /dev/md100 rw\n"
                            "41 22 8:1 / /srv/my\\040data rw - ext4 /dev/sda1 rw\n";

        (void)state;
        assert_int_equal(mount_parse(text, "/srv/data", 9, 100), MOUNT_OURS);
        assert_int_equal(mount_parse(text, "/srv/data", 9, 101), MOUNT_OTHER);
        assert_int_equal(mount_parse(text, "/srv/dat", 9, 100), MOUNT_NOTHING);
        assert_int_equal(mount_parse(text, "/srv/my data", 8, 1), MOUNT_OURS);
        assert_int_equal(mount_parse("40 22 9:100 / /srv/data rw\n50 40 0:9 / /srv/data rw", "/srv/data", 9, 100), MOUNT_OTHER);
        assert_int_equal(mount_parse("", "/srv/data", 9, 100), MOUNT_NOTHING);
        /* By the mount's options or by the file system's, after an error; nothing that merely looks like it. */
        assert_int_equal(mount_parse("40 22 9:100 / /srv/data ro,relatime - ext4 /dev/md100 rw\n", "/srv/data", 9, 100), MOUNT_READ_ONLY);
        assert_int_equal(mount_parse("40 22 9:100 / /srv/data rw,relatime shared:3 - ext4 /dev/md100 ro,errors=remount-ro\n", "/srv/data", 9, 100), MOUNT_READ_ONLY);
        assert_int_equal(mount_parse("40 22 9:100 / /srv/data rw - ext4 /dev/md100 rw,emergency_ro", "/srv/data", 9, 100), MOUNT_READ_ONLY);
        assert_int_equal(mount_parse("40 22 9:100 / /srv/data rw - ext4 /dev/md100 rw,errors=remount-ro\n41 22 8:1 / / ro - ext4 /dev/sda ro\n", "/srv/data", 9, 100), MOUNT_OURS);
        struct config_service s = {.options = "noatime"};
        assert_true(mount_has_turned(&s, MOUNT_READ_ONLY));
        assert_false(mount_has_turned(&s, MOUNT_OURS));
        strcpy(s.options, "noatime,ro"); /* as it was wanted */
        assert_false(mount_has_turned(&s, MOUNT_READ_ONLY));
        s = (struct config_service){.may_turn_read_only = true}; /* it has, and is shown: whether it counts is service_look()'s */
        assert_true(mount_has_turned(&s, MOUNT_READ_ONLY));
}

static unsigned proofs;
static bool writes_pass = true;

static bool prove(const char *where)
{
        assert_string_equal(where, "/srv/data");
        proofs++;
        return writes_pass;
}

static void look_at_errors(struct mount_errors *known, unsigned ret_proofs)
{
        proofs = 0;
        mount_errors_look(folder, makedev(9, 100), "/srv/data", prove, known);
        assert_int_equal(proofs, ret_proofs);
}

static void a_file_system_that_hides_its_end_is_found_out(void **state)
{
        struct mount_errors known = {.instance = 0};
        char link[160], path[320];

        (void)state;
        look_at_errors(&known, 0); /* no such device */
        put("dev/block/none", "");
        snprintf(link, sizeof link, "%s/dev/block/9:100", folder);
        assert_int_equal(symlink("../../devices/virtual/block/md100", link), 0);
        look_at_errors(&known, 0); /* another kind of file system */
        assert_int_equal(known.instance, 0);
        put("fs/ext4/md100/errors_count", "0\n");
        look_at_errors(&known, 0);
        put("fs/ext4/md100/errors_count", "2\n"); /* an error that it lives with */
        look_at_errors(&known, 1);
        look_at_errors(&known, 0);
        assert_false(known.stopped);
        writes_pass = false;
        look_at_errors(&known, 0); /* no write is made without a reason */
        put("fs/ext4/md100/errors_count", "3\n");
        look_at_errors(&known, 1);
        assert_true(known.stopped);
        put("fs/ext4/md100/errors_count", "7\n"); /* each write of somebody's counts */
        look_at_errors(&known, 0);
        assert_true(known.stopped);
        snprintf(path, sizeof path, "mv %s/fs/ext4/md100 %s/old && mkdir %s/fs/ext4/md100", folder, folder, folder);
        assert_int_equal(system(path), 0);
        put("fs/ext4/md100/errors_count", "7\n"); /* mounted anew, not checked */
        writes_pass = true;
        look_at_errors(&known, 1);
        assert_false(known.stopped);
        assert_true(mount_errors_takes_writes(folder));
        assert_true(mount_errors_takes_writes("/nowhere"));
}

static void mount_units_are_named_as_systemd_does(void **state)
{
        char name[UNIT_NAME_SIZE];

        (void)state;
        units_mount_name("/srv/data", name);
        assert_string_equal(name, "srv-data.mount");
        units_mount_name("/srv/my-data/.x", name);
        assert_string_equal(name, "srv-my\\x2ddata-.x.mount");
        units_mount_name("/.hidden", name);
        assert_string_equal(name, "\\x2ehidden.mount");
}

static void announcements_are_whole_frames(void **state)
{
        const uint8_t mac[6] = {0x52, 0x54, 0, 0x99, 0, 1}, v4[4] = {10, 99, 0, 100};
        const uint8_t v6[16] = {0xfd, 0, [15] = 5};
        uint8_t f[ADDRESS_FRAME_MAX];
        uint32_t sum = 0;

        (void)state;
        assert_int_equal(address_arp_frame(mac, v4, f), 60);
        assert_memory_equal(f, "\xff\xff\xff\xff\xff\xff", 6);
        assert_memory_equal(f + 12, "\x08\x06\0\x01\x08\0\x06\x04\0\x01", 10);
        assert_memory_equal(f + 28, v4, 4);
        assert_memory_equal(f + 38, v4, 4);
        assert_int_equal(address_na_frame(mac, v6, f), 86);
        assert_int_equal(f[14 + 40], 136);
        /* ICMPv6 checksum over the pseudo header: all ones when it is right. */
        for (int i = 0; i < 32; i += 2)
                sum += (uint32_t)f[22 + i] << 8 | f[23 + i];
        sum += 32 + 58;
        for (int i = 0; i < 32; i += 2)
                sum += (uint32_t)f[54 + i] << 8 | f[55 + i];
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        assert_int_equal(sum, 0xffff);
}

static void children_end_or_are_ended(void **state)
{
        const char *good[] = {"/bin/true", NULL},
                   *bad[] = {"/bin/sh", "-c", "echo first; echo the reason >&2; exit 3", NULL};
        const char *slow[] = {"/bin/sleep", "60", NULL}, *missing[] = {"/nonexistent", NULL};
        const char *closed[] = {"/bin/sh", "-c", "exec >&- 2>&-; sleep 0.2; exit 4", NULL};
        struct trouble t;

        (void)state;
        assert_int_equal(child_run(good, 5000, &t), 0);
        assert_int_equal(child_run(bad, 5000, &t), -EIO);
        assert_string_equal(t.text, "sh failed with 3: the reason");
        assert_int_equal(child_run(closed, 5000, &t), -EIO);
        assert_string_equal(t.text, "sh failed with 4: it said nothing");
        assert_int_equal(child_run(slow, 100, &t), -ETIMEDOUT);
        assert_int_equal(child_run(missing, 5000, &t), -ENOENT);
}

/* What a crashed hamon-act had started acts no more when the next one begins. */
static void children_die_with_their_parent(void **state)
{
        const char *slow[] = {"/bin/sleep", "60", NULL};
        struct pollfd p = {.events = POLLIN};
        struct trouble t;
        int alive[2]; /* the sleeping child has the other end */
        char byte;

        (void)state;
        assert_int_equal(pipe(alive), 0);
        pid_t parent = fork();
        if (parent == 0) {
                close(alive[0]);
                _exit(write(alive[1], "x", 1) == 1 && child_run(slow, 60000, &t) == 0 ? 0 : 1);
        }
        close(alive[1]);
        assert_int_equal(read(alive[0], &byte, 1), 1);
        p.fd = alive[0];
        assert_int_equal(poll(&p, 1, 300), 0); /* it sleeps */
        assert_int_equal(kill(parent, SIGKILL), 0);
        assert_int_equal(waitpid(parent, NULL, 0), parent);
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_int_equal(read(alive[0], &byte, 1), 0); /* and sleeps no more */
        close(alive[0]);
}

/* A file of 64 MiB as a disk; skipped where the file system has no O_DIRECT. */
static const char *make_disk(char ret[128])
{
        snprintf(ret, 128, "%s/disk", folder);
        int fd = open(ret, O_RDWR | O_CREAT | O_DIRECT, 0600);
        if (fd < 0)
                skip();
        assert_int_equal(ftruncate(fd, 64 << 20), 0);
        close(fd);
        return ret;
}

static void a_leg_is_made_once_and_remembers(void **state)
{
        char path[128];
        struct leg_header h, again;
        struct trouble t;

        (void)state;
        const char *disk = make_disk(path);
        assert_int_equal(leg_read(disk, "demo", "data", &h, &t), -ENODATA);
        assert_int_equal(leg_create(disk, "demo", "data", &any, false, &h, &t), 0);
        assert_int_equal(leg_create(disk, "demo", "data", &any, false, &again, &t), 0);
        assert_true(uuid_equal(&h.uuid, &again.uuid));
        assert_int_equal(leg_read(disk, "demo", "other", &again, &t), -EREMOTE);
        assert_int_equal(leg_create(disk, "demo", "other", &any, false, &again, &t), -EEXIST);
        assert_int_equal(leg_create(disk, "demo", "data", &h.uuid, true, &again, &t),
                         0); /* that leg is there: nothing is overwritten */
        assert_int_equal(leg_create(disk, "demo", "data", &named, false, &again, &t), -EEXIST);
        for (uint64_t epoch = 1; epoch < 6; epoch++) {
                assert_int_equal(leg_add_epoch(disk, "demo", "data", epoch, &t), 0);
                assert_int_equal(leg_add_epoch(disk, "demo", "data", epoch, &t), 0);
                assert_int_equal(leg_read(disk, "demo", "data", &again, &t), 0);
                assert_true(leg_header_last_epoch(&again) == epoch);
        }
        assert_int_equal(leg_add_epoch(disk, "demo", "data", 4, &t), -ESTALE);
        assert_int_equal(leg_probe(disk, &t), 0);
        /* Either copy may be torn. */
        for (int copy = 0; copy < 2; copy++) {
                int fd = open(disk, O_RDWR);
                uint8_t saved[512], zero[512] = {0};
                assert_int_equal(pread(fd, saved, sizeof saved, copy * 4096), 512);
                assert_int_equal(pwrite(fd, zero, sizeof zero, copy * 4096), 512);
                assert_int_equal(fsync(fd), 0);
                assert_int_equal(leg_read(disk, "demo", "data", &again, &t), 0);
                assert_true(leg_header_last_epoch(&again) >= 4);
                assert_int_equal(pwrite(fd, saved, sizeof saved, copy * 4096), 512);
                assert_int_equal(fsync(fd), 0);
                close(fd);
        }
        assert_int_equal(leg_create(disk, "demo", "data", &any, true, &again, &t), 0);
        assert_false(uuid_equal(&h.uuid, &again.uuid));
        assert_int_equal(again.epochs, 0);
        assert_int_equal(leg_create(disk, "demo", "data", &named, true, &again, &t), 0);
        assert_true(uuid_equal(&named, &again.uuid));
}

static void a_disk_with_something_on_it_needs_consent(void **state)
{
        char path[128];
        struct leg_header h;
        struct trouble t;

        (void)state;
        const char *disk = make_disk(path);
        for (int i = 0; i < 2; i++) {
                off_t at = i == 0 ? 4096 + 17 : (64 << 20) - 512; /* a file system's front, a GPT's end */
                int fd = open(disk, O_RDWR);
                assert_int_equal(pwrite(fd, "x", 1, at), 1);
                assert_int_equal(fsync(fd), 0);
                assert_int_equal(leg_create(disk, "demo", "data", &any, false, &h, &t), -EEXIST);
                assert_int_equal(pwrite(fd, "", 1, at), 1);
                assert_int_equal(fsync(fd), 0);
                close(fd);
        }
        assert_int_equal(leg_create(disk, "demo", "data", &any, false, &h, &t), 0);
}

static bool marked(const char *disk)
{
        bool is;
        int fd = open(disk, O_RDONLY);
        assert_int_equal(blank_is_marked(fd, 1 << 20, &is), 0);
        close(fd);
        return is;
}

static void a_leg_says_that_it_is_blank_only_when_it_is(void **state)
{
        char path[128], kept[160];
        const struct uuid array = {{1, 2, 3}}, other = {{1, 2, 4}};
        struct leg_header h;
        struct trouble t;

        (void)state;
        const char *disk = make_disk(path);
        assert_int_equal(leg_create(disk, "demo", "data", &any, false, &h, &t), 0);
        assert_true(marked(disk));
        /* One byte in the middle: without consent it stays, and is seen; with consent the leg is made blank where the disk can do that by itself. */
        int fd = open(disk, O_RDWR);
        assert_int_equal(pwrite(fd, "x", 1, 40 << 20), 1);
        assert_int_equal(pwrite(fd, "", 1, 1 << 20), 1);
        uint8_t zero[4096] = {0}, seen;
        for (off_t at = 0; at < 4 << 20; at += (off_t)sizeof zero)
                assert_int_equal(pwrite(fd, zero, sizeof zero, at), sizeof zero);
        assert_int_equal(fsync(fd), 0);
        assert_int_equal(leg_create(disk, "demo", "data", &any, false, &h, &t), 0);
        assert_false(marked(disk));
        assert_int_equal(pread(fd, &seen, 1, 40 << 20), 1);
        assert_int_equal(seen, 'x');
        assert_int_equal(leg_create(disk, "demo", "data", &any, true, &h, &t), 0);
        assert_int_equal(pread(fd, &seen, 1, 40 << 20), 1);
        assert_int_equal(marked(disk), seen == 0);
        close(fd);
        /* The file is about one array with one state of its bitmap. */
        snprintf(kept, sizeof kept, "%s.blank", path);
        assert_false(blank_kept(kept, &array, 0));
        assert_int_equal(blank_keep(kept, &array, 7), 0);
        assert_true(blank_kept(kept, &array, 7));
        assert_false(blank_kept(kept, &array, 8));
        assert_false(blank_kept(kept, &other, 7));
        assert_int_equal(blank_forget(kept), 0);
        assert_int_equal(blank_forget(kept), 0);
        assert_false(blank_kept(kept, &array, 7));
}

static void debt_of_a_member_on_disk(void **state)
{
        char path[128];
        struct member m;
        struct md_super s;
        struct debt d = {0};

        (void)state;
        const char *disk = make_disk(path);
        int fd = open(disk, O_RDWR);
        assert_int_equal(pwrite(fd, fixture_super, sizeof fixture_super, (1 << 20) + 4096), sizeof fixture_super);
        assert_int_equal(pwrite(fd, fixture_bitmap, sizeof fixture_bitmap, (1 << 20) + 8192), sizeof fixture_bitmap);
        assert_int_equal(fsync(fd), 0);
        assert_int_equal(member_open(disk, 1 << 20, &m), 0);
        assert_int_equal(member_read_super(&m, &s), 0);
        assert_int_equal(member_add_debt(&m, &s, 4 << 20, &d), 0);
        assert_int_equal(debt_count(&d), 6);
        assert_true(debt_is_set(&d, 0) && debt_is_set(&d, 4) && !debt_is_set(&d, 5) && debt_is_set(&d, 7));
        assert_int_equal(member_add_debt(&m, &s, 4 << 20, &d), 0); /* again: a union */
        assert_int_equal(debt_count(&d), 6);
        /* A bitmap that md stopped keeping, then none at all: everything may differ. */
        s.events = 5;
        assert_int_equal(member_add_debt(&m, &s, 4 << 20, &d), 0);
        assert_int_equal(debt_count(&d), 32);
        debt_release(&d);
        s.events = 4;
        assert_int_equal(pwrite(fd, "x", 1, (1 << 20) + 8192), 1);
        assert_int_equal(fsync(fd), 0);
        assert_int_equal(member_add_debt(&m, &s, 8 << 20, &d), 0);
        assert_int_equal(debt_count(&d), 16);
        /* A file that is gone: nobody knows what is owed. One that says "nothing" is believed. */
        char file[160];
        bool gone;
        debt_release(&d);
        snprintf(file, sizeof file, "%s.debt", disk);
        assert_int_equal(member_load_debt(&m, &s, 4 << 20, file, &d, &gone), 0);
        assert_true(gone && debt_count(&d) == 32);
        debt_release(&d);
        assert_int_equal(debt_save_none(file), 0);
        assert_int_equal(member_load_debt(&m, &s, 4 << 20, file, &d, &gone), 0);
        assert_true(!gone && debt_is_none(&d));
        assert_int_equal(unlink(file), 0);
        /* Another array's debt is not mixed in. */
        s.array.bytes[0] ^= 1;
        assert_int_equal(member_add_debt(&m, &s, 4 << 20, &d), 0);
        assert_true(uuid_equal(&d.array, &s.array));
        debt_release(&d);
        member_close(&m);
        close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(members_are_found_by_device, setup, teardown),
            cmocka_unit_test_setup_teardown(no_descriptor_is_no_missing_member, setup, teardown),
            cmocka_unit_test_setup_teardown(another_array_holds_the_leg, setup, teardown),
            cmocka_unit_test(mounts_are_found_by_device),
            cmocka_unit_test_setup_teardown(a_file_system_that_hides_its_end_is_found_out, setup, teardown),
            cmocka_unit_test(mount_units_are_named_as_systemd_does),
            cmocka_unit_test(announcements_are_whole_frames),
            cmocka_unit_test(children_end_or_are_ended),
            cmocka_unit_test(children_die_with_their_parent),
            cmocka_unit_test_setup_teardown(a_leg_is_made_once_and_remembers, setup, teardown),
            cmocka_unit_test_setup_teardown(a_disk_with_something_on_it_needs_consent, setup, teardown),
            cmocka_unit_test_setup_teardown(a_leg_says_that_it_is_blank_only_when_it_is, setup, teardown),
            cmocka_unit_test_setup_teardown(debt_of_a_member_on_disk, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
