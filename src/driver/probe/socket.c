#include "driver/probe/probe_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <linux/net_tstamp.h>

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct probe_time probe_now(void)
{
    struct timespec mono, wall;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct probe_time){ns_of(mono), ns_of(wall)};
}

uint16_t clock_error(void)
{
    struct timex t = {0};
    int state = adjtimex(&t);
    bool synced = state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
    return stamp_error((int64_t)t.maxerror * 1000, synced);
}

socklen_t addr_set(union any_addr *a, const struct ip_addr *ip, uint16_t port)
{
    memset(a, 0, sizeof *a);
    if (ip->family == IPV6) {
        a->v6.sin6_family = AF_INET6;
        a->v6.sin6_port = htons(port);
        memcpy(&a->v6.sin6_addr, ip->byte, 16);
        return sizeof a->v6;
    }
    a->v4.sin_family = AF_INET;
    a->v4.sin_port = htons(port);
    memcpy(&a->v4.sin_addr, ip->byte, 4);
    return sizeof a->v4;
}

struct ip_addr addr_ip(const union any_addr *a)
{
    struct ip_addr ip = {0};
    if (a->any.sa_family == AF_INET6) {
        ip.family = IPV6;
        memcpy(ip.byte, &a->v6.sin6_addr, 16);
    } else if (a->any.sa_family == AF_INET) {
        ip.family = IPV4;
        memcpy(ip.byte, &a->v4.sin_addr, 4);
    }
    return ip;
}

uint16_t addr_port(const union any_addr *a)
{
    return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

static bool option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static bool udp_options(int fd, uint8_t family)
{
    bool ok = option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    option(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20); /* a second of a busy reflector; less is no error */
    if (family == IPV6)
        return ok && option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
               option(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) &&
               option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
               option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, STAMP_TTL);
    return ok && option(fd, IPPROTO_IP, IP_RECVTTL, 1) && option(fd, IPPROTO_IP, IP_PKTINFO, 1) &&
           option(fd, IPPROTO_IP, IP_TTL, STAMP_TTL);
}

int udp_open(const struct ip_addr *address, uint16_t port, char *why, size_t cap)
{
    union any_addr a;
    char text[IP_TEXT_MAX];
    socklen_t len = addr_set(&a, address, port);
    int fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !udp_options(fd, address->family)) {
        snprintf(why, cap, "no UDP socket: %s", strerror(errno));
    } else if (bind(fd, &a.any, len) < 0) {
        snprintf(why, cap, "UDP port %u of %s: %s", port, ip_text(address, text), strerror(errno));
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static void take_control(struct datagram *d, struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        int number;
        memcpy(&number, CMSG_DATA(c), sizeof number);
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            d->received_ns = ns_of(t);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) {
            d->ttl = (uint8_t)number;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT) {
            d->ttl = (uint8_t)number;
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo i;
            memcpy(&i, CMSG_DATA(c), sizeof i);
            d->to.family = IPV4;
            memcpy(d->to.byte, &i.ipi_addr, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo i;
            memcpy(&i, CMSG_DATA(c), sizeof i);
            d->to.family = IPV6;
            memcpy(d->to.byte, &i.ipi6_addr, 16);
        }
    }
}

bool udp_receive(int fd, struct datagram *d)
{
    char control[256] __attribute__((aligned(_Alignof(struct cmsghdr))));
    struct iovec io = {d->byte, sizeof d->byte};
    struct msghdr m = {.msg_name = &d->from,
                       .msg_namelen = sizeof d->from,
                       .msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    ssize_t n;
    for (int tries = 0; (n = recvmsg(fd, &m, 0)) < 0; tries++)
        if (errno == EAGAIN || tries == 4)
            return false;
    d->len = (size_t)n;
    d->ttl = 0;
    d->to = (struct ip_addr){0};
    d->received_ns = 0;
    take_control(d, &m);
    if (!d->received_ns)
        d->received_ns = probe_now().wall_ns;
    return true;
}

bool udp_send(int fd, const void *p, size_t n, const union any_addr *to, const struct ip_addr *from)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control = {0};
    struct iovec io = {(void *)(uintptr_t)p, n};
    struct msghdr m = {.msg_name = (void *)(uintptr_t)to, .msg_iov = &io, .msg_iovlen = 1};
    m.msg_namelen = to->any.sa_family == AF_INET6 ? sizeof to->v6 : sizeof to->v4;
    struct in_pktinfo v4 = {0};
    struct in6_pktinfo v6 = {0};
    bool six = from->family == IPV6;
    if (from->family) {
        memcpy(&v4.ipi_spec_dst, from->byte, 4);
        memcpy(&v6.ipi6_addr, from->byte, 16);
        size_t len = six ? sizeof v6 : sizeof v4;
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(len);
        control.head.cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP;
        control.head.cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO;
        control.head.cmsg_len = CMSG_LEN(len);
        memcpy(CMSG_DATA(&control.head), six ? (void *)&v6 : (void *)&v4, len);
    }
    return sendmsg(fd, &m, 0) == (ssize_t)n;
}
