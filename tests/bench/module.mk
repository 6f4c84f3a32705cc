# SPDX-License-Identifier: LGPL-2.1-or-later
# make bench [BENCH_ROUNDS=5] [BENCH_SECONDS=2] [BENCH_JOBS=substring,...]: nbdd beside its peers and beside an echo loop; then bench-scale.
# make bench-scale: 100 exports and 100 sessions.
$(BUILD)/bench/echo: tests/bench/echo.c
	@mkdir -p $(@D)
	$(call say,LINK  $@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<

.PHONY: bench bench-scale
bench: $(BUILD)/nbdd $(BUILD)/bench/echo
	@BUILD=$(BUILD) tests/bench/bench-nbd
	@BUILD=$(BUILD) tests/bench/bench-scale

bench-scale: $(BUILD)/nbdd
	@BUILD=$(BUILD) tests/bench/bench-scale
