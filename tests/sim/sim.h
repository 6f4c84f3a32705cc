/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulator: two nodes and a witness in one process under virtual time. The core and the wire codec are the production ones; machines,
 * links, disks with volatile caches, md RAID1 with the quirks that were measured on real kernels, nbdd, nbdc, hamon-act and an
 * application that keeps a ledger are models. Everything is drawn from one seed; the promises are checked after each step.
 *
 * struct sim has no pointers into itself, so that a prepared cluster can be copied and run on with many seeds.
 *
 * Parts: sim.c (time, events, lives), net.c (datagrams, links), hamon.c (driver around the core), clock.c, disk.c, nbd.c (nbdd and nbdc), md.c,
 * act.c and observe.c (hamon-act), machine.c (power), app.c (writes and ledger), check.c (promises),
 * rules.c (rules), cover.c (what was reached), fault.c, memory.c, ambush.c and operator.c (what goes wrong, and the person), script.c (the same
 * as a scenario), story.c (trace), schedule.c
 * (the shape of a run), main.c. The models under real hamons: machines/.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "hamon/core/state.h"
#include "wire/hamon_wire.h"

enum {
        BLOCKS = 48,      /* of the mirror */
        CHUNK_BLOCKS = 4, /* of the write-intent bitmap */
        CHUNKS = BLOCKS / CHUNK_BLOCKS,
        ALL_CHUNKS = (1 << CHUNKS) - 1,
        EVENTS_MAX = 4096,
        DATAGRAMS_MAX = 1024,
        HELD_MAX = 1024,
        LOOKS_MAX = 8,
        EFFECTS_QUEUE_MAX = 64,
        IOS_MAX = 256,
        REQUESTS_MAX = 128,
        CHOSEN_MAX = 1024,
        MS = 1000, /* us */
        SECOND = 1000 * MS,
};

struct sim;
typedef void (*sim_fn)(struct sim *s, uint8_t node, uint64_t a, uint64_t b);

/* What an event belongs to: it is dropped when that has ended, and waits while it is frozen. */
enum life { LIFE_WORLD, LIFE_MACHINE, LIFE_HAMON, LIFE_ACT, LIFE_NBDD, LIFE_NBDC, LIVES };

struct life_state {
        bool up;
        uint32_t number;
        uint64_t frozen_until_us;
};

struct sim_event {
        uint64_t at_us, order;
        sim_fn fn;
        uint64_t a, b;
        uint32_t number; /* of the life */
        uint8_t node, life;
};

/* -- Disks ---------------------------------------------------------------------------------------------------------------------- */

/* What a write stored: the global order of the write; 0: never written. */
/* A power cut may leave half of a write on the disk: neither what was there nor what came. It holds less than the write. */
#define CELL_TORN (UINT64_C(1) << 63)

struct cell {
        uint64_t now, stable; /* seen by readers; survives a power cut. Unequal: in the disk's cache */
};

enum slot { SLOT_EMPTY, SLOT_ACTIVE, SLOT_RECOVERING, SLOT_FAULTY };

/* md superblock and bitmap: written together, with flush and FUA. */
struct super {
        bool exists, clean;
        bool half; /* a whole resync has begun to write to it and has not ended: nobody knows what it holds */
        uint64_t array, events, events_cleared;
        uint8_t slot[NODES]; /* enum slot */
        uint32_t bitmap;
};

struct disk {
        bool header;
        struct uuid leg;
        uint64_t last_epoch;
        struct cell block[BLOCKS];
        bool blank; /* marked so: a superblock goes over the mark */
        struct super super;
        bool failed, flaky; /* flaky: works again after the next boot, with what it held when it failed */
        unsigned errors; /* so many of the next writes fail */
        bool erred;      /* one did */
        bool had_failed; /* it was failed before this boot */
        bool lying; /* its flushes fail, and superblocks seem to arrive: md sees nothing of it */
        uint64_t hung_until_us;
        uint32_t slowness; /* factor */
};

enum io_kind { IO_WRITE, IO_FLUSH, IO_SUPER };

/* One request on a disk. `done` is called with (io index, error). */
struct io {
        bool used;
        uint8_t disk, kind, block;
        enum life life; /* whom the answer is for; the write itself happens whoever dies, but for the machine */
        uint32_t life_number;
        uint64_t order;
        struct super super;
        sim_fn done;
        uint64_t tag;
        uint64_t submitted_us;
};

