/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between fixture.c (time, messages, machines) and fixture_node.c (what runs on a node) only. */
#ifndef TESTS_UNIT_CORE_FIXTURE_NODE_H
#define TESTS_UNIT_CORE_FIXTURE_NODE_H

#include "tests/unit/core/fixture.h"

/* fixture.c */
void fixture_enqueue_later(struct world *w, uint8_t to, const struct event *e, uint64_t delay_ms);
void fixture_enqueue(struct world *w, uint8_t to, const struct event *e);
void fixture_say(const struct world *w, uint8_t voter, const char *format, ...) __attribute__((format(printf, 3, 4)));
uint8_t fixture_other(uint8_t node);

/* fixture_node.c */
void fixture_look_at_md(struct world *w, uint8_t node);
void fixture_observe(struct world *w, uint8_t node);
void fixture_work(struct world *w, uint8_t node);
void fixture_effect(struct world *w, uint8_t node, const struct effect *f);

#endif
