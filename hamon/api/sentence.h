/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The renderer of the table of reasons: puts mirror, node and number into a sentence. The only place that knows "%M", "%N" and "%n".
 * Pure. Any thread.
 */
#ifndef HAMON_API_SENTENCE_H
#define HAMON_API_SENTENCE_H

#include <stddef.h>
#include <stdint.h>

enum { SENTENCE_SIZE = 256 };

/* `mirror` or `node` NULL or "": "the mirror", "the other node". Cut to `size_bytes`. Returns ret. */
const char *sentence_render(const char *sentence, const char *mirror, const char *node, uint64_t number, char *ret, size_t size_bytes);

#endif