/* -- nbdd and nbdc -------------------------------------------------------------------------------------------------------------- */

struct grant {
        bool exists;
        uint64_t epoch;
        struct uuid session, boot;
};

struct nbdd {
        struct grant grant;      /* durable */
        bool open;               /* holds the device */
        bool failed;             /* its disk gave an error: holds every reply */
        uint64_t connection;     /* that it serves; 0: none */
        uint32_t inflight;       /* requests of the kernel on its behalf */
        bool drained;            /* P5: revoked, and nothing may land any more */
};

/* A request on its way to the server. */
struct packet {
        bool used;
        uint8_t kind, block, index;
        uint64_t order, connection;
        struct super super;
};

enum policy { POLICY_OPTIONAL, POLICY_REQUIRED };

struct request {
        bool used;
        uint8_t kind, block;
        uint64_t order, tag, submitted_us, sent_us; /* the last: on this connection */
        struct super super;
};

struct nbdc {
        bool attached, connecting, refused;
        enum policy policy;
        uint64_t epoch;
        struct uuid session;
        uint64_t connection; /* 0: down */
        uint64_t cut_since_us;
        unsigned requests; /* those from here on are unused */
        struct request request[REQUESTS_MAX];
};

/* -- md ------------------------------------------------------------------------------------------------------------------------- */

enum md_kind { MD_WRITE, MD_FLUSH };
enum md_phase { MD_WAIT_CHUNK, MD_WAIT_BITMAP, MD_WAIT_LEGS, MD_WAIT_SUPER };

struct md_io {
        bool used, own_pending, peer_pending, degraded, succeeded;
        uint8_t kind, phase, block;
        uint64_t order, number, submitted_us;
        bool for_act; /* flush asked by an effect, not by the application */
};

struct md {
        bool running;
        uint64_t epoch;
        struct super super; /* of the array, in memory */
        uint64_t next_number;
        unsigned ios; /* those from here on are unused */
        struct md_io io[REQUESTS_MAX];

        bool stopping;     /* a stop that nobody waits for any more: it ends when the legs let it */
        bool super_dirty, super_writing, super_own, super_peer; /* the last two: not answered yet */
        uint64_t super_number;
        struct super super_written; /* what is under way */
        uint32_t bitmap_on_disk;
        uint32_t needed;  /* chunks with a write that a leg failed and stayed: their bits are not cleared before they were copied */

        uint32_t recover; /* chunks still to be copied */
        bool frozen;      /* sync_action is "frozen": no further chunk is begun (machines/) */
        uint64_t rest_us; /* before each chunk, beside its own time: a resync that is paced (machines/) */
        int8_t copying;   /* chunk, or -1 */
        uint32_t copies;  /* block writes under way */
        uint64_t recovery; /* number of this recovery */
        bool whole;        /* it copies everything */
};

/* -- hamon-act ------------------------------------------------------------------------------------------------------------------ */

/* Of the service, or of all else: one effect after the other. */
enum { ACT_MAIN, ACT_SERVICE, ACT_WORKERS };

struct act_worker {
        struct effect queue[EFFECTS_QUEUE_MAX];
        unsigned queued;
        bool busy;          /* queue[0] is being done */
        uint64_t began_for; /* the client that queue[0] was begun for: nobody else gets its answer */
        unsigned step;
        bool blank; /* ARRAY_CREATE: the disk was, before */
        uint64_t began_us;
        uint64_t flush; /* md's number of the flush that it waits for; 0: none */
};

struct act {
        bool hold;  /* has the own device exclusively */
        bool note;  /* durable */
        bool has_debt;
        uint32_t debt; /* durable */
        bool debt_lost; /* its file is gone */
        uint64_t blank_array, blank_cleared; /* durable: the array that was created on a blank leg, 0: none */
        uint64_t client; /* whom it serves */
        struct act_worker worker[ACT_WORKERS];
        unsigned at; /* whose effect is being done now */
        unsigned dies_in; /* half steps of effects; 0: it does not */
        unsigned fail_percent; /* of effects, before or after they did what they should */
        uint64_t settled; /* ticket of the last effect that ended */
        struct observation told;
        struct observation under_way[LOOKS_MAX]; /* seen, and not yet read by hamon: by number modulo LOOKS_MAX */
        uint64_t looks, looks_read, look_client, look_due_us;
        uint64_t told_us;
        bool own_unsafe; /* a probe of the own disk failed since the array runs */
        uint64_t own_probed_us;
        uint64_t probed_us; /* the last good probe */
};

