# SPDX-License-Identifier: LGPL-2.1-or-later
INTEGRATION_TESTS += $(addprefix tests/integration/nbdd/test-,admin classic clients config exports faults grants kills libnbdd openapi protocol slow-disk stale-write structured tls)

.PHONY: nbdd-mutants
nbdd-mutants:
	@tests/integration/nbdd/mutants
