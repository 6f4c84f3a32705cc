/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The NBD protocol's numbers, each under the clause of the specification (doc/proto.md of NetworkBlockDevice/nbd) that defines it.
 *
 * Constants only, no code; the names stay clear of <linux/nbd.h> so that a file can include both.
 */
#ifndef NBDD_WIRE_NBD_PROTO_H
#define NBDD_WIRE_NBD_PROTO_H

#include <stdint.h>

#define NBD_DEFAULT_PORT 4343       /* the seed's port (IANA's 10809 is what other servers use) */
#define NBD_STRING_MAX 4096u        /* "Values": a string is at most 4096 bytes */
#define NBD_PAYLOAD_MAX (32u << 20) /* "Block size constraints": 32 MiB is what every peer must accept */
#define NBD_OPTION_MAX (64u << 10)  /* longest option data that we take; a longer one is answered ERR_TOO_BIG and skipped */

/* "Protocol phases", newstyle negotiation */
#define NBD_MAGIC_INIT 0x4e42444d41474943ull   /* NBDMAGIC */
#define NBD_MAGIC_OPTION 0x49484156454f5054ull /* IHAVEOPT */
#define NBD_MAGIC_OPTION_REPLY 0x0003e889045565a9ull

/* "Request message", "Simple reply message", "Structured reply chunk message", "Extended ..." */
#define NBD_MAGIC_REQUEST 0x25609513u
#define NBD_MAGIC_SIMPLE_REPLY 0x67446698u
#define NBD_MAGIC_STRUCTURED_REPLY 0x668e33efu
#define NBD_MAGIC_EXTENDED_REQUEST 0x21e41c71u
#define NBD_MAGIC_EXTENDED_REPLY 0x6e8a278cu

/* "Handshake flags" (server) and "Client flags" */
#define NBD_HANDSHAKE_FIXED_NEWSTYLE (1u << 0)
#define NBD_HANDSHAKE_NO_ZEROES (1u << 1)

/* "Transmission flags" */
#define NBD_TFLAG_HAS_FLAGS (1u << 0)
#define NBD_TFLAG_READ_ONLY (1u << 1)
#define NBD_TFLAG_SEND_FLUSH (1u << 2)
#define NBD_TFLAG_SEND_FUA (1u << 3)
#define NBD_TFLAG_ROTATIONAL (1u << 4)
#define NBD_TFLAG_SEND_TRIM (1u << 5)
#define NBD_TFLAG_SEND_WRITE_ZEROES (1u << 6)
#define NBD_TFLAG_SEND_DF (1u << 7)
#define NBD_TFLAG_CAN_MULTI_CONN (1u << 8)
#define NBD_TFLAG_SEND_CACHE (1u << 10)
#define NBD_TFLAG_SEND_FAST_ZERO (1u << 11)
#define NBD_TFLAG_BLOCK_STATUS_PAYLOAD (1u << 12)

/* "Option types" */
enum nbd_option_type {
        NBD_OPT_EXPORT_NAME = 1,
        NBD_OPT_ABORT = 2,
        NBD_OPT_LIST = 3,
        NBD_OPT_STARTTLS = 5,
        NBD_OPT_INFO = 6,
        NBD_OPT_GO = 7,
        NBD_OPT_STRUCTURED_REPLY = 8,
        NBD_OPT_LIST_META_CONTEXT = 9,
        NBD_OPT_SET_META_CONTEXT = 10,
        NBD_OPT_EXTENDED_HEADERS = 11,
};

/* "Option reply types"; bit 31 marks an error */
#define NBD_REP_ACK 1u
#define NBD_REP_SERVER 2u
#define NBD_REP_INFO 3u
#define NBD_REP_META_CONTEXT 4u
#define NBD_REP_FLAG_ERROR (1u << 31)
#define NBD_REP_ERR_UNSUP (NBD_REP_FLAG_ERROR | 1u)
#define NBD_REP_ERR_POLICY (NBD_REP_FLAG_ERROR | 2u)
#define NBD_REP_ERR_INVALID (NBD_REP_FLAG_ERROR | 3u)
#define NBD_REP_ERR_PLATFORM (NBD_REP_FLAG_ERROR | 4u)
#define NBD_REP_ERR_TLS_REQD (NBD_REP_FLAG_ERROR | 5u)
#define NBD_REP_ERR_UNKNOWN (NBD_REP_FLAG_ERROR | 6u)
#define NBD_REP_ERR_SHUTDOWN (NBD_REP_FLAG_ERROR | 7u)
#define NBD_REP_ERR_BLOCK_SIZE_REQD (NBD_REP_FLAG_ERROR | 8u)
#define NBD_REP_ERR_TOO_BIG (NBD_REP_FLAG_ERROR | 9u)
#define NBD_REP_ERR_EXT_HEADER_REQD (NBD_REP_FLAG_ERROR | 10u)

/* NBD_REP_INFO "information types" */
#define NBD_INFO_EXPORT 0u
#define NBD_INFO_NAME 1u
#define NBD_INFO_DESCRIPTION 2u
#define NBD_INFO_BLOCK_SIZE 3u

/* "Request types" */
enum nbd_command {
        NBD_COMMAND_READ = 0,
        NBD_COMMAND_WRITE = 1,
        NBD_COMMAND_DISC = 2,
        NBD_COMMAND_FLUSH = 3,
        NBD_COMMAND_TRIM = 4,
        NBD_COMMAND_CACHE = 5,
        NBD_COMMAND_WRITE_ZEROES = 6,
        NBD_COMMAND_BLOCK_STATUS = 7,
};

/* "Command flags" */
#define NBD_CMDFLAG_FUA (1u << 0)
#define NBD_CMDFLAG_NO_HOLE (1u << 1)
#define NBD_CMDFLAG_DF (1u << 2)
#define NBD_CMDFLAG_REQ_ONE (1u << 3)
#define NBD_CMDFLAG_FAST_ZERO (1u << 4)
#define NBD_CMDFLAG_PAYLOAD_LEN (1u << 5)

/* "Structured reply types" */
#define NBD_CHUNK_FLAG_DONE (1u << 0)
#define NBD_CHUNK_NONE 0u
#define NBD_CHUNK_OFFSET_DATA 1u
#define NBD_CHUNK_OFFSET_HOLE 2u
#define NBD_CHUNK_BLOCK_STATUS 5u
#define NBD_CHUNK_ERROR ((1u << 15) | 1u)
#define NBD_CHUNK_ERROR_OFFSET ((1u << 15) | 2u)

/* "base:allocation" metadata context */
#define NBD_CONTEXT_ALLOCATION "base:allocation"
#define NBD_STATE_HOLE (1u << 0)
#define NBD_STATE_ZERO (1u << 1)

/* "Error values": the protocol's own numbers, whatever errno is here */
enum nbd_error {
        NBD_ERROR_OK = 0,
        NBD_ERROR_EPERM = 1,
        NBD_ERROR_EIO = 5,
        NBD_ERROR_ENOMEM = 12,
        NBD_ERROR_EINVAL = 22,
        NBD_ERROR_ENOSPC = 28,
        NBD_ERROR_EOVERFLOW = 75,
        NBD_ERROR_ENOTSUP = 95,
        NBD_ERROR_ESHUTDOWN = 108,
};

#endif
