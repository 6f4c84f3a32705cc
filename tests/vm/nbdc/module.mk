# SPDX-License-Identifier: LGPL-2.1-or-later
# nbdc's VM tests: their programs, and the long ones that keep a record.
PROGRAMS += tests/vm/nbdc/tls-strange
tests/vm/nbdc/tls-strange_SRCS := tests/vm/nbdc/tls-strange.c
tests/vm/nbdc/tls-strange_PKGS := gnutls
INTEGRATION_TESTS += tests/vm/nbdc/test-results

# These add a line each to docs/results/nbdc.md (or RESULTS=FILE); KERNEL=6.12 runs the guests on the backported kernel.
#     make nbdc-cuts [CUTS=200] [SEED=hex]                 random cuts under verified writes
#     make soak-ktls [MINUTES=60] [SEED=hex] [RECORDS=20000]   an encrypted connection under verified writes and faults
#     make nbdc-costs                                      processor time of plain and encrypted transfers beside the guest's own cipher
#     make nbdc-times                                      how long requests wait for a restart, a lost link, a frozen peer
.PHONY: nbdc-cuts soak-ktls nbdc-costs nbdc-times
nbdc-cuts soak-ktls nbdc-costs nbdc-times: export RESULTS := $(or $(RESULTS),docs/results/nbdc.md)
# A seed that was asked for; the simulator's own default is not meant.
nbdc_seed = $(if $(filter command environment,$(firstword $(origin SEED))),$(SEED))
nbdc-cuts:
	CUTS=$(or $(CUTS),200) SEED=$(nbdc_seed) tests/vm/nbdc/test-cuts
soak-ktls:
	MINUTES=$(or $(MINUTES),60) SEED=$(nbdc_seed) RECORDS=$(or $(RECORDS),20000) tests/vm/nbdc/soak-ktls
nbdc-costs:
	tests/vm/nbdc/test-ktls costs
nbdc-times:
	tests/vm/nbdc/test-reconnect losses restart move
