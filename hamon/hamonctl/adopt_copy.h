/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies what is on one device to another and proves that it is there. Its head, where a file system, a partition table or LVM is recognised by, is blank on the
 * other one from the first moment until everything behind it has been read back and was found equal: whatever interrupts it leaves nothing that could be mounted. Only a
 * mirror that fails just when its head is written may keep it, before data that were all found equal.
 */
#ifndef HAMON_HAMONCTL_ADOPT_COPY_H
#define HAMON_HAMONCTL_ADOPT_COPY_H

#include <stdint.h>

enum { ADOPT_HEAD_BYTES = 1 << 20, ADOPT_ALIGN_BYTES = 4096, ADOPT_DIGEST_SIZE = 65 };

enum adopt_part { ADOPT_COPIES, ADOPT_COMPARES };

struct adopt_copy {
        int from, to;   /* read; read and written. O_DIRECT, so that what is compared was on the device; positions are not used */
        uint64_t bytes; /* of `from`; `to` has room for that, rounded up to ADOPT_ALIGN_BYTES */
        void (*progress)(void *userdata, enum adopt_part part, uint64_t done_bytes); /* after each piece of some MiB */
        void *userdata;
};

struct adopt_end {
        const char *what;               /* that failed: "reading the old device", ...; NULL: nothing */
        uint64_t offset_bytes;          /* where */
        char digest[ADOPT_DIGEST_SIZE]; /* SHA-256 of both, hex; when all is well */
};

/* 0, or a negative errno: -EILSEQ when `to` gives back something else than was written. */
int adopt_copy(const struct adopt_copy *c, struct adopt_end *ret);

#endif
