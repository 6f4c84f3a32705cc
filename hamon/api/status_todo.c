/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "What to do" of /status, in the words of webui/problems.js, which a test holds against each other: the likeliest step first, each with its command and its machine.
 */
#include "hamon/api/status_seen.h"

#include <string.h>

/* The first stands out; `text` may end with a colon, and the command follows. */
static void put_step(FILE *to, bool first, const char *text, const char *on, const char *command)
{
        char said[512];
        size_t n = strlen(text);
        (void)snprintf(said, sizeof said, "%s", text); /* fits */
        if (first && n > 0 && n < sizeof said && said[n - 1] == ':')
                said[n - 1] = '.';
        fputs(first ? "<li><strong>" : "<li>", to);
        html_put(to, said);
        fputs(first ? "</strong>" : "", to);
        if (!command)
                return;
        fputs("<span class=\"command small\"><span class=\"on\">", to);
        html_put(to, on);
        fputs("</span><code>", to);
        html_put(to, command);
        fputs("</code></span>\n", to);
}

/* A machine that is silent: the likeliest first. */
static void put_bring_back(FILE *to, const json_t *node, bool first)
{
        const char *name = html_text(node, "name");
        char text[160];
        bool witness = html_is(node, "witness");
        if (witness && strcmp(name, "witness") != 0)
                (void)snprintf(text, sizeof text, "Is the witness (%s) on? If not, switch it on.", name); /* names are short */
        else
                (void)snprintf(text, sizeof text, "Is %s on? If not, switch it on.", witness ? "the witness" : name);
        put_step(to, first, text, NULL, NULL);
        put_step(to, false, "If it is, are its links up? Look at its console, the cable and the switch:", name, "ip -br link");
        put_step(to, false, "If they are, start hamon there:", name, witness ? "systemctl start hamon-witness" : "systemctl start hamon-act hamon nbdd");
}

static void put_stalled(FILE *to, const struct seen *s)
{
        const char *why = html_text(json_object_get(json_object_get(s->mirror, "resync"), "why"), "code"), *peer = html_text(seen_leg(s, s->node, true), "node");
        char text[160], command[160];
        if (strcmp(why, "leg") == 0) {
                (void)snprintf(text, sizeof text, "See why the leg of %s does not answer:", peer); /* names are short, here and below */
                put_step(to, true, text, peer, "journalctl -u nbdd -n 50");
                put_step(to, false, "Look at the disk there, and at the link:", peer, "dmesg | tail -n 50");
        } else if (strcmp(why, "own-leg") == 0) {
                (void)snprintf(text, sizeof text, "Look for errors of the disk of %s, the only good leg; if there are, save the data first:", s->node);
                put_step(to, true, text, s->node, "dmesg | tail -n 50");
        } else {
                (void)snprintf(text, sizeof text, "Nobody paused it. Look for disk errors on %s, whose leg is the only good one:", s->node);
                put_step(to, true, text, s->node, "dmesg | tail -n 50; cat /proc/mdstat");
        }
        (void)snprintf(command, sizeof command, "hamonctl mirror resync pause --for 10s %s", s->name);
        put_step(to, false, "No errors, or mended? Restart the resync (it pauses for 10 s, then goes on by itself):", s->node, command);
}

/* Which machines have the configuration `value`, or do not; how many. */
static size_t list_who(const struct seen *s, const json_t *said, const char *value, bool have, char *ret, size_t size_bytes)
{
        const json_t *node;
        size_t i, count = 0;
        *ret = '\0';
        json_array_foreach(json_object_get(s->own, "nodes"), i, node)
        {
                if ((strcmp(value, html_text(said, html_text(node, "name"))) == 0) != have)
                        continue;
                size_t used = strlen(ret);
                (void)snprintf(ret + used, size_bytes - used, "%s%s", count++ ? " and " : "", html_text(node, "name")); /* three names */
        }
        return count;
}

