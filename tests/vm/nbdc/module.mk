# SPDX-License-Identifier: LGPL-2.1-or-later
# Programs of nbdc's VM tests.
PROGRAMS += tests/vm/nbdc/tls-strange
tests/vm/nbdc/tls-strange_SRCS := tests/vm/nbdc/tls-strange.c
tests/vm/nbdc/tls-strange_PKGS := gnutls
