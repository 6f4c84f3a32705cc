/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two processes of classic.h agree on. Private to classic_*.c. */
#ifndef NBDD_NBDC_CLASSIC_INTERNAL_H
#define NBDD_NBDC_CLASSIC_INTERNAL_H

#define CLASSIC_SERVER_FD 3 /* the relay's: TCP, to the 0.2 server */
#define CLASSIC_DRIVER_FD 4 /* the relay's: its end of the pair */

#define CLASSIC_INITIATION_MS 10000u /* docs/CLASSIC.md; shorter than what the dialer waits for GO */
#define CLASSIC_GOODBYE_MS 200

#endif
