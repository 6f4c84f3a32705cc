/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/sim/machines/machines.h"

#include "base/ini.h"
#include "hamon/act/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TURN_MS = 10, SECTOR_BYTES = 512, FLOOR_KIB = 8 << 10 /* hamon/act/resync_pace.h */ };

static struct sim s;
static struct config config;
static const char *folder;

/* hamon-act's socket of a node, its hamon, and how the copy goes. */
static struct machine {
        int listener, hamon; /* -1: none */
        bool ready;          /* hamon's packets are read */
        uint64_t recovery, done_blocks, moved_us;
        uint64_t mark_us, mark_blocks; /* this copy's beginning: the rate is its mean */
        uint32_t rate_kib, ceiling_kib;
        uint64_t pause_until_us; /* UINT64_MAX: a person ends it */
        int unit_status;         /* of its first unit, which has ended; 0: it runs when the service does */
        uint32_t felt_us;        /* the application's latency: the pace is at its floor; 0: it feels nothing */
        bool growing;            /* its leg, once the session with the shorter one has ended */
        struct effect grow;
        struct machine_sizes sizes;
} machines[NODES];

static uint64_t host_us(clockid_t clock)
{
        struct timespec t;
        (void)clock_gettime(clock, &t); /* cannot fail for these clocks */
        return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

/* -- act.sock --------------------------------------------------------------------------------------------------------------------- */

int machine_listen(const char *in, const char *node, const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (snprintf(address.sun_path, sizeof address.sun_path, "%s/%s/%s", in, node, name) >= (int)sizeof address.sun_path)
                fd = -1;
        (void)unlink(address.sun_path); /* of one before us */
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 8) < 0) {
                fprintf(stderr, "machines: '%s' cannot be listened on: %s\n", address.sun_path, strerror(errno));
                exit(1);
        }
        return fd;
}

static void say(struct machine *m, char *text)
{
        if (m->hamon >= 0 && text)
                (void)send(m->hamon, text, strlen(text), MSG_NOSIGNAL); /* a hamon that is gone is noticed when it is read from */
        free(text);
}

/* How far the copy to the other leg is: blocks that are not owed any more. */
static uint64_t blocks_done(const struct md *md)
{
        uint64_t owed = (uint64_t)__builtin_popcount(md->recover) * CHUNK_BLOCKS;
        uint64_t under_way = md->copying >= 0 && md->copies > 0 ? CHUNK_BLOCKS - md->copies : 0;
        return BLOCKS - owed + under_way;
}

static void measure(struct machine *m, const struct md *md, struct observation *o)
{
        uint64_t done = blocks_done(md), now = s.now_us;

        if (m->recovery != md->recovery || done < m->done_blocks) {
                m->recovery = md->recovery;
                m->moved_us = m->mark_us = now;
                m->mark_blocks = done;
                m->rate_kib = 0;
        } else if (done > m->done_blocks) {
                m->moved_us = now;
        }
        m->done_blocks = done;
        if (now - m->mark_us >= SECOND)
                m->rate_kib = (uint32_t)((done - m->mark_blocks) * (MACHINE_CELL_BYTES / 1024) * SECOND / (now - m->mark_us));
        o->resync_done_sectors = done * (MACHINE_CELL_BYTES / SECTOR_BYTES);
        o->resync_total_sectors = MACHINE_DATA_BYTES / SECTOR_BYTES;
        o->resync.rate_kib = m->rate_kib;
        o->resync.latency_us = m->felt_us;
        o->resync.limit_kib = m->felt_us ? FLOOR_KIB : 0;
        o->resync.stalled = m->pause_until_us == 0 && now - m->moved_us >= RESYNC_STALLED_MS * MS;
}

static void tell_observation(uint8_t n, struct observation *o)
{
        struct machine *m = &machines[n];
        const struct md *md = &s.node[n].md;
        struct service_seen seen;

        memset(&seen, 0, sizeof seen);
        seen.mounted = s.node[n].app.running;
        for (unsigned i = 0; i < config.mirror[0].service.units; i++)
                (void)snprintf(seen.unit[i].active, sizeof seen.unit[i].active, "%s", s.node[n].app.running ? "active" : "inactive"); /* fits, all of these */
        if (m->unit_status) {
                (void)snprintf(seen.unit[0].active, sizeof seen.unit[0].active, "failed");
                (void)snprintf(seen.unit[0].result, sizeof seen.unit[0].result, "exit-code");
                (void)snprintf(seen.unit[0].ended, sizeof seen.unit[0].ended, "exited");
                seen.unit[0].status = m->unit_status;
        }
        if (md->running && md->super.slot[1 - n] == SLOT_RECOVERING)
                measure(m, md, o);
        o->resync.ceiling_kib = m->ceiling_kib;
        o->resync.paused = m->pause_until_us > 0;
        if (o->resync.paused && m->pause_until_us != UINT64_MAX)
                o->resync.pause_left_s = (uint32_t)((m->pause_until_us - s.now_us) / SECOND + 1);
        say(m, protocol_encode_observation(&config, o, &seen));
}

