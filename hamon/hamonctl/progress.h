/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is waited for, on stderr: on a terminal a line that is drawn anew each second from the first second on, elsewhere a line every half a minute. One at a
 * time. Whoever prints something calls progress_end() first, which takes the line back; called by the main thread only.
 */
#ifndef HAMON_HAMONCTL_PROGRESS_H
#define HAMON_HAMONCTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* What takes its time; while another one is shown, only its name changes. */
void progress_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What it is at. The second: how far, how fast (KiB a second; 0: not known) and until when. */
void progress_at(const char *step);
void progress_amount(const char *step, double percent, uint64_t rate_kib, uint64_t eta_s);

void progress_end(void);

#endif
