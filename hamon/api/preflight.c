/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Before a change: what it would do, and what stands in its way, for each mirror. Looks at the snapshot alone; the core decides anew when the
 * command comes, and an integration test holds the two against each other. Runs in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/owed_text.h"
#include "hamon/api/units_there.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct preflight {
        const struct api_call *c;
        const struct snapshot *s;
        const struct mirror_view *v;
        const struct mirror_summary *there; /* what the other node says, NULL while it is silent */
        unsigned mirror;
        uint8_t self, peer;
        json_t *checks, *will;
};

static const char *name_of(const struct preflight *p, uint8_t node)
{
        return p->s->config->voters[node].name;
}

static void will(const struct preflight *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void will(const struct preflight *p, const char *format, ...)
{
        char text[SENTENCE_SIZE];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args); /* names are short, a longer path is cut */
        va_end(args);
        json_array_append_new(p->will, json_string(text));
}

static void check(const struct preflight *p, const char *fact, bool holds, enum reason otherwise, uint8_t node)
{
        api_add_fact(p->checks, fact, holds, otherwise, p->c, p->mirror, node);
}

static bool runs_there(const struct preflight *p)
{
        return p->there && p->there->role == ROLE_PRIMARY;
}

static void check_act(const struct preflight *p)
{
        check(p, "hamon-act is connected", p->s->act_ready, REASON_ACT_LOST, p->self);
}

static void check_peer(const struct preflight *p)
{
        check(p, "the other node is heard", p->s->node[p->peer].alive, REASON_NODE_DEAD, p->peer);
}

static void check_witness(const struct preflight *p)
{
        if (p->s->config->has_witness)
                check(p, "the witness is heard", p->s->node[WITNESS].alive, REASON_WITNESS_LOST, WITNESS);
}

static void check_idle(const struct preflight *p)
{
        check(p, "no effect is under way", !p->v->waiting_for, REASON_COMMAND_BUSY, p->peer);
}

static void check_standby(const struct preflight *p)
{
        check(p, "this node is standby", p->v->role == ROLE_STANDBY, REASON_COMMAND_WRONG_STATE, p->self);
}

static void of_create(const struct preflight *p)
{
        const char *self = name_of(p, p->self);
        will(p, "make a leg on %s of %s: all that is on that disk is lost", p->s->config->mirror[p->mirror].device[p->self], self);
        will(p, "make %s primary of %s, with one leg", self, p->s->config->mirror[p->mirror].name);
        check_act(p);
        check_standby(p);
        check(p, "the mirror was never created", p->v->record.version == 0, REASON_COMMAND_WRONG_STATE, p->self);
        check_peer(p);
        check_witness(p);
        check_idle(p);
}

static void of_join(const struct preflight *p)
{
        const struct record *r = &p->v->record;
        const char *self = name_of(p, p->self);
        will(p, "make a new leg on %s of %s: all that is on that disk is lost", p->s->config->mirror[p->mirror].device[p->self], self);
        will(p, "copy the whole leg of %s to it", name_of(p, p->peer));
        check_act(p);
        check(p, "the mirror was created", r->version != 0, REASON_NOT_CREATED, p->self);
        check_standby(p);
        check(p, "this node is not the recorded primary", r->primary != p->self, REASON_COMMAND_WRONG_STATE, p->self);
        check(p, "this node's leg is not in sync", !r->legs[p->self].in_sync, REASON_COMMAND_WRONG_STATE, p->self);
        check(p, "the other node is active", runs_there(p), REASON_NODE_DEAD, p->peer);
        check_idle(p);
}

