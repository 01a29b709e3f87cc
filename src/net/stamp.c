#include "net/stamp.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

const char *const stamp_read_names[] = {"good", "short", "long", "forged", "invalid"};

/* Where the fields are: RFC 8762, figures 2 to 5; SSID: RFC 8972, section 3. */
struct layout {
    uint8_t stamp, error, ssid;            /* of both packets, beside the sequence number at 0 */
    uint8_t received, sender_seq, sender;  /* of the reflector's: T2, and what it returns */
    uint8_t sender_error, sender_ttl, len; /* len: without the HMAC */
};
static const struct layout plain = {4, 12, 14, 16, 24, 28, 36, 40, STAMP_LEN};
static const struct layout sealed = {16, 24, 26, 32, 48, 64, 72, 80, 96};

enum {
    MAC_LEN = 16,
    ERROR_SYNCED = 0x8000,
    ERROR_PTP = 0x4000,
};
static const int64_t ns_per_s = 1000000000;
static const int64_t ntp_to_unix_s = 2208988800; /* 1900 to 1970 */
static const int64_t tai_ahead_s = 37;

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)(v >> 16));
    put16(p + 2, (uint16_t)v);
}
static void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)(v >> 32));
    put32(p + 4, (uint32_t)v);
}
static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}
static uint64_t get64(const uint8_t *p)
{
    return (uint64_t)get32(p) << 32 | get32(p + 4);
}

uint64_t stamp_ntp_of(int64_t ns)
{
    int64_t s = ns / ns_per_s, rest = ns % ns_per_s;
    if (rest < 0) {
        rest += ns_per_s;
        s--;
    }
    uint64_t fraction = (((uint64_t)rest << 32) + (uint64_t)ns_per_s / 2) / (uint64_t)ns_per_s;
    return ((uint64_t)(s + ntp_to_unix_s) << 32) + fraction;
}

/* Seconds with the top bit set are of 1968 to 2036, without it of 2036 to 2104. */
int64_t stamp_ntp_ns(uint64_t ntp)
{
    int64_t s = (int64_t)(ntp >> 32);
    if (!(s & 0x80000000))
        s += (int64_t)1 << 32;
    uint64_t rest = ((ntp & 0xffffffffu) * (uint64_t)ns_per_s + (1u << 31)) >> 32;
    return (s - ntp_to_unix_s) * ns_per_s + (int64_t)rest;
}

static int64_t ptp_ns(uint64_t ptp)
{
    return ((int64_t)(ptp >> 32) - tai_ahead_s) * ns_per_s + (int64_t)(ptp & 0xffffffffu);
}

static int64_t time_of(const uint8_t *p, uint16_t error)
{
    return error & ERROR_PTP ? ptp_ns(get64(p)) : stamp_ntp_ns(get64(p));
}

uint16_t stamp_error(int64_t error_ns, bool synced)
{
    /* In units of 2^-32 s: 4.29 a nanosecond, rounded up. */
    uint64_t ns = error_ns < 0 ? 0 : (uint64_t)MIN(error_ns, ns_per_s * 4000000000);
    uint64_t multiplier = ns / 1000 * 4295 + (ns % 1000 * 4295 + 999) / 1000;
    unsigned scale = 0;
    for (; multiplier > 0xff; scale++)
        multiplier = (multiplier + 1) / 2;
    return (uint16_t)((synced ? ERROR_SYNCED : 0) | scale << 8 | MAX(multiplier, 1u));
}

int64_t stamp_error_ns(uint16_t error)
{
    unsigned scale = error >> 8 & 0x3f;
    double s = (double)(error & 0xff) / 4294967296.0;
    for (; scale; scale--)
        s *= 2;
    return s < 9e9 ? (int64_t)(s * 1e9) : INT64_MAX;
}

bool stamp_error_synced(uint16_t error)
{
    return error & ERROR_SYNCED;
}

