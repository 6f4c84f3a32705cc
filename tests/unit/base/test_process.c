/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/process.h"

#include <pthread.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

enum { STACK_BYTES = 256 << 10, LOCAL_BYTES = 1 << 20 };

/* As much as a sanitizer has for each thread: more than the stack that is asked for. */
static _Thread_local char local[LOCAL_BYTES];

static void *use_it(void *byte)
{
        memset(local, *(int *)byte, sizeof local);
        return local + LOCAL_BYTES - 1;
}

static void threads_start_whatever_their_storage_needs(void **state)
{
        pthread_attr_t attributes;
        pthread_t thread;
        size_t bytes;
        void *last;
        int byte = 7;

        (void)state;
        process_use_small_stacks(STACK_BYTES);
        assert_int_equal(pthread_create(&thread, NULL, use_it, &byte), 0);
        assert_int_equal(pthread_join(thread, &last), 0);
        assert_non_null(last);
        assert_int_equal(pthread_getattr_default_np(&attributes), 0);
        assert_int_equal(pthread_attr_getstacksize(&attributes, &bytes), 0);
        assert_in_range(bytes, LOCAL_BYTES, 8 << 20);
        pthread_attr_destroy(&attributes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(threads_start_whatever_their_storage_needs),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
