/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The JSON form of a snapshot: GET /v1/status, and what hamonctl draws. 64-bit ids are strings, ages are relative to the rendering. */
#include "base/text.h"
#include "hamon/api/sentence.h"
#include "hamon/api/service_json.h"
#include "hamon/api/snapshot.h"
#include "hamon/api/words.h"
#include "hamon/api/json_take.h"
#include "hamon/api/why.h"
#include "hamon/verify/run_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const json_t *status_mirror(const json_t *status, const char *name)
{
        const json_t *m;
        size_t i;
        json_array_foreach(json_object_get(status, "mirrors"), i, m)
                if (json_is_string(json_object_get(m, "name")) && strcmp(json_string_value(json_object_get(m, "name")), name) == 0)
                        return m;
        return NULL;
}

static const char *node_name(const struct snapshot *s, uint8_t node)
{
        return node < VOTERS ? s->config->voters[node].name : "";
}

static json_t *text_or_null(const char *text)
{
        return text && *text ? json_string(text) : json_null();
}

static json_t *name_or_null(const struct snapshot *s, uint8_t node)
{
        return text_or_null(node_name(s, node));
}

static json_t *uuid_or_null(const struct uuid *u)
{
        return uuid_is_null(u) ? json_null() : json_of_uuid(u);
}

static json_t *errno_or_null(int error)
{
        return error < 0 ? json_string(strerrordesc_np(-error)) : json_null();
}

static json_t *reason_with_number(const struct snapshot *s, unsigned mirror, enum reason reason, uint8_t node, uint64_t number)
{
        char sentence[SENTENCE_SIZE], next[SENTENCE_SIZE];
        const char *m = mirror < s->config->mirrors ? s->config->mirror[mirror].name : "", *n = node_name(s, node);
        return json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", reason_code(reason), "severity", severity_word(reason_severity(reason)),
                         "sentence", sentence_render(reason_sentence(reason), m, n, number, sentence, sizeof sentence), "next",
                         sentence_render(reason_next(reason), m, n, 0, next, sizeof next), "why", reason_why(reason));
}

json_t *reason_json(const struct snapshot *s, unsigned mirror, enum reason reason, uint8_t node)
{
        return reason_with_number(s, mirror, reason, node, 0);
}

static uint8_t peer_of(const struct snapshot *s)
{
        return s->self < NODES ? (uint8_t)(1 - s->self) : NO_NODE;
}

/* Whom a mirror's reason is about: the standby where the sentence names the leg that is copied to, the primary where it names the
 * active node, else the other node. */
static uint8_t reason_subject(const struct snapshot *s, const struct mirror_view *v, enum reason reason)
{
        if ((reason == REASON_RESYNC || reason == REASON_RESYNC_PAUSED || reason == REASON_RESYNC_STALLED) && v->record.primary < NODES)
                return (uint8_t)(1 - v->record.primary);
        bool of_primary = reason == REASON_STANDBY_OK || reason == REASON_DEPOSED || s->self >= NODES;
        return of_primary ? v->record.primary : peer_of(s);
}

static json_t *paths_json(const struct snapshot *s, unsigned voter, uint64_t now_ms)
{
        json_t *paths = json_array();
        for (unsigned i = 0; i < s->links.paths[voter]; i++) {
                const struct path_view *p = &s->links.path[voter][i];
                json_array_append_new(
                    paths, json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:f, s:o}", "local", p->local, "remote", p->remote, "heard_ms_ago",
                                     p->heard ? json_integer((json_int_t)(now_ms - p->heard_ms)) : json_null(), "sent",
                                     (json_int_t)p->sent, "failed", (json_int_t)p->failed, "received", (json_int_t)p->received, "loss",
                                     (double)p->loss_permille / 1000, "error", errno_or_null(p->error)));
        }
        return paths;
}

