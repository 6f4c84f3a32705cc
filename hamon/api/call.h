/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to hamon/api: one call of the API, wherever it came from - the control socket, TCP, or the other node - and what its handlers
 * need. Handlers run in an HTTP thread, read the snapshot, and never wait; what has to wait is a `work` for the workers (workers.h).
 */
#ifndef HAMON_API_CALL_H
#define HAMON_API_CALL_H

#include "hamon/api/api.h"
#include "net/http_server.h"

struct json_take;

enum { CALL_PARTS = 8, CALL_PATH_SIZE = 512, CALL_WHO_SIZE = 160, ETAG_SIZE = 128 };

enum access { ACCESS_PUBLIC, ACCESS_VIEWER, ACCESS_OPERATOR, ACCESS_LOCAL };

/* Where a call came in: decides who may do what (access.c). */
enum entrance { ENTRANCE_SOCKET, ENTRANCE_TCP, ENTRANCE_PEER };

struct api_call;
typedef int api_handler(struct api_call *c, struct http_response *resp);

/* What a worker does for a call that has to wait: fills in the response. Owns copies of all it needs. */
struct api_work {
        void (*run)(const struct api *a, struct api_work *w, struct http_response *resp);
        char method[8], target[CALL_PATH_SIZE], node[CONFIG_NAME_SIZE];
        uint8_t voter;
        json_t *body;
        enum access access;
        char who[CALL_WHO_SIZE], if_match[ETAG_SIZE], idempotency_key[ETAG_SIZE];
        struct operation wanted; /* begin.c */
        bool of_any_node;        /* likewise: the other node may have been asked for it with the same key; `body` is {"what"}, `target` the revision */
};

/* Whom an answer to another hamon is sealed for. `sequence` 0: the call is none of another hamon's. */
enum { FORWARD_KEY_BYTES = 32 };
struct forward_caller {
        uint64_t sequence;
        uint8_t key[FORWARD_KEY_BYTES]; /* with which the call came: while the cluster's key is changed there are two */
};

struct api_call {
        const struct api *api;
        const struct snapshot *snapshot; /* NULL: hamon has just started */
        uint64_t now_ms;                 /* CLOCK_BOOTTIME, not before the snapshot's */
        enum entrance entrance;
        enum access access;       /* what the caller may do */
        char who[CALL_WHO_SIZE];  /* for the audit event */
        const char *method, *path;
        const char *query;        /* of a forwarded call, still encoded; NULL: ask `request` */
        const json_t *body;
        const char *if_match, *idempotency_key;
        const struct http_request *request; /* NULL: forwarded by the other node */
        struct forward_caller caller;       /* then */
        char cut[CALL_PATH_SIZE];           /* the path, cut into parts */
        const char *part[CALL_PARTS];
        unsigned parts;
        uint8_t mirror;  /* of {mirror} in the route */
        char value[64];  /* of a forwarded query */
        struct api_work work; /* when the handler returns HTTP_LATER */
};

/* A value of the query, or NULL. Valid until the next call. */
const char *call_query(struct api_call *c, const char *name);

int answer_json(struct http_response *resp, json_t *j);

/* Takes `j`, and gives it back with the members that every answer about the cluster has: "node", "age_ms". */
int answer_view(struct api_call *c, struct http_response *resp, json_t *j);

/* 503 until the first snapshot; else 0 and the handler goes on. */
bool call_is_early(struct api_call *c, struct http_response *resp);

/* {"code", "severity", "sentence", "next"} with names. */
json_t *api_reason(const struct api_call *c, unsigned mirror, enum reason reason, uint8_t node);

/* explain.c: adds {"fact", "holds", "else": reason or null}. */
void api_add_fact(json_t *facts, const char *fact, bool holds, enum reason reason, const struct api_call *c, unsigned mirror, uint8_t node);

/* explain.c: is this mirror asked for ("?mirror=", none: all)? Is the one that is asked for one of ours? False: answered. */
bool api_mirror_is_wanted(struct api_call *c, unsigned mirror);
bool api_mirror_is_known(struct api_call *c, struct http_response *resp);

bool parse_u64(const char *text, uint64_t *ret);

/* Revision of configuration and record, without quotes: the ETag of a mirror, or of the node (MIRRORS_MAX). */
void call_revision(const struct api_call *c, uint8_t mirror, char ret[ETAG_SIZE]);
void answer_etag(const struct api_call *c, uint8_t mirror, struct http_response *resp);

