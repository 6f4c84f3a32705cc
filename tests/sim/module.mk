# SPDX-License-Identifier: LGPL-2.1-or-later
# make sim [SEED=1] [SCHEDULES=1000] [SECONDS=0] [SINGLE=1] [MAINTENANCE=1]: whole clusters under virtual time with random faults (tests/sim/sim.h).
# make mutants [MUTANT_SCHEDULES=60000] [MUTANTS="a b"]: the simulator must find each deliberate breakage of the core and of its models.
PROGRAMS += sim/sim
sim/sim_SRCS := $(addprefix tests/sim/,sim.c story.c net.c hamon.c disk.c nbd.c md.c act.c worker.c observe.c machine.c app.c check.c rules.c cover.c clock.c ambush.c operator.c script.c fault.c memory.c schedule.c main.c)
sim/sim_ARCHIVES := wire hamon_core base
sim/sim_LDLIBS := -Wl,--wrap=table_find # cover.c counts

# The models beside real hamons (tests/sim/machines/machines.h): what the page is shown with.
PROGRAMS += sim/machines
sim/machines_SRCS := $(addprefix tests/sim/,machines/machines.c machines/verify.c machines/unchecked.c sim.c story.c net.c disk.c nbd.c md.c act.c worker.c observe.c machine.c app.c clock.c)
sim/machines_ARCHIVES := hamon_act_pure hamon_config hamon_verify wire hamon_core net base
sim/machines_PKGS := jansson gnutls libmicrohttpd

SEED ?= 1
SCHEDULES ?= 1000
SECONDS ?= 0
MUTANT_SCHEDULES ?= 60000
MUTANTS ?=

.PHONY: sim sim-check sim-pauses sim-coverage sim-scenario mutants
sim: $(BUILD)/sim/sim
	$(BUILD)/sim/sim --seed $(SEED) --schedules $(SCHEDULES) --seconds $(SECONDS) $(if $(SINGLE),--single) $(if $(MAINTENANCE),--maintenance)

# A bounded part of it, in make check.
sim-check: $(BUILD)/sim/sim
	@BUILD=$(BUILD) tests/run sim tests/sim/test-schedules

# Which rows of the core's tables, rules and pairs of faults were never reached (tests/sim/unreached: those that cannot be, with reasons).
sim-coverage: $(BUILD)/sim/sim
	$(BUILD)/sim/sim --seed $(SEED) --schedules $(SCHEDULES) --coverage tests/sim/unreached

# The faults of one seed as a golden scenario, played in the smaller model world: tests/scenario/NAME.txt, to be given its first line by hand.
NAME ?= seed-$(SEED)
sim-scenario: $(BUILD)/sim/sim $(BUILD)/tests/unit/core/test_scenarios
	$(BUILD)/sim/sim --scenario --seed $(SEED) --schedules 1 > tests/scenario/$(NAME).txt
	SCENARIO_UPDATE=1 $(BUILD)/tests/unit/core/test_scenarios
	@echo "tests/scenario/$(NAME).txt: say in its first line what it shows"

# How long one fault of each kind stops the service.
sim-pauses: $(BUILD)/sim/sim
	$(BUILD)/sim/sim --pauses --seed $(SEED) --schedules 200

mutants: $(BUILD)/sim/sim
	BUILD=$(BUILD) tests/sim/mutants $(MUTANT_SCHEDULES) $(MUTANTS)
