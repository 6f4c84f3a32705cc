/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The certificate that the API shows on TCP: read at the start, and anew when a person says so.
 *
 * What is read anew is looked at as a whole before it is used: files that cannot be read, a key that is not the certificate's, one that has ended or
 * not begun change nothing, and an event says which and why. Connections that are open keep the certificate that they began with. A thread reads, for as
 * long as it takes: the loop waits for no disk.
 */
#ifndef HAMON_API_CERTIFICATE_SERVED_H
#define HAMON_API_CERTIFICATE_SERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api;
struct served_certificate;
struct tls_keys;

/* Blocks on the disk; takes also one that has ended, as its API is better than none. 0, or -errno and a sentence. */
int served_certificate_new(const struct api *api, struct served_certificate **ret, char *error, size_t error_size);
void served_certificate_free(struct served_certificate *s); /* before the servers end. NULL is accepted */

/* For a server that starts; borrowed. */
struct tls_keys *served_certificate_keys(const struct served_certificate *s);

/* Loop: reads it anew, soon. Never waits. */
void served_certificate_reload(struct served_certificate *s);

/* Does it end so soon that a person should know? *ret_days: whole days that are left, 0 also when it has ended. Any thread. NULL: false. */
bool served_certificate_ends(struct served_certificate *s, int64_t now_s, uint32_t *ret_days);

#endif
