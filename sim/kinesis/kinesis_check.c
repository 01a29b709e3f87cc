/* kinesis_check.c - what requests may contain, a row a member, and what Amazon says when they do
 * not. After botocore's model of the service (kinesis 2013-12-02, botocore 1.44). */
#include "kinesis/kinesis_i.h"

#include "base/base64.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define STREAM                                                                                     \
    {"StreamName", FIELD_TEXT, false, 1, STREAM_NAME_MAX, FORM_NAME, NULL, NULL},                  \
        {"StreamARN", FIELD_TEXT, false, 1, 2048, FORM_ARN, NULL, NULL},                           \
    {                                                                                              \
        "StreamId", FIELD_TEXT, false, 24, 24, FORM_ANY, NULL, NULL                                \
    }
#define SHARD(name, required)                                                                      \
    {                                                                                              \
        name, FIELD_TEXT, required, 1, 128, FORM_NAME, NULL, NULL                                  \
    }
#define HASH_KEY(name, required)                                                                   \
    {                                                                                              \
        name, FIELD_TEXT, required, 0, INT64_MAX, FORM_HASH_KEY, NULL, NULL                        \
    }
#define SEQUENCE(name)                                                                             \
    {                                                                                              \
        name, FIELD_TEXT, false, 0, INT64_MAX, FORM_SEQUENCE, NULL, NULL                           \
    }
#define NUMBER(name, min, max)                                                                     \
    {                                                                                              \
        name, FIELD_INT, false, min, max, FORM_ANY, NULL, NULL                                     \
    }
#define TOKEN                                                                                      \
    {                                                                                              \
        "NextToken", FIELD_TEXT, false, 1, 1048576, FORM_ANY, NULL, NULL                           \
    }
#define TIME(name)                                                                                 \
    {                                                                                              \
        name, FIELD_TIME, false, 0, 0, FORM_ANY, NULL, NULL                                        \
    }
#define BOOLEAN(name)                                                                              \
    {                                                                                              \
        name, FIELD_BOOL, false, 0, 0, FORM_ANY, NULL, NULL                                        \
    }
#define RECORD                                                                                     \
    {"Data", FIELD_BLOB, true, 0, 10485760, FORM_ANY, NULL, NULL},                                 \
        {"PartitionKey", FIELD_TEXT, true, 1, STREAM_KEY_MAX, FORM_ANY, NULL, NULL},               \
        HASH_KEY("ExplicitHashKey", false)
#define END                                                                                        \
    {                                                                                              \
        NULL, FIELD_TEXT, false, 0, 0, FORM_ANY, NULL, NULL                                        \
    }

static const char *const filter_types[] = {"AFTER_SHARD_ID",
                                           "AT_TRIM_HORIZON",
                                           "FROM_TRIM_HORIZON",
                                           "AT_LATEST",
                                           "AT_TIMESTAMP",
                                           "FROM_TIMESTAMP",
                                           NULL};
static const char *const iterator_types[] = {
    "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP", NULL};
static const char *const modes[] = {"PROVISIONED", "ON_DEMAND", NULL};

static const struct field shard_filter[] = {
    {"Type", FIELD_TEXT, true, 0, INT64_MAX, FORM_ANY, filter_types, NULL},
    SHARD("ShardId", false),
    TIME("Timestamp"),
    END,
};
static const struct field record[] = {RECORD, END};
static const struct field mode_details[] = {
    {"StreamMode", FIELD_TEXT, true, 0, INT64_MAX, FORM_ANY, modes, NULL},
    END,
};

