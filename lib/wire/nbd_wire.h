/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NBD messages to bytes and back, for the server (nbdd) and the client (nbdc).
 *
 * Works on byte slices alone: no socket, no allocation, no logging; any thread. Encoders write through a bwriter and leave it `bad` when
 * there is no room. Decoders of a fixed-size message take exactly that many bytes; they return 0, or -EBADMSG when the bytes are not that
 * message (wrong magic, lengths that contradict each other). Strings from the wire are slices, not NUL-terminated.
 */
#ifndef NBDD_WIRE_NBD_WIRE_H
#define NBDD_WIRE_NBD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/nbd_proto.h"

#define NBD_GREETING_BYTES 18u         /* NBDMAGIC, IHAVEOPT, handshake flags */
#define NBD_CLIENT_FLAGS_BYTES 4u
#define NBD_OPTION_HEADER_BYTES 16u    /* IHAVEOPT, option, length */
#define NBD_OPTION_REPLY_BYTES 20u     /* magic, option, type, length */
#define NBD_REQUEST_BYTES 28u
#define NBD_SIMPLE_REPLY_BYTES 16u
#define NBD_CHUNK_HEADER_BYTES 20u
#define NBD_EXPORT_NAME_REPLY_BYTES 10u /* size, flags; and 124 zeroes unless NO_ZEROES */
#define NBD_EXPORT_NAME_ZEROES 124u

/* ---- handshake, server to client: "NBDMAGIC" "IHAVEOPT" flags16 ---- */
void nbd_greeting_encode(struct bwriter *w, uint16_t handshake_flags);
int nbd_greeting_decode(struct breader *r, uint16_t *ret_handshake_flags);

/* ---- handshake, client to server: flags32 ---- */
void nbd_client_flags_encode(struct bwriter *w, uint32_t flags);
int nbd_client_flags_decode(struct breader *r, uint32_t *ret_flags);

/* ---- option: IHAVEOPT option32 length32 data ---- */
struct nbd_option_header {
        uint32_t option;
        uint32_t length_bytes;
};
void nbd_option_header_encode(struct bwriter *w, const struct nbd_option_header *h);
int nbd_option_header_decode(struct breader *r, struct nbd_option_header *ret);

/* An option with its data, for those without structure (EXPORT_NAME: the name; ABORT, LIST, STRUCTURED_REPLY: none). */
void nbd_option_encode(struct bwriter *w, uint32_t option, const void *data, size_t size_bytes);

/* NBD_OPT_INFO and NBD_OPT_GO data: name_length32 name count16 info16... */
#define NBD_GO_INFOS_MAX 64u /* more requests than there are types is legal; further ones are ignored */
struct nbd_option_go {
        const char *name; /* slice into the option's data */
        size_t name_bytes;
        uint16_t infos[NBD_GO_INFOS_MAX];
        size_t info_count;
};
/* `option` is NBD_OPT_GO or NBD_OPT_INFO; writes the option's header too. */
void nbd_option_go_encode(struct bwriter *w, uint32_t option, const struct nbd_option_go *go);
/* From the option's data. -EBADMSG: lengths do not add up exactly, or the name is longer than NBD_STRING_MAX. */
int nbd_option_go_decode(const void *data, size_t size_bytes, struct nbd_option_go *ret);

/* NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT data: name_length32 name count32 {length32 query}... */
struct nbd_option_meta {
        const char *name; /* slice into the option's data */
        size_t name_bytes;
        uint32_t query_count;
        struct breader queries; /* for nbd_option_meta_next() */
};
/* `option` is one of the two; writes the option's header too. Queries are C strings. */
void nbd_option_meta_encode(struct bwriter *w, uint32_t option, const char *name, const char *const *queries, uint32_t query_count);
/* From the option's data. -EBADMSG: lengths do not add up exactly, or a string is longer than NBD_STRING_MAX. */
int nbd_option_meta_decode(const void *data, size_t size_bytes, struct nbd_option_meta *ret);
/* The next query; false after the last. */
bool nbd_option_meta_next(struct nbd_option_meta *meta, const char **ret_query, size_t *ret_bytes);

/* NBD_REP_META_CONTEXT: id32 name. */
void nbd_rep_meta_context_encode(struct bwriter *w, uint32_t option, uint32_t id, const char *name);

