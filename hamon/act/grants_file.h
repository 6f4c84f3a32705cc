/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nbdd's file of grants, when nbdd itself was killed because it does not answer: one leg's grant is taken out, those of other mirrors stay, and
 * their sessions go on with the next nbdd. The format is nbdd/store.h's. Blocks on the disk: workers only, which take turns: the file is of all mirrors.
 */
#ifndef HAMON_ACT_GRANTS_FILE_H
#define HAMON_ACT_GRANTS_FILE_H

#include <stdint.h>

/*
 * Durably without a grant for export `id` when 0 is returned. A file that cannot be understood is removed whole: no grant is the safe side.
 * Owner and mode stay. -errno.
 */
int grants_file_forget(const char *path, uint64_t id);

#endif
