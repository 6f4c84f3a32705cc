/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GET /metrics: the snapshot in Prometheus' text format. Base units (seconds, bytes), states as one series for each value with 0 or 1, labels
 * cluster, mirror, leg, link. Runs in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/hub.h"
#include "hamon/api/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR_BYTES = 512 };

struct out {
        FILE *to;
        const struct snapshot *s;
        uint64_t now_ms;
};

/* Label values come from the configuration, whose names have no character that would need an escape. */
static void head(const struct out *o, const char *name, const char *type, const char *help)
{
        fprintf(o->to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(const struct out *o, const char *name, const char *labels, double value)
{
        fprintf(o->to, "%s{cluster=\"%s\"%s} %.10g\n", name, o->s->config->cluster, labels, value);
}

static const char *mirror_labels(const struct out *o, unsigned m, char ret[128])
{
        (void)snprintf(ret, 128, ",mirror=\"%s\"", o->s->config->mirror[m].name); /* fits */
        return ret;
}

static void put_node(const struct out *o)
{
        const struct snapshot *s = o->s;
        char labels[256];
        head(o, "hamon_info", "gauge", "What runs here.");
        (void)snprintf(labels, sizeof labels, ",node=\"%s\",version=\"%s\",kind=\"%s\",mode=\"%s\",config=\"%s\"", s->config->voters[s->self].name,
                       NBDD_VERSION, s->self == WITNESS ? "witness" : "node", s->config->has_witness ? "automatic" : "manual", s->config_hash);
        number(o, "hamon_info", labels, 1);
        head(o, "hamon_uptime_seconds", "gauge", "Since the start of hamon.");
        number(o, "hamon_uptime_seconds", "", (double)(o->now_ms - s->started_ms) / 1000);
        head(o, "hamon_snapshot_age_seconds", "gauge", "Age of what is told here: an old one says that the loop does not turn.");
        number(o, "hamon_snapshot_age_seconds", "", (double)(o->now_ms - s->taken_ms) / 1000);
        head(o, "hamon_loop_turns_total", "counter", "Turns of the loop.");
        number(o, "hamon_loop_turns_total", "", (double)s->turns);
        head(o, "hamon_loop_worst_turn_seconds", "gauge", "The longest turn of the loop since the start.");
        number(o, "hamon_loop_worst_turn_seconds", "", (double)s->worst_turn_us / 1e6);
        head(o, "hamon_state_writable", "gauge", "1: the memory of this voter can be written.");
        number(o, "hamon_state_writable", "", s->state_error == 0);
        head(o, "hamon_actions_waiting", "gauge", "Actions that wait for the memory to be durable.");
        number(o, "hamon_actions_waiting", "", s->actions_waiting);
        if (s->self == WITNESS)
                return;
        head(o, "hamon_act_connected", "gauge", "1: hamon-act is there.");
        number(o, "hamon_act_connected", "", s->act_ready);
}

static void put_voters(const struct out *o)
{
        const struct snapshot *s = o->s;
        char labels[128];
        head(o, "hamon_voter_alive", "gauge", "1: this node hears that voter.");
        for (unsigned v = 0; v < VOTERS; v++)
                if (s->config->voters[v].links > 0) {
                        (void)snprintf(labels, sizeof labels, ",voter=\"%s\"", s->config->voters[v].name);
                        number(o, "hamon_voter_alive", labels, v == s->self || s->node[v].alive);
                }
        head(o, "hamon_voter_silence_seconds", "gauge", "Since a voter was heard last.");
        for (unsigned v = 0; v < VOTERS; v++)
                if (s->config->voters[v].links > 0 && v != s->self && s->node[v].ever) {
                        (void)snprintf(labels, sizeof labels, ",voter=\"%s\"", s->config->voters[v].name);
                        number(o, "hamon_voter_silence_seconds", labels, (double)(s->node[v].silent_ms + (o->now_ms - s->taken_ms)) / 1000);
                }
}

/* One family over all paths. `what` picks the value; false: none for this path. */
static void put_links(const struct out *o, const char *name, const char *type, const char *help,
                      bool (*what)(const struct out *o, const struct path_view *p, double *ret))
{
        const struct snapshot *s = o->s;
        char labels[256];
        double value;
        head(o, name, type, help);
        for (unsigned v = 0; v < VOTERS; v++)
                for (unsigned i = 0; i < s->links.paths[v]; i++) {
                        const struct path_view *p = &s->links.path[v][i];
                        (void)snprintf(labels, sizeof labels, ",voter=\"%s\",link=\"%s-%s\"", s->config->voters[v].name, p->local, p->remote);
                        if (what(o, p, &value))
                                number(o, name, labels, value);
                }
}

static bool link_sent(const struct out *o, const struct path_view *p, double *ret)
{
        (void)o;
        *ret = (double)p->sent;
        return true;
}

static bool link_failed(const struct out *o, const struct path_view *p, double *ret)
{
        (void)o;
        *ret = (double)p->failed;
        return true;
}

static bool link_received(const struct out *o, const struct path_view *p, double *ret)
{
        (void)o;
        *ret = (double)p->received;
        return true;
}

static bool link_silence(const struct out *o, const struct path_view *p, double *ret)
{
        *ret = (double)(o->now_ms - p->heard_ms) / 1000;
        return p->heard && o->now_ms >= p->heard_ms;
}

static void put_packets(const struct out *o)
{
        char labels[64];
        head(o, "hamon_packets_total", "counter", "Datagrams that came, by what became of them.");
        for (unsigned k = 0; k < PACKET_KINDS; k++) {
                (void)snprintf(labels, sizeof labels, ",kind=\"%s\"", packet_word(k));
                number(o, "hamon_packets_total", labels, (double)o->s->links.count[k]);
        }
}

static void put_states(const struct out *o)
{
        const struct snapshot *s = o->s;
        char labels[256], mirror[128];
        head(o, "hamon_mirror_health", "gauge", "1 for the health that the mirror has as this node sees it.");
        for (unsigned m = 0; m < s->config->mirrors; m++)
                for (unsigned h = HEALTH_OK; h <= HEALTH_UNCONFIGURED; h++) {
                        (void)snprintf(labels, sizeof labels, "%s,state=\"%s\"", mirror_labels(o, m, mirror), health_word(h));
                        number(o, "hamon_mirror_health", labels, s->mirror[m].health == h);
                }
        head(o, "hamon_mirror_role", "gauge", "1 for the role that this node has.");
        for (unsigned m = 0; m < s->config->mirrors; m++)
                for (unsigned r = ROLE_UNKNOWN; r <= ROLE_DEPOSED; r++) {
                        (void)snprintf(labels, sizeof labels, "%s,state=\"%s\"", mirror_labels(o, m, mirror), role_word(r));
                        number(o, "hamon_mirror_role", labels, s->mirror[m].role == r);
                }
        head(o, "hamon_mirror_reason", "gauge", "The most urgent reason, as labels.");
        for (unsigned m = 0; m < s->config->mirrors; m++) {
                enum reason r = s->mirror[m].reason;
                (void)snprintf(labels, sizeof labels, "%s,code=\"%s\",severity=\"%s\"", mirror_labels(o, m, mirror), reason_code(r),
                               severity_word(reason_severity(r)));
                number(o, "hamon_mirror_reason", labels, 1);
        }
}

static void put_mirror_numbers(const struct out *o, const char *name, const char *type, const char *help,
                               bool (*what)(const struct out *o, const struct mirror_view *v, double *ret))
{
        char labels[128];
        double value;
        head(o, name, type, help);
        for (unsigned m = 0; m < o->s->config->mirrors; m++)
                if (what(o, &o->s->mirror[m], &value))
                        number(o, name, mirror_labels(o, m, labels), value);
}

static bool mirror_primary(const struct out *o, const struct mirror_view *v, double *ret)
{
        *ret = v->role == ROLE_PRIMARY && v->lease_valid && v->lease_left_ms > o->now_ms - o->s->taken_ms;
        return true;
}

static bool mirror_epoch(const struct out *o, const struct mirror_view *v, double *ret)
{
        (void)o;
        *ret = (double)v->record.epoch;
        return true;
}

static bool mirror_version(const struct out *o, const struct mirror_view *v, double *ret)
{
        (void)o;
        *ret = (double)v->record.version;
        return true;
}

static bool mirror_service(const struct out *o, const struct mirror_view *v, double *ret)
{
        *ret = v->observed.service_running;
        return o->s->act_ready && o->s->self < NODES;
}

static bool mirror_leg_age(const struct out *o, const struct mirror_view *v, double *ret)
{
        *ret = (double)v->observed.leg_oldest_ms / 1000;
        return o->s->act_ready && v->observed.attached;
}

static bool mirror_own_age(const struct out *o, const struct mirror_view *v, double *ret)
{
        *ret = (double)v->observed.own_oldest_ms / 1000;
        return o->s->act_ready && v->observed.array_running;
}

static bool mirror_maintenance(const struct out *o, const struct mirror_view *v, double *ret)
{
        (void)o;
        *ret = v->in_maintenance;
        return v->record.version != 0;
}

static bool resync_paused(const struct out *o, const struct mirror_view *v, double *ret)
{
        (void)o;
        *ret = v->observed.resync.paused;
        return v->role == ROLE_PRIMARY;
}

static bool resync_done(const struct out *o, const struct mirror_view *v, double *ret)
{
        (void)o;
        *ret = (double)v->observed.resync_done_sectors * SECTOR_BYTES;
        return v->observed.resync_total_sectors > 0;
}

static bool resync_total(const struct out *o, const struct mirror_view *v, double *ret)
{
        (void)o;
        *ret = (double)v->observed.resync_total_sectors * SECTOR_BYTES;
        return v->observed.resync_total_sectors > 0;
}

static void put_mirrors(const struct out *o)
{
        const struct snapshot *s = o->s;
        char labels[256], mirror[128];
        put_states(o);
        put_mirror_numbers(o, "hamon_mirror_primary", "gauge", "1: active on this node, under a valid lease.", mirror_primary);
        put_mirror_numbers(o, "hamon_mirror_epoch", "gauge", "Epoch of the highest record that this node knows.", mirror_epoch);
        put_mirror_numbers(o, "hamon_mirror_record_version", "gauge", "Version of that record.", mirror_version);
        put_mirror_numbers(o, "hamon_mirror_service_running", "gauge", "1: mounted here and every unit active.", mirror_service);
        put_mirror_numbers(o, "hamon_mirror_maintenance", "gauge", "1: nothing is taken over by itself, by a person's word.", mirror_maintenance);
        put_mirror_numbers(o, "hamon_mirror_resync_paused", "gauge", "1: a person paused the resync; absent on a standby.", resync_paused);
        put_mirror_numbers(o, "hamon_mirror_resync_done_bytes", "gauge", "Resynced so far; absent when idle.", resync_done);
        put_mirror_numbers(o, "hamon_mirror_resync_bytes", "gauge", "To be resynced in all; absent when idle.", resync_total);
        put_mirror_numbers(o, "hamon_mirror_peer_leg_oldest_request_seconds", "gauge", "Age of the oldest request on the peer's leg.", mirror_leg_age);
        put_mirror_numbers(o, "hamon_mirror_own_leg_oldest_request_seconds", "gauge", "Age of the oldest request on the own disk.", mirror_own_age);
        head(o, "hamon_leg_request_seconds", "gauge", "What a request of the leg took, the mean of some seconds; absent where none ended.");
        for (unsigned m = 0; m < s->config->mirrors; m++)
                for (unsigned n = 0; n < NODES; n++) {
                        uint32_t us = snapshot_request_us(s, m, n);
                        (void)snprintf(labels, sizeof labels, "%s,leg=\"%s\"", mirror_labels(o, m, mirror), s->config->voters[n].name);
                        if (us)
                                number(o, "hamon_leg_request_seconds", labels, (double)us / 1e6);
                }
        head(o, "hamon_leg_in_sync", "gauge", "1: the record says that this leg holds every acknowledged write.");
        for (unsigned m = 0; m < s->config->mirrors; m++)
                for (unsigned n = 0; n < NODES && s->mirror[m].record.version != 0; n++) {
                        (void)snprintf(labels, sizeof labels, "%s,leg=\"%s\"", mirror_labels(o, m, mirror), s->config->voters[n].name);
                        number(o, "hamon_leg_in_sync", labels, s->mirror[m].record.legs[n].in_sync);
                }
}

int get_metrics(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        size_t size;
        struct out o = {.to = open_memstream(&resp->text, &size), .s = c->snapshot, .now_ms = c->now_ms};
        if (!o.to)
                return -ENOMEM;
        put_node(&o);
        head(&o, "hamon_api_followers", "gauge", "Streams of events that are followed.");
        number(&o, "hamon_api_followers", "", hub_followers(c->api->hub));
        put_voters(&o);
        put_links(&o, "hamon_link_sent_total", "counter", "Datagrams sent over a link.", link_sent);
        put_links(&o, "hamon_link_send_errors_total", "counter", "Datagrams that could not be sent.", link_failed);
        put_links(&o, "hamon_link_received_total", "counter", "Authentic datagrams that came over a link.", link_received);
        put_links(&o, "hamon_link_silence_seconds", "gauge", "Since an authentic datagram came over a link.", link_silence);
        put_packets(&o);
        put_mirrors(&o);
        if (fclose(o.to) != 0)
                return -ENOMEM;
        resp->content_type = "text/plain; version=0.0.4; charset=utf-8";
        return 0;
}
