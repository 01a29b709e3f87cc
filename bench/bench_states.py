"""bench_states.py [AGENTS] - how long after an agent's state has changed in Amazon Connect every node of
tandem knows it, from the streams alone: tandem run over connectsim, a pair of regions with AGENTS (1000)
agents in all and calls for 70 % of them, AWS's default throttles, links of 45 ms. An agent who is free is
logged out at his desk, and each node is asked for him (GET /v1/agents/NAME?node=NODE) until it says so, 60
times. Wall-clock time, on a machine that has nothing else to do; the API's own work and the asking every 5
ms are in it. Then a region is drained and taken back, three times: how long after the order AWS has
accepted the shift of numbers, agents and sign-in, which is one call.

    build/venv/bin/python bench/bench_states.py 1000"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "py"))
import aws  # noqa: E402

AGENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
folder = tempfile.TemporaryDirectory(prefix="tandem-states-")
CENTRE = f"""name: states
hub: {{name: hub, lat: 39, lon: -77.5}}
sites:
  - {{name: us-east-1, lat: 38.9, lon: -77.5, contacts_max: 100000}}
  - {{name: us-west-2, lat: 45.8, lon: -119.7, contacts_max: 100000}}
queues: [{{name: support, handle_s: 100}}]
profiles: [{{name: general, queues: [support]}}]
agents:
  - {{site: us-east-1, count: {AGENTS // 2}, profile: general, prefix: e-}}
  - {{site: us-west-2, count: {AGENTS // 2}, profile: general, prefix: w-}}
links: {{default: {{latency_ms: 45}}}}
workload: {{load: 0.7, flat: true, demands: [{{queue: support, handle_mean_s: 100, wrapup_mean_s: 20}}]}}
"""


def write(name, text):
    path = os.path.join(folder.name, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


sim = aws.ConnectSim("--config", write("centre.yaml", CENTRE), "--seed", 7)
connect = sim.client("connect", retries=10)
instance = connect.list_instances()["InstanceSummaryList"][0]["Id"]
group = connect.list_traffic_distribution_groups()["TrafficDistributionGroupSummaryList"][0]["Arn"]
config = write("run.yaml", CENTRE + f"""amazon:
  endpoint: {sim.url}
  account: "123456789012"
  port: 0
  instances:
    - {{site: us-east-1, instance: {instance}, numbers: ["+15550001001"]}}
    - {{site: us-west-2, instance: {instance}, numbers: ["+15550002001"]}}
  pairs:
    - {{first: us-east-1, second: us-west-2, group: "{group}"}}
""")
started = time.monotonic()
tandem = subprocess.Popen(
    [os.path.join(ROOT, "build", "tandem"), "run", "--config", config, "--port", "0", "--for", "600s",
     "--data", os.path.join(folder.name, "data")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
said = ""
while "Ctrl-C" not in said:
    line = tandem.stdout.readline()
    assert line, said
    said += line
url = re.search(r"dashboard\s+(http://\S+?)/\n", said).group(1)


def get(path):
    with urllib.request.urlopen(url + path, timeout=20) as r:
        return json.load(r)


def agents():
    return get("/v1/agents?limit=1000")["agents"]


until = time.monotonic() + 120
while sum(a["state"] != "offline" for a in agents()) < min(AGENTS, 1000) * 0.98 and time.monotonic() < until:
    time.sleep(0.5)
time.sleep(15)  # calls come
NODES = ("hub", "us-east-1", "us-west-2")
took, draw = {node: [] for node in (*NODES, "all")}, random.Random(1)
while len(took["all"]) < 60:
    free = [a["agent"] if "agent" in a else a["name"] for a in agents() if a["state"] == "available"]
    if not free:
        continue
    agent = draw.choice(free)
    began = time.monotonic()
    sim.control("POST", "/sim/agent", {"username": agent, "do": "logout"})
    waiting = set(NODES)
    while waiting:
        for node in sorted(waiting):
            if get(f"/v1/agents/{agent}?node={node}")["state"] == "offline":
                took[node].append(time.monotonic() - began)
                waiting.remove(node)
        time.sleep(0.005)
    took["all"].append(time.monotonic() - began)
    sim.control("POST", "/sim/agent", {"username": agent, "do": "login"})
    time.sleep(0.25)
state = sim.control("GET", "/sim/state")[1]
calls = sum(i["contacts"]["connected"] for i in state["instances"])
throttled = sum(c["throttled"] for c in state["calls"]) + state["kinesis_throttled"]
print(f"{AGENTS} agents, {calls} of them in calls; API calls throttled: {throttled}. Known at")
for node, seconds in took.items():
    seconds.sort()
    print(f"  {node:<10} after {seconds[30]:.2f} s (median), {seconds[53]:.2f} s (9 of 10), {seconds[-1]:.2f} s (the last of 60)",
          flush=True)


def shifts():
    return sum(c["calls"] - c["throttled"] for c in sim.control("GET", "/sim/state")[1]["calls"]
               if c["operation"] == "connect:UpdateTrafficDistribution")


def order(what):
    """Seconds until the call that the order leads to is accepted."""
    before, began = shifts(), time.monotonic()
    urllib.request.urlopen(urllib.request.Request(f"{url}/v1/sites/us-east-1/{what}", data=b'{"reason": "a test"}', method="POST",
                                                  headers={"Content-Type": "application/json"}), timeout=20).read()
    while shifts() == before and time.monotonic() - began < 120:
        time.sleep(0.02)
    return time.monotonic() - began


time.sleep(max(0, started + 65 - time.monotonic()))  # for a minute after its start it changes no group
for n in range(3):
    drained = order("drain")
    time.sleep(10)
    back = order("restore")
    time.sleep(20)
    print(f"all calls to the other region: accepted {drained:.2f} s after the order; the first step back {back:.2f} s", flush=True)
tandem.terminate()
tandem.wait()
sim.stop()
