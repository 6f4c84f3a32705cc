/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A second process that does nothing but hold two things of a supervised device, so that they survive the death of
 * its nbdc: the connection (or connections) that the kernel's driver uses (whoever wants to end it must be able to shut it, or a frozen
 * peer blocks the disconnect for ever), and the netlink socket that configured the device (a driver may take its
 * owner's exit for a wish to disconnect).
 *
 * It is this program again, "nbdc --keep", in a session of its own, and listens on RUNDIR/nbdN.keep. It ends when told
 * to, when its nbdc goes away before it had a connection to hold, or by SIGTERM in the last stage of a shutdown. The messages (SOCK_SEQPACKET, one byte and
 * descriptors): 'L' hold these connections and no others, 'N' hold this netlink socket unless one is held, 'G' give the
 * connections back (answered with 'L' and the descriptors, or '-'), 'Q' quit.
 */
#ifndef NBDD_NBDC_KEEPER_H
#define NBDD_NBDC_KEEPER_H

struct link_set;

#define KEEPER_LISTEN_FD 3 /* in the keeper process */

/* The keeper's whole life: serves KEEPER_LISTEN_FD. Returns the exit status. */
int keeper_main(void);

/* Connects to the keeper of a device; -ENOENT when there is none. */
int keeper_connect(int index);
/* The same, and starts one when there is none. Returns the descriptor to talk to it, which the caller closes. Waits for
 * an exec of this very program, which is in memory. */
int keeper_start(int index);

/* The connections that it holds, or -ENOENT. Waits for at most half a second. */
int keeper_get_links(int keeper_fd, struct link_set *ret);

/* In place of those that it holds. Never block. An error is for the log: the device works without a keeper. */
int keeper_put_links(int keeper_fd, const struct link_set *links);
int keeper_put_netlink(int keeper_fd, int netlink_fd);
/* Also removes its socket: the next nbdc of the device starts another one. */
void keeper_quit(int keeper_fd, int index);

#endif
