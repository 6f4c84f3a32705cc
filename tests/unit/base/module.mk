# SPDX-License-Identifier: LGPL-2.1-or-later
base_UNIT_TESTS := $(addprefix tests/unit/base/test_,bytes id text statefile ini cli log process priority)
UNIT_TESTS += $(base_UNIT_TESTS)
$(foreach t,$(base_UNIT_TESTS),$(eval $(t)_ARCHIVES := base) $(eval $(t)_PKGS := gnutls))
