/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/nbdc_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "nbdc/control_codec.h"

const char *nbdc_rundir(void)
{
        const char *dir = getenv("NBDC_RUNDIR");
        return dir && *dir ? dir : NBDC_RUNDIR;
}

int nbdc_device_index(const char *device)
{
        const char *p = device;
        if (strncmp(p, "/dev/", 5) == 0)
                p += 5;
        if (strncmp(p, "nbd", 3) == 0)
                p += 3;
        else if (strncmp(p, "nb", 2) == 0)
                p += 2;
        else
                return -ENODEV;
        if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] != '\0'))
                return -ENODEV;
        int index = 0;
        for (; *p >= '0' && *p <= '9' && index <= NBDC_DEVICE_INDEX_MAX; p++)
                index = index * 10 + (*p - '0');
        return *p == '\0' && index <= NBDC_DEVICE_INDEX_MAX ? index : -ENODEV;
}

static int open_control(int index)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/nbd%d.sock", nbdc_rundir(), index);
        if (n < 0 || (size_t)n >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
                return fd;
        /* A full backlog (EAGAIN) is a supervisor that does not answer; the caller cannot tell it from a slow one
         * either. */
        int rc = errno == ECONNREFUSED ? -ENOENT : errno == EAGAIN ? -ETIMEDOUT : -errno;
        close(fd);
        return rc;
}

/* The length of the one answer, or -errno. */
static ssize_t receive(int fd, char *to, size_t size, unsigned timeout_ms)
{
        struct timespec start, now;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int64_t left = timeout_ms; left > 0;) {
                struct pollfd p = {.fd = fd, .events = POLLIN};
                int n = poll(&p, 1, (int)left);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        ssize_t got = recv(fd, to, size, 0);
                        return got < 0 ? -errno : got == 0 ? -ENOENT : got;
                }
                clock_gettime(CLOCK_MONOTONIC, &now);
                left = timeout_ms - ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
        }
        return -ETIMEDOUT;
}

static int transact(const char *device, const struct control_request *request, unsigned timeout_ms,
                    struct control_answer *ret)
{
        char text[CONTROL_MESSAGE_MAX], reason[NBDC_ERROR_SIZE];
        int index = nbdc_device_index(device);
        if (index < 0)
                return index;
        int length = control_request_encode(request, text, sizeof text);
        if (length < 0)
                return length;
        int fd = open_control(index);
        if (fd < 0)
                return fd;
        int rc = 0;
        ssize_t got = -1;
        if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length)
                rc = errno == EPIPE || errno == ECONNRESET ? -ENOENT : -errno;
        else if ((got = receive(fd, text, sizeof text, timeout_ms ? timeout_ms : NBDC_CLIENT_TIMEOUT_MS)) < 0)
                rc = (int)got;
        close(fd);
        if (rc < 0)
                return rc;
        return control_answer_decode(text, (size_t)got, ret, reason, sizeof reason) < 0 ? -EPROTO : 0;
}

static int order(const char *device, const struct control_request *request, unsigned timeout_ms, char *ret_error)
{
        struct control_answer answer = {0};
        int rc = transact(device, request, timeout_ms, &answer);
        if (rc == 0 && !answer.ok)
                rc = answer.refused ? -EPERM : -EIO;
        if (!ret_error)
                return rc;
        if (rc == -EPERM || rc == -EIO)
                snprintf(ret_error, NBDC_ERROR_SIZE, "%s", answer.error[0] ? answer.error : strerror(-rc));
        else if (rc == -ENOENT)
                snprintf(ret_error, NBDC_ERROR_SIZE, "no nbdc supervises '%.32s'", device);
        else if (rc == -ENODEV)
                snprintf(ret_error, NBDC_ERROR_SIZE, "'%.32s' is not an nbd device; expected for example /dev/nbd0",
                         device);
        else if (rc == -ETIMEDOUT)
                snprintf(ret_error, NBDC_ERROR_SIZE, "the nbdc of '%.32s' does not answer", device);
        else if (rc == -EACCES)
                snprintf(ret_error, NBDC_ERROR_SIZE, "no permission to ask the nbdc of '%.32s'; run as root", device);
        else
                snprintf(ret_error, NBDC_ERROR_SIZE, "%s", rc ? strerror(-rc) : "");
        return rc;
}

int nbdc_status(const char *device, unsigned timeout_ms, struct nbdc_status *ret)
{
        struct control_answer answer = {0};
        struct control_request request = {.op = CONTROL_STATUS};
        int rc = transact(device, &request, timeout_ms, &answer);
        if (rc < 0)
                return rc;
        if (!answer.ok || !answer.has_status)
                return -EPROTO;
        *ret = answer.status;
        return 0;
}

int nbdc_set_policy(const char *device, enum nbdc_policy policy, unsigned timeout_ms, char *ret_error)
{
        struct control_request request = {.op = CONTROL_POLICY, .policy = policy};
        return order(device, &request, timeout_ms, ret_error);
}

int nbdc_detach(const char *device, const char *decided_version, unsigned timeout_ms, char *ret_error)
{
        struct control_request request = {.op = CONTROL_DETACH, .has_decided_version = decided_version != NULL};
        if (decided_version) {
                char *end;
                errno = 0;
                request.decided_version = strtoull(decided_version, &end, 10);
                if (decided_version[0] < '0' || decided_version[0] > '9' || *end || errno) {
                        if (ret_error)
                                snprintf(ret_error, NBDC_ERROR_SIZE,
                                         "'%.40s' is not a record version: expected a decimal number", decided_version);
                        return -EINVAL;
                }
        }
        return order(device, &request, timeout_ms, ret_error);
}

int nbdc_set_timeout(const char *device, uint64_t request_timeout_ms, unsigned timeout_ms, char *ret_error)
{
        struct control_request request = {.op = CONTROL_TIMEOUT, .timeout_ms = request_timeout_ms};
        return order(device, &request, timeout_ms, ret_error);
}