/* -- The application and the ledger --------------------------------------------------------------------------------------------- */

struct app {
        bool running;
        uint64_t epoch;
        unsigned hot, rest; /* chunk that it works on; turns until it takes another one or a pause */
        bool idle;
        unsigned outstanding;
        bool flushing;
        bool busy[BLOCKS];
        uint64_t completed[BLOCKS]; /* order of the last completed write; what the next flush acknowledges */
        uint64_t flush_covers[BLOCKS];
};

struct ledger {
        uint64_t acknowledged[BLOCKS]; /* highest order acknowledged */
        uint64_t issued[BLOCKS];
        uint64_t served_epoch;         /* newest epoch whose service was up */
        uint8_t served_by;
        uint64_t had[BLOCKS];          /* content of that node's leg when it was assembled */
        uint64_t count;
};

/* -- A machine ------------------------------------------------------------------------------------------------------------------ */

struct hamon {
        struct core core;
        bool connected; /* to hamon-act */
        bool file_known;
        struct acceptor_state file; /* durable */
        uint64_t synced;            /* generation */
        unsigned held_count;
        bool syncing;
        uint64_t tick_order, tick_us; /* event of the armed tick; 0: none */
        uint64_t nonce[NODES]; /* of its last answer to that node's renewals */
        uint64_t out_us;       /* its leg of the peer went out last; at that boot of the peer */
        struct uuid out_boot;
};

/* Of a machine, in its own us: base_us at since_us, and from then on at its rate. */
struct clock {
        uint64_t base_us, since_us;
        int32_t rate_ppm;
};

enum ambush_machine { AMBUSH_ROLE, AMBUSH_LEG, AMBUSH_STANDBY };

/* The fault `kind` strikes where a core enters this state. */
struct ambush {
        bool laid;
        enum ambush_machine machine;
        uint8_t state;
        unsigned kind;
};

enum { CLOCK_DISTRUST_US = 4 * SECOND, CLOCK_SLACK_US = 2 * MS }; /* after a jump; what two rates may differ in over a lease */

struct node {
        struct clock clock;
        struct life_state life[LIVES];
        struct uuid boot;
        struct hamon hamon;
        struct disk disk;
        uint64_t address_epoch;
        struct nbdd nbdd;
        struct nbdc nbdc;
        struct md md;
        struct act act;
        struct app app;
        uint64_t address_until_us;
        uint64_t thawed_us; /* last time */
        bool stay_down;
        bool new_disk; /* at the next boot */
        uint64_t calm_since_us; /* nothing but perhaps a disk is wrong since then: check_progress() */
        uint64_t own_failed_us; /* md runs without the own leg since then; 0: it does not */
        uint64_t own_out_us;    /* and the record says so, and nothing else is wrong since then */
};

struct chosen {
        struct ballot ballot;
        struct record value;
        uint8_t voters;
        bool decided;
};

struct trace_line {
        uint64_t at_us;
        const char *text; /* literal: at most two %llu */
        uint64_t a, b;
        uint8_t node;
};

/* What a voter has promised by its answers, whatever it remembers itself (R4). */
struct promise {
        uint8_t holder;
        uint64_t until_us;
};

struct script_line {
        uint64_t at_us;
        const char *verb, *command; /* the latter: of a person, with consent; NULL: none */
        uint8_t node, other;
};

enum { OWNERS_MAX = 64, SCRIPT_MAX = 256, TRACE_MAX = 20000, FAULT_KINDS_MAX = 64 };

struct sim {
        uint64_t now_us, random, next_order, hash, steps;
        unsigned events;
        uint16_t datagram_size[DATAGRAMS_MAX];
        bool datagram_used[DATAGRAMS_MAX];