/* ---- option reply: magic64 option32 type32 length32 data ---- */
struct nbd_option_reply {
        uint32_t option;
        uint32_t type; /* NBD_REP_* */
        uint32_t length_bytes;
};
void nbd_option_reply_header_encode(struct bwriter *w, const struct nbd_option_reply *reply);
void nbd_option_reply_encode(struct bwriter *w, uint32_t option, uint32_t type, const void *data, size_t size_bytes);
int nbd_option_reply_header_decode(struct breader *r, struct nbd_option_reply *ret);
/* "the export is unknown to the server", ...: a constant sentence for an NBD_REP_ERR_* type. */
const char *nbd_option_error_text(uint32_t type);

#define NBD_INFO_NAME_SIZE 24u         /* an export id and NUL */
#define NBD_INFO_DESCRIPTION_SIZE 256u

/* NBD_REP_INFO data, from its leading type16 on. The decoder leaves fields that this reply does not carry as they were. */
struct nbd_export_info {
        uint64_t size_bytes;
        uint16_t transmission_flags;
        bool has_export; /* NBD_INFO_EXPORT was seen */
        bool has_block_size;
        uint32_t block_minimum_bytes;
        uint32_t block_preferred_bytes;
        uint32_t block_maximum_bytes;
        char name[NBD_INFO_NAME_SIZE];               /* what a server sends on request; not decoded */
        char description[NBD_INFO_DESCRIPTION_SIZE];
};
void nbd_info_export_encode(struct bwriter *w, uint32_t option, const struct nbd_export_info *info);
void nbd_info_block_size_encode(struct bwriter *w, uint32_t option, const struct nbd_export_info *info);
void nbd_info_name_encode(struct bwriter *w, uint32_t option, const char *name, size_t name_bytes);
void nbd_info_description_encode(struct bwriter *w, uint32_t option, const char *text);
int nbd_info_decode(const void *data, size_t size_bytes, struct nbd_export_info *info);

/* NBD_REP_SERVER data: name_length32 name, then an optional description. */
void nbd_rep_server_encode(struct bwriter *w, const char *name, size_t name_bytes, const char *description);
int nbd_rep_server_decode(const void *data, size_t size_bytes, const char **ret_name, size_t *ret_name_bytes);

/* The answer to NBD_OPT_EXPORT_NAME: size64 flags16 [124 zeroes]. */
void nbd_export_name_reply_encode(struct bwriter *w, const struct nbd_export_info *info, bool no_zeroes);

/* ---- transmission ---- */
struct nbd_request {
        uint16_t flags; /* NBD_CMDFLAG_* */
        uint16_t command;
        uint64_t cookie; /* opaque: echoed as it came */
        uint64_t offset_bytes;
        uint32_t length_bytes;
};
void nbd_request_encode(struct bwriter *w, const struct nbd_request *request);
int nbd_request_decode(struct breader *r, struct nbd_request *ret);

void nbd_simple_reply_encode(struct bwriter *w, uint64_t cookie, uint32_t error);
int nbd_simple_reply_decode(struct breader *r, uint64_t *ret_cookie, uint32_t *ret_error);

/* Structured reply chunk: magic32 flags16 type16 cookie64 length32. */
struct nbd_chunk {
        uint16_t flags;
        uint16_t type;
        uint64_t cookie;
        uint32_t length_bytes;
};
void nbd_chunk_header_encode(struct bwriter *w, const struct nbd_chunk *chunk);
int nbd_chunk_header_decode(struct breader *r, struct nbd_chunk *ret);

/* NBD_REPLY_TYPE_ERROR, alone and last, up to its text: chunk error32 text_length16; the text's bytes follow. */
void nbd_chunk_error_encode(struct bwriter *w, uint64_t cookie, uint32_t error, uint16_t text_bytes);
/* NBD_REPLY_TYPE_OFFSET_DATA up to its data: chunk offset64. */
void nbd_chunk_data_encode(struct bwriter *w, uint64_t cookie, uint16_t flags, uint64_t offset_bytes, uint32_t data_bytes);
/* NBD_REPLY_TYPE_OFFSET_HOLE, whole: chunk offset64 length32. */
void nbd_chunk_hole_encode(struct bwriter *w, uint64_t cookie, uint16_t flags, uint64_t offset_bytes, uint32_t hole_bytes);
/* NBD_REPLY_TYPE_BLOCK_STATUS with DONE up to its descriptors: chunk context32; `count` times length32 flags32 follow. */
void nbd_chunk_status_encode(struct bwriter *w, uint64_t cookie, uint32_t context, uint32_t count);
/* NBD_REPLY_TYPE_NONE with DONE. */
void nbd_chunk_none_encode(struct bwriter *w, uint64_t cookie);

/* An errno (positive) as the protocol's error value: those without a number of their own become EIO ("Error values"). */
uint32_t nbd_error_from_errno(int error);
int nbd_error_to_errno(uint32_t error);

#endif
