/* sigv4: AWS's published vectors, one of Connect's double-encoded paths, and what a verifier must
 * refuse. ARNs beside it. */
#include "aws/arn.h"
#include "aws/sigv4.h"
#include "tap.h"

#define SECRET      "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SHORT_TOKEN "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
#define LONG_TOKEN                                                                                 \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSP" \
    "fIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT" \
    "7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlz" \
    "m8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

/* The cases of the AWS signing test suite (v4, header signing), 2015-08-30T12:36:00Z, us-east-1,
 * "service". Fields are the request's own lines; a line that begins with a blank goes on the one
 * before. */
static const struct vector {
    const char *name, *method, *path, *query, *fields, *body, *token;
    bool normalise;
    const char *signature;
} vectors[] = {
    {"get-header-key-duplicate", "GET", "/", NULL,
     "Host:example.amazonaws.com\nMy-Header1:value2\nMy-Header1:value2\nMy-Header1:value1", "",
     NULL, true, "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"get-header-value-multiline", "GET", "/", NULL,
     "Host:example.amazonaws.com\nMy-Header1:value1\n  value2\n     value3", "", NULL, true,
     "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"},
    {"get-header-value-order", "GET", "/", NULL,
     "Host:example.amazonaws.com\nMy-Header1:value4\nMy-Header1:value1\nMy-Header1:value3\nMy-"
     "Header1:value2",
     "", NULL, true, "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {"get-header-value-trim", "GET", "/", NULL,
     "Host:example.amazonaws.com\nMy-Header1: value1\nMy-Header2: \"a   b   c\"", "", NULL, true,
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"get-relative-normalized", "GET", "/example/..", NULL, "Host:example.amazonaws.com", "", NULL,
     true, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-relative-relative-normalized", "GET", "/example1/example2/../..", NULL,
     "Host:example.amazonaws.com", "", NULL, true,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-relative-relative-unnormalized", "GET", "/example1/example2/../..", NULL,
     "Host:example.amazonaws.com", "", NULL, false,
     "dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613003b"},
    {"get-relative-unnormalized", "GET", "/example/..", NULL, "Host:example.amazonaws.com", "",
     NULL, false, "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282"},
    {"get-slash-dot-slash-normalized", "GET", "/./", NULL, "Host:example.amazonaws.com", "", NULL,
     true, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slash-dot-slash-unnormalized", "GET", "/./", NULL, "Host:example.amazonaws.com", "", NULL,
     false, "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145"},
    {"get-slash-normalized", "GET", "//", NULL, "Host:example.amazonaws.com", "", NULL, true,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slash-pointless-dot-normalized", "GET", "/./example", NULL, "Host:example.amazonaws.com",
     "", NULL, true, "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
    {"get-slash-pointless-dot-unnormalized", "GET", "/./example", NULL,
     "Host:example.amazonaws.com", "", NULL, false,
     "beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff"},
    {"get-slash-unnormalized", "GET", "//", NULL, "Host:example.amazonaws.com", "", NULL, false,
     "c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5b76e"},
    {"get-slashes-normalized", "GET", "//example//", NULL, "Host:example.amazonaws.com", "", NULL,
     true, "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {"get-slashes-unnormalized", "GET", "//example//", NULL, "Host:example.amazonaws.com", "", NULL,
     false, "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"},
    {"get-space-normalized", "GET", "/example space/", NULL, "Host:example.amazonaws.com", "", NULL,
     true, "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-space-unnormalized", "GET", "/example space/", NULL, "Host:example.amazonaws.com", "",
     NULL, false, "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     NULL, "Host:example.amazonaws.com", "", NULL, true,
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-utf8", "GET", "/\341\210\264", NULL, "Host:example.amazonaws.com", "", NULL, true,
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-vanilla", "GET", "/", NULL, "Host:example.amazonaws.com", "", NULL, true,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-empty-query-key", "GET", "/", "Param1=value1", "Host:example.amazonaws.com", "",
     NULL, true, "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-query", "GET", "/", NULL, "Host:example.amazonaws.com", "", NULL, true,
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-query-order-encoded", "GET", "/", "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
     "Host:example.amazonaws.com", "", NULL, true,
     "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {"get-vanilla-query-order-key-case", "GET", "/", "Param2=value2&Param1=value1",
     "Host:example.amazonaws.com", "", NULL, true,
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-unreserved", "GET", "/",
     "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~"
     "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     "Host:example.amazonaws.com", "", NULL, true,
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-vanilla-utf8-query", "GET", "/", "\341\210\264=bar", "Host:example.amazonaws.com", "",
     NULL, true, "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-vanilla-with-session-token", "GET", "/", NULL, "Host:example.amazonaws.com", "",
     SHORT_TOKEN, true, "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {"post-header-key-case", "POST", "/", NULL, "Host:example.amazonaws.com", "", NULL, true,
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-header-key-sort", "POST", "/", NULL, "Host:example.amazonaws.com\nMy-Header1:value1", "",
     NULL, true, "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"post-header-value-case", "POST", "/", NULL, "Host:example.amazonaws.com\nMy-Header1:VALUE1",
     "", NULL, true, "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {"post-sts-header-after", "POST", "/", NULL, "Host:example.amazonaws.com", "", NULL, true,
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-sts-header-before", "POST", "/", NULL, "Host:example.amazonaws.com", "", LONG_TOKEN,
     true, "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {"post-vanilla", "POST", "/", NULL, "Host:example.amazonaws.com", "", NULL, true,
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-vanilla-empty-query-value", "POST", "/", "Param1=value1", "Host:example.amazonaws.com",
     "", NULL, true, "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {"post-vanilla-query", "POST", "/", "Param1=value1", "Host:example.amazonaws.com", "", NULL,
     true, "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {"post-x-www-form-urlencoded", "POST", "/", NULL,
     "Content-Type:application/"
     "x-www-form-urlencoded\nHost:example.amazonaws.com\nContent-Length:13\nX-Amz-Content-Sha256:"
     "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
     "Param1=value1", NULL, true,
     "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
    {"post-x-www-form-urlencoded-parameters", "POST", "/", NULL,
     "Content-Type:application/x-www-form-urlencoded; "
     "charset=utf-8\nHost:example.amazonaws.com\nContent-Length:13\nX-Amz-Content-Sha256:"
     "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
     "Param1=value1", NULL, true,
     "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422"},
};

/* Cuts the lines of `text` into fields; NULs nothing, spans into it. */
static uint32_t cut_fields(const char *text, struct sigv4_field *out)
{
    uint32_t n = 0;
    while (*text) {
        const char *end = strchr(text, '\n');
        while (end && end[1] == ' ')
            end = strchr(end + 1, '\n');
        size_t len = end ? (size_t)(end - text) : strlen(text);
        const char *colon = memchr(text, ':', len);
        size_t name = (size_t)(colon - text);
        out[n++] = (struct sigv4_field){{text, name}, {colon + 1, len - name - 1}};
        text += len + (end != NULL);
    }
    return n;
}

TEST(vectors_of_aws)
{
    CHECK_EQ(COUNTOF(vectors), 38);
    for (size_t i = 0; i < COUNTOF(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct sigv4_field fields[8];
        char hash[SIGV4_HEX];
        struct sigv4_signed out;
        sigv4_hash(v->body, strlen(v->body), hash);
        struct sigv4_request rq = {
            .method = HTTP_SPAN(v->method),
            .path = HTTP_SPAN(v->path),
            .query = v->query ? HTTP_SPAN(v->query) : (struct http_span){NULL, 0},
            .fields = fields,
            .n_fields = cut_fields(v->fields, fields),
            .body_hash = hash,
            .path_unresolved = !v->normalise,
        };
        struct sigv4_identity who = {"AKIDEXAMPLE", SECRET, v->token};
        CHECK(sigv4_sign(&who, "us-east-1", "service", 1440938160, &rq, &out));
        const char *signature = strstr(out.authorization.data, "Signature=");
        if (!signature || strcmp(signature + 10, v->signature) != 0)
            TAP_FAIL("%s: %s", v->name, out.authorization.data);
        CHECK_STR(out.time, "20150830T123600Z");
        sigv4_signed_free(&out);
    }
}

TEST(the_whole_field)
{
    struct sigv4_field host = {HTTP_SPAN("Host"), HTTP_SPAN("example.amazonaws.com")};
    struct sigv4_signed out;
    char hash[SIGV4_HEX];
    sigv4_hash(NULL, 0, hash);
    struct sigv4_request rq = {.method = HTTP_SPAN("GET"),
                               .path = HTTP_SPAN("/"),
                               .fields = &host,
                               .n_fields = 1,
                               .body_hash = hash};
    struct sigv4_identity who = {"AKIDEXAMPLE", SECRET, NULL};
    CHECK(sigv4_sign(&who, "us-east-1", "service", 1440938160, &rq, &out));
    CHECK_STR(out.authorization.data,
              "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
              "SignedHeaders=host;x-amz-date, Signature="
              "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    sigv4_signed_free(&out);
}

/* An ARN in a path of Connect's API, encoded once on the wire and twice in what is signed. The
 * figures are botocore's. */
TEST(an_arn_in_a_path)
{
    static const char body[] =
        "{\"TelephonyConfig\":{\"Distributions\":[{\"Region\":\"us-east-1\",\"Percentage\":50},"
        "{\"Region\":\"us-west-2\",\"Percentage\":50}]}}";
    struct buf path = {0}, canonical = {0};
    buf_str(&path, "/traffic-distribution/");
    sigv4_encode(&path,
                 HTTP_SPAN("arn:aws:connect:us-east-1:123456789012:traffic-distribution-group/"
                           "11111111-2222-3333-4444-555555555555"),
                 false);
    CHECK(strstr(path.data, "arn%3Aaws%3Aconnect%3A") && strstr(path.data, "group%2F1111"));
    char hash[SIGV4_HEX], sum[SIGV4_HEX];
    sigv4_hash(body, strlen(body), hash);
    CHECK_STR(hash, "997b8dd1b5c1cef9aab43a7d07ec7b6968ec7c20c0f172a0757ef49bafd2ee21");
    struct sigv4_field fields[] = {
        {HTTP_SPAN("Content-Type"), HTTP_SPAN("application/json")},
        {HTTP_SPAN("Host"), HTTP_SPAN("connect.us-west-2.amazonaws.com")},
        {HTTP_SPAN("X-Amz-Date"), HTTP_SPAN("20260101T000000Z")},
    };
    struct sigv4_request rq = {.method = HTTP_SPAN("PUT"),
                               .path = {path.data, path.len},
                               .fields = fields,
                               .n_fields = 3,
                               .body_hash = hash};
    CHECK(sigv4_canonical(&rq, &canonical));
    CHECK(strstr(canonical.data, "/traffic-distribution/arn%253Aaws%253Aconnect"));
    sigv4_hash(canonical.data, canonical.len, sum);
    CHECK_STR(sum, "1abf30b1847559545901ce25be28bbf90f07d854c8119c28a2dee01affa97d6e");
    rq.n_fields = 2;
    struct sigv4_signed out;
    struct sigv4_identity who = {"AKIDEXAMPLE", SECRET, NULL};
    CHECK(sigv4_sign(&who, "us-west-2", "connect", 1767225600, &rq, &out));
    CHECK(strstr(out.authorization.data,
                 "f2902807ed5c050eb78d4227d200f4636d6266558459a95792be410660aacae5"));
    sigv4_signed_free(&out);
    buf_free(&path);
    buf_free(&canonical);
}

TEST(one_query_one_text)
{
    static const char *const same[] = {"b=2&a=%2f~&a", "a&a=%2F%7E&b=2", "&b=2&&a=%2f%7e&a=&"};
    static const char host_and_rest[] = "GET\n/\na=&a=%2F~&b=2\nhost:h\n\nhost\n";
    struct sigv4_field host = {HTTP_SPAN("HOST"), HTTP_SPAN(" h\t")};
    for (size_t i = 0; i < COUNTOF(same); i++) {
        struct buf b = {0};
        struct sigv4_request rq = {.method = HTTP_SPAN("GET"),
                                   .path = HTTP_SPAN("/"),
                                   .query = HTTP_SPAN(same[i]),
                                   .fields = &host,
                                   .n_fields = 1,
                                   .body_hash = ""};
        CHECK(sigv4_canonical(&rq, &b));
        CHECK_STR(b.data, host_and_rest);
        buf_free(&b);
    }
}

TEST(too_much_is_refused)
{
    struct buf query = {0}, b = {0};
    struct sigv4_field fields[SIGV4_FIELDS_MAX + 1];
    for (uint32_t i = 0; i < COUNTOF(fields); i++)
        fields[i] = (struct sigv4_field){HTTP_SPAN("x"), HTTP_SPAN("1")};
    struct sigv4_request rq = {.method = HTTP_SPAN("GET"),
                               .path = HTTP_SPAN("/"),
                               .fields = fields,
                               .n_fields = SIGV4_FIELDS_MAX + 1,
                               .body_hash = ""};
    CHECK(!sigv4_canonical(&rq, &b));
    rq.n_fields = SIGV4_FIELDS_MAX;
    CHECK(sigv4_canonical(&rq, &b));
    for (int i = 0; i < SIGV4_PARAMS_MAX + 1; i++)
        buf_fmt(&query, "&a%d=1", i);
    rq.query = (struct http_span){query.data, query.len};
    CHECK(!sigv4_canonical(&rq, &b));
    buf_free(&query);
    buf_free(&b);
}

#define CREDENTIAL "AWS4-HMAC-SHA256 Credential=K/20150830/us-east-1/connect/aws4_request, "
#define SIG64      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"

TEST(fields_of_authorization)
{
    static const char *const good[] = {
        CREDENTIAL "SignedHeaders=host;x-amz-date, Signature=" SIG64,
        "AWS4-HMAC-SHA256 Credential=K/20150830/us-east-1/connect/aws4_request,"
        "SignedHeaders=host;x-amz-date,Signature=" SIG64,
    };
    static const char *const bad[] = {
        "",
        "Basic abc",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=",
        CREDENTIAL "SignedHeaders=host;x-amz-date",
        CREDENTIAL "SignedHeaders=host, Signature=abc",
        CREDENTIAL "SignedHeaders=host, Signature=" SIG64 "0",
        CREDENTIAL "SignedHeaders=, Signature=" SIG64,
        CREDENTIAL "Signature=" SIG64 ", SignedHeaders=host",
        CREDENTIAL "SignedHeaders=host, Signature="
                   "5FA00FA31553B73EBF1942676E86291E8372FF2A2260956D9B8AAE1D763FBF31",
        "AWS4-HMAC-SHA256 Credential=K/2015/us-east-1/connect/aws4_request, SignedHeaders=host, "
        "Signature=" SIG64,
        "AWS4-HMAC-SHA256 Credential=K/20150830/us-east-1/connect/aws4, SignedHeaders=host, "
        "Signature=" SIG64,
    };
    for (size_t i = 0; i < COUNTOF(good); i++) {
        struct sigv4_authorization a;
        struct http_span name;
        CHECK(sigv4_parse(HTTP_SPAN(good[i]), &a));
        CHECK(http_span_is(a.key_id, "K") && http_span_is(a.scope.region, "us-east-1"));
        CHECK(http_span_is(a.scope.service, "connect") && http_span_is(a.scope.date, "20150830"));
        CHECK(sigv4_next_name(&a.names, &name) && http_span_is(name, "host"));
        CHECK(sigv4_next_name(&a.names, &name) && http_span_is(name, "x-amz-date"));
        CHECK(!sigv4_next_name(&a.names, &name));
    }
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct sigv4_authorization a;
        if (sigv4_parse(HTTP_SPAN(bad[i]), &a))
            TAP_FAIL("taken: %s", bad[i]);
    }
}

/* What is signed verifies, in any order of the fields; with anything else changed it does not. */
PROP(signed_then_verified, 300)
{
    static const char *const paths[] = {"/", "/users/a%20b", "/x/arn%3Aaws%3A1", "/a/../b"};
    static const char *const queries[] = {"", "a=1", "z=%2F&a=", "maxResults=10&nextToken=a%3D%3D"};
    const char *path = paths[rng_below(rng, COUNTOF(paths))];
    const char *query = queries[rng_below(rng, COUNTOF(queries))];
    char body[32], hash[SIGV4_HEX], region[] = "us-east-1";
    (void)snprintf(body, sizeof body, "%" PRIx64, rng_u64(rng));
    sigv4_hash(body, strlen(body), hash);
    struct sigv4_field fields[5] = {
        {HTTP_SPAN("host"), HTTP_SPAN("connect.us-east-1.amazonaws.com")},
        {HTTP_SPAN("Content-Type"), HTTP_SPAN("application/json")},
        {HTTP_SPAN("X-Other"), HTTP_SPAN(body)},
    };
    struct sigv4_request rq = {.method = HTTP_SPAN("POST"),
                               .path = HTTP_SPAN(path),
                               .query = HTTP_SPAN(query),
                               .fields = fields,
                               .n_fields = 3,
                               .body_hash = hash};
    struct sigv4_identity who = {"K", SECRET, rng_chance(rng, 0.5) ? "token" : NULL};
    struct sigv4_signed out;
    struct sigv4_authorization a;
    int64_t at_s = (int64_t)rng_below(rng, 4000000000u), back;
    CHECK(sigv4_sign(&who, region, "connect", at_s, &rq, &out));
    CHECK(sigv4_time_read(HTTP_SPAN(out.time), &back) && back == at_s);
    CHECK(sigv4_parse((struct http_span){out.authorization.data, out.authorization.len}, &a));
    fields[rq.n_fields++] = (struct sigv4_field){HTTP_SPAN("X-AMZ-Date"), HTTP_SPAN(out.time)};
    if (who.token)
        fields[rq.n_fields++] =
            (struct sigv4_field){HTTP_SPAN("X-Amz-Security-Token"), HTTP_SPAN(who.token)};
    for (uint32_t i = rq.n_fields - 1; i; i--) {
        uint32_t j = (uint32_t)rng_below(rng, i + 1);
        struct sigv4_field f = fields[i];
        fields[i] = fields[j];
        fields[j] = f;
    }
    CHECK(sigv4_verify(&a, SECRET, out.time, &rq));
    CHECK(!sigv4_verify(&a, SECRET "x", out.time, &rq));
    CHECK(!sigv4_verify(&a, SECRET, "20150830T123601Z", &rq));
    struct sigv4_request other = rq;
    other.method = HTTP_SPAN("PUT");
    CHECK(!sigv4_verify(&a, SECRET, out.time, &other));
    other = rq;
    other.n_fields--;
    CHECK(!sigv4_verify(&a, SECRET, out.time, &other));
    sigv4_hash("else", 4, hash);
    CHECK(!sigv4_verify(&a, SECRET, out.time, &rq));
    sigv4_signed_free(&out);
}

TEST(times)
{
    int64_t s;
    static const char *const bad[] = {"",
                                      "20150830T123600",
                                      "20151330T123600Z",
                                      "2015-08-30T12:3Z",
                                      "20150830T1236 0Z",
                                      "20150229T000000Z"};
    for (size_t i = 0; i < COUNTOF(bad); i++)
        CHECK(!sigv4_time_read(HTTP_SPAN(bad[i]), &s));
    CHECK(sigv4_time_read(HTTP_SPAN("20150830T123600Z"), &s));
    CHECK_EQ(s, 1440938160);
}

/* ---- ARNs ---- */

#define I "arn:aws:connect:us-east-1:123456789012:instance/I-1"

TEST(arns_of_connect)
{
    static const struct {
        const char *text, *instance, *kind, *id;
    } rows[] = {
        {I, "I-1", "instance", "I-1"},
        {I "/queue/Q1", "I-1", "queue", "Q1"},
        {I "/queue/agent/A1", "I-1", "queue", "agent/A1"},
        {I "/agent/A1", "I-1", "agent", "A1"},
        {"arn:aws:connect:us-east-1:123456789012:traffic-distribution-group/T", "",
         "traffic-distribution-group", "T"},
        {"arn:aws-us-gov:connect:us-gov-west-1:123456789012:phone-number/P", "", "phone-number",
         "P"},
    };
    static const char *const bad[] = {
        "",
        "x",
        "arn:aws:connect:us-east-1:123456789012",
        "arn:aws:connect:us-east-1::instance/I",
        "arn:aws:sqs:us-east-1:123456789012:instance/I",
        "arn:aws:connect:us-east-1:123456789012:instance",
        "arn:aws:connect:us-east-1:123456789012:instance/",
        I "/",
        I "/queue",
        I "/queue/",
        I "//Q1",
    };
    for (size_t i = 0; i < COUNTOF(rows); i++) {
        struct arn_connect a;
        CHECK(arn_connect_parse(HTTP_SPAN(rows[i].text), &a));
        CHECK(a.instance.n == strlen(rows[i].instance) &&
              !memcmp(a.instance.n ? a.instance.p : "", rows[i].instance, a.instance.n));
        CHECK(http_span_is(a.kind, rows[i].kind) && http_span_is(a.id, rows[i].id));
        CHECK(http_span_is(a.account, "123456789012"));
    }
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct arn_connect a;
        if (arn_connect_parse(HTTP_SPAN(bad[i]), &a))
            TAP_FAIL("taken: %s", bad[i]);
    }
}

TEST(arns_written)
{
    struct buf b = {0};
    arn_connect_write(&b, "us-east-1", "123456789012", "I-1", "queue", "Q1");
    CHECK_STR(b.data, I "/queue/Q1");
    buf_reset(&b);
    arn_connect_write(&b, "us-east-1", "123456789012", "I-1", NULL, NULL);
    CHECK_STR(b.data, I);
    buf_reset(&b);
    arn_connect_write(&b, "us-gov-west-1", "123456789012", NULL, "phone-number", "P");
    CHECK_STR(b.data, "arn:aws-us-gov:connect:us-gov-west-1:123456789012:phone-number/P");
    buf_free(&b);
    CHECK(http_span_is(arn_id(HTTP_SPAN(I "/agent/A1")), "A1"));
    CHECK(http_span_is(arn_id(HTTP_SPAN("A1")), "A1"));
}

TAP_MAIN
