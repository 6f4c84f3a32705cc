/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration's text changed in place, what a change means, what survives a power cut, and who is meant by a message meanwhile. */
#include "tests/unit/cmocka_all.h"

#include "hamon/api/conceal.h"
#include "hamon/api/config_keep.h"
#include "hamon/config_diff.h"
#include "hamon/config_remove.h"
#include "hamon/config_rename.h"
#include "hamon/config_text.h"
#include "hamon/net/mirror_tags.h"
#include "hamon/net/seal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char plain[] = "# ours\n[cluster]\nname = demo   ; the name\n\n[node node-a]\naddress = 10.0.0.1\n[node node-b]\naddress = 10.0.0.2\n"
                            "[witness w]\naddress = 10.0.0.3\n\n# the data\n[mirror data]\nid = 0xd1\ndevice = node-a:/dev/vdb\ndevice = node-b:/dev/vdb\n"
                            "[service data]\nmount = /srv/data\n# last words";

static void ignore(void *userdata, const char *message)
{
        (void)userdata;
        print_message("  %s\n", message);
}

static struct config *parsed(const char *text)
{
        struct ini_errors errors = {.report = ignore};
        struct config *c = calloc(1, sizeof *c);
        assert_non_null(c);
        assert_int_equal(config_parse("x", text, &errors, c), 0);
        return c;
}

static void the_version_is_written_in_place(void **state)
{
        (void)state;
        char *one = config_text_with_version(plain, 1), *two = config_text_with_version(one, 2147483648u);
        struct config *a = parsed(one), *b = parsed(two);
        assert_int_equal(a->version, 1);
        assert_int_equal(b->version, 2147483648u);
        assert_int_equal(strlen(one), strlen(plain) + strlen("version = 1\n"));
        assert_non_null(strstr(two, "# ours\n[cluster]\nversion = 2147483648\nname = demo   ; the name\n"));
        assert_non_null(strstr(two, "# last words"));
        free(a);
        free(b);
        free(one);
        free(two);
}

static void a_section_is_written_in_place(void **state)
{
        (void)state;
        char *changed = config_text_with_section(plain, "service", "data", "mount = /srv/other\ntype = xfs\n");
        char *added = config_text_with_section(changed, "mirror", "logs", "id = 0xd2\ndevice = node-a:/dev/vdc\ndevice = node-b:/dev/vdc\n");
        char *gone = config_text_with_section(added, "service", "data", NULL), *same = config_text_with_section(gone, "mirror", "none", NULL);
        struct config *a = parsed(changed), *b = parsed(added), *c = parsed(gone);
        assert_string_equal(a->mirror[0].service.mount, "/srv/other");
        assert_int_equal(b->mirrors, 2);
        assert_string_equal(b->mirror[1].device[1], "/dev/vdc");
        assert_false(c->mirror[0].service.present);
        assert_string_equal(gone, same);
        assert_non_null(strstr(gone, "# the data\n[mirror data]"));
        assert_non_null(strstr(gone, "# last words"));
        free(a);
        free(b);
        free(c);
        free(changed);
        free(added);
        free(gone);
        free(same);
}

struct told {
        unsigned count[3];
        char text[4096];
};

static void note(void *userdata, enum config_effect effect, const char *sentence)
{
        struct told *t = userdata;
        t->count[effect]++;
        (void)snprintf(t->text + strlen(t->text), sizeof t->text - strlen(t->text), "%s\n", sentence);
}

