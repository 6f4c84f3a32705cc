# SPDX-License-Identifier: LGPL-2.1-or-later
# make bench [BENCH_ROUNDS=5] [BENCH_SECONDS=2] [BENCH_JOBS=substring,...]: nbdd beside its peers and beside an echo loop.
$(BUILD)/bench/echo: tests/bench/echo.c
	@mkdir -p $(@D)
	$(call say,LINK  $@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<

.PHONY: bench
bench: $(BUILD)/nbdd $(BUILD)/bench/echo
	@BUILD=$(BUILD) tests/bench/bench-nbd
include tests/bench/mirror/module.mk
