/* Contact flows: small programs in the Amazon Connect flow language, run by hand. */
#include "connect/flow.h"
#include "tap.h"

/* A world that remembers what it was asked and told. */
struct world {
    bool open;
    double chance;
    struct buf told; /* "name=value;" of each attribute set; "hours/queue" of each question */
};

static void value(void *arg, const char *path, struct buf *out)
{
    if (strcmp(path, "$.CustomerEndpoint.Address") == 0)
        buf_str(out, "+15550100");
    else if (strncmp(path, "$.Attributes.", 13) == 0)
        buf_fmt(out, "<%s>", path + 13);
}

static void set_attribute(void *arg, const char *name, const char *text)
{
    struct world *w = arg;
    buf_fmt(&w->told, "%s=%s;", name, text);
}

static bool is_open(void *arg, const char *hours, const char *queue)
{
    struct world *w = arg;
    buf_fmt(&w->told, "%s/%s;", hours ? hours : "-", queue ? queue : "-");
    return w->open;
}

static double chance(void *arg)
{
    return ((struct world *)arg)->chance;
}

static struct world here;
static struct flow_world world = {&here, value, set_attribute, is_open, chance, "eu-west-2"};
static struct flow_state s;

static struct flow_program *parse(const char *text)
{
    const char *problem;
    struct flow_program *p = flow_parse(text, strlen(text), &problem);
    if (!p)
        TAP_FAIL("%s: %s", problem, text);
    return p;
}

/* Actions "id | Type | parameters | transitions", in JSON but for the apostrophes; begins with the
 * first one. */
static enum flow_effect start(const char *actions)
{
    struct buf text = {0};
    buf_str(&text, "{\"Version\":\"2019-10-30\",\"StartAction\":\"a\",\"Actions\":[");
    for (const char *p = actions; *p; p++)
        buf_char(&text, *p == '\'' ? '"' : *p);
    buf_str(&text, "]}");
    flow_state_free(&s);
    buf_reset(&here.told);
    struct flow_program *p = parse(text.data);
    buf_free(&text);
    flow_begin(&s, p);
    flow_release(p);
    return flow_start(&s, &world);
}

#define ACTION(id, type, parameters, transitions)                                                  \
    "{'Identifier':'" id "','Type':'" type "','Parameters':{" parameters                           \
    "},'Transitions':{" transitions "}}"
#define NEXT(to)         "'NextAction':'" to "'"
#define ERRORS(type, to) "'Errors':[{'NextAction':'" to "','ErrorType':'" type "'}]"
#define WHEN(op, v, to)                                                                            \
    "{'NextAction':'" to "','Condition':{'Operator':'" op "','Operands':['" v "']}}"
#define HANG_UP(id) ACTION(id, "DisconnectParticipant", "", "")

TEST(a_queue)
{
    CHECK_EQ(start(ACTION("a", "UpdateContactTargetQueue", "'QueueId':'q1'", NEXT("b")) "," ACTION(
                 "b", "TransferContactToQueue", "",
                 NEXT("z") "," ERRORS(
                     "QueueAtCapacity",
                     "c")) "," ACTION("c", "UpdateContactTargetQueue", "'QueueId':'q2'",
                                      NEXT("d")) "," ACTION("d", "TransferContactToQueue", "",
                                                            ERRORS("NoMatchingError",
                                                                   "z")) "," HANG_UP("z")),
             FLOW_QUEUE);
    CHECK_STR(s.target.data, "q1");
    CHECK_EQ(flow_go_on(&s, &world, "QueueAtCapacity"), FLOW_QUEUE);
    CHECK_STR(s.target.data, "q2");
    CHECK_EQ(flow_go_on(&s, &world, "QueueAtCapacity"), FLOW_DISCONNECT); /* any error */
}