/* The machines whose configuration most have, then the others: one command carries it to all. */
static void put_apply(FILE *to, const struct seen *s, const json_t *d)
{
        const json_t *said = json_object_get(d, "said"), *node;
        const char *done[VOTERS] = {NULL};
        size_t i, groups = 0;
        for (size_t many = VOTERS; many > 0; many--)
                json_array_foreach(json_object_get(s->own, "nodes"), i, node)
                {
                        const char *value = html_text(said, html_text(node, "name"));
                        char names[160], others[160], text[512];
                        bool is_known = !*value;
                        for (size_t k = 0; k < groups; k++)
                                is_known = is_known || strcmp(done[k], value) == 0;
                        if (is_known || list_who(s, said, value, true, names, sizeof names) != many)
                                continue;
                        bool some = list_who(s, said, value, false, others, sizeof others) > 0, active = strcmp(value, html_text(said, s->primary)) == 0;
                        if (groups > 0)
                                (void)snprintf(text, sizeof text, "If that of %s is right instead, there:", names);
                        else if (many > 1 && some)
                                (void)snprintf(text, sizeof text, "By morning: apply the configuration of %s to all machines. Theirs is the same%s, so that of %s is most likely wrong:", names,
                                               active ? ", the active node among them" : "", others);
                        else
                                (void)snprintf(text, sizeof text, "By morning: if the configuration of %s is right, apply it to all machines:", names);
                        put_step(to, groups == 0, text, html_text(node, "name"), "hamonctl config apply /etc/hamon/hamon.conf");
                        done[groups++] = value;
                }
}

static const char *const left_to_machines[] = {"degraded", "witness-lost", "frozen", "no-majority", "lease-lost", "waiting-for-peer", "stale", "torn", NULL};

static bool is_in(const char *word, const char *const *list)
{
        for (; *list; list++)
                if (strcmp(word, *list) == 0)
                        return true;
        return false;
}

/* Where a silent machine is all that is wrong: the witness first, where it is enough. false: none is, or something else is worse. */
static bool put_machines_back(FILE *to, const struct seen *s)
{
        const json_t *witness = seen_silent(s->status, true), *node = seen_silent(s->status, false);
        bool both_help = strcmp(s->health, "frozen") == 0 || strcmp(s->code, "no-majority") == 0;
        if (!is_in(s->code, left_to_machines) && seen_is_one(s->severity, "warning", "critical"))
                return false;
        const json_t *first = witness && (both_help || !node) ? witness : node ? node : witness;
        if (!first)
                return false;
        char text[160];
        bool hears_nobody = first == witness && node && both_help;
        if (hears_nobody) {
                (void)snprintf(text, sizeof text, "%s hears nobody. Look at its own cable and switch first:", s->node); /* fits */
                put_step(to, true, text, s->node, "ip -br link");
        }
        put_bring_back(to, first, !hears_nobody);
        if (first == witness && node) {
                (void)snprintf(text, sizeof text, "Or bring %s back, in the same way.", html_text(node, "name")); /* fits */
                put_step(to, false, text, NULL, NULL);
        }
        return true;
}

static void put_legs_differ(FILE *to, const struct seen *s)
{
        put_step(to, true, "Let it run. Until you know which leg is right: no switchover, stop no node.", NULL, NULL);
        put_step(to, false, "See which ranges differ, and compare what is there with a backup or its checksums (the chapter says how):", s->node, "hamonctl status");
        put_step(to, false, "That can wait until morning. When you know which leg is right, the chapter has the commands.", NULL, NULL);
}

