# SPDX-License-Identifier: LGPL-2.1-or-later
# hamon's configuration, and the root helper. hamon_act_pure: the codecs and rules that tests and fuzzers link without a machine behind them.
ARCHIVES += hamon_config hamon_act hamon_act_pure
hamon_config_SRCS := hamon/config.c hamon/config_service.c hamon/config_care.c hamon/config_check.c hamon/config_api.c hamon/config_notify.c hamon/config_text.c hamon/config_diff.c hamon/config_remove.c hamon/config_rename.c

hamon_act_pure_SRCS := $(addprefix hamon/act/,address_held.c array_chunk.c attach_words.c debt.c equal_legs.c grants_file.c leg_header.c md_bitmap.c md_super.c progress.c protocol.c resync_pace.c self_guard.c trouble.c turns.c) hamon/api/json_take.c
hamon_act_SRCS := $(addprefix hamon/act/,address.c address_probe.c array.c array_discards.c array_grow.c array_peer.c array_run.c attach.c blank.c bounded.c child.c digest.c direct_io.c discard_proof.c dm.c door.c effects.c effects_array.c \
	effects_debt.c effects_grow.c effects_handover.c effects_leg.c effects_remove.c effects_service.c health.c hold.c holders.c hooks.c leg.c md_sysfs.c member.c mirror.c monitor.c mount.c mount_errors.c nbdd_export.c note.c owed.c own_probe.c peer_guard.c program.c reboot.c resync.c resync_file.c revoke.c server.c service.c thread.c units.c verify_server.c watchdog.c worker.c)

PROGRAMS += hamon-act
hamon-act_SRCS := hamon/act/main.c hamon/identity.c
hamon-act_ARCHIVES := hamon_act hamon_act_pure hamon_config hamon_verify hamon_core nbdd_client nbdc_client net base
hamon-act_PKGS := libsystemd gnutls jansson libmicrohttpd libcurl devmapper libnl-route-3.0 libnl-3.0

# What the VM test drives hamon-act with, inside the machines.
PROGRAMS += tests/vm/act/act-send
tests/vm/act/act-send_SRCS := tests/vm/act/act-send.c

# make vm-act: the debt on real kernels; make vm-act-mutants: the same must go red without it.
.PHONY: vm-act vm-act-mutants
vm-act: $(BUILD)/tests/vm/act/act-send
	@BUILD=$(BUILD) tests/run vm tests/vm/act/test-debt tests/vm/act/test-blank
vm-act-mutants: $(BUILD)/tests/vm/act/act-send
	@BUILD=$(BUILD) NBDD_TEST_TIMEOUT=1800 tests/run vm tests/vm/act/test-mutants
