#include "serve/api_parse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/rng.h"
#include "base/siphash.h"
#include "core/config.h"
#include "core/place.h"
#include "serve/body.h"

/* ---- names ---- */

static const char *queue_name(const void *c, uint32_t i)
{
    const struct config *k = c;
    return i < k->n_queues ? k->queue[i].name : NULL;
}

static const char *policy_name(const void *c, uint32_t i)
{
    const struct config *k = c;
    return i < k->n_policies ? k->policy[i].name : NULL;
}

static const char *group_name(const void *p, uint32_t i)
{
    const struct cfg_policy *k = p;
    return i < k->n_groups ? k->group[i].name : NULL;
}

/* ---- POST /v1/route ---- */

enum { PLACE_FROM = 1, PLACE_AREA = 2, PLACE_LAND = 4, PLACE_LAT = 8, PLACE_LON = 16 };
struct route_take {
    struct route_body *body;
    struct place place;
    double lat, lon;
    unsigned places; /* which members told a place */
};

static bool take_contact(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct route_take *r = t->out;
    struct td_id *id = &r->body->request.contact;
    if (!id_parse(v->text, id) || id_none(*id))
        return body_say(t->error, 400,
                        "%s: must be a UUID: 8-4-4-4-12 hexadecimal digits, not all 0.", m->name);
    return true;
}

static bool take_queue(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct route_take *r = t->out;
    const char *name = v->text;
    char names[200];
    uint32_t q;
    if (!map64_find(t->c->queue_by_key, hash_str(name), &q) || q >= t->c->c->n_queues ||
        strcmp(t->c->c->queue[q].name, name) != 0)
        return body_say(t->error, 422, "%s: there is no queue of this name; there are: %s.",
                        m->name, body_names(names, sizeof names, queue_name, t->c->c));
    r->body->request.queue = (uint16_t)q;
    return true;
}

static bool take_channel(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct route_take *r = t->out;
    for (uint8_t i = 0; i < CHANNELS; i++)
        if (strcmp(v->text, channel_names[i]) == 0) {
            r->body->request.channel = i;
            return true;
        }
    return body_say(t->error, 400, "%s: must be voice, chat, task or email.", m->name);
}

static bool take_from(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct route_take *r = t->out;
    r->places |= PLACE_FROM;
    if (!place_from_number(v->text, &r->place))
        return body_say(t->error, 400,
                        "%s: must be a telephone number as in E.164: + and 7 to 15 "
                        "digits, the first not 0.",
                        m->name);
    return true;
}

static bool take_npa(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct route_take *r = t->out;
    int64_t npa = v->whole;
    r->places |= PLACE_AREA;
    if (npa < 200 || npa > 999 || !place_from_npa((int)npa, &r->place))
        return body_say(t->error, 400, "%s: must be an area code, 200 to 999.", m->name);
    return true;
}

static bool take_country(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct route_take *r = t->out;
    r->places |= PLACE_LAND;
    if (v->len != 2 || !place_from_country(v->text, &r->place))
        return body_say(t->error, 400, "%s: must be a country's two letters as in ISO 3166-1: DE.",
                        m->name);
    return true;
}

static bool take_degrees(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct route_take *r = t->out;
    bool lat = m->name[1] == 'a';
    *(lat ? &r->lat : &r->lon) = jr_number(v);
    r->places |= lat ? PLACE_LAT : PLACE_LON;
    return true;
}

static bool take_customer(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct route_take *r = t->out;
    uint64_t h[2];
    if (!body_plain(t, m, v, CUSTOMER_MAX))
        return false;
    siphash128(t->c->pseudonym_key, v->text, v->len, h);
    r->body->request.customer = (struct td_id){h[0], h[1] | !(h[0] | h[1])};
    return true;
}

static bool take_priority(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct route_take *r = t->out;
    int64_t p = v->whole;
    if (p < 1 || p > 10)
        return body_say(t->error, 400, "%s: must be 1 (served first) to 10.", m->name);
    r->body->request.priority = (uint8_t)p;
    return true;
}

static bool take_attributes(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct route_take *r = t->out;
    size_t bytes = 0;
    jr_each(value, v)
    {
        size_t n = value->key_len;
        if (value->kind != JR_TEXT)
            return body_say(t->error, 400, "%s: every value must be text in quotes.", m->name);
        if (!n || n > ATTRIBUTE_KEY_MAX)
            return body_say(t->error, 400, "%s: every key must have 1 to %d bytes.", m->name,
                            ATTRIBUTE_KEY_MAX);
        bytes += n + value->len;
    }
    if (bytes > ATTRIBUTES_MAX)
        return body_say(t->error, 400, "%s: keys and values may have %d bytes in all.", m->name,
                        ATTRIBUTES_MAX);
    if (v->count)
        r->body->attributes = v;
    return true;
}

