# SPDX-License-Identifier: LGPL-2.1-or-later
UNIT_TESTS += tests/unit/nbdc/test_negotiate tests/unit/nbdc/test_supervise tests/unit/nbdc/test_control_codec \
	tests/unit/nbdc/test_progress tests/unit/nbdc/test_liveness

tests/unit/nbdc/test_negotiate_SRCS := nbdc/negotiate.c
tests/unit/nbdc/test_negotiate_ARCHIVES := wire base
tests/unit/nbdc/test_negotiate_PKGS := gnutls

tests/unit/nbdc/test_supervise_SRCS := nbdc/supervise.c

tests/unit/nbdc/test_control_codec_ARCHIVES := nbdc_client base
tests/unit/nbdc/test_control_codec_PKGS := jansson gnutls

tests/unit/nbdc/test_progress_SRCS := nbdc/device.c nbdc/queue.c

UNIT_TESTS += tests/unit/nbdc/test_classic_client
tests/unit/nbdc/test_classic_client_SRCS := tests/fuzz/fuzz_classic_client.c nbdc/classic_initiate.c
tests/unit/nbdc/test_classic_client_ARCHIVES := net wire base
tests/unit/nbdc/test_classic_client_PKGS := libmicrohttpd libcurl jansson gnutls
