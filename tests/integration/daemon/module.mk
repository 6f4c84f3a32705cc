# SPDX-License-Identifier: LGPL-2.1-or-later
INTEGRATION_TESTS += $(addprefix tests/integration/daemon/test-,trio families failover keys manual many-clusters refusals)
