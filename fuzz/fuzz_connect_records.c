/* Agent events, contact records and contact events, as whoever can write to the stream sends them.
 */
#include <string.h>

#include "driver/streams/connect_records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct agent_event a;
    struct contact_record r;
    struct contact_event c;
    size_t sum = 0;
    if (agent_event_decode(text, size, &a)) {
        if (a.n_contacts > AGENT_CONTACTS_MAX || !*a.agent_arn || a.at <= 0)
            __builtin_trap();
        sum += strlen(a.username) + strlen(a.status_arn) + strlen(a.profile_arn);
        for (uint32_t i = 0; i < a.n_contacts; i++)
            sum += strlen(a.contact[i].queue_arn) + a.contact[i].channel;
        agent_event_free(&a);
    }
    if (contact_record_decode(text, size, &r)) {
        if (id_none(r.id) || r.talk_ms < 0 || r.channel > CHANNELS)
            __builtin_trap();
        sum += strlen(r.queue_arn) + strlen(contact_record_attribute(&r, "hub.txn")) +
               strlen(r.related_arn) + strlen(r.recording);
        contact_record_free(&r);
    }
    if (contact_event_decode(text, size, &c)) {
        if (id_none(c.id) || c.at <= 0)
            __builtin_trap();
        sum += strlen(c.queue_arn) + strlen(c.agent_arn) + strlen(c.active_region);
        contact_event_free(&c);
    }
    return sum == SIZE_MAX; /* always 0 */
}
