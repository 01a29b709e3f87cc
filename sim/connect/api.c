#include "connect/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define X(name, status) #name,
const char *const api_error_names[EX_COUNT] = {API_ERRORS(X)};
#undef X
#define X(name, status) status,
const int api_error_status[EX_COUNT] = {API_ERRORS(X)};
#undef X
_Static_assert(EX_COUNT <= 64, "an operation's errors are bits of 64");

#include "connect/model.inc"
const uint32_t api_n_operations = COUNTOF(api_operations);

/* ---- the operation of a path ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decodes n bytes of a segment or of a query's name or value into out, with a NUL; -1: a malformed
 * escape, a control character, or no room. */
static int decode(const char *p, size_t n, bool plus, char *out, size_t cap)
{
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)p[i];
        if (c == '%') {
            int a = i + 2 < n ? hex(p[i + 1]) : -1, b = i + 2 < n ? hex(p[i + 2]) : -1;
            if (a < 0 || b < 0)
                return -1;
            c = a * 16 + b;
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c < ' ' || c == 127 || to + 1 >= cap)
            return -1;
        out[to++] = (char)c;
    }
    if (to >= cap)
        return -1;
    out[to] = 0;
    return (int)to;
}

/* Does the path have the form of the uri? *literal: how many segments are the same text, first
 * differences weighing most, so that "/queues/search" would win over "/queues/{Id}". */
static bool matches(const char *uri, struct http_span path, uint32_t *literal)
{
    size_t at = 0;
    uint32_t weight = 1u << 31;
    *literal = 0;
    while (*uri) {
        if (at >= path.n || *uri != '/' || path.p[at] != '/')
            return false;
        uri++, at++, weight >>= 1;
        size_t un = strcspn(uri, "/"), pn = 0;
        while (at + pn < path.n && path.p[at + pn] != '/')
            pn++;
        if (*uri == '{') {
            if (!pn)
                return false;
        } else if (un != pn || memcmp(uri, path.p + at, pn) != 0) {
            return false;
        } else {
            *literal |= weight;
        }
        uri += un, at += pn;
    }
    return at == path.n;
}

static bool take_labels(const char *uri, struct http_span path, struct api_labels *l)
{
    size_t at = 0, used = 0;
    l->n = 0;
    while (*uri) {
        uri++, at++;
        size_t un = strcspn(uri, "/"), pn = 0;
        while (at + pn < path.n && path.p[at + pn] != '/')
            pn++;
        if (*uri == '{') {
            if (l->n == API_LABELS_MAX)
                return false;
            int n = decode(path.p + at, pn, false, l->text + used, sizeof l->text - used);
            if (n < 0)
                return false;
            l->name[l->n] = uri + 1;
            l->name_len[l->n] = (uint32_t)un - 2;
            l->value[l->n++] = l->text + used;
            used += (size_t)n + 1;
        }
        uri += un, at += pn;
    }
    return true;
}

const struct api_operation *api_find(enum http_method method, struct http_span path,
                                     struct api_labels *labels)
{
    const struct api_operation *best = NULL;
    uint32_t best_literal = 0, literal;
    for (uint32_t i = 0; i < api_n_operations; i++) {
        const struct api_operation *op = &api_operations[i];
        if (op->method == method && (path.n < 2 || op->uri[1] == path.p[1] || op->uri[1] == '{') &&
            matches(op->uri, path, &literal) && (!best || literal > best_literal)) {
            best = op;
            best_literal = literal;
        }
    }
    return best && take_labels(best->uri, path, labels) ? best : NULL;
}

enum api_error api_invalid(const struct api_operation *op)
{
    return op->errors >> EX_InvalidParameterException & 1 ? EX_InvalidParameterException
                                                          : EX_InvalidRequestException;
}

/* ---- checking a value against its shape ---- */

enum { DEPTH_MAX = 24, PLACE_MAX = 200 }; /* the model's own conditions nest 2 deep */

struct check {
    const struct api_operation *op;
    enum api_error *error;
    char *why;
    size_t cap;
    char place[PLACE_MAX]; /* "TelephonyConfig.Distributions[0].Region" */
};

static bool bad(struct check *k, const char *what)
{
    *k->error = api_invalid(k->op);
    snprintf(k->why, k->cap, "%s%s%s", k->place[0] ? k->place : "The request",
             k->place[0] ? ": " : " ", what);
    return false;
}

/* What a member of the wrong type gets: AWS cannot even read the request then. */
static bool unreadable(struct check *k, const char *what)
{
    bad(k, what);
    *k->error = EX_SerializationException;
    return false;
}

