/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/config_local.h"

#include "hamon/api/call.h"
#include "hamon/api/config_keep.h"
#include "hamon/config_diff.h"
#include "nbdd/client/nbdd.h"

#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { NBDD_TIMEOUT_MS = 2000 };

struct look {
        const struct api *a;
        const struct config *before, *after;
        const struct snapshot *s; /* NULL: hamon has just started */
        const char *self;
        json_t *findings;
};

void config_finding(json_t *findings, const char *node, const char *severity, const char *code, const char *next, const char *format, ...)
{
        char text[SENTENCE_SIZE];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args); /* may be cut */
        va_end(args);
        json_array_append_new(findings, json_pack("{s:s, s:s, s:s, s:s, s:s}", "node", node, "severity", severity, "code", code, "what", text, "next", next ? next : ""));
}

/* ---- devices ---- */

static uint64_t size_of(dev_t device)
{
        char path[64];
        uint64_t sectors = 0;
        (void)snprintf(path, sizeof path, "/sys/dev/block/%u:%u/size", major(device), minor(device)); /* fits */
        FILE *f = fopen(path, "re");
        if (f && fscanf(f, "%" SCNu64, &sectors) != 1)
                sectors = 0;
        if (f)
                fclose(f);
        return sectors * 512;
}

static bool is_mounted(dev_t device)
{
        char line[1024];
        bool found = false;
        FILE *f = fopen("/proc/self/mountinfo", "re");
        unsigned a, b;
        while (f && !found && fgets(line, sizeof line, f))
                found = sscanf(line, "%*u %*u %u:%u", &a, &b) == 2 && makedev(a, b) == device;
        if (f)
                fclose(f);
        return found;
}

