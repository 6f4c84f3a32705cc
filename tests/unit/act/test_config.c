/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/attach.h"
#include "hamon/act/mirror.h"
#include "hamon/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char messages[8192];

static void collect(void *userdata, const char *message)
{
        size_t used = strlen(messages);

        (void)userdata;
        snprintf(messages + used, sizeof messages - used, "%s\n", message);
}

static int parse(const char *text, struct config *ret)
{
        struct ini_errors errors = {.report = collect};

        messages[0] = '\0';
        return config_parse("t", text, &errors, ret);
}

#define HEAD "[cluster]\nname = demo\n"
#define NODES_TEXT "[node a]\naddress = 10.0.0.1\n[node b]\naddress = 10.0.0.2\n"
#define MIRROR "[mirror data]\nid = 0xd1\ndevice = a:/dev/vdb\ndevice = b:/dev/vdb\n"

static struct config c;

static void the_example_of_the_documentation(void **state)
{
        (void)state;
        struct ini_errors errors = {.report = collect};
        messages[0] = '\0';
        assert_int_equal(config_load("deploy/examples/hamon.conf", &errors, &c), 0);
        assert_string_equal(messages, "");
        assert_string_equal(c.cluster, "demo");
        assert_string_equal(c.key_file, "/etc/hamon/cluster.key");
        assert_int_equal(c.port, 4344);
        assert_int_equal(c.leg_port, 4343);
        assert_true(c.has_witness);
        assert_int_equal(config_voter_index(&c, "node-b"), 1);
        assert_int_equal(config_voter_index(&c, "witness"), WITNESS);
        assert_int_equal(config_voter_index(&c, "other"), -ENOENT);
        assert_int_equal(c.voters[0].links, 2);
        assert_string_equal(c.voters[0].link[1].text, "10.99.1.1");
        assert_int_equal(c.mirrors, 1);
        assert_int_equal(c.mirror[0].id, 0xd1);
        assert_string_equal(c.mirror[0].device[1], "/dev/vdb");
        const struct config_service *s = &c.mirror[0].service;
        assert_true(s->present && s->has_mount);
        assert_string_equal(s->mount, "/srv/data");
        assert_string_equal(s->type, "ext4");
        assert_string_equal(s->interface, "eth0");
        assert_int_equal(s->addresses, 1);
        assert_int_equal(s->address[0].prefix_length, 24);
        assert_true(s->duplicate_check);
        assert_int_equal(s->stop_timeout_ms, CONFIG_STOP_TIMEOUT_MS);
        assert_int_equal(s->units, 1);
        assert_string_equal(s->unit[0], "postgresql@15-main.service");
        assert_int_equal(c.timers.dead_ms, timers_normal().dead_ms);
}

static void care_for_a_service(void **state)
{
        (void)state;
        assert_int_equal(parse(HEAD NODES_TEXT MIRROR "[service data]\nhealth = /bin/check -a  b\nrestart = 2\n", &c), 0);
        const struct config_service *s = &c.mirror[0].service;
        assert_string_equal(s->health.command, "/bin/check -a  b");
        assert_int_equal(s->health.interval_ms, 10000);
        assert_int_equal(s->health.timeout_ms, 5000);
        assert_int_equal(s->health.retries, 3);
        assert_true(s->policy.limited && s->policy.may_move);
        assert_int_equal(s->policy.restarts, 2);
        assert_int_equal(s->hooks.timeout_ms, 10000);
        assert_int_equal(s->policy.window_ms, 600000);
        assert_int_equal(parse(HEAD NODES_TEXT MIRROR "[service data]\nmount = /srv\n", &c), 0);
        assert_false(s->policy.limited || *s->health.command);
        assert_int_equal(parse(HEAD NODES_TEXT MIRROR "[service data]\nrestart = 0\nrestart-window = 1h\non-failure = stay\n", &c), 0);
        assert_true(s->policy.limited && !s->policy.may_move && s->policy.restarts == 0 && s->policy.window_ms == 3600000);
}

static void timers_and_profiles(void **state)
{
        (void)state;
        assert_int_equal(parse(HEAD "profile = relaxed\n" NODES_TEXT MIRROR "[timers]\ndead = 20s\nlease = 25s\n", &c),
                         0);
        assert_int_equal(c.timers.dead_ms, 20000);
        assert_int_equal(c.timers.heartbeat_ms, timers_relaxed().heartbeat_ms);
        assert_false(c.has_witness);
        assert_int_equal(parse(HEAD NODES_TEXT "[mirror data]\nid = 1\ndevice = b:/dev/sdb\ndevice = "
                                               "a:/dev/sdc\n[service data]\naddress = fd00::5/64\n"
                                               "address = 10.0.0.9/24\ninterface = br0\n",
                               &c),
                         0);
        assert_string_equal(c.mirror[0].device[0], "/dev/sdc");
        assert_int_equal(c.mirror[0].service.address[0].family, AF_INET6);
        assert_false(c.mirror[0].service.has_mount);
}

