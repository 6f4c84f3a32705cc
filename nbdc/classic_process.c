/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The relay's process, nbdc --relay. See classic.h. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"
#include "nbdc/classic.h"
#include "nbdc/classic_internal.h"
#include "nbdc/limits.h"
#include "nbdc/link.h"
#include "nbdc/liveness.h"
#include "nbdc/process.h"
#include "net/classic_auth.h"
#include "net/classic_relay.h"
#include "net/whole_io.h"

/* The end of this process closes the connection to the server; what waits in it then must not be delivered late: nobody was told that it is done. */
static void forget_unsent(void)
{
        const struct linger none = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(CLASSIC_SERVER_FD, SOL_SOCKET, SO_LINGER, &none, sizeof none); /* of our own socket: cannot fail */
}

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
        return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

/*
 * Why a thread: the relay's two wait in their sockets, as long as it takes. This one ends the process when nobody is at the other end of either: the
 * kernel's driver has let go (an orderly good-bye has CLASSIC_GOODBYE_MS to be read), or TCP has lost the server (liveness.h).
 */
static void *watch(void *userdata)
{
        struct pollfd driver = {.fd = CLASSIC_DRIVER_FD, .events = POLLRDHUP};
        struct liveness liveness = {0};
        struct link_sample sample;

        (void)userdata;
        while (poll(&driver, 1, NBDC_PROBE_MS) <= 0) {
                if (!link_sample(CLASSIC_SERVER_FD, &sample) || !liveness_lost(&liveness, &sample, false, now_ms()))
                        continue;
                log_warning("0.2 relay: the server is not heard any more");
                forget_unsent();
                _exit(EXIT_FAILURE);
        }
        (void)poll(NULL, 0, CLASSIC_GOODBYE_MS); /* the relay ends the process itself, unless it waits for the server */
        forget_unsent();
        _exit(EXIT_SUCCESS);
}

/* 0 with the server's offer, which the driver's side has been told; else it was told why not, or hears it by the end of the connection. */
static int begin(const char *secrets_path, uint64_t id, struct classic_offer *ret)
{
        uint64_t deadline_ns = whole_io_deadline(CLASSIC_INITIATION_MS);
        char reason[NBDC_ERROR_SIZE] = "";
        struct classic_secret secret;
        int zero = 0, r = classic_greet(CLASSIC_DRIVER_FD, deadline_ns);

        if (r < 0)
                return r;
        r = classic_secret_load(secrets_path, id, &secret, reason, sizeof reason);
        if (r == 0)
                r = classic_initiate(CLASSIC_SERVER_FD, id, &secret, deadline_ns, ret, reason, sizeof reason);
        if (r == 0) /* from here on a slow server is waited for: watch() tells a lost one from it */
                (void)setsockopt(CLASSIC_SERVER_FD, IPPROTO_TCP, TCP_USER_TIMEOUT, &zero, sizeof zero);
        explicit_bzero(&secret, sizeof secret);
        if (r == 0)
                return classic_answer_go(CLASSIC_DRIVER_FD, ret, deadline_ns);
        if (reason[0])
                (void)classic_refuse_go(CLASSIC_DRIVER_FD, reason, deadline_ns); /* whoever is gone needs no reason */
        return r;
}

int classic_relay_main(const char *secrets_path, const char *id_text)
{
        struct classic_offer offer;
        const char *why = NULL;
        char reason[NBDC_ERROR_SIZE];
        pthread_t watcher;
        uint64_t id;

        (void)prctl(PR_SET_NAME, "nbdc-classic", 0, 0, 0); /* for ps alone */
        /* Whatever ends its nbdc must not end it as well. */
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGHUP, SIG_IGN);
        if (export_id_parse(id_text, &id, reason, sizeof reason) < 0)
                return EXIT_FAILURE;
        if (begin(secrets_path, id, &offer) < 0 || chdir("/") < 0) /* the path may be relative */
                return EXIT_FAILURE;
        process_harden();
        if (pthread_create(&watcher, NULL, watch, NULL) != 0) {
                log_warning("0.2 relay: no thread");
                return EXIT_FAILURE;
        }
        const struct classic_relay relay = {.direction = NBD_TO_CLASSIC,
                                            .request_fd = CLASSIC_DRIVER_FD,
                                            .server_fd = CLASSIC_SERVER_FD,
                                            .size_bytes = offer.size_bytes,
                                            .read_only = offer.read_only};
        int r = classic_relay_run(&relay, &why);
        if (r < 0) {
                log_warning("0.2 relay: %s", why ? why : r == -EPIPE ? "the server closed the connection" : strerror(-r));
                forget_unsent();
        }
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