/* If-Match must name the revision as it is: who asks has seen what he changes. True: answered (428, 412). */
bool revision_is_stale(const struct api_call *c, const char *revision, const char *next, struct http_response *resp);
bool revision_differs(const char *if_match, const char *revision, const char *next, struct http_response *resp); /* the same; if_match NULL: none */

/* routes.c: finds the route, checks access, calls its handler. 0, HTTP_LATER (then c->work is set), or a negative errno. */
int route_call(struct api_call *c, struct http_response *resp);

/* cluster.c: /v1/cluster, once there is a snapshot. */
json_t *cluster_json(const struct api_call *c);

/* cluster.c: the hash of each machine's configuration, null where it is not known; and "rtt_us" of a link. */
json_t *config_hashes(const struct api *a);
json_t *config_differs(const struct api *a); /* names of those whose hash is known, and another one than ours */
void add_rtt(const struct api *a, json_t *link, uint8_t voter);

/* exports.c: [{"node", KEY: [...] or null, "error"}] of this node and perhaps the other; key: "exports" or "sessions". Waits: a worker's. */
json_t *exports_look(const struct api *a, const char *key, bool both);

/* exports.c: what somebody has set of one of nbdd's exports and whether it is served, as a hash; nothing that a client or a disk changes. */
void export_revision(const json_t *one, char ret[ETAG_SIZE]);

/* page.c: the headers that forbid a page everything that is not this daemon's own. */
void page_secure(struct http_response *resp);

/* -- Handlers, one file for each subject ----------------------------------------------------------------------------------------- */

api_handler get_access, get_status, get_node, get_mirrors, get_mirror, get_legs, get_links, get_voters, get_services;  /* read.c */
api_handler get_events, get_history, follow_events;                                              /* events.c */
api_handler get_notify, post_notify_test;                                                                /* notify.c */
api_handler get_cluster;                                                                                   /* cluster.c */
api_handler get_support_bundle;                                                                             /* bundle.c */
api_handler get_digests, get_disk;                                                                                   /* digests.c */
api_handler post_export, patch_export, delete_export, start_export, stop_export, clear_export, delete_session;   /* export_changes.c */
api_handler get_exports, get_sessions;                                                                     /* exports.c */
/* config_apply.c: the ETag of the configuration, without quotes. */
void config_etag(const struct api *a, char ret[ETAG_SIZE]);

/* Likewise: the change itself, as a work whose body is {"text", "without", "accept_warnings", "past"}; method POST looks only. past: the code of what is no obstacle. */
/*
 * How a change of configuration is to be made, taken out of a body: "accept_warnings", and "without", names of other machines that may be silent. False: one
 * of them is not what it should be. Whether anything else is in the body, json_take_end() says.
 */
bool config_take_manner(const struct api *a, struct json_take *t);
void config_apply_work(const struct api *a, struct api_work *w, struct http_response *resp);
api_handler put_config_mirror, delete_config_mirror, put_config_service, delete_config_service;             /* config_sections.c */
api_handler post_config_check, put_config;                                                                 /* config_apply.c */
api_handler post_config_step, post_config_discard, get_config_text;                                        /* config_step.c */
bool call_is_of_a_hamon(const struct api_call *c); /* likewise: of one by itself, and of nobody whose call it passes on */
api_handler delete_mirror;                                                                                 /* mirror_remove.c */
api_handler post_mirror_rename;                                                                            /* mirror_rename.c */
api_handler get_invitations, post_invitations, delete_invitations;                                         /* invitations.c */
api_handler get_config, get_reasons;                                                                       /* config_json.c */
api_handler get_explain, get_simulate;                                                                     /* explain.c */
api_handler get_preflight;                                                                                 /* preflight.c */
api_handler get_tokens, post_token, delete_token;                                                          /* token_routes.c */
api_handler get_healthz, get_readyz, probe_primary, probe_secondary, probe_insync;                         /* probes.c */
api_handler get_metrics;                                                                                   /* metrics.c */
api_handler get_file;                                                                                      /* page.c */
api_handler get_status_page;                                                                               /* status_page.c */
api_handler get_status_exports;                                                                            /* status_exports.c */
api_handler get_operation, get_operations, cancel_operation;                                               /* operation_calls.c */
api_handler post_mirror_create, post_mirror_join, post_mirror_switchover, post_mirror_resync, post_mirror_verify, post_mirror_service_restart, post_mirror_grow,
        post_mirror_remove_part, post_mirror_maintenance, post_mirror_start_alone, post_mirror_force_primary, post_node_leave, post_node_confirm_dead,
        post_node_test_fence, post_witness_replace;                                                        /* changes.c */
#endif
