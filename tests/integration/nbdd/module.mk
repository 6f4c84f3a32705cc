# SPDX-License-Identifier: LGPL-2.1-or-later
INTEGRATION_TESTS += $(addprefix tests/integration/nbdd/test-,admin classic clients config exports faults grants illegal kills libnbdd memory-file openapi protocol slow-disk stale-write structured tls)

# The tests of nbdd again, under sanitizers: ASan and UBSan with both backends, TSan with the thread backend alone, for it cannot see through io_uring.
NBDD_TESTS := $(filter tests/integration/nbdd/%,$(INTEGRATION_TESTS))
.PHONY: nbdd-san nbdd-tsan
nbdd-san:
	@$(MAKE) --no-print-directory -j2 SAN=1 BUILD=build/san build/san/nbdd build/san/libnbdd.so.0
	@BUILD=build/san tests/run nbdd-san $(NBDD_TESTS)
nbdd-tsan:
	@$(MAKE) --no-print-directory -j2 TSAN=1 BUILD=build/tsan build/tsan/nbdd build/tsan/libnbdd.so.0
	@NBDD_TEST_BACKEND=threads BUILD=build/tsan tests/run nbdd-tsan $(NBDD_TESTS)

.PHONY: nbdd-mutants
nbdd-mutants:
	@tests/integration/nbdd/mutants

# A client whose connection dies at random and that writes its blocks anew: 1,000 deaths on each of three kinds, or 10,000.
.PHONY: nbdd-fence nbdd-fence-long
nbdd-fence: $(BUILD)/nbdd
	@NBDD_KILLS=1000 BUILD=$(BUILD) tests/integration/nbdd/test-kills
nbdd-fence-long: $(BUILD)/nbdd
	@NBDD_KILLS=10000 BUILD=$(BUILD) tests/integration/nbdd/test-kills