        struct node node[VOTERS];
        bool cut[VOTERS][VOTERS]; /* [from][to] */
        unsigned lose_percent, double_percent;
        uint64_t delay_max_us;
        unsigned ios, packets, datagrams; /* those from here on are unused */
        struct io io[IOS_MAX];
        struct packet packet[IOS_MAX];
        uint64_t next_write, next_connection;
        struct ledger ledger;
        unsigned chosen_count;
        uint64_t stopped_epoch; /* the last one whose array was stopped in order, with both legs in it */
        uint64_t joined_epoch; /* the last one that had both legs in sync */
        struct uuid member[NODES]; /* the leg of each node that md may know: it was in sync, or resynced whole */
        uint8_t owner[OWNERS_MAX]; /* who was decided to be primary of an epoch */
        struct record decided; /* newest value that a majority accepted durably */
        uint8_t seats;        /* voters by it */
        uint8_t disk_victim;  /* the one disk that may fail or be replaced in this schedule */
        uint64_t changed_us;  /* last fault or repair */
        bool effects_failed;  /* a drop of the debt may have failed: it only costs a longer resync */
        bool healed;          /* no more faults */
        bool crawled;         /* a disk needed seconds for each request: so do acknowledgements, as long as none takes leg_timeout */
        bool manual;          /* two nodes without a third vote, and a person */
        bool maintains;       /* persons begin and end maintenance now and then (--maintenance) */
        bool moved;           /* a person moved or started the mirror in this schedule: maintenance does not stand in the way */
        uint8_t word_of;      /* node on which the person said that the other one is off, since it was redundant last; NO_NODE: none */
        struct acceptor_state snapshot; /* of the witness, when the schedule began */
        bool forgotten;       /* one voter has lost its memory */
        uint64_t progress_us; /* last acknowledgement */
        uint64_t gap_us;      /* longest without one */
        bool restless; /* the application never rests: for measuring pauses */
        bool quiet; /* the application pauses: for the final comparison */
        unsigned faults, messages, delivered; /* the last: events but ticks, to a core */
        unsigned handed; /* switchovers that kept both legs in sync */
        unsigned welcomed; /* blank legs that became members without a copy of everything */
        struct promise promise[VOTERS];
        uint64_t jumped_us; /* last jump of a clock; 0: none */
        struct ambush ambush;
        uint8_t aim;        /* node that the fault of an ambush strikes; NO_NODE: any */
        bool trap_join; /* the own disk of the next primary that ends a resync fails before the join */
        unsigned lost_type; /* messages of this type are mostly lost; 0: none */
        uint64_t struck_us[FAULT_KINDS_MAX]; /* last of each kind */

        const char *violation; /* first broken promise */
        uint64_t violation_us, violation_a, violation_b;
        unsigned traces, script_lines;

        /* From here on sim_copy() takes only what is in use. */
        struct sim_event event[EVENTS_MAX]; /* heap */
        struct chosen chosen[CHOSEN_MAX];
        struct action held[VOTERS][HELD_MAX]; /* by hamons, until what they rely on is durable */
        uint8_t datagram[DATAGRAMS_MAX][HAMON_WIRE_MAX];
        struct script_line script[SCRIPT_MAX]; /* a copy begins without these two */
        struct trace_line trace[TRACE_MAX];
};

/* -- sim.c */
void sim_copy(struct sim *to, const struct sim *from);
uint64_t sim_random(struct sim *s, uint64_t below);
bool sim_chance(struct sim *s, unsigned percent);
uint64_t sim_between(struct sim *s, uint64_t low, uint64_t high);
struct uuid sim_uuid(struct sim *s);
uint64_t sim_after(struct sim *s, uint64_t us, uint8_t node, enum life life, sim_fn fn, uint64_t a, uint64_t b);
bool sim_step(struct sim *s, uint64_t until_us);
void life_start(struct sim *s, uint8_t node, enum life life);
void life_end(struct sim *s, uint8_t node, enum life life);
bool life_runs(const struct sim *s, uint8_t node, enum life life); /* up and not frozen */

/* -- story.c */
void trace(struct sim *s, uint8_t node, const char *text, uint64_t a, uint64_t b);
void violation(struct sim *s, uint8_t node, const char *text, uint64_t a, uint64_t b);
void story_print(const struct sim *s);
void story_violation(const struct sim *s);
void story_state(const struct sim *s);

