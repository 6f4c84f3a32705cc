/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One mirror as hamon-act knows it on this node: names and paths made once from the configuration, and what its worker
 * holds.
 *
 * Everything but the marked fields is constant after mirror_init(); the marked ones belong to the mirror's worker
 * thread.
 */
#ifndef HAMON_ACT_MIRROR_H
#define HAMON_ACT_MIRROR_H

#include "hamon/act/array.h"
#include "hamon/act/discard_proof.h"
#include "hamon/act/dm.h"
#include "hamon/config.h"

#define MIRROR_PATH_SIZE 320

struct resync;
struct health;

struct mirror {
        const struct config *config;
        const struct config_mirror *cm;
        unsigned index, self; /* of the mirror; of this node */
        const char *disk;     /* own raw disk */
        char leg_path[DM_PATH_SIZE];
        char peer_path[32]; /* "/dev/nbd0" */
        char peer_name[16]; /* "nbd0" */
        char mdadm_config[MIRROR_PATH_SIZE];
        char device_link[MIRROR_PATH_SIZE]; /* to the array's device; what is mounted (effects.c says why) */
        char note_path[MIRROR_PATH_SIZE], debt_path[MIRROR_PATH_SIZE], blank_path[MIRROR_PATH_SIZE];
        char resync_path[MIRROR_PATH_SIZE];
        char grants_path[MIRROR_PATH_SIZE]; /* nbdd's, removed when nbdd itself cannot revoke */
        const char *nbdd_socket;            /* NULL: the default */
        struct resync *resync; /* of its own thread; set once, before the workers start */
        struct health *health; /* likewise; NULL: its service has no health check */
        /* the worker writes it, the monitor reads it */
        _Atomic uint64_t settled; /* ticket of the last effect that ended, of the present client; 0: none */
        _Atomic enum discard_proof discard_proof; /* of the own disk; likewise */
        /* the worker's */
        bool promoted; /* the service's worker's: hook pre-promote ran, and post-demote has not since */
        int hold_fd; /* exclusive open of leg_path between REVOKE and ASSEMBLE or RELEASE; -1: none */
};

struct mirror_paths {
        const char *state_dir, *run_dir; /* /var/lib/hamon-act, /run/hamon-act */
        const char *nbdd_state_dir;      /* /var/lib/nbdd */
        const char *nbdd_socket;         /* NULL: the default */
};

void mirror_init(struct mirror *m, const struct config *config, unsigned index, unsigned self,
                 const struct mirror_paths *paths);

/* The configuration says that both disks read zeroes after a discard, and the own one was seen to. */
static inline bool mirror_discards(const struct mirror *m)
{
        return m->cm->discard == DISCARD_ZEROES && m->discard_proof == DISCARD_PROVEN;
}

/* The array with the device numbers as they are now (0 when a device is not there). Points into `m`. */
struct array mirror_array(const struct mirror *m);

/* The array's state by sysfs, as md_sysfs_read(). */
int mirror_md_state(const struct mirror *m, struct md_state *ret);

/* Says why it could not be read, and returns `error`. */
int mirror_md_trouble(const struct mirror *m, int error, struct trouble *t);

/* Gives up the exclusive hold, if there is one. Worker only. */
void mirror_release_hold(struct mirror *m);

#endif
