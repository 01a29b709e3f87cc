"""Faults of connectsim, seen from AWS's SDK and from the streams; and the state that tests look at."""

import collections
import concurrent.futures
import datetime
import sys

from hub import Tap, load

try:
    import boto3  # noqa: F401
    from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
    from aws import ConnectSim, until
except ImportError:
    print("1..0 # SKIP boto3 is not installed, see requirements.txt")
    sys.exit(0)

tap = Tap()
EAST, WEST = "us-east-1", "us-west-2"
sim = ConnectSim("--no-arrivals", "--throttle", "off", "--seed", 3)
connect = {r: sim.client("connect", region=r) for r in (EAST, WEST)}
hasty = sim.client("connect", region=EAST, read_timeout=1)  # for what never answers
kinesis = {r: sim.client("kinesis", region=r) for r in (EAST, WEST)}


def put(**fault):
    status, said = sim.control("PUT", "/sim/faults", fault)
    tap.equal(status, 200, f"{fault}: {said}")
    return said.get("id")


def end(id=None):
    status, said = sim.control("DELETE", "/sim/faults" + (f"?id={id}" if id else ""))
    tap.equal(status, 200, f"ended: {said}")


def state(full=False):
    return sim.control("GET", "/sim/state" + ("?full=1" if full else ""))[1]


def instance_state(region, full=False):
    return next(i for i in state(full)["instances"] if i["region"] == region)


def result(call, **args):
    """The error's code, what went wrong with the connection, or "" when all is well."""
    try:
        call(**args)
        return ""
    except ClientError as e:
        return e.response["Error"]["Code"]
    except (ConnectionClosedError, ReadTimeoutError, ConnectionResetError) as e:
        return type(e).__name__


def records(region, stream="connect-agent-events"):
    out = []
    for shard in kinesis[region].list_shards(StreamName=stream)["Shards"]:
        it = kinesis[region].get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"],
                                                ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while it:
            page = kinesis[region].get_records(ShardIterator=it)
            out += [load(r["Data"]) for r in page["Records"]]
            it = page.get("NextShardIterator") if page["MillisBehindLatest"] else None
    return out


def desk(username, what):
    tap.equal(sim.control("POST", "/sim/agent", {"username": username, "do": what})[0], 204, f"{username}: {what}")


# ---- what is no fault ----

for wrong in ({}, {"fault": "fire"}, {"fault": 7}, {"fault": "region_down"}, {"fault": "region_down", "region": "mars-1"},
              {"fault": "region_down", "region": EAST, "mode": "odd"}, {"fault": "api_errors", "rate": 2},
              {"fault": "api_errors", "rate": "1"}, {"fault": "api_errors", "error": "NoSuchException"},
              {"fault": "api_errors", "for_ms": 0}, {"fault": "api_errors", "for_ms": 1.5}, {"fault": "api_slow", "delay_ms": -1},
              {"fault": "clock_skew"}, {"fault": "clock_skew", "skew_ms": 10 ** 12}, {"fault": "stream_stall", "rate": 1},
              {"fault": "stream_stall", "stream": "all"}, {"fault": "flows_broken", "surprise": True},
              {"fault": "region_down", "region": EAST, "drop_contacts": "yes"}, {"fault": "api_errors", "operation": ""}):
    status, said = sim.control("PUT", "/sim/faults", wrong)
    tap.check(status == 400 and said["detail"], f"{wrong}: {status} {said}")
for body in (b"", b"[]", b"{", b'{"fault":"api_errors","fault":"api_slow"}'):
    tap.equal(sim.request("PUT", "/sim/faults", body, {"Content-Type": "application/json"})[0], 400, f"{body}")
tap.equal(sim.control("GET", "/sim/faults"), (200, {"faults": []}), "none has begun")
tap.equal(sim.control("DELETE", "/sim/faults?id=1")[0], 404, "there is none to end")
tap.equal(sim.control("POST", "/sim/faults", {})[0], 405, "another method")
ids = [put(fault="api_slow", region=WEST, operation="Nothing") for _ in range(64)]
tap.equal(sim.control("PUT", "/sim/faults", {"fault": "api_slow"})[0], 400, "64 at a time")
tap.equal([f["id"] for f in sim.control("GET", "/sim/faults")[1]["faults"]], ids, "listed in order")
end(ids[10])
tap.equal(len(sim.control("GET", "/sim/faults")[1]["faults"]), 63, "one ended")
end()
tap.equal(sim.control("GET", "/sim/faults")[1]["faults"], [], "all ended")
tap.end("faults are checked, listed and ended")

# ---- a region that is down ----

