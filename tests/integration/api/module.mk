# SPDX-License-Identifier: LGPL-2.1-or-later
INTEGRATION_TESTS += $(addprefix tests/integration/api/test-,verify replace)
INTEGRATION_TESTS += $(addprefix tests/integration/api/test-,contract hamonctl bundle join invitations cluster changes config exports orchestrate access load alerts dashboard hostile events notify certificate service)
INTEGRATION_TESTS += tests/integration/api/test-force
INTEGRATION_TESTS += tests/integration/api/test-operations
INTEGRATION_TESTS += tests/integration/api/test-remove
INTEGRATION_TESTS += tests/integration/api/test-rename
INTEGRATION_TESTS += tests/integration/api/test-group
