/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/address.h"

#include "hamon/act/address_held.h"

#include "base/log.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/route/addr.h>
#include <netlink/socket.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANNOUNCE_TIMES 3 /* a switch that misses one frame must not send the clients to the old node */

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int errno_of_nl(int error)
{
        switch (error < 0 ? -error : error) {
        case NLE_SUCCESS:
                return 0;
        case NLE_EXIST:
                return -EEXIST;
        case NLE_NOADDR:
        case NLE_OBJ_NOTFOUND:
                return -EADDRNOTAVAIL;
        case NLE_NODEV:
                return -ENODEV;
        case NLE_PERM:
                return -EPERM;
        case NLE_NOMEM:
                return -ENOMEM;
        case NLE_INVAL:
                return -EINVAL;
        default:
                return -EIO;
        }
}

/* An rtnl_addr of one configured address; NULL when out of memory. */
static struct rtnl_addr *describe(const struct config_address *a, int ifindex, uint32_t lifetime_s)
{
        size_t size = a->family == AF_INET ? 4 : 16;
        struct rtnl_addr *r = rtnl_addr_alloc();
        struct nl_addr *local = nl_addr_build(a->family, a->bytes, size);
        bool good = r && local;

        if (good) {
                nl_addr_set_prefixlen(local, a->prefix_length);
                rtnl_addr_set_ifindex(r, ifindex);
                good = rtnl_addr_set_local(r, local) == 0;
        }
        if (good && a->family == AF_INET && a->prefix_length < 31) {
                uint8_t last[4];
                for (unsigned i = 0; i < 4; i++) {
                        unsigned host_bits = a->prefix_length >= 8 * (i + 1) ? 0
                                             : a->prefix_length <= 8 * i     ? 8
                                                                             : 8 * (i + 1) - a->prefix_length;
                        last[i] = (uint8_t)(a->bytes[i] | ((1u << host_bits) - 1));
                }
                struct nl_addr *broadcast = nl_addr_build(AF_INET, last, 4);
                good = broadcast && rtnl_addr_set_broadcast(r, broadcast) == 0;
                if (broadcast)
                        nl_addr_put(broadcast);
        }
        if (good && lifetime_s > 0) {
                rtnl_addr_set_valid_lifetime(r, lifetime_s);
                rtnl_addr_set_preferred_lifetime(r, lifetime_s);
                /* No duplicate detection: the lease says that the address is ours, and it would take a second. */
                if (a->family == AF_INET6)
                        rtnl_addr_set_flags(r, IFA_F_NODAD);
        }
        if (local)
                nl_addr_put(local);
        if (!good && r) {
                rtnl_addr_put(r);
                r = NULL;
        }
        return r;
}

size_t address_arp_frame(const uint8_t mac[6], const uint8_t address[4], uint8_t ret[ADDRESS_FRAME_MAX])
{
        static const uint8_t fixed[] = {0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1}; /* ARP, Ethernet, IPv4, request */
        uint8_t *p = ret;

        memset(p, 0xff, 6);
        memcpy(p + 6, mac, 6);
        memcpy(p + 12, fixed, sizeof fixed);
        memcpy(p + 22, mac, 6);
        memcpy(p + 28, address, 4);
        memset(p + 32, 0, 6);
        memcpy(p + 38, address, 4); /* sender and target are the same: gratuitous (RFC 5227) */
        memset(p + 42, 0, 18);      /* Ethernet's minimum */
        return 60;
}

size_t address_na_frame(const uint8_t mac[6], const uint8_t address[16], uint8_t ret[ADDRESS_FRAME_MAX])
{
        static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
        static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
        uint8_t *ip = ret + 14, *icmp = ip + 40;
        uint32_t sum = 0;

        memcpy(ret, all_nodes_mac, 6);
        memcpy(ret + 6, mac, 6);
        ret[12] = 0x86;
        ret[13] = 0xdd;
        memset(ip, 0, 72);
        ip[0] = 0x60;
        ip[5] = 32;  /* payload */
        ip[6] = 58;  /* ICMPv6 */
        ip[7] = 255; /* hop limit (RFC 4861, 7.1.2) */
        memcpy(ip + 8, address, 16);
        memcpy(ip + 24, all_nodes, 16);
        icmp[0] = 136;  /* neighbour advertisement */
        icmp[4] = 0x20; /* override */
        memcpy(icmp + 8, address, 16);
        icmp[24] = 2; /* option: target link-layer address */
        icmp[25] = 1;
        memcpy(icmp + 26, mac, 6);
        for (unsigned i = 8; i < 40; i += 2)
                sum += (uint32_t)ip[i] << 8 | ip[i + 1];
        sum += 32 + 58;
        for (unsigned i = 0; i < 32; i += 2)
                sum += (uint32_t)icmp[i] << 8 | icmp[i + 1];
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        icmp[2] = (uint8_t)(~sum >> 8);
        icmp[3] = (uint8_t)~sum;
        return 14 + 72;
}