static const struct member route_members[] = {
    {"contact", BODY_TEXT, false, take_contact},
    {"queue", BODY_TEXT, true, take_queue},
    {"channel", BODY_TEXT, false, take_channel},
    {"from", BODY_TEXT, false, take_from},
    {"npa", BODY_WHOLE, false, take_npa},
    {"country", BODY_TEXT, false, take_country},
    {"lat", BODY_NUMBER, false, take_degrees},
    {"lon", BODY_NUMBER, false, take_degrees},
    {"customer", BODY_TEXT, false, take_customer},
    {"priority", BODY_WHOLE, false, take_priority},
    {"attributes", BODY_OBJECT, false, take_attributes},
    {.name = NULL},
};

/* At most one way of telling the place. */
static bool take_place(struct route_take *r, struct api_error *error)
{
    unsigned coords = r->places & (PLACE_LAT | PLACE_LON);
    unsigned ways = (unsigned)__builtin_popcount(r->places & ~coords) + (coords != 0);
    if (ways > 1)
        return body_say(error, 400,
                        "from, npa, country, and lat with lon each tell where the caller "
                        "is: give one of them.");
    if (coords && coords != (PLACE_LAT | PLACE_LON))
        return body_say(error, 400, "%s: is missing; lat and lon go together.",
                        coords == PLACE_LAT ? "lon" : "lat");
    if (coords && !place_from_coords(r->lat, r->lon, &r->place))
        return body_say(error, 400, "lat, lon: must be degrees, -90 to 90 and -180 to 180.");
    if (ways) {
        r->body->request.how = r->place.how;
        r->body->request.lat = (float)r->place.lat;
        r->body->request.lon = (float)r->place.lon;
    }
    return true;
}

bool parse_route(const void *body, size_t len, const struct parse_context *c,
                 struct route_body *out, struct api_error *error)
{
    *out = (struct route_body){.request = {.entry_site = SITE_NONE}};
    struct route_take r = {.body = out};
    struct take t = {.c = c, .json = c->json, .out = &r, .error = error};
    return body_parse(body, len, route_members, &t) && take_place(&r, error);
}

/* ---- what operators send ---- */

static bool take_reason_to(struct take *t, const struct member *m, const struct jr_node *v,
                           char *to)
{
    if (!body_plain(t, m, v, REASON_MAX))
        return false;
    str_copy(to, REASON_MAX + 1, v->text);
    return true;
}

static bool find_policy(struct take *t, const struct member *m, const struct jr_node *v,
                        uint8_t *out)
{
    char names[200];
    int p = config_policy_by_name(t->c->c, v->text);
    if (p < 0)
        return body_say(t->error, 422, "%s: there is no policy of this name; there are: %s.",
                        m->name, body_names(names, sizeof names, policy_name, t->c->c));
    *out = (uint8_t)p;
    return true;
}

struct shares_take {
    struct shares_body *body;
    const struct jr_node *shares;
    char group[NAME_MAX_LEN];
    bool has_group;
};

static bool take_shares_policy(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct shares_take *s = t->out;
    return find_policy(t, m, v, &s->body->policy);
}

static bool take_shares_group(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct shares_take *s = t->out;
    s->has_group = true;
    return str_copy(s->group, sizeof s->group, v->text) ||
           body_say(t->error, 422, "%s: there is no group of this name.", m->name);
}

static bool take_shares_shares(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct shares_take *s = t->out;
    (void)m;
    s->shares = v; /* read once policy and group are known */
    return true;
}

static bool take_shares_reason(struct take *t, const struct member *m, const struct jr_node *v)
{
    return take_reason_to(t, m, v, ((struct shares_take *)t->out)->body->reason);
}

static const struct member shares_members[] = {
    {"policy", BODY_TEXT, false, take_shares_policy},
    {"group", BODY_TEXT, false, take_shares_group},
    {"shares", BODY_OBJECT, true, take_shares_shares},
    {"reason", BODY_TEXT, false, take_shares_reason},
    {.name = NULL},
};

static bool shares_group(struct shares_take *s, const struct cfg_policy *p, struct api_error *error)
{
    char names[160];
    body_names(names, sizeof names, group_name, p);
    if (!s->has_group && p->n_groups > 1)
        return body_say(error, 400, "group: is missing; policy %s has %d: %s.", p->name,
                        p->n_groups, names);
    for (uint8_t g = 0; g < p->n_groups; g++)
        if (!s->has_group || strcmp(p->group[g].name, s->group) == 0) {
            s->body->group = g;
            return true;
        }
    return body_say(error, 422, "group: policy %s has no group of this name; it has: %s.", p->name,
                    names);
}

static int member_of(const struct cfg_group *g, const struct config *c, const char *site)
{
    for (int i = 0; i < g->n_sites; i++)
        if (strcmp(c->site[g->site[i]].name, site) == 0)
            return g->site[i];
    return -1;
}

/* Percentages with at most four decimals are whole parts per million. */
static bool percent_ppm(const struct jr_node *v, int32_t *out)
{
    double ppm = jr_number(v) * 10000;
    if (!jr_is_number(v) || !(ppm >= 0 && ppm <= PPM) || fabs(ppm - rint(ppm)) > 1e-6)
        return false;
    *out = (int32_t)rint(ppm);
    return true;
}

