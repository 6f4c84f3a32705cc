# SPDX-License-Identifier: LGPL-2.1-or-later
# make nbdd-faults [FAULT_CLASSES=alloc,...] [FAULT_STRIDE=1]: build/fault/nbdd is nbdd under ASan whose N-th call fails (fault.c), for each N.
ifdef FAULT
fault_comma := ,
nbdd_SRCS += tests/fault/fault.c
nbdd_LDLIBS := $(addprefix -Wl$(fault_comma)--wrap=,malloc calloc realloc reallocarray posix_memalign strdup strndup asprintf vasprintf read pread recv recvmsg write pwrite pwritev2 fsync fdatasync send sendmsg)
endif

.PHONY: nbdd-faults
nbdd-faults:
	@$(MAKE) --no-print-directory -j2 SAN=1 FAULT=1 BUILD=build/fault build/fault/nbdd
	@BUILD=build/fault tests/fault/test-countdown