static size_t characters(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static bool within(struct check *k, const struct api_shape *s, double v, bool length)
{
    char text[96];
    if (!s->bounded || (v >= s->min && v <= s->max))
        return true;
    if (v < s->min)
        snprintf(text, sizeof text, "must %s at least %.15g", length ? "have a length of" : "be",
                 s->min);
    else
        snprintf(text, sizeof text, "must %s at most %.15g", length ? "have a length of" : "be",
                 s->max);
    return bad(k, text);
}

static bool check_string(struct check *k, const struct api_shape *s, const json_t *v)
{
    if (!json_is_string(v))
        return unreadable(k, "must be a string");
    const char *text = json_string_value(v);
    if (!within(k, s, (double)characters(text), true))
        return false;
    if (!s->names)
        return true;
    for (const char *const *n = s->names; *n; n++)
        if (strcmp(*n, text) == 0)
            return true;
    return bad(k, "is not one of the values that this member may have");
}

static json_t *check_value(struct check *k, const struct api_shape *s, json_t *v, int depth);

/* Names where we are, for messages; returns the length to cut it back to. */
static size_t place_name(struct check *k, const char *name)
{
    size_t n = strlen(k->place);
    snprintf(k->place + n, sizeof k->place - n, "%s%.60s", n ? "." : "", name);
    return n;
}

static size_t place_index(struct check *k, size_t index)
{
    size_t n = strlen(k->place);
    snprintf(k->place + n, sizeof k->place - n, "[%zu]", index);
    return n;
}

/* The members of the body that the model knows, checked; a new object. */
static json_t *check_struct(struct check *k, const struct api_shape *s, json_t *v, int depth,
                            bool body_only)
{
    if (!json_is_object(v)) {
        unreadable(k, "must be an object");
        return NULL;
    }
    json_t *out = json_object();
    for (uint32_t i = 0; i < s->n_members; i++) {
        const struct api_member *m = &s->member[i];
        if (body_only && m->where != API_BODY)
            continue;
        json_t *given = json_object_get(v, m->name), *kept = NULL;
        size_t n = place_name(k, m->name);
        if (given && !json_is_null(given))
            kept = check_value(k, m->shape, given, depth + 1);
        else if (m->required)
            bad(k, "is required");
        if (!kept && ((given && !json_is_null(given)) || m->required)) {
            json_decref(out);
            return NULL;
        }
        k->place[n] = 0;
        if (kept)
            json_object_set_new(out, m->name, kept);
    }
    return out;
}

static json_t *check_list(struct check *k, const struct api_shape *s, json_t *v, int depth)
{
    if (!json_is_array(v)) {
        unreadable(k, "must be a list");
        return NULL;
    }
    if (!within(k, s, (double)json_array_size(v), true))
        return NULL;
    json_t *out = json_array(), *item;
    size_t i;
    json_array_foreach(v, i, item)
    {
        size_t n = place_index(k, i);
        json_t *kept = check_value(k, s->item, item, depth + 1);
        if (!kept) {
            json_decref(out);
            return NULL;
        }
        k->place[n] = 0;
        json_array_append_new(out, kept);
    }
    return out;
}

static json_t *check_map(struct check *k, const struct api_shape *s, json_t *v, int depth)
{
    if (!json_is_object(v)) {
        unreadable(k, "must be an object");
        return NULL;
    }
    if (!within(k, s, (double)json_object_size(v), true))
        return NULL;
    json_t *out = json_object(), *item;
    const char *key;
    json_object_foreach(v, key, item)
    {
        size_t n = place_name(k, key);
        json_t *kept = check_value(k, s->item, item, depth + 1);
        if (!kept) {
            json_decref(out);
            return NULL;
        }
        k->place[n] = 0;
        json_object_set_new(out, key, kept);
    }
    return out;
}

/* A new reference, or NULL with the reason told. */
static json_t *check_value(struct check *k, const struct api_shape *s, json_t *v, int depth)
{
    bool good = false;
    if (depth > DEPTH_MAX) {
        bad(k, "is nested too deep");
        return NULL;
    }
    switch (s->type) {
    case API_STRUCT: return check_struct(k, s, v, depth, false);
    case API_LIST: return check_list(k, s, v, depth);
    case API_MAP: return check_map(k, s, v, depth);
    case API_STRING: good = check_string(k, s, v); break;
    case API_BLOB: good = json_is_string(v) || unreadable(k, "must be a string"); break;
    case API_INTEGER:
        good = json_is_integer(v) ? within(k, s, (double)json_integer_value(v), false)
                                  : unreadable(k, "must be a whole number");
        break;
    case API_NUMBER:
        good = json_is_number(v) ? within(k, s, json_number_value(v), false)
                                 : unreadable(k, "must be a number");
        break;
    case API_TIMESTAMP:
        good = json_is_number(v) || unreadable(k, "must be a time in epoch seconds");
        break;
    case API_BOOLEAN: good = json_is_boolean(v) || unreadable(k, "must be true or false"); break;
    }
    return good ? json_incref(v) : NULL;
}

/* ---- path, query and body together ---- */

/* A value of path or query in the type of its shape; NULL: not that. */
static json_t *from_text(const struct api_shape *s, const char *text)
{
    if (s->type == API_BOOLEAN)
        return strcmp(text, "true") == 0    ? json_true()
               : strcmp(text, "false") == 0 ? json_false()
                                            : NULL;
    if (s->type == API_INTEGER) {
        size_t n = strspn(text, "0123456789");
        return n && n < 18 && !text[n] ? json_integer(strtoll(text, NULL, 10)) : NULL;
    }
    return json_string(text); /* NULL when it is not UTF-8 */
}

static const struct api_member *query_member(const struct api_shape *in, const char *wire)
{
    for (uint32_t i = 0; i < in->n_members; i++)
        if (in->member[i].where == API_QUERY && strcmp(in->member[i].wire, wire) == 0)
            return &in->member[i];
    return NULL;
}

/* Adds the query's members to out; a list's come one a pair, under the same name. */
static bool bind_query(struct check *k, struct http_span query, json_t *out)
{
    const char *p = query.p, *end = query.p ? query.p + query.n : NULL;
    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p)), *stop = amp ? amp : end;
        const char *eq = memchr(p, '=', (size_t)(stop - p)), *name_end = eq ? eq : stop;
        char name[64], value[API_TEXT_MAX];
        const char *from = eq ? eq + 1 : stop;
        int n = decode(p, (size_t)(name_end - p), true, name, sizeof name);
        if (decode(from, (size_t)(stop - from), true, value, sizeof value) < 0)
            return bad(k, "has a malformed or too long query");
        p = stop + 1;
        const struct api_member *m = n < 0 ? NULL : query_member(k->op->input, name);
        if (!m)
            continue;
        bool many = m->shape->type == API_LIST;
        json_t *v = from_text(many ? m->shape->item : m->shape, value);
        if (!v) {
            place_name(k, m->name);
            return bad(k, "has a value of the wrong type");
        }
        if (!many) {
            json_object_set_new(out, m->name, v);
            continue;
        }
        json_t *list = json_object_get(out, m->name);
        if (!list) {
            list = json_array();
            json_object_set_new(out, m->name, list);
        }
        json_array_append_new(list, v);
    }
    return true;
}

