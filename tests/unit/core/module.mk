# SPDX-License-Identifier: LGPL-2.1-or-later
core_record_TESTS := $(addprefix tests/unit/core/test_,change record lease)
UNIT_TESTS += $(core_record_TESTS) tests/unit/core/test_purity
$(foreach t,$(core_record_TESTS),$(eval $(t)_ARCHIVES := hamon_core base) $(eval $(t)_SRCS := tests/unit/core/trio.c))
tests/unit/core/test_purity_ARCHIVES := hamon_core base

# Scenarios of the whole core in a small model world (fixture.h).
core_world_TESTS := $(addprefix tests/unit/core/test_,takeover faults restarts disk_faults commands create switchover switchover_disks tables torture scenarios observed manual resync maintenance service fence_test force grow remove group)
UNIT_TESTS += $(core_world_TESTS)
$(foreach t,$(core_world_TESTS),$(eval $(t)_ARCHIVES := hamon_core base) $(eval $(t)_SRCS := tests/unit/core/fixture.c tests/unit/core/fixture_node.c))

# The simulator (tests/sim) for some seconds.
UNIT_TESTS += tests/unit/core/test_sim
$(BUILD)/tests/unit/core/test_sim: $(BUILD)/sim/sim

# Breakages that only unit tests see; the simulator has its own (make mutants).
.PHONY: unit-mutants
unit-mutants: $(BUILD)/libhamon_core.a $(BUILD)/libbase.a
	BUILD=$(BUILD) tests/unit/core/mutants $(MUTANTS)