/* -- clock.c */
uint64_t clock_us(const struct sim *s, uint8_t node);
uint64_t clock_ms(const struct sim *s, uint8_t node);
uint64_t clock_when_us(const struct sim *s, uint8_t node, uint64_t us); /* when that clock shows it, in the simulator's time */
void clock_set(struct sim *s, uint8_t node, int32_t rate_ppm, uint64_t jump_us);
bool clock_is_trusted(const struct sim *s);

/* -- ambush.c */
void ambush_lay(struct sim *s, unsigned kind);
void ambush_entered(struct sim *s, uint8_t node, enum ambush_machine machine, unsigned state);
bool ambush_effect(struct sim *s, uint8_t node);

/* -- script.c */
void script(struct sim *s, const char *verb, uint8_t node, uint8_t other); /* `verb`: a literal; other: NO_NODE, or a voter */
void script_command(struct sim *s, uint8_t node, const char *word);
void script_later(struct sim *s, const char *verb, uint8_t node, uint64_t us);
void script_print(const struct sim *s, uint64_t from_us, uint64_t seed);

/* -- net.c */
bool link_up(const struct sim *s, uint8_t from, uint8_t to);
bool link_both(const struct sim *s, uint8_t a, uint8_t b);
void net_send(struct sim *s, const struct message *m);

/* -- hamon.c */
void hamon_start(struct sim *s, uint8_t node);
void hamon_event(struct sim *s, uint8_t node, struct event *e);
void hamon_maintain(struct sim *s, uint8_t n, uint64_t for_s); /* 0: off */
void hamon_command(struct sim *s, uint8_t node, enum command_type type);

/* -- disk.c: `done` gets (tag, error); dropped when `life` ends first. The write itself outlives processes. */
void disk_submit(struct sim *s, uint8_t disk, enum io_kind kind, unsigned block, uint64_t order, const struct super *super, enum life life,
                 sim_fn done, uint64_t tag);
uint64_t disk_oldest_us(const struct sim *s, uint8_t disk);
void disk_power_cut(struct sim *s, uint8_t disk);
void disk_replace(struct sim *s, uint8_t disk);

bool cell_lacks(uint64_t content, uint64_t order); /* of the write, or of a later one */

/* -- nbd.c */
bool nbdd_grant(struct sim *s, uint8_t node, uint64_t epoch, const struct uuid *session);
bool nbdd_revoke_poll(struct sim *s, uint8_t node); /* true: revoked and drained */
void nbdd_started(struct sim *s, uint8_t node);
void nbdd_ended(struct sim *s, uint8_t node);
void nbdc_attach(struct sim *s, uint8_t node, uint64_t epoch, const struct uuid *session);
void nbdc_detach(struct sim *s, uint8_t node);
void nbdc_submit(struct sim *s, uint8_t node, enum io_kind kind, unsigned block, uint64_t order, const struct super *super, uint64_t tag);
void nbdc_poll(struct sim *s, uint8_t node);
uint64_t nbdc_oldest_us(const struct sim *s, uint8_t node);
unsigned nbdc_outstanding(const struct sim *s, uint8_t node);

/* -- md.c */
void md_create(struct sim *s, uint8_t node, uint64_t epoch);
bool md_assemble(struct sim *s, uint8_t node, uint64_t epoch);
bool md_assemble_both(struct sim *s, uint8_t node, uint64_t epoch);
void md_mark_clean(struct sim *s, uint8_t node);
bool md_re_add(struct sim *s, uint8_t node);
void md_welcome_blank(struct sim *s, uint8_t node); /* the peer's leg becomes a member that lacks what the own bitmap and the debt say */
void md_add_whole(struct sim *s, uint8_t node);
void md_fail_peer(struct sim *s, uint8_t node);
void md_remove_peer(struct sim *s, uint8_t node);
void md_set_bits(struct sim *s, uint8_t node, uint32_t bits);
bool md_super_settled(const struct sim *s, uint8_t node);
void md_stop(struct sim *s, uint8_t node);
uint64_t md_write(struct sim *s, uint8_t node, unsigned block, uint64_t order);
uint64_t md_flush(struct sim *s, uint8_t node, bool for_act);
void md_peer_done(struct sim *s, uint8_t node, uint64_t tag, uint64_t error);
void md_clear_bits(struct sim *s, uint8_t node);
bool md_knows(const struct sim *s, uint8_t node, const struct super *peer);

