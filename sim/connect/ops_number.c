/* ops_number.c - phone numbers: what may be claimed, claiming, attaching to groups and flows.
 *
 * A number of a traffic distribution group is known in the replica's region by its full ARN only;
 * one of an instance in that instance's region only. Claiming and attaching happen in the source
 * region. A flow does not follow a number that gets another target. */
#include "connect/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_MAX = 10000 };

/* Numbers that connectsim gives out: a country's calling code and 7 more digits that begin with
 * `lead`, in North America of the range for fiction (555). */
static const struct country {
    char code[3];
    const char *calling, *did, *toll_free;
} countries[] = {
    {"US", "+1", "206555", "800555"},      {"CA", "+1", "604555", "855555"},
    {"GB", "+44", "20794600", "80850100"}, {"DE", "+49", "30230900", "80010000"},
    {"FR", "+33", "19901000", "80510000"}, {"JP", "+81", "350100", "120500"},
    {"AU", "+61", "2555000", "1800555"},   {"SG", "+65", "315800", "800120"},
    {"BR", "+55", "113500", "800555"},     {"IE", "+353", "1555000", "1800555"},
    {"KR", "+82", "255500", "80555"},      {"ZA", "+27", "105000", "800555"},
};

static const struct country *find_country(const char *code)
{
    for (size_t i = 0; i < COUNTOF(countries); i++)
        if (strcmp(countries[i].code, code) == 0)
            return &countries[i];
    return NULL;
}

/* The n-th number (0..9999) of a country and type; false: we have none of that type. */
static bool nth_number(const struct country *k, const char *type, uint32_t n, char out[24])
{
    const char *lead = strcmp(type, "DID") == 0         ? k->did
                       : strcmp(type, "TOLL_FREE") == 0 ? k->toll_free
                                                        : NULL;
    if (!lead)
        return false;
    snprintf(out, 24, "%s%s%04u", k->calling, lead, n);
    return true;
}

/* Whose number could it be? False: nobody's that we give out. */
static bool classify(const char *number, const struct country **k, const char **type)
{
    static const char *const types[] = {"DID", "TOLL_FREE"};
    for (size_t i = 0; i < COUNTOF(countries); i++)
        for (size_t t = 0; t < COUNTOF(types); t++) {
            char first[24];
            nth_number(&countries[i], types[t], 0, first);
            size_t n = strlen(first);
            if (strlen(number) == n && memcmp(number, first, n - 4) == 0 &&
                strspn(number + n - 4, "0123456789") == 4) {
                *k = &countries[i];
                *type = types[t];
                return true;
            }
        }
    return false;
}

static bool is_claimed(struct center *c, const char *e164)
{
    for (uint32_t m = 0; m < center_n_mirrors(c); m++)
        if (res_named(center_mirror(c, m)->side[0], RES_NUMBER, e164))
            return true;
    return false;
}

/* ---- targets ---- */

struct target {
    struct instance *instance;
    struct tdg *tdg; /* NULL: the instance */
};

/* TargetArn or InstanceId; false: neither leads anywhere, the call has failed. */
static bool find_target(struct call *c, struct target *t)
{
    const char *arn = arg_str(c, "TargetArn"), *id = arg_str(c, "InstanceId");
    *t = (struct target){0};
    if (!arn == !id) {
        call_invalid(c, "Exactly one of TargetArn and InstanceId is required.");
        return false;
    }
    if (id || !strstr(arn, ":traffic-distribution-group/")) {
        t->instance = instance_find(c->region, c->account, id ? id : arn);
    } else {
        for (uint32_t n = 0; n < c->region->n_instances && !t->tdg; n++) {
            struct instance *i = c->region->instance[n];
            if (strcmp(i->mirror->account, c->account) == 0)
                t->tdg = (struct tdg *)res_find(i, RES_TDG, arn);
            t->instance = t->tdg ? i : NULL;
        }
    }
    if (t->instance)
        return true;
    call_fail(c,
              c->op->errors >> EX_ResourceNotFoundException & 1 ? EX_ResourceNotFoundException
                                                                : EX_InvalidParameterException,
              "The target was not found.");
    return false;
}

