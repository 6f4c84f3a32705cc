/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `nbdc --detach` of a device that the kernel has but no nbdc supervises, with the help of what its keeper holds. For
 * the command line only.
 */
#ifndef NBDD_NBDC_ORPHAN_H
#define NBDD_NBDC_ORPHAN_H

#include <stdbool.h>

/*
 * The same rules as a supervised detach: without `decided` only under the optional policy, -EPERM. Without a keeper the
 * connection cannot be shut first and the kernel might never return: -EPERM, too. `ret_error` has NBDC_ERROR_SIZE
 * bytes.
 */
int orphan_detach(int index, bool decided, char *ret_error);

#endif
