/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/address_probe.h"

#include "base/log.h"
#include "hamon/act/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- frames ---- */

static size_t arp_probe(const uint8_t mac[6], const uint8_t address[4], uint8_t *ret)
{
        size_t n = address_arp_frame(mac, address, ret);

        memset(ret + 28, 0, 4); /* from nobody: no neighbour learns anything from a probe */
        return n;
}

static size_t ns_probe(const uint8_t mac[6], const uint8_t address[16], uint8_t *ret)
{
        static const uint8_t solicited[16] = {0xff, 0x02, [11] = 1, 0xff}; /* and the address's last three bytes */
        uint8_t *ip = ret + 14, *icmp = ip + 40;
        uint32_t sum = 32 - 8 + 58;

        memset(ret, 0, 14 + 64);
        memcpy(ret, (const uint8_t[]){0x33, 0x33, 0xff, address[13], address[14], address[15]}, 6);
        memcpy(ret + 6, mac, 6);
        ret[12] = 0x86;
        ret[13] = 0xdd;
        ip[0] = 0x60;
        ip[5] = 24;  /* payload */
        ip[6] = 58;  /* ICMPv6 */
        ip[7] = 255; /* hop limit */
        memcpy(ip + 24, solicited, 16);
        memcpy(ip + 37, address + 13, 3);
        icmp[0] = 135; /* neighbour solicitation; without a source address it has no option */
        memcpy(icmp + 8, address, 16);
        for (unsigned i = 8; i < 40; i += 2)
                sum += (uint32_t)ip[i] << 8 | ip[i + 1];
        for (unsigned i = 0; i < 24; i += 2)
                sum += (uint32_t)icmp[i] << 8 | icmp[i + 1];
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        icmp[2] = (uint8_t)(~sum >> 8);
        icmp[3] = (uint8_t)~sum;
        return 14 + 64;
}

size_t address_probe_frame(const uint8_t mac[6], const struct config_address *a, uint8_t *ret)
{
        return a->family == AF_INET ? arp_probe(mac, a->bytes, ret) : ns_probe(mac, a->bytes, ret);
}

bool address_probe_is_taken(const uint8_t *frame, size_t size, const uint8_t mac[6], const struct config_address *a, uint8_t ret_mac[6])
{
        bool taken;

        if (size < 42 || memcmp(frame + 6, mac, 6) == 0)
                return false; /* our own, as a bridge or a switch may give it back */
        if (a->family == AF_INET) /* any ARP packet whose sender has the address, question or answer */
                taken = frame[12] == 0x08 && frame[13] == 0x06 && frame[16] == 0x08 && frame[17] == 0 && frame[18] == 6 && frame[19] == 4 &&
                        memcmp(frame + 28, a->bytes, 4) == 0 && memcmp(frame + 22, mac, 6) != 0;
        else
                taken = size >= 14 + 40 + 24 && frame[12] == 0x86 && frame[13] == 0xdd && frame[20] == 58 && frame[21] == 255 && frame[54] == 136 &&
                        memcmp(frame + 62, a->bytes, 16) == 0;
        if (taken)
                memcpy(ret_mac, frame + (a->family == AF_INET ? 22 : 6), 6);
        return taken;
}

/* ---- the interface ---- */

