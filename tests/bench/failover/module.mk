# SPDX-License-Identifier: LGPL-2.1-or-later
#   make bench-failover [RUNS=30] [STACKS=ours,postgresql,pacemaker] [EVENTS=power-cut,...] [MINUTES=] [ADD=1] [REPORT=1]     failover beside DRBD + Pacemaker, in virtual machines
INTEGRATION_TESTS += tests/bench/failover/test-report

.PHONY: bench-failover
bench-failover: $(BUILD)/tests/vm/sync-ledger
	@$(MAKE) --no-print-directory deb
	@BUILD=$(BUILD) RUNS=$(RUNS) STACKS=$(STACKS) EVENTS=$(EVENTS) MINUTES=$(MINUTES) ADD=$(ADD) REPORT=$(REPORT) RESULTS=$(RESULTS) \
		tests/bench/failover/bench-failover