static void mac_of(const uint8_t *packet, const struct stamp_key *key, uint8_t out[MAC_LEN])
{
    uint8_t whole[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    BUG_ON(!key->len || key->len > STAMP_KEY_MAX);
    BUG_ON(!HMAC(EVP_sha256(), key->byte, key->len, packet, sealed.len, whole, &len));
    memcpy(out, whole, MAC_LEN);
}

static const struct layout *layout_of(const struct stamp_key *key)
{
    return key ? &sealed : &plain;
}

/* What holds for packets of both directions. */
static enum stamp_read check(const uint8_t *p, size_t n, const struct stamp_key *key)
{
    if (n < stamp_len(key))
        return STAMP_SHORT;
    if (n > STAMP_PACKET_MAX)
        return STAMP_LONG;
    if (key) {
        uint8_t mac[MAC_LEN];
        mac_of(p, key, mac);
        if (CRYPTO_memcmp(mac, p + sealed.len, MAC_LEN) != 0)
            return STAMP_FORGED;
    }
    return p[layout_of(key)->error + 1] ? STAMP_GOOD : STAMP_INVALID;
}

size_t stamp_write_request(uint8_t out[STAMP_AUTH_LEN], const struct stamp_request *r,
                           const struct stamp_key *key)
{
    const struct layout *l = layout_of(key);
    memset(out, 0, stamp_len(key));
    put32(out, r->seq);
    put64(out + l->stamp, stamp_ntp_of(r->sent_ns));
    put16(out + l->error, r->error);
    put16(out + l->ssid, r->ssid);
    if (key)
        mac_of(out, key, out + l->len);
    return stamp_len(key);
}

enum stamp_read stamp_read_request(const uint8_t *p, size_t n, const struct stamp_key *key,
                                   struct stamp_request *out)
{
    enum stamp_read found = check(p, n, key);
    if (found != STAMP_GOOD)
        return found;
    const struct layout *l = layout_of(key);
    out->seq = get32(p);
    out->error = get16(p + l->error);
    out->ssid = get16(p + l->ssid);
    out->sent_ns = time_of(p + l->stamp, out->error);
    return STAMP_GOOD;
}

enum stamp_read stamp_read_reply(const uint8_t *p, size_t n, const struct stamp_key *key,
                                 struct stamp_reply *out)
{
    enum stamp_read found = check(p, n, key);
    if (found != STAMP_GOOD)
        return found;
    const struct layout *l = layout_of(key);
    out->seq = get32(p);
    out->error = get16(p + l->error);
    out->ssid = get16(p + l->ssid);
    out->sent_ns = time_of(p + l->stamp, out->error);
    out->received_ns = time_of(p + l->received, out->error);
    out->sender_seq = get32(p + l->sender_seq);
    out->sender_error = get16(p + l->sender_error);
    out->sender_sent_ns = time_of(p + l->sender, out->sender_error);
    out->sender_ttl = p[l->sender_ttl];
    return STAMP_GOOD;
}

void stamp_make_reply(uint8_t *packet, size_t n, const struct stamp_reply *r,
                      const struct stamp_key *key)
{
    const struct layout *l = layout_of(key);
    uint8_t asked[STAMP_AUTH_LEN];
    BUG_ON(n < stamp_len(key));
    memcpy(asked, packet, stamp_len(key));
    memset(packet, 0, stamp_len(key)); /* what is beyond stays */
    put32(packet, r->seq);
    put64(packet + l->stamp, stamp_ntp_of(r->sent_ns));
    put16(packet + l->error, r->error & (uint16_t)~ERROR_PTP);
    memcpy(packet + l->ssid, asked + l->ssid, 2);
    put64(packet + l->received, stamp_ntp_of(r->received_ns));
    memcpy(packet + l->sender_seq, asked, 4);
    memcpy(packet + l->sender, asked + l->stamp, 8);
    memcpy(packet + l->sender_error, asked + l->error, 2);
    packet[l->sender_ttl] = r->sender_ttl;
    if (key)
        mac_of(packet, key, packet + l->len);
}
