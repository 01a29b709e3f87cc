/* stamp: packets against those of an independent program (Python's struct and hmac), both modes;
 * times and error estimates both ways; what is refused. */
#include "net/stamp.h"
#include "tap.h"

static const int64_t t1_ns = 1795773605123456789, t2_ns = t1_ns + 4000123, t3_ns = t2_ns + 7777;
static const struct stamp_request request = {7, 0x8d11, 0x1234, t1_ns};

static const char plain_request[] = "00000007eeb3d3251f9add378d111234"
                                    "00000000000000000000000000000000000000000000000000000000";
static const char sealed_request[] =
    "00000007000000000000000000000000eeb3d3251f9add378d11123400000000000000000000000000000000000000"
    "00"
    "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "005bf3d26889d6b33bb79ac2da538cb19e";
static const char plain_reply[] = "00000005eeb3d32520a1869f01011234eeb3d32520a1042500000007"
                                  "eeb3d3251f9add378d110000fd000000";
static const char sealed_reply[] =
    "00000005000000000000000000000000eeb3d32520a1869f0101123400000000eeb3d32520a1042500000000000000"
    "0000000007000000000000000000000000eeb3d3251f9add378d11000000000000fd00000000000000000000000000"
    "0000dbcaa759e484bb9dfa9e1a5df770442b";
static const char ptp_reply[] = "000000056b0954ca0798f4f1410100006b0954ca0798d69000000007"
                                "eeb3d3251f9add378d110000fd000000";

static struct stamp_key secret(void)
{
    struct stamp_key k = {.len = 32};
    for (uint8_t i = 0; i < k.len; i++)
        k.byte[i] = (uint8_t)(i + 1);
    return k;
}

static const char *hex(const uint8_t *p, size_t n)
{
    static char out[2 * STAMP_PACKET_MAX + 1];
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
    return out;
}

