/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each release wrote: tests/releases/VERSION/NAME is one file of state, one datagram or one packet, with the values of the examples here.
 * Every later release must read it as the same thing (test_recorded.c), so that an upgrade node by node, and of hamon beside hamon-act, needs no thought.
 */
#ifndef TESTS_UNIT_RELEASES_RECORDED_H
#define TESTS_UNIT_RELEASES_RECORDED_H

#include <stddef.h>
#include <stdint.h>

struct recorded {
        const char *name;
        unsigned which;                                                /* for the functions */
        int (*write)(unsigned which, const char *path);                /* the example, as this release writes it; 0 or -errno */
        int (*rewrite)(unsigned which, const char *from, const char *to); /* read by this release's reader, and written again; 0 or -errno */
};

/* Each ends with one without a name. */
extern const struct recorded recorded_messages[]; /* recorded_messages.c: datagrams between hamons */
extern const struct recorded recorded_packets[];  /* recorded_packets.c: between hamon and hamon-act */
extern const struct recorded recorded_state[];    /* recorded_state.c: /var/lib/hamon */
extern const struct recorded recorded_disk[];     /* recorded_disk.c: /var/lib/hamon-act and the leg */
extern const struct recorded recorded_nbdd[];     /* recorded_nbdd.c: /var/lib/nbdd */

/* 0 or -errno. */
int recorded_put(const char *path, const void *bytes, size_t size);
int recorded_get(const char *path, uint8_t **ret_bytes, size_t *ret_size); /* malloc'ed, NUL-terminated */

#endif
