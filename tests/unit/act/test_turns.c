/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No more than the places at a time, and everybody once. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/turns.h"

#include <stdatomic.h>
#include <time.h>

enum { WORKERS = 20, PLACES = 2 };

static struct turns turns = TURNS_OF(PLACES);
static atomic_uint inside, most, done;

static void *work(void *unused)
{
        if (!turns_take(&turns, 60000))
                return unused; /* `done` is one too few */
        unsigned now = atomic_fetch_add(&inside, 1) + 1, seen = atomic_load(&most);
        while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
                ;
        (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* long enough for another one to come in */
        atomic_fetch_sub(&inside, 1);
        turns_leave(&turns);
        atomic_fetch_add(&done, 1);
        return unused;
}

static void a_few_at_a_time(void **state)
{
        pthread_t threads[WORKERS];

        (void)state;
        for (unsigned i = 0; i < WORKERS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
        for (unsigned i = 0; i < WORKERS; i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(atomic_load(&done), WORKERS);
        assert_int_equal(atomic_load(&most), PLACES);
        assert_int_equal(turns.taken, 0);
}

static void nobody_waits_for_ever(void **state)
{
        struct turns one = TURNS_OF(1);

        (void)state;
        assert_true(turns_take(&one, 0));
        assert_false(turns_take(&one, 20));
        turns_leave(&one);
        assert_true(turns_take(&one, 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(a_few_at_a_time), cmocka_unit_test(nobody_waits_for_ever)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