static size_t unhex(const char *s, uint8_t *out)
{
    size_t n = strlen(s) / 2;
    for (size_t i = 0; i < n; i++) {
        char byte[3] = {s[2 * i], s[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return n;
}

static void requests(const struct stamp_key *key, const char *want)
{
    uint8_t p[STAMP_AUTH_LEN];
    struct stamp_request back;
    size_t n = stamp_write_request(p, &request, key);
    CHECK_EQ(n, strlen(want) / 2);
    CHECK_STR(hex(p, n), want);
    CHECK_EQ(stamp_read_request(p, n, key, &back), STAMP_GOOD);
    CHECK_EQ(back.seq, 7);
    CHECK_EQ(back.sent_ns, t1_ns);
    CHECK_EQ(back.error, 0x8d11);
    CHECK_EQ(back.ssid, 0x1234);
}

static void replies(const struct stamp_key *key, const char *asked, const char *want)
{
    uint8_t p[STAMP_AUTH_LEN];
    size_t n = unhex(asked, p);
    struct stamp_reply r = {.seq = 5,
                            .error = 0x0101,
                            .received_ns = t2_ns,
                            .sent_ns = t3_ns,
                            .sender_ttl = 253},
                       back;
    stamp_make_reply(p, n, &r, key);
    CHECK_STR(hex(p, n), want);
    CHECK_EQ(stamp_read_reply(p, n, key, &back), STAMP_GOOD);
    CHECK_EQ(back.seq, 5);
    CHECK_EQ(back.received_ns, t2_ns);
    CHECK_EQ(back.sent_ns, t3_ns);
    CHECK_EQ(back.ssid, 0x1234);
    CHECK_EQ(back.sender_seq, 7);
    CHECK_EQ(back.sender_sent_ns, t1_ns);
    CHECK_EQ(back.sender_error, 0x8d11);
    CHECK_EQ(back.sender_ttl, 253);
}

TEST(as_another_program_writes_them)
{
    struct stamp_key key = secret();
    requests(NULL, plain_request);
    requests(&key, sealed_request);
    replies(NULL, plain_request, plain_reply);
    replies(&key, sealed_request, sealed_reply);
}

TEST(a_reflector_on_ptp_time)
{
    uint8_t p[STAMP_LEN];
    struct stamp_reply r;
    CHECK_EQ(stamp_read_reply(p, unhex(ptp_reply, p), NULL, &r), STAMP_GOOD);
    CHECK_EQ(r.received_ns, t2_ns);
    CHECK_EQ(r.sent_ns, t3_ns);
    CHECK_EQ(r.sender_sent_ns, t1_ns);
}

TEST(what_is_refused)
{
    struct stamp_key key = secret(), other = secret();
    struct stamp_request q;
    uint8_t p[STAMP_PACKET_MAX + 1] = {0};
    size_t n = unhex(sealed_request, p);
    CHECK_EQ(stamp_read_request(p, n - 1, &key, &q), STAMP_SHORT);
    CHECK_EQ(stamp_read_request(p, 43, NULL, &q), STAMP_SHORT);
    CHECK_EQ(stamp_read_request(p, 0, NULL, &q), STAMP_SHORT);
    CHECK_EQ(stamp_read_request(p, sizeof p, &key, &q), STAMP_LONG);
    other.byte[31] ^= 1;
    CHECK_EQ(stamp_read_request(p, n, &other, &q), STAMP_FORGED);
    for (size_t i = 0; i < n; i++) {
        p[i] ^= 0x40;
        CHECK_EQ(stamp_read_request(p, n, &key, &q), STAMP_FORGED);
        p[i] ^= 0x40;
    }
    n = unhex(plain_request, p);
    p[13] = 0;
    CHECK_EQ(stamp_read_request(p, n, NULL, &q), STAMP_INVALID);
}

TEST(what_is_beyond_returns_as_it_came)
{
    uint8_t p[100] = {0};
    struct stamp_reply r = {.sent_ns = t3_ns, .received_ns = t2_ns, .error = 1};
    unhex(plain_request, p);
    for (uint8_t i = STAMP_LEN; i < sizeof p; i++)
        p[i] = i;
    stamp_make_reply(p, sizeof p, &r, NULL);
    for (uint8_t i = STAMP_LEN; i < sizeof p; i++)
        CHECK_EQ(p[i], i);
}

PROP(times_return_exactly, 20000)
{
    /* 1968-01-20 to 2104-02-26: what 32 bits of seconds can say, read as RFC 5905 does. */
    int64_t ns = -61505152LL * 1000000000 + (int64_t)rng_below(rng, 4294967296u) * 1000000000 +
                 (int64_t)rng_below(rng, 1000000000);
    CHECK_EQ(stamp_ntp_ns(stamp_ntp_of(ns)), ns);
}

TEST(known_times)
{
    CHECK_EQ(stamp_ntp_of(0) >> 32, 2208988800u);
    CHECK_EQ(stamp_ntp_ns(0x8000000000000000u), -61505152LL * 1000000000);
    CHECK_EQ(stamp_ntp_ns(0), 2085978496LL * 1000000000); /* 2036-02-07T06:28:16Z: era 1 begins */
    CHECK_EQ(stamp_ntp_of(500000000) & 0xffffffffu, 0x80000000u);
}

PROP(error_estimates, 5000)
{
    bool synced = rng_chance(rng, 0.5);
    int64_t ns = (int64_t)(rng_u64(rng) >> (14 + rng_below(rng, 50))); /* to 13 days */
    uint16_t e = stamp_error(ns, synced);
    CHECK(e & 0xff);
    CHECK_EQ(stamp_error_synced(e), synced);
    CHECK(stamp_error_ns(e) + 1 >= ns);
    CHECK((double)stamp_error_ns(e) <= (double)ns * 1.02 + 2);
}

TEST(error_estimates_at_their_ends)
{
    CHECK_EQ(stamp_error(-5, false), 0x0001);
    CHECK(stamp_error_ns(stamp_error(INT64_MAX, true)) > 900000LL * 1000000000);
    CHECK_EQ(stamp_error_ns(0x3fff), INT64_MAX);
}

TAP_MAIN
