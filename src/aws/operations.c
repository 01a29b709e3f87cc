#include "aws/operations.h"

static const struct aws_service connect = {
    .id = "connect", .host = "connect", .content_type = "application/json"};
static const struct aws_service kinesis = {.id = "kinesis",
                                           .host = "kinesis",
                                           .target = "Kinesis_20131202",
                                           .content_type = "application/x-amz-json-1.1"};
static const struct aws_service directconnect = {.id = "directconnect",
                                                 .host = "directconnect",
                                                 .target = "OvertureService",
                                                 .content_type = "application/x-amz-json-1.1"};
/* The Query API: the body is a form, "Action=...&Version=2016-11-15", the answer XML. */
static const struct aws_service ec2 = {
    .id = "ec2", .host = "ec2", .content_type = "application/x-www-form-urlencoded; charset=utf-8"};

const struct aws_operation aws_operations[AWS_OPS] = {
#define X(service_, name_, method_, path_, rate_, burst_, repeatable_)                             \
    [AWS_OP_##                                                                                     \
        name_] = {&service_, #name_, HTTP_METHOD_##method_, path_, rate_, burst_, repeatable_},
    AWS_OPERATIONS(X)
#undef X
};