for mode, want in [("refuse", "ConnectionClosedError"), ("reset", "ConnectionClosedError"), ("black_hole", "ReadTimeoutError")]:
    put(fault="region_down", region=EAST, mode=mode)
    tap.equal(result((hasty if mode == "black_hole" else connect[EAST]).list_instances), want, mode)
    tap.equal(result(connect[WEST].list_instances), "", "the other region answers")
    if mode != "black_hole":
        tap.equal(result(kinesis[EAST].list_streams), want, mode + ": Kinesis, too")
    end()
    tap.equal(result(connect[EAST].list_instances), "", "and is back")
put(fault="region_down", region=EAST, mode="slow", delay_ms=300)
tap.equal(result(connect[EAST].list_instances), "", "slow, but it answers")
tap.equal(result(kinesis[EAST].list_streams), "", "both do")
end()
n = state()["fault_calls"]
tap.equal((n["unanswered"], n["slowed"]), (5, 2), "they are counted")
put(fault="region_down", region=EAST, mode="refuse", for_ms=200)
until(lambda: not sim.control("GET", "/sim/faults")[1]["faults"], "it ends by itself")
tap.equal(result(connect[EAST].list_instances), "", "then all is well")
tap.end("a region that refuses, resets, swallows or is slow")

numbers = connect[EAST].list_phone_numbers_v2()["ListPhoneNumbersSummaryList"]
for _ in range(6):
    sim.control("POST", "/sim/call", {"number": numbers[0]["PhoneNumber"], "from": "+447700900123"})
tap.equal([instance_state(r)["contacts"]["connected"] for r in (EAST, WEST)], [3, 3], "half and half")
told = len(records(EAST))
put(fault="region_down", region=EAST, drop_contacts=True)
s = instance_state(EAST)
tap.equal((s["contacts"]["connected"], s["agents"]["logged_in"]), (0, 0), "contacts are dropped, agents are gone")
tap.equal(instance_state(WEST)["contacts"]["connected"], 3, "elsewhere nothing happens")
refused = [sim.control("POST", "/sim/call", {"number": numbers[0]["PhoneNumber"], "from": "+447700900123"})[1]["refused"]
           for _ in range(4)]
tap.equal(sum(refused), 2, "half of the calls do not get through: the group still sends them there")
tap.check(s["agent_events"]["held"] > 0, "what happens there is told to nobody")
end()
tap.equal(instance_state(EAST)["agents"]["logged_in"], 12, "agents are back")
now = records(EAST)
tap.check(len(now) >= told + 24, "and all that happened is told then")
tap.equal(instance_state(EAST)["agent_events"]["held"], 0, "nothing is held back")
tap.end("a region that is lost with everything in it")

# ---- errors and throttles ----

put(fault="api_errors", region=EAST, service="connect", operation="List*", error="ServiceUnavailableException")
tap.equal(result(connect[EAST].list_instances), "ServiceUnavailableException", "List*")
instance = connect[WEST].list_instances()["InstanceSummaryList"][0]["Id"]
tap.equal(result(connect[EAST].describe_instance, InstanceId=instance), "", "no other operation")
tap.equal(result(connect[WEST].list_instances), "", "no other region")
tap.equal(result(kinesis[EAST].list_streams), "", "no other service")
end()
put(fault="api_errors", operation="DescribeInstance")
tap.equal(result(connect[WEST].describe_instance, InstanceId=instance), "InternalServiceException", "500")
end()
put(fault="api_errors", rate=0.5)
half = collections.Counter(result(connect[EAST].list_instances) for _ in range(200))
tap.check(60 < half[""] < 140 and set(half) == {"", "InternalServiceException"}, f"half of the calls: {half}")
end()
put(fault="throttle_storm", region=EAST)
tap.equal(result(connect[EAST].list_instances), "ThrottlingException", "Amazon Connect's word")
tap.equal(result(kinesis[EAST].list_streams), "ProvisionedThroughputExceededException", "Kinesis' word")
status, headers, reply = sim.signed("kinesis", EAST, "Kinesis_20131202.ListStreams", b"\xa0", "application/x-amz-cbor-1.1")
tap.equal((status, headers["content-type"]), (400, "application/x-amz-cbor-1.1"), "in its language")
end()
put(fault="throttle_storm", region=EAST, operation="ListInstances")
before = state()["fault_calls"]["throttled"]
tap.equal(before, 3, "they are counted")
# The storm lasts until the SDK has met it twice, however long that takes.
with concurrent.futures.ThreadPoolExecutor(1) as pool:
    patient = pool.submit(sim.client("connect", retries=40).list_instances)
    until(lambda: patient.done() or state()["fault_calls"]["throttled"] >= before + 2, "two throttled calls", 120)
    tap.check(not patient.done(), "the SDK waits until the storm is over")
    end()
    attempts = patient.result()["ResponseMetadata"]["RetryAttempts"]
tap.equal(state()["fault_calls"]["throttled"], before + attempts, "each that it tried again was throttled")
tap.end("errors and throttles, by operation, service and region")

# ---- streams ----

