# SPDX-License-Identifier: LGPL-2.1-or-later
ARCHIVES += base wire
base_SRCS := $(wildcard lib/base/*.c)
wire_SRCS := $(wildcard lib/wire/*.c)
