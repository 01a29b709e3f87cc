"""`tandem run` over connectsim, both as programs: agents and contacts by the streams, shares by the
traffic distribution group, flows that ask, and nothing lost or counted twice by kill -9."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from hub import TANDEM, Tap

try:
    import aws
except ImportError:
    print("1..0 # SKIP boto3 is not installed, see requirements.txt")
    sys.exit(0)

tap = Tap()
folder = tempfile.mkdtemp(prefix="tandem-run-")
CENTRE = """name: pair
hub: {name: hub, lat: 39, lon: -77.5}
sites:
  - {name: us-east-1, lat: 38.9, lon: -77.5}
  - {name: us-west-2, lat: 45.8, lon: -119.7}
queues: [{name: support, handle_s: 2}]
profiles:
  - {name: general, concurrency: {task: 5}, queues: [support, {queue: support, channel: task}]}
agents:
  - {site: us-east-1, count: 6, profile: general, prefix: e-}
  - {site: us-west-2, count: 6, profile: general, prefix: w-}
workload:
  load: 0.5
  demands:
    - {queue: support, channel: task, handle_mean_s: 2, wrapup_mean_s: 1}
    - {queue: support, handle_mean_s: 2, wrapup_mean_s: 1}
"""


def write(name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


class Run:
    """tandem run, with its own folder of data, which a second one takes up."""

    def __init__(self, config):
        self.log = open(os.path.join(folder, "log"), "a+", encoding="utf-8")
        env = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        self.process = subprocess.Popen(
            [TANDEM, "run", "--config", config, "--port", "0", "--data", os.path.join(folder, "data"), "--for", "300s"],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env=env)
        said = ""
        while "Ctrl-C" not in said:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("tandem run did not start:\n" + said + self.logged())
            said += line
        self.url = re.search(r"dashboard\s+(http://\S+?)/\n", said).group(1)
        self.flow_url = re.search(r"flows ask\s+(http://\S+?)/flow", said).group(1)

    def kill(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=60)
        self.log.close()
        return self.process.returncode

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def call(self, method, path, body=None, url=None, headers=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request((url or self.url) + path, data=data, method=method,
                                         headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=20) as r:
                text = r.read()
                return r.status, json.loads(text) if text else None
        except urllib.error.HTTPError as e:
            return e.code, None

    def get(self, path):
        return self.call("GET", path)[1]


def until(what, fn, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = fn()
        if got:
            return got
        time.sleep(0.2)
    tap.check(False, f"not within {seconds} s: {what}\n" + run.logged()[-3000:])
    return None


def agents_free():
    agents = run.get("/v1/agents?limit=100")["agents"]
    return sum(a["state"] == "available" for a in agents) == 12


sim = aws.ConnectSim("--config", write("centre.yaml", CENTRE), "--seed", 7, "--no-arrivals")
connect = {r: sim.client("connect", r, retries=10) for r in ("us-east-1", "us-west-2")}
east = connect["us-east-1"]
instance = east.list_instances()["InstanceSummaryList"][0]["Id"]
group = east.list_traffic_distribution_groups()["TrafficDistributionGroupSummaryList"][0]["Arn"]
flow = east.list_contact_flows(InstanceId=instance)["ContactFlowSummaryList"][0]["Id"]
key = write("key", "0123456789abcdef0123\n")
AMAZON = f"""amazon:
  endpoint: {sim.url}
  account: "123456789012"
  port: 0
  key_file: {key}
  instances:
    - {{site: us-east-1, instance: {instance}, numbers: ["+15550001001"]}}
    - {{site: us-west-2, instance: {instance}, numbers: ["+15550002001"]}}
  pairs:
    - {{first: us-east-1, second: us-west-2, group: "{group}", dwell: 10}}
