"""connectsim with everything at once: contacts, flows, functions that fail, readers, and faults at
random. When it is all over, nothing is lost: every contact that ended has its record, every agent's
last event is what the API says of him, and it stops when told to.

    CONNECTSIM=build-asan/connectsim build/venv/bin/python tests/py/test_connectsim_chaos.py SEED STEPS"""

import collections
import http.server
import json
import random
import sys
import threading
import time

from hub import Tap, load

try:
    from botocore.exceptions import BotoCoreError, ClientError
    from aws import ConnectSim, until
except ImportError:
    print("1..0 # SKIP boto3 is not installed, see requirements.txt")
    sys.exit(0)

SEED, STEPS = (int(a) for a in (sys.argv[1:] + ["1", "400"])[:2]) if len(sys.argv) == 3 else (1, 400)
REGIONS = ["us-east-1", "us-west-2", "eu-west-2"]
ARN = "arn:aws:lambda:$.AwsRegion:123456789012:function:route"
tap, draw, numbers = Tap(), random.Random(SEED), []


class Function(http.server.BaseHTTPRequestHandler):
    """Sometimes says where to, sometimes nonsense, fails, or hangs up; takes contact events, too."""
    protocol_version = "HTTP/1.1"
    chance = random.Random(SEED + 1)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        luck = self.chance.random()
        if luck < 0.05:
            self.close_connection = True
            return
        answer = self.chance.choice([{"action": "LOCAL"}, {"action": "MOVE", "number": self.chance.choice(numbers)},
                                     {"action": 7}, []])
        data = json.dumps(answer).encode() if luck < 0.85 else b"{"
        self.send_response(503 if luck > 0.95 else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 200

    def handle_error(self, *args):
        pass


server = Server(("127.0.0.1", 0), Function)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}/"
sim = ConnectSim("--speed", 50, "--seed", SEED, "--throttle", "off", "--regions", ",".join(REGIONS),
                 "--lambda", "route=" + url, "--events", url)
connect = {r: sim.client("connect", r, read_timeout=2) for r in REGIONS}
kinesis = {r: sim.client("kinesis", r, read_timeout=2) for r in REGIONS}
instance = {r: connect[r].list_instances()["InstanceSummaryList"][0]["Id"] for r in REGIONS}


def action(name, kind, parameters=None, **transitions):
    return {"Identifier": name, "Type": kind, "Parameters": parameters or {}, "Transitions": transitions}


def errors(**ways):
    return [{"NextAction": n, "ErrorType": e} for e, n in ways.items()]


def when(value, next):
    return [{"NextAction": next, "Condition": {"Operator": "Equals", "Operands": [value]}}]


def content(*actions):
    return json.dumps({"Version": "2019-10-30", "StartAction": actions[0]["Identifier"], "Actions": actions})


def ask(then, error):
    return [action("ask", "InvokeLambdaFunction", {"LambdaFunctionARN": ARN, "InvocationTimeLimitSeconds": "1"},
                   NextAction="which", Errors=errors(NoMatchingError=error)),
            action("which", "Compare", {"ComparisonValue": "$.External.action"}, Conditions=when("MOVE", "dial"),
                   Errors=errors(NoMatchingCondition=then)),
            action("dial", "TransferParticipantToThirdParty", {"ThirdPartyPhoneNumber": "$.External.number"},
                   NextAction=then, Errors=errors(CallFailed=then))]


for region in ("us-east-1", "eu-west-2"):  # us-west-2 mirrors us-east-1
    c, i = connect[region], instance[region]
    wait = c.create_contact_flow(InstanceId=i, Name="wait", Type="CUSTOMER_QUEUE", Content=content(
        action("wait", "Wait", {"TimeLimitSeconds": "15"}, Conditions=when("WaitCompleted", "ask")), *ask("wait", "wait")))
    queues = c.list_queues(InstanceId=i, QueueTypes=["STANDARD"])["QueueSummaryList"]
    for n, number in enumerate(c.list_phone_numbers_v2()["ListPhoneNumbersSummaryList"]):
        numbers.append(number["PhoneNumber"])
        flow = c.create_contact_flow(InstanceId=i, Name=f"flow {n}", Type="CONTACT_FLOW", Content=content(
            action("hook", "UpdateContactEventHooks", {"EventHooks": {"CustomerQueue": wait["ContactFlowArn"]}}, NextAction="ask"),
            *ask("set", "set"),
            action("set", "UpdateContactTargetQueue", {"QueueId": draw.choice(queues)["Arn"]}, NextAction="queue",
                   Errors=errors(NoMatchingError="end")),
            action("queue", "TransferContactToQueue", Errors=errors(QueueAtCapacity="end", NoMatchingError="end")),
            action("end", "DisconnectParticipant")))
        c.associate_phone_number_contact_flow(PhoneNumberId=number["PhoneNumberId"], InstanceId=i,
                                              ContactFlowId=flow["ContactFlowId"])
numbers.append("+12125550000")
flows = {r: [f["Id"] for f in connect[r].list_contact_flows(InstanceId=instance[r], ContactFlowTypes=["CONTACT_FLOW"])
             ["ContactFlowSummaryList"]] for r in REGIONS}
failed = collections.Counter()


