# SPDX-License-Identifier: LGPL-2.1-or-later
# How a machine gets the files of its cluster; needs hamon_config net base, and jansson gnutls.
ARCHIVES += hamon_join
hamon_join_SRCS := $(wildcard hamon/join/*.c)
