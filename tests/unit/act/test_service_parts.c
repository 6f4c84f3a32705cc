/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Probes for duplicate addresses as frames, and who holds a file system. The network itself is tests/integration/act/test-addresses. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/address.h"
#include "hamon/act/address_probe.h"
#include "hamon/act/holders.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1}, theirs[6] = {2, 0, 0, 0, 0, 2};

static struct config_address address(const char *text)
{
        struct config_address a = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};
        assert_int_equal(inet_pton(a.family, text, a.bytes), 1);
        return a;
}

static void test_arp(void **state)
{
        uint8_t frame[ADDRESS_FRAME_MAX], who[6];
        struct config_address a = address("10.0.0.9"), b = address("10.0.0.8");
        size_t n = address_probe_frame(mac, &a, frame);

        (void)state;
        assert_int_equal(n, 60);
        assert_memory_equal(frame + 22, mac, 6);
        assert_memory_equal(frame + 28, "\0\0\0\0", 4); /* RFC 5227: a probe claims nothing */
        assert_memory_equal(frame + 38, a.bytes, 4);
        assert_false(address_probe_is_taken(frame, n, theirs, &a, who)); /* another's probe is no answer */
        n = address_arp_frame(theirs, a.bytes, frame);
        frame[21] = 2; /* an answer */
        assert_true(address_probe_is_taken(frame, n, mac, &a, who));
        assert_memory_equal(who, theirs, 6);
        assert_false(address_probe_is_taken(frame, n, theirs, &a, who)); /* our own, given back */
        assert_false(address_probe_is_taken(frame, n, mac, &b, who));
        for (size_t cut = 0; cut < 42; cut++)
                assert_false(address_probe_is_taken(frame, cut, mac, &a, who));
        frame[13] = 0;
        assert_false(address_probe_is_taken(frame, n, mac, &a, who));
}

static void test_neighbour_solicitation(void **state)
{
        static const uint8_t to[16] = {0xff, 2, [11] = 1, 0xff, 1, 0xab, 0xcd}, nobody[16] = {0};
        uint8_t frame[ADDRESS_FRAME_MAX], who[6];
        struct config_address a = address("fd00::1:abcd"), b = address("fd00::1:abce");
        size_t n = address_probe_frame(mac, &a, frame);
        uint32_t sum = 24 + 58;

        (void)state;
        assert_int_equal(n, 78);
        assert_memory_equal(frame, ((uint8_t[]){0x33, 0x33, 0xff, 1, 0xab, 0xcd}), 6);
        assert_memory_equal(frame + 22, nobody, 16);
        assert_memory_equal(frame + 38, to, 16);
        assert_memory_equal(frame + 62, a.bytes, 16);
        for (unsigned i = 22; i < 78; i += 2)
                sum += (uint32_t)frame[i] << 8 | frame[i + 1];
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        assert_int_equal(sum, 0xffff); /* the checksum */
        assert_false(address_probe_is_taken(frame, n, theirs, &a, who));
        n = address_na_frame(theirs, a.bytes, frame);
        assert_true(address_probe_is_taken(frame, n, mac, &a, who));
        assert_memory_equal(who, theirs, 6);
        assert_false(address_probe_is_taken(frame, n, theirs, &a, who));
        assert_false(address_probe_is_taken(frame, n, mac, &b, who));
        for (size_t cut = 0; cut < 78; cut++)
                assert_false(address_probe_is_taken(frame, cut, mac, &a, who));
        frame[21] = 254; /* from beyond a router: anybody */
        assert_false(address_probe_is_taken(frame, n, mac, &a, who));
}

/* A /proc whose processes hold things of "/proc", a device of its own. */
static char proc[64];

static void process(const char *pid, const char *name, const char *link, const char *target, const char *maps)
{
        char path[160];

        snprintf(path, sizeof path, "%s/%s", proc, pid);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof path, "%s/%s/fd", proc, pid);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof path, "%s/%s/comm", proc, pid);
        FILE *f = fopen(path, "w");
        fprintf(f, "%s\n", name);
        fclose(f);
        if (maps) {
                snprintf(path, sizeof path, "%s/%s/maps", proc, pid);
                f = fopen(path, "w");
                fputs(maps, f);
                fclose(f);
        }
        snprintf(path, sizeof path, "%s/%s/%s", proc, pid, link);
        assert_int_equal(symlink(target, path), 0);
}

static void test_who_holds_it(void **state)
{
        char who[96], maps[128], command[96];
        struct stat st;

        (void)state;
        strcpy(proc, "/tmp/hamon-proc-XXXXXX");
        assert_non_null(mkdtemp(proc));
        assert_int_equal(stat("/proc", &st), 0);
        process("1", "init", "cwd", "/", NULL);
        assert_int_equal(holders_find(proc, st.st_dev, who, sizeof who), 0);
        assert_string_equal(who, "");
        process("17", "bash", "cwd", "/proc", NULL);
        assert_int_equal(holders_find(proc, st.st_dev, who, sizeof who), 1);
        assert_string_equal(who, "bash (pid 17, its directory)");
        snprintf(command, sizeof command, "rm -r %s/17", proc);
        assert_int_equal(system(command), 0);
        process("20", "tail", "fd/5", "/proc/version", NULL);
        assert_int_equal(holders_find(proc, st.st_dev, who, sizeof who), 1);
        assert_string_equal(who, "tail (pid 20, an open file)");
        snprintf(command, sizeof command, "rm -r %s/20", proc);
        assert_int_equal(system(command), 0);
        snprintf(maps, sizeof maps, "55d0-55d1 r-xp 00000000 00:01 5 /x\n7f00-7f01 r--p 00000000 %02x:%02x 7 /y\n", 0xaau, 0xbbu);
        process("21", "java", "cwd", "/", maps);
        assert_int_equal(holders_find(proc, (dev_t)(0xaau << 8 | 0xbbu), who, sizeof who), 1);
        assert_string_equal(who, "java (pid 21, a mapped file)");
        for (int i = 30; i < 35; i++) {
                char pid[8];
                snprintf(pid, sizeof pid, "%d", i);
                process(pid, "sh", "cwd", "/proc", NULL);
        }
        assert_int_equal(holders_find(proc, st.st_dev, who, sizeof who), 5);
        assert_non_null(strstr(who, " and 3 more"));
        assert_int_equal(holders_find("/nowhere", st.st_dev, who, sizeof who), 0);
        snprintf(command, sizeof command, "rm -r %s", proc);
        assert_int_equal(system(command), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_arp), cmocka_unit_test(test_neighbour_solicitation), cmocka_unit_test(test_who_holds_it)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
