# SPDX-License-Identifier: LGPL-2.1-or-later
# hamon's configuration, and the root helper. hamon_act_pure: the codecs and rules that tests and fuzzers link without a machine behind them.
ARCHIVES += hamon_config hamon_act hamon_act_pure
hamon_config_SRCS := hamon/config.c hamon/config_service.c hamon/config_check.c

hamon_act_pure_SRCS := $(addprefix hamon/act/,debt.c leg_header.c md_bitmap.c md_super.c progress.c protocol.c trouble.c) hamon/api/json_take.c
hamon_act_SRCS := $(addprefix hamon/act/,address.c array.c array_peer.c attach.c child.c direct_io.c dm.c effects.c effects_array.c \
	effects_leg.c leg.c md_sysfs.c member.c mirror.c monitor.c nbdd_export.c note.c reboot.c revoke.c server.c service.c units.c worker.c)

PROGRAMS += hamon-act
hamon-act_SRCS := hamon/act/main.c hamon/identity.c
hamon-act_ARCHIVES := hamon_act hamon_act_pure hamon_config hamon_core nbdd_client nbdc_client net base
hamon-act_PKGS := libsystemd gnutls jansson libmicrohttpd libcurl devmapper libnl-route-3.0 libnl-3.0

# What the VM test drives hamon-act with, inside the machines.
PROGRAMS += tests/vm/act/act-send
tests/vm/act/act-send_SRCS := tests/vm/act/act-send.c