static bool shares_values(struct shares_take *s, const struct config *c, struct api_error *error)
{
    const struct cfg_group *g = &c->policy[s->body->policy].group[s->body->group];
    uint16_t given = 0;
    int64_t sum = 0;
    jr_each(v, s->shares)
    {
        int site = member_of(g, c, v->key);
        if (site < 0)
            return body_say(error, 422, "shares: names a site that is not in group %s.", g->name);
        if (!percent_ppm(v, &s->body->share_ppm[site]))
            return body_say(error, 400,
                            "shares.%s: must be a percentage, 0 to 100, with at most four "
                            "decimals.",
                            c->site[site].name);
        sum += s->body->share_ppm[site];
        given |= (uint16_t)(1u << site);
    }
    for (int i = 0; i < g->n_sites; i++)
        if (!(given >> g->site[i] & 1))
            return body_say(error, 422,
                            "shares.%s: is missing; every site of group %s needs its share, "
                            "0 too.",
                            c->site[g->site[i]].name, g->name);
    if (sum != PPM)
        return body_say(error, 422, "shares: add up to %g; they must add up to exactly 100.",
                        (double)sum / 10000);
    return true;
}

bool parse_shares(const void *body, size_t len, const struct parse_context *c,
                  struct shares_body *out, struct api_error *error)
{
    *out = (struct shares_body){.policy = c->policy};
    struct shares_take s = {.body = out};
    struct take t = {.c = c, .json = c->json, .out = &s, .error = error};
    return body_parse(body, len, shares_members, &t) &&
           shares_group(&s, &c->c->policy[out->policy], error) && shares_values(&s, c->c, error);
}

static bool take_policy_policy(struct take *t, const struct member *m, const struct jr_node *v)
{
    return find_policy(t, m, v, &((struct policy_body *)t->out)->policy);
}

static bool take_policy_reason(struct take *t, const struct member *m, const struct jr_node *v)
{
    return take_reason_to(t, m, v, ((struct policy_body *)t->out)->reason);
}

bool parse_policy(const void *body, size_t len, const struct parse_context *c,
                  struct policy_body *out, struct api_error *error)
{
    static const struct member members[] = {
        {"policy", BODY_TEXT, true, take_policy_policy},
        {"reason", BODY_TEXT, false, take_policy_reason},
        {.name = NULL},
    };
    *out = (struct policy_body){0};
    return body_parse(body, len, members,
                      &(struct take){.c = c, .json = c->json, .out = out, .error = error});
}

static bool take_admin_reason(struct take *t, const struct member *m, const struct jr_node *v)
{
    return take_reason_to(t, m, v, ((struct admin_body *)t->out)->reason);
}

static bool take_admin_force(struct take *t, const struct member *m, const struct jr_node *v)
{
    (void)m;
    ((struct admin_body *)t->out)->force = v->kind == JR_TRUE;
    return true;
}

bool parse_admin(const void *body, size_t len, bool may_force, struct jr *json,
                 struct admin_body *out, struct api_error *error)
{
    static const struct member drain[] = {
        {"reason", BODY_TEXT, false, take_admin_reason},
        {"force", BODY_FLAG, false, take_admin_force},
        {.name = NULL},
    };
    static const struct member restore[] = {
        {"reason", BODY_TEXT, false, take_admin_reason},
        {.name = NULL},
    };
    *out = (struct admin_body){0};
    return !len || body_parse(body, len, may_force ? drain : restore,
                              &(struct take){.json = json, .out = out, .error = error});
}

/* ---- the simulation's faults ---- */

static bool take_fault_fault(struct take *t, const struct member *m, const struct jr_node *v)
{
    struct fault_body *f = t->out;
    if (!body_plain(t, m, v, sizeof f->fault - 1))
        return false;
    str_copy(f->fault, sizeof f->fault, v->text);
    if (strchr(f->fault, '@'))
        return body_say(t->error, 400,
                        "%s: begins now; leave out what begins with @, and say how long "
                        "by for_s.",
                        m->name);
    return true;
}

static bool take_fault_for(struct take *t, const struct member *m, const struct jr_node *v)
{
    double s = jr_number(v);
    if (!(s >= 1 && s <= FAULT_FOR_MAX_S))
        return body_say(t->error, 400, "%s: must be 1 to %d seconds.", m->name, FAULT_FOR_MAX_S);
    ((struct fault_body *)t->out)->for_ms = (int64_t)(s * 1000);
    return true;
}

bool parse_fault(const void *body, size_t len, struct jr *json, struct fault_body *out,
                 struct api_error *error)
{
    static const struct member members[] = {
        {"fault", BODY_TEXT, true, take_fault_fault},
        {"for_s", BODY_NUMBER, false, take_fault_for},
        {.name = NULL},
    };
    *out = (struct fault_body){0};
    return body_parse(body, len, members, &(struct take){.json = json, .out = out, .error = error});
}
