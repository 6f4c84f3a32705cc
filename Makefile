# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One non-recursive make. Each folder's module.mk declares what it builds:
#
#   ARCHIVES += base                       a static library build/libbase.a ...
#   base_SRCS := lib/base/buf.c ...        ... from these sources
#
#   PROGRAMS += nbdd                       a program build/nbdd ...
#   nbdd_SRCS := nbdd/main.c ...           ... from these sources,
#   nbdd_ARCHIVES := net wire base         these archives (dependents first)
#   nbdd_PKGS := libmicrohttpd jansson     and these pkg-config packages
#
#   UNIT_TESTS += tests/unit/base/test_ini a cmocka program build/tests/unit/base/test_ini from tests/unit/base/test_ini.c;
#   tests/unit/base/test_ini_ARCHIVES, _PKGS, _SRCS (more sources) as above
#
#   INTEGRATION_TESTS += tests/integration/nbdd/test-clients   an executable, run with BUILD in the environment
#
# Other builds: make SAN=1 (ASan+UBSan into build/san), make TSAN=1 (build/tsan), make MUTANT=name (build/mutant-name, -DMUTANT_name).

VERSION := $(shell cat VERSION)
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
LOCALSTATEDIR ?= /var
RUNSTATEDIR ?= /run
UNITDIR ?= $(PREFIX)/lib/systemd/system
DESTDIR ?=

ifeq ($(origin CC),default)
CC := gcc
endif
BUILD ?= build$(if $(SAN),/san)$(if $(TSAN),/tsan)$(if $(MUTANT),/mutant-$(MUTANT))
CFLAGS ?= -O2 -g
WERROR ?= -Werror

PKG_NAMES := libmicrohttpd jansson libsystemd liburing gnutls libcurl libnl-3.0 libnl-genl-3.0 libnl-route-3.0 devmapper
PKG_CFLAGS := $(shell pkg-config --cflags $(PKG_NAMES) 2>/dev/null)

override CFLAGS += -std=c17 -D_GNU_SOURCE -Ilib -I. -I$(BUILD)/gen $(PKG_CFLAGS) -DNBDD_VERSION='"$(VERSION)"' \
	-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR) \
	-fno-strict-aliasing -fstack-protector-strong -fPIC -pthread
ifdef SAN
override CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
override LDFLAGS += -fsanitize=address,undefined
endif
ifdef TSAN
override CFLAGS += -fsanitize=thread
override LDFLAGS += -fsanitize=thread
endif
ifdef MUTANT
override CFLAGS += -DMUTANT_$(MUTANT)
endif
# V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)')

override LDFLAGS += -pthread -Wl,-z,relro,-z,now,--as-needed

ARCHIVES :=
PROGRAMS :=
UNIT_TESTS :=
INTEGRATION_TESTS :=
ALL_EXTRA :=

.PHONY: all
all:

include $(sort $(wildcard */module.mk */*/module.mk))

objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
libs_of = $(foreach a,$($(1)_ARCHIVES),$(BUILD)/lib$(a).a)
pkgs_of = $(if $($(1)_PKGS),$(shell pkg-config --libs $($(1)_PKGS)))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC    $<)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

define archive_rule
$(BUILD)/lib$(1).a: $(call objs,$($(1)_SRCS))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR    $$@)
	$(Q)$(AR) rcsD $$@ $$^
endef
$(foreach a,$(ARCHIVES),$(eval $(call archive_rule,$(a))))

define program_rule
$(BUILD)/$(1): $(call objs,$($(1)_SRCS)) $(call libs_of,$(1))
	@mkdir -p $$(@D)
	$$(call say,LINK  $$@)
	$(Q)$(CC) $(LDFLAGS) -o $$@ $(call objs,$($(1)_SRCS)) $(call libs_of,$(1)) $(call pkgs_of,$(1)) $($(1)_LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

define unit_rule
$(BUILD)/$(1): $(call objs,$(1).c $($(1)_SRCS)) $(call libs_of,$(1))
	@mkdir -p $$(@D)
	$$(call say,LINK  $$@)
	$(Q)$(CC) $(LDFLAGS) -o $$@ $(call objs,$(1).c $($(1)_SRCS)) $(call libs_of,$(1)) $(call pkgs_of,$(1)) $($(1)_LDLIBS) -lcmocka
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_rule,$(t))))

all: $(addprefix $(BUILD)/,$(PROGRAMS)) $(ALL_EXTRA)

.PHONY: unit integration clean deps
unit: all $(addprefix $(BUILD)/,$(UNIT_TESTS))
	@BUILD=$(BUILD) tests/run unit $(addprefix $(BUILD)/,$(UNIT_TESTS))

# make unit-base: only the tests below tests/unit/base, and only what they need
define unit_area_rule
.PHONY: unit-$(1)
unit-$(1): $(addprefix $(BUILD)/,$(filter tests/unit/$(1)/%,$(UNIT_TESTS)))
	@BUILD=$(BUILD) tests/run unit-$(1) $$^
endef
$(foreach a,$(sort $(foreach t,$(UNIT_TESTS),$(word 3,$(subst /, ,$(t))))),$(eval $(call unit_area_rule,$(a))))

integration: all
	@BUILD=$(BUILD) tests/run integration $(INTEGRATION_TESTS)

# The two commands of the README, on a fresh machine. check: what must be green before anything lands. demo: the whole product, seen from outside.
.PHONY: check demo
check:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j2 all
	@tests/check

demo:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j2 all
	@$(MAKE) --no-print-directory deb
	@tests/vm/demo

deps:
	@deploy/install-deps

clean:
	rm -rf build

ALL_SRCS := $(sort $(foreach a,$(ARCHIVES) $(PROGRAMS) $(UNIT_TESTS),$($(a)_SRCS)) $(addsuffix .c,$(UNIT_TESTS)))
-include $(patsubst %.c,$(BUILD)/obj/%.d,$(ALL_SRCS))
