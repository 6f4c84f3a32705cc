# SPDX-License-Identifier: LGPL-2.1-or-later
# make fuzz [FUZZ_SECONDS=60] [FUZZERS=hamon_wire]: libFuzzer (clang) on every decoder. A target is tests/fuzz/fuzz_NAME.c with its sources in
# fuzz_NAME_SRCS (fuzz_NAME_MAX_LEN: of an input, in bytes) and its committed corpus in tests/fuzz/corpus/NAME, which the unit tests replay; new finds go to build/fuzz/NAME.
FUZZERS ?= hamon_wire nbd_session nbd_client nbdd_store nbdd_config nbdd_control nbdd_conn act_packet act_disk acceptor classic classic_client psk
FUZZ_SECONDS ?= 60
fuzz_psk_SRCS := lib/net/psk.c
fuzz_psk_LDLIBS := -lgnutls
fuzz_hamon_wire_SRCS := lib/wire/hamon_wire.c
fuzz_classic_SRCS := lib/wire/classic_wire.c
fuzz_classic_client_SRCS := nbdc/classic_initiate.c lib/net/classic_auth.c lib/net/whole_io.c lib/wire/classic_wire.c lib/base/id.c lib/base/text.c
fuzz_classic_client_LDLIBS := -lgnutls
nbd_wire_SRCS := lib/wire/nbd_wire_option.c lib/wire/nbd_wire_message.c lib/wire/export_name.c lib/base/id.c lib/base/text.c
fuzz_nbd_session_SRCS := nbdd/session.c nbdd/session_options.c $(nbd_wire_SRCS)
fuzz_nbd_client_SRCS := $(nbd_wire_SRCS)
fuzz_nbdd_store_SRCS = $(fuzz_nbdd_control_SRCS)
fuzz_nbdd_store_LDLIBS = $(fuzz_nbdd_control_LDLIBS)
fuzz_nbdd_config_SRCS = $(fuzz_nbdd_control_SRCS)
fuzz_nbdd_config_LDLIBS = $(fuzz_nbdd_control_LDLIBS)
fuzz_nbdd_control_SRCS = $(nbdd_core_SRCS) $(base_SRCS) $(wire_SRCS) $(net_SRCS)
fuzz_nbdd_conn_SRCS = $(fuzz_nbdd_control_SRCS)
fuzz_nbdd_conn_LDLIBS = $(fuzz_nbdd_control_LDLIBS)
fuzz_nbdd_control_LDLIBS := -lmicrohttpd -ljansson -lcurl-gnutls -lgnutls -luring -lsystemd -pthread
fuzz_act_packet_SRCS := hamon/driver/act_codec.c hamon/api/json_take.c hamon/core/effect.c hamon/core/types.c hamon/verify/run.c $(hamon_config_SRCS) $(base_SRCS)
fuzz_act_packet_LDLIBS := -ljansson -lgnutls
fuzz_act_disk_SRCS := $(addprefix hamon/act/,debt.c leg_header.c md_bitmap.c md_super.c) lib/base/statefile.c lib/base/id.c lib/base/text.c
fuzz_act_disk_LDLIBS := -lgnutls
fuzz_act_disk_MAX_LEN := 4096
fuzz_acceptor_SRCS := hamon/driver/acceptor_codec.c hamon/api/json_take.c hamon/core/types.c lib/base/id.c lib/base/text.c
fuzz_acceptor_LDLIBS := -ljansson

build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,FUZZ  $<)
	$(Q)clang -std=c17 -D_GNU_SOURCE -DNBDD_VERSION='"$(VERSION)"' -O1 -g -Ilib -I. -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -MMD -MP -c -o $@ $<
-include $(shell [ ! -d build/fuzz/obj ] || find build/fuzz/obj -name '*.d')

define fuzz_rule
build/fuzz/fuzz_$(1): $(patsubst %.c,build/fuzz/obj/%.o,tests/fuzz/fuzz_$(1).c $(fuzz_$(1)_SRCS))
	$$(call say,LINK  $$@)
	$$(Q)clang -fsanitize=fuzzer,address,undefined -o $$@ $$^ $(fuzz_$(1)_LDLIBS)
.PHONY: fuzz-$(1)
fuzz-$(1): build/fuzz/fuzz_$(1)
	@mkdir -p build/fuzz/$(1)
	cd build/fuzz && ./fuzz_$(1) -max_total_time=$(FUZZ_SECONDS) -max_len=$(or $(fuzz_$(1)_MAX_LEN),2048) -print_final_stats=1 $(1) ../../tests/fuzz/corpus/$(1)
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_rule,$(f))))

.PHONY: fuzz fuzz-build
fuzz-build: $(addprefix build/fuzz/fuzz_,$(FUZZERS))
fuzz: $(addprefix fuzz-,$(FUZZERS))