TEST(conditions)
{
    static const struct {
        const char *op, *left, *right;
        bool holds;
    } v[] = {
        {"Equals", "LOCAL", "LOCAL", true},
        {"Equals", "LOCAL", "local", false},
        {"Equals", "", "", true},
        {"TextStartsWith", "+15550100", "+1", true},
        {"TextStartsWith", "1", "+1", false},
        {"TextEndsWith", "+15550100", "0100", true},
        {"TextEndsWith", "00", "0100", false},
        {"TextContains", "abc", "b", true},
        {"NumberGreaterThan", "10", "9", true},
        {"NumberGreaterThan", "9", "9", false},
        {"NumberGreaterOrEqualTo", "9", "9.0", true},
        {"NumberLessThan", "-1", "0", true},
        {"NumberLessOrEqualTo", "1", "0", false},
        {"NumberLessThan", "x", "5", false},
        {"NumberLessThan", "5x", "6", false},
        {"SomethingElse", "1", "1", false},
    };
    for (size_t i = 0; i < COUNTOF(v); i++) {
        struct buf text = {0};
        buf_fmt(&text,
                "{'Identifier':'a','Type':'Compare','Parameters':{'ComparisonValue':'%s'},"
                "'Transitions':{'NextAction':'n','Errors':[{'NextAction':'n','ErrorType':"
                "'NoMatchingCondition'}],'Conditions':[{'NextAction':'y','Condition':{'Operator':"
                "'%s','Operands':['%s']}}]}},",
                v[i].left, v[i].op, v[i].right);
        buf_str(&text, ACTION("n", "DisconnectParticipant", "",
                              "") "," ACTION("y", "EndFlowExecution", "", ""));
        enum flow_effect e = start(text.data);
        if (e != (v[i].holds ? FLOW_END : FLOW_DISCONNECT))
            TAP_FAIL("%s %s %s", v[i].left, v[i].op, v[i].right);
        buf_free(&text);
    }
}

#define ROUTE                                                                                                      \
    ACTION("a", "InvokeLambdaFunction",                                                                            \
           "'LambdaFunctionARN':'arn:aws:lambda:$.AwsRegion:1:function:route',"                                    \
           "'InvocationTimeLimitSeconds':'8','ResponseValidation':{'ResponseType':'STRING_MAP'},"                  \
           "'LambdaInvocationAttributes':{'op':'route','from':'$.CustomerEndpoint.Address',"                       \
           "'tier':'$.Attributes.tier','none':'$.Nothing'}",                                                       \
           NEXT("b") "," ERRORS("NoMatchingError", "local"))                                                       \
    "," ACTION("b", "UpdateContactAttributes", "'Attributes':{'hub.txn':'$.External.txn'}", NEXT("c")) "," ACTION( \
        "c", "Compare", "'ComparisonValue':'$.External.action'",                                                   \
        NEXT("local") "," ERRORS("NoMatchingCondition", "local") ",'Conditions':[" WHEN(                           \
            "Equals", "MOVE",                                                                                      \
            "dial") "]") "," ACTION("dial", "TransferParticipantToThirdParty",                                     \
                                    "'ThirdPartyPhoneNumber':'$.External.number','"                                \
                                    "ContinueFlowExecution':'False'",                                              \
                                    NEXT("z") "," ERRORS(                                                          \
                                        "CallFailed",                                                              \
                                        "local")) "," ACTION("local", "UpdateContactTargetQueue",                  \
                                                             "'QueueId':'q'",                                      \
                                                             NEXT(                                                 \
                                                                 "queue")) "," ACTION("queue",                     \
                                                                                      "TransferCo"                 \
                                                                                      "ntactToQue"                 \
                                                                                      "ue",                        \
                                                                                      "",                          \
                                                                                      ERRORS(                      \
                                                                                          "NoMatc"                 \
                                                                                          "hingEr"                 \
                                                                                          "ror",                   \
                                                                                          "z")) "," HANG_UP("z")

TEST(a_function_decides)
{
    CHECK_EQ(start(ROUTE), FLOW_LAMBDA);
    CHECK_STR(s.target.data, "arn:aws:lambda:eu-west-2:1:function:route");
    CHECK_EQ(s.limit_ms, 8000);
    CHECK(s.string_map);
    json_t *want = json_pack("{s:s,s:s,s:s,s:s}", "op", "route", "from", "+15550100", "tier",
                             "<tier>", "none", "");
    CHECK(json_equal(s.parameters, want));
    json_decref(want);
    json_t *move =
        json_pack("{s:s,s:s,s:s}", "action", "MOVE", "number", "+12015550101", "txn", "T42");
    CHECK(flow_returned(&s, move));
    json_decref(move);
    CHECK_EQ(flow_go_on(&s, &world, NULL), FLOW_DIAL);
    CHECK_STR(s.target.data, "+12015550101");
    CHECK(!s.goes_on);
    CHECK_STR(here.told.data, "hub.txn=T42;");
    CHECK_EQ(flow_go_on(&s, &world, "CallFailed"), FLOW_QUEUE); /* nobody there: it waits here */
    CHECK_STR(s.target.data, "q");
}

