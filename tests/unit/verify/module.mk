# SPDX-License-Identifier: LGPL-2.1-or-later
verify_UNIT_TESTS := $(addprefix tests/unit/verify/test_,ask run)
UNIT_TESTS += $(verify_UNIT_TESTS)
$(foreach t,$(verify_UNIT_TESTS),$(eval $(t)_ARCHIVES := hamon_verify hamon_core base) $(eval $(t)_PKGS := gnutls jansson))
