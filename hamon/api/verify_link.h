/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamon's end of hamon-act's socket for a verify (hamon/verify/ask.h). Blocks: threads that may wait only. */
#ifndef HAMON_API_VERIFY_LINK_H
#define HAMON_API_VERIFY_LINK_H

#include "hamon/verify/ask.h"

enum { VERIFY_LINK_MS = 5000 }; /* an answer that takes longer is none: a disk that hangs */

/* A file descriptor, or -errno. */
int verify_link_open(const char *path);

/* 0: answered, whatever the answer's error; -errno: the connection is of no use any more. */
int verify_link_ask(int fd, const struct verify_ask *ask, struct verify_answer *ret);

#endif