TEST(a_function_that_fails_leaves_the_contact_here)
{
    CHECK_EQ(start(ROUTE), FLOW_LAMBDA);
    CHECK_EQ(flow_go_on(&s, &world, "NoMatchingError"), FLOW_QUEUE);
    static const char *const bad[] = {"[]", "7", "{\"a\":1}", "{\"a\":null}",
                                      "{\"a\":{\"b\":\"c\"}}"};
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        json_t *v = json_loads(bad[i], JSON_DECODE_ANY, NULL);
        CHECK_EQ(start(ROUTE), FLOW_LAMBDA);
        CHECK(!flow_returned(&s, v));
        s.string_map = false; /* JSON may be nested, but is an object */
        CHECK_EQ(flow_returned(&s, v), bad[i][0] == '{');
        json_decref(v);
    }
    CHECK(!flow_returned(&s, NULL));
}

TEST(only_the_latest_answer_counts)
{
    CHECK_EQ(
        start(ACTION("a", "InvokeLambdaFunction", "'LambdaFunctionARN':'f'", NEXT("b")) "," ACTION(
            "b", "InvokeLambdaFunction",
            "'LambdaFunctionARN':'g','ResponseValidation':{'ResponseType':'JSON'}",
            NEXT("c")) "," ACTION("c", "UpdateContactAttributes",
                                  "'Attributes':{'x':'$.External.x','y':'$.External.y','z':'$."
                                  "External.o.p'}",
                                  NEXT("z")) "," HANG_UP("z")),
        FLOW_LAMBDA);
    CHECK_EQ(s.limit_ms, 3000);
    json_t *one = json_pack("{s:s}", "x", "1"),
           *two = json_pack("{s:i,s:{s:s}}", "y", 2, "o", "p", "3");
    CHECK(flow_returned(&s, one));
    CHECK_EQ(flow_go_on(&s, &world, NULL), FLOW_LAMBDA);
    CHECK(!s.string_map);
    CHECK(flow_returned(&s, two));
    CHECK_EQ(flow_go_on(&s, &world, NULL), FLOW_DISCONNECT);
    CHECK_STR(here.told.data, "x=;y=2;z=3;");
    json_decref(one);
    json_decref(two);
}

TEST(hours)
{
    const char *flow =
        ACTION("a", "UpdateContactTargetQueue", "'QueueId':'q'", NEXT("b")) "," ACTION(
            "b", "CheckHoursOfOperation", "",
            NEXT("z") ",'Conditions':[" WHEN("Equals", "True", "c") "," WHEN(
                "Equals", "False",
                "z") "]," ERRORS("NoMatchingError",
                                 "z")) "," ACTION("c", "CheckHoursOfOperation",
                                                  "'HoursOfOperationId':'h'",
                                                  NEXT("z") ",'Conditions':[" WHEN(
                                                      "Equals", "True",
                                                      "e") "]") "," ACTION("e", "EndFlowExecution",
                                                                           "", "") "," HANG_UP("z");
    here.open = true;
    CHECK_EQ(start(flow), FLOW_END);
    CHECK_STR(here.told.data, "-/q;h/q;");
    here.open = false;
    CHECK_EQ(start(flow), FLOW_DISCONNECT);
    CHECK_STR(here.told.data, "-/q;");
}

TEST(shares_by_percentage)
{
    const char *flow = ACTION("a", "DistributeByPercentage", "",
                              "'Conditions':[" WHEN("NumberLessThan", "31", "l") "]," ERRORS(
                                  "NoMatchingCondition", "r")) "," ACTION("l", "EndFlowExecution",
                                                                          "", "") "," HANG_UP("r");
    int left = 0;
    for (int i = 0; i < 100; i++) {
        here.chance = i / 100.0;
        left += start(flow) == FLOW_END;
    }
    CHECK_EQ(left, 30);
}

