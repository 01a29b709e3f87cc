#include "net/trace.h"

const char *const trace_end_names[] = {"reached", "loop", "silent", "unreachable", "long"};

bool trace_find_loop(const struct trace *t, struct trace_loop *out)
{
    for (uint8_t i = 0; i < t->hops; i++) {
        const struct ip_addr *router = &t->hop[i].router;
        if (!router->family || ip_equal(router, &t->to))
            continue;
        for (uint8_t j = (uint8_t)(i + 2); j < t->hops; j++)
            if (ip_equal(router, &t->hop[j].router)) {
                *out = (struct trace_loop){*router, (uint8_t)(i + 1), (uint8_t)(j - i)};
                return true;
            }
    }
    return false;
}

static bool in_cycle(const struct trace *t, const struct trace_loop *loop,
                     const struct ip_addr *router)
{
    for (uint8_t i = 0; i < loop->routers; i++)
        if (ip_equal(&t->hop[loop->ttl - 1 + i].router, router))
            return true;
    return false;
}

bool trace_same_loop(const struct trace *first, const struct trace *second, struct trace_loop *out)
{
    struct trace_loop before, now;
    if (!trace_find_loop(first, &before) || !trace_find_loop(second, &now) ||
        before.routers != now.routers)
        return false;
    for (uint8_t i = 0; i < now.routers; i++) {
        const struct ip_addr *router = &second->hop[now.ttl - 1 + i].router;
        if (router->family && !in_cycle(first, &before, router))
            return false; /* a router that did not answer may be any */
    }
    *out = now;
    return true;
}
