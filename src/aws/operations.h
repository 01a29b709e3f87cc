/* operations.h - the operations of AWS that tandem calls: where, how, how often.
 *
 * Rates are AWS's defaults ("Amazon Connect service quotas", API throttling; "Kinesis Data Streams
 * quotas"). An account may have been given more; then they are only slower than need be. An account
 * that has been given less is throttled now and then, which the client lives with (pace.h). */
#pragma once

#include "http/http.h"

struct aws_service {
    const char *id;           /* in signatures */
    const char *host;         /* "connect" -> connect.REGION.amazonaws.com */
    const char *target;       /* JSON 1.1: X-Amz-Target is this, ".", the operation; else NULL */
    const char *content_type;
};

struct aws_operation {
    const struct aws_service *service;
    const char *name;
    enum http_method method;
    const char *path;  /* "{}" is replaced by a label, percent-encoded */
    double rate_per_s; /* 0: not limited here */
    double burst;
    /* Doing it twice is as good as once: a reading, a whole new state, or an idempotency token in
     * the body, which the caller must put there. Only then it is sent again when no answer came. */
    bool repeatable;
};

#define AWS_OPERATIONS(X)                                                                          \
    /* Connect: instances and traffic */                                                           \
    X(connect, DescribeInstance, GET, "/instance/{}", 2, 5, true)                                  \
    X(connect, DescribeTrafficDistributionGroup, GET, "/traffic-distribution-group/{}", 2, 5,      \
      true)                                                                                        \
    X(connect, GetTrafficDistribution, GET, "/traffic-distribution/{}", 2, 5, true)                \
    X(connect, UpdateTrafficDistribution, PUT, "/traffic-distribution/{}", 2, 5, true)             \
    X(connect, ListInstanceStorageConfigs, GET, "/instance/{}/storage-configs", 2, 5, true)        \
    /* Connect: people */                                                                          \
    X(connect, ListUsers, GET, "/users-summary/{}", 2, 5, true)                                    \
    X(connect, DescribeUser, GET, "/users/{}/{}", 2, 5, true)                                      \
    X(connect, PutUserStatus, PUT, "/users/{}/{}/status", 2, 5, true)                              \
    X(connect, UpdateUserRoutingProfile, POST, "/users/{}/{}/routing-profile", 2, 5, true)         \
    X(connect, ListAgentStatuses, GET, "/agent-status/{}", 2, 5, true)                             \
    X(connect, GetCurrentUserData, POST, "/metrics/userdata/{}", 2, 5, true)                       \
    /* Connect: resources */                                                                       \
    X(connect, ListQueues, GET, "/queues-summary/{}", 2, 5, true)                                  \
    X(connect, DescribeQueue, GET, "/queues/{}/{}", 2, 5, true)                                    \
    X(connect, CreateQueue, PUT, "/queues/{}", 2, 5, false)                                        \
    X(connect, UpdateQueueName, POST, "/queues/{}/{}/name", 2, 5, true)                            \
    X(connect, UpdateQueueHoursOfOperation, POST, "/queues/{}/{}/hours-of-operation", 2, 5, true)  \
    X(connect, UpdateQueueMaxContacts, POST, "/queues/{}/{}/max-contacts", 2, 5, true)             \
    X(connect, UpdateQueueStatus, POST, "/queues/{}/{}/status", 2, 5, true)                        \
    X(connect, UpdateQueueOutboundCallerConfig, POST, "/queues/{}/{}/outbound-caller-config", 2,   \
      5, true)                                                                                     \
    X(connect, ListRoutingProfiles, GET, "/routing-profiles-summary/{}", 2, 5, true)               \
    X(connect, DescribeRoutingProfile, GET, "/routing-profiles/{}/{}", 2, 5, true)                 \
    X(connect, ListRoutingProfileQueues, GET, "/routing-profiles/{}/{}/queues", 2, 5, true)        \
    X(connect, CreateRoutingProfile, PUT, "/routing-profiles/{}", 2, 5, false)                     \
    X(connect, UpdateRoutingProfileName, POST, "/routing-profiles/{}/{}/name", 2, 5, true)         \
    X(connect, UpdateRoutingProfileConcurrency, POST, "/routing-profiles/{}/{}/concurrency", 2, 5, \
      true)                                                                                        \
    X(connect, UpdateRoutingProfileDefaultOutboundQueue, POST,                                     \
      "/routing-profiles/{}/{}/default-outbound-queue", 2, 5, true)                                \
    X(connect, AssociateRoutingProfileQueues, POST, "/routing-profiles/{}/{}/associate-queues", 2, \
      5, false)                                                                                    \
    X(connect, UpdateRoutingProfileQueues, POST, "/routing-profiles/{}/{}/queues", 2, 5, true)     \
    X(connect, DisassociateRoutingProfileQueues, POST,                                             \
      "/routing-profiles/{}/{}/disassociate-queues", 2, 5, true)                                   \
    X(connect, ListHoursOfOperations, GET, "/hours-of-operations-summary/{}", 2, 5, true)          \
    X(connect, DescribeHoursOfOperation, GET, "/hours-of-operations/{}/{}", 2, 5, true)            \
    X(connect, CreateHoursOfOperation, PUT, "/hours-of-operations/{}", 2, 5, false)                \
    X(connect, UpdateHoursOfOperation, POST, "/hours-of-operations/{}/{}", 2, 5, true)           \
    X(connect, ListContactFlows, GET, "/contact-flows-summary/{}", 2, 5, true)                     \
    X(connect, DescribeContactFlow, GET, "/contact-flows/{}/{}", 2, 5, true)                       \
    X(connect, CreateContactFlow, PUT, "/contact-flows/{}", 2, 5, false)                           \
    X(connect, UpdateContactFlowContent, POST, "/contact-flows/{}/{}/content", 2, 5, true)         \
    /* Connect: contacts */                                                                        \
    X(connect, StartChatContact, PUT, "/contact/chat", 5, 8, true)                                 \
    X(connect, StartTaskContact, PUT, "/contact/task", 2, 5, true)                                 \
    X(connect, StopContact, POST, "/contact/stop", 10, 15, true)                                   \
    X(connect, DescribeContact, GET, "/contacts/{}/{}", 10, 15, true)                              \
    /* Kinesis; reads of a shard (5/s each) are paced by their reader */                           \
    X(kinesis, ListShards, POST, "/", 100, 100, true)                                              \
    X(kinesis, GetShardIterator, POST, "/", 0, 0, true)                                            \
    X(kinesis, GetRecords, POST, "/", 0, 0, true)                                                  \
    /* What the network watch asks. AWS tells no rates for these; it asks far slower. */           \
    X(directconnect, DescribeVirtualInterfaces, POST, "/", 2, 5, true)                             \
    X(directconnect, DescribeDirectConnectGatewayAssociations, POST, "/", 2, 5, true)              \
    X(ec2, SearchTransitGatewayRoutes, POST, "/", 2, 5, true)                                      \
    X(ec2, DescribeTransitGatewayAttachments, POST, "/", 2, 5, true)                               \
    X(ec2, DescribeTransitGatewayPeeringAttachments, POST, "/", 2, 5, true)                        \
    X(ec2, DescribeTransitGatewayConnectPeers, POST, "/", 2, 5, true)                              \
    X(ec2, DescribeVpnConnections, POST, "/", 2, 5, true)

enum aws_op {
#define X(service, name, ...) AWS_OP_##name,
    AWS_OPERATIONS(X)
#undef X
        AWS_OPS
};
extern const struct aws_operation aws_operations[AWS_OPS];
