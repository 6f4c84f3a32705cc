# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon around the pure core.
ARCHIVES += hamon_driver
hamon_driver_SRCS := $(wildcard hamon/driver/*.c) hamon/identity.c

PROGRAMS += hamon
hamon_SRCS := hamon/main.c
hamon_ARCHIVES := hamon_driver hamon_api hamon_join hamon_net hamon_config hamon_verify hamon_core nbdd_client wire net base
hamon_PKGS := libsystemd gnutls jansson libmicrohttpd libcurl