/* What its service needs, and what needs that, moves with it. */
static void check_group(const struct preflight *p)
{
        uint32_t group = config_group(p->s->config, p->mirror);
        for (unsigned m = 0; m < p->s->config->mirrors; m++) {
                const struct record *r = &p->s->mirror[m].record;
                const char *name = p->s->config->mirror[m].name;
                char fact[96];
                if (m == p->mirror || !(group & UINT32_C(1) << m))
                        continue;
                will(p, "move %s as well, as one service needs both", name);
                (void)snprintf(fact, sizeof fact, "%s, which moves with it, has both legs in sync", name); /* fits */
                check(p, fact, r->legs[0].in_sync && r->legs[1].in_sync, REASON_DEGRADED, r->primary < NODES ? (uint8_t)(1 - r->primary) : p->peer);
        }
}

static void check_units(const struct preflight *p, uint8_t target)
{
        char unit[CONFIG_UNIT_SIZE], fact[CONFIG_UNIT_SIZE + CONFIG_NAME_SIZE + 64];
        bool miss = units_there_miss(p->c->api, p->s, p->mirror, target, unit, sizeof unit);
        (void)snprintf(fact, sizeof fact, miss ? "its unit %s is installed on %s" : "its units are installed%s on %s", miss ? unit : "", name_of(p, target)); /* fits */
        check(p, fact, !miss, REASON_COMMAND_WRONG_STATE, target);
}

static void of_switchover(const struct preflight *p)
{
        const struct record *r = &p->v->record;
        bool here = p->v->role == ROLE_PRIMARY;
        bool peer_ready = here ? p->there && p->there->leg_ready && p->there->role == ROLE_STANDBY : runs_there(p) && p->s->act_ready;
        if (r->primary < NODES)
                will(p, "stop the service of %s on %s and start it on %s: a pause for its clients, nothing is lost and nothing is copied",
                     p->s->config->mirror[p->mirror].name, name_of(p, r->primary), name_of(p, (uint8_t)(1 - r->primary)));
        check(p, "one of the nodes is active", here || runs_there(p), REASON_COMMAND_WRONG_STATE, p->peer);
        check(p, "both legs are in sync", r->legs[0].in_sync && r->legs[1].in_sync,
              r->legs[0].inconsistent || r->legs[1].inconsistent ? REASON_RESYNC : REASON_DEGRADED, r->primary < NODES ? (uint8_t)(1 - r->primary) : p->peer);
        check(p, "the other node is heard and its leg is ready", peer_ready, REASON_NODE_DEAD, p->peer);
        check_group(p);
        if (p->s->config->mirror[p->mirror].service.units > 0 && r->primary < NODES)
                check_units(p, (uint8_t)(1 - r->primary));
        check_witness(p);
        check_idle(p);
        check(p, "no node is leaving", !p->s->node[p->peer].last.leaving, REASON_NODE_LEAVING, p->peer);
}

static void of_verify(const struct preflight *p)
{
        const char *why;
        bool here = p->v->role == ROLE_PRIMARY;
        enum verify_place place = verify_place(p->s, p->mirror, &why);
        will(p, "compare both legs of %s by digests while it serves, as slowly as its latency wants it; nothing is changed", p->s->config->mirror[p->mirror].name);
        check(p, "one of the nodes is active", here || runs_there(p), REASON_COMMAND_WRONG_STATE, p->peer);
        check(p, "both legs are in sync", p->v->record.legs[0].in_sync && p->v->record.legs[1].in_sync, REASON_DEGRADED, p->peer);
        check_peer(p);
        if (here)
                check(p, "both legs can be read", place == VERIFY_HERE, REASON_COMMAND_WRONG_STATE, p->peer);
        check(p, "no verify is under way", !verify_is_under_way(p->s->verify[p->mirror].memory.run.state), REASON_COMMAND_BUSY, p->peer);
}

