/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control API: HTTP/JSON on an AF_UNIX socket, one thread for each connection, so that a revoke that waits for a hanging disk delays nobody
 * (GET /v1/health must answer then: hamon judges a slow leg by it).
 *
 *     GET    /v1/exports                 {"exports": [EXPORT...]}
 *     POST   /v1/exports                 {"device","id","kind":"plain"|"leg","read_only","offset","size","leg_uuid","owner"} -> 201 EXPORT
 *     GET    /v1/exports/ID              EXPORT with its sessions
 *     DELETE /v1/exports/ID
 *     POST   /v1/exports/ID/start|stop|revoke|clear
 *     POST   /v1/exports/ID/grant        {"epoch": "7", "session": "UUID", "leg_uuid": "UUID", "trim": true}
 *     GET    /v1/sessions                {"sessions": [SESSION...]}
 *     DELETE /v1/sessions/N
 *     GET, PUT /v1/limits                {"maxconnect": 1000}
 *     GET    /v1/health
 *
 * Whoever may open the socket (0660) may GET; everything else is for root and the server's own account (403). The operator (nbdd --serve --operator)
 * may change plain exports that belong to nobody, and end their sessions; never a leg, a limit or the configuration.
 * Ids and 64-bit numbers are strings in requests and answers. Errors are RFC 9457 problems, their `code` in control_problem().
 */
#ifndef NBDD_CONTROL_H
#define NBDD_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

struct control;
struct engine;
struct engine_export_view;
struct engine_session;
struct export;

/* POST /v1/reload: reads nbdd.conf anew. 0, or -errno and all that is wrong with it in `ret_detail`, malloc'ed, one error a line. */
typedef int control_reload(void *userdata, char **ret_detail);

/* Serves `engine` on the socket until control_stop(). The folder is made when it is missing. `operator_uid` NULL: there is none. */
int control_start(const char *socket_path, const uid_t *operator_uid, struct engine *engine, control_reload *reload, void *userdata, struct control **ret);
void control_stop(struct control *c);

/* ---- control_json.c ---- */
/* id 0: all, as {"exports": [...]}; else the export itself, NULL when there is none. */
json_t *control_exports_json(struct engine *e, uint64_t id, bool with_stats);
json_t *control_sessions_json(struct engine *e, bool with_stats);
/* Summed over all sessions, from their counters alone. */
json_t *control_health_json(struct engine *e, uint64_t uptime_ms);

#endif