static json_t *node_json(const struct snapshot *s, uint8_t voter, uint64_t now_ms)
{
        const struct node_view *v = &s->node[voter];
        bool self = voter == s->self;
        uint64_t silent_ms = self ? 0 : v->silent_ms + (now_ms - s->taken_ms);
        return json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:o, s:b, s:o, s:o}", "name", node_name(s, voter), "self", (int)self,
                         "witness", (int)(voter == WITNESS), "alive", (int)(self || v->alive), "suspect", (int)(!self && v->suspect),
                         "heard", (int)(self || v->ever), "silent_ms",
                         self || v->ever ? json_integer((json_int_t)silent_ms) : json_null(), "leaving", (int)v->last.leaving, "boot",
                         self ? json_of_uuid(&s->boot) : uuid_or_null(&v->last.boot), "links", paths_json(s, voter, now_ms));
}

static json_t *request_ms(const struct snapshot *s, unsigned mirror, uint8_t node)
{
        uint32_t us = snapshot_request_us(s, mirror, node);
        return us ? json_real((double)us / 1000) : json_null();
}

static json_t *legs_json(const struct snapshot *s, unsigned mirror)
{
        const struct mirror_view *v = &s->mirror[mirror];
        json_t *legs = json_array();
        /* A superblock is read when a leg is opened: what it called failed is over when an array runs on both. */
        bool both = v->observed.array_running && v->observed.own_in_sync && v->observed.peer_in_sync;
        for (uint8_t n = 0; n < NODES; n++) {
                const struct record_leg *leg = &v->record.legs[n];
                const struct mirror_summary *said =
                    n != s->self && s->node[n].ever && mirror < s->node[n].last.mirrors ? &s->node[n].last.mirror[mirror] : NULL;
                bool over = both || (said && said->role == ROLE_PRIMARY && v->record.legs[0].in_sync && v->record.legs[1].in_sync); /* it runs there */
                json_array_append_new(
                    legs, json_pack("{s:s, s:s, s:o, s:b, s:b, s:o, s:o}", "node", node_name(s, n), "device",
                                    s->config->mirror[mirror].device[n], "uuid", uuid_or_null(&leg->uuid), "in_sync", (int)leg->in_sync,
                                    "inconsistent", (int)leg->inconsistent, "request_ms", request_ms(s, mirror, n), "node_says",
                                    said ? json_pack("{s:s, s:b, s:b}", "role", role_word((enum node_role)said->role), "leg_ready",
                                                     (int)said->leg_ready, "calls_peer_failed",
                                                     (int)(!over && said->calls_peer_failed_known && said->calls_peer_failed))
                                         : json_null()));
        }
        return legs;
}

static json_t *observed_json(const struct observation *o)
{
        return json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:I, s:I, s:b}", "array_running", (int)o->array_running,
                         "own_in_sync", (int)o->own_in_sync, "own_failed", (int)o->own_failed, "peer_in_array", (int)o->peer_in_array,
                         "peer_in_sync", (int)o->peer_in_sync, "peer_failed", (int)o->peer_failed, "sync_idle", (int)o->sync_idle,
                         "attached", (int)o->attached, "leg_connected", (int)o->leg_connected, "leg_refused", (int)o->leg_refused,
                         "leg_oldest_ms", (json_int_t)o->leg_oldest_ms, "own_oldest_ms", (json_int_t)o->own_oldest_ms,
                         "service_running", (int)o->service_running);
}

static json_t *number_or_null(uint64_t number)
{
        return number ? json_integer((json_int_t)number) : json_null();
}

