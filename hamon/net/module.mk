# SPDX-License-Identifier: LGPL-2.1-or-later
# Heartbeat links; a program that uses it links gnutls and libsystemd.
ARCHIVES += hamon_net
hamon_net_SRCS := $(wildcard hamon/net/*.c)
