/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One NBD session as a state machine over byte slices: handshake, option haggling, and the check of each transmission request.
 *
 * Owns the negotiation's state and the bytes that the handshake wants to send. Never sees a socket, a disk or a clock, never logs. The
 * driver (conn.c, the unit tests, the fuzz target) feeds bytes in and performs the events that come out; disk work and the replies of the
 * transmission phase are the driver's. One session in one thread at a time.
 */
#ifndef NBDD_SESSION_H
#define NBDD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/nbd_wire.h"

#define SESSION_INPUT_MIN (NBD_OPTION_HEADER_BYTES + NBD_OPTION_MAX) /* the driver's input buffer holds at least this much */
#define SESSION_OUTPUT_MAX (4u << 20)  /* handshake bytes not yet sent; LIST of many exports is the largest */
#define SESSION_OPTIONS_MAX 256u       /* options in one handshake; a client that haggles longer is dropped */
#define SESSION_CONTEXT_ALLOCATION 1u  /* our id of base:allocation in BLOCK_STATUS replies */

enum session_phase {
        SESSION_PHASE_CLIENT_FLAGS,
        SESSION_PHASE_OPTIONS,
        SESSION_PHASE_OPTION_SKIP, /* discarding the data of an option that is too long */
        SESSION_PHASE_STARTTLS,    /* SESSION_STARTTLS was given out; waits for session_secured() */
        SESSION_PHASE_ATTACHING,   /* SESSION_ATTACH was given out; waits for session_attached() or session_refused() */
        SESSION_PHASE_TRANSMISSION,
        SESSION_PHASE_CLOSED,
};

enum session_event_type {
        SESSION_MORE,       /* nothing to do until more bytes come */
        SESSION_INFO,       /* describe the export (INFO, meta contexts): answer at once with session_described() or session_refused() */
        SESSION_ATTACH,     /* the client wants in (GO, EXPORT_NAME): answer, now or later, with session_attached() or session_refused() */
        SESSION_LIST,       /* give the names: session_list_entry() for each, then session_list_end() */
        SESSION_STARTTLS,   /* send the output, then do the TLS handshake; go on with session_secured() and decrypted input */
        SESSION_REQUEST,    /* a checked request; of a WRITE the next length_bytes of the stream are the payload, and the driver's */
        SESSION_REJECT,     /* answer `request` with `error`; its payload, if any, is skipped by the session itself */
        SESSION_DISCONNECT, /* the client is done (DISC, ABORT): finish what is in flight, send what is pending, close */
        SESSION_DROP,       /* not to be talked with any longer: close; `reason` says why */
};

/* "TLS support": what STARTTLS is to this connection. */
enum session_tls {
        SESSION_TLS_NONE,     /* there are no keys: the option is unknown here */
        SESSION_TLS_OFF,      /* not on this listener */
        SESSION_TLS_OFFERED,  /* "SELECTIVETLS": exports may still insist */
        SESSION_TLS_REQUIRED, /* "FORCEDTLS" */
};

struct session_event {
        enum session_event_type type;
        const char *name; /* INFO, ATTACH: slice of the input, not NUL-terminated */
        size_t name_bytes;
        struct nbd_request request; /* REQUEST, REJECT */
        uint32_t error;             /* REJECT: NBD_ERROR_* */
        const char *reason;         /* DROP, REJECT: constant text */
};

struct session {
        enum session_phase phase;
        enum session_tls tls; /* set by the driver after session_init() */
        bool secure;          /* TLS is on */
        uint32_t client_flags;
        uint32_t option;            /* the option that is being answered */
        uint64_t skip_bytes;        /* bytes of the stream to discard */
        unsigned option_count;
        bool wants_block_size;      /* the client asked for NBD_INFO_BLOCK_SIZE, or will ask nothing (EXPORT_NAME) */
        bool wants_name, wants_description; /* NBD_INFO_NAME, NBD_INFO_DESCRIPTION */
        bool structured_replies;    /* negotiated: a READ never gets a simple reply again */
        bool meta_matched;          /* the meta context option being answered asks for base:allocation */
        bool block_status;          /* base:allocation is selected for the attached export */
        char *context_export;       /* for which it was selected last, malloc'ed; NULL: none */
        size_t context_export_bytes;
        struct nbd_export_info info; /* of the attached export */

        uint8_t *output; /* handshake bytes to be sent, malloc'ed */
        size_t output_bytes, output_size;
        bool out_of_memory;
};

/* Puts the greeting into the output. */
void session_init(struct session *s);
void session_release(struct session *s);

/*
 * Looks at `size_bytes` bytes of input and reports the next event. Returns how many bytes it took; the driver keeps the others and offers
 * them again, with more behind them. Call it until SESSION_MORE. Does nothing while ATTACHING or in STARTTLS; not to be called in the middle of a
 * payload.
 */
size_t session_input(struct session *s, const uint8_t *data, size_t size_bytes, struct session_event *ret);

/* The TLS handshake succeeded: what was negotiated in the clear is forgotten. */
void session_secured(struct session *s);

/* Answers to INFO and ATTACH. A refusal of EXPORT_NAME has no message in the protocol: the session is CLOSED and the driver closes. */
void session_described(struct session *s, const struct nbd_export_info *info);
void session_attached(struct session *s, const struct nbd_export_info *info);
void session_refused(struct session *s, uint32_t rep_error, const char *text);

void session_list_entry(struct session *s, const char *name, const char *description);
void session_list_end(struct session *s);
void session_list_refused(struct session *s, const char *text);

/* Hands over the pending output (malloc'ed, caller frees; NULL when there is none). */
uint8_t *session_take_output(struct session *s, size_t *ret_bytes);

#endif
