# SPDX-License-Identifier: LGPL-2.1-or-later
# Everything but main() is an archive, so that the tests can draw a status.
ARCHIVES += hamon_cli
hamon_cli_SRCS := $(filter-out hamon/hamonctl/main.c,$(wildcard hamon/hamonctl/*.c)) hamon/api/certificate.c hamon/api/bundle_logs.c hamon/identity.c

PROGRAMS += hamonctl
hamonctl_SRCS := hamon/hamonctl/main.c
hamonctl_ARCHIVES := hamon_cli hamon_join hamon_net hamon_config hamon_verify hamon_core net base
hamonctl_PKGS := gnutls jansson libsystemd libmicrohttpd libcurl
