/* connect_records: AWS's three formats, as its guide shows them and as they come. */
#include "driver/streams/connect_records.h"
#include "tap.h"

#define ARN "arn:aws:connect:us-east-1:123456789012:instance/I"
#define C1  "11111111-2222-3333-4444-555555555555"
#define C0  "99999999-2222-3333-4444-555555555555"

static const char agent_event[] =
    "{\"AWSAccountId\":\"123456789012\",\"AgentARN\":\"" ARN "/agent/A1\",\"InstanceARN\":\"" ARN
    "\",\"EventId\":\"5f0c\",\"EventTimestamp\":\"2026-11-22T10:00:03.120Z\",\"EventType\":\"STATE_"
    "CHANGE\",\"Version\":\"2017-10-01\",\"CurrentAgentSnapshot\":{\"AgentStatus\":{\"ARN\":\"" ARN
    "/agent-state/S1\",\"Name\":\"Available\",\"Type\":\"ROUTABLE\",\"StartTimestamp\":\"2026-11-"
    "22T09:58:00.000Z\"},\"NextAgentStatus\":null,\"Configuration\":{\"Username\":\"jdoe\","
    "\"AgentHierarchyGroups\":null,\"RoutingProfile\":{\"ARN\":\"" ARN
    "/routing-profile/R1\",\"Name\":\"Sales\",\"InboundQueues\":[{\"ARN\":\"" ARN
    "/queue/agent/A1\",\"Name\":null,\"Channels\":[\"VOICE\"]}]}},\"Contacts\":[{\"ContactId\":"
    "\"" C1 "\",\"InitialContactId\":null,\"Channel\":\"VOICE\",\"State\":\"CONNECTED\","
    "\"StateStartTimestamp\":\"2026-11-22T10:00:03.000Z\",\"ConnectedToAgentTimestamp\":\"2026-11-"
    "22T10:00:03.000Z\",\"QueueTimestamp\":\"2026-11-22T09:59:40.000Z\",\"Queue\":{\"ARN\":\"" ARN
    "/queue/Q1\",\"Name\":\"SalesQ\"}},{\"ContactId\":\"no uuid\"}]},\"PreviousAgentSnapshot\":"
    "null}";

TEST(an_agent_event)
{
    struct agent_event e;
    struct td_id c1;
    CHECK(id_parse(C1, &c1));
    CHECK(agent_event_decode(agent_event, strlen(agent_event), &e));
    CHECK_EQ(e.type, AGENT_EVENT_STATE_CHANGE);
    CHECK_STR(e.event_id, "5f0c");
    CHECK_STR(e.agent_arn, ARN "/agent/A1");
    CHECK_STR(e.username, "jdoe");
    CHECK_STR(e.status_name, "Available");
    CHECK_STR(e.next_status_arn, "");
    CHECK_STR(e.profile_arn, ARN "/routing-profile/R1");
    CHECK_EQ(e.at, 1795341603120);
    CHECK_EQ(e.status_since, 1795341480000);
    CHECK_EQ(e.status, AGENT_STATUS_ROUTABLE);
    CHECK_EQ(e.n_contacts, 1);
    CHECK(id_eq(e.contact[0].id, c1) && id_none(e.contact[0].initial));
    CHECK_EQ(e.contact[0].channel, CHANNEL_VOICE);
    CHECK_EQ(e.contact[0].state, AGENT_CONTACT_CONNECTED);
    CHECK_EQ(e.contact[0].queued_at, 1795341580000);
    CHECK_STR(e.contact[0].queue_arn, ARN "/queue/Q1");
    agent_event_free(&e);
}

TEST(agents_who_are_away)
{
    static const char *const texts[] = {
        /* no snapshot at all */
        "{\"EventId\":\"1\",\"AgentARN\":\"a\",\"EventTimestamp\":\"2026-11-22T10:00:03Z\","
        "\"EventType\":\"LOGIN\",\"CurrentAgentSnapshot\":null}",
        /* logged off, with a snapshot that says otherwise */
        "{\"EventId\":\"1\",\"AgentARN\":\"a\",\"EventTimestamp\":\"2026-11-22T10:00:03Z\","
        "\"EventType\":\"LOGOUT\",\"CurrentAgentSnapshot\":{\"AgentStatus\":{\"Type\":"
        "\"ROUTABLE\"}}}",
        /* a heartbeat within the hour after */
        "{\"EventId\":\"1\",\"AgentARN\":\"a\",\"EventTimestamp\":\"2026-11-22T10:00:03Z\","
        "\"EventType\":\"HEART_BEAT\",\"CurrentAgentSnapshot\":{\"AgentStatus\":{\"Type\":"
        "\"OFFLINE\"}}}",
    };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        struct agent_event e;
        CHECK(agent_event_decode(texts[i], strlen(texts[i]), &e));
        CHECK_EQ(e.status, AGENT_STATUS_OFFLINE);
        CHECK_EQ(e.n_contacts, 0);
        agent_event_free(&e);
    }
}

