# SPDX-License-Identifier: LGPL-2.1-or-later
# make codecs-s390x: the codecs of the wire and of the disk on a big-endian machine. The unit tests with their golden bytes and the fuzzers' corpora,
# linked statically for s390x and run by qemu-user.
S390X_CC ?= s390x-linux-gnu-gcc
S390X_RUN ?= qemu-s390x-static
CODEC_TESTS := base/test_bytes base/test_id base/test_text wire/test_nbd_wire wire/test_hamon_wire nbdd/test_session act/test_md
codec_wire_SRCS := $(wildcard lib/wire/*.c) lib/base/id.c lib/base/text.c
wire/test_nbd_wire_CODEC_SRCS := tests/fuzz/fuzz_nbd_client.c
wire/test_hamon_wire_CODEC_SRCS := tests/fuzz/fuzz_hamon_wire.c hamon/core/types.c
nbdd/test_session_CODEC_SRCS := tests/fuzz/fuzz_nbd_session.c nbdd/session.c nbdd/session_options.c
act/test_md_CODEC_SRCS := hamon/act/md_super.c hamon/act/md_bitmap.c

define codec_rule
build/s390x/$(1): tests/unit/$(1).c $$($(1)_CODEC_SRCS) $(codec_wire_SRCS) tests/codecs/cmocka.h
	@mkdir -p $$(@D)
	$$(call say,S390X $(1))
	$$(Q)$(S390X_CC) -std=c17 -D_GNU_SOURCE -O1 -g -Itests/codecs -Ilib -I. -Wall -Wextra -Werror -fno-strict-aliasing -static -o $$@ $$(filter %.c,$$^)
endef
$(foreach t,$(CODEC_TESTS),$(eval $(call codec_rule,$(t))))

.PHONY: codecs-s390x
codecs-s390x: $(addprefix build/s390x/,$(CODEC_TESTS))
	@bad=0; for t in $^; do echo "== $$t"; $(S390X_RUN) $$t || bad=1; done; \
	[ $$bad -eq 0 ] && echo "codecs-s390x: all green on a big-endian machine"