put(fault="stream_stall", region=EAST, stream="agent_events")
told = len(records(EAST))
for n in range(1, 5):
    desk(f"us-east-1-voice-00{n}", "logout")
tap.equal(len(records(EAST)), told, "nothing is written")
held = instance_state(EAST)["agent_events"]["held"]
tap.check(held >= 8, f"it waits: {held}")
end()
got = records(EAST)
tap.equal(len(got), told + held, "and comes when the stall is over")
tap.equal(len({e["EventId"] for e in got}), len(got), "once")
put(fault="stream_duplicates", stream="agent_events", rate=1)
before = len(records(EAST))
for _ in range(6):
    for n in range(1, 5):
        desk(f"us-east-1-voice-00{n}", "login")
        desk(f"us-east-1-voice-00{n}", "logout")
got = records(EAST)[:]
ids = collections.Counter(e["EventId"] for e in got)
twice = instance_state(EAST)["agent_events"]["twice"]
tap.check(max(ids.values()) >= 2 and twice > 20, f"records come twice: {twice}")
tap.equal(sum(n - 1 for n in ids.values()), twice, "as many as connectsim says")
late = 0
for agent in {e["AgentARN"] for e in got}:
    mine = [e["EventId"] for e in got if e["AgentARN"] == agent]
    first = {e: i for i, e in reversed(list(enumerate(mine)))}
    late += sum(i > first[e] + 1 for i, e in enumerate(mine))
tap.check(late > 0, "some of them behind newer ones")
end()
tap.end("streams that stall, and records that come twice")

# ---- agents, clocks ----

put(fault="agents_lost", region=WEST, rate=1)
tap.equal(instance_state(WEST)["agents"]["logged_in"], 0, "all are lost")
end()
tap.equal(instance_state(WEST)["agents"]["logged_in"], 12, "all come back")
tap.check([e["EventType"] for e in records(WEST)].count("LOGIN") >= 24, "and log in again")
put(fault="clock_skew", region=EAST, skew_ms=600000)
tap.equal(result(connect[EAST].list_instances), "InvalidSignatureException", "its clock is ten minutes off")
tap.equal(result(connect[WEST].list_instances), "", "here it is right")
desk("us-east-1-voice-001", "login")
end()
e = records(EAST)[-1]
last = max(records(EAST), key=lambda e: e["EventTimestamp"])
now = datetime.datetime.fromtimestamp(state()["now_ms"] / 1000, datetime.timezone.utc)
at = datetime.datetime.strptime(last["EventTimestamp"], "%Y-%m-%dT%H:%M:%S.%f%z")
tap.check(540 < (at - now).total_seconds() <= 600, f"an event of the future: {at} at {now}")
tap.end("agents who are lost, clocks that are wrong")

# ---- the state ----

s = state()
tap.equal(s["instances"], state()["instances"], "nothing happens: the same, hashes too")
desk("us-west-2-voice-001", "logout")
tap.check(instance_state(WEST)["hash"] != next(i for i in s["instances"] if i["region"] == WEST)["hash"], "something does")
calls = {(c["region"], c["operation"]): c for c in s["calls"]}
tap.check(calls[EAST, "connect:ListInstances"]["calls"] > 10, "calls are counted")
full = instance_state(WEST, full=True)
tap.equal(len(full["every_agent"]), 12, "every agent")
users = connect[WEST].search_users(InstanceId=instance)["Users"]
tap.check({a["id"] for a in full["every_agent"]} <= {u["Id"] for u in users}, "by the ids of the API")
for path in ("/sim/nothing", "/sim/"):
    tap.equal(sim.control("GET", path)[0], 404, path)
for wrong in ({}, {"username": "nobody", "do": "login"}, {"username": "us-west-2-voice-001", "do": "dance"}):
    tap.check(sim.control("POST", "/sim/agent", wrong)[0] in (400, 404), f"{wrong}")
for wrong in ({}, {"number": "+1"}, {"number": numbers[0]["PhoneNumber"], "count": 0},
              {"number": numbers[0]["PhoneNumber"], "channel": "FAX"}):
    tap.check(sim.control("POST", "/sim/call", wrong)[0] in (400, 404), f"{wrong}")
limited = ConnectSim("--no-arrivals")
c = limited.client("connect")
codes = collections.Counter(result(c.list_instances) for _ in range(20))
n = {x["operation"]: x for x in limited.control("GET", "/sim/state")[1]["calls"]}["connect:ListInstances"]
tap.equal((n["calls"], n["throttled"]), (20, 20 - codes[""]), "throttled calls, as many as the client saw")
tap.equal(limited.stop(), 0, "stops")
put(fault="region_down", region=EAST, mode="black_hole")
tap.equal(result(hasty.list_instances), "ReadTimeoutError", "held")
tap.equal(sim.stop(), 0, "stops with a fault at work")
tap.end("the state")
tap.done()
