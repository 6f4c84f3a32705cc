/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulator's two nodes in real time, under hamons that are real processes: machine, disk, md, nbdd, nbdc, hamon-act and the application are the
 * models of sim.h, each with its delays; hamon reaches them through hamon-act's two sockets, in hamon-act's own words (hamon/act/protocol.h,
 * hamon/verify/ask.h). So each state that a hamon shows has come about as on two real machines: a power cut loses what was not flushed, a take-over
 * takes the time of its steps, a copy goes block by block, and a comparison reads what is on the disks.
 *
 *     machines HAMON.CONF FOLDER      sockets: FOLDER/NODE/act.sock and FOLDER/NODE/verify.sock
 *
 * Reads commands, one a line, and answers each with "ok" or what is wrong with it, "is-off NODE" with "on" or "off": machines.c has the table. The hamon of a machine that loses its power
 * is the caller's to kill. The promises are not checked here (unchecked.c): that is what the simulator itself is for.
 *
 * Parts: machines.c (time, commands, act.sock), verify.c (verify.sock). One thread.
 */
#ifndef TESTS_SIM_MACHINES_MACHINES_H
#define TESTS_SIM_MACHINES_MACHINES_H

#include "tests/sim/sim.h"

#include <poll.h>
#include <stddef.h>

#define MACHINE_CELL_BYTES ((uint64_t)22 << 20)             /* of the array, for each block of the model: what is written is written to its first 4 KiB */
#define MACHINE_DATA_BYTES (BLOCKS * MACHINE_CELL_BYTES)    /* 1056 MiB */
enum { MACHINE_ASKERS_MAX = 16, MACHINE_PACE_KIB = 98304 };

/* A listening socket. */
int machine_listen(const char *folder, const char *node, const char *name);

/* -- machines.c: sizes, as hamon-act tells them. What a grown array has beyond MACHINE_DATA_BYTES is neither written nor compared. */
enum { MACHINE_FRONT_MIB = 8, MACHINE_HEADER_MIB = 8 }; /* md's of a leg; ours of a disk */
struct machine_sizes {
        uint64_t disk_bytes, leg_bytes, array_bytes; /* leg: what md has of it */
};
const struct machine_sizes *machine_sizes(uint8_t node);

/* -- verify.c */
void verify_open(uint8_t node, const char *folder, const char *name);
void verify_close(struct sim *s, uint8_t node);                          /* with all who ask there */
size_t verify_fds(struct pollfd *ret);                                   /* at most NODES + MACHINE_ASKERS_MAX */
void verify_turn(struct sim *s, const struct pollfd *fds, size_t count); /* takes questions, and answers those whose time has come */
void verify_pace(unsigned kib);                                          /* of a paced reading, in KiB/s */
void verify_rot(uint8_t node, unsigned block);                           /* a sector beside what is written has turned into another, or back */
void verify_new_disk(uint8_t node);

#endif