static void announce(const char *interface, int ifindex, const struct config_address *a)
{
        uint8_t frame[ADDRESS_FRAME_MAX];
        struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_halen = 6};
        struct ifreq request = {0};
        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return;
        memcpy(request.ifr_name, interface, strnlen(interface, sizeof request.ifr_name - 1));
        if (ioctl(fd, SIOCGIFHWADDR, &request) == 0) {
                const uint8_t *mac = (const uint8_t *)request.ifr_hwaddr.sa_data;
                size_t n = a->family == AF_INET ? address_arp_frame(mac, a->bytes, frame)
                                                : address_na_frame(mac, a->bytes, frame);
                /* Losing it is survivable: neighbours ask again when their entry ages. */
                for (int i = 0; i < ANNOUNCE_TIMES; i++)
                        (void)sendto(fd, frame, n, 0, (struct sockaddr *)&to, sizeof to);
        }
        close(fd);
}

static int open_route(struct nl_sock **ret, struct trouble *t)
{
        struct nl_sock *nl = nl_socket_alloc();
        int r = nl ? nl_connect(nl, NETLINK_ROUTE) : -NLE_NOMEM;

        if (r < 0) {
                if (nl)
                        nl_socket_free(nl);
                return trouble_errno(t, errno_of_nl(r), "cannot open a netlink socket");
        }
        *ret = nl;
        return 0;
}

static int find_interface(const struct config_service *s, int *ret, struct trouble *t)
{
        unsigned index = if_nametoindex(s->interface);

        if (index == 0)
                return trouble_say(t, -ENODEV, "there is no interface \"%s\"", s->interface);
        *ret = (int)index;
        return 0;
}

int address_renew(const struct config_service *s, uint32_t lifetime_ms, struct trouble *t)
{
        uint32_t lifetime_s = lifetime_ms < 2000 ? 1 : lifetime_ms / 1000;
        uint64_t now = now_ms(); /* before anything is waited for */
        struct nl_sock *nl;
        int ifindex = 0, first = 0;

        if (s->addresses == 0)
                return 0;
        int r = find_interface(s, &ifindex, t);
        if (r == 0)
                r = open_route(&nl, t);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < s->addresses; i++) {
                struct rtnl_addr *a = describe(&s->address[i], ifindex, lifetime_s);

                r = a ? errno_of_nl(rtnl_addr_add(nl, a, NLM_F_CREATE | NLM_F_EXCL)) : -ENOMEM;
                bool added = r == 0;
                if (added)
                        log_info("address %s is on %s", s->address[i].text, s->interface);
                else if (r == -EEXIST)
                        r = errno_of_nl(rtnl_addr_add(nl, a, NLM_F_CREATE | NLM_F_REPLACE));
                if (r == 0) {
                        address_held_until(s, i, now, now + lifetime_s * 1000ull, added);
                        if (added || address_held_is_due(&s->address[i], now))
                                announce(s->interface, ifindex, &s->address[i]);
                }
                if (r < 0 && first == 0)
                        first = trouble_errno(t, r, "cannot set address %s on %s", s->address[i].text, s->interface);
                if (a)
                        rtnl_addr_put(a);
        }
        nl_socket_free(nl);
        return first;
}

/* -EADDRNOTAVAIL, without a text: it is not there. */
static int delete_one(struct nl_sock *nl, int ifindex, const struct config_service *s, unsigned i, struct trouble *t)
{
        struct rtnl_addr *a = describe(&s->address[i], ifindex, 0);
        int r = a ? errno_of_nl(rtnl_addr_delete(nl, a, 0)) : -ENOMEM;

        if (a)
                rtnl_addr_put(a);
        return r == 0 || r == -EADDRNOTAVAIL ? r : trouble_errno(t, r, "cannot take address %s from %s", s->address[i].text, s->interface);
}

int address_drop(const struct config_service *s, struct trouble *t)
{
        struct nl_sock *nl;
        int ifindex = 0, first = 0;

        if (s->addresses == 0 || if_nametoindex(s->interface) == 0)
                return 0; /* an interface that is gone has no addresses */
        int r = find_interface(s, &ifindex, t);
        if (r == 0)
                r = open_route(&nl, t);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < s->addresses; i++) {
                struct trouble mine = {""};

                address_held_forget(&s->address[i]); /* before: a renewal in between holds it anew */
                r = delete_one(nl, ifindex, s, i, &mine);
                if (r == 0 || r == -EADDRNOTAVAIL)
                        continue;
                address_held_until(s, i, now_ms(), now_ms(), false); /* it is tried again */
                if (first == 0) {
                        first = r;
                        *t = mine;
                }
        }
        nl_socket_free(nl);
        return first;
}

uint64_t address_drop_ended(void)
{
        const struct config_service *s;
        unsigned i;

        while (address_held_take_ended(now_ms(), &s, &i)) {
                struct trouble t = {""};
                struct nl_sock *nl;
                int ifindex = 0, r = find_interface(s, &ifindex, &t);

                if (r < 0)
                        continue; /* gone with its addresses */
                r = open_route(&nl, &t);
                if (r == 0) {
                        r = delete_one(nl, ifindex, s, i, &t);
                        nl_socket_free(nl);
                }
                if (r == -EADDRNOTAVAIL)
                        continue; /* the kernel was faster */
                if (r < 0) {
                        log_warning("%s, continuing: it is tried again, and the kernel drops it, too", t.text);
                        address_held_until(s, i, now_ms(), now_ms(), false);
                } else
                        log_notice("address %s on %s was not renewed in time: it is taken away", s->address[i].text, s->interface);
        }
        return address_held_next_ms();
}
