# SPDX-License-Identifier: LGPL-2.1-or-later
# The pure core: links archive base for UUIDs only (tests/unit/core/test_purity holds it to that).
ARCHIVES += hamon_core
hamon_core_SRCS := $(wildcard hamon/core/*.c)
