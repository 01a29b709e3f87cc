"""connectsim's streams with AWS's own SDK, and with CBOR as the SDK for Java sends it: the Kinesis
API, then agent events and contact records as Amazon Connect writes them."""

import base64
import collections
import datetime
import json
import random
import re
import subprocess
import sys
import tempfile
import time

from hub import Tap, load

tap = Tap()
try:
    import boto3  # noqa: F401
    import cbor2
except ImportError:
    tap.end("connectsim's streams", skip="pip install -r tests/py/requirements.txt")
    tap.done()

from botocore.exceptions import ClientError

from aws import LIMITS, PROGRAM, ConnectSim, service_model, unknown_members, until

model = service_model("kinesis")


def error_of(call, **args):
    try:
        call(**args)
        return ""
    except ClientError as e:
        return e.response["Error"]["Code"]


# ---- the API, in both encodings ----

sim = ConnectSim("--no-arrivals", "--throttle", LIMITS, "--seed", 7)
kinesis = sim.client("kinesis")


def to_wire(shape, value, cbor):
    """The arguments of boto3 as they go over the wire."""
    kind = shape.type_name
    if kind == "structure":
        return {m: to_wire(shape.members[m], v, cbor) for m, v in value.items()}
    if kind == "list":
        return [to_wire(shape.member, v, cbor) for v in value]
    if kind == "blob":
        return value if cbor else base64.b64encode(value).decode()
    if kind == "timestamp":
        # The SDK for Java: tag 1, whole milliseconds.
        return cbor2.CBORTag(1, round(value.timestamp() * 1000)) if cbor else value.timestamp()
    return value


class Java:
    """A client that is not boto3, in either encoding; holds every reply against the model."""

    def __init__(self, sim, cbor, region="us-east-1"):
        self.sim, self.cbor, self.region = sim, cbor, region

    def __call__(self, operation, **args):
        """The answer, or the error's type. With AWS's limits it waits until it is let through."""
        while True:
            got = self.once(operation, **args)
            if LIMITS == "off" or got not in ("ProvisionedThroughputExceededException", "LimitExceededException"):
                return got
            time.sleep(0.2)

    def once(self, operation, **args):
        op = model.operation_model(operation)
        wire = to_wire(op.input_shape, args, self.cbor)
        kind = "application/x-amz-cbor-1.1" if self.cbor else "application/x-amz-json-1.1"
        body = encode_indefinite(wire) if self.cbor else json.dumps(wire).encode()
        status, headers, reply = self.sim.signed("kinesis", self.region, "Kinesis_20131202." + operation, body, kind)
        tap.equal(headers["content-type"], kind, operation + " answers in its language")
        tap.check("x-amzn-requestid" in headers, "a request id")
        got = (decode_millis(reply) if self.cbor else load(reply)) if reply else {}
        if status != 200:
            tap.equal(sorted(got), ["__type", "message"], "an error's members")
            return got["__type"]
        if op.output_shape:
            for wrong in unknown_members(op.output_shape, got, operation, self.cbor):
                tap.check(False, wrong)
        return got


def encode_indefinite(value):
    """As Jackson does it: maps, lists and long text of indefinite length."""
    if isinstance(value, dict):
        return b"\xbf" + b"".join(cbor2.dumps(k) + encode_indefinite(v) for k, v in value.items()) + b"\xff"
    if isinstance(value, list):
        return b"\x9f" + b"".join(map(encode_indefinite, value)) + b"\xff"
    if isinstance(value, str) and len(value) > 30:
        return b"\x7f" + cbor2.dumps(value[:9]) + cbor2.dumps(value[9:]) + b"\xff"
    return cbor2.dumps(value)


