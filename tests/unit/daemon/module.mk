# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon around hamon's core: links, driver, API, renderers.
daemon_UNIT_TESTS := $(addprefix tests/unit/daemon/test_,seal session links acceptor act_codec act_client deferred writer sentence event_log event_file notify_queue journal status_text preflight_text retire replace api_parts config_text differences resync_why)
UNIT_TESTS += $(daemon_UNIT_TESTS)
$(foreach t,$(daemon_UNIT_TESTS),$(eval $(t)_ARCHIVES := hamon_cli hamon_driver hamon_api hamon_join hamon_net hamon_config hamon_verify hamon_core nbdd_client wire net base) \
	$(eval $(t)_PKGS := libsystemd gnutls jansson libmicrohttpd libcurl))
tests/unit/daemon/test_act_codec_SRCS := tests/fuzz/fuzz_act_packet.c
tests/unit/daemon/test_acceptor_SRCS := tests/fuzz/fuzz_acceptor.c
