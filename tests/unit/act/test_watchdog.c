/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A watchdog whose driver holds its caller: nobody but the feeding thread waits for it, and no word from before it was armed anew disarms it. ioctl() is this test's. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/watchdog.h"

#include <errno.h>
#include <linux/watchdog.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char path[] = "/tmp/watchdog-XXXXXX";
static sem_t entered, leave;
static bool holds;
static unsigned fed;

int ioctl(int fd, unsigned long request, ...)
{
        (void)fd;
        if (request == WDIOC_KEEPALIVE && __atomic_load_n(&holds, __ATOMIC_SEQ_CST)) {
                sem_post(&entered);
                while (sem_wait(&leave) < 0)
                        ;
        }
        if (request == WDIOC_KEEPALIVE)
                __atomic_add_fetch(&fed, 1, __ATOMIC_SEQ_CST);
        if (request == WDIOC_SETTIMEOUT || request == WDIOC_KEEPALIVE)
                return 0;
        errno = ENOTTY;
        return -1;
}

static bool is_armed(void)
{
        struct self_view v = {0};
        watchdog_look(&v);
        return v.watchdog_open;
}

/* The magic character has been written so many times. */
static long disarmed(void)
{
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        return (long)st.st_size;
}

static void wait_for(sem_t *s)
{
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 20;
        while (sem_timedwait(s, &until) < 0)
                assert_int_equal(errno, EINTR);
}

static void hold(bool yes)
{
        __atomic_store_n(&holds, yes, __ATOMIC_SEQ_CST);
}

/* Until it is so: the thread does it. */
static void until(bool (*is)(void))
{
        for (int i = 0; i < 4000 && !is(); i++)
                nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        assert_true(is());
}

static bool is_disarmed_once(void)
{
        return disarmed() == 1 && !is_armed();
}

static bool is_fed(void)
{
        return __atomic_load_n(&fed, __ATOMIC_SEQ_CST) > 0;
}

static void the_loop_waits_for_no_driver(void **state)
{
        struct trouble t = {0};
        (void)state;
        assert_int_equal(watchdog_arm(&t), 0);
        assert_true(is_armed());
        hold(true);
        watchdog_do(WATCHDOG_FEED);
        wait_for(&entered); /* the driver has the thread: from here on the loop's calls must come back, or this test never ends */
        for (int i = 0; i < 100; i++) {
                watchdog_do(WATCHDOG_FEED);
                assert_true(is_armed());
        }
        watchdog_do(WATCHDOG_DISARM);
        watchdog_do(WATCHDOG_STARVE);
        watchdog_do(WATCHDOG_FEED);
        hold(false);
        sem_post(&leave);
}

static void *arm(void *userdata)
{
        struct trouble t = {0};
        *(int *)userdata = watchdog_arm(&t);
        return NULL;
}

/* A promotion comes while a disarming waits for the driver: whichever is first, it is armed in the end. */
static void what_was_said_before_it_was_armed_anew_is_over(void **state)
{
        pthread_t thread;
        int r = -1;
        (void)state;
        hold(true);
        watchdog_do(WATCHDOG_FEED);
        wait_for(&entered);
        watchdog_do(WATCHDOG_DISARM);
        assert_int_equal(pthread_create(&thread, NULL, arm, &r), 0);
        hold(false);
        sem_post(&leave);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(r, 0);
        watchdog_do(WATCHDOG_FEED);
        assert_true(is_armed());
        __atomic_store_n(&fed, 0, __ATOMIC_SEQ_CST);
        watchdog_do(WATCHDOG_FEED);
        until(is_fed); /* and nothing that waits behind it disarms it */
        assert_true(is_armed());
}

static void it_is_disarmed_by_the_thread(void **state)
{
        (void)state;
        assert_int_equal(truncate(path, 0), 0); /* the step before may have disarmed it */
        watchdog_do(WATCHDOG_DISARM);
        until(is_disarmed_once);
        assert_false(is_armed());
        struct trouble t = {0};
        assert_int_equal(watchdog_arm(&t), 0);
        assert_true(is_armed());
        watchdog_end();
        assert_false(is_armed());
        watchdog_end(); /* it is not open any more */
        assert_int_equal(disarmed(), 1); /* written from the start again: another descriptor */
}

static int setup(void **state)
{
        (void)state;
        int fd = mkstemp(path);
        if (fd < 0 || sem_init(&entered, 0, 0) < 0 || sem_init(&leave, 0, 0) < 0)
                return -1;
        close(fd);
        watchdog_use(path);
        alarm(120);
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        return unlink(path);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_loop_waits_for_no_driver),
            cmocka_unit_test(what_was_said_before_it_was_armed_anew_is_over),
            cmocka_unit_test(it_is_disarmed_by_the_thread),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
