/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "tests/unit/cmocka_all.h"

static void *policy_of_a_thread(void *ret)
{
        *(int *)ret = sched_getscheduler(0);
        return NULL;
}

/* In a process of its own, which ends with what it saw: 0 as it should be, 1 refused for want of the right, else a digit for what was wrong. */
static int raised(void)
{
        pthread_t thread;
        int before = sched_getscheduler(0), policy = -1;
        int r = process_raise_priority();

        if (r == -EPERM)
                return sched_getscheduler(0) == before ? 1 : 2;
        if (r < 0 || sched_getscheduler(0) != (SCHED_RR | SCHED_RESET_ON_FORK))
                return 3;
        if (pthread_create(&thread, NULL, policy_of_a_thread, &policy) != 0 || pthread_join(thread, NULL) != 0 || policy != SCHED_OTHER)
                return 4;
        pid_t child = fork();
        if (child == 0)
                _exit(sched_getscheduler(0) == SCHED_OTHER ? 0 : 1);
        int status;
        return waitpid(child, &status, 0) == child && status == 0 ? 0 : 5;
}

static int in_a_process(bool without_right)
{
        int status;
        pid_t child = fork();

        if (child == 0) {
                const struct rlimit none = {0, 0};
                if (without_right && (setrlimit(RLIMIT_RTPRIO, &none) < 0 || (geteuid() == 0 && setuid(65534) < 0)))
                        _exit(9);
                _exit(raised());
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void the_loop_alone_has_priority(void **state)
{
        (void)state;
        assert_int_equal(in_a_process(false), geteuid() == 0 ? 0 : 1);
}

static void without_the_right_nothing_changes(void **state)
{
        (void)state;
        assert_int_equal(in_a_process(true), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(the_loop_alone_has_priority), cmocka_unit_test(without_the_right_nothing_changes)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
