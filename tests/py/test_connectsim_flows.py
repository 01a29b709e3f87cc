"""Flows of connectsim, made through AWS's own API: functions they call over HTTP, queues, the flow
of a customer who waits, telephone numbers of other instances; and contact events at a webhook."""

import collections
import http.server
import json
import sys
import threading
import time

from hub import Tap, load

try:
    import boto3  # noqa: F401
    from aws import ConnectSim, until
except ImportError:
    print("1..0 # SKIP boto3 is not installed, see requirements.txt")
    sys.exit(0)

tap = Tap()


class Endpoint(http.server.ThreadingHTTPServer):
    """Takes POSTs; `answer(body)` is a status and what goes back, or None for nothing at all."""
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.got, self.lock = answer, [], threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path=""):
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (BrokenPipeError, ConnectionResetError)):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = load(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.got.append((self.path, body))
        status, reply, headers = (*self.server.answer(self.path, body), {})[:3]
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


answers = collections.deque()  # what the function answers next; else LOCAL


def route(path, event):
    answer = answers.popleft() if answers else {"action": "LOCAL", "number": "", "txn": "T0"}
    return answer() if callable(answer) else (200, answer)


hub, hook = Endpoint(route), Endpoint(lambda path, event: (200, {}))
sim = ConnectSim("--no-arrivals", "--seed", 5, "--regions", "us-east-1,eu-west-2",
                 "--lambda", "route=" + hub.url("{region}/route"), "--events", hook.url("events"))
EAST, LONDON = "us-east-1", "eu-west-2"
connect = {r: sim.client("connect", region=r, retries=20) for r in (EAST, LONDON)}
instance, numbers, queues = {}, {}, {}
for region, c in connect.items():
    instance[region] = c.list_instances()["InstanceSummaryList"][0]["Id"]
    numbers[region] = c.list_phone_numbers_v2(InstanceId=instance[region])["ListPhoneNumbersSummaryList"]
    queues[region] = {q["Name"]: q for q in c.list_queues(InstanceId=instance[region], QueueTypes=["STANDARD"])
                      ["QueueSummaryList"]}


def action(name, kind, parameters=None, next=None, errors=None, conditions=None):
    t = {}
    if next:
        t["NextAction"] = next
    if errors:
        t["Errors"] = [{"NextAction": n, "ErrorType": e} for e, n in errors.items()]
    if conditions:
        t["Conditions"] = [{"NextAction": n, "Condition": {"Operator": "Equals", "Operands": [v]}}
                           for v, n in conditions.items()]
    return {"Identifier": name, "Type": kind, "Parameters": parameters or {}, "Transitions": t}


def flow(region, name, *actions, kind="CONTACT_FLOW"):
    content = json.dumps({"Version": "2019-10-30", "StartAction": actions[0]["Identifier"], "Actions": list(actions)})
    return connect[region].create_contact_flow(InstanceId=instance[region], Name=name, Type=kind, Content=content)


ARN = "arn:aws:lambda:$.AwsRegion:123456789012:function:route"


def ask(name, next, error, arn=ARN, limit="8", **attributes):
    return action(name, "InvokeLambdaFunction",
                  {"LambdaFunctionARN": arn, "InvocationTimeLimitSeconds": limit,
                   "LambdaInvocationAttributes": attributes or {"op": "route"},
                   "ResponseValidation": {"ResponseType": "STRING_MAP"}}, next, {"NoMatchingError": error})


def queue(region, name="support", wait="queue"):
    return [action("set", "UpdateContactTargetQueue", {"QueueId": queues[region][name]["Arn"]}, wait,
                   {"NoMatchingError": "end"}),
            action(wait, "TransferContactToQueue", {}, None, {"QueueAtCapacity": "end", "NoMatchingError": "end"}),
            action("end", "DisconnectParticipant")]


def entry(region, **options):
    """Ask where to; note the answer; another instance's number, or this queue."""
    return [ask("ask", "note", "failed", **options),
            action("note", "UpdateContactAttributes", {"Attributes": {"hub.txn": "$.External.txn"}}, "which"),
            action("which", "Compare", {"ComparisonValue": "$.External.action"}, None,
                   {"NoMatchingCondition": "set"}, {"MOVE": "dial"}),
            action("dial", "TransferParticipantToThirdParty",
                   {"ThirdPartyPhoneNumber": "$.External.number", "ContinueFlowExecution": "False"}, "end",
                   {"CallFailed": "set", "NoMatchingError": "set"}),
            action("failed", "UpdateContactAttributes", {"Attributes": {"hub.txn": "none"}}, "set"),
            *queue(region)]


def use(region, number, f):
    connect[region].associate_phone_number_contact_flow(
        PhoneNumberId=number["PhoneNumberId"], InstanceId=instance[region], ContactFlowId=f["ContactFlowId"])


def call(number, region=EAST, **more):
    """Calls; the contacts that are here then and were not before."""
    before = {c["id"] for c in contacts(region)}
    status, said = sim.control("POST", "/sim/call", {"number": number["PhoneNumber"], "from": "+447700900123", **more})
    tap.equal(status, 200, f"called {said}")
    return [c for c in contacts(region) if c["id"] not in before]


def contacts(region):
    return next(i["every_contact"] for i in state(full=True)["instances"] if i["region"] == region)


def state(full=False):
    return sim.control("GET", "/sim/state" + ("?full=1" if full else ""))[1]


def clear():
    """Ends all contacts: an instance has ten calls at a time."""
    for region, c in connect.items():
        for k in contacts(region):
            if k["state"] != "wrapup":
                c.stop_contact(InstanceId=instance[region], ContactId=k["id"])


def settled(region, contact):
    """The contact once its flow has put it somewhere."""
    return until(lambda: next((c for c in contacts(region) if c["id"] == contact["id"] and c["state"] != "in_flow"), None),
                 "a contact that is out of its flow")


def attributes(region, contact):
    return connect[region].get_contact_attributes(InstanceId=instance[region], InitialContactId=contact["id"])["Attributes"]


# ---- a function decides ----

f = flow(EAST, "route", *entry(EAST, op="route", caller="$.CustomerEndpoint.Address", tier="$.Attributes.tier"))
use(EAST, numbers[EAST][0], f)
k = call(numbers[EAST][0], attributes={"tier": "gold"})
tap.equal(len(k), 1, "one contact")
k = settled(EAST, k[0])
tap.equal(k["queue"], "support", "LOCAL: it waits here")
tap.equal(attributes(EAST, k), {"tier": "gold", "hub.txn": "T0"}, "attributes of both")
path, event = hub.got[0]
tap.equal(path, "/us-east-1/route", "the endpoint of this region")
tap.equal(set(event), {"Name", "Details"}, "AWS's event")
tap.equal(event["Name"], "ContactFlowEvent", "AWS's event")
tap.equal(event["Details"]["Parameters"], {"op": "route", "caller": "+447700900123", "tier": "gold"}, "parameters")
data = event["Details"]["ContactData"]
tap.equal(set(data), {
    "Attributes", "AwsRegion", "Channel", "ContactId", "CustomerEndpoint", "CustomerId", "Description",
    "InitialContactId", "InitiationMethod", "InstanceARN", "LanguageCode", "MediaStreams", "Name", "PreviousContactId",
    "Queue", "References", "RelatedContactId", "SegmentAttributes", "SystemEndpoint"}, "members of ContactData")
tap.equal((data["ContactId"], data["InitialContactId"], data["PreviousContactId"]), (k["id"],) * 3, "ids")
tap.equal(data["CustomerEndpoint"], {"Address": "+447700900123", "Type": "TELEPHONE_NUMBER"}, "who calls")
tap.equal(data["SystemEndpoint"]["Address"], numbers[EAST][0]["PhoneNumber"], "which number")
tap.equal(data["InstanceARN"], f"arn:aws:connect:us-east-1:123456789012:instance/{instance[EAST]}", "which instance")
tap.equal(data["Attributes"], {"tier": "gold"}, "attributes so far")
tap.equal(data["MediaStreams"], {"Customer": {"Audio": None}}, "media streams")
tap.end("a flow asks a function and does what it says")

# ---- failures ----

for name, answer in [
        ("status 400", lambda: (400, {"message": "no"})),
        ("not JSON", lambda: (200, b"LOCAL")),
        ("a number in a string map", {"action": 1}),
        ("nested", {"action": {"a": "b"}}),
        ("a list", ["LOCAL"]),
        ("more than 32 KB", {"action": "x" * 33000}),
        ("a function's error", lambda: (200, {"errorMessage": "x"}, {"X-Amz-Function-Error": "Unhandled"}))]:
    answers.append(answer)
    k = settled(EAST, call(numbers[EAST][0])[0])
    tap.equal((k["queue"], attributes(EAST, k)["hub.txn"]), ("support", "none"), name)
tap.end("an answer that is none takes the error branch, and the contact is served here")

clear()
asked = len(hub.got)
answers += [lambda: (503, {}), lambda: (429, {}), {"action": "LOCAL", "txn": "T3"}]
k = settled(EAST, call(numbers[EAST][0])[0])
tap.equal((attributes(EAST, k)["hub.txn"], len(hub.got) - asked), ("T3", 3), "throttled and failed: tried again")
asked = len(hub.got)
answers += [lambda: (500, {})] * 4
k = settled(EAST, call(numbers[EAST][0])[0])
tap.equal((attributes(EAST, k)["hub.txn"], len(hub.got) - asked), ("none", 4), "three times, then no more")
slow = flow(EAST, "slow", *entry(EAST, limit="1"))
use(EAST, numbers[EAST][1], slow)
answers.append(lambda: (time.sleep(4), (200, {"action": "LOCAL", "txn": "late"}))[1])
began = time.monotonic()
k = settled(EAST, call(numbers[EAST][1])[0])
tap.equal(attributes(EAST, k)["hub.txn"], "none", "an answer after the block's time is none")
tap.check(time.monotonic() - began >= 0.9, "and was waited for so long")
for arn in ("arn:aws:lambda:eu-west-2:123456789012:function:route", "arn:aws:lambda:us-east-1:123456789012:function:other"):
    f = flow(EAST, arn, *entry(EAST, arn=arn))
    use(EAST, numbers[EAST][1], f)
    k = settled(EAST, call(numbers[EAST][1])[0])
    tap.equal(attributes(EAST, k)["hub.txn"], "none", f"not associated with this instance: {arn}")
tap.end("functions are tried again within their time, and must be the instance's own")

# ---- another instance ----

clear()
use(LONDON, numbers[LONDON][0], flow(LONDON, "claim", *entry(LONDON, op="claim", dialled="$.SystemEndpoint.Address")))
there = numbers[LONDON][0]["PhoneNumber"]
answers += [{"action": "MOVE", "number": there, "txn": "T42"}, {"action": "LOCAL", "txn": "T43"}]
before = {c["id"] for c in contacts(LONDON)}
call(numbers[EAST][0], attributes={"tier": "gold"})
moved = until(lambda: [c for c in contacts(LONDON) if c["id"] not in before and c["state"] != "in_flow"], "it in London")[0]
tap.equal(moved["queue"], "support", "it waits there")
tap.equal(attributes(LONDON, moved), {"tier": "gold", "hub.txn": "T43"}, "attributes came along")
path, event = hub.got[-1]
tap.equal((path, event["Details"]["Parameters"]["dialled"]), ("/eu-west-2/route", there), "London asks, with the number dialled")
segments = event["Details"]["ContactData"]["SegmentAttributes"]["connect:CrossInstanceInfo"]["ValueMap"]
tap.equal(segments["RelatedContactARN"]["ValueArn"],
          f"arn:aws:connect:us-east-1:123456789012:instance/{instance[EAST]}/contact/{moved['related']}", "where it came from")
source = connect[EAST].describe_contact(InstanceId=instance[EAST], ContactId=moved["related"])["Contact"]
tap.check("DisconnectTimestamp" in source, "it is over where it came from")
tap.equal(state()["flows"]["moved"], 1, "one has moved")
answers.append({"action": "MOVE", "number": "+12125550199", "txn": "T44"})
k = settled(EAST, call(numbers[EAST][0])[0])
tap.equal(k["queue"], "support", "a number that nobody has: CallFailed, it waits here")
answers.append({"action": "MOVE", "number": "+498912345678", "txn": "T45"})
n = len(contacts(EAST))
call(numbers[EAST][0])
until(lambda: len(contacts(EAST)) == n, "it has left for a number outside")
tap.end("a contact moves to another instance with its attributes, under a new id")

# ---- while it waits ----

clear()
hold = flow(EAST, "waiting", action("loop", "Loop", {"LoopCount": "3"}, None, None,
                                    {"ContinueLooping": "hear", "DoneLooping": "over"}),
            action("hear", "MessageParticipantIteratively", {"Messages": [{"Text": "please wait"}],
                                                             "InterruptFrequencySeconds": "20"},
                   None, {"NoMatchingError": "over"}, {"MessagesInterrupted": "ask"}),
            ask("ask", "which", "loop", op="again"),
            action("which", "Compare", {"ComparisonValue": "$.External.action"}, None,
                   {"NoMatchingCondition": "loop"}, {"MOVE": "dial", "QUEUE": "other"}),
            action("dial", "TransferParticipantToThirdParty", {"ThirdPartyPhoneNumber": "$.External.number"}, "over",
                   {"CallFailed": "loop"}),
            action("other", "DequeueContactAndTransferToQueue", {"QueueId": queues[EAST]["sales"]["Arn"]}, "over",
                   {"QueueAtCapacity": "loop", "NoMatchingError": "loop"}),
            action("over", "EndFlowExecution"), kind="CUSTOMER_QUEUE")
first = flow(EAST, "with music", action("hook", "UpdateContactEventHooks",
                                        {"EventHooks": {"CustomerQueue": hold["ContactFlowArn"]}}, "rank"),
             action("rank", "UpdateContactRoutingBehavior", {"QueuePriority": "2"}, "set"), *queue(EAST))
use(EAST, numbers[EAST][1], first)
for agent in [a["username"] for i in state(full=True)["instances"] for a in i["every_agent"]]:
    sim.control("POST", "/sim/agent", {"username": agent, "do": "drop"})


def skip(ms):
    tap.equal(sim.control("PUT", "/sim/clock", {"skip_ms": ms})[0], 200, "time passes")


asked = len(hub.got)
k = settled(EAST, call(numbers[EAST][1])[0])
tap.equal((k["state"], len(hub.got)), ("queued", asked), "it waits; nobody is asked yet")
skip(20000)
until(lambda: len(hub.got) == asked + 1, "asked after 20 s")
tap.equal(hub.got[-1][1]["Details"]["Parameters"], {"op": "again"}, "the waiting flow's question")
tap.equal(hub.got[-1][1]["Details"]["ContactData"]["Queue"]["Name"], "support", "where it waits")
answers.append({"action": "QUEUE"})
until(lambda: (skip(5000), any(c["id"] == k["id"] and c["queue"] == "sales" for c in contacts(EAST)))[1], "it in sales")
answers += [{"action": "MOVE", "number": there}, {"action": "LOCAL", "txn": "T50"}]
until(lambda: (skip(5000), any(c["related"] == k["id"] for c in contacts(LONDON)))[1], "it in London")
tap.check(all(c["id"] != k["id"] for c in contacts(EAST)), "and not here any more")
tap.end("the flow of a customer who waits asks again, and moves him")

k = settled(EAST, call(numbers[EAST][1])[0])
sim.control("POST", "/sim/agent", {"username": "us-east-1-voice-001", "do": "login"})
until(lambda: any(c["id"] == k["id"] and c["state"] == "connected" for c in contacts(EAST)), "an agent")
asked = len(hub.got)
skip(20000)
time.sleep(0.3)
tap.equal(len(hub.got), asked, "whoever talks to an agent hears no flow")
tap.end("it ends when an agent takes him")

# ---- an agent's quick connects ----

clear()
c = connect[EAST]


def quick(name, config):
    c.create_quick_connect(InstanceId=instance[EAST], Name=name, QuickConnectConfig=config)
    return sim.control("POST", "/sim/agent", {"username": "us-east-1-voice-001", "do": "transfer", "quick_connect": name})[0]


use(EAST, numbers[EAST][1], flow(EAST, "straight", *queue(EAST)))
tap.equal(quick("nobody", {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": there}}), 400, "he talks to nobody")
k = call(numbers[EAST][1], attributes={"case": "7"})[0]
tap.equal((k["state"], k["agent"]), ("connected", "us-east-1-voice-001"), "the one who is there")
answers.append({"action": "LOCAL", "txn": "T60"})
tap.equal(quick("busy", {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "+12125550199"}}), 400, "no answer")
tap.equal(quick("London", {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": there}}), 204, "over to London")
moved2 = until(lambda: [x for x in contacts(LONDON) if x["related"] == k["id"]], "it in London")[0]
moved2 = settled(LONDON, moved2)
tap.equal(attributes(LONDON, moved2), {"case": "7", "hub.txn": "T60"}, "with what was known")
k = call(numbers[EAST][1])[0]
f = flow(EAST, "transfer", *queue(EAST, "sales"), kind="QUEUE_TRANSFER")
tap.equal(quick("sales", {"QuickConnectType": "QUEUE", "QueueConfig": {
    "QueueId": queues[EAST]["sales"]["Id"], "ContactFlowId": f["ContactFlowId"]}}), 204, "over to a queue")
tap.check(any(x["previous"] == k["id"] and x["queue"] == "sales" for x in contacts(EAST)), "a new contact that waits there")
skip(600000)  # a transfer's leg cannot be stopped by the API; nobody waits that long
tap.end("an agent hands over by quick connect: to another instance, to a queue")

# ---- broken flows, hours ----

clear()
fault = sim.control("PUT", "/sim/faults", {"fault": "flows_broken", "region": EAST})[1]
n = len(contacts(EAST))
call(numbers[EAST][0])
tap.equal(len(contacts(EAST)), n, "a broken flow hangs up")
tap.equal(connect[EAST].describe_instance(InstanceId=instance[EAST])["Instance"]["InstanceStatus"], "ACTIVE", "the API is well")
sim.control("DELETE", f"/sim/faults?id={fault['id']}")
tap.equal(settled(EAST, call(numbers[EAST][0])[0])["queue"], "support", "and repaired")
hours = connect[EAST].create_hours_of_operation(
    InstanceId=instance[EAST], Name="never", TimeZone="UTC",
    Config=[{"Day": "MONDAY", "StartTime": {"Hours": 0, "Minutes": 0}, "EndTime": {"Hours": 0, "Minutes": 1}}])
f = flow(EAST, "hours", action("open", "CheckHoursOfOperation", {"HoursOfOperationId": hours["HoursOfOperationId"]}, None,
                               {"NoMatchingError": "end"}, {"True": "set", "False": "end"}), *queue(EAST))
use(EAST, numbers[EAST][1], f)
n = len(contacts(EAST))
call(numbers[EAST][1])
tap.equal(len(contacts(EAST)), n, "out of hours")
tap.end("a flow that breaks, and one that is closed")

# ---- contact events ----

until(lambda: state()["contact_events"]["waiting"] == 0, "all events are out")
told = [e for _, e in hook.got]
s = state()["contact_events"]
tap.equal((s["delivered"], s["dropped"], s["lost"]), (len(told), 0, 0), "all are delivered")
tap.equal(s["told"], len(told), "that were told")
by_contact = collections.defaultdict(dict)
for e in told:
    tap.equal(set(e), {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"},
              "members of an event")
    tap.equal((e["detail-type"], e["source"]), ("Amazon Connect Contact Event", "aws.connect"), "EventBridge's")
    tap.check(e["resources"][0].endswith("/contact/" + e["detail"]["contactId"]), "resources")
    by_contact[e["detail"]["contactId"]][e["detail"]["eventType"]] = e["detail"]
tap.equal(len({e["id"] for e in told}), len(told), "ids are unique")
kinds = collections.Counter(t for v in by_contact.values() for t in v)
tap.check(all("INITIATED" in v for v in by_contact.values()), "every contact was initiated")
tap.check({"QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED", "CONNECTED_TO_SYSTEM"} <= set(kinds), f"{kinds}")
tap.check("relatedContactId" in by_contact[moved["id"]]["INITIATED"], "where a moved one came from")
order = [e["detail"]["eventType"] for e in told if e["detail"]["contactId"] == k["id"]]
tap.check("agentInfo" in by_contact[k["id"]]["CONNECTED_TO_AGENT"], f"who has it: {order}")
arrived = [e["time"] for e in told]
tap.check(arrived != sorted(arrived), "they come in no order")
tap.end("contact events as EventBridge posts them")

failing = Endpoint(lambda path, event: (503, {}) if sum(e["id"] == event["id"] for _, e in failing.got) < 3 else (200, {}))
sim2 = ConnectSim("--no-arrivals", "--regions", "us-east-1,us-west-2", "--events", failing.url())
n2 = sim2.client("connect").list_phone_numbers_v2()["ListPhoneNumbersSummaryList"]
sim2.control("POST", "/sim/call", {"number": n2[0]["PhoneNumber"], "from": "+447700900123"})
until(lambda: sim2.control("GET", "/sim/state")[1]["contact_events"]["delivered"] >= 6, "delivered in the end")
pair = collections.Counter(e["detail"]["eventType"] for e in {e["id"]: e for _, e in failing.got}.values())
tap.check(all(n % 2 == 0 for n in pair.values()), f"in a pair both regions are told: {pair}")
tap.check(all(n <= 5 for n in collections.Counter(e["id"] for _, e in failing.got).values()), "five tries at most")
tap.equal(sim2.stop(), 0, "it stops while events wait")
tap.equal(sim.stop(), 0, "it stops")
tap.end("events are tried again, told in both regions of a pair")
tap.done()