/* The golden part: text, and every message that it gives, in order. */
static const struct {
        const char *text, *expected;
} bad[] = {
    {"", "t:1:1: section \"cluster\" has no name: write name = NAME below [cluster]\n"
         "t:1:1: there is no [node NAME] section: a cluster has two\n"},
    {HEAD "[node a]\naddress = 10.0.0.1\n", "t:4:11: there is only one [node NAME] section: a cluster has two\n"},
    {HEAD NODES_TEXT "[node c]\naddress = 10.0.0.3\n",
     "t:8:11: [node c] is one too many: a cluster has two nodes and a witness\n"},
    {HEAD "prot = 1\n" NODES_TEXT, "t:3:1: unknown key \"prot\" in section \"cluster\", did you mean \"port\"?\n"},
    {HEAD "profile = relaxd\n" NODES_TEXT, "t:3:11: unknown profile \"relaxd\", did you mean \"relaxed\"?\n"},
    {HEAD "key-file = cluster.key\nport = 0\n" NODES_TEXT, "t:3:12: key-file \"cluster.key\" is not an absolute path\n"
                                                           "t:4:8: port = \"0\" is out of range: 1 to 65535\n"},
    {HEAD "[node a]\naddress = 10.0.0.1/24\n[node b]\naddress = 10.0.0.300\n",
     "t:4:11: address \"10.0.0.1/24\" has a prefix length: write the address alone\n"
     "t:6:11: address \"10.0.0.300\" is not an IPv4 or IPv6 address\n"},
    {HEAD NODES_TEXT MIRROR "discard = yes\n",
     "t:11:11: unknown discard \"yes\": write no, or zeroes where the disks of both nodes read zeroes after a discard\n"},
    {HEAD "leg-key-file = leg.psk\n" NODES_TEXT MIRROR,
     "t:3:16: leg-key-file \"leg.psk\" is not an absolute path without blanks and quotes\n"},
    {HEAD "leg-key-file = /etc/leg psk\n" NODES_TEXT MIRROR,
     "t:3:16: leg-key-file \"/etc/leg psk\" is not an absolute path without blanks and quotes\n"},
    {HEAD NODES_TEXT "[witness a]\naddress = 10.0.0.2\n",
     "t:8:11: address \"10.0.0.2\" is used already in line 6\n"
     "t:8:11: the witness is named like a node: it is a third machine\n"},
    {HEAD "[node node-a]\naddress = 10.0.0.1\n[node node-b]\naddress = 10.0.0.2\n[mirror data]\nid = 0xd1\ndevice = "
          "node-q:/dev/vdb\ndevice = "
          "node-b:/dev/vdb\n",
     "t:9:10: unknown node \"node-q\", did you mean \"node-a\"?\n"
     "t:8:6: [mirror data] has no device on node \"node-a\": write device = node-a:/dev/PATH\n"},
    {HEAD NODES_TEXT "[mirror data]\nid = d1\ndevice = a:vdb\ndevice = b:/dev/vdb\ndevice = b:/dev/vdc\n",
     "t:8:6: id \"d1\" is hex without its 0x: type 0xd1\n"
     "t:9:10: device \"a:vdb\" is not NODE:/dev/PATH\n"
     "t:11:10: node \"b\" has a device for mirror \"data\" already\n"},
    {HEAD NODES_TEXT MIRROR "[mirror logs]\nid = 209\ndevice = a:/dev/vdb\ndevice = b:/dev/vdd\n",
     "t:12:6: id \"209\" is that of mirror \"data\" already\n"
     "t:12:6: device \"/dev/vdb\" of node \"a\" belongs to mirror \"data\" already\n"},
    {HEAD NODES_TEXT MIRROR "[service data]\nmount = /var/lib\n",
     "t:12:9: mount \"/var/lib\" would hide the state or the programs that the mirror itself needs\n"},
    {HEAD NODES_TEXT MIRROR "[service dta]\nmount = /srv\n",
     "t:12:9: [service dta] has no mirror of that name, did you mean \"data\"?\n"},
    {HEAD NODES_TEXT MIRROR "[service data]\nmount = /srv/\ntype = ext 4\naddress = 10.0.0.9\nunit = postgres\n",
     "t:12:9: mount \"/srv/\" is not an absolute path without \".\", \"..\" and a \"/\" at its end\n"
     "t:13:8: type \"ext 4\" is not a file system's name: write ext4 or xfs\n"
     "t:14:11: address \"10.0.0.9\" needs its prefix length: write 10.0.0.9/24\n"
     "t:14:11: an address without an interface: write interface = NAME below [service data]\n"
     "t:15:8: \"postgres\" is not a systemd unit: write NAME.service\n"},
    {HEAD NODES_TEXT MIRROR "[service data]\nmount = /srv\nstop-timeout = 10\nduplicate-check = maybe\n",
     "t:14:19: duplicate-check = \"maybe\" is neither yes nor no\n"
     "t:14:19: a duplicate-check without an address: write address = IP/LENGTH below [service data]\n"
     "t:13:16: stop-timeout = \"10\" has no unit: write 10ms or 10s\n"
     "t:13:16: a stop-timeout without a unit: write unit = NAME.service below [service data]\n"},
    {HEAD NODES_TEXT MIRROR "[service data]\nhealth = pg_isready\nhealth-interval = 1ms\nhealth-retries = 0\nrestart = 1000\non-failure = mov\n",
     "t:12:10: health \"pg_isready\" is not a program's absolute path with at most 15 arguments, in less than 256 characters\n"
     "t:13:19: health-interval = \"1ms\" is out of range: 1s to 1h\n"
     "t:14:18: health-retries = \"0\" is out of range: 1 to 100\n"
     "t:15:11: restart = \"1000\" is out of range: 0 to 100\n"
     "t:16:14: on-failure \"mov\" is not known: write move or stay\n"},
    {HEAD NODES_TEXT MIRROR "[service data]\nfsck = perhaps\non-read-only = panic\n",
     "t:12:8: fsck = \"perhaps\" is neither yes nor no\n"
     "t:12:8: fsck without a mount: write mount = /PATH below [service data]\n"
     "t:13:16: on-read-only \"panic\" is not known: write restart or ignore\n"
     "t:13:16: on-read-only without a mount: write mount = /PATH below [service data]\n"},
    {HEAD NODES_TEXT MIRROR "[service data]\nhook-timeout = 1s\n",
     "t:12:16: hook-timeout without a hook: write pre-promote = /PROGRAM below [service data]\n"},
    {HEAD NODES_TEXT MIRROR "[service data]\npost-demote = ../x\n",
     "t:12:15: post-demote \"../x\" is not a program's absolute path with at most 15 arguments, in less than 256 characters\n"},
    {HEAD NODES_TEXT MIRROR "[service data]\nhealth-timeout = 1s\nrestart-window = 1m\non-failure = stay\n",
     "t:12:18: health-timeout without health: write health = /PROGRAM below [service data]\n"
     "t:13:18: restart-window without restart: write restart = NUMBER below [service data]\n"
     "t:14:14: on-failure without restart: write restart = NUMBER below [service data]\n"},
    {HEAD NODES_TEXT "[timers]\ndead = 600ms\nlease = 1s\naddress = 1500ms\nheartbeat = 200\n",
     "t:11:13: heartbeat = \"200\" has no unit: write 200ms or 200s\n"
     "t:8:8: dead = 600ms is impossible beside suspect: it must be above 700ms, as a node is suspected before it is "
     "dead\n"
     "t:9:9: lease = 1000ms is impossible beside address: it must be above 1875ms, as the service "
     "address may go up to a quarter late\n"
     "t:10:11: address is the kernel's lifetime of an address: write whole seconds, 1s or 2s\n"},
    {HEAD NODES_TEXT MIRROR "[notify]\nexec = mail\nwebhook = ftp://10.0.0.1/secret\nseverity = warnings\nrepeat = 10\n",
     "t:12:8: exec \"mail\" is not an absolute path of less than 256 characters\n"
     "t:13:11: webhook is not a URL of less than 512 characters: write https://HOST/PATH\n"
     "t:14:12: unknown severity \"warnings\", did you mean \"warning\"?\n"
     "t:15:10: repeat = \"10\" has no unit: write 10ms or 10s\n"},
    {HEAD NODES_TEXT MIRROR "[notify]\nwebhook = http://10.0.0.1/x\nwebhook-ca = /etc/ca.pem\n",
     "t:13:14: a webhook-ca without a webhook of https: write webhook = https://HOST/PATH below [notify]\n"},
    {HEAD NODES_TEXT MIRROR "[notify]\nseverity = info\nwebhok = https://x/\n",
     "t:13:1: unknown key \"webhok\" in section \"notify\", did you mean \"webhook\"?\n"
     "t:12:12: [notify] tells nobody: write exec = /PROGRAM or webhook = https://HOST/PATH below [notify]\n"},
};