/* A number of the group or of the instance of this region; the call's instance is set. */
static struct number *arg_number(struct call *c)
{
    const char *id = arg_str(c, "PhoneNumberId");
    bool is_arn = strncmp(id, "arn:", 4) == 0;
    for (uint32_t n = 0; n < c->region->n_instances; n++) {
        struct instance *i = c->region->instance[n];
        struct number *k = strcmp(i->mirror->account, c->account) == 0
                               ? (struct number *)res_find(i, RES_NUMBER, id)
                               : NULL;
        if (!k || (k->tdg ? i->side && !is_arn : k->side != i->side))
            continue;
        c->instance = i;
        return k;
    }
    call_fail(c, EX_ResourceNotFoundException, "Phone number not found.");
    return NULL;
}

static void put_target(struct call *c, const struct number *k)
{
    char arn[ARN_MAX];
    if (k->tdg) {
        put_arn(c, "TargetArn", &k->tdg->r);
        return;
    }
    instance_arn(k->r.mirror->side[k->side], arn);
    put_str(c, "TargetArn", arn);
    put_id(c, "InstanceId", k->r.mirror->id);
}

static void put_number(struct call *c, const struct number *k)
{
    put_id(c, "PhoneNumberId", k->r.id);
    put_arn(c, "PhoneNumberArn", &k->r);
    put_str(c, "PhoneNumber", k->r.name);
    put_str(c, "PhoneNumberCountryCode", k->country);
    put_str(c, "PhoneNumberType", k->type);
    put_str(c, "PhoneNumberDescription", k->r.description);
    put_target(c, k);
}

/* ---- searching ---- */

void op_search_available_phone_numbers(struct call *c)
{
    const struct country *k = find_country(arg_str(c, "PhoneNumberCountryCode"));
    const char *type = arg_str(c, "PhoneNumberType"), *prefix = arg_str(c, "PhoneNumberPrefix");
    uint64_t at;
    int64_t left = arg_int(c, "MaxResults", 10);
    struct target t;
    char e164[24];
    if (!find_target(c, &t) || !token_take(c, &at))
        return;
    jw_key(&c->w, "AvailableNumbersList");
    jw_arr(&c->w);
    for (; k && at < 10000 && left && nth_number(k, type, (uint32_t)at, e164); at++) {
        if ((prefix && strncmp(e164, prefix, strlen(prefix)) != 0) || is_claimed(c->center, e164))
            continue;
        jw_obj(&c->w);
        put_str(c, "PhoneNumber", e164);
        put_str(c, "PhoneNumberCountryCode", k->code);
        put_str(c, "PhoneNumberType", type);
        jw_end(&c->w);
        left--;
    }
    jw_end(&c->w);
    if (!left && at < 10000)
        token_put(c, "NextToken", at);
}

void op_describe_phone_number(struct call *c)
{
    static const char *const statuses[] = {"CLAIMED", "IN_PROGRESS", "FAILED"};
    struct number *k = arg_number(c);
    if (!k)
        return;
    jw_key(&c->w, "ClaimedPhoneNumberSummary");
    jw_obj(&c->w);
    put_number(c, k);
    put_tags(c, "Tags", &k->r);
    jw_key(&c->w, "PhoneNumberStatus");
    jw_obj(&c->w);
    put_str(c, "Status", statuses[k->status]);
    jw_end(&c->w);
    jw_end(&c->w);
}

static bool list_wants(struct call *c, const struct target *t, const struct instance *i,
                       const struct number *k)
{
    const char *prefix = arg_str(c, "PhoneNumberPrefix");
    if (t->tdg ? k->tdg != t->tdg : t->instance && (k->tdg || k->side != t->instance->side))
        return false;
    if (k->tdg ? false : k->side != i->side)
        return false;
    return listed(arg(c, "PhoneNumberCountryCodes"), k->country) &&
           listed(arg(c, "PhoneNumberTypes"), k->type) &&
           (!prefix || strncmp(k->r.name, prefix, strlen(prefix)) == 0);
}

