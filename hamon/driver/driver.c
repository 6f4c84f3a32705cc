/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/driver/driver_state.h"

#include "base/log.h"
#include "hamon/api/config_json.h"
#include "hamon/api/event_writer.h"
#include "hamon/api/words.h"
#include "hamon/net/mirror_tags.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>

uint64_t driver_now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Each event brings some along, and few use it: the kernel is asked once for several. The loop's thread alone. */
static void random_bytes(void *to, size_t size_bytes)
{
        static uint8_t pool[256]; /* as much as is never cut short once the kernel's pool is ready */
        static size_t left;

        assert(size_bytes <= sizeof pool);
        if (left < size_bytes) {
                ssize_t n = getrandom(pool, sizeof pool, 0);
                assert(n == (ssize_t)sizeof pool);
                left = sizeof pool;
        }
        left -= size_bytes;
        memcpy(to, pool + left, size_bytes);
        explicit_bzero(pool + left, size_bytes);
}

/* -- Stepping ------------------------------------------------------------------------------------------------------------------ */

static void arm_tick(struct driver *d)
{
        uint64_t deadline = core_next_deadline_ms(&d->core);
        if (deadline == UINT64_MAX) {
                (void)sd_event_source_set_enabled(d->tick, SD_EVENT_OFF);
                return;
        }
        (void)sd_event_source_set_time(d->tick, deadline * 1000);
        (void)sd_event_source_set_enabled(d->tick, SD_EVENT_ONESHOT);
}

/* Heartbeats and measurements come a dozen times a second and change little that anybody wants to see at once. */
static bool is_decision(const struct event *e, const struct actions *actions)
{
        bool decided = e->type != EVENT_MESSAGE && e->type != EVENT_TICK && e->type != EVENT_OBSERVED;
        for (unsigned i = 0; i < actions->count; i++)
                decided = decided || actions->at[i].type != ACTION_SEND;
        return decided;
}

void driver_event(struct driver *d, const struct event *e)
{
        if (d->inbox_count == INBOX_MAX) {
                /* Everything but a message comes in small numbers; a flood of messages must not displace it. */
                log_warning("[inbox-full] an event of type %d is lost, continuing", (int)e->type);
                return;
        }
        d->inbox[(d->inbox_first + d->inbox_count++) % INBOX_MAX] = *e;
        if (d->stepping)
                return;
        d->stepping = true;
        bool decided = false;
        while (d->inbox_count > 0) {
                struct event *next = &d->inbox[d->inbox_first];
                next->now_ms = driver_now_ms();
                next->wall_s = (uint64_t)time(NULL);
                random_bytes(next->entropy, sizeof next->entropy);
                d->actions.count = 0;
                core_step(&d->core, next, &d->actions);
                decided = is_decision(next, &d->actions) || decided;
                d->inbox_first = (d->inbox_first + 1) % INBOX_MAX;
                d->inbox_count--;
                driver_perform(d, &d->actions);
        }
        d->stepping = false;
        arm_tick(d);
        driver_publish_soon(d, decided);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        struct event e = {.type = EVENT_TICK};
        driver_event(userdata, &e);
        return 0;
}

/* -- What comes in ------------------------------------------------------------------------------------------------------------- */

static bool on_payload(void *userdata, uint8_t from, const uint8_t *payload, size_t size_bytes)
{
        struct driver *d = userdata;
        struct event e = {.type = EVENT_MESSAGE};
        int r = mirror_tags_decode(d->config, payload, size_bytes, &e.message);
        if (r == -ENOENT)
                return true; /* another configuration is on its way, here or there */
        if (r < 0 || e.message.from != from || e.message.to != d->options.self)
                return false;
        driver_event(d, &e);
        return true;
}

static void on_packet_alarm(void *userdata, enum packet_kind kind, const char *from, uint64_t count)
{
        struct driver *d = userdata;
        char code[32], sentence[SENTENCE_SIZE];
        (void)snprintf(code, sizeof code, "packet-%s", packet_word(kind)); /* fits */
        (void)snprintf(sentence, sizeof sentence, "datagram from %s refused: %s", from, packet_sentence(kind));
        driver_report_text(d, code, SEVERITY_WARNING, "", "", count, sentence);
}