static void every_error_has_its_place(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                struct config untouched = {.port = 77};

                assert_int_equal(parse(bad[i].text, &untouched), -EINVAL);
                assert_string_equal(messages, bad[i].expected);
                assert_int_equal(untouched.port, 77);
        }
}

static void who_is_told(void **state)
{
        (void)state;
        assert_int_equal(parse(HEAD NODES_TEXT MIRROR, &c), 0);
        assert_string_equal(c.notify.exec, "");
        assert_string_equal(c.notify.webhook, "");
        assert_int_equal(parse(HEAD NODES_TEXT MIRROR "[notify]\nexec = /usr/local/bin/tell\n", &c), 0);
        assert_string_equal(c.notify.exec, "/usr/local/bin/tell");
        assert_int_equal(c.notify.severity, SEVERITY_WARNING);
        assert_int_equal(c.notify.repeat_ms, 600000);
        assert_int_equal(parse(HEAD NODES_TEXT MIRROR "[notify]\nwebhook = https://u:p@[fd00::1]:8443/hook?k=v\nwebhook-ca = /etc/ca.pem\nseverity = "
                                                      "info\nrepeat = 1h\n",
                               &c),
                         0);
        assert_string_equal(c.notify.webhook, "https://u:p@[fd00::1]:8443/hook?k=v");
        assert_string_equal(c.notify.webhook_ca, "/etc/ca.pem");
        assert_int_equal(c.notify.severity, SEVERITY_INFO);
        assert_int_equal(c.notify.repeat_ms, 3600000);
}

