# SPDX-License-Identifier: LGPL-2.1-or-later
# check: what must be green before anything lands. demo: the whole product, seen from outside.
.PHONY: check demo vm-smoke
check:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j2 all
	@tests/check

vm-smoke: deb
	@BUILD=$(BUILD) tests/run vm tests/vm/smoke

demo:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j2 all
	@$(MAKE) --no-print-directory deb
	@tests/vm/demo
