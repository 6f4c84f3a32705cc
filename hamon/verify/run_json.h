/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A verify's memory as JSON: in its state file, and, a run of it, in the status. The file is replaced as a whole (base/statefile.h): writing blocks on
 * the disk. Any thread, one writer.
 */
#ifndef HAMON_VERIFY_RUN_JSON_H
#define HAMON_VERIFY_RUN_JSON_H

#include "hamon/verify/run.h"

#include <jansson.h>

/* {"state", "scheduled", "node", "legs", "began", "ended", "pause_until", "size_bytes", "position_bytes", "differing_blocks", "ranges", "why"} */
json_t *verify_run_json(const struct verify_run *run);
int verify_run_take(const json_t *j, struct verify_run *ret); /* 0, -EPROTO */

/* -ENOENT: there is none; as statefile_read() */
int verify_memory_read(const char *path, struct verify_memory *ret);
int verify_memory_write(const char *path, const struct verify_memory *m);

#endif