static bool bind_labels(struct check *k, const struct api_labels *l, json_t *out)
{
    for (uint32_t i = 0; i < l->n; i++) {
        const struct api_member *m = NULL;
        for (uint32_t j = 0; j < k->op->input->n_members && !m; j++) {
            const struct api_member *one = &k->op->input->member[j];
            if (one->where == API_PATH && strlen(one->wire) == l->name_len[i] &&
                memcmp(one->wire, l->name[i], l->name_len[i]) == 0)
                m = one;
        }
        json_t *v = m ? from_text(m->shape, l->value[i]) : NULL;
        if (!v)
            return bad(k, "has a path that is not UTF-8");
        json_object_set_new(out, m->name, v);
    }
    return true;
}

/* Members of path and query obey their shapes, too. */
static bool check_outer(struct check *k, json_t *out)
{
    for (uint32_t i = 0; i < k->op->input->n_members; i++) {
        const struct api_member *m = &k->op->input->member[i];
        if (m->where == API_BODY)
            continue;
        json_t *v = json_object_get(out, m->name);
        place_name(k, m->name);
        if (!v && m->required)
            return bad(k, "is required");
        json_t *kept = v ? check_value(k, m->shape, v, 0) : NULL;
        json_decref(kept);
        if (v && !kept)
            return false;
        k->place[0] = 0;
    }
    return true;
}

json_t *api_bind(const struct api_operation *op, const struct api_labels *labels,
                 struct http_span query, struct http_span body, enum api_error *error, char *why,
                 size_t cap)
{
    struct check k = {.op = op, .error = error, .why = why, .cap = cap};
    json_error_t e;
    json_t *in = body.n ? json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, &e) : json_object();
    if (!in || !json_is_object(in)) {
        json_decref(in);
        unreadable(&k, "has a body that is not a JSON object");
        return NULL;
    }
    json_t *out = check_struct(&k, op->input, in, 0, true);
    json_decref(in);
    if (out && bind_labels(&k, labels, out) && bind_query(&k, query, out) && check_outer(&k, out))
        return out;
    json_decref(out);
    return NULL;
}