static void say_removal(const struct preflight *p, bool with_service)
{
        const struct config_mirror *m = &p->s->config->mirror[p->mirror];
        const struct record *r = &p->v->record;
        const char *self = name_of(p, p->self), *peer = name_of(p, p->peer);
        bool runs = p->v->role == ROLE_PRIMARY || runs_there(p);
        if (m->service.present && with_service)
                will(p, "stop the service of %s%s%s for good, and take it out of the configuration; its units stay installed", m->name, m->service.has_mount ? " on " : "", m->service.mount);
        if (r->version != 0)
                will(p, "have it decided that nobody starts %s any more%s%s%s", m->name, runs ? ", and stop its array on " : "", runs ? name_of(p, r->primary < NODES ? r->primary : p->self) : "",
                     r->legs[0].in_sync && r->legs[1].in_sync ? "; both legs hold everything then" : "; ONE leg holds everything then");
        will(p, "take its legs from nbdd on both nodes, and %s out of the configuration of all machines; the other mirrors go on", m->name);
        will(p, "leave what is on %s of %s and on %s of %s as it is: hamon-rescue reads it", m->device[p->self], self, m->device[p->peer], peer);
        check_act(p);
        check_peer(p);
        check_witness(p);
        if (!with_service)
                check(p, "no service is configured on it (else: --with-service)", !m->service.present, REASON_COMMAND_WRONG_STATE, p->self);
        check_idle(p);
}

static void of_remove(const struct preflight *p)
{
        say_removal(p, false);
}

static void of_remove_with_service(const struct preflight *p)
{
        say_removal(p, true);
}

static void of_start_alone(const struct preflight *p)
{
        const char *self = name_of(p, p->self), *peer = name_of(p, p->peer);
        will(p, "start %s on %s with what its leg holds: acknowledged writes that only %s has are lost for good", p->s->config->mirror[p->mirror].name, self, peer);
        will(p, "overwrite the leg of %s with this one's when that node is back", peer);
        check_act(p);
        check_standby(p);
        check(p, "this node's leg is in sync by the record", p->v->record.legs[p->self].in_sync, REASON_STALE, p->peer);
        check(p, "the other node is not active", !runs_there(p), REASON_COMMAND_WRONG_STATE, p->peer);
        check_witness(p);
}

/* When md last wrote this copy's superblock: since then at the latest it has missed writes. */
static void since_text(const struct preflight *p, char *ret, size_t size)
{
        time_t then = (time_t)p->v->own_copy_s;
        int64_t age_s = p->s->wall_ms / 1000 - (int64_t)then;
        struct tm utc;
        char clock[32];
        if (then == 0 || !gmtime_r(&then, &utc)) {
                (void)snprintf(ret, size, "a time that is not known");
                return;
        }
        (void)strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S UTC", &utc); /* fits */
        (void)snprintf(ret, size, age_s < 0 ? "%s (which is to come, by this machine's clock)" : age_s < 7200 ? "%s, %lld min ago" : "%s, %lld h ago", clock,
                       (long long)(age_s < 7200 ? age_s / 60 : age_s / 3600));
}

static void of_force_primary(const struct preflight *p)
{
        const char *self = name_of(p, p->self), *peer = name_of(p, p->peer), *mirror = p->s->config->mirror[p->mirror].name;
        const struct record_leg *own = &p->v->record.legs[p->self];
        bool torn = own->inconsistent || own->doubtful;
        char since[96], owed[OWED_TEXT_SIZE];
        since_text(p, since, sizeof since);
        owed_text(p->c->api, mirror, p->peer, p->s->wall_ms, owed);
        if (torn)
                will(p, "do nothing: the leg of %s is TORN, of no single moment, as a resync onto it had begun; hamon-rescue shows what can be read of it", self);
        else
                will(p, "make the leg of %s the data of %s. It is OLD, and not torn: it was last written as a part of the mirror at %s", self, mirror, since);
        if (!torn) {
                will(p, "give up every write to %s since then for good; how much that is: %s", mirror, owed);
                will(p, "overwrite the whole leg of %s with this one's when that node is back", peer);
        }
        check_act(p);
        check_standby(p);
        check(p, "this node's leg is not in sync by the record: else nothing has to be forced", p->v->record.version != 0 && !own->in_sync, REASON_COMMAND_WRONG_STATE,
              p->peer);
        check(p, "this node's leg is not torn", !torn, REASON_TORN, p->peer);
        check(p, "the other node is not active", !runs_there(p), REASON_COMMAND_WRONG_STATE, p->peer);
        check_witness(p);
}

