/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client of the 0.2 protocol against whatever a server says: the input is all of that. Nobody without the secret gets an offer out of it, and a
 * refusal has a sentence of one line. Run by `make fuzz` and by the unit tests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nbdc/classic.h"
#include "net/classic_auth.h"
#include "net/whole_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct classic_secret secret = {.bytes = "0123456789abcdef", .size_bytes = 16};
        struct classic_offer offer = {0};
        char reason[256] = "";
        int pair[2];

        if (size > 4096 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return 0;
        if (send(pair[1], data, size, MSG_NOSIGNAL) != (ssize_t)size)
                abort();
        (void)shutdown(pair[1], SHUT_WR);
        int r = classic_initiate(pair[0], 1, &secret, whole_io_deadline(5000), &offer, reason, sizeof reason);
        if (r == 0 || r == -ETIMEDOUT || offer.size_bytes != 0)
                abort();
        if ((r == -EACCES || r == -EPROTO) != (reason[0] != '\0') || strchr(reason, '\n'))
                abort();
        (void)close(pair[0]);
        (void)close(pair[1]);
        return 0;
}
