/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mirror whose disks have grown: the standby's leg, then the primary's leg with the array and the file system on it.
 *
 * In this order, so that whatever dies in between leaves a mirror that works: a device may be longer than the array needs, an array larger than its file
 * system; never the other way round. md has written its size to both legs before the file system hears of it. All that waits for the peer's leg while it
 * says nothing; hence the primary's part is done beside the other effects (effect_is_beside()), of which one is the detach.
 */
#include "hamon/act/effects.h"

#include "hamon/act/child.h"
#include "hamon/act/mount.h"
#include "hamon/act/nbdd_export.h"

#include "base/log.h"

#include <errno.h>
#include <sys/statvfs.h>

#define GROWFS_MS 600000u  /* ext4 writes the tables of the new groups at the latest when it is grown by far */
#define GROWFS "/lib/systemd/systemd-growfs"
#define MIB (1u << 20)

int effect_leg_grow(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct md_state s;
        uint64_t size;

        (void)e, (void)ret;
        int r = mirror_md_state(m, &s);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        if (s.running)
                return trouble_say(t, -EBUSY, "the array runs here: its leg grows with it");
        r = dm_leg_grow(m->cm->label, m->disk, &size, t);
        return r < 0 ? r : nbdd_export_follow_size(m, size, t);
}

/* 0 while it cannot be asked. */
static uint64_t blocks_of(const char *mount)
{
        struct statvfs v;

        return statvfs(mount, &v) == 0 ? v.f_blocks : 0;
}

/* *ret_grew: it is larger than it was. */
static int grow_file_system(const struct mirror *m, const char *md_path, bool *ret_grew, struct trouble *t)
{
        const struct config_service *s = &m->cm->service;
        const char *const argv[] = {GROWFS, s->mount, NULL};

        *ret_grew = false;
        if (!*s->mount || mount_look(s->mount, md_path) != MOUNT_OURS)
                return 0; /* whoever uses the bare device sees its new size */
        struct trouble said = {""};
        uint64_t before = blocks_of(s->mount);
        int r = child_run(argv, GROWFS_MS, &said);
        *ret_grew = before > 0 && blocks_of(s->mount) > before;
        return r < 0 ? trouble_say(t, r, "the array is larger, the file system on it is not: grow it by hand (%.60s)", said.text) : 0;
}

/* Nothing grew. A peer's leg that is as short as before may not have been grown yet, or be attached with its old size. */
static int say_no_room(const struct array_growth *g, const char *md_path, struct trouble *t)
{
        unsigned long long has = (unsigned long long)g->before_bytes / MIB;

        if (g->own_bytes > g->before_bytes)
                return trouble_say(t, -EAGAIN, "%s keeps its %llu MiB: the other leg has no more; it is grown first, or its disk is the smaller", md_path, has);
        return trouble_say(t, -ENOSPC, "no room: %s has %llu MiB, all that this disk has for it", md_path, has);
}

int effect_array_grow(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct array a = mirror_array(m);
        struct array_growth g;
        uint64_t leg;
        bool grew;

        (void)e, (void)ret;
        int r = dm_leg_grow(m->cm->label, m->disk, &leg, t);
        if (r < 0)
                return r;
        r = array_grow(&a, &g, t);
        if (r < 0)
                return r;
        if (g.after_bytes > g.before_bytes)
                log_info("mirror %s: %s has grown from %llu to %llu MiB", m->cm->name, a.md_path, (unsigned long long)g.before_bytes / MIB,
                         (unsigned long long)g.after_bytes / MIB);
        r = grow_file_system(m, a.md_path, &grew, t); /* also one that an earlier grow did not get to */
        return r < 0 || grew || g.after_bytes > g.before_bytes ? r : say_no_room(&g, a.md_path, t);
}
