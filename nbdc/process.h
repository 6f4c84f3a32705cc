/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What nbdc asks of the system before it attaches: the nbd driver in the kernel, and for itself memory that is never
 * paged out and a place outside of reclaim's way (user space in the write path that waits for memory waits for itself).
 * Logs. Before the loop runs.
 */
#ifndef NBDD_NBDC_PROCESS_H
#define NBDD_NBDC_PROCESS_H

struct netlink;

/* Opens the driver's netlink family, loading the module when it is not there. Prints the reason itself. -errno. */
int process_open_driver(struct netlink **ret);

/* mlockall, PR_SET_IO_FLUSHER, OOM score; each that is refused is one warning. */
void process_harden(void);

#endif
