# SPDX-License-Identifier: LGPL-2.1-or-later
nbdd_UNIT_TESTS := $(addprefix tests/unit/nbdd/test_,allow coalesce extents rules session spin store)
UNIT_TESTS += $(nbdd_UNIT_TESTS) tests/unit/wire/test_nbd_wire
$(foreach t,$(nbdd_UNIT_TESTS),$(eval $(t)_ARCHIVES := nbdd_core wire base) $(eval $(t)_PKGS := jansson gnutls))
tests/unit/nbdd/test_session_SRCS := tests/fuzz/fuzz_nbd_session.c
tests/unit/nbdd/test_store_SRCS := tests/fuzz/fuzz_nbdd_store.c
tests/unit/wire/test_nbd_wire_SRCS := tests/fuzz/fuzz_nbd_client.c
tests/unit/wire/test_nbd_wire_ARCHIVES := wire base
tests/unit/wire/test_nbd_wire_PKGS := gnutls
UNIT_TESTS += tests/unit/nbdd/test_client
tests/unit/nbdd/test_client_ARCHIVES := nbdd_core nbdd_client net wire base
tests/unit/nbdd/test_client_PKGS := libmicrohttpd jansson libsystemd liburing libcurl gnutls
nbdd_CORPUS_TESTS := $(addprefix tests/unit/nbdd/test_,config_corpus conn_corpus control_corpus)
UNIT_TESTS += $(nbdd_CORPUS_TESTS)
$(foreach t,$(nbdd_CORPUS_TESTS),$(eval $(t)_ARCHIVES := nbdd_core net wire base) $(eval $(t)_PKGS := libmicrohttpd jansson libsystemd liburing libcurl gnutls))
tests/unit/nbdd/test_config_corpus_SRCS := tests/fuzz/fuzz_nbdd_config.c
tests/unit/nbdd/test_conn_corpus_SRCS := tests/fuzz/fuzz_nbdd_conn.c
tests/unit/nbdd/test_control_corpus_SRCS := tests/fuzz/fuzz_nbdd_control.c
