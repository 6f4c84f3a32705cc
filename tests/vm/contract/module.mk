# SPDX-License-Identifier: LGPL-2.1-or-later
# make contract [KERNEL=6.12]: what the product relies on in the kernel, shown in a machine of its own.
PROGRAMS += tests/vm/contract/nbd-probe
tests/vm/contract/nbd-probe_SRCS := tests/vm/contract/nbd-probe.c
tests/vm/contract/nbd-probe_PKGS := libnl-genl-3.0 libnl-3.0

.PHONY: contract
contract: $(BUILD)/tests/vm/contract/nbd-probe deb
	@BUILD=$(BUILD) NBDD_TEST_TIMEOUT=2400 tests/run vm tests/vm/contract/test-nbd tests/vm/contract/test-md