struct probing {
        const struct config_service *service;
        uint8_t mac[6];
        int ifindex;
        int fd[2]; /* ARP, IPv6; -1: no address of that kind */
        bool wanted[CONFIG_ADDRESSES_MAX];
};

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool is_ours(const struct ifaddrs *list, const struct config_address *a)
{
        for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
                if (!i->ifa_addr || i->ifa_addr->sa_family != a->family)
                        continue;
                const void *bytes = a->family == AF_INET ? (const void *)&((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr
                                                         : (const void *)&((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
                if (memcmp(bytes, a->bytes, a->family == AF_INET ? 4 : 16) == 0)
                        return true;
        }
        return false;
}

/* On a busy link all of IPv6 would come otherwise, and the one answer might find no room. */
static int only_advertisements(int fd)
{
        static struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 3),  BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 0, 1), BPF_STMT(BPF_RET | BPF_K, 256), BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const struct sock_fprog program = {sizeof code / sizeof *code, code};

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static int open_socket(const struct probing *p, uint16_t protocol)
{
        struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = p->ifindex};
        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* nothing comes before the bind */

        if (fd < 0 || (protocol == ETH_P_IPV6 && only_advertisements(fd) < 0) || bind(fd, (struct sockaddr *)&at, sizeof at) < 0) {
                int r = -errno;
                if (fd >= 0)
                        close(fd);
                return r;
        }
        return fd;
}

/* 1: go on; 0: nothing to probe; -errno. */
static int prepare(struct probing *p)
{
        const struct config_service *s = p->service;
        struct ifreq request = {0};
        struct ifaddrs *list = NULL;
        bool any = false;

        p->fd[0] = p->fd[1] = -1;
        p->ifindex = (int)if_nametoindex(s->interface);
        if (p->ifindex == 0)
                return -ENODEV;
        if (getifaddrs(&list) < 0)
                return -errno;
        for (unsigned i = 0; i < s->addresses; i++)
                any = (p->wanted[i] = !is_ours(list, &s->address[i])) || any;
        freeifaddrs(list);
        if (!any)
                return 0;
        for (unsigned i = 0; i < s->addresses; i++) {
                int *fd = &p->fd[s->address[i].family == AF_INET ? 0 : 1];
                if (p->wanted[i] && *fd < 0 && (*fd = open_socket(p, s->address[i].family == AF_INET ? ETH_P_ARP : ETH_P_IPV6)) < 0)
                        return *fd;
        }
        memcpy(request.ifr_name, s->interface, strnlen(s->interface, sizeof request.ifr_name - 1));
        if (ioctl(p->fd[0] >= 0 ? p->fd[0] : p->fd[1], SIOCGIFHWADDR, &request) < 0)
                return -errno;
        if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
                return 0;
        memcpy(p->mac, request.ifr_hwaddr.sa_data, 6);
        return 1;
}

/* ---- asking ---- */

static int ask(const struct probing *p)
{
        struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = p->ifindex, .sll_halen = 6};
        uint8_t frame[ADDRESS_FRAME_MAX];

        for (unsigned i = 0; i < p->service->addresses; i++) {
                const struct config_address *a = &p->service->address[i];
                if (!p->wanted[i])
                        continue;
                size_t n = address_probe_frame(p->mac, a, frame);
                if (sendto(p->fd[a->family == AF_INET ? 0 : 1], frame, n, 0, (struct sockaddr *)&to, sizeof to) < 0)
                        return -errno;
        }
        return 0;
}

static int read_answers(const struct probing *p, int fd, struct trouble *t)
{
        uint8_t frame[256], who[6];
        ssize_t n;

        while ((n = recv(fd, frame, sizeof frame, MSG_DONTWAIT)) > 0)
                for (unsigned i = 0; i < p->service->addresses; i++) {
                        const struct config_address *a = &p->service->address[i];
                        if (p->wanted[i] && address_probe_is_taken(frame, (size_t)n, p->mac, a, who))
                                return trouble_say(t, -EADDRINUSE, "%s on %s belongs to %02x:%02x:%02x:%02x:%02x:%02x: take it from that machine",
                                                   a->text, p->service->interface, who[0], who[1], who[2], who[3], who[4], who[5]);
                }
        return 0;
}

static int listen_until(const struct probing *p, uint64_t until_ms, struct trouble *t)
{
        for (;;) {
                struct pollfd fds[2] = {{.fd = p->fd[0], .events = POLLIN}, {.fd = p->fd[1], .events = POLLIN}};
                uint64_t now = now_ms();

                if (now >= until_ms)
                        return 0;
                if (poll(fds, 2, (int)(until_ms - now)) < 0 && errno != EINTR)
                        return -errno;
                for (unsigned i = 0; i < 2; i++) {
                        int r = fds[i].fd >= 0 ? read_answers(p, fds[i].fd, t) : 0;
                        if (r < 0)
                                return r;
                }
        }
}

static void *run(void *userdata)
{
        struct address_probe *a = userdata;
        struct probing p = {.service = a->service};
        uint64_t begin_ms = now_ms();

        int r = prepare(&p);
        for (unsigned i = 0; r == 1 && i < ADDRESS_PROBES; i++) {
                int asked = ask(&p);
                int heard = asked < 0 ? asked : listen_until(&p, begin_ms + (i + 1) * ADDRESS_PROBE_PAUSE_MS, &a->trouble);
                if (heard < 0)
                        r = heard;
        }
        if (r < 0 && r != -EADDRINUSE)
                log_warning("nobody could be asked for the addresses on %s (%s), continuing", a->service->interface, strerrordesc_np(-r));
        for (unsigned i = 0; i < 2; i++)
                if (p.fd[i] >= 0)
                        close(p.fd[i]);
        a->result = r == -EADDRINUSE ? r : 0;
        return NULL;
}

void address_probe_start(const struct config_service *s, struct address_probe *p)
{
        *p = (struct address_probe){.service = s};
        if (s->addresses == 0 || !s->duplicate_check)
                return;
        p->runs = pthread_create(&p->thread, NULL, run, p) == 0;
        if (!p->runs)
                log_warning("nobody could be asked for the addresses on %s: no thread, continuing", s->interface);
}

int address_probe_end(struct address_probe *p, struct trouble *t)
{
        if (!p->runs)
                return 0;
        pthread_join(p->thread, NULL);
        p->runs = false;
        if (p->result < 0)
                *t = p->trouble;
        return p->result;
}
