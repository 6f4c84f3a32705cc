/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A service over several mirrors: it needs other mirrors beside its own. It runs where all of them are active and their services are up, it starts behind these
 * and stops before them. All mirrors that needs connect are a group, which moves as one: by command, when its service failed too often, and when one of them had
 * to move because of its disk, or came up elsewhere. A fenced node is fenced for all of them, as it reboots.
 *
 * Owns nothing. Reads all machines, and begins a hand-over by struct mirror's `stop`. A mirror that needs nobody and that nobody needs is a group of its own.
 */
#ifndef HAMON_CORE_GROUP_H
#define HAMON_CORE_GROUP_H

#include <stdbool.h>
#include <stdint.h>

struct core;

/* Every mirror that this one's service needs is active here, with its service up. */
bool group_is_here(const struct core *c, uint8_t mirror);

/* Neither stop nor start yet: a service that needs this mirror still runs, or a restarted hamon does not know yet what of the group runs here. */
bool group_holds(const struct core *c, uint8_t mirror);

/* No service that needs this mirror runs here: its array may be stopped. */
bool group_has_let_go(const struct core *c, uint8_t mirror);

/* R4e: the shortest lease of the mirror and of those that its service needs. */
uint64_t group_lease_until_ms(const struct core *c, uint8_t mirror);

/* Every other mirror of the group could be handed over as well, has to be because its own disk failed, or is at the peer already. */
bool group_can_move(const struct core *c, uint8_t mirror);
void group_move(struct core *c, uint8_t mirror); /* with this one all that are active here */
bool group_has_moved(const struct core *c, uint8_t mirror); /* the peer is primary of all others */

/* A part of the group is active at the peer, and this mirror is the one that goes there. */
bool group_follows(const struct core *c, uint8_t mirror);

#endif
