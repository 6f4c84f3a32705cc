# SPDX-License-Identifier: LGPL-2.1-or-later
#   make bench-paths [BENCH_MIRRORS="1 2 5"] [WRITE=1]     what one more mirror costs a node with its whole data path, in virtual machines
.PHONY: bench-paths
bench-paths:
	@$(MAKE) --no-print-directory deb
	@BENCH_MIRRORS="$(BENCH_MIRRORS)" WRITE=$(WRITE) RESULTS=$(RESULTS) tests/bench/paths/bench-paths
