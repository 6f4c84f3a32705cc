/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket of one supervised device: RUNDIR/nbdN.sock, root only. Requests are decoded here and answered by
 * the owner, at once or later (a detach). Also holds the lock that keeps a second nbdc away from the same device. The
 * loop's thread.
 */
#ifndef NBDD_NBDC_CONTROL_H
#define NBDD_NBDC_CONTROL_H

#include <stdbool.h>

#include "nbdc/control_codec.h"

struct control;
struct sd_event;

/* Fills *answer and returns true, or returns false: the client then waits for control_answer_waiting(). */
typedef bool (*control_handler)(void *userdata, const struct control_request *request, struct control_answer *answer);

/* Takes the device's lock and binds its socket. -EBUSY: another nbdc has it; other errors are about RUNDIR. */
int control_new(struct sd_event *event, int index, control_handler handler, void *userdata, struct control **ret);

bool control_has_waiting(const struct control *c);
/* Answers every client that waits. */
void control_answer_waiting(struct control *c, const struct control_answer *answer);

/* Removes the socket, too. */
void control_free(struct control *c);

#endif