const struct field kinesis__list_shards[] = {
    STREAM,
    TOKEN,
    SHARD("ExclusiveStartShardId", false),
    NUMBER("MaxResults", 1, 10000),
    TIME("StreamCreationTimestamp"),
    {"ShardFilter", FIELD_OBJECT, false, 0, 0, FORM_ANY, NULL, shard_filter},
    END,
};
const struct field kinesis__describe_summary[] = {STREAM, END};
const struct field kinesis__describe_stream[] = {
    STREAM,
    NUMBER("Limit", 1, 10000),
    SHARD("ExclusiveStartShardId", false),
    END,
};
const struct field kinesis__list_streams[] = {
    NUMBER("Limit", 1, 10000),
    {"ExclusiveStartStreamName", FIELD_TEXT, false, 1, STREAM_NAME_MAX, FORM_NAME, NULL, NULL},
    TOKEN,
    END,
};
const struct field kinesis__get_iterator[] = {
    STREAM,
    SHARD("ShardId", true),
    {"ShardIteratorType", FIELD_TEXT, true, 0, INT64_MAX, FORM_ANY, iterator_types, NULL},
    SEQUENCE("StartingSequenceNumber"),
    TIME("Timestamp"),
    BOOLEAN("DryRun"),
    END,
};
const struct field kinesis__get_records[] = {
    STREAM,
    {"ShardIterator", FIELD_TEXT, true, 1, 512, FORM_ANY, NULL, NULL},
    NUMBER("Limit", 1, STREAM_READ_RECORDS_MAX),
    BOOLEAN("DryRun"),
    END,
};
const struct field kinesis__put_record[] = {
    STREAM, RECORD, SEQUENCE("SequenceNumberForOrdering"), BOOLEAN("DryRun"), END,
};
const struct field kinesis__put_records[] = {
    STREAM,
    {"Records", FIELD_LIST, true, 1, KINESIS_PUT_RECORDS_MAX, FORM_ANY, NULL, record},
    BOOLEAN("DryRun"),
    END,
};
const struct field kinesis__split[] = {
    STREAM,
    SHARD("ShardToSplit", true),
    HASH_KEY("NewStartingHashKey", true),
    END,
};
const struct field kinesis__merge[] = {
    STREAM,
    SHARD("ShardToMerge", true),
    SHARD("AdjacentShardToMerge", true),
    END,
};
const struct field kinesis__create[] = {
    {"StreamName", FIELD_TEXT, true, 1, STREAM_NAME_MAX, FORM_NAME, NULL, NULL},
    NUMBER("ShardCount", 1, INT32_MAX),
    {"StreamModeDetails", FIELD_OBJECT, false, 0, 0, FORM_ANY, NULL, mode_details},
    END,
};
const struct field kinesis__delete[] = {STREAM, BOOLEAN("EnforceConsumerDeletion"), END};

/* ---- checking ---- */

enum { COMPLAINTS_MAX = 10 }; /* those listed */
struct checker {
    struct buf list;
    int complaints;
    bool types_wrong;
};

/* Members are named as Amazon's own checks name them: the first letter is small. A value is shown
 * only where it cannot be anybody's data; NULL: it is not. */
static void complain(struct checker *k, const char *path, const char *value, const char *rule)
{
    if (++k->complaints > COMPLAINTS_MAX)
        return;
    buf_str(&k->list, k->complaints > 1 ? "; Value " : "Value ");
    if (value)
        buf_fmt(&k->list, "'%s' ", value);
    buf_fmt(&k->list, "at '%s' failed to satisfy constraint: %s", path, rule);
}

static void complain_range(struct checker *k, const struct field *f, const char *path, int64_t n)
{
    char rule[100];
    const char *what = f->type == FIELD_INT ? "value" : "length";
    if (n > f->max)
        snprintf(rule, sizeof rule, "Member must have %s less than or equal to %lld", what,
                 (long long)f->max);
    else if (n < f->min)
        snprintf(rule, sizeof rule, "Member must have %s greater than or equal to %lld", what,
                 (long long)f->min);
    else
        return;
    complain(k, path, NULL, rule);
}

static bool matches(enum field_form form, const char *s, size_t n)
{
    static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t digits = form == FORM_HASH_KEY ? 39 : 129;
    switch (form) {
    case FORM_ANY: return true;
    case FORM_ARN: return strncmp(s, "arn:aws", 7) == 0 && strstr(s, ":stream/") != NULL;
    case FORM_NAME: return strspn(s, name) == n;
    case FORM_HASH_KEY:
    case FORM_SEQUENCE: break;
    }
    return n > 0 && n <= digits && strspn(s, "0123456789") == n && (s[0] != '0' || n == 1);
}

#define PATTERN "Member must satisfy regular expression pattern: "
static const char *const form_rules[] = {
    [FORM_ANY] = "",
    [FORM_NAME] = PATTERN "[a-zA-Z0-9_.-]+",
    [FORM_HASH_KEY] = PATTERN "0|([1-9]\\d{0,38})",
    [FORM_SEQUENCE] = PATTERN "0|([1-9]\\d{0,128})",
    [FORM_ARN] = PATTERN "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+",
};

