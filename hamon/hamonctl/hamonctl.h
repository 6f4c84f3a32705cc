/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to hamon/hamonctl: the command for people. It uses nothing that the API does not offer; what it prints on stdout is the result,
 * on stderr talk. One thread.
 */
#ifndef HAMON_HAMONCTL_HAMONCTL_H
#define HAMON_HAMONCTL_HAMONCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { REFUSED_SHOWN_MS = 600000 }; /* refused datagrams are a warning for ten minutes, and stay in the counters */

enum { SERVICES_MOST = 8 }; /* of one `cluster create`; more go into hamon.conf by hand */

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct command_line {
        const char *node, *listen, *dir; /* cluster */
        const char *service[SERVICES_MOST]; /* cluster create */
        unsigned services;
        bool no_start;
        const char *socket, *role, *mirror, *severity, *since, *without;
        bool api, timeout_given, json, quiet /* the result of a step is not the command's */, watch, follow, overwrite, yes, dry_run, with_service;
        uint64_t timeout_s, for_s; /* for_s: of a pause or a maintenance; 0: not given */
        const char *words[16]; /* operands */
        unsigned count;
};

/* -- call.c: the API ------------------------------------------------------------------------------------------------------------ */

/* GET; *ret is the caller's. False: the reason was printed on stderr. */
bool call_get(const struct command_line *c, const char *path, json_t **ret);

/*
 * POST, then waits for the operation's end. Exit status; what happened was printed. `ret_code` (may be NULL) gets the reason code, for a
 * caller that can do something about it: then a refusal for want of consent is not printed.
 */
int call_command(const struct command_line *c, const char *path, json_t *body, char ret_code[32]);

/* The same without a body; while hamon says that the mirror is busy, or not in the state for it, it is asked again each second for so long. */
int call_command_patiently(const struct command_line *c, const char *path, unsigned patience_s);

/* The same without waiting for the end: prints `begun`. */
int call_begin(const struct command_line *c, const char *path, json_t *body, const char *begun);

/* A change of `path` whose revision is the ETag of `of`; its answer is the caller's to release. False: printed. */
struct http_answer;
bool call_change(const struct command_line *c, const char *method, const char *path, const char *of, const json_t *body, struct http_answer *ret);

/* -- status_text.c, check.c: renderers of GET /v1/status, pure ------------------------------------------------------------------ */

void status_text(const json_t *status, FILE *to);
void event_text(const json_t *event, FILE *to);

/* One line as monitoring plugins print it. Returns 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
int check_text(const json_t *status, FILE *to);

/* -- explain_text.c: pure ---------------------------------------------------------------------------------------------------------- */

void explain_text(const json_t *one, FILE *to);     /* of GET /v1/explain, one mirror */
void simulate_text(const json_t *answer, FILE *to); /* GET /v1/simulate */
void obstacles_text(const json_t *preflight, FILE *to); /* likewise: which of its checks do not hold; nothing when all do */
void will_text(const json_t *preflight, FILE *to);  /* of GET /v1/preflight/COMMAND, one mirror: what would be done */

/* The same with a line for each check. True: nothing stands in the way. */
bool preflight_text(const char *command, const json_t *preflight, FILE *to);

/* -- colour.c: only on stdout, only where it is a terminal, and not with NO_COLOR ---------------------------------------------------- */

void colour_begin(FILE *to, const char *severity);
void colour_end(FILE *to);

/* -- questions.c: ask, change nothing; exit status ----------------------------------------------------------------------------------- */

int verb_explain(const struct command_line *c, const char *mirror); /* NULL: all */
int verb_simulate(const struct command_line *c, const char *part);
int verb_nbdd(const struct command_line *c, const char *what);      /* "exports", "sessions" */

/* --dry-run: what `command` would do and what stands in its way. `mirror` NULL: all. */
int rehearse(const struct command_line *c, const char *command, const char *mirror);

/* Before a command that can lose data: what it will do, on stderr. */
void announce(const struct command_line *c, const char *command, const char *mirror);

/* To stderr, after a refusal: which of its checks do not hold now. */
void say_obstacles(const struct command_line *c, const char *command, const char *mirror);

/* bundle.c. `path` NULL: a name made of cluster and time; "-": stdout */
int verb_support_bundle(const struct command_line *c, const char *path);

/* events.c */
int verb_events(const struct command_line *c);

/* -- verbs.c: one function for each command; exit status ------------------------------------------------------------------------ */

/* "/v1/mirrors/NAME/VERB"; false: the name is too long, and that was said. */
bool mirror_path(char ret[160], const char *mirror, const char *verb);

int verb_status(const struct command_line *c);
int verb_check(const struct command_line *c);
int verb_is_primary(const struct command_line *c);
int verb_mirror_prepare(const struct command_line *c, const char *verb, const char *mirror); /* create, join */
int verb_start_alone(const struct command_line *c, const char *mirror);
int verb_force_primary(const struct command_line *c, const char *mirror);
int verb_switchover(const struct command_line *c, const char *mirror);
int verb_resync(const struct command_line *c); /* words: mirror resync pause|resume|rate NAME [RATE] */
int verb_verify(const struct command_line *c); /* verify.c; words: mirror verify start|pause|resume|cancel NAME */
int verb_maintenance(const struct command_line *c); /* words: maintenance on|off [NAME] */
int verb_leave(const struct command_line *c);
int verb_confirm_dead(const struct command_line *c, const char *node);
int verb_witness_replace(const struct command_line *c);
int verb_test_notify(const struct command_line *c); /* notify.c */
int verb_test_fence(const struct command_line *c, const char *node);     /* fence_test.c */
int verb_test_failover(const struct command_line *c, const char *mirror);
int verb_service_restart(const struct command_line *c, const char *mirror); /* service.c */