/* The flow of a contact that waits: asks, waits, asks again, three times. */
TEST(loops_and_waits)
{
    const char *flow = ACTION(
        "a", "Loop", "'LoopCount':'3'",
        "'Conditions':[" WHEN("Equals", "ContinueLooping", "b") "," WHEN(
            "Equals", "DoneLooping",
            "z") "]") "," ACTION("b", "InvokeLambdaFunction", "'LambdaFunctionARN':'f'",
                                 NEXT("c") "," ERRORS(
                                     "NoMatchingError",
                                     "c")) "," ACTION("c", "MessageParticipantIteratively",
                                                      "'InterruptFrequencySeconds':'20'",
                                                      "'Conditions':[" WHEN("Equals", "MessagesInterrupted", "d") "]," ERRORS(
                                                          "NoMatchingError",
                                                          "z")) "," ACTION("d", "Wait",
                                                                           "'TimeLimitSeconds':'5'",
                                                                           "'Conditions':[" WHEN(
                                                                               "Equals",
                                                                               "WaitCompleted",
                                                                               "a") "]," ERRORS("No"
                                                                                                "Ma"
                                                                                                "tc"
                                                                                                "hi"
                                                                                                "ng"
                                                                                                "Er"
                                                                                                "ro"
                                                                                                "r",
                                                                                                "z")) "," HANG_UP("z");
    enum flow_effect e = start(flow);
    for (int turn = 0; turn < 3; turn++) {
        CHECK_EQ(e, FLOW_LAMBDA);
        CHECK_EQ(flow_go_on(&s, &world, "NoMatchingError"), FLOW_WAIT);
        CHECK_EQ(s.limit_ms, 20000);
        CHECK_EQ(flow_go_on(&s, &world, NULL), FLOW_WAIT);
        CHECK_EQ(s.limit_ms, 5000);
        e = flow_go_on(&s, &world, NULL);
    }
    CHECK_EQ(e, FLOW_DISCONNECT);
}

/* A loop that is done begins anew when it is come to again: two waits, a question, two waits. */
TEST(a_loop_inside_a_loop)
{
    const char *flow = ACTION(
        "a", "Loop", "'LoopCount':'2'",
        "'Conditions':[" WHEN("Equals", "ContinueLooping", "w") "," WHEN(
            "Equals", "DoneLooping",
            "f") "]") "," ACTION("w", "Wait", "'TimeLimitSeconds':'1'",
                                 "'Conditions':[" WHEN(
                                     "Equals", "WaitCompleted",
                                     "a") "]") "," ACTION("f", "InvokeLambdaFunction",
                                                          "'LambdaFunctionARN':'f'", NEXT("a"));
    enum flow_effect e = start(flow);
    for (int turn = 0; turn < 3; turn++) {
        CHECK_EQ(e, FLOW_WAIT);
        CHECK_EQ(flow_go_on(&s, &world, NULL), FLOW_WAIT);
        CHECK_EQ(flow_go_on(&s, &world, NULL), FLOW_LAMBDA);
        e = flow_go_on(&s, &world, NULL);
    }
}

TEST(other_effects)
{
    CHECK_EQ(
        start(ACTION("a", "UpdateContactEventHooks", "'EventHooks':{'CustomerQueue':'f'}", NEXT("b")) "," ACTION(
            "b", "UpdateContactRoutingBehavior",
            "'QueuePriority':'2','QueueTimeAdjustmentSeconds':'60'",
            NEXT(
                "c")) "," ACTION("c", "UpdateFlowAttributes",
                                 "'FlowAttributes':{'k':{'Value':'v'}}",
                                 NEXT(
                                     "d")) "," ACTION("d", "UpdateContactAttributes",
                                                      "'Attributes':{'k':'$.FlowAttributes.k'}",
                                                      NEXT(
                                                          "e")) "," ACTION("e",
                                                                           "MessageParticipant",
                                                                           "'Text':'hello'",
                                                                           NEXT(
                                                                               "f")) "," ACTION("f",
                                                                                                "Tr"
                                                                                                "an"
                                                                                                "sf"
                                                                                                "er"
                                                                                                "To"
                                                                                                "Fl"
                                                                                                "o"
                                                                                                "w",
                                                                                                "'C"
                                                                                                "on"
                                                                                                "ta"
                                                                                                "ct"
                                                                                                "Fl"
                                                                                                "ow"
                                                                                                "Id"
                                                                                                "':"
                                                                                                "'g"
                                                                                                "'",
                                                                                                ERRORS(
                                                                                                    "NoMatchingError",
                                                                                                    "z")) "," HANG_UP("z")),
        FLOW_HOOK);
    CHECK_STR(s.target.data, "f");
    CHECK_EQ(flow_go_on(&s, &world, NULL), FLOW_ROUTING);
    CHECK_EQ(s.priority, 2);
    CHECK_EQ(s.adjust_ms, 60000);
    CHECK_EQ(flow_go_on(&s, &world, NULL), FLOW_JUMP);
    CHECK_STR(s.target.data, "g");
    CHECK_STR(here.told.data, "k=v;");
    CHECK_EQ(flow_go_on(&s, &world, "NoMatchingError"), FLOW_DISCONNECT);
    CHECK_EQ(start(ACTION("a", "DequeueContactAndTransferToQueue", "'QueueId':'q2'", "")),
             FLOW_QUEUE);
    CHECK_STR(s.target.data, "q2");
    CHECK_EQ(flow_go_on(&s, &world, NULL), FLOW_END);
}

