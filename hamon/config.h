/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration /etc/hamon/hamon.conf as one plain value: the same file on both nodes and the witness, read by
 * hamon and hamon-act.
 *
 * Owns the file's meaning and every check of it: each error is reported as FILE:LINE:COLUMN with what to write instead,
 * all of them in one run. Never resolves names, opens devices or decides anything. Called once by each program's main
 * before its loop; reading blocks on the file. The struct has no pointers: copy it as you like. Any thread.
 */
#ifndef HAMON_CONFIG_H
#define HAMON_CONFIG_H

#include "base/ini.h"
#include "hamon/core/reasons.h"
#include "hamon/core/service_policy.h"
#include "hamon/core/types.h"
#include "hamon/verify/run.h"

#include <sys/socket.h>

#define CONFIG_PATH "/etc/hamon/hamon.conf"
#define CONFIG_KEY_FILE "/etc/hamon/cluster.key"
#define CONFIG_PORT 4344     /* UDP, hamon */
#define CONFIG_LEG_PORT 4343 /* TCP, nbdd */
#define CONFIG_API_PORT 4345 /* TCP, hamon's API */
#define CONFIG_API_CERTIFICATE "/etc/hamon/api.crt"
#define CONFIG_API_KEY "/etc/hamon/api.key"
#define CONFIG_STOP_TIMEOUT_MS 90000 /* a data base's last checkpoint */
#define CONFIG_HEALTH_INTERVAL_MS 10000
#define CONFIG_HEALTH_TIMEOUT_MS 5000
#define CONFIG_HEALTH_RETRIES 3         /* one failure is a busy moment */
#define CONFIG_RESTART_WINDOW_MS 600000 /* what fails less often is no flapping */
#define CONFIG_HOOK_TIMEOUT_MS 10000    /* a take-over waits that long for a hook that hangs */

enum {
        CONFIG_LINKS_MAX = 4,        /* addresses of a voter */
        CONFIG_ADDRESSES_MAX = 4,    /* of a service */
        CONFIG_UNITS_MAX = 16,       /* of a service */
        CONFIG_NAME_SIZE = 32,       /* cluster, node, mirror names with their NUL */
        CONFIG_MIRROR_NAME_MAX = 25, /* md's set name "hamon:NAME" has 32 bytes with its NUL */
        CONFIG_PATH_SIZE = 256,
        CONFIG_OPTIONS_SIZE = 256,
        CONFIG_UNIT_SIZE = 128,
        CONFIG_COMMAND_SIZE = 256,   /* a program and its arguments */
        CONFIG_WORDS_MAX = 16,       /* of a command */
        CONFIG_API_LISTENS_MAX = 8,
        CONFIG_API_HOSTS_MAX = 8,
        CONFIG_API_HOST_SIZE = 128,
        CONFIG_URL_SIZE = 512,
        CONFIG_ADDRESS_SIZE = 46, /* INET6_ADDRSTRLEN */
};

struct config_address {
        int family;                     /* AF_INET or AF_INET6 */
        uint8_t bytes[16];              /* network order; 4 or 16 used */
        uint8_t prefix_length;          /* of a service address; 32 or 128 elsewhere */
        char text[CONFIG_ADDRESS_SIZE]; /* without the prefix length */
};

/* voters[0], voters[1]: the nodes in the order of the file, which is also their slot in every md array;
 * voters[WITNESS]: the witness. */
struct config_voter {
        char name[CONFIG_NAME_SIZE];
        unsigned links; /* addresses in use; link i of one voter talks to link min(i, links - 1) of another */
        struct config_address link[CONFIG_LINKS_MAX];
        char watchdog[CONFIG_PATH_SIZE]; /* of a node: its watchdog device, or "" */
};

struct config_health {
        char command[CONFIG_COMMAND_SIZE]; /* "": nobody looks. Words between blanks, the first an absolute path */
        uint32_t interval_ms, timeout_ms;
        uint32_t retries; /* failures in a row that make the service unhealthy */
};

/* Programs of somebody's at certain moments, in the form of a health check's command; "": none. */
struct config_hooks {
        char pre_promote[CONFIG_COMMAND_SIZE];          /* the array runs, nothing of the service does */
        char post_demote[CONFIG_COMMAND_SIZE];          /* all of the service is stopped and unmounted */
        char before_resync_target[CONFIG_COMMAND_SIZE]; /* this node's leg is about to be overwritten */
        uint32_t timeout_ms;
};

