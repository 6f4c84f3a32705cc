/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who this machine is in the configuration: its voter index, by host name or by --node. Logs what is wrong. Called by hamon's main and
 * hamonctl before anything else.
 */
#ifndef HAMON_IDENTITY_H
#define HAMON_IDENTITY_H

#include "hamon/config.h"

/*
 * `name`: of --node, or NULL for the host name. `witness`: this is the witness's program; it and the nodes' program are never mixed up,
 * so that no machine votes twice. Voter index; -ENOENT (no such name) or -ENOTSUP (it has the other role), with one sentence in `ret_why`.
 */
int identity_find(const struct config *c, const char *name, bool witness, char *ret_why, size_t why_bytes);

/*
 * The witness of a cluster on a machine that is the witness of many, whatever it is called. Index; -ENOENT (no witness in this configuration), or
 * -ENOTSUP when the machine is named like one of the cluster's nodes: then it would vote twice.
 */
int identity_find_witness(const struct config *c, char *ret_why, size_t why_bytes);

#endif