/* With a target that one's, else all of the account in this region. */
void op_list_phone_numbers_v2(struct call *c)
{
    struct target t = {0};
    uint64_t after, last = 0;
    int64_t left = arg_int(c, "MaxResults", 100);
    bool more = false;
    if (((arg_str(c, "TargetArn") || arg_str(c, "InstanceId")) && !find_target(c, &t)) ||
        !token_take(c, &after))
        return;
    jw_key(&c->w, "ListPhoneNumbersSummaryList");
    jw_arr(&c->w);
    for (uint32_t n = 0; n < c->region->n_instances; n++) {
        struct instance *i = c->region->instance[n];
        const struct res_list *l = &i->mirror->list[RES_NUMBER];
        if ((t.instance && t.instance != i) || strcmp(i->mirror->account, c->account) != 0)
            continue;
        c->instance = i;
        for (uint32_t m = 0; m < l->n && !more; m++) {
            const struct number *k = (struct number *)l->item[m];
            if (k->r.seq <= after || !list_wants(c, &t, i, k))
                continue;
            more = !left;
            if (more)
                break;
            jw_obj(&c->w);
            put_number(c, k);
            jw_end(&c->w);
            last = k->r.seq;
            left--;
        }
    }
    jw_end(&c->w);
    if (more)
        token_put(c, "NextToken", last);
}

void op_list_phone_numbers(struct call *c)
{
    struct page p;
    if (!page_begin(c, &p, RES_NUMBER, "PhoneNumberSummaryList"))
        return;
    for (struct res *r; (r = page_next(c, &p));) {
        const struct number *k = (struct number *)r;
        if (!listed(arg(c, "PhoneNumberCountryCodes"), k->country) ||
            !listed(arg(c, "PhoneNumberTypes"), k->type) || k->tdg || k->side != c->instance->side)
            continue; /* numbers of groups are not in this older list */
        put_summary(c, r, "PhoneNumber");
        put_str(c, "PhoneNumberType", k->type);
        put_str(c, "PhoneNumberCountryCode", k->country);
        jw_end(&c->w);
    }
    page_end(c, &p);
}

/* ---- claiming ---- */

static void claimed(void *arg)
{
    ((struct number *)arg)->status = NUMBER_CLAIMED;
}

static bool target_takes(struct call *c, const struct target *t)
{
    if (t->tdg && t->instance->side)
        call_invalid(c, "Numbers of a group are claimed in its source region.");
    else if (t->tdg && t->tdg->status != TDG_ACTIVE)
        call_invalid(c, "The group is %s, it must be ACTIVE.", tdg_status_names[t->tdg->status]);
    return !c->taken;
}

static void set_target(struct number *k, const struct target *t)
{
    if (k->tdg)
        k->tdg->n_numbers--;
    k->tdg = t->tdg;
    k->side = t->instance->side;
    if (t->tdg)
        t->tdg->n_numbers++;
}

static void put_claimed(struct call *c, const struct number *k)
{
    put_id(c, "PhoneNumberId", k->r.id);
    put_arn(c, "PhoneNumberArn", &k->r);
}

void op_claim_phone_number(struct call *c)
{
    const struct country *country = NULL;
    const char *e164 = arg_str(c, "PhoneNumber"), *type = NULL;
    struct target t;
    struct td_id id;
    if (!find_target(c, &t) || !target_takes(c, &t))
        return;
    c->instance = t.instance;
    if (token_seen(c, &id)) {
        char text[ID_TEXT];
        id_print(id, text);
        struct res *r = res_find(c->instance, RES_NUMBER, text);
        if (r)
            put_claimed(c, (struct number *)r);
        return;
    }
    if (c->taken)
        return;
    if (!classify(e164, &country, &type) || is_claimed(c->center, e164)) {
        call_invalid(c, "PhoneNumber: is not available.");
        return;
    }
    if (t.instance->mirror->list[RES_NUMBER].n >= NUMBERS_MAX) {
        call_invalid(c, "An instance has at most %d phone numbers.", NUMBERS_MAX);
        return;
    }
    struct number *k = res_new(t.instance, RES_NUMBER, e164, arg_str(c, "PhoneNumberDescription"));
    k->r.tags = json_incref(arg(c, "Tags"));
    str_copy(k->country, sizeof k->country, country->code);
    str_copy(k->type, sizeof k->type, type);
    k->status = NUMBER_IN_PROGRESS;
    set_target(k, &t);
    center_at(c->center, center_now(c->center) + NUMBER_CLAIM_MS, claimed, k);
    token_keep(c, k->r.id);
    put_claimed(c, k);
}

