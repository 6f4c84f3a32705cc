# SPDX-License-Identifier: LGPL-2.1-or-later
# Chaos: the whole cluster in virtual machines under load and faults that a seed draws (tests/chaos/chaos --help).
#   make chaos MINUTES=60 SEED=7 [PG=1] [KINDS=power-cut,kill] [LONGEST=12]     again: the same SEED draws the same faults; the report goes to docs/results
PROGRAMS += tests/chaos/chaos-load
tests/chaos/chaos-load_SRCS := tests/chaos/load.c tests/chaos/block.c

.PHONY: chaos
chaos: $(BUILD)/tests/chaos/chaos-load
	@$(MAKE) --no-print-directory deb
	tests/chaos/chaos --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1) $(if $(PG),--postgres) $(if $(KINDS),--kinds $(KINDS)) $(if $(LONGEST),--longest $(LONGEST)) \
		--results $(or $(RESULTS),docs/results)
# The same with the product broken on purpose: each must be found.
.PHONY: chaos-mutants
chaos-mutants: $(BUILD)/tests/chaos/chaos-load
	@$(MAKE) --no-print-directory deb
	tests/chaos/test-mutants $(MUTANTS)

INTEGRATION_TESTS += tests/chaos/test-model tests/chaos/test-load tests/chaos/test-disk