static const char *mirror_on(const struct look *l, unsigned but, unsigned node, dev_t device)
{
        struct stat st;
        for (unsigned m = 0; m < l->after->mirrors; m++)
                if (m != but && stat(l->after->mirror[m].device[node], &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == device)
                        return l->after->mirror[m].name;
        return NULL;
}

/* A disk that this machine is to give, and did not give before. Bytes; 0: unknown. */
static uint64_t look_at_device(const struct look *l, unsigned m)
{
        const char *path = l->after->mirror[m].device[l->a->self], *name = l->after->mirror[m].name, *other;
        struct stat st;
        if (stat(path, &st) < 0) {
                config_finding(l->findings, l->self, "error", "device", "name a disk that is there (lsblk), best by /dev/disk/by-id", "device '%.100s' of mirror %s: %s", path, name,
                               strerrordesc_np(errno));
                return 0;
        }
        uint64_t bytes = S_ISBLK(st.st_mode) ? size_of(st.st_rdev) : 0;
        if (!S_ISBLK(st.st_mode))
                config_finding(l->findings, l->self, "error", "device", "name a disk, a partition or a logical volume (lsblk)", "device '%.100s' of mirror %s is not a block device", path, name);
        else if (bytes == 0)
                config_finding(l->findings, l->self, "error", "device", "look at that disk (lsblk)", "device '%.100s' of mirror %s has no size", path, name);
        else if (is_mounted(st.st_rdev))
                config_finding(l->findings, l->self, "error", "device", "umount it, and take it out of /etc/fstab", "device '%.100s' of mirror %s is mounted", path, name);
        else if ((other = mirror_on(l, m, l->a->self, st.st_rdev)))
                config_finding(l->findings, l->self, "error", "device", "give each mirror a disk of its own", "device '%.100s' of mirror %s is that of mirror %s by another name", path, name, other);
        return bytes;
}

static json_t *look_at_devices(const struct look *l)
{
        json_t *sizes = json_object();
        for (unsigned m = 0; l->a->self < NODES && m < l->after->mirrors; m++) {
                const struct config_mirror *b = &l->after->mirror[m];
                int was = config_mirror_by_label(l->before, b->label);
                if (was >= 0 && strcmp(l->before->mirror[was].device[l->a->self], b->device[l->a->self]) == 0)
                        continue;
                uint64_t bytes = look_at_device(l, m);
                if (bytes)
                        json_object_set_new(sizes, b->name, json_integer((json_int_t)bytes));
        }
        return sizes;
}

/* ---- network ---- */

static void look_at_interfaces(const struct look *l)
{
        for (unsigned m = 0; l->a->self < NODES && m < l->after->mirrors; m++) {
                const struct config_service *s = &l->after->mirror[m].service;
                if (s->present && *s->interface && if_nametoindex(s->interface) == 0)
                        config_finding(l->findings, l->self, "error", "interface", "name an interface that both nodes have (ip link)", "interface '%s' of service %s is not on %s",
                                       s->interface, l->after->mirror[m].name, l->self);
        }
}

static bool is_address(const struct sockaddr *at, const struct config_address *address)
{
        if (!at || at->sa_family != address->family)
                return false;
        return address->family == AF_INET ? memcmp(&((const struct sockaddr_in *)at)->sin_addr, address->bytes, 4) == 0
                                          : memcmp(&((const struct sockaddr_in6 *)at)->sin6_addr, address->bytes, 16) == 0;
}

static int mtu_of(const char *interface)
{
        struct ifreq r = {0};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        (void)snprintf(r.ifr_name, sizeof r.ifr_name, "%s", interface); /* fits */
        int mtu = fd >= 0 && ioctl(fd, SIOCGIFMTU, &r) == 0 ? r.ifr_mtu : 0;
        if (fd >= 0)
                close(fd);
        return mtu;
}

/* By place: link i of one machine talks to link i of another. */
static json_t *look_at_links(const struct look *l)
{
        json_t *list = json_array();
        struct ifaddrs *all = NULL;
        const struct config_voter *v = &l->after->voters[l->a->self];
        if (getifaddrs(&all) < 0)
                all = NULL;
        for (unsigned i = 0; i < v->links; i++) {
                const struct ifaddrs *at = all;
                while (at && !is_address(at->ifa_addr, &v->link[i]))
                        at = at->ifa_next;
                if (!at && all && (i >= l->before->voters[l->a->self].links || strcmp(l->before->voters[l->a->self].link[i].text, v->link[i].text) != 0))
                        config_finding(l->findings, l->self, "warning", "address", "give that address to an interface of this machine, or correct it", "%s does not have its address '%s'",
                                       l->self, v->link[i].text);
                json_array_append_new(list, json_integer(at ? mtu_of(at->ifa_name) : 0));
        }
        if (all)
                freeifaddrs(all);
        return list;
}

/* ---- nbdd ---- */

static void look_at_exports(const struct look *l)
{
        struct nbdd_export_list list = {0};
        struct nbdd *n = NULL;
        bool new = false;
        for (unsigned m = 0; m < l->after->mirrors; m++)
                new = new || config_mirror_by_label(l->before, l->after->mirror[m].label) < 0;
        if (!new || l->a->self >= NODES || nbdd_open(l->a->nbdd_socket, &n) < 0)
                return;
        int r = nbdd_export_list(n, NBDD_TIMEOUT_MS, &list);
        if (r < 0)
                config_finding(l->findings, l->self, "warning", "nbdd", "systemctl status nbdd", "whether another export has a mirror's id or disk cannot be seen: %.150s", nbdd_error(n));
        for (unsigned m = 0; r == 0 && m < l->after->mirrors; m++)
                for (size_t i = 0; config_mirror_by_label(l->before, l->after->mirror[m].label) < 0 && i < list.count; i++) {
                        const struct nbdd_export *e = &list.exports[i];
                        bool same_disk = strcmp(e->device, l->after->mirror[m].device[l->a->self]) == 0;
                        if ((e->id == l->after->mirror[m].id || same_disk) && !(e->owner && *e->owner))
                                config_finding(l->findings, l->self, "error", "export", "choose another, or remove that export (nbdd -l)", "%s of mirror %s is that of another export of nbdd on %s",
                                               same_disk ? "the disk" : "the id", l->after->mirror[m].name, l->self);
                }
        if (r == 0)
                nbdd_export_list_release(&list);
        nbdd_close(n);
}

/* ---- what runs ---- */

/* A service that runs here, and is to need what serves elsewhere or nowhere: it would stop until that is here, too. */
static void look_at_needs(const struct look *l, unsigned was, const struct config_mirror *b)
{
        for (unsigned n = 0; n < l->after->mirrors; n++) {
                int needed = b->service.needs & UINT32_C(1) << n ? config_mirror_by_label(l->before, l->after->mirror[n].label) : -ENOENT;
                bool before = needed >= 0 && (l->before->mirror[was].service.needs & UINT32_C(1) << needed);
                if (!(b->service.needs & UINT32_C(1) << n) || before || (needed >= 0 && l->s->mirror[needed].role == ROLE_PRIMARY))
                        continue;
                config_finding(l->findings, l->self, "warning", "needs", "hamonctl switchover brings both to one node, or make that mirror first",
                               "service %s runs on %s and would stop: mirror %s, which it is to need, does not serve there", b->name, l->self, l->after->mirror[n].name);
        }
}

static void look_at_mirror(const struct look *l, unsigned was)
{
        const struct mirror_view *v = &l->s->mirror[was];
        const struct config_mirror *a = &l->before->mirror[was];
        int at = config_mirror_by_label(l->after, a->label);
        const struct config_mirror *b = at < 0 ? NULL : &l->after->mirror[at];
        bool runs = v->role != ROLE_STANDBY; /* also one of which hamon, just begun anew, does not know it yet */
        if (v->role == ROLE_CANDIDATE || v->role == ROLE_TAKING_OVER)
                config_finding(l->findings, l->self, "error", "busy", "wait until it is over: hamonctl status --watch", "mirror %s is just being taken over", a->name);
        if (l->a->self >= NODES)
                return;
        if (!b && (runs || v->observed.array_running || v->observed.attached))
                config_finding(l->findings, l->self, "error", CONFIG_MIRROR_RUNS, "hamonctl mirror remove, which stops it first", "mirror %s is active on %s", a->name, l->self);
        if (!b)
                return;
        if (strcmp(a->device[l->a->self], b->device[l->a->self]) != 0 && v->record.legs[l->a->self].in_sync)
                config_finding(l->findings, l->self, "error", "in-sync", "take that disk out first, or give its device a name that stays (/dev/disk/by-id) in its place when it is out",
                               "the disk of %s counts as a whole copy of mirror %s under its old name", l->self, a->name);
        if (v->role == ROLE_PRIMARY && a->service.present)
                look_at_needs(l, was, b);
        bool other_mount = a->service.present && b->service.present && (strcmp(a->service.mount, b->service.mount) != 0 || strcmp(a->service.type, b->service.type) != 0 || strcmp(a->service.options, b->service.options) != 0);
        if (runs && (other_mount || (a->service.present && !b->service.present)))
                config_finding(l->findings, l->self, "error", "runs", "stop it first (hamonctl node leave on both nodes), and change it then",
                               "service %s runs on %s: %s cannot change under it", a->name, l->self, other_mount ? "its mount" : "what belongs to it");
}

json_t *config_local_look(const struct api *a, const struct config *next, json_t *findings)
{
        struct look l = {.a = a, .before = a->config, .after = next, .s = snapshot_get(a->snapshots), .self = a->config->voters[a->self].name, .findings = findings};
        struct timespec wall;
        int r = config_store_try(config_keep_path(a->configs));
        if (r < 0)
                config_finding(findings, l.self, "error", "file", "let hamon write there: chgrp hamon and chmod g+w on that folder", "the file '%.150s' cannot be replaced by hamon: %s",
                               config_keep_path(a->configs), strerrordesc_np(-r));
        for (unsigned m = 0; l.s && m < l.before->mirrors; m++)
                look_at_mirror(&l, m);
        snapshot_release(a->snapshots, l.s);
        json_t *devices = look_at_devices(&l), *mtu = look_at_links(&l);
        look_at_interfaces(&l);
        look_at_exports(&l);
        (void)clock_gettime(CLOCK_REALTIME, &wall);
        return json_pack("{s:I, s:o, s:o}", "wall_ms", (json_int_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000, "mtu", mtu, "devices", devices);
}

static void add_change(void *userdata, enum config_effect effect, const char *sentence)
{
        json_array_append_new(userdata, json_pack("{s:s, s:s}", "effect", config_effect_word(effect), "what", sentence));
}

void config_local_changes(const struct config *before, const struct config *after, json_t *changes)
{
        (void)config_diff(before, after, add_change, changes);
}