static void check_text(struct checker *k, const struct field *f, const char *path, const json_t *v)
{
    const char *s = json_string_value(v);
    size_t n = json_string_length(v);
    complain_range(k, f, path, (int64_t)n);
    if (!matches(f->form, s, n))
        complain(k, path, n <= STREAM_NAME_MAX ? s : NULL, form_rules[f->form]);
    if (!f->choices)
        return;
    struct buf rule = {0};
    buf_str(&rule, "Member must satisfy enum value set: [");
    for (const char *const *choice = f->choices; *choice; choice++) {
        buf_fmt(&rule, "%s%s", choice == f->choices ? "" : ", ", *choice);
        if (strcmp(*choice, s) == 0) {
            buf_free(&rule);
            return;
        }
    }
    buf_char(&rule, ']');
    complain(k, path, NULL, rule.data);
    buf_free(&rule);
}

static void check_members(struct checker *k, const struct field *fields, const json_t *args,
                          const char *above);

static void check_list(struct checker *k, const struct field *f, const char *path, const json_t *v)
{
    complain_range(k, f, path, (int64_t)json_array_size(v));
    for (size_t i = 0; i < json_array_size(v) && i < (size_t)f->max; i++) {
        const json_t *item = json_array_get(v, i);
        struct buf inner = {0};
        buf_fmt(&inner, "%s.%zu.member.", path, i + 1);
        if (json_is_object(item))
            check_members(k, f->inside, item, inner.data);
        else
            k->types_wrong = true;
        buf_free(&inner);
    }
}

static void check_value(struct checker *k, const struct field *f, const char *path, const json_t *v)
{
    size_t bytes = 0;
    struct buf inner = {0};
    bool right = true;
    switch (f->type) {
    case FIELD_TEXT:
        right = json_is_string(v);
        if (right)
            check_text(k, f, path, v);
        break;
    case FIELD_INT:
        right = json_is_integer(v);
        if (right)
            complain_range(k, f, path, json_integer_value(v));
        break;
    case FIELD_BOOL: right = json_is_boolean(v); break;
    case FIELD_BLOB:
        right = json_is_string(v) && base64_ok(json_string_value(v), json_string_length(v), &bytes);
        if (right)
            complain_range(k, f, path, (int64_t)bytes);
        break;
    case FIELD_TIME: /* seconds, from 1970 to 2100 or so */
        right = json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) < 4e9;
        break;
    case FIELD_OBJECT:
        right = json_is_object(v);
        buf_fmt(&inner, "%s.", path);
        if (right)
            check_members(k, f->inside, v, inner.data);
        break;
    case FIELD_LIST:
        right = json_is_array(v);
        if (right)
            check_list(k, f, path, v);
        break;
    }
    buf_free(&inner);
    k->types_wrong |= !right;
}

static void check_members(struct checker *k, const struct field *fields, const json_t *args,
                          const char *above)
{
    for (const struct field *f = fields; f->name; f++) {
        const json_t *v = json_object_get(args, f->name);
        struct buf path = {0};
        buf_fmt(&path, "%s%c%s", above, f->name[0] | 0x20, f->name + 1);
        if (v && !json_is_null(v))
            check_value(k, f, path.data, v);
        else if (f->required)
            complain(k, path.data, "null", "Member must not be null");
        buf_free(&path);
    }
}

bool kinesis__check(struct call *c, const struct field *fields, const json_t *args)
{
    struct checker k = {0};
    check_members(&k, fields, args, "");
    if (k.types_wrong)
        kinesis__fail(c, "SerializationException", "a member has a type that it must not have");
    else if (k.complaints)
        kinesis__fail(c, "ValidationException", "%d validation error%s detected: %s", k.complaints,
                      k.complaints > 1 ? "s" : "", k.list.data);
    buf_free(&k.list);
    return c->error == NULL;
}

/* ---- members ---- */

const char *kinesis__text(const json_t *args, const char *name)
{
    return json_string_value(json_object_get(args, name));
}

int64_t kinesis__int(const json_t *args, const char *name, int64_t otherwise)
{
    const json_t *v = json_object_get(args, name);
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

int64_t kinesis__time(const json_t *args, const char *name, int64_t otherwise)
{
    const json_t *v = json_object_get(args, name);
    return json_is_number(v) ? llround(json_number_value(v) * 1000) : otherwise;
}
