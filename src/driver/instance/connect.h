/* connect.h - the instance port over a real Amazon Connect instance, or connectsim's: what a site
 * node knows of its instance, and how it acts there.
 *
 * State comes from the instance's streams: agent events tell who is available and who talks to
 * whom, contact records how contacts ended, contact events (if EventBridge sends them here) who
 * waits. Polls only reconcile: where agents and contacts stand at a start, and once a minute
 * whether that is still so.
 *
 * Contacts are known to the nodes by one id wherever they go. A call that is transferred to another
 * instance, or a chat or task that is started anew there, gets a new id from Amazon Connect; the
 * driver keeps the two together. What ties the new contact to the old one:
 *   - the attribute tandem_contact, which chats and tasks are started with, and which AWS keeps in
 *     calls between instances of one organisation;
 *   - else the number dialled. Each instance has numbers for transfers only; both sides reckon the
 *     number from the contact's id (connect_claim), so nothing needs to be said between them. Of
 *     several contacts expected at one number the one longest under way is taken.
 *
 * Flows ask what to do (connect_ask), by a Lambda function that passes the question on: at the
 * entry of a contact, and from time to time while it waits in a queue. The answer is flat JSON:
 *   {"action":"LOCAL","number":"","txn":"...","queue":"ARN"}       go on here
 *   {"action":"TRANSFER","number":"+1...","txn":"...","queue":""}  to the number
 *   {"action":"END", ...}                                          nobody waits for it any more
 * No answer in time is LOCAL: the instance goes on by itself, and the nodes learn of it.
 *
 * Exactly once: what came of the streams and the position in them are committed together by the
 * node (position, resume in instance.h). Agent events are held against the last one of that agent
 * by EventId and time, contacts by LastUpdateTimestamp, so that repetitions do nothing. */
#pragma once

#include "aws/client.h"
#include "driver/instance/instance.h"

struct connect;

enum {
    CONNECT_CONTACTS_MAX = 65536, /* live ones; some hundred bytes each */
    CONNECT_ASKS_MAX = 4096,      /* open questions; above, the answer is LOCAL at once */
    CONNECT_ASK_MS = 1500,        /* a question's time: the flow's Lambda function has 2 s */
    CONNECT_NUMBERS_MAX = 64,     /* for transfers, of one site */
    CONNECT_EXPECT_MS = 60000,    /* a transfer that has not come in this time will not come */
    CONNECT_RELEASE_MS = 10000,   /* a waiting call that has not asked in this time is not given */
    CONNECT_LEAVE_MS = 30000,     /* an agent who is to leave is not taken to be back within this */
    CONNECT_POLL_MS = 60000,
    CONNECT_PROBE_MS = 5000,
    CONNECT_NUMBER_MAX = 17 /* E.164 with its NUL */
};

struct connect_numbers {
    uint32_t n;
    char number[CONNECT_NUMBERS_MAX][CONNECT_NUMBER_MAX];
};

struct connect_config {         /* the strings and numbers are copied */
    const struct config *config; /* stays the caller's; queues, profiles, agents by their names */
    uint8_t site;
    struct aws_client *aws;
    const char *region, *instance_id;
    const char *agent_stream, *record_stream; /* NULL: those of its storage configuration */
    const char *flow;                         /* name of the flow of chats and tasks */
    const char *available, *offline;          /* names of agent statuses; NULL: AWS's own */
    struct connect_numbers numbers[SITES_MAX]; /* to be dialled for a transfer to that site */
    td_ms (*now)(void *arg);                  /* the nodes' clock */
    void *now_arg;
    uint64_t pseudonym_key[2]; /* of customers; both 0: customers are not told apart */
    uint32_t read_ms, poll_ms, probe_ms; /* 0: 250, CONNECT_POLL_MS, CONNECT_PROBE_MS */
};

/* moved(arg, site) is called from the loop whenever the instance has something to say. It begins
 * with its resources; until they are known it is not ready. The AWS client must outlive it. */
struct connect *connect_new(struct uv_loop_s *loop, const struct connect_config *config,
                            void (*moved)(void *arg, uint8_t site), void *arg) MUST_USE;
struct instance *connect_instance(struct connect *c);
/* Open questions are answered LOCAL; frees itself when the loop lets it. */
void connect_close(struct connect *c);

/* A flow asks. `event` is what AWS gives a Lambda function (ContactFlowEvent); its parameter `op`
 * is "route" (the default) or "wait", `queue` a queue's name or ARN. answer(arg) is called exactly
 * once, perhaps from inside, within CONNECT_ASK_MS; never after connect_ask_cancel. Returns the
 * question's number, 0: it is answered already. */
typedef void connect_answer(void *arg, const char *json, size_t n);
uint64_t connect_ask(struct connect *c, const char *event, size_t n, connect_answer *answer,
                     void *arg);
void connect_ask_cancel(struct connect *c, uint64_t ask);
/* A contact event as EventBridge sends it. False: it is none of this instance. */
bool connect_contact_event(struct connect *c, const char *text, size_t n);

/* The number of a site that a contact is transferred to; NULL: the site has none. */
const char *connect_claim(const struct connect_numbers *numbers, struct td_id contact);

struct connect_state {
    bool named;   /* queues, profiles, statuses, users are known */
    bool ok, ready;
    uint32_t contacts, asks, expected; /* now */
    uint64_t agent_events, repeated, records, contact_events, strangers; /* strangers: who is not
                                                                            in the configuration */
    uint64_t asked, local, transferred, late; /* late: answered LOCAL for want of a word */
    uint64_t claimed;   /* transfers that came */
    uint64_t corrected; /* by polls */
    uint64_t hung_up;   /* by flows, before a queue and without a question */
    td_ms behind_ms;    /* of the streams */
};
struct connect_state connect_state(const struct connect *c);
