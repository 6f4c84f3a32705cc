/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/mirror.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_MS 20000u /* of one mdadm: many times what a slow emulated machine takes */

void mirror_init(struct mirror *m, const struct config *config, unsigned index, unsigned self,
                 const struct mirror_paths *paths)
{
        *m = (struct mirror){
            .config = config, .cm = &config->mirror[index], .index = index, .self = self, .hold_fd = -1};
        m->disk = m->cm->device[self];
        m->nbdd_socket = paths->nbdd_socket;
        dm_leg_path(m->cm->label, m->leg_path);
        snprintf(m->peer_name, sizeof m->peer_name, "nbd%u", m->cm->number);
        snprintf(m->peer_path, sizeof m->peer_path, "/dev/nbd%u", m->cm->number);
        snprintf(m->mdadm_config, sizeof m->mdadm_config, "%s/mdadm.conf", paths->run_dir);
        snprintf(m->device_link, sizeof m->device_link, "%s/%s.device", paths->run_dir, m->cm->label);
        snprintf(m->note_path, sizeof m->note_path, "%s/%s.note", paths->state_dir, m->cm->label);
        snprintf(m->debt_path, sizeof m->debt_path, "%s/%s.debt", paths->state_dir, m->cm->label);
        snprintf(m->blank_path, sizeof m->blank_path, "%s/%s.blank", paths->state_dir, m->cm->label);
        snprintf(m->resync_path, sizeof m->resync_path, "%s/%s.resync", paths->state_dir, m->cm->label);
        snprintf(m->grants_path, sizeof m->grants_path, "%s/grants", paths->nbdd_state_dir);
}

struct array mirror_array(const struct mirror *m)
{
        struct array a = {
            .name = m->cm->name,
            .label = m->cm->label,
            .own_path = m->leg_path,
            .peer_path = m->peer_path,
            .config = m->mdadm_config,
            .own_slot = m->self,
            .discards = mirror_discards(m),
            .timeout_ms = STEP_MS,
        };
        struct stat st;

        snprintf(a.md, sizeof a.md, "md%u", ARRAY_MD_FIRST + m->cm->number);
        snprintf(a.md_path, sizeof a.md_path, "/dev/md%u", ARRAY_MD_FIRST + m->cm->number);
        if (stat(m->leg_path, &st) == 0 && S_ISBLK(st.st_mode))
                a.own = st.st_rdev;
        if (md_sysfs_device(MD_SYSFS_ROOT, m->peer_name, &a.peer) < 0)
                a.peer = 0;
        return a;
}

int mirror_md_state(const struct mirror *m, struct md_state *ret)
{
        struct array a = mirror_array(m);

        /* A peer's device that could not be looked up is not one that is not there. */
        int r = a.peer ? 0 : md_sysfs_device(MD_SYSFS_ROOT, m->peer_name, &a.peer);
        if (r < 0 && !md_sysfs_is_gone(r))
                return r;
        return md_sysfs_read(MD_SYSFS_ROOT, a.md, a.own, a.peer, ret);
}

int mirror_md_trouble(const struct mirror *m, int error, struct trouble *t)
{
        if (error == MD_SOMEBODY_ELSES)
                return trouble_say(t, error, "/dev/md%u is an array of somebody else: stop it or move it, or give mirror \"%.40s\" another number",
                                   ARRAY_MD_FIRST + m->cm->number, m->cm->name);
        return trouble_errno(t, error, "cannot read the array's state");
}

void mirror_release_hold(struct mirror *m)
{
        if (m->hold_fd >= 0)
                close(m->hold_fd);
        m->hold_fd = -1;
}
