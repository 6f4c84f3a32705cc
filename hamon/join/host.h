/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The side that gives: a machine that has the cluster's files waits for others, and hands a copy to each that holds a join line (channel.h). A line is good for one
 * machine, once, and for as long as the host is open. Who connects without one learns nothing, and after JOIN_REFUSALS_MAX of those it gives up.
 * hamonctl and hamon (POST /v1/cluster/invitations) use it; one thread, which blocks: another one may interrupt it.
 */
#ifndef HAMON_JOIN_HOST_H
#define HAMON_JOIN_HOST_H

#include "hamon/join/channel.h"
#include "hamon/join/files.h"

#include <stdatomic.h>

enum { JOIN_PORT = 4346, JOIN_OPEN_S = 900, JOIN_REFUSALS_MAX = 100, JOIN_WHERE_SIZE = 160, JOIN_LINE_SIZE = JOIN_WHERE_SIZE + CONFIG_NAME_SIZE + JOIN_SECRET_TEXT + 32 };

enum join_told { JOIN_TOLD_JOINED, JOIN_TOLD_UNCONFIRMED, JOIN_TOLD_FAILED, JOIN_TOLD_REFUSED };

/* What became of one that connected; `name` is NULL when it had no valid line, `why` where there is more to say. */
typedef void join_tell(void *userdata, enum join_told what, const char *name, const char *why);

struct join_host {
        int fd;
        atomic_int guest_fd; /* a duplicate, of who is being seen to; -1: nobody. Who takes it out closes it */
        char where[JOIN_WHERE_SIZE]; /* "ADDR:PORT" or "[ADDR]:PORT" */
        json_t *files;               /* owned */
        unsigned count, refused;
        struct {
                char name[CONFIG_NAME_SIZE];
                char secret[JOIN_SECRET_TEXT]; /* "": used */
        } guest[VOTERS];
};

/*
 * Listens at `where` (NULL: the first address of `self`, port JOIN_PORT), with a new line for each of `names`; takes `files` over. 0, or -errno with why.
 * -ENOENT: a name that is no other machine of the configuration, or there twice.
 */
int join_host_open(struct join_host *h, const struct config *config, int self, const char *where, const char *const *names, unsigned count, json_t *files,
                   char why[JOIN_ERROR_SIZE]);

/* Wipes the secrets. */
void join_host_close(struct join_host *h);

/* The command that the guest types; "" when it is used up. */
void join_host_line(const struct join_host *h, unsigned guest, char ret[JOIN_LINE_SIZE]);

bool join_host_waits_for(const struct join_host *h, unsigned guest);
unsigned join_host_left(const struct join_host *h);

/* Waits at most `ms` for somebody and sees to him (JOIN_PATIENCE_MS at most). False: too many had no valid line. */
bool join_host_serve(struct join_host *h, int ms, join_tell *tell, void *userdata);

/* Any thread, while the host is served: who is being seen to is hung up on, so that nobody who says nothing holds up the end of the program. */
void join_host_interrupt(struct join_host *h);

/* "ADDR:PORT" or "[ADDR]:PORT", to be given back with freeaddrinfo(). -EINVAL. */
struct addrinfo;
int join_address(const char *text, struct addrinfo **ret);

#endif
