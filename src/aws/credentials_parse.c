#include "aws/credentials_parse.h"

#include <jansson.h>
#include <openssl/crypto.h>

#include "base/when.h"

static void wipe(char *s)
{
    if (s)
        OPENSSL_cleanse(s, strlen(s));
    mem_free(s);
}

void aws_key_free(struct aws_key *k)
{
    wipe(k->key_id);
    wipe(k->secret);
    wipe(k->token);
    *k = (struct aws_key){0};
}

static char *copy(struct http_span s)
{
    char *to = mem_new(s.n + 1, 1);
    memcpy(to, s.p, s.n);
    return to;
}

/* Visible characters only: what is signed goes into fields of HTTP. */
static bool is_plain(struct http_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n <= AWS_SECRET_MAX;
}

bool aws_key_set(struct aws_key *k, struct http_span key_id, struct http_span secret,
                 struct http_span token, int64_t expires_ms)
{
    if (!key_id.n || !secret.n || !is_plain(key_id) || !is_plain(secret) || !is_plain(token))
        return false;
    aws_key_free(k);
    k->key_id = copy(key_id);
    k->secret = copy(secret);
    k->token = token.n ? copy(token) : NULL;
    k->expires_ms = expires_ms;
    return true;
}

/* ---- JSON ---- */

static struct http_span member(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_string(v) ? (struct http_span){json_string_value(v), json_string_length(v)}
                             : (struct http_span){NULL, 0};
}

static bool take_expiration(struct http_span text, int64_t *ms)
{
    *ms = 0;
    return text.n == 0 || when_parse(text.p, text.n, ms);
}

bool aws_key_from_json(struct http_span text, struct aws_key *k)
{
    int64_t expires_ms;
    json_t *o = text.n ? json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    struct http_span code = member(o, "Code"), token = member(o, "Token");
    if (!token.n)
        token = member(o, "SessionToken");
    bool ok =
        o && (!code.p || http_span_is(code, "Success")) &&
        take_expiration(member(o, "Expiration"), &expires_ms) &&
        aws_key_set(k, member(o, "AccessKeyId"), member(o, "SecretAccessKey"), token, expires_ms);
    json_decref(o);
    return ok;
}

/* ---- XML ---- */

/* The text of the first element of this name inside `xml`; no entities, since none of these four
 * values can need one (base64, letters, a time). */
static struct http_span element(struct http_span xml, const char *name)
{
    char open[32], close[32];
    size_t n = strlen(name);
    BUG_ON(n > 24);
    (void)snprintf(open, sizeof open, "<%s>", name);
    (void)snprintf(close, sizeof close, "</%s>", name);
    const char *from = xml.n ? memmem(xml.p, xml.n, open, n + 2) : NULL;
    if (!from)
        return (struct http_span){NULL, 0};
    from += n + 2;
    const char *to = memmem(from, (size_t)(xml.p + xml.n - from), close, n + 3);
    return to ? (struct http_span){from, (size_t)(to - from)} : (struct http_span){NULL, 0};
}

bool aws_key_from_sts(struct http_span xml, struct aws_key *k)
{
    struct http_span in = element(xml, "Credentials");
    struct http_span expiration = element(in, "Expiration");
    int64_t expires_ms;
    return expiration.n && take_expiration(expiration, &expires_ms) &&
           aws_key_set(k, element(in, "AccessKeyId"), element(in, "SecretAccessKey"),
                       element(in, "SessionToken"), expires_ms);
}

/* ---- shared files ---- */

static struct http_span trim(struct http_span s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t'))
        s = (struct http_span){s.p + 1, s.n - 1};
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

/* "[profile x]" or "[x]": is it the section of this profile? */
static bool is_section(struct http_span line, bool is_config, const char *profile)
{
    const char *close = memchr(line.p, ']', line.n);
    if (!close)
        return false;
    struct http_span name = trim((struct http_span){line.p + 1, (size_t)(close - line.p) - 1});
    if (is_config && strcmp(profile, "default") != 0) {
        if (name.n < 8 || memcmp(name.p, "profile", 7) != 0 ||
            (name.p[7] != ' ' && name.p[7] != '\t'))
            return false;
        name = trim((struct http_span){name.p + 7, name.n - 7});
    } else if (is_config && name.n > 8 && memcmp(name.p, "profile ", 8) == 0) {
        name = trim((struct http_span){name.p + 8, name.n - 8});
    }
    return http_span_is(name, profile);
}

bool aws_profile_get(struct http_span text, bool is_config, const char *profile, const char *key,
                     struct buf *out)
{
    bool inside = false, found = false;
    while (text.n) {
        const char *nl = memchr(text.p, '\n', text.n);
        struct http_span line = {text.p, nl ? (size_t)(nl - text.p) : text.n};
        text.p += line.n + (nl != NULL);
        text.n -= line.n + (nl != NULL);
        if (!line.n || *line.p == '#' || *line.p == ';' || *line.p == ' ' || *line.p == '\t')
            continue; /* a comment, or a setting nested below another one */
        if (*line.p == '[') {
            inside = is_section(line, is_config, profile);
            continue;
        }
        const char *equals = inside ? memchr(line.p, '=', line.n) : NULL;
        if (!equals)
            continue;
        size_t n = (size_t)(equals - line.p);
        if (!http_span_is_nocase(trim((struct http_span){line.p, n}), key))
            continue;
        struct http_span value = trim((struct http_span){equals + 1, line.n - n - 1});
        buf_reset(out);
        buf_add(out, value.p, value.n);
        found = true;
    }
    return found;
}