static const char *labels(const struct config *c)
{
        static char text[200];
        *text = '\0';
        for (unsigned m = 0; m < c->mirrors; m++)
                (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s=%s ", c->mirror[m].name, c->mirror[m].label);
        return text;
}

/* What the disks call it stays, over any number of names, and the rest of the file as well. */
static void a_mirror_gets_another_name_and_keeps_its_label(void **state)
{
        (void)state;
        struct told t = {0};
        struct config *before = parsed(plain);
        assert_string_equal(labels(before), "data=data ");
        char *once = config_text_renamed(plain, before, &before->mirror[0], "files");
        struct config *renamed = parsed(once);
        assert_string_equal(labels(renamed), "files=data ");
        assert_string_equal(renamed->mirror[0].service.mount, "/srv/data");
        assert_non_null(strstr(once, "# the data\n[mirror files]\nlabel = data\nid = 0xd1\n"));
        assert_non_null(strstr(once, "[service files]\n"));
        assert_non_null(strstr(once, "# last words"));
        assert_int_equal(config_diff(before, renamed, note, &t), 0);
        assert_string_equal(t.text, "mirror data is called files, and so is its service; its disks keep the label data\n");
        char *twice = config_text_renamed(once, renamed, &renamed->mirror[0], "more");
        struct config *again = parsed(twice);
        assert_string_equal(labels(again), "more=data ");
        assert_int_equal(config_mirror_by_label(again, "data"), 0);
        assert_true(config_mirror_index(again, "data") < 0);
        char *back = config_text_renamed(twice, again, &again->mirror[0], "data");
        assert_string_equal(back, plain);
        free(before);
        free(renamed);
        free(again);
        free(once);
        free(twice);
        free(back);
}

/* Whoever needs it needs it under its new name; and who is tied to whom. */
static void what_is_needed_is_renamed_as_well(void **state)
{
        (void)state;
        static const char *const names[] = {"logs", "mail", "rest"};
        char *text = strdup(plain);
        for (unsigned i = 0; i < 3; i++) {
                char body[200];
                (void)snprintf(body, sizeof body, "id = 0xd%u\ndevice = node-a:/dev/sd%u\ndevice = node-b:/dev/sd%u\n", i + 2, i, i);
                char *more = config_text_with_section(text, "mirror", names[i], body);
                free(text);
                text = more;
        }
        char *needs = config_text_with_section(text, "service", "mail", "needs = logs\nneeds = data   ; both\nunit = m.service\n");
        struct config *c = parsed(needs);
        assert_int_equal(c->mirror[2].service.needs, 1u << 0 | 1u << 1);
        assert_int_equal(config_group(c, 0), 1u << 0 | 1u << 1 | 1u << 2);
        assert_int_equal(config_group(c, 2), config_group(c, 1));
        assert_int_equal(config_group(c, 3), 1u << 3);
        char *renamed = config_text_renamed(needs, c, &c->mirror[0], "files");
        assert_non_null(strstr(renamed, "needs = logs\nneeds = files\n"));
        struct config *d = parsed(renamed);
        struct told t = {0};
        assert_int_equal(d->mirror[2].service.needs, c->mirror[2].service.needs);
        assert_int_equal(config_diff(c, d, note, &t), 0);
        assert_null(strstr(t.text, "needs"));
        free(text);
        free(needs);
        free(renamed);
        free(c);
        free(d);
}

static char told_error[400];

static void keep_error(void *userdata, const char *message)
{
        (void)userdata;
        (void)snprintf(told_error, sizeof told_error, "%s", message);
}

static void is_refused(const char *text, const char *words)
{
        struct ini_errors errors = {.report = keep_error};
        struct config *c = calloc(1, sizeof *c);
        assert_non_null(c);
        assert_int_equal(config_parse("x", text, &errors, c), -EINVAL);
        if (!strstr(told_error, words))
                fail_msg("%s", told_error);
        free(c);
}

static void a_label_is_of_one_mirror(void **state)
{
        (void)state;
        struct config *c = parsed(plain);
        char *renamed = config_text_renamed(plain, c, &c->mirror[0], "files"), *odd = config_text_with_word(plain, "mirror", "data", "label", "a b");
        char *second = config_text_with_section(renamed, "mirror", "data", "id = 0xd2\ndevice = node-a:/dev/vdc\ndevice = node-b:/dev/vdc\n");
        char *both = config_text_with_section(plain, "mirror", "logs", "label = data\nid = 0xd2\ndevice = node-a:/dev/vdc\ndevice = node-b:/dev/vdc\n");
        is_refused(second, "the disks of mirror \"files\" are labelled \"data\", as it was called once: no other mirror can have that name or label");
        is_refused(both, "the disks of mirror \"logs\" are labelled \"data\"");
        is_refused(odd, "label \"a b\" is no mirror's name");
        free(c);
        free(renamed);
        free(odd);
        free(second);
        free(both);
}

/* Their devices run on while a mirror before them goes: their numbers are written down, and the next new mirror gets the one that is free. */
static void a_mirror_goes_and_the_others_keep_their_numbers(void **state)
{
        (void)state;
        char *two = config_text_with_section(plain, "mirror", "logs", "id = 0xd2\ndevice = node-a:/dev/vdc\ndevice = node-b:/dev/vdc\nverify = off\n");
        char *three = config_text_with_section(two, "mirror", "mail", "id = 0xd3\nnumber = 9\ndevice = node-a:/dev/vdd\ndevice = node-b:/dev/vdd\n");
        struct config *before = parsed(three);
        assert_int_equal(before->mirror[0].number, 0);
        assert_int_equal(before->mirror[1].number, 1);
        assert_int_equal(before->mirror[2].number, 9);
        char *without = config_text_without_mirror(three, before, "data"), *last = config_text_without_mirror(three, before, "mail");
        struct config *after = parsed(without), *shorter = parsed(last);
        assert_int_equal(after->mirrors, 2);
        assert_int_equal(after->mirror[0].number, 1);
        assert_int_equal(after->mirror[1].number, 9);
        assert_null(strstr(without, "data]"));
        assert_non_null(strstr(without, "verify = off"));
        struct told t = {0};
        assert_int_equal(config_diff(before, after, note, &t), 0);
        assert_null(strstr(last, "number")); /* nothing is behind it */
        assert_false(shorter->mirror[1].number == 9);
        char *again = config_text_with_section(without, "mirror", "news", "id = 0xd4\ndevice = node-a:/dev/vde\ndevice = node-b:/dev/vde\n");
        struct config *next = parsed(again);
        assert_int_equal(next->mirror[2].number, 0);
        struct config *const all[] = {before, after, shorter, next};
        char *const texts[] = {two, three, without, last, again};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                free(all[i]);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                free(texts[i]);
}

static struct told difference(const char *from, const char *to)
{
        struct told t = {0};
        struct config *a = parsed(plain), *b;
        char *text = strdup(plain), *at = strstr(text, from), whole[4096];
        assert_non_null(at);
        (void)snprintf(whole, sizeof whole, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
        b = parsed(whole);
        unsigned impossible = config_diff(a, b, note, &t);
        assert_int_equal(impossible, t.count[CONFIG_IMPOSSIBLE]);
        free(a);
        free(b);
        free(text);
        return t;
}

static void each_change_says_when_it_counts(void **state)
{
        static const struct {
                const char *from, *to, *says;
                enum config_effect effect;
        } cases[] = {
                {"name = demo", "name = other", "stays 'demo'", CONFIG_IMPOSSIBLE},
                {"name = demo", "name = demo\nport = 99", "hear each other", CONFIG_IMPOSSIBLE},
                {"name = demo", "name = demo\nkey-file = /k", "understand each other", CONFIG_IMPOSSIBLE},
                {"name = demo", "name = demo\nleg-port = 99", "attached next", CONFIG_LATER},
                {"name = demo", "name = demo\nleg-key-file = /k", "is encrypted", CONFIG_LATER},
                {"name = demo", "name = demo\nprofile = relaxed", "lease 5500 ms (was 1800 ms)", CONFIG_AT_ONCE},
                {"address = 10.0.0.1", "address = 10.0.0.9", "stays '10.0.0.1'", CONFIG_IMPOSSIBLE},
                {"address = 10.0.0.1", "address = 10.0.0.1\naddress = 10.0.1.1", "links of node-a: 2 (was 1)", CONFIG_AT_ONCE},
                {"[witness w]", "[witness v]", "the witness 'w' stays", CONFIG_IMPOSSIBLE},
                {"id = 0xd1", "id = 0xd7", "its id", CONFIG_IMPOSSIBLE},
                {"node-b:/dev/vdb", "node-b:/dev/vdx", "device of node-b is '/dev/vdx'", CONFIG_LATER},
                {"mount = /srv/data", "mount = /srv/new", "mount '/srv/new'", CONFIG_LATER},
                {"mount = /srv/data", "mount = /srv/data\nunit = x.service", "a new one is started", CONFIG_AT_ONCE},
                {"mount = /srv/data", "mount = /srv/data\naddress = 10.0.0.77/24\ninterface = eth0", "addresses", CONFIG_AT_ONCE},
                {"[service data]\nmount = /srv/data\n", "", "no longer has one", CONFIG_AT_ONCE},
                {"# last words", "[api]\nlisten = 10.0.0.1", "the API on TCP: 1 address", CONFIG_AT_ONCE},
                {"# last words", "[notify]\nexec = /bin/true", "who is told", CONFIG_AT_ONCE},
                {"# last words", "[mirror logs]\nid = 0xd2\ndevice = node-a:/dev/x\ndevice = node-b:/dev/x", "hamonctl mirror create logs", CONFIG_AT_ONCE},
        };
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct told t = difference(cases[i].from, cases[i].to);
                if (!strstr(t.text, cases[i].says) || t.count[cases[i].effect] != 1 || t.count[0] + t.count[1] + t.count[2] != 1)
                        fail_msg("'%s' -> '%s' says: %s", cases[i].from, cases[i].to, t.text);
        }
        struct told moved = difference("# the data\n", "[mirror early]\nid = 0xd5\ndevice = node-a:/dev/e\ndevice = node-b:/dev/e\n");
        assert_non_null(strstr(moved.text, "mirror data: the number of its devices stays"));
        assert_int_equal(moved.count[CONFIG_IMPOSSIBLE], 1);
        struct told none = difference("# last words", "; other words");
        assert_string_equal(none.text, "");
}

/* ---- the file and the one that waits ---- */

static char folder[] = "/tmp/nbdd-config-XXXXXX", path[PATH_MAX];

static int make_folder(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(path, sizeof path, "%s/hamon.conf", folder);
        return 0;
}

static int remove_folder(void **state)
{
        char command[PATH_MAX];
        (void)state;
        unsetenv("NBDD_FAULT_STATEFILE");
        (void)snprintf(command, sizeof command, "rm -rf %s", folder);
        return system(command);
}

static void write_file(const char *text)
{
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

static char *file_now(void)
{
        char *text = NULL;
        assert_int_equal(config_store_read(path, &text), 0);
        return text;
}

static struct config_next next_of(uint64_t version, const char *by, const char *text)
{
        struct config_next n = {.version = version, .text = (char *)(uintptr_t)text};
        (void)snprintf(n.hash, sizeof n.hash, "%016llx", (unsigned long long)version);
        (void)snprintf(n.by, sizeof n.by, "%s", by);
        return n;
}

/* Every step at which the disk may fail or the power be cut: old or new, whole, and the way goes on from there. */
static void old_or_new_wherever_it_is_cut(void **state)
{
        static const char *const steps[] = {"open", "write", "fsync", "rename", "dirsync"};
        (void)state;
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
                for (unsigned commit = 0; commit < 2; commit++) {
                        char fault[32];
                        struct config_next n = next_of(2, "node-a", "new");
                        write_file("old");
                        (void)config_store_discard(path);
                        if (commit)
                                assert_int_equal(config_store_prepare(path, &n), 0);
                        (void)snprintf(fault, sizeof fault, "%s:1", steps[i]);
                        setenv("NBDD_FAULT_STATEFILE", fault, 1);
                        assert_true((commit ? config_store_commit(path) : config_store_prepare(path, &n)) < 0);
                        unsetenv("NBDD_FAULT_STATEFILE");
                        char *text = file_now();
                        bool is_new = strcmp(text, "new") == 0;
                        assert_true(is_new || strcmp(text, "old") == 0);
                        assert_true(!is_new || (commit && strcmp(steps[i], "dirsync") == 0));
                        free(text);
                        struct config_next waits = {0};
                        int r = config_store_next(path, &waits);
                        assert_true(r == 0 || (r == -ENOENT && !commit)); /* a commit that failed can be done again */
                        if (r == 0)
                                assert_int_equal(config_store_commit(path), 0);
                        config_next_release(&waits);
                }
}

static void what_waits_is_looked_at_at_the_start(void **state)
{
        static const struct {
                const char *by;
                uint64_t version;
                bool waits;
        } cases[] = {{"node-b", 5, true}, {"node-a", 5, false} /* our own, and not decided */, {"node-b", 4, false} /* runs by now */, {"node-b", 3, false}};
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct config_next n = next_of(cases[i].version, cases[i].by, "new");
                struct config_seen seen;
                write_file("old");
                assert_int_equal(config_store_prepare(path, &n), 0);
                struct config_keep *k = config_keep_new(path, 4, "f00df00df00df00d", "node-a");
                config_keep_look(k, &seen);
                assert_int_equal(seen.next_version, cases[i].waits ? cases[i].version : 0);
                config_keep_free(k);
                assert_int_equal(config_store_next(path, &n), cases[i].waits ? 0 : -ENOENT);
                if (cases[i].waits)
                        config_next_release(&n);
        }
        FILE *f = fopen(strcat(strcpy((char[PATH_MAX]){0}, path), ".next"), "w");
        fputs("torn", f);
        fclose(f);
        struct config_seen seen;
        struct config_keep *k = config_keep_new(path, 4, "f00df00df00df00d", "node-a");
        config_keep_look(k, &seen);
        assert_int_equal(seen.next_version, 0);
        assert_int_equal(seen.error, -EBADMSG);
        config_keep_free(k);
}

static void one_waits_at_a_time(void **state)
{
        struct config_next a = next_of(5, "node-a", "a"), b = next_of(5, "node-b", "b");
        struct config_seen seen;
        (void)state;
        write_file("old");
        (void)config_store_discard(path);
        struct config_keep *k = config_keep_new(path, 4, "f00df00df00df00d", "witness");
        assert_int_equal(config_keep_commit(k, 5, a.hash), -ENOENT);
        assert_int_equal(config_keep_prepare(k, &a, false, 1), 0);
        assert_int_equal(config_keep_prepare(k, &b, false, 1), -EBUSY);
        assert_int_equal(config_keep_commit(k, 6, a.hash), -ENOENT);
        assert_int_equal(config_keep_prepare(k, &b, true, 1), 0);
        assert_int_equal(config_keep_commit(k, 5, b.hash), 0);
        config_keep_look(k, &seen);
        assert_int_equal(seen.version, 5);
        assert_int_equal(seen.next_version, 0);
        assert_true(config_keep_begin(k));
        assert_false(config_keep_begin(k));
        config_keep_renew(k, 10);
        assert_false(config_keep_due(k, 20)); /* it still sees to a change */
        config_keep_end(k);
        assert_false(config_keep_due(k, 9));
        assert_true(config_keep_due(k, 10));
        assert_false(config_keep_begin(k)); /* it is about to begin anew */
        char *text = file_now();
        assert_string_equal(text, "b");
        free(text);
        config_keep_free(k);
}

static void a_concealed_text_is_for_the_cluster_alone(void **state)
{
        char key[PATH_MAX + 8], other[PATH_MAX + 8];
        (void)state;
        (void)snprintf(key, sizeof key, "%s/key", folder);
        (void)snprintf(other, sizeof other, "%s/other", folder);
        assert_int_equal(seal_key_generate(key), 0);
        assert_int_equal(seal_key_generate(other), 0);
        char *a = conceal(key, plain), *b = conceal(key, plain), *back = reveal(key, a);
        assert_string_not_equal(a, b);
        assert_null(strstr(a, "demo"));
        assert_string_equal(back, plain);
        assert_null(reveal(other, a));
        a[40] = a[40] == 'A' ? 'B' : 'A';
        assert_null(reveal(key, a));
        assert_null(reveal(key, ""));
        assert_null(reveal(key, "####"));
        assert_null(conceal("/nothere", plain));
        free(a);
        free(b);
        free(back);
}

/* ---- messages while two machines have different lists of mirrors ---- */

static struct config *with_mirrors(const uint64_t *ids, unsigned count)
{
        struct config *c = calloc(1, sizeof *c);
        assert_non_null(c);
        c->mirrors = count;
        for (unsigned i = 0; i < count; i++)
                c->mirror[i].id = ids[i];
        return c;
}

static void a_message_is_about_the_same_mirror_everywhere(void **state)
{
        struct config *here = with_mirrors((const uint64_t[]){0xd1, 0xd2, 0xd3}, 3), *there = with_mirrors((const uint64_t[]){0xd3, 0xd1}, 2);
        struct message m = {.type = MESSAGE_RENEW, .from = 0, .to = 1, .mirror = 2}, n;
        uint8_t bytes[SEAL_PAYLOAD_MAX];
        (void)state;
        int size = mirror_tags_encode(here, &m, bytes, sizeof bytes);
        assert_true(size > 0);
        assert_int_equal(mirror_tags_decode(there, bytes, (size_t)size, &n), 0);
        assert_int_equal(n.mirror, 0);
        m.mirror = 1;
        size = mirror_tags_encode(here, &m, bytes, sizeof bytes);
        assert_int_equal(mirror_tags_decode(there, bytes, (size_t)size, &n), -ENOENT);
        m.mirror = 3;
        assert_int_equal(mirror_tags_encode(here, &m, bytes, sizeof bytes), -EINVAL);

        m = (struct message){.type = MESSAGE_HEARTBEAT, .from = 0, .to = 1, .heartbeat = {.mirrors = 3}};
        for (unsigned i = 0; i < 3; i++)
                m.heartbeat.mirror[i].epoch = 0xd1 + i;
        size = mirror_tags_encode(here, &m, bytes, sizeof bytes);
        assert_int_equal(mirror_tags_decode(there, bytes, (size_t)size, &n), 0);
        assert_int_equal(n.heartbeat.mirrors, 2);
        assert_int_equal(n.heartbeat.mirror[0].epoch, 0xd3);
        assert_int_equal(n.heartbeat.mirror[1].epoch, 0xd1);
        for (int cut = 0; cut < size; cut++)
                assert_true(mirror_tags_decode(there, bytes, (size_t)cut, &n) < 0);
        free(here);
        free(there);
}

static void a_heartbeat_of_all_mirrors_fits(void **state)
{
        uint64_t ids[MIRRORS_MAX];
        struct message m = {.type = MESSAGE_HEARTBEAT, .to = 1, .heartbeat = {.mirrors = MIRRORS_MAX}}, n;
        uint8_t bytes[SEAL_PAYLOAD_MAX];
        (void)state;
        for (unsigned i = 0; i < MIRRORS_MAX; i++)
                ids[i] = 0xd1 + i;
        struct config *c = with_mirrors(ids, MIRRORS_MAX);
        int size = mirror_tags_encode(c, &m, bytes, sizeof bytes);
        assert_true(size > 0);
        assert_int_equal(mirror_tags_decode(c, bytes, (size_t)size, &n), 0);
        assert_int_equal(n.heartbeat.mirrors, MIRRORS_MAX);
        free(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_version_is_written_in_place),
                cmocka_unit_test(a_section_is_written_in_place),
                cmocka_unit_test(a_mirror_goes_and_the_others_keep_their_numbers),
                cmocka_unit_test(a_mirror_gets_another_name_and_keeps_its_label),
                cmocka_unit_test(what_is_needed_is_renamed_as_well),
                cmocka_unit_test(a_label_is_of_one_mirror),
                cmocka_unit_test(each_change_says_when_it_counts),
                cmocka_unit_test_setup_teardown(old_or_new_wherever_it_is_cut, NULL, NULL),
                cmocka_unit_test(what_waits_is_looked_at_at_the_start),
                cmocka_unit_test(one_waits_at_a_time),
                cmocka_unit_test(a_concealed_text_is_for_the_cluster_alone),
                cmocka_unit_test(a_message_is_about_the_same_mirror_everywhere),
                cmocka_unit_test(a_heartbeat_of_all_mirrors_fits),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
