# SPDX-License-Identifier: LGPL-2.1-or-later
# make model [MODEL_SECONDS=1200] [MODEL_MIB=16384]: record, grant and debt under SPIN, to the largest bounds that end in that time and memory.
# make model-small: the same within small bounds, in less than a minute.
.PHONY: model model-small
model:
	@BUILD=$(BUILD) tests/model/run full

model-small:
	@BUILD=$(BUILD) tests/model/run small
