# SPDX-License-Identifier: LGPL-2.1-or-later
# No build without a row: each reason of the one table, each other code that hamon logs and each code that its API refuses with stands in the guide, from which
# the journal's catalog and the page's chapters are made, too.
GUIDE ?= docs/TROUBLESHOOTING.md
ALL_EXTRA += $(BUILD)/guide.checked
$(BUILD)/guide.checked: docs/make-troubleshooting hamon/core/reasons_table.h $(GUIDE) $(wildcard hamon/*.c hamon/*/*.c lib/net/*.c)
	@mkdir -p $(@D)
	$(call say,CHECK $(GUIDE))
	$(Q)docs/make-troubleshooting --check --page $(GUIDE)
	@touch $@
