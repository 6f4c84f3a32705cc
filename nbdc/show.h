/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `nbdc --status`: one model (struct nbdc_status), as a table or as JSON, on stdout. A device that the kernel has
 * configured but that no nbdc supervises is shown, too. For the command line only.
 */
#ifndef NBDD_NBDC_SHOW_H
#define NBDD_NBDC_SHOW_H

#include <stdbool.h>

/* Return the exit status: 0; 3 when the device is neither supervised nor configured. With `json`, one object. */
int show_one(int index, bool json);
/* All devices; with `json`, one array. */
int show_all(bool json);

#endif
