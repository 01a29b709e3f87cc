"""Calls through flows that ask tandem: the flows of deploy/flows in two instances of connectsim that
are no pair, tandem between them. A call stays, goes to the other instance when it comes in, or when
it waits; and is one contact for the nodes wherever it goes."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from hub import ROOT, TANDEM, Tap

try:
    import aws
except ImportError:
    print("1..0 # SKIP boto3 is not installed, see requirements.txt")
    sys.exit(0)

tap = Tap()
EAST, LONDON = "us-east-1", "eu-west-2"
folder = tempfile.mkdtemp(prefix="tandem-flows-")
CENTRE = f"""name: two
hub: {{name: hub, lat: 45, lon: -40}}
sites:
  - {{name: {EAST}, lat: 38.9, lon: -77.5}}
  - {{name: {LONDON}, lat: 51.5, lon: -0.1}}
queues: [{{name: support, handle_s: 3}}]
profiles: [{{name: general, queues: [support]}}]
agents:
  - {{site: {EAST}, count: 2, profile: general, prefix: e-}}
  - {{site: {LONDON}, count: 2, profile: general, prefix: l-}}
workload: {{load: 0.5, demands: [{{queue: support, handle_mean_s: 3, wrapup_mean_s: 1}}]}}
policies:
  - {{name: normal, shares_enforced: false, move_after_s: 1}}
"""


def write(name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


port, api_port = free_port(), free_port()
sim = aws.ConnectSim("--config", write("centre.yaml", CENTRE), "--seed", 9, "--no-arrivals", "--throttle", "off",
                     "--lambda", f"tandem=http://127.0.0.1:{port}/flow/{{region}}",
                     "--events", f"http://127.0.0.1:{port}/events")
connect = {r: sim.client("connect", r) for r in (EAST, LONDON)}
instance, number, transfer = {}, {}, {}
for region, c in connect.items():
    instance[region] = i = c.list_instances()["InstanceSummaryList"][0]["Id"]
    numbers = c.list_phone_numbers_v2(InstanceId=i)["ListPhoneNumbersSummaryList"]
    queue = next(q for q in c.list_queues(InstanceId=i, QueueTypes=["STANDARD"])["QueueSummaryList"] if q["Name"] == "support")
    found = c.search_available_phone_numbers(TargetArn=f"arn:aws:connect:{region}:123456789012:instance/{i}",
                                             PhoneNumberCountryCode="US", PhoneNumberType="DID")["AvailableNumbersList"]
    claimed = c.claim_phone_number(TargetArn=f"arn:aws:connect:{region}:123456789012:instance/{i}",
                                   PhoneNumber=found[0]["PhoneNumber"])
    number[region], transfer[region] = numbers[0], found[0]["PhoneNumber"]

    def content(name, **values):
        with open(os.path.join(ROOT, "deploy", "flows", name), encoding="utf-8") as f:
            text = f.read()
        for k, v in {"ACCOUNT": "123456789012", "FUNCTION": "tandem", "QUEUE": "support", "QUEUE_ARN": queue["Arn"],
                     "MESSAGE": "Please hold.", **values}.items():
            text = text.replace("{{" + k + "}}", v)
        tap.check("{{" not in text, f"{name}: a place left open")
        return text

    wait = c.create_contact_flow(InstanceId=i, Name="tandem wait", Type="CUSTOMER_QUEUE",
                                 Content=content("tandem-wait.json").replace('"20"', '"2"', 1))
    entry = c.create_contact_flow(InstanceId=i, Name="tandem", Type="CONTACT_FLOW",
                                  Content=content("tandem-entry.json", WAIT_FLOW_ARN=wait["ContactFlowArn"]))
    aws.until(lambda: c.describe_phone_number(PhoneNumberId=claimed["PhoneNumberId"])["ClaimedPhoneNumberSummary"]
              ["PhoneNumberStatus"]["Status"] == "CLAIMED", "a number for transfers")
    for n in (numbers[0]["PhoneNumberId"], claimed["PhoneNumberId"]):
        c.associate_phone_number_contact_flow(PhoneNumberId=n, InstanceId=i, ContactFlowId=entry["ContactFlowId"])
tap.end("the flows are taken by both instances")

config = write("run.yaml", CENTRE + f"""amazon:
  endpoint: {sim.url}
  port: {port}
  flow: tandem
  instances:
