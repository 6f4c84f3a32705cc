/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the models tell the checkers of promises and rules, the faults and the scripts: here nobody listens, for the cores are other processes. */
#include "tests/sim/cover.h"
#include "tests/sim/sim.h"

void check_assemble(struct sim *s, uint8_t node, uint64_t epoch) { (void)s, (void)node, (void)epoch; }
void check_flushed(struct sim *s) { (void)s; }
void check_acknowledged(struct sim *s, uint8_t node, unsigned block, uint64_t order) { (void)s, (void)node, (void)block, (void)order; }
void check_completed(struct sim *s, uint8_t node, uint64_t epoch, unsigned block, uint64_t order) { (void)s, (void)node, (void)epoch, (void)block, (void)order; }
void check_service_start(struct sim *s, uint8_t node, uint64_t epoch) { (void)s, (void)node, (void)epoch; }
void check_both(struct sim *s, uint8_t n, uint64_t epoch) { (void)s, (void)n, (void)epoch; }
void check_own_failure(struct sim *s, uint8_t node) { (void)s, (void)node; }
void check_progress(struct sim *s, uint8_t node) { (void)s, (void)node; }
void check_address(struct sim *s, uint8_t node) { (void)s, (void)node; }
void check_debt_drop(struct sim *s, uint8_t node) { (void)s, (void)node; }
void check_stop_without_own(struct sim *s, uint8_t node, uint64_t version) { (void)s, (void)node, (void)version; }
void check_detach(struct sim *s, uint8_t node, uint64_t version) { (void)s, (void)node, (void)version; }

void rules_hamon_dies(struct sim *s, uint8_t node) { (void)s, (void)node; }
void rules_address(struct sim *s, uint8_t node) { (void)s, (void)node; }
void rules_assemble(struct sim *s, uint8_t node) { (void)s, (void)node; }
void rules_leg_add(struct sim *s, uint8_t node, bool whole) { (void)s, (void)node, (void)whole; }
void rules_resync(struct sim *s, uint8_t node) { (void)s, (void)node; }

void cover_rule(enum rule rule) { (void)rule; }
bool ambush_effect(struct sim *s, uint8_t node) { return (void)s, (void)node, false; }
void script(struct sim *s, const char *verb, uint8_t node, uint8_t other) { (void)s, (void)verb, (void)node, (void)other; }
void fault_own_disk(struct sim *s, uint8_t node, uint64_t a, uint64_t b) { (void)s, (void)node, (void)a, (void)b; }
