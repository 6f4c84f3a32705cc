# SPDX-License-Identifier: LGPL-2.1-or-later
INTEGRATION_TESTS += tests/integration/act/test-socket
INTEGRATION_TESTS += tests/integration/act/test-rescue
INTEGRATION_TESTS += tests/integration/act/test-exports
INTEGRATION_TESTS += tests/integration/act/test-addresses
