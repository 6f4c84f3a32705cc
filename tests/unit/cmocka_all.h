/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmocka and the headers that it needs before it, in their order. */
#ifndef NBDD_TESTS_CMOCKA_ALL_H
#define NBDD_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
