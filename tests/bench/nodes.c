/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nodes CONFIG... SECONDS: the two nodes of each of these clusters, as far as their witness sees them.
 *
 * Real links and codecs, the messages of a healthy cluster at their normal rate: both nodes' heartbeats, and the primary's renewals of its lease, each
 * with the echo of the answer before (R4b). The first node has the record decided at the witness before (prepare, accept with admission). Prints, one
 * JSON object: the round trips of the renewals in microseconds, how many were granted, and how many went unanswered.
 */
#include "hamon/config.h"
#include "hamon/core/register.h"
#include "hamon/net/links.h"
#include "hamon/net/mirror_tags.h"
#include "wire/hamon_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { SAMPLES_MAX = 1 << 20 };

struct node {
        struct cluster *cluster;
        struct links *links;
        uint64_t start, sequence;
};

struct cluster {
        struct config config;
        struct node node[NODES];
        struct uuid boot;
        struct record value;
        bool decided;
        uint64_t echo, renewal, sent_us, answered;
        sd_event_source *beat;
};

static uint32_t samples[SAMPLES_MAX];
static size_t sample_count;
static uint64_t granted, refused, lost;

static uint64_t now_us(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void fill(void *to, size_t size_bytes)
{
        if (getrandom(to, size_bytes, 0) != (ssize_t)size_bytes)
                abort();
}

static void say(struct node *n, struct message *m)
{
        uint8_t bytes[HAMON_WIRE_MAX];
        m->from = n == &n->cluster->node[0] ? 0 : 1;
        m->to = WITNESS;
        m->voters_generation = n->cluster->decided && m->type != MESSAGE_HEARTBEAT ? VOTERS_GENERATION_FIRST : VOTERS_GENERATION_NONE;
        int size = mirror_tags_encode(&n->cluster->config, m, bytes, sizeof bytes);
        if (size < 0 || links_send(n->links, WITNESS, bytes, (size_t)size) < 0)
                abort();
}

static struct ballot first_ballot(const struct node *n)
{
        return (struct ballot){.n = 1, .node = 0, .start = n->start};
}

static void beat(struct node *n)
{
        struct cluster *c = n->cluster;
        struct message m = {.type = MESSAGE_HEARTBEAT,
                            .heartbeat = {.boot = c->boot, .start = n->start, .sequence = ++n->sequence, .mirrors = 1}};
        m.heartbeat.mirror[0] = (struct mirror_summary){
                .role = n == &c->node[0] ? ROLE_PRIMARY : ROLE_STANDBY, .record_version = 1, .epoch = 1, .leg = c->value.legs[n != &c->node[0]].uuid,
                .leg_ready = true, .calls_peer_failed_known = true};
        say(n, &m);
}

static void renew(struct cluster *c)
{
        struct node *n = &c->node[0];
        if (c->renewal > c->answered)
                lost++;
        c->sent_us = now_us();
        struct message m = {.type = MESSAGE_RENEW, .renew = {.epoch = 1, .boot = c->boot, .sequence = ++c->renewal, .echo = c->echo}};
        say(n, &m);
}

static int on_beat(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct cluster *c = userdata;
        (void)sd_event_source_set_time(source, usec + (uint64_t)c->config.timers.heartbeat_ms * 1000);
        (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        beat(&c->node[0]);
        beat(&c->node[1]);
        if (c->decided) {
                renew(c);
        } else {
                struct message m = {.type = MESSAGE_PREPARE, .prepare = {.ballot = first_ballot(&c->node[0]), .primacy = true}};
                say(&c->node[0], &m);
        }
        return 0;
}

static void accept_value(struct cluster *c, const struct uuid *witness)
{
        struct record *v = &c->value;
        *v = (struct record){.version = 1, .epoch = 1, .primary = 0, .primary_boot = c->boot,
                             .voters_generation = VOTERS_GENERATION_FIRST};
        fill(&v->legs[0].uuid, sizeof v->legs[0].uuid);
        v->legs[0].in_sync = true;
        fill(v->voters, sizeof v->voters);
        v->voters[WITNESS] = *witness;
        fill(&v->change, sizeof v->change);
        struct message m = {.type = MESSAGE_ACCEPT,
                            .accept = {.ballot = first_ballot(&c->node[0]), .primacy = true, .value = *v, .admit = *witness}};
        say(&c->node[0], &m);
}

static bool on_payload(void *userdata, uint8_t from, const uint8_t *payload, size_t size_bytes)
{
        struct node *n = userdata;
        struct cluster *c = n->cluster;
        struct message m;
        if (from != WITNESS || mirror_tags_decode(&c->config, payload, size_bytes, &m) < 0)
                return false;
        if (m.type == MESSAGE_PROMISE && !c->decided && m.promise.refusal == REFUSAL_NO_STATE)
                accept_value(c, &m.promise.voter);
        else if (m.type == MESSAGE_ACCEPTED && m.accepted.refusal == REFUSAL_NONE)
                c->decided = true;
        else if (m.type == MESSAGE_RENEWED && m.renewed.sequence == c->renewal && c->answered < c->renewal) {
                c->answered = c->renewal;
                c->echo = m.renewed.nonce;
                if (sample_count < SAMPLES_MAX)
                        samples[sample_count++] = (uint32_t)(now_us() - c->sent_us);
                if (m.renewed.refusal == REFUSAL_NONE)
                        granted++;
                else if (m.renewed.refusal != REFUSAL_ECHO) /* the first one has nothing to echo */
                        refused++;
        }
        return true;
}

static void on_alarm(void *userdata, enum packet_kind kind, const char *from, uint64_t count)
{
        (void)userdata;
        fprintf(stderr, "nodes: %s from %s, %llu times\n", packet_word(kind), from, (unsigned long long)count);
}

static void complain(void *userdata, const char *message)
{
        (void)userdata;
        fprintf(stderr, "nodes: %s\n", message);
}

static int cluster_start(struct cluster *c, sd_event *loop, const char *path, unsigned index)
{
        struct ini_errors errors = {.report = complain};
        uint8_t key[SEAL_KEY_BYTES];
        int r = config_load(path, &errors, &c->config);
        if (r == 0)
                r = seal_key_load(c->config.key_file, key);
        fill(&c->boot, sizeof c->boot);
        for (uint8_t i = 0; r == 0 && i < NODES; i++) {
                struct node *n = &c->node[i];
                n->cluster = c;
                fill(&n->start, sizeof n->start);
                const struct links_handler handler = {.payload = on_payload, .alarm = on_alarm, .userdata = n};
                r = links_new(loop, &c->config, i, n->start, key, &handler, &n->links);
        }
        uint64_t now = 0;
        if (r == 0)
                r = sd_event_now(loop, CLOCK_MONOTONIC, &now);
        if (r >= 0) /* spread over an interval, as clusters that know nothing of each other are */
                r = sd_event_add_time(loop, &c->beat, CLOCK_MONOTONIC, now + index * 7919 % 200 * 1000, 1000, on_beat, c);
        return r;
}

static int on_end(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)usec, (void)userdata;
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int by_size(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
        unsigned count = argc > 2 ? (unsigned)argc - 2 : 0;
        struct cluster *clusters = calloc(count, sizeof *clusters);
        sd_event *loop = NULL;
        int r = count && clusters ? sd_event_default(&loop) : -EINVAL;
        for (unsigned i = 0; r >= 0 && i < count; i++)
                r = cluster_start(&clusters[i], loop, argv[i + 1], i);
        if (r >= 0)
                r = sd_event_add_time_relative(loop, NULL, CLOCK_MONOTONIC, strtoull(argv[argc - 1], NULL, 10) * 1000000, 1000, on_end, NULL);
        if (r >= 0)
                r = sd_event_loop(loop);
        if (r < 0) {
                fprintf(stderr, "nodes: %s (usage: nodes CONFIG... SECONDS)\n", strerrordesc_np(-r));
                return EXIT_FAILURE;
        }
        unsigned decided = 0;
        for (unsigned i = 0; i < count; i++)
                decided += clusters[i].decided;
        qsort(samples, sample_count, sizeof *samples, by_size);
        if (sample_count == 0)
                samples[sample_count++] = 0;
        printf("{\"clusters\": %u, \"decided\": %u, \"granted\": %llu, \"refused\": %llu, \"lost\": %llu, \"median_us\": %u, \"p99_us\": %u, \"worst_us\": %u}\n",
               count, decided, (unsigned long long)granted, (unsigned long long)refused, (unsigned long long)lost, samples[sample_count / 2],
               samples[sample_count * 99 / 100], samples[sample_count - 1]);
        return EXIT_SUCCESS;
}
