/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection and its requests: the driver between a session (session.h), the disk behind its export and the backend.
 *
 * Bytes are received into the input buffer; a WRITE's payload goes from there, or straight from the socket, into an aligned buffer from the
 * worker's pool; finished requests queue as replies and leave many at a time in one send. Memory is bounded, of all connections (budget.h) and of each: no new request is
 * taken while LIMIT_CONNECTION_MIB or CONN_DEPTH_MAX are in flight. Everything runs in the worker's thread.
 */
#ifndef NBDD_CONN_H
#define NBDD_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "nbdd/conn_tls.h"
#include "nbdd/engine.h"
#include "nbdd/extents.h"
#include "nbdd/list.h"
#include "nbdd/session.h"

#define CONN_INPUT_BYTES (128u << 10)       /* holds the longest option, and many small requests */
#define CONN_DEPTH_MAX 256u                 /* requests of one connection in flight */
#define CONN_SEND_IOV_MAX 128u
#define REPLY_HEAD_MAX (NBD_CHUNK_HEADER_BYTES + 8u) /* a chunk's header and a read's offset, or an error and its text's length */
#define CONN_SEND_EARLY_BYTES (32u << 10)     /* replies of this much leave while later requests are still being parsed */
#define CONN_DIRECT_PAYLOAD_BYTES (64u << 10) /* a payload from this size on is received alone, without what follows it */
#define CONN_PAYLOAD_STEP_BYTES (1u << 20)    /* what of a payload has to come within LIMIT_PAYLOAD_MS, and what one receive waits for at most */

struct worker;

enum disk_operation { DISK_READ, DISK_WRITE, DISK_SYNC, DISK_PUNCH, DISK_ZERO, DISK_EXTENTS, DISK_CACHE, DISK_DISCARD };

/* One operation on the target's descriptor. */
struct disk {
        enum disk_operation operation;
        int fd;
        uint8_t *buffer;
        uint32_t length_bytes;
        uint64_t offset_bytes; /* in the device */
        int rw_flags;          /* RWF_DSYNC */
        struct extents *extents; /* EXTENTS: to be filled; the request's */
};

struct request {
        struct conn *conn;
        struct list link;       /* c->inflight until the disk is done, then c->replies */
        struct nbd_request nbd;
        uint64_t start_ns;
        const uint8_t *mapped;  /* READ: the data, where the export's file is mapped (mapping.h); no buffer then */
        uint8_t *buffer;        /* payload; NULL for commands without */
        size_t buffer_size;
        size_t charged_bytes;   /* of the memory budget */
        uint32_t done_bytes;    /* of the payload that the disk has done, or of the zeroes written */
        bool zero_by_write;     /* WRITE_ZEROES by writing zeroes */
        bool sync_after;        /* FUA of a command that the kernel has no FUA for */
        struct disk disk;
        struct extents *extents; /* BLOCK_STATUS, and reads that look for holes; after reply_encode() only when the reply is made of them */

        /* The reply (reply.c): `head`, then `tail`, in one send. */
        uint8_t head[REPLY_HEAD_MAX];
        uint32_t head_bytes, tail_bytes;
        const void *tail; /* the data that was read, or the text of an error */
        const char *text; /* why it failed, constant; for a person at the client */
};

struct conn {
        struct worker *worker;
        struct list link;  /* worker's connections */
        struct list dirty; /* worker's dirty list */
        int fd;
        struct session session;
        struct engine_session registration;
        struct conn_tls tls;
        struct target *target; /* while attached */
        uint64_t handshake_deadline_ns; /* 0: none */

        uint8_t *input;
        size_t input_start, input_end;
        struct iovec receive_iov[2];
        struct msghdr receive_msg;
        int receive_flags, send_flags;
        bool receiving;
        bool large_writes;               /* the last request was one: its successor's payload, too, goes past the input buffer */
        bool held;                       /* `held_request` was parsed and waits for memory; nothing is parsed or received before it */
        struct nbd_request held_request;
        struct request *payload_request; /* its payload is being received */
        uint32_t payload_bytes;          /* that have arrived */
        uint32_t payload_step_bytes;     /* of these, when the time for the next step began */
        uint64_t payload_deadline_ns;    /* while payload_request */
        bool payload_late;               /* seen late once: see conn_check_time() */

        struct list inflight; /* requests at the disk, oldest first */
        struct list replies;  /* finished, not yet sent */
        struct list sending;
        size_t reply_bytes;      /* in `replies` */
        unsigned inflight_count; /* requests not yet freed: at the disk, waiting to be sent, being sent */
        unsigned disk_count;     /* of these, at the disk */
        uint64_t inflight_bytes;
        uint8_t *handshake_output; /* being sent */
        struct iovec send_iov[CONN_SEND_IOV_MAX];
        struct msghdr send_msg;
        bool sending_now;

        bool finishing; /* DISC: no more input; close when all is answered */
        bool ending;    /* no more input and no more replies; gone when the disk is done */
        void *backend_data;
};

/* Takes ownership of fd. `tls`: what STARTTLS is to this listener's clients. NULL (fd closed): out of memory. */
struct conn *conn_new(struct worker *w, int fd, const char *address, const struct net_address *from, uint64_t number, enum session_tls tls);

/* Stops reading and answering at once; what was submitted to the disk finishes, the rest is dropped. `why` for the log, NULL: quiet. */
void conn_end(struct conn *c, const char *why);

/* About once a second: ends a connection whose handshake, or whose write's payload, takes too long. */
void conn_check_time(struct conn *c);

/* The engine let it in (it had to wait). */
void conn_attached(struct conn *c);

/* Something happened: service it at the end of the turn. */
void conn_mark(struct conn *c);

/* Parses, sends, receives, or frees the connection when it is gone. */
void conn_service(struct conn *c);

/* Drops the first `bytes` bytes of what a message is to carry. */
void conn_iov_advance(struct msghdr *m, size_t bytes);

/* Whether more than the rest of the payload under way has come and was not received yet. A system call. */
bool conn_is_ahead(const struct conn *c);

/* Completions: a byte count, 0 at the end of the stream, or a negative errno. */
void conn_received(struct conn *c, ssize_t result);
void conn_sent(struct conn *c, ssize_t result);

/* ---- requests (request.c) ---- */
/* A checked request, its payload complete: performs it, now or through the backend. */
void request_start(struct request *q);
/* The disk operation's result: bytes or negative errno. */
void request_done(struct request *q, ssize_t result);
/* The blocking form of q->disk: for memory-backed targets and for the threads backend's disk threads. */
ssize_t disk_perform(const struct disk *d);
/* Moves a request to the replies (or frees it when the connection is ending). An error's reason is q->text. */
void conn_reply(struct request *q, uint32_t error);
void conn_request_free(struct request *q);


/* ---- replies (reply.c) ---- */
/* Puts the request's answer into head and tail: of a successful READ with the data in q->buffer. */
void reply_encode(struct request *q, uint32_t error);
size_t reply_bytes(const struct request *q);
/* Into `ret_iov`, which has room for reply_pieces(q); returns how many were used. */
size_t reply_pieces(const struct request *q);
size_t reply_gather(const struct request *q, struct iovec *ret_iov);

#endif
