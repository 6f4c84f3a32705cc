# SPDX-License-Identifier: LGPL-2.1-or-later
.PHONY: bench
bench: $(BUILD)/nbdd
	@BUILD=$(BUILD) tests/bench/bench-nbd
include tests/bench/mirror/module.mk