/* exports.c: words: export start|stop|clear|remove ID, export add ID DEVICE */
int verb_export(const struct command_line *c);
int verb_session_kick(const struct command_line *c, const char *number);

/* config.c: the configuration of all machines. `path` "-": stdin */
int verb_config_check(const struct command_line *c, const char *path);
int verb_config_show(const struct command_line *c);
int verb_config_apply(const struct command_line *c, const char *path);
int verb_config_edit(const struct command_line *c);
int verb_config_discard(const struct command_line *c);

/* A change of the configuration by `method` at `path`, whose revision is the ETag of `of`; asks a person at a terminal about warnings. Takes `body`. */
int config_change(const struct command_line *c, const char *method, const char *path, const char *of, json_t *body);

/* The same looked at only, by a POST that answers as a check of a configuration does. Takes `body`. */
int config_rehearse(const struct command_line *c, const char *path, json_t *body);

/* Names of --without, "a,b". */
json_t *config_names(const char *list);

int verb_key_generate(const struct command_line *c, const char *path);
int verb_key_swap(const struct command_line *c, const char *path);

/* retire.c: the node's copies leave what counts, before its packages are removed. Exit status 3: hamon does not answer. */
int verb_retire(const struct command_line *c);

/* What the status says about one mirror and the two copies of it; strings are the status's. False: it does not. Pure. */
struct retire_copy {
        const char *mirror, *peer;
        bool own_in_sync, peer_in_sync, peer_alive, primary;
        bool left; /* by `hamonctl node leave`: its service has ended */
};
bool retire_copy(const json_t *status, size_t mirror, struct retire_copy *ret);

/* True: this copy must not go, and `ret` says why and what next. Pure. */
bool retire_refused(const struct retire_copy *c, char *ret, size_t size_bytes);

/* create.c: what a new mirror's legs get at most, because the other node's disk is smaller; 0: no less than this disk has. Says which is larger. */
uint64_t create_leg_bytes(const struct command_line *c, const char *mirror);

/* Says what of this node's disk a leg of the mirror that there is leaves unused; nothing where neither tells. */
void join_say_unused(const struct command_line *c, const char *mirror);

/* grow.c: both disks have become larger. */
int verb_grow(const struct command_line *c, const char *mirror);

/* rename.c: another name for a mirror and its service, which run on. */
int verb_rename(const struct command_line *c, const char *mirror, const char *name);

/* remove.c: the mirror goes, its disks keep what is on them. */
int verb_remove(const struct command_line *c, const char *mirror);

/* adopt.c: what is on `device` becomes the content of the mirror. */
int verb_adopt(const struct command_line *c, const char *mirror, const char *device);

/* replace.c: this node's disk was changed for another one. */
int verb_replace(const struct command_line *c, const char *mirror);

/* True: `own`, as GET /v1/mirrors/NAME/disk tells of it here, must not become the leg beside `peer`, and `ret` says why and what next. Pure. */
bool replace_refused(const struct retire_copy *copy, const json_t *own, const json_t *peer, char *ret, size_t size_bytes);

/* access.c: who may use the API on TCP. `path`: the configuration that names the certificate. */
int verb_cert_create(const struct command_line *c, const char *path);
int verb_token_create(const struct command_line *c, const char *name);
int verb_token_list(const struct command_line *c);
int verb_token_revoke(const struct command_line *c, const char *name);

/* cluster.c. `operands`: NAME=ADDR,ADDR for each machine, then NAME=DEVICE,DEVICE for each mirror */
int verb_cluster_create(const struct command_line *c, const char *cluster, const char *const *operands, unsigned count);
int verb_cluster_invite(const struct command_line *c, const char *const *names, unsigned count);
int verb_cluster_join(const struct command_line *c, const char *where, const char *token);

/* verbs.c: where the packages made a group hamon, it may read the file. -errno. */
int give_to_hamon(const char *path);

/* -- output.c: stdout ------------------------------------------------------------------------------------------------------------------ */

void out_json(const json_t *j);
void out_json_line(json_t *j); /* for one of several; takes `j` */

/* The result of a command that the API has no answer for: the text, or {"done": true, "said": it} with the members of `more`, which it takes. EXIT_DONE. */
int out_done(const struct command_line *c, json_t *more, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* --dry-run where hamon has no preflight: the lines, or {"ready", "said": [them]}. Exit status. */
int out_rehearsal(const struct command_line *c, bool ready, const char *said);

/* Before what destroys: `will` is said, and a person at the terminal types `word`, or gave --yes. False: *ret_status; with --dry-run that was the rehearsal. */
bool out_agreed(const struct command_line *c, const char *will, const char *word, int *ret_status);

/* ask.c: true when a person at the terminal typed `word`; false and one line of talk otherwise. */
bool ask_typed(const char *question, const char *word);

#endif