static void put_steps_of_reason(FILE *to, const struct seen *s)
{
        const char *next = html_text(json_object_get(s->mirror, "reason"), "next"), *peer = html_text(seen_leg(s, s->node, true), "node");
        char text[256];
        if (strcmp(s->code, "resync-stalled") == 0) {
                put_stalled(to, s);
        } else if (strcmp(s->code, "legs-differ") == 0) {
                put_legs_differ(to, s);
        } else if (strcmp(s->code, "resync-paused") == 0) {
                (void)snprintf(text, sizeof text, "hamonctl mirror resync resume %s", s->name); /* fits, here and below */
                put_step(to, true, "Resume the resync:", s->node, text);
        } else if (strcmp(s->code, "not-created") == 0) {
                put_step(to, true, "Did it exist before, or are you not sure? Create nothing: hamon.conf may name the wrong disks. Look for the right ones, on both nodes:", s->node,
                         "lsblk -o NAME,SIZE,FSTYPE,LABEL");
                put_step(to, false, "Write them into /etc/hamon/hamon.conf (device =), and apply it:", s->node, "hamonctl config apply /etc/hamon/hamon.conf");
                (void)snprintf(text, sizeof text, "hamonctl mirror create %s", s->name);
                put_step(to, false, "Is it brand new? Create it on one node, then join it on the other one; each asks before it overwrites a disk that is not blank:", s->node, text);
        } else if (strcmp(s->code, "degraded") == 0) {
                (void)snprintf(text, sizeof text, "%s is heard, its leg is not in sync yet. See why there:", peer);
                put_step(to, true, text, peer, "hamonctl status");
                put_step(to, false, "", peer, "journalctl -u hamon-act -u nbdd -n 50");
        } else {
                fputs("<li><strong>", to);
                html_put(to, next);
                fputs("</strong>\n", to);
        }
}

static void put_chapter(FILE *to, const char *code)
{
        fputs("</ol><p><a href=\"/ui/TROUBLESHOOTING.md\">More: chapter <code>", to);
        html_put(to, code);
        fputs("</code></a>", to);
}

void put_what_to_do(FILE *to, const struct seen *s)
{
        const json_t *d = seen_quarrel(s), *resync = json_object_get(s->mirror, "resync"), *reason;
        size_t i;
        bool copies = json_is_object(resync) && strcmp(html_text(resync, "state"), "running") == 0 && seen_is_one(s->code, "resync", "degraded");
        json_array_foreach(json_object_get(s->own, "reasons"), i, reason)
                if (strcmp(html_text(reason, "code"), "act-lost") == 0) {
                        char text[256];
                        const char *node = html_text(json_object_get(s->own, "node"), "name");
                        (void)snprintf(text, sizeof text, "Start hamon-act on %s, and see why it ended (safe: %s becomes active only with every write):", node, node); /* fits */
                        fputs("<ol class=\"todo\">", to);
                        put_step(to, true, text, node, "systemctl start hamon-act");
                        put_step(to, false, "", node, "journalctl -u hamon-act -n 50");
                        if (seen_silent(s->own, false)) {
                                (void)snprintf(text, sizeof text, "Then bring %s back, too. Is it on? If not, switch it on.", html_text(seen_silent(s->own, false), "name"));
                                put_step(to, false, text, NULL, NULL);
                        }
                        put_chapter(to, "act-lost");
                        return;
                }
        if (copies && !seen_silent(s->status, true)) {
                fputs("<strong>Nothing: wait for the resync.</strong>", to);
                return;
        }
        fputs("<ol class=\"todo\">", to);
        if (put_machines_back(to, s)) {
                put_chapter(to, seen_is_one(s->severity, "warning", "critical") ? s->code : "node-dead");
        } else if (*html_text(json_object_get(s->mirror, "reason"), "next") && (seen_is_one(s->severity, "warning", "critical") || strcmp(s->code, "not-created") == 0)) {
                put_steps_of_reason(to, s);
                if (strcmp(s->code, "not-created") != 0)
                        put_chapter(to, s->code);
                else
                        fputs("</ol>", to);
        } else if (d && strcmp(html_text(d, "about"), "configuration") == 0) {
                put_apply(to, s, d);
                fputs("</ol>", to);
        } else {
                fputs("</ol><strong>Nothing.</strong>", to);
        }
}
