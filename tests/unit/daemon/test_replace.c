/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which disks `hamonctl mirror replace` takes: every combination of copies, and sizes around the limit. */
#include "tests/unit/cmocka_all.h"

#include "hamon/hamonctl/hamonctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20 };

static json_t *disk(uint64_t room_mib, uint64_t needs_mib, const char *error)
{
        char sizes[3][24];
        (void)snprintf(sizes[0], sizeof sizes[0], "%" PRIu64, (room_mib + 1) * MIB);
        (void)snprintf(sizes[1], sizeof sizes[1], "%" PRIu64, room_mib * MIB);
        (void)snprintf(sizes[2], sizeof sizes[2], "%" PRIu64, needs_mib * MIB);
        json_t *j = json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s}", "node", "node-b", "device", "/dev/vdb", "error", error ? json_string(error) : json_null(), "disk_bytes",
                              sizes[0], "room_bytes", sizes[1], "needs_bytes", sizes[2], "holds", "nothing");
        assert_non_null(j);
        return j;
}

/* "" when it is taken. */
static const char *refusal(const struct retire_copy *copy, uint64_t room_mib, uint64_t needs_mib, const char *error)
{
        static char text[512];
        json_t *own = disk(room_mib, 0, error), *peer = disk(needs_mib + 5, needs_mib, NULL);
        if (!replace_refused(copy, own, peer, text, sizeof text))
                text[0] = '\0';
        json_decref(own);
        json_decref(peer);
        return text;
}

static void only_beside_a_copy_that_counts(void **state)
{
        (void)state;
        for (unsigned i = 0; i < 16; i++) {
                struct retire_copy copy = {.mirror = "data", .peer = "node-a", .own_in_sync = i & 1, .peer_in_sync = i & 2, .peer_alive = i & 4, .primary = i & 8};
                bool may = !copy.own_in_sync && copy.peer_in_sync && copy.peer_alive && !copy.primary;
                assert_true((*refusal(&copy, 100, 100, NULL) == '\0') == may);
        }
        const struct retire_copy only = {.mirror = "data", .peer = "node-a", .own_in_sync = true, .peer_alive = true};
        assert_non_null(strstr(refusal(&only, 100, 100, NULL), "the only copy"));
        const struct retire_copy active = {.mirror = "data", .peer = "node-a", .own_in_sync = true, .peer_in_sync = true, .peer_alive = true, .primary = true};
        assert_non_null(strstr(refusal(&active, 100, 100, NULL), "hamonctl switchover data"));
        const struct retire_copy good = {.mirror = "data", .peer = "node-a", .own_in_sync = true, .peer_in_sync = true, .peer_alive = true};
        assert_non_null(strstr(refusal(&good, 100, 100, NULL), "hamonctl node leave"));
}

static void only_one_that_is_large_enough(void **state)
{
        const struct retire_copy copy = {.mirror = "data", .peer = "node-a", .peer_in_sync = true, .peer_alive = true};

        (void)state;
        assert_string_equal(refusal(&copy, 100, 100, NULL), "");
        assert_string_equal(refusal(&copy, 1000000, 100, NULL), "");
        assert_non_null(strstr(refusal(&copy, 99, 100, NULL), "'/dev/vdb' is too small: the mirror needs 104857600 bytes behind the leg's header and 103809024 are there"));
        assert_non_null(strstr(refusal(&copy, 100, 0, NULL), "does not say how large its copy is"));
        assert_non_null(strstr(refusal(&copy, 0, 100, "cannot open disk \"/dev/vdb\": No such file or directory"), "is the new one there"));
        char text[512];
        assert_true(replace_refused(&copy, NULL, NULL, text, sizeof text)); /* nobody said anything: nothing is taken */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_beside_a_copy_that_counts),
                cmocka_unit_test(only_one_that_is_large_enough),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