static void on_durable(void *userdata, uint64_t durable_generation, int error, uint8_t mirror)
{
        struct driver *d = userdata;
        if (error < 0 && d->state_error == 0) {
                char sentence[SENTENCE_SIZE];
                (void)snprintf(sentence, sizeof sentence, "the state of %s cannot be written under '%.100s': %s; this node cannot vote",
                               d->config->mirror[mirror].name, d->options.state_directory, strerrordesc_np(-error));
                driver_report_text(d, "state-write-failed", SEVERITY_CRITICAL, d->config->mirror[mirror].name, "", 0, sentence);
        }
        d->state_error = error;
        assert(durable_generation >= d->durable_generation);
        d->durable_generation = durable_generation;
        driver_perform_deferred(d);
        driver_publish_soon(d, true);
}

static void on_act_ready(void *userdata)
{
        struct driver *d = userdata;
        struct event e = {.type = EVENT_ACT_READY};
        d->act_changed_ms = driver_now_ms();
        deferred_forget_effects(&d->deferred);
        driver_event(d, &e);
}

static void on_act_lost(void *userdata, int error)
{
        struct driver *d = userdata;
        struct event e = {.type = EVENT_ACT_LOST};
        d->act_changed_ms = driver_now_ms();
        log_warning("hamon-act at '%s' is gone: %s", d->options.act_socket, strerrordesc_np(-error));
        driver_event(d, &e);
}

static void on_act_packet(void *userdata, const struct act_packet *p)
{
        struct event e = {.type = EVENT_OBSERVED};
        if (p->type == ACT_PACKET_OBSERVATION) {
                struct driver *d = userdata;
                e.observed = p->observed;
                d->service[p->observed.mirror] = p->service; /* all zero when nothing is said of it */
        } else {
                e.type = EVENT_EFFECT_DONE;
                e.result = p->result;
                if (p->result.type == EFFECT_RESYNC_HOOK ? p->result.error < 0 : p->result.error == 0 && *p->result.detail)
                        driver_report_hook(userdata, &p->result);
                else if (p->result.error < 0)
                        driver_report_failure(userdata, &p->result);
        }
        driver_event(userdata, &e);
}

static void on_bad_act_packet(void *userdata, const char *text, size_t size_bytes)
{
        (void)userdata;
        log_error("[act-protocol] hamon-act sent what is not a packet of this version, ignored: %.*s", (int)(size_bytes > 300 ? 300 : size_bytes),
                  text);
}

/* Who did what: in the journal and among the events, before anything happens. */
static void audit(struct driver *d, const struct operation *op)
{
        const char *mirror = op->mirror < d->config->mirrors ? d->config->mirror[op->mirror].name : "";
        char sentence[SENTENCE_SIZE];
        (void)snprintf(sentence, sizeof sentence, "'%s%s'%s%s was asked for by %s (operation %llu)", command_word(op->type),
                       op->type == COMMAND_RESYNC        ? resync_wish_word(op->order.wish)
                       : op->type != COMMAND_MAINTENANCE ? ""
                       : op->until_s                     ? " on"
                                                         : " off",
                       *mirror ? " of " : "", mirror,
                       op->by, (unsigned long long)op->ticket);
        driver_report_text(d, "command", SEVERITY_INFO, mirror, "", op->ticket, sentence);
}

