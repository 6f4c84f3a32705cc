# SPDX-License-Identifier: LGPL-2.1-or-later
INTEGRATION_TESTS += $(addprefix tests/integration/deploy/test-,catalog completion hamon-conf install nftables removal retire)