/* What nbdc is started with. */
static void legs_are_encrypted_when_they_have_a_key(void **state)
{
        static const struct uuid session = {.bytes = {1, 2, 3}};
        struct mirror m = {.config = &c, .cm = &c.mirror[0], .self = 0, .peer_path = "/dev/nbd0"};
        char text[900];

        (void)state;
        assert_int_equal(parse(HEAD NODES_TEXT MIRROR, &c), 0);
        assert_string_equal(c.leg_key_file, "");
        assert_int_equal(attach_format_environment(&m, 7, &session, text, sizeof text), 0);
        assert_string_equal(text, "NBDC_ARGS=--optional --no-trim --epoch 7 --session 01020300-0000-0000-0000-000000000000 10.0.0.2 4343 0xd1 /dev/nbd0\n");
        assert_int_equal(parse(HEAD "leg-key-file = /etc/hamon/leg.psk\n" NODES_TEXT MIRROR, &c), 0);
        assert_int_equal(attach_format_environment(&m, 7, &session, text, sizeof text), 0);
        assert_string_equal(text, "NBDC_ARGS=--optional --no-trim --tls-psk /etc/hamon/leg.psk --epoch 7 --session 01020300-0000-0000-0000-000000000000 "
                                  "10.0.0.2 4343 0xd1 /dev/nbd0\n");
        assert_int_equal(attach_format_environment(&m, 7, &session, text, 80), -E2BIG);
}

/* The word of the configuration and the proof of the own disk: neither of them alone. */
static void discards_need_the_word_and_the_proof(void **state)
{
        static const struct uuid session = {.bytes = {1, 2, 3}};
        struct mirror m = {.config = &c, .cm = &c.mirror[0], .self = 0, .peer_path = "/dev/nbd0"};
        char text[900];

        (void)state;
        assert_int_equal(parse(HEAD NODES_TEXT MIRROR "discard = no\n", &c), 0);
        assert_int_equal(c.mirror[0].discard, DISCARD_NO);
        m.discard_proof = DISCARD_PROVEN;
        assert_int_equal(attach_format_environment(&m, 7, &session, text, sizeof text), 0);
        assert_non_null(strstr(text, " --no-trim "));
        assert_int_equal(parse(HEAD NODES_TEXT MIRROR "discard = zeroes\n", &c), 0);
        for (int proof = DISCARD_UNPROVEN; proof <= DISCARD_FAILED; proof++) {
                m.discard_proof = (enum discard_proof)proof;
                assert_int_equal(attach_format_environment(&m, 7, &session, text, sizeof text), 0);
                assert_true((strstr(text, " --no-trim ") == NULL) == (proof == DISCARD_PROVEN));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_example_of_the_documentation),
            cmocka_unit_test(care_for_a_service),
                cmocka_unit_test(timers_and_profiles),
            cmocka_unit_test(every_error_has_its_place),
            cmocka_unit_test(who_is_told),
            cmocka_unit_test(legs_are_encrypted_when_they_have_a_key),
            cmocka_unit_test(discards_need_the_word_and_the_proof),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
