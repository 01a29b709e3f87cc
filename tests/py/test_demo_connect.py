"""The live centre over the wire (make demo-connect): connectsim and `tandem run` as two programs for
half a minute, and then the hub's model held against what is true in connectsim."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from hub import ROOT, TANDEM, Tap

tap = Tap()
SIM = os.environ.get("CONNECTSIM", os.path.join(os.path.dirname(TANDEM), "connectsim"))
if not os.path.exists(SIM):
    print("1..0 # SKIP connectsim is not built")
    sys.exit(0)
folder = tempfile.mkdtemp(prefix="tandem-wire-")


def free_ports(n):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


sim_port, flow_port, api_port = free_ports(3)
text = open(os.path.join(ROOT, "examples", "connect.yaml"), encoding="utf-8").read()
text = text.replace("127.0.0.1:8410", f"127.0.0.1:{sim_port}").replace("127.0.0.1:8401", f"127.0.0.1:{flow_port}")
text = text.replace('  account: "123456789012"\n', f'  account: "123456789012"\n  port: {flow_port}\n')
config = os.path.join(folder, "connect.yaml")
with open(config, "w", encoding="utf-8") as f:
    f.write(text)
log = open(os.path.join(folder, "log"), "w+", encoding="utf-8")
sim = subprocess.Popen([SIM, "--config", config, "--seed", "1", "--speed", "20", "--port", str(sim_port)], stdout=log, stderr=log)
end = time.monotonic() + 30
while "listens" not in open(log.name, encoding="utf-8").read() and time.monotonic() < end:
    time.sleep(0.1)
run_log = open(os.path.join(folder, "run"), "w+", encoding="utf-8")
run = subprocess.Popen([TANDEM, "run", "--config", config, "--port", str(api_port), "--for", "300s"], stdout=run_log, stderr=run_log,
                       env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as r:
            return json.loads(r.read())
    except OSError:
        return None


def until(what, fn, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = fn()
        if got:
            return got
        time.sleep(0.2)
    tap.check(False, f"not within {seconds} s: {what}\n" + open(run_log.name, encoding="utf-8").read()[-2000:])
    return None


def in_service():
    sites = (get(api_port, "/v1/sites") or {}).get("sites", [])
    return len(sites) == 4 and all(s["state"] == "in-service" for s in sites)


until("four sites in service", in_service)
clock = get(sim_port, "/sim/clock")
tap.equal(clock["speed"], 20, "connectsim's speed")
now = get(api_port, "/v1/status")
tap.check(abs(now["now_ms"] - get(sim_port, "/sim/clock")["now_ms"]) < 20000, f"the hub has connectsim's time: {now['now_ms']} and {clock}")
tap.end("tandem runs by connectsim's clock")

until("300 contacts answered", lambda: (get(api_port, "/v1/status") or {"totals": {"answered": 0}})["totals"]["answered"] >= 300)
status = get(api_port, "/v1/status")
totals = status["totals"]
tap.check(totals["abandoned"] <= 0.05 * totals["offered"], f"few give up: {totals}")
for s in status["sites"]:
    tap.check(abs(s["share_off_contacts"]) <= 21, f"{s['name']} is {s['share_off_contacts']} contacts off its share")
tap.end("contacts are placed within the shares and answered")


def truth():
    state = get(sim_port, "/sim/state")
    return {i["region"]: i for i in state["instances"]}, state


def differences():
    """What the hub has otherwise than it is; both move, so a few contacts may be on their way."""
    sites = {s["name"]: s for s in get(api_port, "/v1/sites")["sites"]}
    out = []
    for region, i in truth()[0].items():
        s = sites[region]
        staffed = i["agents"]["available"] + i["agents"]["on_contact"] + i["agents"]["wrapup"]
        if abs(s["connected"] - i["contacts"]["connected"]) > 6:
            out.append(f"{region}: {s['connected']} connected, in truth {i['contacts']['connected']}")
        if abs(s["agents_staffed"] - staffed) > 6:
            out.append(f"{region}: {s['agents_staffed']} agents, in truth {staffed}")
    return out


until("the model to be what is true", lambda: not differences(), 60) or tap.check(False, str(differences()))
state = truth()[1]
tap.equal(sum(c["throttled"] for c in state["calls"]), 0, "calls that were throttled")
tap.equal(state["flows"]["dial_failed"], 0, "transfers to numbers that are none")
tap.end("the model is what is true in the instances, within AWS's limits of calls")

run.send_signal(signal.SIGTERM)
code = run.wait(timeout=60)
said = open(run_log.name, encoding="utf-8").read()
tap.equal(code, 0, "exit code of tandem")
tap.check("answered in target" in said and "BUG" not in said, said[-1500:])
sim.send_signal(signal.SIGTERM)
tap.equal(sim.wait(timeout=60), 0, "exit code of connectsim")
tap.check("BUG" not in open(log.name, encoding="utf-8").read(), "connectsim's log")
tap.end("both end cleanly")
tap.done()
