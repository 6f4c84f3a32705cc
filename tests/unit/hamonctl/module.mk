# SPDX-License-Identifier: LGPL-2.1-or-later
UNIT_TESTS += tests/unit/hamonctl/test_adopt_copy
tests/unit/hamonctl/test_adopt_copy_ARCHIVES := hamon_cli
tests/unit/hamonctl/test_adopt_copy_PKGS := gnutls
