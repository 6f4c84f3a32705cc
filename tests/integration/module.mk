# SPDX-License-Identifier: LGPL-2.1-or-later
# Every area declares its test programs in tests/integration/AREA/module.mk.
include $(sort $(wildcard tests/integration/*/module.mk))