def attempt(call, **args):
    try:
        return call(**args)
    except (ClientError, BotoCoreError) as e:
        failed[type(e).__name__] += 1


def fault(region):
    return draw.choice([
        {"fault": "region_down", "region": region, "mode": draw.choice(["refuse", "reset", "slow"]), "delay_ms": 50,
         "drop_contacts": draw.random() < 0.5},
        {"fault": "api_errors", "rate": 0.3}, {"fault": "api_slow", "rate": 0.5, "delay_ms": 30},
        {"fault": "throttle_storm", "region": region}, {"fault": "stream_stall", "region": region},
        {"fault": "events_lost", "rate": 0.3}, {"fault": "agents_lost", "rate": 0.5, "region": region},
        {"fault": "flows_broken", "region": region}, {"fault": "clock_skew", "skew_ms": draw.randrange(-400000, 400000)}])


def state(full=False):
    return sim.control("GET", "/sim/state" + ("?full=1" if full else ""))[1]


agents = [a["username"] for i in state(True)["instances"] for a in i["every_agent"]]
for step in range(STEPS):
    region, what = draw.choice(REGIONS), draw.random()
    if what < 0.15:
        sim.control("PUT", "/sim/faults", {**fault(region), "for_ms": draw.randrange(50, 1000)})
    elif what < 0.35:
        sim.control("POST", "/sim/call", {"number": draw.choice(numbers[:-1]), "from": "+447700900123", "count": draw.randrange(1, 5)})
    elif what < 0.45:
        sim.control("POST", "/sim/agent", {"username": draw.choice(agents), "do": draw.choice(["login", "logout", "drop", "clear"])})
    elif what < 0.5:
        sim.control("PUT", "/sim/clock", {"skip_ms": draw.randrange(60000)})
    elif what < 0.7:
        attempt(connect[region].start_chat_contact, InstanceId=instance[region], ContactFlowId=draw.choice(flows[region]),
                ParticipantDetails={"DisplayName": "x"})
    else:
        it = attempt(kinesis[region].get_shard_iterator, StreamName="connect-agent-events",
                     ShardId=f"shardId-00000000000{draw.randrange(2)}", ShardIteratorType="LATEST")
        if it:
            attempt(kinesis[region].get_records, ShardIterator=it["ShardIterator"])
tap.equal(sim.control("DELETE", "/sim/faults")[0], 200, "healed")
end = state()
print(f"# {STEPS} steps, calls that failed: {dict(failed)}, {end['fault_calls']}, flows {end['flows']}, "
      f"functions {end['lambda']}")
tap.check(end["flows"]["started"] > STEPS / 8 and end["lambda"]["invoked"] > 0 and sum(failed.values()) > 0, "something happened")
tap.end("a hundred things at once")


def read_all(region, stream):
    out = []
    for shard in kinesis[region].list_shards(StreamName=stream)["Shards"]:
        it = kinesis[region].get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"],
                                                ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while it:
            page = kinesis[region].get_records(ShardIterator=it)
            out += [load(r["Data"]) for r in page["Records"]]
            it = page.get("NextShardIterator") if page["MillisBehindLatest"] else None
    return out


def records_are_complete():
    """The last record may be written between the two looks at it."""
    ended = {i["region"]: i["contacts"]["ended"] for i in state()["instances"]}
    return all(len({r["ContactId"] for r in read_all(g, "connect-contact-records")}) >= ended[g] for g in REGIONS)


until(records_are_complete, "a record of every contact that ended")
for region in REGIONS:
    got = collections.Counter(r["ContactId"] for r in read_all(region, "connect-contact-records"))
    tap.equal(max(got.values()), 1, f"each record once: {region}")
tap.end("every contact that ended has its record, once")


undecided = None


def agents_agree():
    """In a pair an agent's last event is that of the region where he is. Time goes on between the
    two looks, so each agent has to agree once, not all of them together."""
    global undecided
    last = collections.defaultdict(dict)
    for region in REGIONS:
        for e in read_all(region, "connect-agent-events"):
            s = e["CurrentAgentSnapshot"]
            last[e["AgentARN"].rsplit("/", 1)[1]][region] = (s["AgentStatus"]["Name"],
                                                             sorted(c["ContactId"] for c in s["Contacts"]))
    agreed, known = set(), set()
    for region in REGIONS:
        profiles = [p["Id"] for p in connect[region].list_routing_profiles(InstanceId=instance[region])
                    ["RoutingProfileSummaryList"]]
        for d in connect[region].get_current_user_data(InstanceId=instance[region], MaxResults=100,
                                                       Filters={"RoutingProfiles": profiles})["UserDataList"]:
            known.add(d["User"]["Id"])
            if (d["Status"]["StatusName"], sorted(c["ContactId"] for c in d["Contacts"])) in last[d["User"]["Id"]].values():
                agreed.add(d["User"]["Id"])
    undecided = (known if undecided is None else undecided) - agreed
    return not undecided


until(agents_agree, "the same from streams and API")
tap.end("every agent's last event is what the API says")
tap.equal(sim.stop(), 0, "stops")
tap.equal(sim.logged(), "", "and said nothing of a bug")
tap.end("it stops when told to")
tap.done()
