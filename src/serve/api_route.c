/* api_route.c - POST /v1/route: where shall this contact go? The path that must be quick.
 *
 * The decision is stated as a fact at once; the reply is made then, from the figures it was made
 * with, and sent when the fact is durable. Asking again with the same contact id gets the same
 * place, so a client that has not heard may always ask again. */
#include "serve/api_i.h"

#include <string.h>

#include "base/json_read.h"

/* ---- attributes ---- */

static struct attributes *slot_of(const struct api *a, struct td_id contact)
{
    uint32_t at;
    return map128_find(&a->attributes_by_contact, contact.hi, contact.lo, &at) ? &a->attributes[at]
                                                                               : NULL;
}

const struct buf *api_attributes_get(const struct api *a, struct td_id contact)
{
    const struct attributes *s = slot_of(a, contact);
    return s ? &s->json : NULL;
}

void api_attributes_drop(struct api *a, struct td_id contact)
{
    struct attributes *s = a->attributes_by_contact.count ? slot_of(a, contact) : NULL;
    if (!s)
        return;
    map128_erase(&a->attributes_by_contact, contact.hi, contact.lo);
    a->attributes_bytes -= s->json.cap;
    buf_free(&s->json);
    s->contact = (struct td_id){0, 0};
}

/* The oldest make room. They are for the desk that takes the contact, which asks within minutes. */
void api_attributes_put(struct api *a, struct td_id contact, const struct jr_node *object)
{
    api_attributes_drop(a, contact);
    struct attributes *s;
    do {
        a->attributes_next = (a->attributes_next + 1) % ATTRIBUTES_KEPT;
        s = &a->attributes[a->attributes_next];
        if (!id_none(s->contact))
            api_attributes_drop(a, s->contact);
    } while (a->attributes_bytes > ATTRIBUTES_BYTES);
    struct jw w;
    jw_begin(&w, &s->json);
    jw_obj(&w);
    jr_each(v, object)
    {
        jw_key(&w, v->key);
        jw_strn(&w, v->text, v->len);
    }
    jw_end(&w);
    s->contact = contact;
    a->attributes_bytes += s->json.cap;
    map128_insert(&a->attributes_by_contact, contact.hi, contact.lo, a->attributes_next);
}

/* ---- the reply ---- */

static void kv_id(struct jw *w, const char *key, struct td_id id)
{
    char text[ID_TEXT];
    id_print(id, text);
    kv_text(w, key, id_none(id) ? NULL : text);
}

static void write_placed(struct api_call *k, const struct ev_placed *p)
{
    struct jw w = api_json(k);
    const struct cfg_policy *policy = core_policy(k->core);
    jw_obj(&w);
    kv_id(&w, "contact", p->contact);
    kv_id(&w, "customer", p->customer);
    kv_text(&w, "site", view_node_name(k->core, p->site));
    kv_text(&w, "rule", rule_names[p->rule]);
    kv_text(&w, "reason", rule_texts[p->rule]);
    kv_text(&w, "group", p->group < policy->n_groups ? policy->group[p->group].name : NULL);
    jw_key(&w, "candidates");
    view_candidates(&w, k->core, p);
    kv_text(&w, "decided_by", view_node_name(k->core, p->epoch & 0xff));
    jw_end(&w);
    jw_done(&w);
}

/* Nobody may take it: what the decision would have said of each site. */
static void reply_nobody(struct api_call *k, const struct route_request *r)
{
    uint8_t excluded[SITES_MAX];
    char why[400] = "";
    decide_allowed(k->core, LINE(r->queue, r->channel), excluded);
    for (uint8_t s = 0; s < k->core->c->n_sites; s++) {
        size_t at = strlen(why);
        snprintf(why + at, sizeof why - at, "%s%s: %s", at ? ", " : "", k->core->c->site[s].name,
                 excluded_names[excluded[s]]);
    }
    k->api->route_refused++;
    api_problem(k, 503, "No site may take a contact of this queue and channel (%s).", why);
}

static void reply_ended(struct api_call *k)
{
    k->api->route_refused++;
    api_problem(k, 409,
                "contact: this contact has ended already; a new one needs an id of its "
                "own, or none.");
}

/* The contact is known: the same place again. True: it was replied to. */
static bool reply_again(struct api_call *k, struct td_id id)
{
    const struct contact *t = contact_find(k->core, id);
    struct store *s = node_store(k->node);
    buf_reset(&k->api->body);
    if (!t && !s->ops->history_get(s, id, &k->api->body))
        return false;
    if (!t || t->now_state == CONTACT_ENDED) {
        reply_ended(k);
    } else if (!t->decisions) {
        api_problem(k, 409,
                    "contact: this contact is at %s already, and was not placed by a "
                    "decision.",
                    view_node_name(k->core, t->site));
    } else {
        k->api->routed_again++;
        write_placed(k, &t->decisions->placed);
        api_reply_later(k, 200);
    }
    return true;
}

static struct td_id new_contact(struct api *a) /* a random UUID, RFC 9562 version 4 */
{
    struct td_id id = {rng_u64(&a->rng), rng_u64(&a->rng)};
    id.hi = (id.hi & ~0xf000ull) | 0x4000;
    id.lo = (id.lo & ~(3ull << 62)) | 1ull << 63;
    return id;
}

void api_route_place(struct api_call *k)
{
    struct route_body b;
    struct api_error error;
    struct parse_context c = api_context(k);
    if (!parse_route(k->rq->body.p, k->rq->body.n, &c, &b, &error)) {
        k->api->route_refused++;
        api_refuse(k, &error);
        return;
    }
    struct input in = {.type = IN_ASKED, .request = b.request};
    if (id_none(b.request.contact)) {
        in.request.contact = new_contact(k->api);
    } else if (reply_again(k, b.request.contact)) {
        return;
    }
    in.request.arrived_at = world_now(k->api->world);
    node_input(k->node, &in);
    const struct contact *t = contact_find(k->core, in.request.contact);
    if (!t || !t->decisions) {
        reply_nobody(k, &in.request);
    } else {
        k->api->routed++;
        write_placed(k, &t->decisions->placed);
        if (b.attributes)
            api_attributes_put(k->api, in.request.contact, b.attributes);
        api_reply_later(k, 200);
    }
}
