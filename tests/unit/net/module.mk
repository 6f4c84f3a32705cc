# SPDX-License-Identifier: LGPL-2.1-or-later
net_UNIT_TESTS := $(addprefix tests/unit/net/test_,problem unix_listen http http_hostile http_later classic_relay tls)
UNIT_TESTS += $(net_UNIT_TESTS)
$(foreach t,$(net_UNIT_TESTS),$(eval $(t)_ARCHIVES := net wire base) $(eval $(t)_PKGS := libmicrohttpd libcurl jansson gnutls))
tests/unit/net/test_classic_relay_SRCS := tests/fuzz/fuzz_classic.c
tests/unit/net/test_http_SRCS := tests/unit/net/fixture.c
tests/unit/net/test_http_hostile_SRCS := tests/unit/net/fixture.c
tests/unit/net/test_tls_SRCS := tests/unit/net/pki.c tests/fuzz/fuzz_psk.c

UNIT_TESTS += tests/unit/net/test_json_text
tests/unit/net/test_json_text_SRCS := lib/net/json_text.c
tests/unit/net/test_json_text_PKGS := jansson
