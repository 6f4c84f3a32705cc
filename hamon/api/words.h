/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words of the enumerations that status, events and API print. Pure. Any thread. */
#ifndef HAMON_API_WORDS_H
#define HAMON_API_WORDS_H

#include "hamon/core/core.h"

const char *severity_word(enum severity s);
const char *health_word(enum health h);
const char *role_word(enum node_role r);
const char *resync_wish_word(enum resync_wish w); /* " pause", " resume", " rate": behind the command's word */
const char *command_word(enum command_type c);

/* Of a forecast: the node that its sentence names, which is the one that would fail where it has to come back, else the one that is left. */
uint8_t forecast_subject(enum reason r, uint8_t fails, uint8_t left);

#endif