def decode_millis(data):
    """cbor2 takes tag 1 for seconds; here, as in the SDK for Java, it is milliseconds. No record of
    these tests has the bytes of a tagged 64-bit number in it."""
    def time_of(*args):
        tag = next(a for a in args if isinstance(a, cbor2.CBORTag))
        return datetime.datetime.fromtimestamp(tag.value / 1000, datetime.timezone.utc)

    return cbor2.loads(data.replace(b"\xc1\x1b", b"\xd9\xea\x60\x1b"), tag_hook=time_of)


for cbor in (False, True):
    call = Java(sim, cbor)
    name = "cbor" if cbor else "json"
    call("CreateStream", StreamName=name, ShardCount=2)
    data = bytes(range(256)) * 3
    put = call("PutRecord", StreamName=name, PartitionKey="a", Data=data)
    many = call("PutRecords", StreamName=name, Records=[
        {"PartitionKey": "a", "Data": b"%d" % i} for i in range(100)])
    tap.equal(many["FailedRecordCount"], 0, "none failed")
    tap.equal({r["ShardId"] for r in many["Records"]}, {put["ShardId"]}, "one key, one shard")
    numbers = [int(put["SequenceNumber"])] + [int(r["SequenceNumber"]) for r in many["Records"]]
    tap.equal(numbers, sorted(numbers), "sequence numbers grow")
    tap.check(len({b - a for a, b in zip(numbers, numbers[1:])}) > 10, "with gaps of all sizes")
    now = datetime.datetime.now(datetime.timezone.utc)
    for kind, extra, want in [
            ("TRIM_HORIZON", {}, 101), ("LATEST", {}, 0),
            ("AT_SEQUENCE_NUMBER", {"StartingSequenceNumber": str(numbers[41])}, 60),
            ("AFTER_SEQUENCE_NUMBER", {"StartingSequenceNumber": str(numbers[41])}, 59),
            ("AT_TIMESTAMP", {"Timestamp": now - datetime.timedelta(minutes=10)}, 101)]:
        it = call("GetShardIterator", StreamName=name, ShardId=put["ShardId"], ShardIteratorType=kind, **extra)
        got, pages = [], 0
        iterator = it["ShardIterator"]
        while pages < 20:
            page = call("GetRecords", ShardIterator=iterator, Limit=17)
            pages += 1
            got += page["Records"]
            iterator = page["NextShardIterator"]
            if page["MillisBehindLatest"] == 0:
                break
        tap.equal(len(got), want, f"{name}: records from {kind}")
    # What the independent client put, boto3 reads, and the reverse.
    it = kinesis.get_shard_iterator(StreamName=name, ShardId=put["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=it["ShardIterator"])["Records"]
    tap.equal(records[0]["Data"], data, "bytes are the same")
    tap.equal([r["Data"] for r in records[1:]], [b"%d" % i for i in range(100)], "and in order")
    tap.check(abs((records[0]["ApproximateArrivalTimestamp"] - now).total_seconds()) < 60, "arrived about now")
    if cbor:
        it = call("GetShardIterator", StreamName=name, ShardId=put["ShardId"], ShardIteratorType="TRIM_HORIZON")
        first = call("GetRecords", ShardIterator=it["ShardIterator"], Limit=1)["Records"][0]
        tap.equal(first["Data"], data, "bytes in CBOR")
        tap.equal(first["ApproximateArrivalTimestamp"], records[0]["ApproximateArrivalTimestamp"], "times in both")
    for operation, args in [("ListStreams", {}), ("ListShards", {"StreamName": name}),
                            ("DescribeStream", {"StreamName": name}), ("DescribeStreamSummary", {"StreamName": name}),
                            ("SplitShard", {"StreamName": name, "ShardToSplit": "shardId-000000000000",
                                            "NewStartingHashKey": "1000"}),
                            ("MergeShards", {"StreamName": name, "ShardToMerge": "shardId-000000000002",
                                             "AdjacentShardToMerge": "shardId-000000000003"}),
                            ("ListShards", {"StreamName": name, "MaxResults": 2})]:
        got = call(operation, **args)
        tap.check(not isinstance(got, str), f"{operation}: {got}")
    tap.equal(call("PutRecord", StreamName="none", PartitionKey="a", Data=b""), "ResourceNotFoundException", "no stream")
    tap.equal(call("DeleteStream", StreamName=name), {}, "deleted")
    tap.end(f"the API of Kinesis in {name.upper()}, each reply held against botocore's model")

# ---- errors, as boto3 sees them ----

kinesis.create_stream(StreamName="s", ShardCount=1)
tap.equal(error_of(kinesis.describe_stream, StreamName="t"), "ResourceNotFoundException", "unknown stream")
tap.equal(error_of(kinesis.create_stream, StreamName="s", ShardCount=1), "ResourceInUseException", "twice")
tap.equal(error_of(kinesis.get_records, ShardIterator="AAAA"), "InvalidArgumentException", "made up")
tap.equal(error_of(kinesis.register_stream_consumer, StreamARN="arn:aws:kinesis:us-east-1:123456789012:stream/s",
                   ConsumerName="c"), "UnknownOperationException", "not there")
try:
    kinesis.list_tags_for_stream(StreamName="s")
except ClientError as e:
    tap.equal(e.response["Error"]["Message"], "ListTagsForStream is not implemented by connectsim.", "in words")
tap.equal(error_of(sim.client("kinesis", region="ap-south-1").list_streams), "UnrecognizedClientException", "region")
tap.equal(sim.client("kinesis", region="us-west-2").describe_stream_summary(StreamName="connect-agent-events")
          ["StreamDescriptionSummary"]["StreamARN"],
          "arn:aws:kinesis:us-west-2:123456789012:stream/connect-agent-events", "each region has its own")
for body in (b"", b"{", b"[]", b"\xff"):
    status, headers, reply = sim.signed("kinesis", "us-east-1", "Kinesis_20131202.ListStreams", body,
                                        "application/x-amz-json-1.1")
    tap.equal((status, load(reply)["__type"]), (400, "SerializationException"), f"{body!r}")
status, _, reply = sim.signed("kinesis", "us-east-1", "Kinesis_20991231.ListStreams", b"{}", "application/x-amz-json-1.1")
tap.equal((status, load(reply)["__type"]), (400, "UnknownOperationException"), "another version")
tap.end("errors are raised and recognised")

said = subprocess.run([PROGRAM, "--coverage"], capture_output=True, text=True, check=True).stdout
parts = re.split(r"\n?(.*) \(\d+ of \d+\):\n", said)
listed = dict(zip(parts[1::2], (set(p.split()) for p in parts[2::2])))
have, lack = listed["Kinesis, implemented"], listed["Kinesis, not implemented"]
tap.equal((have | lack, have & lack), (set(model.operation_names), set()), "the operations of botocore's model")
for operation in have | lack:
    status, _, reply = sim.signed("kinesis", "us-east-1", "Kinesis_20131202." + operation, b"[]",
                                  "application/x-amz-json-1.1")
    tap.equal(load(reply)["__type"], "SerializationException" if operation in have else "UnknownOperationException",
              operation)
tap.end("--coverage tells the truth of Kinesis")

# ---- what Amazon Connect writes ----


def read_all(kinesis, stream):
    """Everything in a stream, parents before children."""
    out = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        it = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"],
                                        ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while it:
            page = kinesis.get_records(ShardIterator=it)
            out += [(r["PartitionKey"], load(r["Data"])) for r in page["Records"]]
            it = page.get("NextShardIterator") if page["MillisBehindLatest"] else None
    return out


def members(value, path=""):
    """Every path of members, lists taken together."""
    if isinstance(value, dict):
        return {p for k, v in value.items() for p in {f"{path}.{k}"} | members(v, f"{path}.{k}")}
    if isinstance(value, list):
        return {p for v in value for p in members(v, path + "[]")}
    return set()


SNAPSHOT = {".AgentStatus", ".AgentStatus.ARN", ".AgentStatus.Name", ".AgentStatus.StartTimestamp", ".AgentStatus.Type",
            ".NextAgentStatus", ".Configuration", ".Configuration.Username", ".Configuration.FirstName",
            ".Configuration.LastName", ".Configuration.AgentHierarchyGroups", ".Configuration.RoutingProfile",
            ".Configuration.RoutingProfile.ARN", ".Configuration.RoutingProfile.Name",
            ".Configuration.RoutingProfile.DefaultOutboundQueue",
            ".Configuration.RoutingProfile.DefaultOutboundQueue.ARN",
            ".Configuration.RoutingProfile.DefaultOutboundQueue.Name",
            ".Configuration.RoutingProfile.DefaultOutboundQueue.Channels",
            ".Configuration.RoutingProfile.InboundQueues", ".Configuration.RoutingProfile.InboundQueues[].ARN",
            ".Configuration.RoutingProfile.InboundQueues[].Name",
            ".Configuration.RoutingProfile.InboundQueues[].Channels", ".Configuration.RoutingProfile.Concurrency",
            ".Configuration.RoutingProfile.Concurrency[].Channel",
            ".Configuration.RoutingProfile.Concurrency[].AvailableSlots",
            ".Configuration.RoutingProfile.Concurrency[].MaximumSlots", ".Contacts"}
AGENT_CONTACT = {".Contacts[]." + m for m in (
    "ContactId", "InitialContactId", "Channel", "InitiationMethod", "State", "StateStartTimestamp",
    "ConnectedToAgentTimestamp", "QueueTimestamp", "Queue", "Queue.ARN", "Queue.Name", "Queue.Channels")}
EVENT = {"AWSAccountId", "AgentARN", "InstanceARN", "EventId", "EventTimestamp", "EventType", "Version",
         "CurrentAgentSnapshot", "PreviousAgentSnapshot"}
STATES = {"CONNECTING", "CONNECTED", "CONNECTED_ONHOLD", "MISSED", "ENDED"}

if LIMITS == "on":
    tap.check(sim.throttled()["kinesis"] > 0, "it was throttled, and nobody who asks noticed")
    tap.end("Kinesis throttles, and both clients wait")
sim.stop()
sim = ConnectSim("--speed", 120, "--throttle", LIMITS, "--seed", 11)
regions = ["us-east-1", "us-west-2"]
clients = {r: sim.client("kinesis", region=r) for r in regions}


def events(kind="connect-agent-events"):
    return {r: read_all(clients[r], kind) for r in regions}


until(lambda: sum(len(v) for v in events("connect-contact-records").values()) >= 60, "sixty contacts")
agents = events()
flat = [(r, e) for r in regions for _, e in agents[r]]
for region in regions:
    for key, e in agents[region]:
        tap.equal(set(e), EVENT, "members of an agent event")
        tap.equal(key, e["AgentARN"], "its key")
        tap.check(e["InstanceARN"].startswith(f"arn:aws:connect:{region}:123456789012:instance/"), e["InstanceARN"])
        tap.check(e["AgentARN"].startswith(e["InstanceARN"] + "/agent/"), e["AgentARN"])
        tap.check(e["EventType"] in ("LOGIN", "LOGOUT", "STATE_CHANGE", "HEART_BEAT"), e["EventType"])
        for snapshot in (e["CurrentAgentSnapshot"], e["PreviousAgentSnapshot"]):
            if snapshot:
                got = members(snapshot)
                tap.equal(got - SNAPSHOT - AGENT_CONTACT, set(), "members of a snapshot")
                tap.equal(SNAPSHOT - got, set(), "what a snapshot lacks")
                tap.check({c["State"] for c in snapshot["Contacts"]} <= STATES, "states")
                for slots in snapshot["Configuration"]["RoutingProfile"]["Concurrency"]:
                    tap.check(0 <= slots["AvailableSlots"] <= slots["MaximumSlots"], "slots")
ids = [e["EventId"] for _, e in flat]
tap.equal(len(ids), len(set(ids)), "event ids are unique")
tap.end("agent events have the members of Amazon's, and no others")

last = {}
changes = collections.Counter()
for region in regions:
    for _, e in agents[region]:
        at = (region, e["AgentARN"])
        # Where both regions are told (LOGIN, LOGOUT) the one that has not the agent gets no previous.
        if e["PreviousAgentSnapshot"] and at in last:
            tap.equal(e["PreviousAgentSnapshot"], last[at], "what was before is what was last told")
        if e["EventType"] == "STATE_CHANGE":
            tap.check(e["CurrentAgentSnapshot"] != last.get(at), "a change changes something")
        for c in e["CurrentAgentSnapshot"]["Contacts"]:
            changes[c["State"]] += 1
        last[at] = e["CurrentAgentSnapshot"]
tap.check(changes["CONNECTED"] > 20 and changes["ENDED"] > 20, f"contacts come and go: {changes}")
login = collections.Counter((r, e["EventType"]) for r, e in flat)
tap.equal(login["us-east-1", "LOGIN"], 24, "all 24 agents of the pair log in, here")
tap.equal(login["us-west-2", "LOGIN"], 24, "and there")
home = collections.Counter(r for r, e in flat if e["EventType"] == "STATE_CHANGE")
tap.check(home["us-east-1"] and home["us-west-2"], "and each change is told in one region")
tap.end("one event follows from the other")

RECORD = {"AWSAccountId", "AWSContactTraceRecordFormatVersion", "InstanceARN", "ContactId", "InitialContactId",
          "PreviousContactId", "NextContactId", "RelatedContactId", "Channel", "InitiationMethod", "DisconnectReason",
          "ConnectedToSystemTimestamp", "DisconnectTimestamp", "InitiationTimestamp", "LastUpdateTimestamp",
          "ScheduledTimestamp", "TransferCompletedTimestamp", "Agent", "AgentConnectionAttempts", "Queue", "Attributes",
          "Tags", "References", "SegmentAttributes", "CustomerEndpoint", "SystemEndpoint", "TransferredToEndpoint",
          "GlobalResiliencyMetadata", "Recording", "Recordings"}


def seconds(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()


records = events("connect-contact-records")
seen = set()
for region in regions:
    for key, r in records[region]:
        tap.equal(set(r) - {"ContactDetails"}, RECORD, "members of a contact record")
        tap.equal(key, r["ContactId"], "its key")
        tap.check(r["ContactId"] not in seen, "once, while nothing changes it")
        seen.add(r["ContactId"])
        tap.equal(r["GlobalResiliencyMetadata"]["OriginRegion"], region, "in the region of its origin")
        tap.check(seconds(r["InitiationTimestamp"]) <= seconds(r["DisconnectTimestamp"])
                  <= seconds(r["LastUpdateTimestamp"]), "times in order")
        if r["Agent"]:
            a = r["Agent"]
            talk = seconds(r["DisconnectTimestamp"]) - seconds(a["ConnectedToAgentTimestamp"])
            tap.check(abs(a["AgentInteractionDuration"] + a["CustomerHoldDuration"] - talk) <= 2, "talk and hold")
            work = seconds(a["AfterContactWorkEndTimestamp"]) - seconds(a["AfterContactWorkStartTimestamp"])
            tap.check(abs(a["AfterContactWorkDuration"] - work) <= 1, "wrap-up")
            tap.check(r["Queue"]["Name"] and r["AgentConnectionAttempts"] >= 1, "queue and attempts")
tap.end("contact records say what was, once each, where the contact began")

sim.stop()
sim = ConnectSim("--speed", 600, "--throttle", LIMITS, "--no-arrivals", "--seed", 11)
clients = {r: sim.client("kinesis", region=r) for r in regions}
until(lambda: sum(e["EventType"] == "HEART_BEAT" for v in events().values() for _, e in v) >= 60, "heartbeats")
beats = collections.defaultdict(list)
for region in regions:
    for _, e in events()[region]:
        at = datetime.datetime.strptime(e["EventTimestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").timestamp()
        beats[e["AgentARN"]].append((at, e["EventType"]))
gaps = {round(b[0] - a[0], 3) for v in beats.values() for a, b in zip(v, v[1:]) if b[1] == "HEART_BEAT"}
tap.equal(gaps, {120.0}, "a heartbeat 120 s after the last event")
tap.end("heartbeats")
sim.stop()

sim = ConnectSim("--throttle", LIMITS, "--no-arrivals", "--seed", 11, "--regions", "us-east-1")
kinesis, connect = sim.client("kinesis"), sim.client("connect")


def skip(ms):
    tap.equal(sim.control("PUT", "/sim/clock", {"skip_ms": ms})[0], 200, "time passes")


skip(60000)
tap.equal(sim.control("POST", "/sim/agent", {"username": "us-east-1-voice-001", "do": "logout"})[0], 204, "he goes")
for _ in range(80):
    skip(60000)
mine = [e for _, e in read_all(kinesis, "connect-agent-events")
        if e["CurrentAgentSnapshot"]["Configuration"]["Username"] == "us-east-1-voice-001"]
after = [e["EventType"] for e in mine][[e["EventType"] for e in mine].index("LOGOUT") + 1:]
tap.equal(set(after), {"HEART_BEAT"}, "only heartbeats after logoff")
tap.check(28 <= len(after) <= 30, f"for an hour, one in two minutes: {len(after)}")
tap.equal({e["CurrentAgentSnapshot"]["AgentStatus"]["Type"] for e in mine if e["EventType"] == "HEART_BEAT"}, {"OFFLINE"},
          "of an agent who is not there")
tap.end("heartbeats go on for an hour beyond logoff, and are no sign of life")

instance = connect.list_instances()["InstanceSummaryList"][0]["Id"]
connect.associate_instance_storage_config(
    InstanceId=instance, ResourceType="CALL_RECORDINGS",
    StorageConfig={"StorageType": "S3", "S3Config": {"BucketName": "bkt", "BucketPrefix": "connect/acme/CallRecordings"}})
number = connect.list_phone_numbers_v2()["ListPhoneNumbersSummaryList"][0]["PhoneNumber"]
sim.control("POST", "/sim/call", {"number": number, "from": "+447700900123"})
for _ in range(60):
    skip(60000)
    got = [r for _, r in read_all(kinesis, "connect-contact-records")]
    if got:
        break
contact = got[0]["ContactId"]
connect.update_contact_attributes(InstanceId=instance, InitialContactId=contact, Attributes={"note": "later"})
skip(1000)
got = [r for _, r in read_all(kinesis, "connect-contact-records")]
tap.equal([r["ContactId"] for r in got], [contact, contact], "the same contact again")
tap.equal([r["Attributes"] for r in got], [{}, {"note": "later"}], "as it is now")
tap.check(got[0]["LastUpdateTimestamp"] <= got[1]["LastUpdateTimestamp"], "later")
at = got[0]["Agent"]["ConnectedToAgentTimestamp"]
tap.equal([r["Recording"]["Location"] for r in got],
          [f"bkt/connect/acme/CallRecordings/{at[:4]}/{at[5:7]}/{at[8:10]}/{contact}_{at[:4]}{at[5:7]}{at[8:10]}T{at[11:16]}_UTC.wav"] * 2,
          "where it is recorded")
described = connect.describe_contact(InstanceId=instance, ContactId=contact)["Contact"]
for key, member in [("InitiationTimestamp", "InitiationTimestamp"), ("DisconnectTimestamp", "DisconnectTimestamp"),
                    ("LastUpdateTimestamp", "LastUpdateTimestamp")]:
    tap.equal(seconds(got[1][key]), int(described[member].timestamp()), f"{key}, as DescribeContact says")
tap.equal(seconds(at), int(described["AgentInfo"]["ConnectedToAgentTimestamp"].timestamp()), "when an agent took it")
tap.equal((got[1]["Channel"], got[1]["InitiationMethod"], got[1]["DisconnectReason"]),
          (described["Channel"], described["InitiationMethod"], described["DisconnectReason"]), "and how it began and ended")
storage = connect.list_instance_storage_configs(InstanceId=instance, ResourceType="AGENT_EVENTS")["StorageConfigs"]
tap.equal([s["KinesisStreamConfig"]["StreamArn"] for s in storage],
          ["arn:aws:kinesis:us-east-1:123456789012:stream/connect-agent-events"], "the association")
kinesis.create_stream(StreamName="mine", ShardCount=1)
connect.disassociate_instance_storage_config(InstanceId=instance, AssociationId=storage[0]["AssociationId"],
                                             ResourceType="AGENT_EVENTS")
connect.associate_instance_storage_config(
    InstanceId=instance, ResourceType="AGENT_EVENTS",
    StorageConfig={"StorageType": "KINESIS_STREAM",
                   "KinesisStreamConfig": {"StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/mine"}})
before = len(read_all(kinesis, "connect-agent-events"))
sim.control("POST", "/sim/agent", {"username": "us-east-1-voice-001", "do": "login"})
tap.equal(len(read_all(kinesis, "connect-agent-events")), before, "no longer there")
tap.equal([e["EventType"] for _, e in read_all(kinesis, "mine")], ["LOGIN", "STATE_CHANGE"], "but in the other stream")
tap.end("records come again when a contact changes, into the stream that is associated")
sim.stop()

# ---- calls that are not answered ----

with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
    config.write("""name: missed
hub: {name: hub, lat: 39, lon: -77.5}
sites: [{name: us-east-1, lat: 38.9, lon: -77.5}]
queues: [{name: support, handle_s: 20}]
profiles: [{name: general, queues: [support]}]
agents: [{site: us-east-1, count: 4, profile: general}]
people: {miss_percent: 60, miss_ring_s: 20}
""")
    config.flush()
    sim = ConnectSim("--config", config.name, "--speed", 0.001, "--throttle", LIMITS, "--no-arrivals", "--seed", 4)
kinesis, connect = sim.client("kinesis"), sim.client("connect")
number = connect.list_phone_numbers_v2()["ListPhoneNumbersSummaryList"][0]["PhoneNumber"]
for _ in range(12):
    sim.control("POST", "/sim/call", {"number": number, "from": "+447700900123"})
    sim.control("PUT", "/sim/clock", {"skip_ms": 120000})
states = collections.defaultdict(list)
for _, e in read_all(kinesis, "connect-agent-events"):
    for c in e["CurrentAgentSnapshot"]["Contacts"]:
        if states[e["AgentARN"], c["ContactId"]][-1:] != [c["State"]]:
            states[e["AgentARN"], c["ContactId"]].append(c["State"])
kinds = collections.Counter(" ".join(s) for s in states.values())
tap.check(kinds["CONNECTING MISSED"] >= 2, f"it rings and is missed: {kinds}")
tap.check(any(k.endswith("CONNECTED ENDED") for k in kinds), f"or answered: {kinds}")
tap.end("calls that ring, and are missed")
sim.stop()

# ---- the streams and the API ----

sim = ConnectSim("--speed", 0.001, "--throttle", LIMITS, "--no-arrivals", "--seed", 2, "--regions", "us-east-1")
kinesis, connect = sim.client("kinesis"), sim.client("connect")
instance = connect.list_instances()["InstanceSummaryList"][0]["Id"]
numbers = [n["PhoneNumber"] for n in connect.list_phone_numbers_v2()["ListPhoneNumbersSummaryList"]]
profiles = [p["Id"] for p in connect.list_routing_profiles(InstanceId=instance)["RoutingProfileSummaryList"]]
statuses = [s["Id"] for s in connect.list_agent_statuses(InstanceId=instance)["AgentStatusSummaryList"]]
flows = [f["Id"] for f in connect.list_contact_flows(InstanceId=instance)["ContactFlowSummaryList"]]
users = connect.search_users(InstanceId=instance)["Users"]
draw = random.Random(2)


def said_by_api():
    data = connect.get_current_user_data(InstanceId=instance, Filters={"RoutingProfiles": profiles}, MaxResults=100)
    return {d["User"]["Id"]: (
        d["Status"]["StatusName"], d.get("NextStatus"), d["RoutingProfile"]["Id"], d["AvailableSlotsByChannel"],
        sorted((c["ContactId"], c["AgentContactState"], c["Channel"]) for c in d["Contacts"])) for d in data["UserDataList"]}


def said_by_stream():
    out = {}
    for _, e in read_all(kinesis, "connect-agent-events"):
        s = e["CurrentAgentSnapshot"]
        out[e["AgentARN"].rsplit("/", 1)[1]] = (
            s["AgentStatus"]["Name"], (s["NextAgentStatus"] or {}).get("Name"),
            s["Configuration"]["RoutingProfile"]["ARN"].rsplit("/", 1)[1],
            {c["Channel"]: c["AvailableSlots"] for c in s["Configuration"]["RoutingProfile"]["Concurrency"]},
            sorted((c["ContactId"], c["State"], c["Channel"]) for c in s["Contacts"]))
    return out


def agree():
    api, stream = said_by_api(), said_by_stream()
    return all(stream[u] == said for u, said in api.items()) and all(
        said[0] == "Offline" for u, said in stream.items() if u not in api)


compared = collections.Counter()
for step in range(60):
    what = draw.choice(["call", "call", "chat", "status", "desk", "profile", "time", "time", "time"])
    compared[what] += 1
    if what == "call":
        sim.control("POST", "/sim/call", {"number": draw.choice(numbers), "from": "+447700900123"})
    elif what == "chat":
        error_of(connect.start_chat_contact, InstanceId=instance, ContactFlowId=draw.choice(flows),
                 ParticipantDetails={"DisplayName": "x"})
    elif what == "status":
        error_of(connect.put_user_status, InstanceId=instance, UserId=draw.choice(users)["Id"], AgentStatusId=draw.choice(statuses))
    elif what == "desk":
        sim.control("POST", "/sim/agent", {"username": draw.choice(users)["Username"],
                                           "do": draw.choice(["login", "logout", "clear", "drop"])})
    elif what == "profile":
        connect.update_user_routing_profile(InstanceId=instance, UserId=draw.choice(users)["Id"],
                                            RoutingProfileId=draw.choice(profiles))
    else:
        sim.control("PUT", "/sim/clock", {"skip_ms": draw.randrange(60000)})
    until(agree, f"the same from both after {what}, step {step}", 10)
tap.check(len(compared) == 6, f"{compared}")
tap.end("an agent's last event says what GetCurrentUserData says")
sim.stop()

# ---- limits ----

sim = ConnectSim("--no-arrivals")
kinesis = sim.client("kinesis", retries=1)
it = kinesis.get_shard_iterator(StreamName="connect-agent-events", ShardId="shardId-000000000000",
                                ShardIteratorType="LATEST")["ShardIterator"]
codes = collections.Counter(error_of(kinesis.get_records, ShardIterator=it) for _ in range(40))
tap.check(codes["ProvisionedThroughputExceededException"] > 0, f"five reads a second: {codes}")
tap.check(codes[""] >= 5 and set(codes) == {"", "ProvisionedThroughputExceededException"}, f"and no other: {codes}")
patient = sim.client("kinesis", retries=10)
for _ in range(12):
    it = patient.get_records(ShardIterator=it)["NextShardIterator"]
tap.end("limits are those of a shard, and boto3 tries again")
tap.equal(sim.stop(), 0, "stops cleanly")
tap.end("connectsim stops cleanly")
tap.done()