struct config_service {
        bool present; /* has a [service NAME] section */
        uint32_t needs; /* bit m: mirror m, with its service, before this one and on the same node (hamon/core/group.h) */
        bool has_mount;
        char mount[CONFIG_PATH_SIZE];      /* absolute, normalised */
        char type[CONFIG_NAME_SIZE];       /* "ext4" */
        char options[CONFIG_OPTIONS_SIZE]; /* "" or mount options */
        bool fsck;                         /* before each mount, what it can mend by itself */
        bool may_turn_read_only;           /* else a file system that does so by itself has failed */
        char interface[16];                /* "" when there is no address */
        unsigned addresses;
        struct config_address address[CONFIG_ADDRESSES_MAX];
        bool duplicate_check;     /* refuse an address that another machine answers for */
        uint32_t stop_timeout_ms; /* of each unit; then its processes are killed */
        unsigned units;
        char unit[CONFIG_UNITS_MAX][CONFIG_UNIT_SIZE]; /* in order of start */
        struct config_health health;
        struct service_policy policy;
        struct config_hooks hooks;
};

/* What the disks of a mirror, of both nodes, read after a discard, by its administrator's word. */
enum discard_word { DISCARD_NO, DISCARD_ZEROES };

struct config_mirror {
        char name[CONFIG_NAME_SIZE];
        char label[CONFIG_NAME_SIZE];         /* what it was called when it was made: names it on its disks, in files, devices and sockets; mostly its name */
        uint64_t id;                          /* export id of its legs */
        uint8_t number;                       /* of its devices: /dev/md(100 + number), /dev/nbd(number); below MIRRORS_MAX */
        char device[NODES][CONFIG_PATH_SIZE]; /* of each node */
        enum discard_word discard;            /* DISCARD_NO: nobody knows, and the mirror takes none */
        enum verify_schedule verify;          /* how often both legs are compared by themselves */
        struct config_service service;
};

struct config_api_listen {
        struct config_address address;
        uint16_t port;
};

/* The API on TCP. An address that is a link of a voter is that voter's; any other is tried by all. */
struct config_api {
        unsigned listens; /* 0: not on TCP */
        struct config_api_listen listen[CONFIG_API_LISTENS_MAX];
        char certificate[CONFIG_PATH_SIZE], key[CONFIG_PATH_SIZE]; /* PEM */
        bool changes; /* operators may change things over TCP */
        unsigned hosts;
        char host[CONFIG_API_HOSTS_MAX][CONFIG_API_HOST_SIZE]; /* names that a URL may have, besides addresses and voters' names */
};

/* Who is told of events: on each machine, of what its own hamon says. */
struct config_notify {
        char exec[CONFIG_PATH_SIZE];           /* "" or a program */
        char webhook[CONFIG_URL_SIZE];         /* "" or a URL, which may be a secret */
        char webhook_ca[CONFIG_PATH_SIZE];     /* "": the system's certificates */
        enum severity severity;                /* the least */
        uint32_t repeat_ms;                    /* the same again is not told before */
};

struct config {
        char cluster[CONFIG_NAME_SIZE];
        uint64_t version; /* counted by `hamonctl config apply`; 0: never */
        char key_file[CONFIG_PATH_SIZE];
        char leg_key_file[CONFIG_PATH_SIZE]; /* "": legs are not encrypted */
        uint16_t port, leg_port;
        bool relaxed; /* profile = relaxed */
        struct timers timers;
        struct config_api api;
        struct config_notify notify;
        bool has_witness; /* else mode manual: voters[WITNESS] is empty */
        struct config_voter voters[VOTERS];
        unsigned mirrors;
        struct config_mirror mirror[MIRRORS_MAX]; /* in the order of the file: index = "mirror" of the core */
};

/* Reads and checks `path`. 0, or -EINVAL when anything was reported to `errors` (then *ret is not set), -ENOMEM. */
int config_load(const char *path, struct ini_errors *errors, struct config *ret);

/* The same of a text; `path` is for messages. */
int config_parse(const char *path, const char *text, struct ini_errors *errors, struct config *ret);

/* Index of the voter with that name (host name or --node NAME), or -ENOENT. */
int config_voter_index(const struct config *c, const char *name);

/* Index of the mirror with that name, or -ENOENT. */
int config_mirror_index(const struct config *c, const char *name);

/* Index of the mirror with that label, under whatever name, or -ENOENT. */
int config_mirror_by_label(const struct config *c, const char *label);

/* Bit m: mirror m is the one, or is tied to it by what services need (hamon/core/group.h). */
uint32_t config_group(const struct config *c, unsigned mirror);

/* What names a mirror in messages (hamon/net/mirror_tags.h). No two mirrors of a configuration that was read have the same. */
uint32_t config_mirror_tag(uint64_t export_id);

#endif