/* What the models tell their hamon. */
void hamon_event(struct sim *sim, uint8_t n, struct event *e)
{
        if (n >= NODES || !sim->node[n].life[LIFE_HAMON].up)
                return;
        if (e->type == EVENT_ACT_READY)
                machines[n].ready = true;
        else if (e->type == EVENT_EFFECT_DONE)
                say(&machines[n], protocol_encode_result(&config, &e->result));
        else if (e->type == EVENT_OBSERVED)
                tell_observation(n, &e->observed);
}

/* It is a process of its own, and connects when it likes. */
void hamon_start(struct sim *sim, uint8_t n)
{
        (void)sim, (void)n;
}

const struct machine_sizes *machine_sizes(uint8_t n)
{
        return &machines[n].sizes;
}

static uint64_t room_bytes(uint8_t n)
{
        return machines[n].sizes.disk_bytes - ((uint64_t)MACHINE_HEADER_MIB << 20);
}

/* What the models have no part for has ended: looks that begin from now on have it in them. */
static void answer_hamon(uint8_t n, const struct effect_result *r)
{
        struct act *a = &s.node[n].act;

        if (!effect_is_at_once(r->type) && !effect_is_beside(r->type) && r->ticket > a->settled)
                a->settled = r->ticket;
        say(&machines[n], protocol_encode_result(&config, r));
}

/* The leg first, and the array to the shorter of the two. */
static int grow_array(uint8_t n)
{
        const struct md *md = &s.node[n].md;
        struct machine_sizes *own = &machines[n].sizes, *peer = &machines[1 - n].sizes;

        if (md->super.slot[1 - n] != SLOT_ACTIVE)
                return -EAGAIN;
        own->leg_bytes = room_bytes(n);
        uint64_t bytes = (own->leg_bytes < peer->leg_bytes ? own->leg_bytes : peer->leg_bytes) - ((uint64_t)MACHINE_FRONT_MIB << 20);
        if (bytes <= own->array_bytes)
                return -ENOSPC;
        own->array_bytes = peer->array_bytes = bytes;
        return 0;
}

static void grow_leg(uint8_t n)
{
        struct machine *m = &machines[n];

        if (!m->growing || !nbdd_revoke_poll(&s, n))
                return;
        const struct effect_result r = {.type = m->grow.type, .mirror = m->grow.mirror, .ticket = m->grow.ticket};
        m->sizes.leg_bytes = room_bytes(n);
        m->growing = false;
        answer_hamon(n, &r);
}

/* A person's word about the resync, and what these models have no part for: done at once. */
static bool is_done_here(uint8_t n, const struct effect *e)
{
        struct machine *m = &machines[n];
        struct effect_result r = {.type = e->type, .mirror = e->mirror, .ticket = e->ticket};

        if (e->type == EFFECT_LEG_GROW) {
                m->growing = true;
                m->grow = *e;
                return true;
        }
        if (e->type == EFFECT_ARRAY_GROW) {
                r.error = grow_array(n);
        } else if (e->type == EFFECT_RESYNC_CONTROL) {
                if (e->order.wish == RESYNC_RATE)
                        m->ceiling_kib = e->order.rate_kib;
                else
                        m->pause_until_us = e->order.wish == RESYNC_RESUME ? 0 : e->order.for_s ? s.now_us + e->order.for_s * SECOND : UINT64_MAX;
                s.node[n].md.frozen = m->pause_until_us > 0;
                m->moved_us = s.now_us;
        } else if (e->type != EFFECT_RESYNC_HOOK) {
                return false;
        }
        answer_hamon(n, &r);
        return true;
}

static void drop_hamon(uint8_t n)
{
        struct machine *m = &machines[n];

        if (m->hamon >= 0)
                close(m->hamon);
        m->hamon = -1;
        m->ready = false;
        s.node[n].hamon.connected = false;
        life_end(&s, n, LIFE_HAMON);
}

static void let_in(uint8_t n)
{
        struct machine *m = &machines[n];

        drop_hamon(n);
        m->hamon = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC);
        if (m->hamon < 0)
                return;
        life_start(&s, n, LIFE_HAMON);
        act_started(&s, n);
}

