# SPDX-License-Identifier: LGPL-2.1-or-later
# The VM test bed. `tests/vm/bed --help` says how to work with a running trio by hand.

.PHONY: vm-image vm-selftest

# The guest image with the packages of build/deb as they are now (`make deb` makes them).
vm-image:
	tests/vm/bed image

vm-selftest:
	tests/run vm tests/vm/test-bed

include tests/vm/contract/module.mk
include tests/vm/nbdc/module.mk
