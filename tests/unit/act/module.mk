# SPDX-License-Identifier: LGPL-2.1-or-later
act_UNIT_TESTS := $(addprefix tests/unit/act/test_,leg_header md debt equal_legs protocol resync config machine self_guard digest disk_corpus address_held turns)
UNIT_TESTS += $(act_UNIT_TESTS)
$(foreach t,$(act_UNIT_TESTS),$(eval $(t)_ARCHIVES := hamon_act_pure hamon_config hamon_verify hamon_core wire base) $(eval $(t)_PKGS := gnutls jansson))
tests/unit/act/test_disk_corpus_SRCS := tests/fuzz/fuzz_act_disk.c
tests/unit/act/test_protocol_SRCS := hamon/driver/act_codec.c
tests/unit/act/test_resync_SRCS := hamon/act/resync_file.c
tests/unit/act/test_digest_SRCS := $(addprefix hamon/act/,digest.c hold.c blank.c direct_io.c leg.c md_sysfs.c member.c)
tests/unit/act/test_machine_SRCS := hamon/act/md_sysfs.c hamon/act/service.c hamon/act/mount.c hamon/act/mount_errors.c hamon/act/units.c hamon/act/address.c hamon/act/address_probe.c hamon/act/holders.c hamon/act/child.c hamon/act/direct_io.c \
	hamon/act/member.c hamon/act/leg.c hamon/act/blank.c
tests/unit/act/test_machine_PKGS := gnutls jansson libsystemd libnl-route-3.0 libnl-3.0

# What the VM and namespace tests drive addresses with.
PROGRAMS += tests/integration/act/address-tool
tests/integration/act/address-tool_SRCS := tests/integration/act/address-tool.c hamon/act/address.c hamon/act/address_probe.c hamon/act/service.c hamon/act/mount.c hamon/act/mount_errors.c hamon/act/md_sysfs.c hamon/act/units.c hamon/act/holders.c hamon/act/child.c
tests/integration/act/address-tool_ARCHIVES := hamon_act_pure hamon_config hamon_verify hamon_core wire base
tests/integration/act/address-tool_PKGS := gnutls jansson libsystemd libnl-route-3.0 libnl-3.0

# What takes an export away in a test with a real nbdd.
PROGRAMS += tests/integration/act/export-tool
tests/integration/act/export-tool_SRCS := tests/integration/act/export-tool.c hamon/act/nbdd_export.c
tests/integration/act/export-tool_ARCHIVES := hamon_act_pure nbdd_client net wire base
tests/integration/act/export-tool_PKGS := libmicrohttpd jansson libcurl gnutls

UNIT_TESTS += tests/unit/act/test_service_parts
tests/unit/act/test_service_parts_SRCS := hamon/act/address.c hamon/act/address_probe.c hamon/act/holders.c
tests/unit/act/test_service_parts_ARCHIVES := hamon_act_pure hamon_config hamon_verify hamon_core wire base
tests/unit/act/test_service_parts_PKGS := gnutls jansson libnl-route-3.0 libnl-3.0

UNIT_TESTS += tests/unit/act/test_note
tests/unit/act/test_note_SRCS := hamon/act/note.c
tests/unit/act/test_note_ARCHIVES := base
tests/unit/act/test_note_PKGS := gnutls

UNIT_TESTS += tests/unit/act/test_discard_proof
tests/unit/act/test_discard_proof_SRCS := hamon/act/discard_proof.c hamon/act/direct_io.c

UNIT_TESTS += tests/unit/act/test_peer_guard
tests/unit/act/test_peer_guard_SRCS := hamon/act/peer_guard.c
tests/unit/act/test_peer_guard_ARCHIVES := nbdc_client base
tests/unit/act/test_peer_guard_PKGS := jansson gnutls

# Health check and hooks, with programs of the test's own.
UNIT_TESTS += tests/unit/act/test_programs
tests/unit/act/test_programs_SRCS := $(addprefix hamon/act/,program.c child.c health.c hooks.c thread.c service.c mount.c mount_errors.c md_sysfs.c units.c address.c address_probe.c holders.c)
tests/unit/act/test_programs_ARCHIVES := hamon_act_pure hamon_config hamon_verify hamon_core wire base
tests/unit/act/test_programs_PKGS := gnutls jansson libsystemd libnl-route-3.0 libnl-3.0

UNIT_TESTS += tests/unit/act/test_stop
tests/unit/act/test_stop_SRCS := hamon/act/service.c hamon/act/mount.c hamon/act/mount_errors.c hamon/act/md_sysfs.c hamon/act/units.c hamon/act/address.c hamon/act/address_probe.c hamon/act/holders.c hamon/act/child.c
tests/unit/act/test_stop_ARCHIVES := hamon_act_pure hamon_config hamon_verify hamon_core wire base
tests/unit/act/test_stop_PKGS := gnutls jansson libsystemd libnl-route-3.0 libnl-3.0

UNIT_TESTS += tests/unit/act/test_dm_mapping
tests/unit/act/test_dm_mapping_ARCHIVES := base

UNIT_TESTS += tests/unit/act/test_owed
tests/unit/act/test_owed_SRCS := $(addprefix hamon/act/,owed.c member.c direct_io.c)
tests/unit/act/test_owed_ARCHIVES := hamon_act_pure hamon_config hamon_verify hamon_core wire base
tests/unit/act/test_owed_PKGS := gnutls jansson

UNIT_TESTS += tests/unit/act/test_watchdog
tests/unit/act/test_watchdog_SRCS := hamon/act/watchdog.c hamon/act/thread.c
tests/unit/act/test_watchdog_ARCHIVES := hamon_act_pure base