static const char record[] =
    "{\"AWSAccountId\":\"123456789012\",\"InstanceARN\":\"" ARN "\",\"ContactId\":\"" C1
    "\",\"InitialContactId\":null,\"PreviousContactId\":\"" C0
    "\",\"Channel\":\"VOICE\",\"InitiationMethod\":\"INBOUND\",\"DisconnectReason\":\"CUSTOMER_"
    "DISCONNECT\",\"InitiationTimestamp\":\"2026-11-22T09:59:30Z\",\"DisconnectTimestamp\":\"2026-"
    "11-22T10:05:00Z\",\"LastUpdateTimestamp\":\"2026-11-22T10:06:10Z\",\"CustomerEndpoint\":{"
    "\"Address\":\"+15550100\"},\"Queue\":{\"ARN\":\"" ARN
    "/queue/Q1\",\"EnqueueTimestamp\":\"2026-11-22T09:59:40Z\",\"DequeueTimestamp\":\"2026-11-"
    "22T10:00:03Z\",\"Duration\":23},\"Agent\":{\"ARN\":\"" ARN
    "/agent/A1\",\"Username\":\"jdoe\",\"ConnectedToAgentTimestamp\":\"2026-11-22T10:00:03Z\","
    "\"AgentInteractionDuration\":297,\"AfterContactWorkDuration\":60},\"Recording\":{"
    "\"Location\":\"bkt/k.wav\"},\"Attributes\":{\"tandem.txn\":\"T42\"},\"SegmentAttributes\":{"
    "\"connect:CrossInstanceInfo\":{\"ValueMap\":{\"RelatedContactARN\":{\"ValueArn\":\"" ARN
    "/contact/X\"}}}},\"GlobalResiliencyMetadata\":{\"ActiveRegion\":\"us-west-2\","
    "\"OriginRegion\":\"us-east-1\"}}";

TEST(a_contact_record)
{
    struct contact_record r;
    struct td_id c0;
    CHECK(id_parse(C0, &c0));
    CHECK(contact_record_decode(record, strlen(record), &r));
    CHECK(id_eq(r.previous, c0) && id_none(r.initial) && id_none(r.next));
    CHECK_EQ(r.updated_at, 1795341970000);
    CHECK_EQ(r.queued_at, 1795341580000);
    CHECK_EQ(r.dequeued_at, 1795341603000);
    CHECK_EQ(r.disconnected_at, 1795341900000);
    CHECK_EQ(r.talk_ms, 297000);
    CHECK_EQ(r.wrapup_ms, 60000);
    CHECK_STR(r.agent_arn, ARN "/agent/A1");
    CHECK_STR(r.recording, "bkt/k.wav");
    CHECK_STR(r.active_region, "us-west-2");
    CHECK_STR(r.related_arn, ARN "/contact/X");
    CHECK_STR(r.disconnect_reason, "CUSTOMER_DISCONNECT");
    CHECK_STR(contact_record_attribute(&r, "tandem.txn"), "T42");
    CHECK_STR(contact_record_attribute(&r, "other"), "");
    contact_record_free(&r);
}

TEST(a_contact_event_in_either_case)
{
    static const char *const texts[] = {
        "{\"detail-type\":\"Amazon Connect Contact Event\",\"source\":\"aws.connect\",\"time\":"
        "\"2026-11-22T10:00:03Z\",\"region\":\"us-east-1\",\"detail\":{\"eventType\":\"CONNECTED_"
        "TO_AGENT\",\"contactId\":\"" C1 "\",\"channel\":\"VOICE\",\"queueInfo\":{\"queueArn\":"
        "\"q\"},\"agentInfo\":{\"agentArn\":\"a\"},\"globalResiliencyMetadata\":{\"activeRegion\":"
        "\"us-west-2\"}}}",
        "{\"Source\":\"aws.connect\",\"Time\":\"2026-11-22T10:00:03Z\",\"Region\":\"us-east-1\","
        "\"Detail\":{\"EventType\":\"Connected_To_Agent\",\"ContactId\":\"" C1
        "\",\"Channel\":\"Voice\",\"QueueInfo\":{\"QueueArn\":\"q\"},\"AgentInfo\":{\"AgentArn\":"
        "\"a\"},\"GlobalResiliencyMetadata\":{\"ActiveRegion\":\"us-west-2\"}}}",
    };
    for (size_t i = 0; i < COUNTOF(texts); i++) {
        struct contact_event e;
        CHECK(contact_event_decode(texts[i], strlen(texts[i]), &e));
        CHECK_EQ(e.type, CONTACT_EVENT_CONNECTED_TO_AGENT);
        CHECK_EQ(e.channel, CHANNEL_VOICE);
        CHECK_EQ(e.at, 1795341603000);
        CHECK_STR(e.queue_arn, "q");
        CHECK_STR(e.agent_arn, "a");
        CHECK_STR(e.active_region, "us-west-2");
        CHECK_STR(e.region, "us-east-1");
        contact_event_free(&e);
    }
}

TEST(what_is_refused)
{
    static const char *const bad[] = {
        "",
        "null",
        "[1]",
        "{}",
        "{\"EventId\":\"1\",\"AgentARN\":\"a\",\"EventTimestamp\":\"noon\",\"EventType\":\"X\"}",
        "{\"EventId\":1,\"AgentARN\":{},\"EventTimestamp\":[],\"EventType\":null}",
        "{\"ContactId\":\"C1\",\"InstanceARN\":\"i\",\"LastUpdateTimestamp\":\"2026-11-22T10:06:"
        "10Z\"}",
        "{\"source\":\"aws.s3\",\"time\":\"2026-11-22T10:00:03Z\",\"detail\":{\"eventType\":\"X\","
        "\"contactId\":\"" C1 "\"}}",
    };
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct agent_event a;
        struct contact_record r;
        struct contact_event e;
        size_t n = strlen(bad[i]);
        if (agent_event_decode(bad[i], n, &a) || contact_record_decode(bad[i], n, &r) ||
            contact_event_decode(bad[i], n, &e))
            TAP_FAIL("taken: %s", bad[i]);
    }
}

TAP_MAIN
