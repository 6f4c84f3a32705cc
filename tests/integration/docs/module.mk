# SPDX-License-Identifier: LGPL-2.1-or-later
# The documentation against the source.
INTEGRATION_TESTS += $(addprefix tests/integration/docs/test-,reasons examples rules bugs seed troubleshooting)
