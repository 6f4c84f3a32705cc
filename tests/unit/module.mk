# SPDX-License-Identifier: LGPL-2.1-or-later
# Every area declares its cmocka programs in tests/unit/AREA/module.mk.
include $(sort $(wildcard tests/unit/*/module.mk))