TEST(flows_that_break)
{
    CHECK_EQ(start(ACTION(
                 "a", "ConnectParticipantWithLexBot", "",
                 NEXT("z") "," ERRORS("NoMatchingError", "b")) "," ACTION("b", "EndFlowExecution",
                                                                          "", "") "," HANG_UP("z")),
             FLOW_END); /* what is not there takes its error branch */
    CHECK_EQ(start(ACTION("a", "ConnectParticipantWithLexBot", "", NEXT("z")) "," HANG_UP("z")),
             FLOW_BROKEN);
    CHECK_EQ(start(ACTION("a", "MessageParticipant", "", "")), FLOW_BROKEN); /* leads nowhere */
    CHECK_EQ(start(ACTION("a", "MessageParticipant", "", NEXT("a"))),
             FLOW_BROKEN); /* in a circle */
    CHECK_EQ(start(ACTION("a", "UpdateContactTargetQueue", "", NEXT("z")) "," HANG_UP("z")),
             FLOW_BROKEN);
}

TEST(what_is_no_flow)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"Actions\":[]}",
        "{\"Actions\":7,\"StartAction\":\"a\"}",
        "{\"Actions\":[{\"Identifier\":\"a\",\"Type\":\"X\",\"Parameters\":{},\"Transitions\":{}}]"
        "}",
        "{\"Version\":\"2019-10-30\",\"StartAction\":\"b\",\"Actions\":[{\"Identifier\":\"a\","
        "\"Type\":\"X\",\"Parameters\":{}"
        ","
        "\"Transitions\":{}}]}",
        "{\"Version\":\"2019-10-30\",\"StartAction\":\"a\",\"Actions\":[{\"Identifier\":\"a\","
        "\"Type\":\"X\",\"Transitions\":{"
        "}}]}",
        "{\"Version\":\"2019-10-30\",\"StartAction\":\"a\",\"Actions\":[{\"Identifier\":\"a\","
        "\"Type\":\"X\",\"Parameters\":{}"
        ","
        "\"Transitions\":{\"NextAction\":\"b\"}}]}",
        "{\"Version\":\"2019-10-30\",\"StartAction\":\"a\",\"Actions\":[{\"Identifier\":\"a\","
        "\"Type\":\"X\",\"Parameters\":{}"
        ","
        "\"Transitions\":{\"Errors\":[{\"NextAction\":\"b\"}]}}]}",
        "{\"Version\":\"2019-10-30\",\"StartAction\":\"a\",\"Actions\":[{\"Identifier\":\"a\","
        "\"Type\":\"X\",\"Parameters\":{}"
        ","
        "\"Transitions\":{}},{\"Identifier\":\"a\",\"Type\":\"X\",\"Parameters\":{},"
        "\"Transitions\":{}}]}",
        "{\"Version\":\"2019-10-30\",\"StartAction\":\"a\",\"StartAction\":\"a\",\"Actions\":[{"
        "\"Identifier\":\"a\",\"Type\":"
        "\"X\","
        "\"Parameters\":{},\"Transitions\":{}}]}",
    };
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        const char *problem = NULL;
        if (flow_parse(bad[i], strlen(bad[i]), &problem) || !problem)
            TAP_FAIL("%s is taken, or without a reason", bad[i]);
    }
    flow_state_free(&s);
    buf_free(&here.told);
}

TAP_MAIN
