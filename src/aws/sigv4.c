/* sigv4.c - Signature Version 4 on OpenSSL's SHA-256 and HMAC. */
#include "aws/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/when.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

static void hex(const uint8_t *p, char out[SIGV4_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 32; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[64] = '\0';
}

void sigv4_hash(const void *p, size_t n, char out[SIGV4_HEX])
{
    uint8_t sum[32];
    BUG_ON(EVP_Digest(n ? p : "", n, sum, NULL, EVP_sha256(), NULL) != 1);
    hex(sum, out);
}

/* ---- paths and queries ---- */

static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static void encode_byte(struct buf *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    if (is_unreserved(c)) {
        buf_char(out, (char)c);
        return;
    }
    buf_char(out, '%');
    buf_char(out, digits[c >> 4]);
    buf_char(out, digits[c & 15]);
}

void sigv4_encode(struct buf *out, struct http_span text, bool keep_slash)
{
    for (size_t i = 0; i < text.n; i++) {
        if (keep_slash && text.p[i] == '/')
            buf_char(out, '/');
        else
            encode_byte(out, (unsigned char)text.p[i]);
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes and encodes again, so that "%2f" and "%2F", "~" and "%7E" become the same. A "%" that
 * begins no escape stands for itself. */
static void encode_again(struct buf *out, struct http_span s)
{
    for (size_t i = 0; i < s.n; i++) {
        int hi = s.p[i] == '%' && s.n - i > 2 ? hex_value(s.p[i + 1]) : -1;
        int lo = hi >= 0 ? hex_value(s.p[i + 2]) : -1;
        encode_byte(out, lo >= 0 ? (unsigned char)(hi * 16 + lo) : (unsigned char)s.p[i]);
        i += lo >= 0 ? 2 : 0;
    }
}

/* "//", "/./" and "/../" out of the path (RFC 3986, 5.2.4, and slashes in a row are one). As AWS's
 * SDKs do it: a last "." or ".." leaves no slash behind. */
static void resolve_path(struct buf *out, struct http_span path)
{
    size_t i = 0;
    buf_char(out, '/');
    while (i < path.n) {
        size_t start = i;
        while (i < path.n && path.p[i] != '/')
            i++;
        struct http_span s = {path.p + start, i - start};
        bool slash = i < path.n;
        i += slash;
        if (s.n == 0 || http_span_is(s, "."))
            continue;
        if (http_span_is(s, "..")) {
            while (out->len > 1 && out->data[--out->len - 1] != '/')
                ;
            continue;
        }
        buf_add(out, s.p, s.n);
        if (slash)
            buf_char(out, '/');
    }
    if (out->len > 1 && out->data[out->len - 1] == '/' && path.p[path.n - 1] != '/')
        out->data[--out->len] = '\0';
}

static void canonical_path(const struct sigv4_request *rq, struct buf *out)
{
    struct buf resolved = {0};
    struct http_span path = rq->path;
    if (!rq->path_unresolved) {
        resolve_path(&resolved, path);
        path = (struct http_span){resolved.data, resolved.len};
    }
    if (path.n == 0)
        path = HTTP_SPAN("/");
    if (rq->path_as_sent)
        buf_add(out, path.p, path.n);
    else
        sigv4_encode(out, path, true);
    buf_free(&resolved);
}

struct param { /* offsets into a buffer that may still move */
    size_t name, name_n, value, value_n;
};

struct params {
    struct buf text;
    uint32_t n;
    struct param at[SIGV4_PARAMS_MAX];
};

static int compare_bytes(const char *a, size_t an, const char *b, size_t bn)
{
    int order = memcmp(a, b, MIN(an, bn));
    return order ? order : (an > bn) - (an < bn);
}

static int compare_params(const void *x, const void *y, void *text)
{
    const struct param *a = x, *b = y;
    const char *t = text;
    int order = compare_bytes(t + a->name, a->name_n, t + b->name, b->name_n);
    return order ? order : compare_bytes(t + a->value, a->value_n, t + b->value, b->value_n);
}

static bool take_param(struct params *all, struct http_span pair)
{
    const char *equals = memchr(pair.p, '=', pair.n);
    size_t name_n = equals ? (size_t)(equals - pair.p) : pair.n;
    if (all->n == SIGV4_PARAMS_MAX)
        return false;
    struct param *a = &all->at[all->n++];
    a->name = all->text.len;
    encode_again(&all->text, (struct http_span){pair.p, name_n});
    a->name_n = all->text.len - a->name;
    a->value = all->text.len;
    if (equals)
        encode_again(&all->text, (struct http_span){equals + 1, pair.n - name_n - 1});
    a->value_n = all->text.len - a->value;
    return true;
}

static bool canonical_query(struct http_span query, struct buf *out)
{
    struct params all = {0};
    bool ok = true;
    for (size_t i = 0, start = 0; query.p && i <= query.n && ok; i++) {
        if (i < query.n && query.p[i] != '&')
            continue;
        if (i > start)
            ok = take_param(&all, (struct http_span){query.p + start, i - start});
        start = i + 1;
    }
    if (all.n)
        qsort_r(all.at, all.n, sizeof all.at[0], compare_params, all.text.data);
    for (uint32_t i = 0; i < all.n; i++) {
        if (i)
            buf_char(out, '&');
        buf_add(out, all.text.data + all.at[i].name, all.at[i].name_n);
        buf_char(out, '=');
        buf_add(out, all.text.data + all.at[i].value, all.at[i].value_n);
    }
    buf_free(&all.text);
    return ok;
}

/* ---- fields ---- */

struct field_order {
    uint32_t n;
    uint32_t at[SIGV4_FIELDS_MAX];
};

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int compare_names(struct http_span a, struct http_span b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return lower(a.p[i]) < lower(b.p[i]) ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

/* By name, and fields of one name in the order they came: an insertion sort, since they are few. */
static bool sort_fields(const struct sigv4_request *rq, struct field_order *o)
{
    if (rq->n_fields > SIGV4_FIELDS_MAX)
        return false;
    for (o->n = 0; o->n < rq->n_fields; o->n++) {
        uint32_t i = o->n;
        struct http_span name = rq->fields[i].name;
        while (i && compare_names(rq->fields[o->at[i - 1]].name, name) > 0) {
            o->at[i] = o->at[i - 1];
            i--;
        }
        o->at[i] = o->n;
    }
    return true;
}

static bool same_name(const struct sigv4_request *rq, const struct field_order *o, uint32_t i)
{
    return i && compare_names(rq->fields[o->at[i - 1]].name, rq->fields[o->at[i]].name) == 0;
}

static void add_lower(struct buf *out, struct http_span name)
{
    for (size_t i = 0; i < name.n; i++)
        buf_char(out, (char)lower(name.p[i]));
}

/* Without white space around, and one blank for each run of it inside. */
static void add_value(struct buf *out, struct http_span v)
{
    bool space = false, any = false;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == ' ' || v.p[i] == '\t' || v.p[i] == '\r' || v.p[i] == '\n') {
            space = any;
            continue;
        }
        if (space)
            buf_char(out, ' ');
        buf_char(out, v.p[i]);
        space = false;
        any = true;
    }
}

static void add_names(const struct sigv4_request *rq, const struct field_order *o, struct buf *out)
{
    for (uint32_t i = 0; i < o->n; i++) {
        if (same_name(rq, o, i))
            continue;
        if (i)
            buf_char(out, ';');
        add_lower(out, rq->fields[o->at[i]].name);
    }
}

void sigv4_names(const struct sigv4_request *rq, struct buf *out)
{
    struct field_order o;
    if (sort_fields(rq, &o))
        add_names(rq, &o, out);
}

/* ---- from the request to the signature ---- */

bool sigv4_canonical(const struct sigv4_request *rq, struct buf *out)
{
    struct field_order o;
    if (!sort_fields(rq, &o))
        return false;
    buf_add(out, rq->method.p, rq->method.n);
    buf_char(out, '\n');
    canonical_path(rq, out);
    buf_char(out, '\n');
    if (!canonical_query(rq->query, out))
        return false;
    for (uint32_t i = 0; i < o.n; i++) {
        const struct sigv4_field *f = &rq->fields[o.at[i]];
        if (same_name(rq, &o, i)) {
            buf_char(out, ',');
        } else {
            buf_char(out, '\n');
            add_lower(out, f->name);
            buf_char(out, ':');
        }
        add_value(out, f->value);
    }
    buf_str(out, "\n\n");
    add_names(rq, &o, out);
    buf_char(out, '\n');
    buf_str(out, rq->body_hash);
    return true;
}

#define SPAN_ARG(s) (int)(s).n, (s).n ? (s).p : ""

void sigv4_to_sign(const char *time, const struct sigv4_scope *scope, const struct buf *canonical,
                   struct buf *out)
{
    char hash[SIGV4_HEX];
    sigv4_hash(canonical->data, canonical->len, hash);
    buf_fmt(out, ALGORITHM "\n%s\n%.*s/%.*s/%.*s/aws4_request\n%s", time, SPAN_ARG(scope->date),
            SPAN_ARG(scope->region), SPAN_ARG(scope->service), hash);
}

static void hmac(const uint8_t *key, size_t key_n, struct http_span text, uint8_t out[32])
{
    BUG_ON(!HMAC(EVP_sha256(), key, (int)key_n, (const uint8_t *)(text.n ? text.p : ""), text.n,
                 out, NULL));
}

void sigv4_signature(const char *secret, const struct sigv4_scope *scope, const struct buf *to_sign,
                     char out[SIGV4_HEX])
{
    struct buf first = {0};
    uint8_t k[2][32];
    buf_fmt(&first, "AWS4%s", secret);
    hmac((const uint8_t *)first.data, first.len, scope->date, k[0]);
    hmac(k[0], 32, scope->region, k[1]);
    hmac(k[1], 32, scope->service, k[0]);
    hmac(k[0], 32, HTTP_SPAN("aws4_request"), k[1]);
    hmac(k[1], 32, (struct http_span){to_sign->data, to_sign->len}, k[0]);
    hex(k[0], out);
    OPENSSL_cleanse(k, sizeof k);
    OPENSSL_cleanse(first.data, first.len);
    buf_free(&first);
}

/* ---- the client's side ---- */

static bool sign_with_fields(const struct sigv4_identity *who, const struct sigv4_scope *scope,
                             const struct sigv4_request *rq, struct sigv4_signed *out)
{
    struct buf canonical = {0}, to_sign = {0};
    char signature[SIGV4_HEX];
    bool ok = sigv4_canonical(rq, &canonical);
    if (ok) {
        sigv4_to_sign(out->time, scope, &canonical, &to_sign);
        sigv4_signature(who->secret, scope, &to_sign, signature);
        buf_fmt(&out->authorization,
                ALGORITHM " Credential=%s/%.*s/%.*s/%.*s/aws4_request, SignedHeaders=", who->key_id,
                SPAN_ARG(scope->date), SPAN_ARG(scope->region), SPAN_ARG(scope->service));
        sigv4_names(rq, &out->authorization);
        buf_fmt(&out->authorization, ", Signature=%s", signature);
    }
    buf_free(&canonical);
    buf_free(&to_sign);
    return ok;
}

bool sigv4_sign(const struct sigv4_identity *who, const char *region, const char *service,
                int64_t at_s, const struct sigv4_request *rq, struct sigv4_signed *out)
{
    struct sigv4_field fields[SIGV4_FIELDS_MAX];
    struct sigv4_request with = *rq;
    *out = (struct sigv4_signed){.token = who->token};
    if (rq->n_fields > SIGV4_FIELDS_MAX - 2)
        return false;
    if (rq->n_fields)
        memcpy(fields, rq->fields, rq->n_fields * sizeof fields[0]);
    sigv4_time_write(at_s, out->time);
    fields[with.n_fields++] = (struct sigv4_field){HTTP_SPAN("x-amz-date"), HTTP_SPAN(out->time)};
    if (who->token)
        fields[with.n_fields++] =
            (struct sigv4_field){HTTP_SPAN("x-amz-security-token"), HTTP_SPAN(who->token)};
    with.fields = fields;
    struct sigv4_scope scope = {{out->time, 8}, HTTP_SPAN(region), HTTP_SPAN(service)};
    return sign_with_fields(who, &scope, &with, out);
}

void sigv4_signed_free(struct sigv4_signed *s)
{
    buf_free(&s->authorization);
}

/* ---- the server's side ---- */

/* What is before `end` goes into *part, and that with its end off the front. */
static bool take_until(struct http_span *text, char end, struct http_span *part)
{
    const char *at = text->n ? memchr(text->p, end, text->n) : NULL;
    if (!at || at == text->p)
        return false;
    *part = (struct http_span){text->p, (size_t)(at - text->p)};
    text->n -= part->n + 1;
    text->p = at + 1;
    return true;
}

static bool take_word(struct http_span *text, const char *word)
{
    size_t n = strlen(word);
    while (text->n && *text->p == ' ') {
        text->p++;
        text->n--;
    }
    if (text->n < n || memcmp(text->p, word, n) != 0)
        return false;
    text->p += n;
    text->n -= n;
    return true;
}

bool sigv4_parse(struct http_span text, struct sigv4_authorization *out)
{
    struct http_span end;
    *out = (struct sigv4_authorization){0};
    if (!text.p || !take_word(&text, ALGORITHM " ") || !take_word(&text, "Credential=") ||
        !take_until(&text, '/', &out->key_id) || !take_until(&text, '/', &out->scope.date) ||
        !take_until(&text, '/', &out->scope.region) ||
        !take_until(&text, '/', &out->scope.service) || !take_until(&text, ',', &end) ||
        !http_span_is(end, "aws4_request") || !take_word(&text, "SignedHeaders=") ||
        !take_until(&text, ',', &out->names) || !take_word(&text, "Signature="))
        return false;
    out->signature = text;
    bool ok = text.n == 64 && out->scope.date.n == 8;
    for (size_t i = 0; ok && i < text.n; i++)
        ok = hex_value(text.p[i]) >= 0 && lower(text.p[i]) == (unsigned char)text.p[i];
    return ok;
}

bool sigv4_next_name(struct http_span *names, struct http_span *name)
{
    if (names->n == 0)
        return false;
    const char *at = memchr(names->p, ';', names->n);
    size_t n = at ? (size_t)(at - names->p) : names->n;
    *name = (struct http_span){names->p, n};
    names->p += n + (at != NULL);
    names->n -= n + (at != NULL);
    return true;
}

bool sigv4_verify(const struct sigv4_authorization *a, const char *secret, const char *time,
                  const struct sigv4_request *rq)
{
    struct buf canonical = {0}, to_sign = {0}, names = {0};
    char want[SIGV4_HEX];
    bool ok = a->signature.n == 64 && sigv4_canonical(rq, &canonical);
    if (ok) { /* the list of names is signed as it came: other orders are not ours to repair */
        sigv4_names(rq, &names);
        sigv4_to_sign(time, &a->scope, &canonical, &to_sign);
        sigv4_signature(secret, &a->scope, &to_sign, want);
        ok = names.len == a->names.n && memcmp(names.data, a->names.p, names.len) == 0;
        ok &= CRYPTO_memcmp(want, a->signature.p, 64) == 0;
    }
    buf_free(&canonical);
    buf_free(&to_sign);
    buf_free(&names);
    return ok;
}

/* ---- times ---- */

void sigv4_time_write(int64_t at_s, char out[SIGV4_TIME])
{
    char text[WHEN_TEXT]; /* 2015-08-30T12:36:00.000Z */
    when_print(at_s * 1000, text);
    (void)snprintf(out, SIGV4_TIME, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", text, text + 5, text + 8,
                   text + 11, text + 14, text + 17);
}

bool sigv4_time_read(struct http_span t, int64_t *at_s)
{
    char text[21];
    int64_t ms;
    if (t.n != 16 || t.p[8] != 'T' || t.p[15] != 'Z')
        return false;
    (void)snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", t.p, t.p + 4, t.p + 6,
                   t.p + 9, t.p + 11, t.p + 13);
    if (strlen(text) != 20 || !when_parse(text, 20, &ms))
        return false;
    *at_s = ms / 1000;
    return true;
}
