/* fault.c - faults as words: KIND:WHERE@START[+DURATION]. */
#include "node/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[FAULT_KINDS] = {"region-down", "node-down", "cut",  "isolate",
                                               "flows",       "links",     "drain"};

static bool say(char *error, size_t cap, const char *spec, const char *what)
{
    snprintf(error, cap,
             "fault \"%s\": %s; the form is KIND:WHERE@START[+DURATION], for example "
             "region-down:us-west-2@30m+10m",
             spec, what);
    return false;
}

static bool duration(const char **p, int64_t *ms)
{
    char *end;
    if (**p < '0' || **p > '9')
        return false;
    double v = strtod(*p, &end);
    double unit = *end == 's' ? 1000 : *end == 'm' ? 60000 : *end == 'h' ? 3600000 : 0;
    if (unit == 0 || v * unit > 1e12)
        return false;
    *ms = (int64_t)(v * unit + 0.5);
    *p = end + 1;
    return true;
}

static int node_by_name(const struct config *c, const char *name, size_t n)
{
    char text[NAME_MAX_LEN];
    if (n >= sizeof text)
        return -1;
    memcpy(text, name, n);
    text[n] = 0;
    if (strcmp(text, "hub") == 0 || strcmp(text, c->hub_name) == 0)
        return HUB;
    return config_site_by_name(c, text);
}

static bool where(const char *p, size_t n, const struct config *c, struct fault *f)
{
    if (f->kind == FAULT_LINKS) {
        char *end;
        double percent = strtod(p, &end);
        f->loss_ppm = f->duplicate_ppm = f->reorder_ppm = (int32_t)(percent * 10000);
        return end == p + n - 1 && *end == '%' && percent >= 0 && percent <= 90;
    }
    const char *comma = memchr(p, ',', n);
    if ((f->kind == FAULT_CUT) != (comma != NULL))
        return false;
    int a = node_by_name(c, p, comma ? (size_t)(comma - p) : n);
    int b = comma ? node_by_name(c, comma + 1, n - (size_t)(comma - p) - 1) : 0;
    bool site_only =
        f->kind == FAULT_REGION_DOWN || f->kind == FAULT_FLOWS || f->kind == FAULT_DRAIN;
    if (a < 0 || b < 0 || (site_only && a == HUB) || (comma && a == b))
        return false;
    f->a = (uint8_t)a;
    f->b = (uint8_t)b;
    return true;
}

bool fault_parse(const char *spec, const struct config *c, struct fault *f, char *error, size_t cap)
{
    *f = (struct fault){.kind = FAULT_KINDS};
    const char *colon = strchr(spec, ':'), *at = colon ? strchr(colon, '@') : NULL;
    if (!colon || !at)
        return say(error, cap, spec, "has no ':' or no '@'");
    for (int k = 0; k < FAULT_KINDS; k++)
        if (strlen(kinds[k]) == (size_t)(colon - spec) &&
            strncmp(kinds[k], spec, strlen(kinds[k])) == 0)
            f->kind = (enum fault_kind)k;
    if (f->kind == FAULT_KINDS)
        return say(error, cap, spec,
                   "unknown kind; there are region-down, node-down, cut, "
                   "isolate, flows, links and drain");
    if (!where(colon + 1, (size_t)(at - colon - 1), c, f))
        return say(error, cap, spec,
                   "the place is not a site or node of the configuration (cut "
                   "takes two, links a percentage)");
    const char *p = at + 1;
    if (!duration(&p, &f->at_ms))
        return say(error, cap, spec, "the start is not a time such as 90s, 30m or 2h");
    if (*p == '+') {
        p++;
        if (!duration(&p, &f->for_ms) || !f->for_ms)
            return say(error, cap, spec, "the duration is not a time such as 90s, 30m or 2h");
    }
    return *p ? say(error, cap, spec, "something follows its end") : true;
}
