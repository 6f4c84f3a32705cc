# SPDX-License-Identifier: LGPL-2.1-or-later
UNIT_TESTS += tests/unit/wire/test_hamon_wire
tests/unit/wire/test_hamon_wire_SRCS := tests/fuzz/fuzz_hamon_wire.c
tests/unit/wire/test_hamon_wire_ARCHIVES := wire hamon_core base
