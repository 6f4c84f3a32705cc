# SPDX-License-Identifier: LGPL-2.1-or-later
.PHONY: vm-smoke
vm-smoke: deb
	@BUILD=$(BUILD) tests/run vm tests/vm/smoke