static void on_command(void *userdata, const struct operation *op)
{
        if (!op) { /* a verify has begun, or has come to its end */
                driver_publish(userdata);
                return;
        }
        audit(userdata, op);
        struct event e = {.type = EVENT_COMMAND,
                          .command = {.type = op->type, .mirror = op->mirror, .consent = op->consent, .order = op->order, .until_s = op->until_s, .leg_bytes = op->leg_bytes, .ticket = op->ticket}};
        if (op->mirror == MIRRORS_MAX)
                e.command.mirror = 0; /* of the node: any will do */
        driver_event(userdata, &e);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        (void)userdata;
        log_info("stops on signal %u; arrays and services stay as they are", si->ssi_signo);
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* -- Beginning and end --------------------------------------------------------------------------------------------------------- */

static int read_state(struct driver *d)
{
        struct core_durable durable = {0};
        for (uint8_t m = 0; m < d->config->mirrors; m++) {
                char why[SENTENCE_SIZE];
                int r = writer_read(d->config, d->options.state_directory, m, &durable.acceptor[m], &durable.known[m], why, sizeof why);
                if (r < 0) {
                        log_error("[state-unusable] %s", why);
                        return r;
                }
        }
        struct core_config core = {
                .self = d->options.self,
                .manual = !d->config->has_witness,
                .mirrors = (uint8_t)d->config->mirrors,
                .timers = d->config->timers,
                .boot = d->boot,
                .start = d->start,
        };
        for (unsigned m = 0; m < d->config->mirrors; m++) {
                core.needs[m] = d->config->mirror[m].service.needs;
                core.group[m] = config_group(d->config, m);
                core.has_service[m] = d->config->mirror[m].service.present;
                core.service[m] = d->config->mirror[m].service.policy;
                core.has_resync_hook[m] = *d->config->mirror[m].service.hooks.before_resync_target;
        }
        core_init(&d->core, &core, &durable, d->started_ms);
        return 0;
}

/* The key beside the cluster key, which is accepted and not used: while a cluster changes its key. -ENOENT: there is none. */
static int load_second_key(const struct driver *d, uint8_t ret[SEAL_KEY_BYTES])
{
        char path[PATH_MAX];
        int r = seal_key_also(d->config->key_file, path, sizeof path);
        if (r < 0)
                return r;
        r = seal_key_load(path, ret);
        if (r < 0 && r != -ENOENT)
                log_error("[no-key] cannot read the second cluster key '%s': %s", path, r == -EBADMSG ? "not 64 hex digits" : strerrordesc_np(-r));
        return r;
}

static int rekey(struct driver *d)
{
        uint8_t key[SEAL_KEY_BYTES], also[SEAL_KEY_BYTES];
        int second = load_second_key(d, also), r = seal_key_load(d->config->key_file, key);
        if (r < 0)
                log_error("[no-key] cannot read the cluster key '%s': %s", d->config->key_file, r == -EBADMSG ? "not 64 hex digits" : strerrordesc_np(-r));
        else if (second < 0 && second != -ENOENT)
                r = second;
        else
                r = links_rekey(d->links, key, second == 0 ? also : NULL);
        if (r == 0)
                r = api_rekey(&d->api, key, second == 0 ? also : NULL);
        explicit_bzero(key, sizeof key);
        explicit_bzero(also, sizeof also);
        if (r == 0 && second == 0)
                log_notice("a second cluster key is accepted as well");
        return r;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        (void)source, (void)si;
        struct driver *d = userdata;
        if (rekey(d) == 0)
                log_notice("[keys-read] the cluster keys were read anew");
        else
                log_error("[keys-kept] the cluster keys were not read anew, continuing with the former ones");
        api_reload(&d->api);
        return 0;
}

static int open_links(struct driver *d)
{
        uint8_t key[SEAL_KEY_BYTES];
        int r = seal_key_load(d->config->key_file, key);
        if (r < 0) {
                log_error("[no-key] cannot read the cluster key '%s': %s; make one with 'hamonctl key generate', the same on all machines",
                          d->config->key_file, r == -EBADMSG ? "not 64 hex digits" : strerrordesc_np(-r));
                return r;
        }
        struct stat st;
        if (stat(d->config->key_file, &st) == 0 && (st.st_mode & 0007) != 0)
                log_warning("[key-exposed] everybody can read or change the cluster key '%s', continuing; chmod 0640 it", d->config->key_file);
        struct links_handler handler = {.payload = on_payload, .alarm = on_packet_alarm, .userdata = d};
        r = links_new(d->loop, d->config, d->options.self, d->start, key, &handler, &d->links);
        explicit_bzero(key, sizeof key);
        if (r < 0)
                log_error("[no-link] cannot listen on UDP port %u of '%s': %s", d->config->port,
                          d->config->voters[d->options.self].link[0].text, strerrordesc_np(-r));
        return r < 0 ? r : rekey(d);
}

static int start_parts(struct driver *d)
{
        int r = sd_event_new(&d->loop);
        if (r >= 0)
                r = sd_event_add_time(d->loop, &d->tick, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_tick, d);
        if (r >= 0)
                r = sd_event_source_set_priority(d->tick, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0)
                r = sd_event_add_signal(d->loop, NULL, SIGTERM, on_signal, d);
        if (r >= 0)
                r = sd_event_add_signal(d->loop, NULL, SIGHUP, on_hangup, d);
        if (r >= 0)
                r = sd_event_add_signal(d->loop, NULL, SIGINT, on_signal, d);
        if (r >= 0)
                r = operations_new(d->loop, on_command, d, &d->api.operations);
        d->api.events = event_log_new();
        d->api.snapshots = snapshot_box_new();
        if (r >= 0 && (!d->api.events || !d->api.snapshots))
                r = -ENOMEM;
        if (r < 0)
                return r;
        r = read_state(d);
        if (r == 0)
                r = event_writer_open(d->api.events, d->options.state_directory, &d->api.event_writer);
        if (r == 0)
                r = open_links(d);
        if (r < 0)
                return r;
        const struct writer_handler writer = {.done = on_durable, .userdata = d};
        r = writer_new(d->loop, d->config, d->options.state_directory, &writer, &d->writer);
        if (r == 0 && d->options.self != WITNESS) {
                const struct act_handler act = {.ready = on_act_ready, .lost = on_act_lost, .packet = on_act_packet,
                                                .bad_packet = on_bad_act_packet, .userdata = d};
                r = act_client_new(d->loop, d->config, d->options.act_socket, &act, &d->act);
        }
        if (r < 0)
                return r;
        r = driver_publish_init(d);
        if (r < 0)
                return r;
        char error[SENTENCE_SIZE];
        const struct api_options api = {.socket_path = d->options.control_socket, .nbdd_socket = d->options.nbdd_socket, .act_socket = d->options.act_socket,
                                        .state_directory = d->options.state_directory, .start = d->start};
        r = api_start(&d->api, &api, error, sizeof error);
        if (r < 0)
                log_error("[no-api] %s", error);
        else if (*error)
                log_warning("[no-tcp-api] %s; what runs is not concerned, continuing", error);
        return r;
}

int driver_new(const struct driver_options *options, struct driver **ret)
{
        struct driver *d = calloc(1, sizeof *d);
        if (!d)
                return -ENOMEM;
        d->options = *options;
        d->config = options->config;
        d->api.config = options->config;
        d->api.self = options->self;
        random_bytes(&d->start, sizeof d->start);
        d->started_ms = d->act_changed_ms = driver_now_ms();
        int r = config_hash(d->config, d->api.config_hash);
        if (r == 0)
                d->api.configs = config_keep_new(options->config_path, d->config->version, d->api.config_hash, d->config->voters[options->self].name);
        if (r == 0 && !d->api.configs)
                r = -ENOMEM;
        if (r == 0)
                r = boot_id_read(&d->boot);
        if (r < 0)
                log_error("cannot read the kernel's boot id: %s", strerrordesc_np(-r));
        else
                r = start_parts(d);
        if (r < 0) {
                driver_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

enum { SLOW_TURN_US = 100000 }; /* half a heartbeat's interval */

/* One turn: wait, then handle one ready source. Only the handling is measured: nobody waits for a loop that waits. */
static int turn(struct driver *d)
{
        int r = sd_event_prepare(d->loop);
        if (r == 0)
                r = sd_event_wait(d->loop, UINT64_MAX);
        if (r <= 0)
                return r;
        struct timespec begin, end;
        (void)clock_gettime(CLOCK_MONOTONIC, &begin);
        r = sd_event_dispatch(d->loop);
        (void)clock_gettime(CLOCK_MONOTONIC, &end);
        int64_t us = (int64_t)(end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000;
        d->turns++;
        if (us > 0 && (uint64_t)us > d->worst_turn_us) {
                d->worst_turn_us = (uint64_t)us;
                if (us > SLOW_TURN_US) /* said again only when it gets worse */
                        log_warning("[slow-turn] a turn of the loop took %lld ms, continuing", (long long)us / 1000);
        }
        driver_watchdog(d);
        return r;
}

int driver_run(struct driver *d, bool *ret_renew)
{
        (void)sd_notify(0, "READY=1");
        struct event e = {.type = EVENT_TICK};
        driver_report(d, REASON_STARTED, MIRRORS_MAX, NO_NODE, 0);
        driver_event(d, &e);
        int r;
        do
                r = turn(d);
        while (r >= 0 && sd_event_get_state(d->loop) != SD_EVENT_FINISHED);
        *ret_renew = d->renew;
        (void)sd_notify(0, d->renew ? "STATUS=begins anew with another configuration" : "STOPPING=1");
        return r < 0 && r != -ESTALE ? r : 0;
}

void driver_free(struct driver *d)
{
        if (!d)
                return;
        api_stop(&d->api);
        act_client_free(d->act);
        links_free(d->links);
        writer_free(d->writer);
        operations_free(d->api.operations);
        snapshot_box_free(d->api.snapshots);
        event_log_free(d->api.events);
        config_keep_free(d->api.configs);
        sd_event_source_unref(d->tick);
        sd_event_source_unref(d->publish_timer);
        sd_event_unref(d->loop);
        free(d);
}
