# SPDX-License-Identifier: LGPL-2.1-or-later
# The VM test bed. `tests/vm/bed --help` says how to work with a running trio by hand.

.PHONY: vm-image vm-selftest

# The guest image with the packages of build/deb as they are now (`make deb` makes them).
vm-image:
	tests/vm/bed image

vm-selftest:
	tests/run vm tests/vm/test-bed

# make soak-ktls [MINUTES=60] [SEED=hex] [RECORDS=20000]: an encrypted connection under verified writes and faults; adds to docs/results/ktls-soak.md.
.PHONY: soak-ktls
soak-ktls:
	MINUTES=$(or $(MINUTES),60) SEED=$(SEED) RECORDS=$(or $(RECORDS),20000) tests/vm/nbdc/soak-ktls

include tests/vm/contract/module.mk
include tests/vm/nbdc/module.mk