"""
config = write("run.yaml", CENTRE + AMAZON)
run = Run(config)

# ---- agents ----
until("twelve agents available", agents_free)
sites = run.get("/v1/sites")["sites"]
tap.equal([s["state"] for s in sites], ["in-service"] * 2, "states of the sites")
tap.end("agents and health of a pair")

# ---- contacts, through kill -9 ----
started = []
for i in range(24):
    region = ("us-east-1", "us-west-2")[i % 2]
    r = connect[region].start_task_contact(InstanceId=instance, ContactFlowId=flow, Name="Test")
    started.append((r["ContactId"], region))
    if i in (7, 15):
        tap.equal(run.kill(), -signal.SIGKILL, "killed")
        run = Run(config)


def ended():
    for contact, _ in started:
        status, c = run.call("GET", f"/v1/contacts/{contact}")
        if status != 200 or c["state"] != "ended":
            return False
    return True


until("all contacts in the history", ended, 90)
for contact, region in started:
    c = run.get(f"/v1/contacts/{contact}")
    tap.equal((c["site"], c["end"], c["transfers"], c["holds"]), (region, "completed", 0, 0), f"what became of {contact}")
until("no contact is live", lambda: not run.get("/v1/contacts?limit=100")["contacts"])
until("twelve agents available again", agents_free)
tap.end("contacts through two kills of the program")

# ---- the traffic distribution group ----


def split():
    d = east.get_traffic_distribution(Id=group)
    return {p: {x["Region"]: x["Percentage"] for x in d[p]["Distributions"]} for p in ("TelephonyConfig", "AgentConfig")}


def is_split(east_percent):
    want = {"us-east-1": east_percent, "us-west-2": 100 - east_percent}
    return split() == {"TelephonyConfig": want, "AgentConfig": want}


tap.check(is_split(50), f"at first {split()}")
tap.equal(run.call("POST", "/v1/sites/us-east-1/drain", {"reason": "a test"})[0], 200, "drain")
until("all calls to the west", lambda: is_split(0))
tap.equal(run.call("POST", "/v1/sites/us-east-1/restore", {"reason": "a test"})[0], 200, "restore")
until("calls to the east again", lambda: split()["TelephonyConfig"]["us-east-1"] > 0, 90)
tap.end("the group follows the shares")

# ---- a region that is gone ----

fault = sim.control("PUT", "/sim/faults", {"fault": "region_down", "region": "us-east-1", "mode": "refuse"})[1]
west = connect["us-west-2"]


def west_split():
    d = west.get_traffic_distribution(Id=group)
    return {x["Region"]: x["Percentage"] for x in d["TelephonyConfig"]["Distributions"]}


tap.equal(fault["id"] > 0, True, f"the fault {fault}")
until("all calls to the west, by the west's API", lambda: west_split() == {"us-east-1": 0, "us-west-2": 100})
tap.check(run.get("/v1/sites/us-east-1")["state"] != "in-service", "the site")
sim.control("DELETE", f"/sim/faults?id={fault['id']}")
until("the east again", lambda: run.get("/v1/sites/us-east-1")["state"] in ("returning", "in-service"))
until("calls to the east again", lambda: split()["TelephonyConfig"]["us-east-1"] > 0, 90)
tap.end("a region that is gone is left, and comes back")

# ---- flows ask ----


def ask(contact, bearer="0123456789abcdef0123", **data):
    event = {"Name": "ContactFlowEvent", "Details": {"Parameters": {"op": "route", "queue": "support"}, "ContactData": {
        "ContactId": contact, "Channel": "VOICE", "CustomerEndpoint": {"Address": "+12125550100", "Type": "TELEPHONE_NUMBER"},
        "SystemEndpoint": {"Address": "+12015550100", "Type": "TELEPHONE_NUMBER"}, "Attributes": {}, **data}}}
    return run.call("POST", "/flow/us-east-1", event, url=run.flow_url, headers={"Authorization": "Bearer " + bearer})


tap.equal(ask("11111111-2222-3333-4444-555555555555", bearer="wrong")[0], 401, "a wrong key")
run.call("POST", "/v1/sites/us-west-2/drain", {"reason": "a test", "force": True})
until("the west is drained", lambda: run.get("/v1/sites/us-west-2")["state"].startswith("drain"))
status, answer = ask("11111111-2222-3333-4444-555555555555")
tap.equal((status, answer["action"], answer["number"]), (200, "LOCAL", ""), "stays in the east")
tap.equal(answer["txn"], "11111111-2222-3333-4444-555555555555", "its transaction")
tap.check(answer["queue"].startswith("arn:aws:connect:us-east-1:"), f"its queue {answer}")
run.call("POST", "/v1/sites/us-west-2/restore", {"reason": "a test"})
run.call("POST", "/v1/sites/us-east-1/drain", {"reason": "a test", "force": True})
until("the east is drained", lambda: run.get("/v1/sites/us-east-1")["state"].startswith("drain"))
status, answer = ask("21111111-2222-3333-4444-555555555555")
tap.equal((status, answer["action"], answer["number"]), (200, "TRANSFER", "+15550002001"), "goes to the west")
tap.end("flows are told where a contact is to go")

tap.equal(run.kill(signal.SIGTERM), 0, "exit code")
with open(os.path.join(folder, "log"), encoding="utf-8") as f:
    log = f.read()
tap.check("+1212" not in log and "0123456789abcdef" not in log, "a number or the key is in the log")
throttled = [line for line in log.splitlines() if "class=throttled" in line]
tap.check(not throttled, f"throttled: {throttled[:3]}")
tap.end("it ends, and its log has no secret and no number")
stores = [os.path.join(d, f) for d, _, fs in os.walk(os.path.join(folder, "data")) for f in fs if f.endswith(".db")]
tap.equal(len(stores), 3, "stores")
for path in stores:
    with sqlite3.connect(path) as db:
        rows = [row[0].hex() for row in db.execute("SELECT contact FROM history")]
    rows = sorted(r for r in rows if r[1:8] != "1111111")  # without those that only asked
    tap.equal(rows, sorted(c.replace("-", "") for c, _ in started), f"the history in {os.path.basename(path)}")
tap.end("every node's history has each contact once")
sim.stop()
shutil.rmtree(folder)
tap.done()