""" + "".join(f'    - {{site: {r}, instance: {instance[r]}, numbers: ["{transfer[r]}"]}}\n' for r in connect))
log = open(os.path.join(folder, "log"), "w+", encoding="utf-8")
run = subprocess.Popen([TANDEM, "run", "--config", config, "--port", str(api_port), "--for", "240s"], stdout=log, stderr=log,
                       env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})


def api(method, path, body=None):
    c = http.client.HTTPConnection("127.0.0.1", api_port, timeout=20)
    try:
        c.request(method, path, json.dumps(body) if body is not None else None,
                  {"Content-Type": "application/json"} if body is not None else {})
        r = c.getresponse()
        text = r.read()
        return json.loads(text) if r.status == 200 else None
    except OSError:
        return None
    finally:
        c.close()


def until(what, fn, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = fn()
        if got:
            return got
        time.sleep(0.1)
    log.flush()
    with open(os.path.join(folder, "log"), encoding="utf-8") as f:
        tap.check(False, f"not within {seconds} s: {what}\n{f.read()[-3000:]}")
    return {}


def call(region):
    def ids():
        everything = sim.control("GET", "/sim/state?full=1")[1]
        return {k["id"] for i in everything["instances"] if i["region"] == region for k in i["every_contact"]}
    before = ids()
    sim.control("POST", "/sim/call", {"number": number[region]["PhoneNumber"], "from": "+12125550100"})
    new = ids() - before
    tap.equal(len(new), 1, "one new contact")
    return new.pop() if new else ""


def contact(k):
    return api("GET", f"/v1/contacts/{k}") or {}


def agent(username, do):
    region = EAST if username.startswith("e") else LONDON
    tap.equal(sim.control("POST", "/sim/agent", {"username": username, "region": region, "do": do})[0], 204, f"{username}: {do}")


def states():
    return [a["state"] for a in (api("GET", "/v1/agents?limit=100") or {"agents": []})["agents"]]


until("both sites and four agents", lambda: states() == ["available"] * 4 and
      [s["state"] for s in api("GET", "/v1/sites")["sites"]] == ["in-service"] * 2)
tap.end("tandem is ready")

k = call(EAST)
until("it is answered in the east", lambda: contact(k).get("site") == EAST and contact(k)["state"] in ("connected", "wrapup", "ended"))
until("it ends", lambda: contact(k).get("state") == "ended")
tap.equal((contact(k)["end"], contact(k)["agent"][:2]), ("completed", "e-"), "by whom")
tap.check(0 <= contact(k)["wait_ms"] < 30000, f"its wait, by two clocks that must agree: {contact(k)}")
decision = (api("GET", f"/v1/contacts/{k}/explain") or {}).get("decisions", [{}])
tap.equal([d.get("site") for d in decision], [EAST], "decided once")
tap.end("a call that stays")

for a in ("e--001", "e--002"):
    agent(a, "logout")
until("two agents", lambda: sorted(states())[:2] == ["available"] * 2 and states().count("offline") == 2)
k = call(EAST)
until("it is answered in London", lambda: contact(k).get("site") == LONDON and contact(k)["state"] in ("connected", "wrapup", "ended"))
until("it ends", lambda: contact(k).get("state") == "ended")
c = contact(k)
tap.equal((c["end"], c["agent"][:2], c["site"]), ("completed", "l-", LONDON), "by whom")
moved = sim.control("GET", "/sim/state")[1]["flows"]["moved"]
tap.equal(moved, 1, "calls that changed instances")
tap.end("a call that goes to the other instance at its entry")

for a in ("l--001", "l--002"):
    agent(a, "logout")
until("nobody", lambda: states() == ["offline"] * 4)
k = call(EAST)
until("it waits", lambda: contact(k).get("state") == "queued")
tap.equal(contact(k)["site"], EAST, "where")
agent("l--001", "login")
until("it is answered in London", lambda: contact(k).get("site") == LONDON and contact(k)["state"] in ("connected", "wrapup", "ended"))
until("it ends", lambda: contact(k).get("state") == "ended")
tap.equal((contact(k)["end"], contact(k)["agent"]), ("completed", "l--001"), "by whom")
tap.equal(sim.control("GET", "/sim/state")[1]["flows"]["moved"], 2, "calls that changed instances")
tap.end("a waiting call goes to the first agent who is free")

tap.equal((api("GET", "/v1/contacts?limit=10") or {}).get("contacts"), [], "nothing is left")
run.send_signal(signal.SIGTERM)
tap.equal(run.wait(timeout=60), 0, "exit code")
log.seek(0)
tap.check("+1212" not in log.read().replace("--from +12125550100", ""), "a number is in the log") # the example at the start is one
sim.stop()
tap.end("it ends")
tap.done()
