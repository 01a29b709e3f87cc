#include "aws/arn.h"

static bool take(struct http_span *text, char end, struct http_span *part)
{
    const char *at = text->n ? memchr(text->p, end, text->n) : NULL;
    if (!at)
        return false;
    *part = (struct http_span){text->p, (size_t)(at - text->p)};
    text->p = at + 1;
    text->n -= part->n + 1;
    return true;
}

bool arn_parse(struct http_span text, struct arn *out)
{
    struct http_span prefix;
    *out = (struct arn){0};
    if (!take(&text, ':', &prefix) || !http_span_is(prefix, "arn") ||
        !take(&text, ':', &out->partition) || !take(&text, ':', &out->service) ||
        !take(&text, ':', &out->region) || !take(&text, ':', &out->account))
        return false;
    out->resource = text;
    return out->partition.n && out->service.n && out->resource.n;
}

bool arn_connect_parse(struct http_span text, struct arn_connect *out)
{
    struct arn a;
    *out = (struct arn_connect){0};
    if (!arn_parse(text, &a) || !http_span_is(a.service, "connect") || !a.region.n || !a.account.n)
        return false;
    out->region = a.region;
    out->account = a.account;
    struct http_span rest = a.resource;
    if (!take(&rest, '/', &out->kind) || !out->kind.n || !rest.n)
        return false;
    if (!http_span_is(out->kind, "instance")) {
        out->id = rest;
        return true;
    }
    if (!take(&rest, '/', &out->instance)) {
        out->instance = out->id = rest;
        return true;
    }
    if (!out->instance.n || !take(&rest, '/', &out->kind) || !out->kind.n)
        return false;
    out->id = rest;
    return rest.n != 0;
}

const char *arn_partition(const char *region)
{
    if (strncmp(region, "cn-", 3) == 0)
        return "aws-cn";
    return strncmp(region, "us-gov-", 7) == 0 ? "aws-us-gov" : "aws";
}

void arn_connect_write(struct buf *out, const char *region, const char *account,
                       const char *instance, const char *kind, const char *id)
{
    buf_fmt(out, "arn:%s:connect:%s:%s:", arn_partition(region), region, account);
    if (instance)
        buf_fmt(out, "instance/%s", instance);
    if (kind)
        buf_fmt(out, "%s%s/%s", instance ? "/" : "", kind, id);
}

struct http_span arn_id(struct http_span text)
{
    const char *at = text.n ? memrchr(text.p, '/', text.n) : NULL;
    if (!at)
        return text;
    size_t before = (size_t)(at + 1 - text.p);
    return (struct http_span){at + 1, text.n - before};
}
