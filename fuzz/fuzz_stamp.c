/* Any bytes as a packet of STAMP, in both modes and both directions. The first byte chooses the
 * length of the key; a packet that a reflector accepts makes a reply of the same length that its
 * sender accepts and that says what it was asked. */
#include "net/stamp.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(const uint8_t *data, size_t size, const struct stamp_key *key)
{
    struct stamp_request q;
    struct stamp_reply r;
    uint8_t packet[STAMP_PACKET_MAX];
    if (stamp_read_reply(data, size, key, &r) == STAMP_GOOD)
        BUG_ON(size < stamp_len(key) || size > sizeof packet);
    if (stamp_read_request(data, size, key, &q) != STAMP_GOOD)
        return;
    BUG_ON(size < stamp_len(key) || size > sizeof packet);
    memcpy(packet, data, size);
    struct stamp_reply made = {.seq = q.seq + 1,
                               .error = stamp_error(1000, true),
                               .received_ns = 1795773605123456789,
                               .sent_ns = 1795773605123456799,
                               .sender_ttl = 254};
    stamp_make_reply(packet, size, &made, key);
    BUG_ON(stamp_read_reply(packet, size, key, &r) != STAMP_GOOD);
    BUG_ON(r.seq != made.seq || r.received_ns != made.received_ns || r.sent_ns != made.sent_ns);
    BUG_ON(r.sender_seq != q.seq || r.sender_sent_ns != q.sent_ns || r.ssid != q.ssid);
    BUG_ON(r.sender_error != q.error || r.sender_ttl != 254);
    BUG_ON(memcmp(packet + stamp_len(key), data + stamp_len(key), size - stamp_len(key)) != 0);
    const uint16_t ptp = 0x4000; /* such times reach two years beyond NTP's */
    BUG_ON(!(q.error & ptp) && stamp_ntp_ns(stamp_ntp_of(q.sent_ns)) != q.sent_ns);
}

/* Fuzzers do not guess an HMAC: the packet is sealed for them, by way of a reply to it. */
static void sealed(const uint8_t *data, size_t size, const struct stamp_key *key)
{
    uint8_t packet[STAMP_PACKET_MAX];
    if (size < STAMP_AUTH_LEN || size > sizeof packet)
        return;
    memcpy(packet, data, size);
    stamp_make_reply(packet, size, &(struct stamp_reply){.seq = data[0], .error = data[1]}, key);
    one(packet, size, key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stamp_key key = {.len = 1};
    if (!size)
        return 0;
    key.len = (uint8_t)(1 + data[0] % STAMP_KEY_MAX);
    memset(key.byte, data[0], key.len);
    one(data + 1, size - 1, NULL);
    one(data + 1, size - 1, &key);
    sealed(data + 1, size - 1, &key);
    return 0;
}