/* A pause and a ceiling are shown also while there is nothing to copy: they count for the next leg that comes. */
static json_t *resync_json(const struct snapshot *s, unsigned mirror, uint64_t now_ms)
{
        enum { SECTOR_BYTES = 512, KIB = 1024 };
        const struct observation *o = &s->mirror[mirror].observed;
        const struct resync_seen *r = &o->resync;
        uint64_t aged_ms = now_ms - s->taken_ms;
        bool copies = o->resync_total_sectors > 0;
        if (!copies && !r->paused && !r->ceiling_kib)
                return json_null();
        double percent = copies ? 100.0 * (double)o->resync_done_sectors / (double)o->resync_total_sectors : 0;
        uint64_t left = o->resync_total_sectors > o->resync_done_sectors ? (o->resync_total_sectors - o->resync_done_sectors) * SECTOR_BYTES : 0;
        uint64_t pause_left_s = r->pause_left_s > aged_ms / 1000 ? r->pause_left_s - aged_ms / 1000 : r->pause_left_s ? 1 : 0;
        bool moves = copies && !r->paused && !r->stalled;
        json_t *why = resync_why_json(&s->resync[mirror], o, node_name(s, s->self), node_name(s, peer_of(s)), now_ms);
        return json_pack("{s:o, s:o, s:f, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "done_sectors", json_of_u64(o->resync_done_sectors), "total_sectors",
                         json_of_u64(o->resync_total_sectors), "percent", percent > 100 ? 100.0 : percent, "state",
                         r->paused ? "paused" : !copies ? "idle" : r->stalled ? "stalled" : "running", "left_bytes", json_of_u64(left), "rate_kib",
                         number_or_null(moves ? r->rate_kib : 0), "eta_s", number_or_null(moves && r->rate_kib ? left / KIB / r->rate_kib + 1 : 0),
                         "pause_left_s", number_or_null(pause_left_s), "limit_kib", number_or_null(r->limit_kib), "ceiling_kib",
                         number_or_null(r->ceiling_kib), "latency_us", number_or_null(r->latency_us), "why", why);
}

/* Null: nobody has asked for them, or no array runs here. */
static json_t *discards_json(enum discards_seen seen)
{
        static const char *const why[DISCARDS_SEEN] = {
                [DISCARDS_OWN_NONE] = "the disk of this node takes none",
                [DISCARDS_OWN_WRONG] = "the disk of this node takes them, and does not read zeroes exactly where something was discarded",
                [DISCARDS_OWN_ERROR] = "the disk of this node failed while it was tried",
                [DISCARDS_PEER] = "the leg of the other node takes none: its disk did not pass the proof, or it was attached before; it is attached anew by a switchover",
                [DISCARDS_LATER] = "the array began without, and begins anew with a switchover",
        };
        return seen <= DISCARDS_IDLE ? json_null() : json_pack("{s:b, s:o}", "taken", seen == DISCARDS_TAKEN, "why", text_or_null(why[seen] ? why[seen] : ""));
}

/* A run as the state file has it, with the node's name. */
static json_t *verify_of(const struct snapshot *s, const struct verify_run *run)
{
        if (run->state == VERIFY_NEVER)
                return json_null();
        json_t *j = verify_run_json(run);
        json_object_set_new(j, "node", json_string(node_name(s, run->node)));
        return j;
}

static json_t *verify_json(const struct snapshot *s, unsigned mirror, uint64_t aged_ms)
{
        enum { KIB = 1024 };
        const struct verify_view *v = &s->verify[mirror];
        const struct verify_run *run = &v->memory.run, *last = &v->memory.last;
        uint64_t now_s = ((uint64_t)s->wall_ms + aged_ms) / 1000, left = run->size_bytes > run->position_bytes ? run->size_bytes - run->position_bytes : 0;
        bool runs = run->state == VERIFY_RUNNING && !*v->waiting_for;
        return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schedule", verify_schedule_word(v->schedule), "next_s",
                         v->due_s == UINT64_MAX ? json_null() : json_integer((json_int_t)(v->due_s > now_s ? v->due_s - now_s : 0)), "run", verify_of(s, run),
                         "last", verify_of(s, last), "last_age_s", last->ended_s ? json_integer((json_int_t)(now_s > last->ended_s ? now_s - last->ended_s : 0)) : json_null(),
                         "percent", verify_is_under_way(run->state) ? json_real(verify_percent(run)) : json_null(), "waiting_for",
                         verify_is_under_way(run->state) ? text_or_null(v->waiting_for) : json_null(), "rate_kib", number_or_null(runs ? v->rate_kib : 0), "eta_s",
                         number_or_null(runs && v->rate_kib ? left / KIB / v->rate_kib + 1 : 0), "limit_kib", number_or_null(runs ? v->limit_kib : 0), "latency_us",
                         number_or_null(runs ? v->latency_us : 0));
}

static json_t *failure_json(const struct failure *f, uint64_t now_ms)
{
        if (f->at_ms == 0)
                return json_null();
        char detail[sizeof f->detail];
        (void)text_printable(f->detail, detail, sizeof detail);
        return json_pack("{s:s, s:s, s:s, s:I}", "effect", effect_word(f->effect), "error", strerrordesc_np(-f->error), "detail", detail,
                         "ms_ago", (json_int_t)(now_ms - f->at_ms));
}

