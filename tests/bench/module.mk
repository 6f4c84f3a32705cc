# SPDX-License-Identifier: LGPL-2.1-or-later
# make bench [BENCH_ROUNDS=5] [BENCH_SECONDS=2] [BENCH_JOBS=substring,...]: nbdd beside its peers and beside an echo loop; then bench-scale.
# make bench-scale [BENCH_EXPORTS="1 10 50 100"]: what one more export and session cost nbdd, into docs/results/exports.md.
# make bench-witness [BENCH_CLUSTERS="1 10 50 100 200"] [BENCH_SECONDS=10]: one machine as the witness of many clusters, into docs/results/witness.md.
# make bench-mirrors [BENCH_MIRRORS="1 5 10 20"]: what one more mirror costs hamon, into docs/results/mirrors.md. WRITE=1 writes the reports of these three.
$(BUILD)/bench/echo: tests/bench/echo.c
	@mkdir -p $(@D)
	$(call say,LINK  $@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<

PROGRAMS += bench/nodes
bench/nodes_SRCS := tests/bench/nodes.c
bench/nodes_ARCHIVES := hamon_net hamon_config hamon_verify wire hamon_core base
bench/nodes_PKGS := gnutls libsystemd

.PHONY: bench bench-scale bench-witness bench-mirrors
bench: $(BUILD)/nbdd $(BUILD)/bench/echo
	@BUILD=$(BUILD) tests/bench/bench-nbd
	@BUILD=$(BUILD) tests/bench/bench-scale

bench-scale: $(BUILD)/nbdd
	@BUILD=$(BUILD) tests/bench/bench-scale

bench-witness: $(BUILD)/hamon $(BUILD)/hamonctl $(BUILD)/bench/nodes
	@BUILD=$(BUILD) tests/bench/bench-witness

bench-mirrors: $(BUILD)/hamon $(BUILD)/hamonctl
	@BUILD=$(BUILD) tests/bench/bench-mirrors

include $(sort $(wildcard tests/bench/*/module.mk))
