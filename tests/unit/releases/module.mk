# SPDX-License-Identifier: LGPL-2.1-or-later
# Formats on wires and disks, release by release.
UNIT_TESTS += tests/unit/releases/test_recorded
tests/unit/releases/test_recorded_SRCS := $(addprefix tests/unit/releases/recorded_,messages.c packets.c state.c disk.c nbdd.c) $(addprefix hamon/act/,note.c resync_file.c blank.c direct_io.c)
tests/unit/releases/test_recorded_ARCHIVES := hamon_act_pure hamon_driver hamon_api hamon_join hamon_net hamon_config hamon_verify hamon_core nbdd_core nbdd_client wire net base
tests/unit/releases/test_recorded_PKGS := libsystemd gnutls jansson libmicrohttpd libcurl liburing
