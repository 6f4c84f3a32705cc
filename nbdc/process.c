/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/process.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process.h"
#include "nbdc/limits.h"
#include "nbdc/netlink.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

#define MAX_PART_FILE "/sys/module/nbd/parameters/max_part"

static int load_module(void)
{
        /* max_part=0: nothing may probe a leg for partitions. */
        char *const argv[] = {(char *)"modprobe",   (char *)"-q",          (char *)"nbd",
                              (char *)"max_part=0", (char *)"nbds_max=16", NULL};
        char *const env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
        pid_t pid;
        int status;
        int rc = posix_spawnp(&pid, "modprobe", NULL, NULL, argv, env);
        if (rc != 0)
                return -rc;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ENOENT;
}

static void check_partitions(void)
{
        char text[16] = "";
        int fd = open(MAX_PART_FILE, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return; /* built in without parameters in sysfs: nothing to say */
        ssize_t n = read(fd, text, sizeof text - 1);
        close(fd);
        if (n > 0 && text[0] != '0')
                log_warning("module nbd is loaded with max_part=%.*s: the kernel will read partition tables; use "
                            "'options nbd max_part=0', continuing",
                            (int)strcspn(text, "\n"), text);
}

static void no_driver(void)
{
        struct utsname name = {0};
        (void)uname(&name); /* the name is for the line alone */
        log_error("kernel %s has no network block device driver: it needs CONFIG_BLK_DEV_NBD=m and its module nbd; see "
                  "'modprobe nbd' (after a kernel update: reboot first)",
                  name.release);
}

int process_open_driver(struct netlink **ret)
{
        int rc = netlink_open(ret);
        if (rc == -ENOENT) {
                rc = load_module();
                if (rc == 0)
                        rc = netlink_open(ret);
        }
        if (rc == -ENOENT)
                no_driver();
        else if (rc == -EPERM)
                log_error("no permission to configure network block devices; run nbdc as root");
        else if (rc < 0)
                log_error("cannot talk to the network block device driver: %s", strerror(-rc));
        else
                check_partitions();
        return rc;
}

/*
 * Libraries allocate while a connection is made (a netlink message, an event source, a TLS handshake), and a page that
 * the kernel would have to find for them may be one that waits to be written to this very device. So the heap gets its
 * pages now and keeps them, the threads share it, and the stack is as deep as it will be: from here on no page is asked
 * of the kernel.
 */
static void reserve_memory(void)
{
        volatile char stack[NBDC_STACK_BYTES];
        (void)mallopt(M_ARENA_MAX, 1);
        (void)mallopt(M_TRIM_THRESHOLD, -1);
        (void)mallopt(M_MMAP_MAX, 0);
        char *heap = malloc(NBDC_HEAP_BYTES);
        if (heap)
                memset(heap, 1, NBDC_HEAP_BYTES);
        else
                log_warning("cannot reserve %u bytes of memory, continuing", NBDC_HEAP_BYTES);
        __asm__ volatile("" : : "r"(heap) : "memory"); /* or the compiler sees that nobody reads it */
        free(heap);
        for (size_t i = 0; i < sizeof stack; i += 1024)
                stack[i] = 0;
}

void process_harden(void)
{
        reserve_memory();
        int r = process_lock_memory();
        if (r < 0)
                log_warning("cannot lock memory: %s, continuing", strerror(-r));
        if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) < 0)
                log_warning("cannot become an I/O flusher: %s, continuing", strerror(errno));
        r = process_set_oom_score(-1000);
        if (r < 0)
                log_warning("cannot leave the out-of-memory killer's list: %s, continuing", strerror(-r));
}