/* Its end stands in the record: the same on each machine, whoever is asked. */
static json_t *maintenance_json(const struct snapshot *s, const struct mirror_view *v, uint64_t aged_ms)
{
        uint64_t until_s = v->record.maintenance_until_s, now_s = ((uint64_t)s->wall_ms + aged_ms) / 1000;
        if (!v->in_maintenance)
                return json_null(); /* also of one that is being removed: that has no end */
        return json_pack("{s:I, s:I}", "until", (json_int_t)until_s, "left_s", (json_int_t)(until_s > now_s ? until_s - now_s : 0));
}

static json_t *mirror_json(const struct snapshot *s, unsigned mirror, uint64_t now_ms)
{
        const struct mirror_view *v = &s->mirror[mirror];
        const struct record *r = &v->record;
        uint64_t aged_ms = now_ms - s->taken_ms;
        bool lease_valid = v->lease_valid && v->lease_left_ms > aged_ms;
        json_t *record = json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:o}", "version", json_of_u64(r->version), "epoch",
                                   json_of_u64(r->epoch), "primary", r->version ? name_or_null(s, r->primary) : json_null(),
                                   "primary_boot", uuid_or_null(&r->primary_boot), "decided", (int)v->record_decided, "behind", (int)v->record_behind, "maintenance",
                                   (int)v->in_maintenance, "change", uuid_or_null(&r->change));
        json_t *j = json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "name", s->config->mirror[mirror].name, "health",
                              health_word(v->health), "reason", reason_json(s, mirror, v->reason, reason_subject(s, v, v->reason)), "role",
                              role_word(v->role), "states",
                              json_pack("{s:o, s:o, s:o}", "role", text_or_null(v->role_word), "leg", text_or_null(v->leg_word),
                                        "service", text_or_null(v->service_word)),
                              "record", record, "legs", legs_json(s, mirror), "resync", resync_json(s, mirror, now_ms), "waiting_for",
                              text_or_null(v->waiting_for));
        json_object_set_new(j, "maintenance", maintenance_json(s, v, aged_ms));
        json_object_set_new(j, "owed_bytes", v->role == ROLE_PRIMARY && v->observed.owed_known ? json_of_u64(v->observed.owed_bytes) : json_null());
        json_object_set_new(j, "discards", discards_json(v->observed.discards));
        json_object_set_new(j, "verify", s->self < NODES ? verify_json(s, mirror, aged_ms) : json_null());
        char revision[128];
        snapshot_revision(s, mirror, revision, sizeof revision);
        json_object_set_new(j, "revision", json_string(revision));
        json_object_set_new(j, "lease", json_pack("{s:b, s:I}", "valid", (int)lease_valid, "left_ms",
                                                  (json_int_t)(lease_valid ? v->lease_left_ms - aged_ms : 0)));
        json_object_set_new(j, "service", s->self < NODES ? service_json(s, mirror) : json_null());
        json_object_set_new(j, "last_failure", failure_json(&s->failure[mirror], now_ms));
        json_object_set_new(j, "observed", s->act_ready ? observed_json(&v->observed) : json_null());
        if (s->self < NODES) {
                json_object_set_new(j, "if_peer_fails", reason_json(s, mirror, v->if_peer_fails, forecast_subject(v->if_peer_fails, peer_of(s), s->self)));
                json_object_set_new(j, "if_self_fails", reason_json(s, mirror, v->if_self_fails, forecast_subject(v->if_self_fails, s->self, peer_of(s))));
        }
        return j;
}

static json_t *packets_json(const struct links_view *l, uint64_t now_ms)
{
        json_t *refused = json_array(), *counts = json_object();
        for (unsigned k = 0; k < PACKET_KINDS; k++) {
                json_object_set_new(counts, packet_word(k), json_integer((json_int_t)l->count[k]));
                if (packet_is_alarming(k) && l->count[k] > 0)
                        json_array_append_new(refused, json_pack("{s:s, s:s, s:I, s:s, s:I}", "kind", packet_word(k),
                                                                 "sentence", packet_sentence(k), "count", (json_int_t)l->count[k],
                                                                 "last_from", l->last_from[k], "last_ms_ago",
                                                                 (json_int_t)(now_ms - l->last_ms[k])));
        }
        return json_pack("{s:o, s:o}", "counts", counts, "refused", refused);
}

