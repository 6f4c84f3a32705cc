# SPDX-License-Identifier: LGPL-2.1-or-later
# make sim [SEED=1] [SCHEDULES=1000] [SECONDS=0]: whole clusters under virtual time with random faults (tests/sim/sim.h).
PROGRAMS_SIM := sim/sim
sim/sim_SRCS := $(addprefix tests/sim/,sim.c story.c net.c hamon.c disk.c nbd.c md.c act.c machine.c app.c check.c fault.c main.c)
sim/sim_ARCHIVES := wire hamon_core base
PROGRAMS += sim/sim
SEED ?= 1
SCHEDULES ?= 1000
SECONDS ?= 0

.PHONY: sim
sim: $(BUILD)/sim/sim
	$(BUILD)/sim/sim --seed $(SEED) --schedules $(SCHEDULES) --seconds $(SECONDS)
