# SPDX-License-Identifier: LGPL-2.1-or-later
INTEGRATION_TESTS += tests/integration/nbdc/test-cli tests/integration/nbdc/test-keeper
INTEGRATION_TESTS += tests/integration/nbdc/test-tls
INTEGRATION_TESTS += tests/integration/nbdc/test-classic
