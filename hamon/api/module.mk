# SPDX-License-Identifier: LGPL-2.1-or-later
# Snapshot, events, commands, routes; needs hamon_net hamon_config hamon_verify hamon_core net base, and jansson libsystemd libmicrohttpd gnutls.
ARCHIVES += hamon_api
hamon_api_SRCS := $(wildcard hamon/api/*.c)

# Compiled in by .incbin, which the compiler's dependencies do not show.
$(BUILD)/obj/hamon/api/embedded.o: $(wildcard webui/*) docs/openapi.yaml docs/openapi.json docs/TROUBLESHOOTING.md
