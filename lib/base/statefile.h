/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Durable small state: a file that is replaced as a whole, with version, owner and checksum.
 *
 * Layout (text, so that a person can read it): first line "nbdd-state OWNER VERSION SHA256-HEX LENGTH\n", then LENGTH bytes of payload;
 * the checksum is over "OWNER VERSION LENGTH\n" and the payload.
 * Writing: temporary file in the same folder, fsync, rename, fsync of the folder; when statefile_write() has returned 0 the new
 * content survives a power cut. After an error a power cut leaves the old content or, when only the last step failed, the new one,
 * whole in either case. One writer of a path at a time. Reading checks length and checksum: a torn or foreign file is
 * -EBADMSG, a newer version -EPROTO, a missing one -ENOENT; it is never half-used and never overwritten by the reader.
 *
 * May block on the disk: never call it from an event loop that must not (hamon has a writer thread). Any thread.
 */
#ifndef NBDD_BASE_STATEFILE_H
#define NBDD_BASE_STATEFILE_H

#include <stddef.h>
#include <stdint.h>

#define STATEFILE_PAYLOAD_MAX (4u << 20)

/* `owner`: one word of up to 32 letters, digits, "-" and "_". -EFBIG past STATEFILE_PAYLOAD_MAX. The file has mode 0600. */
int statefile_write(const char *path, const char *owner, unsigned version, const void *payload, size_t size_bytes);

/* The same for a file that people write, too: `content` as it is, without the first line. `mode`: less what umask takes. */
int statefile_replace_plain(const char *path, unsigned mode, const void *content, size_t size_bytes);

/*
 * *ret_payload is malloc'ed and NUL-terminated (the NUL is not counted); the caller frees it. What it returns is durable, -ENOENT as well: a writer may have died between
 * the rename, from which on its content is read, and the flush of the folder, and whoever acts on what was read must never find the older one after a
 * power cut.
 */
int statefile_read(const char *path, const char *owner, unsigned max_version, unsigned *ret_version, char **ret_payload,
                   size_t *ret_size_bytes);

/* The same for somebody who only tells what is there: nothing is flushed. */
int statefile_peek(const char *path, const char *owner, unsigned max_version, unsigned *ret_version, char **ret_payload,
                   size_t *ret_size_bytes);

/* Removes the file durably (unlink, fsync of the folder). A file that is not there is success. */
int statefile_remove(const char *path);

/* One sentence for a person: what the errno of statefile_read() means for `path` and what to do. */
void statefile_explain(const char *path, int error, char *ret_text, size_t size_bytes);

/*
 * Fault injection for tests: environment NBDD_FAULT_STATEFILE="STEP:COUNTDOWN" with STEP of open, write, fsync, rename, dirsync, settle (of a read); the
 * COUNTDOWN'th time that step is reached it fails with EIO.
 */

#endif
