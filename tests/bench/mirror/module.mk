# SPDX-License-Identifier: LGPL-2.1-or-later
#   make bench-mirror [ROUNDS=3] [BENCH_SECONDS=3] [QUICK=1] [ADD=1] [VARIANTS=...] [JOBS=...]     mirrors beside each other in two virtual machines
PROGRAMS += tests/bench/leg-grant
tests/bench/leg-grant_SRCS := tests/bench/mirror/leg-grant.c
tests/bench/leg-grant_ARCHIVES := nbdd_client net wire base
tests/bench/leg-grant_PKGS := libcurl jansson libmicrohttpd gnutls

PROGRAMS += tests/bench/sends
tests/bench/sends_SRCS := tests/bench/mirror/sends.c

INTEGRATION_TESTS += tests/bench/mirror/test-report

.PHONY: bench-mirror
bench-mirror: $(BUILD)/tests/bench/leg-grant $(BUILD)/tests/bench/sends
	@$(MAKE) --no-print-directory deb
	@BUILD=$(BUILD) ROUNDS=$(ROUNDS) BENCH_SECONDS=$(BENCH_SECONDS) QUICK=$(QUICK) ADD=$(ADD) VARIANTS=$(VARIANTS) JOBS='$(JOBS)' RESULTS=$(RESULTS) \
		tests/bench/mirror/bench-mirror