json_t *status_json(const struct snapshot *s, uint64_t now_ms)
{
        if (now_ms < s->taken_ms)
                now_ms = s->taken_ms; /* it was taken after the reader looked at the clock */
        bool witness = s->self == WITNESS;
        json_t *act = witness ? json_null()
                              : json_pack("{s:b, s:o, s:I}", "connected", (int)s->act_ready, "error", errno_or_null(s->act_error),
                                          "since_ms", (json_int_t)(now_ms - s->act_changed_ms));
        json_t *node = json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:o, s:o, s:I, s:I, s:o}", "name", node_name(s, s->self), "kind",
                                 witness ? "witness" : "node", "version", NBDD_VERSION, "boot", json_of_uuid(&s->boot), "start",
                                 json_of_u64(s->start), "uptime_ms", (json_int_t)(now_ms - s->started_ms), "act", act, "state_error",
                                 errno_or_null(s->state_error), "actions_waiting", (json_int_t)s->actions_waiting, "worst_turn_us",
                                 (json_int_t)s->worst_turn_us, "turns", json_of_u64(s->turns));
        json_object_set_new(node, "config_hash", json_string(s->config_hash));
        json_object_set_new(node, "config_version", json_of_u64(s->configs.version));
        json_object_set_new(node, "config_waits", s->configs.next_version ? json_pack("{s:o, s:s, s:s}", "version", json_of_u64(s->configs.next_version), "hash",
                                                                                      s->configs.next_hash, "by", s->configs.next_by)
                                                                          : json_null());
        json_t *nodes = json_array(), *mirrors = json_array(), *reasons = json_array();
        for (uint8_t v = 0; v < VOTERS; v++)
                if (s->config->voters[v].links > 0)
                        json_array_append_new(nodes, node_json(s, v, now_ms));
        for (unsigned m = 0; m < s->config->mirrors; m++)
                json_array_append_new(mirrors, mirror_json(s, m, now_ms));
        if (!witness && !s->act_ready)
                json_array_append_new(reasons, reason_json(s, MIRRORS_MAX, REASON_ACT_LOST, s->self));
        if (!witness && s->config->has_witness && !s->node[WITNESS].alive)
                json_array_append_new(reasons, reason_json(s, MIRRORS_MAX, REASON_WITNESS_LOST, WITNESS));
        if (s->certificate_ends)
                json_array_append_new(reasons, reason_with_number(s, MIRRORS_MAX, REASON_CERTIFICATE_ENDS, s->self, s->certificate_days));
        return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "cluster", s->config->cluster, "mode",
                         s->config->has_witness ? "automatic" : "manual", "profile", s->config->relaxed ? "relaxed" : "normal", "wall_ms",
                         (json_int_t)s->wall_ms, "age_ms", (json_int_t)(now_ms - s->taken_ms), "node", node, "reasons", reasons, "nodes",
                         nodes, "mirrors", mirrors, "packets", packets_json(&s->links, now_ms));
}

json_t *snapshot_reason_json(const struct snapshot *s, unsigned mirror)
{
        const struct mirror_view *v = &s->mirror[mirror];
        return reason_json(s, mirror, v->reason, reason_subject(s, v, v->reason));
}

void snapshot_revision(const struct snapshot *s, unsigned mirror, char *ret, size_t size_bytes)
{
        int used = snprintf(ret, size_bytes, "%.8s", s->config_hash);
        for (unsigned m = 0; m < s->config->mirrors && used > 0 && (size_t)used < size_bytes; m++)
                if (mirror >= s->config->mirrors || m == mirror)
                        used += snprintf(ret + used, size_bytes - (size_t)used, "-%" PRIx64 ".%" PRIx64, s->mirror[m].record.epoch,
                                         s->mirror[m].record.version);
}
