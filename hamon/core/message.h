/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hamons say to each other. A message is one UDP datagram: authenticated by the driver, encoded by lib/wire/hamon_wire.h. Every
 * message may be lost, doubled, delayed or reordered; every request is retried by its sender and answered again by its receiver.
 */
#ifndef HAMON_CORE_MESSAGE_H
#define HAMON_CORE_MESSAGE_H

#include "hamon/core/types.h"

enum message_type {
        MESSAGE_HEARTBEAT = 1,
        MESSAGE_PREVOTE,       /* R3a: would you grant me primacy of this mirror? changes nothing */
        MESSAGE_PREVOTE_REPLY,
        MESSAGE_PREPARE,
        MESSAGE_PROMISE,
        MESSAGE_ACCEPT,
        MESSAGE_ACCEPTED,
        MESSAGE_RENEW,         /* R4: lease renewal by the primary */
        MESSAGE_RENEWED,
        MESSAGE_GRANT_REQUEST, /* primary asks the peer to open its leg for (epoch, session) */
        MESSAGE_GRANT_REPLY,
        MESSAGE_CHECK_REQUEST, /* R2f: joiner, read your superblock from your own disk */
        MESSAGE_CHECK_REPLY,
        MESSAGE_TYPE_END
};

/* Why a voter or a peer said no: also the reason code that people see (hamon/core/reasons.h maps it). */
enum refusal {
        REFUSAL_NONE = 0,
        REFUSAL_LEASE,        /* another node's lease runs (R4a) */
        REFUSAL_RESTARTED,    /* this voter restarted less than one lease ago (R4d) */
        REFUSAL_BALLOT,       /* promised to a higher ballot */
        REFUSAL_GENERATION,   /* other voter set (R7b) */
        REFUSAL_NO_STATE,     /* this voter has no memory yet (R7c) */
        REFUSAL_NOT_PRIMARY,  /* the decided record names another primary, boot or epoch */
        REFUSAL_UNRESOLVED,   /* own take-over is unresolved (R6c) */
        REFUSAL_NOT_IN_SYNC,
        REFUSAL_LEG,          /* leg missing, other UUID, or its effect failed */
        REFUSAL_ECHO,         /* renewal did not echo the last answer (R4b) */
        REFUSAL_PEER_ALIVE,   /* pre-vote: this voter hears the primary well */
        REFUSAL_END
};

enum node_role { ROLE_UNKNOWN = 0, ROLE_STANDBY, ROLE_CANDIDATE, ROLE_TAKING_OVER, ROLE_PRIMARY, ROLE_DEPOSED };

/* A node's own view of one mirror, carried in each heartbeat. */
struct mirror_summary {
        uint8_t role; /* enum node_role */
        uint64_t record_version, epoch;
        struct uuid leg;              /* UUID in the header of its own leg; null: none */
        bool leg_ready;               /* header read, device there, probe good */
        bool calls_peer_failed;       /* own superblock says that the peer's leg is faulty (3.4) */
        bool calls_peer_failed_known; /* superblock was read in this boot */
        bool offers;                  /* stopped its array in order, both legs in it: the peer may take both over (3.5) */
        uint64_t md_events;
};

struct heartbeat {
        struct uuid boot;      /* kernel boot id */
        uint64_t start;        /* random, of this start of hamon */
        uint64_t sequence;
        bool leaving;          /* orderly stop: do not wait for dead_ms */
        uint8_t mirrors;
        struct mirror_summary mirror[MIRRORS_MAX];
};

struct message {
        enum message_type type;
        uint8_t from, to; /* voters */
        uint8_t mirror;
        uint32_t voters_generation;
        union {
                struct heartbeat heartbeat;
                struct {
                        uint64_t round; /* echoed in the reply */
                        uint64_t epoch; /* that it would replace */
                } prevote;
                struct {
                        uint64_t round;
                        enum refusal refusal;
                        uint32_t wait_ms; /* of a lease that still runs */
                } prevote_reply;
                struct {
                        struct ballot ballot;
                        bool primacy; /* the swap will change the primary */
                } prepare;
                struct {
                        struct ballot ballot;   /* of the prepare */
                        enum refusal refusal;
                        struct ballot promised; /* when refused for it */
                        struct ballot accepted; /* null: nothing accepted */
                        struct record value;
                        uint32_t wait_ms;
                        struct uuid voter;      /* identity of the answering voter's memory (R7c) */
                } promise;
                struct {
                        struct ballot ballot;
                        bool primacy;
                        struct record value;
                        struct uuid admit; /* a voter without memory of this identity may take the value and vote from now on; null: none (R7c) */
                } accept;
                struct {
                        struct ballot ballot;
                        enum refusal refusal;
                        struct ballot promised;
                        uint32_t wait_ms;
                } accepted;
                struct {
                        uint64_t epoch;
                        struct uuid boot;
                        uint64_t sequence;
                        uint64_t echo; /* nonce of the voter's last answer; 0: none yet */
                        bool release;  /* the lease ends now: the service is verified to be down */
                } renew;
                struct {
                        uint64_t epoch;
                        uint64_t sequence; /* of the renewal */
                        uint64_t nonce;    /* to be echoed */
                        enum refusal refusal; /* REFUSAL_ECHO: nothing was extended, renew again with this nonce */
                } renewed;
                struct {
                        uint64_t epoch;
                        struct uuid boot;    /* of the primary */
                        struct uuid session; /* random, for this attach */
                        struct uuid leg;     /* the peer's leg that is meant */
                } grant_request;
                struct {
                        uint64_t epoch;
                        struct uuid session;
                        enum refusal refusal;
                } grant_reply;
                struct {
                        uint64_t epoch;
                        struct uuid session;
                } check_request;
                struct {
                        uint64_t epoch;
                        struct uuid session;
                        bool permits; /* its superblock permits assembly alone, read by O_DIRECT from its own disk */
                } check_reply;
        };
};

#endif