void op_update_phone_number(struct call *c)
{
    struct number *k = arg_number(c);
    struct target t;
    if (!k || !find_target(c, &t) || !target_takes(c, &t))
        return;
    if (t.instance->mirror != k->r.mirror)
        call_invalid(c, "The target must belong to the number's instance.");
    else if (t.instance->side != k->side)
        call_invalid(c, "The target must be in the region where the number was claimed.");
    else if (k->status == NUMBER_IN_PROGRESS)
        call_fail(c, EX_ResourceInUseException, "The number is being claimed.");
    if (c->taken)
        return;
    set_target(k, &t);
    k->flow = NULL;
    res_touch(c->instance, &k->r);
    put_claimed(c, k);
}

void op_release_phone_number(struct call *c)
{
    struct number *k = arg_number(c);
    if (!k)
        return;
    if (c->instance->side != k->side) {
        call_invalid(c, "A number is released in the region where it was claimed.");
        return;
    }
    if (k->tdg)
        k->tdg->n_numbers--;
    k->tdg = NULL;
    const struct res_list *queues = &c->instance->mirror->list[RES_QUEUE];
    for (uint32_t n = 0; n < queues->n; n++)
        if (((struct queue *)queues->item[n])->number == k)
            ((struct queue *)queues->item[n])->number = NULL;
    res_delete(c->instance, &k->r);
}

/* ---- flows of numbers ---- */

static struct number *number_of_instance(struct call *c)
{
    struct instance *given = c->instance;
    struct number *k = arg_number(c);
    if (!k || c->instance == given)
        return k;
    call_fail(c, EX_ResourceNotFoundException, "The number is not of this instance.");
    return NULL;
}

void op_associate_phone_number_contact_flow(struct call *c)
{
    struct number *k = number_of_instance(c);
    struct flow *f = k ? (struct flow *)arg_res(c, RES_FLOW, "ContactFlowId") : NULL;
    if (f)
        k->flow = f;
}

void op_disassociate_phone_number_contact_flow(struct call *c)
{
    struct number *k = number_of_instance(c);
    if (k)
        k->flow = NULL;
}

static void put_association(struct call *c, const struct number *k)
{
    char arn[ARN_MAX];
    jw_obj(&c->w);
    res_arn(c->instance, &k->r, arn);
    put_str(c, "ResourceId", arn);
    put_arn(c, "FlowId", &k->flow->r);
    put_str(c, "ResourceType", "VOICE_PHONE_NUMBER");
    jw_end(&c->w);
}

static bool wants_voice(const struct call *c)
{
    const char *type = arg_str(c, "ResourceType");
    return !type || strcmp(type, "VOICE_PHONE_NUMBER") == 0;
}

void op_list_flow_associations(struct call *c)
{
    struct page p;
    if (!page_begin(c, &p, RES_NUMBER, "FlowAssociationSummaryList"))
        return;
    for (struct res *r; (r = page_next(c, &p));)
        if (((struct number *)r)->flow && wants_voice(c))
            put_association(c, (struct number *)r);
    page_end(c, &p);
}

void op_batch_get_flow_association(struct call *c)
{
    json_t *id;
    size_t n;
    jw_key(&c->w, "FlowAssociationSummaryList");
    jw_arr(&c->w);
    json_array_foreach(arg(c, "ResourceIds"), n, id)
    {
        struct number *k =
            (struct number *)res_find(c->instance, RES_NUMBER, json_string_value(id));
        if (k && k->flow && wants_voice(c))
            put_association(c, k);
    }
    jw_end(&c->w);
}
