# SPDX-License-Identifier: LGPL-2.1-or-later
# The VM test bed. `tests/vm/bed --help` says how to work with a running trio by hand.

# The service of the cluster's tests, in the guests (tests/vm/cluster/sync_ledger.py).
PROGRAMS += tests/vm/sync-ledger
tests/vm/sync-ledger_SRCS := tests/vm/cluster/sync-ledger.c

.PHONY: vm-image vm-selftest

# The guest image with the packages of build/deb as they are now (`make deb` makes them).
vm-image:
	tests/vm/bed image

vm-selftest:
	tests/run vm tests/vm/test-bed

include tests/vm/contract/module.mk
include tests/vm/nbdc/module.mk
