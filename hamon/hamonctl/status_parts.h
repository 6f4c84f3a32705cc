/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the parts of the status in text (status_text.c, status_verify.c). Pure. */
#ifndef HAMON_HAMONCTL_STATUS_PARTS_H
#define HAMON_HAMONCTL_STATUS_PARTS_H

#include <jansson.h>
#include <stdio.h>

void status_label(FILE *to, const char *name); /* "": a line that goes on with the one before */
void status_age(FILE *to, int64_t ms);         /* "12.3 s", "4 min" */
void status_size(FILE *to, double kib);        /* "1.5 GiB" */

void status_verify(FILE *to, const json_t *verify);

#endif