static void take(uint8_t n)
{
        char packet[PROTOCOL_PACKET_MAX], why[256];
        struct effect e;
        uint64_t ticket;
        ssize_t size = recv(machines[n].hamon, packet, sizeof packet, MSG_DONTWAIT);

        if (size == 0 || (size < 0 && errno != EAGAIN))
                drop_hamon(n);
        else if (size > 0 && protocol_decode(&config, packet, (size_t)size, &e, &ticket, why, sizeof why) < 0)
                say(&machines[n], protocol_encode_refusal(ticket, why));
        else if (size > 0 && !is_done_here(n, &e))
                act_ask(&s, n, &e);
}

/* -- What may happen to a machine ------------------------------------------------------------------------------------------------- */

static void open_doors(uint8_t n)
{
        if (machines[n].listener >= 0)
                return;
        machines[n].listener = machine_listen(folder, config.voters[n].name, "act.sock");
        verify_open(n, folder, config.voters[n].name);
}

static void close_doors(uint8_t n)
{
        if (machines[n].listener >= 0)
                close(machines[n].listener);
        machines[n].listener = -1;
        machines[n].growing = false;
        verify_close(&s, n);
        drop_hamon(n);
}

static void power_on(uint8_t n, uint64_t unused)
{
        (void)unused;
        if (s.node[n].life[LIFE_MACHINE].up)
                return;
        machine_on(&s, n);
        machines[n].pause_until_us = 0;
        open_doors(n);
}

static void power_off(uint8_t n, uint64_t unused)
{
        (void)unused;
        if (s.node[n].life[LIFE_MACHINE].up)
                machine_off(&s, n);
        close_doors(n);
}

static void act_off(uint8_t n, uint64_t unused)
{
        (void)unused;
        life_end(&s, n, LIFE_ACT);
        s.node[n].act.hold = false;
        for (struct act_worker *w = s.node[n].act.worker; w < s.node[n].act.worker + ACT_WORKERS; w++)
                w->busy = false, w->queued = 0;
        close_doors(n);
}

static void act_on(uint8_t n, uint64_t unused)
{
        (void)unused;
        life_start(&s, n, LIFE_ACT);
        open_doors(n);
}

static void slow(uint8_t n, uint64_t factor) { s.node[n].disk.slowness = (uint32_t)factor; }
static void hang(uint8_t n, uint64_t seconds) { s.node[n].disk.hung_until_us = s.now_us + seconds * SECOND; }
static void fail(uint8_t n, uint64_t unused) { (void)unused, s.node[n].disk.failed = true; }
static void replace(uint8_t n, uint64_t unused) { (void)unused, disk_replace(&s, n), verify_new_disk(n); }
static void rot(uint8_t n, uint64_t block) { verify_rot(n, (unsigned)(block % BLOCKS)); }
static void pace_resync(uint8_t n, uint64_t ms) { s.node[n].md.rest_us = ms * MS; }
static void freeze(uint8_t n, uint64_t on) { s.node[n].md.frozen = on != 0; }
static void cut(uint8_t n, uint64_t on) { s.cut[n][1 - n] = s.cut[1 - n][n] = on != 0; }
static void felt(uint8_t n, uint64_t ms) { machines[n].felt_us = (uint32_t)(ms * MS); }
static void unit_ended(uint8_t n, uint64_t status) { machines[n].unit_status = (int)status; }
static void larger(uint8_t n, uint64_t mib) { machines[n].sizes.disk_bytes += mib << 20; }
static void pace(uint8_t n, uint64_t kib) { (void)n, verify_pace((unsigned)kib); }

static const struct {
        const char *word;
        void (*happens)(uint8_t node, uint64_t number);
} commands[] = {
        {"power-on", power_on},
        {"power-off", power_off},     /* the caller kills its hamon */
        {"act-on", act_on},           /* hamon-act */
        {"act-off", act_off},
        {"slow", slow},               /* the disk, by this factor */
        {"hang", hang},               /* the disk, for so many seconds */
        {"fail", fail},               /* the disk: every request from now on */
        {"new-disk", replace},
        {"rot", rot},                 /* a sector in block N of the disk, without anybody noticing; again: it is as it was */
        {"pace-resync", pace_resync}, /* of the active node: it rests so many ms before each twelfth */
        {"freeze-resync", freeze},    /* 1: somebody wrote "frozen" to md's sync_action; 0: and "idle" again */
        {"felt", felt},               /* on the active node: the application's requests take so many ms, and the resync makes room; 0: it need not */
        {"unit-ended", unit_ended},   /* the service's first unit, with this status, by systemd's word; 0: it runs */
        {"larger", larger},           /* the disk, by so many MiB */
        {"cut", cut},                 /* 1: the path of the legs between the nodes; 0: mended */
        {"pace", pace},               /* of comparisons, KiB/s */
};

