# SPDX-License-Identifier: LGPL-2.1-or-later
# Verify: what both hamon (its thread is hamon/api/verifier.c) and hamon-act (hamon/act/verify_server.c) are made of. Pure, but for the file.
ARCHIVES += hamon_verify
hamon_verify_SRCS := $(wildcard hamon/verify/*.c) hamon/api/json_take.c
