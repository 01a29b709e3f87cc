/* api.h - Amazon Connect's API model: operations, the shapes of what they take, their errors.
 *
 * The rows (model.inc) are made by tools/connect_model.py from botocore's model of Amazon Connect
 * (connect/2017-08-08/service-2.json), so that requests are held to what AWS itself says of them;
 * a test compares them with the model that is installed. Every operation of AWS is there with its
 * method and path, so that one that connectsim has not is told from one that does not exist; only
 * those it has carry their input shape.
 *
 * Pure: api_find and api_bind are functions over bytes and jansson values. */
#pragma once

#include <jansson.h>

#include "http/http.h"

/* Name and HTTP status of each error. The first 26 are in Amazon Connect's model, the others come
 * from what stands before every AWS service (the "common errors" of its API reference). */
#define API_ERRORS(X)                                                                              \
    X(AccessDeniedException, 403)                                                                  \
    X(ConditionalOperationFailedException, 409)                                                    \
    X(ContactFlowNotPublishedException, 404)                                                       \
    X(ContactNotFoundException, 410)                                                               \
    X(DestinationNotAllowedException, 403)                                                         \
    X(DuplicateResourceException, 409)                                                             \
    X(IdempotencyException, 409)                                                                   \
    X(InternalServiceException, 500)                                                               \
    X(InvalidActiveRegionException, 400)                                                           \
    X(InvalidContactFlowException, 400)                                                            \
    X(InvalidParameterException, 400)                                                              \
    X(InvalidRequestException, 400)                                                                \
    X(LimitExceededException, 429)                                                                 \
    X(MaximumResultReturnedException, 400)                                                         \
    X(OutboundContactNotPermittedException, 403)                                                   \
    X(PropertyValidationException, 400)                                                            \
    X(ResourceConflictException, 409)                                                              \
    X(ResourceInUseException, 409)                                                                 \
    X(ResourceNotFoundException, 404)                                                              \
    X(ResourceNotReadyException, 409)                                                              \
    X(ServiceQuotaExceededException, 402)                                                          \
    X(ThrottlingException, 429)                                                                    \
    X(TooManyRequestsException, 429)                                                               \
    X(UserNotFoundException, 404)                                                                  \
    X(IncompleteSignatureException, 400)                                                           \
    X(InvalidSignatureException, 403)                                                              \
    X(MissingAuthenticationTokenException, 403)                                                    \
    X(NotImplementedException, 501)                                                                \
    X(SerializationException, 400)                                                                 \
    X(ServiceUnavailableException, 503)                                                            \
    X(UnknownOperationException, 404)                                                              \
    X(UnrecognizedClientException, 403)

enum api_error {
#define X(name, status) EX_##name,
    API_ERRORS(X)
#undef X
        EX_COUNT
};
extern const char *const api_error_names[EX_COUNT];
extern const int api_error_status[EX_COUNT];

enum api_type {
    API_STRUCT,
    API_LIST,
    API_MAP, /* of `item`; keys are text */
    API_STRING,
    API_INTEGER,
    API_NUMBER,
    API_BOOLEAN,
    API_TIMESTAMP, /* epoch seconds, with fractions */
    API_BLOB,      /* base64 */
};

enum api_where { API_BODY, API_PATH, API_QUERY };

struct api_shape;
struct api_member {
    const char *name; /* as the model calls it, and a handler */
    const char *wire; /* in the path or the query; in the body it is the name */
    enum api_where where;
    bool required;
    const struct api_shape *shape;
};
struct api_shape {
    enum api_type type;
    bool bounded;             /* min and max hold: of a number its value, else its length */
    double min, max;
    const char *const *names; /* API_STRING: the only values, NULL after the last; NULL: any */
    const struct api_member *member;
    uint32_t n_members;
    const struct api_shape *item; /* of a list or a map */
};

struct api_operation {
    const char *name;
    enum http_method method;
    const char *uri;               /* "/users/{InstanceId}/{UserId}/status" */
    uint64_t errors;               /* bit e: the model lists enum api_error e for it */
    const struct api_shape *input; /* NULL: connectsim does not have it */
};
extern const struct api_operation api_operations[];
extern const uint32_t api_n_operations;

enum { API_LABELS_MAX = 4, API_TEXT_MAX = 2048 };
struct api_labels { /* what stood in the {} of the path, decoded */
    uint32_t n;
    const char *name[API_LABELS_MAX]; /* point into the operation's uri, not ended by NUL */
    uint32_t name_len[API_LABELS_MAX];
    const char *value[API_LABELS_MAX]; /* point into text */
    char text[API_TEXT_MAX];
};
/* The operation of a method and a path as sent. A label may hold an encoded "/" or ":" (an ARN).
 * NULL: there is none, or an escape in the path is malformed. */
const struct api_operation *api_find(enum http_method method, struct http_span path,
                                     struct api_labels *labels);

/* Puts path, query and body together into one object, members by their model names, and checks
 * what the shapes say: required members, types, lengths and ranges, the values of an enumeration.
 * Members that the model does not know are left out, as AWS does. Returns the object, a reference
 * of the caller's; or NULL with the error to answer with and a sentence in `why`. */
json_t *api_bind(const struct api_operation *op, const struct api_labels *labels,
                 struct http_span query, struct http_span body, enum api_error *error, char *why,
                 size_t cap) MUST_USE;

/* The error for a request that breaks the rules of its operation: the model's own word for it. */
enum api_error api_invalid(const struct api_operation *op);