static void obey(char *line)
{
        char word[32], node[32];
        unsigned long long number = 0;
        bool known = sscanf(line, "%31s %31s %llu", word, node, &number) >= 2;
        int n = known ? config_voter_index(&config, node) : -1;

        if (n >= 0 && n < NODES && strcmp(word, "is-off") == 0) {
                puts(s.node[n].life[LIFE_MACHINE].up ? "on" : "off");
                return;
        }
        for (size_t i = 0; n >= 0 && n < NODES && i < sizeof commands / sizeof *commands; i++)
                if (strcmp(commands[i].word, word) == 0) {
                        commands[i].happens((uint8_t)n, number);
                        puts("ok");
                        return;
                }
        printf("no such command or node: %s", line);
}

/* -- Time ------------------------------------------------------------------------------------------------------------------------- */

static void begin(void)
{
        memset(&s, 0, sizeof s);
        s.random = 1;
        s.delay_max_us = 2 * MS;
        s.word_of = s.decided.primary = s.aim = NO_NODE;
        s.now_us = SECOND;
        for (uint8_t n = 0; n < NODES; n++) {
                machines[n] = (struct machine){.listener = -1, .hamon = -1};
                machines[n].sizes = (struct machine_sizes){.array_bytes = MACHINE_DATA_BYTES, .leg_bytes = MACHINE_DATA_BYTES + ((uint64_t)MACHINE_FRONT_MIB << 20),
                                                           .disk_bytes = MACHINE_DATA_BYTES + ((uint64_t)(MACHINE_FRONT_MIB + MACHINE_HEADER_MIB) << 20)};
                s.node[n].stay_down = true; /* until somebody says "power-on" */
                s.node[n].clock = (struct clock){.base_us = host_us(CLOCK_BOOTTIME), .since_us = s.now_us}; /* hamon's times are of this clock */
        }
}

static void turn(uint64_t began_us)
{
        struct pollfd fds[1 + 2 * NODES + NODES + MACHINE_ASKERS_MAX] = {{.fd = STDIN_FILENO, .events = POLLIN}};
        size_t count = 1;
        char line[128];

        for (uint8_t n = 0; n < NODES; n++) { /* poll() passes over what is -1 */
                fds[count++] = (struct pollfd){.fd = machines[n].listener, .events = POLLIN};
                fds[count++] = (struct pollfd){.fd = machines[n].ready ? machines[n].hamon : -1, .events = POLLIN};
        }
        size_t asked = verify_fds(fds + count);
        (void)poll(fds, count + asked, TURN_MS);
        uint64_t until_us = SECOND + host_us(CLOCK_MONOTONIC) - began_us;
        while (sim_step(&s, until_us))
                ;
        for (uint8_t n = 0; n < NODES; n++) {
                struct machine *m = &machines[n];
                if (m->pause_until_us && m->pause_until_us <= s.now_us)
                        m->pause_until_us = 0, s.node[n].md.frozen = false;
                grow_leg(n);
                if (!s.node[n].life[LIFE_MACHINE].up && m->listener >= 0)
                        close_doors(n); /* it asked for its own reboot */
                if (fds[1 + 2 * n].revents && m->listener >= 0)
                        let_in(n);
                else if (fds[2 + 2 * n].revents && m->hamon >= 0)
                        take(n);
        }
        verify_turn(&s, fds + count, asked);
        if (!fds[0].revents)
                return;
        if (!fgets(line, sizeof line, stdin))
                exit(0);
        obey(line);
}

static void note(void *unused, const char *message)
{
        (void)unused;
        fprintf(stderr, "machines: %s\n", message);
}

int main(int argc, char **argv)
{
        struct ini_errors errors = {.report = note};

        if (argc != 3 || config_load(argv[1], &errors, &config) < 0) {
                fputs("usage: machines HAMON.CONF FOLDER\n", stderr);
                return 2;
        }
        folder = argv[2];
        setvbuf(stdin, NULL, _IONBF, 0); /* what poll() says holds */
        setvbuf(stdout, NULL, _IOLBF, 0);
        begin();
        for (uint64_t began_us = host_us(CLOCK_MONOTONIC);;)
                turn(began_us);
}