static void of_leave(const struct preflight *p)
{
        const char *mirror = p->s->config->mirror[p->mirror].name, *peer = name_of(p, p->peer);
        bool here = p->v->role == ROLE_PRIMARY;
        bool goes_on = p->v->if_self_fails == REASON_WILL_TAKE_OVER || p->v->if_self_fails == REASON_WILL_GO_ON;
        if (here && goes_on)
                will(p, "stop the service of %s here; %s takes it over", mirror, peer);
        else if (here)
                will(p, "stop the service of %s, which nobody takes over", mirror);
        else if (runs_there(p))
                will(p, "take the leg of %s out of %s, which goes on on %s without it", name_of(p, p->self), mirror, peer);
        else
                will(p, "no longer start %s on this node", mirror);
        check(p, "another node serves it meanwhile", goes_on, p->v->if_self_fails, p->self);
        check(p, "the other node is not leaving", !p->s->node[p->peer].last.leaving, REASON_NODE_LEAVING, p->peer);
}

/* Whether the disks have room is asked of each of them (/v1/mirrors/NAME/disk): a preflight waits for no disk. */
static void of_grow(const struct preflight *p)
{
        const char *mirror = p->s->config->mirror[p->mirror].name;
        const struct record *r = &p->v->record;
        bool here = p->v->role == ROLE_PRIMARY;
        if (r->primary < NODES) {
                const char *standby = name_of(p, (uint8_t)(1 - r->primary));
                will(p, "make the leg of %s as long as its disk, and have %s attach it anew: some seconds with one leg", standby, name_of(p, r->primary));
                will(p, "then make the leg of %s longer, the array of %s and the file system on it, while it serves; they cannot be made smaller again", name_of(p, r->primary), mirror);
        }
        check_act(p);
        check(p, "one of the nodes is active", here || runs_there(p), REASON_COMMAND_WRONG_STATE, p->peer);
        check(p, "both legs are in sync", r->legs[0].in_sync && r->legs[1].in_sync,
              r->legs[0].inconsistent || r->legs[1].inconsistent ? REASON_RESYNC : REASON_DEGRADED, r->primary < NODES ? (uint8_t)(1 - r->primary) : p->peer);
        check_peer(p);
        check(p, "no verify is under way", !verify_is_under_way(p->s->verify[p->mirror].memory.run.state), REASON_COMMAND_BUSY, p->peer);
        check_idle(p);
}

/* Of this node, which is rebooted: as hamon/core/fence_test.c has it. */
static void of_test_fence(const struct preflight *p)
{
        const char *mirror = p->s->config->mirror[p->mirror].name, *self = name_of(p, p->self), *peer = name_of(p, p->peer);
        const struct record *r = &p->v->record;
        bool here = p->v->role == ROLE_PRIMARY;
        will(p, "reboot %s at once, as by a power cut", self);
        if (here)
                will(p, "have %s take %s over: a pause for its clients, nothing is lost", peer, mirror);
        else if (r->version != 0)
                will(p, "leave %s active on %s, with one leg until %s is back", mirror, peer, self);
        check_act(p);
        if (r->version == 0)
                return;
        check_peer(p);
        check(p, "the mirror is active on one of the nodes", here || (p->v->role == ROLE_STANDBY && runs_there(p)), REASON_COMMAND_WRONG_STATE, p->peer);
        if (!here)
                return;
        check(p, "the other node's leg is in sync and ready", r->legs[p->peer].in_sync && p->there && p->there->leg_ready, REASON_DEGRADED, p->peer);
        check(p, "the witness is heard", p->s->config->has_witness && p->s->node[WITNESS].alive, REASON_WITNESS_LOST, WITNESS);
        check(p, "the mirror is not in maintenance", !p->v->in_maintenance, REASON_MAINTENANCE, p->self);
}