/* -- act.c */
enum { ACT_WAIT = 1 };
int act_step(struct sim *s, uint8_t node, const struct effect *effect, struct effect_result *ret); /* 0, -errno, or ACT_WAIT: call it again */

/* -- worker.c */
void act_ask(struct sim *s, uint8_t node, const struct effect *effect);
void act_started(struct sim *s, uint8_t node);
void act_flushed(struct sim *s, uint8_t node, uint64_t number);
void act_observe(struct sim *s, uint8_t node);
void machine_on(struct sim *s, uint8_t node);
void machine_off(struct sim *s, uint8_t node);

/* -- app.c */
void app_start(struct sim *s, uint8_t node, uint64_t epoch);
void app_stop(struct sim *s, uint8_t node);
void app_turn(struct sim *s, uint8_t node);
void app_write_done(struct sim *s, uint8_t node, unsigned block, uint64_t order, bool failed);
void app_flush_done(struct sim *s, uint8_t node, bool taken); /* taken: by any leg */

/* -- check.c */
void check_persisted(struct sim *s, uint8_t node, const struct acceptor_state *state);
void check_vote_lost(struct sim *s, uint8_t node);
void check_assemble(struct sim *s, uint8_t node, uint64_t epoch);
void check_flushed(struct sim *s);
void check_acknowledged(struct sim *s, uint8_t node, unsigned block, uint64_t order);
void check_completed(struct sim *s, uint8_t node, uint64_t epoch, unsigned block, uint64_t order);
bool check_redundant(const struct sim *s);
void check_legs_equal(struct sim *s);
void check_service_start(struct sim *s, uint8_t node, uint64_t epoch);
void check_both(struct sim *s, uint8_t n, uint64_t epoch);
void check_own_failure(struct sim *s, uint8_t node);
void check_progress(struct sim *s, uint8_t node);
void check_address(struct sim *s, uint8_t node);
void check_debt_drop(struct sim *s, uint8_t node);
void check_stop_without_own(struct sim *s, uint8_t node, uint64_t version);
void check_detach(struct sim *s, uint8_t node, uint64_t version);

/* -- rules.c */
void rules_before(struct sim *s, uint8_t node, const struct event *e);
void rules_after(struct sim *s, uint8_t node, const struct event *e, const struct actions *out);
void rules_leaving(struct sim *s, const struct message *m);
void rules_hamon_dies(struct sim *s, uint8_t node);
void rules_address(struct sim *s, uint8_t node);
void rules_assemble(struct sim *s, uint8_t node);
void rules_leg_add(struct sim *s, uint8_t node, bool whole);
void rules_resync(struct sim *s, uint8_t node);
void rules_epoch(struct sim *s, const struct record *old, const struct record *v);

/* -- fault.c */
void fault_schedule(struct sim *s, uint64_t from_us, uint64_t until_us, unsigned count);
void fault_one(struct sim *s, unsigned kind);
void fault_at(struct sim *s, uint8_t node, unsigned kind, uint64_t us);
void fault_act_dies(struct sim *s, uint8_t node);
void fault_crash(struct sim *s, uint8_t n, enum life life, uint64_t within_us); /* and comes back after about so long */
void fault_forget(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b);  /* memory.c: the voter's state file is lost */
void fault_go_back(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b); /* the witness gets the snapshot of its state file */
void fault_own_disk(struct sim *s, uint8_t node, uint64_t unused_a, uint64_t unused_b);
unsigned fault_kinds(void);
const char *fault_text(unsigned kind);
const char *fault_word(unsigned kind);
bool fault_waits_for_a_person(const struct sim *s); /* neither node starts by itself, within the limits that are written down */
bool fault_heal(struct sim *s); /* false: data cannot be complete any more, no liveness is promised */
void fault_maintain(struct sim *s, uint64_t from_us, uint64_t to_us); /* commands at random times between */
uint64_t sim_wall_s(const struct sim *s); /* every machine's wall clock */
void fault_operator(struct sim *s, uint8_t node, uint64_t a, uint64_t b);

#endif