static void of_confirm_dead(const struct preflight *p)
{
        const char *peer = name_of(p, p->peer);
        will(p, "let %s go on alone as if %s were off: if it still runs, what it writes is lost", name_of(p, p->self), peer);
        check(p, "the cluster has no witness", !p->s->config->has_witness, REASON_COMMAND_WRONG_STATE, p->self);
        check(p, "the other node is silent", !p->s->node[p->peer].alive, REASON_COMMAND_WRONG_STATE, p->self);
        check(p, "this node's leg is in sync by the record", p->v->record.legs[p->self].in_sync, REASON_STALE, p->peer);
}

static void of_replace_witness(const struct preflight *p)
{
        will(p, "take the witness's vote away; whoever answers under its name is admitted anew, with an empty memory");
        check(p, "the cluster has a witness", p->s->config->has_witness, REASON_COMMAND_WRONG_STATE, p->self);
        check(p, "this node is active", p->v->role == ROLE_PRIMARY, REASON_COMMAND_WRONG_STATE, p->self);
        check_peer(p);
}

static const struct {
        const char *command;
        void (*look)(const struct preflight *p);
} looks[] = {
        {"create", of_create},
        {"join", of_join},
        {"switchover", of_switchover},
        {"verify", of_verify},
        {"start-alone", of_start_alone},
        {"force-primary", of_force_primary},
        {"remove", of_remove},
        {"remove-with-service", of_remove_with_service},
        {"leave", of_leave},
        {"grow", of_grow},
        {"test-fence", of_test_fence},
        {"confirm-dead", of_confirm_dead},
        {"replace-witness", of_replace_witness},
};
enum { LOOKS = sizeof looks / sizeof *looks };

static json_t *preflight_json(const struct api_call *c, unsigned m, void (*look)(const struct preflight *), bool *ret_ready)
{
        const struct snapshot *s = c->snapshot;
        uint8_t peer = (uint8_t)(1 - s->self), primary = s->mirror[m].record.primary;
        const struct heartbeat *said = &s->node[peer].last;
        const struct preflight p = {.c = c, .s = s, .v = &s->mirror[m], .there = s->node[peer].alive && m < said->mirrors ? &said->mirror[m] : NULL,
                                    .mirror = m, .self = s->self, .peer = peer, .checks = json_array(), .will = json_array()};
        const json_t *fact;
        bool ready = true;
        size_t i;
        look(&p);
        json_array_foreach(p.checks, i, fact)
                ready = ready && json_is_true(json_object_get(fact, "holds"));
        *ret_ready = *ret_ready && ready;
        return json_pack("{s:s, s:b, s:o, s:o, s:o}", "mirror", s->config->mirror[m].name, "ready", (int)ready, "from",
                         primary < NODES ? json_string(s->config->voters[primary].name) : json_null(), "will", p.will, "checks", p.checks);
}

int get_preflight(struct api_call *c, struct http_response *resp)
{
        unsigned k = 0;
        while (k < LOOKS && strcmp(c->part[2], looks[k].command) != 0)
                k++;
        if (k == LOOKS)
                return http_response_problem(resp, 404, "not-found", "no such command",
                                             "a preflight is for create, join, switchover, verify, start-alone, force-primary, remove, remove-with-service, leave, grow, test-fence, confirm-dead or replace-witness", NULL);
        if (call_is_early(c, resp) || !api_mirror_is_known(c, resp))
                return 0;
        if (c->snapshot->self >= NODES)
                return http_response_problem(resp, 409, "wrong-node", "the witness holds no data",
                                             "this is the witness: it knows no mirror's state", "ask a node");
        json_t *list = json_array();
        bool ready = true;
        for (unsigned m = 0; m < c->api->config->mirrors; m++)
                if (api_mirror_is_wanted(c, m))
                        json_array_append_new(list, preflight_json(c, m, looks[k].look, &ready));
        return answer_view(c, resp, json_pack("{s:s, s:b, s:o}", "command", looks[k].command, "ready", (int)ready, "preflight", list));
}
