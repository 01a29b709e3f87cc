"""`make demo`, as README tells it: qa/demo.sh starts connectsim and `tandem run` as two programs, and
what the ten minutes try is done here by the command line, and held against what is true in connectsim."""

import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from hub import ROOT, TANDEM, Tap

tap = Tap()
BUILD = os.path.dirname(TANDEM)
if not os.path.exists(os.path.join(BUILD, "connectsim")):
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


def write(what):
    with open(config, "w", encoding="utf-8") as f:
        f.write(what)


write(text)
log = open(os.path.join(folder, "log"), "w+", encoding="utf-8")
demo = subprocess.Popen([os.path.join(ROOT, "qa", "demo.sh"), "--config", config, "--speed", "20", "--port", str(api_port), "--for", "540s"],
                        stdout=log, stderr=log, env={**os.environ, "BUILD": BUILD})


def logged():
    return open(log.name, encoding="utf-8").read()


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as r:
            return json.loads(r.read())
    except OSError:
        return None


def post(port, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as r:
            return r.status, json.loads(r.read())
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read())


def command(*args):
    done = subprocess.run([TANDEM, *args], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "TANDEM_HUB": f"http://127.0.0.1:{api_port}"})
    tap.equal(done.returncode, 0, f"tandem {args}: {done.stderr}")
    return done.stdout


def until(what, holds, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end and demo.poll() is None:
        got = holds()
        if got:
            return got
        time.sleep(0.2)
    tap.check(False, f"not within {seconds} s: {what}\n" + logged()[-1500:])
    return None


def sites():
    return {s["name"]: s for s in (get(api_port, "/v1/sites") or {"sites": []})["sites"]}


def truth():
    return {i["region"]: i for i in get(sim_port, "/sim/state")["instances"]}


def states(*want):
    return [sites().get(s, {}).get("state") for s in ("us-east-1", "us-west-2", "eu-central-1", "eu-west-2")] == list(want)


def timeline():
    return (get(api_port, "/v1/timeline") or {"timeline": []})["timeline"]


def told(*words):
    return next((e for e in timeline() if all(w in json.dumps(e) for w in words)), None)


WELL = ("in-service",) * 4

# ---- it is at work from the beginning ----

until("connectsim", lambda: get(sim_port, "/sim/clock"), 60)
now = truth()
for region, i in now.items():
    tap.check(i["contacts"]["ended"] > 100 and i["contacts"]["connected"] > 10, f"{region} was at work before it listened: {i['contacts']}")
until("four sites in service", lambda: states(*WELL))
tap.equal([e for e in timeline() if "down" in json.dumps(e)], [], "sites that were taken for lost at the start")
clock = get(sim_port, "/sim/clock")
tap.equal(clock["speed"], 20, "connectsim's speed")
until("connectsim's time at the hub", lambda: abs(get(api_port, "/v1/status")["now_ms"] - get(sim_port, "/sim/clock")["now_ms"]) < 3000)


def differences():
    """What the hub has otherwise than it is; both move, so a few contacts may be on their way."""
    out = []
    have = sites()
    for region, i in truth().items():
        s = have[region]
        staffed = i["agents"]["available"] + i["agents"]["on_contact"] + i["agents"]["wrapup"]
        if abs(s["connected"] - i["contacts"]["connected"]) > 6:
            out.append(f"{region}: {s['connected']} connected, in truth {i['contacts']['connected']}")
        if abs(s["agents_staffed"] - staffed) > 6:
            out.append(f"{region}: {s['agents_staffed']} agents, in truth {staffed}")
    return out


until("the model to be what is true", lambda: not differences(), 60) or tap.check(False, str(differences()))
tap.end("a centre at work, and tandem learns what goes on there")

until("600 contacts answered", lambda: (get(api_port, "/v1/status") or {"totals": {"answered": 0}})["totals"]["answered"] >= 600)
status = get(api_port, "/v1/status")
tap.check(status["totals"]["abandoned"] <= 0.05 * status["totals"]["offered"], f"few give up: {status['totals']}")
tap.check(status["totals"]["wait_mean_s"] < 20, f"and they wait little: {status['totals']}")
for s in status["sites"]:
    tap.check(abs(s["share_off_contacts"]) <= 21, f"{s['name']} is {s['share_off_contacts']} contacts off its share")
state = get(sim_port, "/sim/state")
tap.equal(sum(c["throttled"] for c in state["calls"]), 0, "calls that were throttled")
tap.equal(state["flows"]["dial_failed"], 0, "transfers to numbers that are none")
tap.end("contacts are placed within the shares and answered, within AWS's limits of calls")

placed = json.loads(command("route", "--queue", "us-support", "--from", "+12125550100", "--json"))
said = command("explain", placed["contact"])
tap.check(placed["site"] in ("us-east-1", "us-west-2") and re.search(r"eu-central-1 .*residency", said), said)
tap.end("route and explain")

# ---- a region for maintenance ----

command("drain", "us-east-1", "--reason", "a drill")
until("the group and its agents in the west", lambda: truth()["us-east-1"]["agents"]["logged_in"] == 0)
tap.check(states("drained", *WELL[1:]) or states("draining", *WELL[1:]), str(sites().get("us-east-1")))
tap.equal(truth()["us-west-2"]["agents"]["logged_in"], 220, "all agents of the pair")
command("restore", "us-east-1")
until("agents in the east", lambda: truth()["us-east-1"]["agents"]["logged_in"] >= 100)
until("the east in service", lambda: states(*WELL))
tap.end("drain and restore move the group and its agents")

# ---- a region is lost ----

lost = truth()["us-west-2"]["contacts"]["connected"]
tap.check(lost > 10, f"{lost} talk in the west")
command("fault", "region-down:us-west-2", "--for", "15m")
began = told("region-down:us-west-2", "begins")
down = until("the word of it", lambda: told("us-west-2 is down"))
tap.check(began and down and down["at_ms"] - began["at_ms"] <= 2000, f"known in a second of the centre's time: {began} {down}")
faults = get(sim_port, "/sim/faults")["faults"]
tap.equal([(f["fault"], f["region"]) for f in faults], [("region_down", "us-west-2")], "connectsim's faults")
listed = get(api_port, "/v1/sim/faults")["faults"]
tap.equal([(f["fault"], f["state"], f["until_ms"] - f["from_ms"] >= 600000) for f in listed], [("region-down:us-west-2", "active", True)], "tandem's")
tap.check(faults[0]["left_ms"] <= 45000, f"in connectsim's time it is a twentieth: {faults}")
until("its agents in the east", lambda: truth()["us-east-1"]["agents"]["logged_in"] == 220)
until("the model of that", lambda: sites()["us-east-1"]["agents_staffed"] >= 200)
shares = {s["site"]: s["in_force_percent"] for g in get(api_port, "/v1/shares")["groups"] for s in g["sites"]}
tap.equal((shares["us-east-1"], shares["us-west-2"]), (100, 0), "the survivor has the group's share")
tap.check(told("us-west-2", "re-homed"), "waiting contacts are re-homed")
arrived = truth()["us-west-2"]["contacts"]["arrived"], truth()["us-east-1"]["contacts"]["arrived"]
until("calls in the east", lambda: truth()["us-east-1"]["contacts"]["arrived"] > arrived[1] + 50)
tap.equal(truth()["us-west-2"]["contacts"]["arrived"], arrived[0], "calls to the lost region")
until("its end", lambda: not get(api_port, "/v1/sim/faults")["faults"])
until("its end in connectsim", lambda: not get(sim_port, "/sim/faults")["faults"], 20)
until("the west up again", lambda: told("us-west-2 is up"))
until("the west in service, step by step", lambda: states(*WELL), 240)
until("its agents there again", lambda: truth()["us-west-2"]["agents"]["logged_in"] >= 100)
tap.end("a lost region: known at once, group and agents with the survivor, and back")

# ---- the hub is lost ----

command("fault", "node-down:hub", "--for", "2m")
tap.check(until("another's answer", lambda: (get(api_port, "/v1/status") or {}).get("answered_by") not in (None, "gcp-us-east4")), "a site answers")
until("contacts go on", lambda: truth()["us-east-1"]["contacts"]["arrived"] > arrived[1] + 60)
until("the hub again", lambda: (get(api_port, "/v1/status") or {}).get("answered_by") == "gcp-us-east4")
tap.equal(get(api_port, "/v1/sim/faults"), {"faults": []}, "faults left")
until("all in service", lambda: states(*WELL))
tap.end("sites go on without the hub")

# ---- shares, and the file again ----

command("set-share", "--group", "us", "us-east-1=70", "us-west-2=30")
until("seven tenths of the agents in the east", lambda: truth()["us-east-1"]["agents"]["logged_in"] == 154)
tap.end("shares by command move the group")


def again(what):
    seen = len(logged())
    write(what)
    demo.send_signal(signal.SIGHUP)
    until("a word on it", lambda: "sub=config" in logged()[seen:], 30)
    return logged()[seen:]


said = again(text.replace("  load: 0.75\n", "  load: much\n"))
tap.check(re.search(r"refused.*connect\.yaml:\d+:\d+: .*load", said), said)
said = again(text.replace("flow: Enter us-support", "flow: Enter us-cards"))
tap.check("refused" in said and "amazon: instances are driven as they were at the start" in said, said)
said = again(text.replace("count: 15, profile: eu-digital, prefix: ew-d", "count: 16, profile: eu-digital, prefix: ew-d"))
tap.check("refused" in said and "queues, profiles, agents" in said, said)
tap.equal(get(api_port, "/v1/status")["share_bound_contacts"], 20, "the bound as it was")
said = again(text.replace("  - name: normal\n", "  - name: normal\n    share_bound_contacts: 12\n"))
tap.check("in force" in said, said)
until("the new bound", lambda: get(api_port, "/v1/status")["share_bound_contacts"] == 12, 30)
tap.end("SIGHUP: a file with a mistake changes nothing, a right one is in force")

# ---- flows hang up, and the API looks well ----

tap.equal(post(api_port, "/v1/sim/faults", {"fault": "flows:us-west-2", "for_s": 3600})[0], 201, "broken flows")
tap.equal([f["fault"] for f in get(sim_port, "/sim/faults")["faults"]], ["flows_broken"], "in connectsim")
until("the west not ready", lambda: sites()["us-west-2"]["ready"] is False)
tap.equal(sites()["us-west-2"]["state"], "in-service", "it is not down: what is there goes on")
until("the group's share with the east", lambda: {s["site"]: s["in_force_percent"] for g in get(api_port, "/v1/shares")["groups"]
                                                  for s in g["sites"]}["us-west-2"] == 0)
east, west = (truth()[r]["contacts"]["arrived"] for r in ("us-east-1", "us-west-2"))
until("its calls in the east", lambda: truth()["us-east-1"]["contacts"]["arrived"] > east + 90)
more = truth()["us-west-2"]["contacts"]["arrived"] - west
tap.check(more < 60, f"{more} more began in the west, where 90 would")  # chats and tasks pick a region by chance
tap.check("flows hang up on callers" in logged(), "a word of it")
tap.equal(urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{api_port}/v1/sim/faults", method="DELETE")).status, 200, "mended")
until("mended in connectsim", lambda: not get(sim_port, "/sim/faults")["faults"], 20)
until("the west ready again, though nobody calls there", lambda: sites()["us-west-2"]["ready"])
tap.check("flows run again" in logged(), "a word of that")
tap.end("flows that hang up are seen, and seen to run again")

# ---- faults that cannot be had ----

children = open(f"/proc/{demo.pid}/task/{demo.pid}/children", encoding="utf-8").read().split()
names = {open(f"/proc/{c}/comm", encoding="utf-8").read().strip(): int(c) for c in children}
os.kill(names["connectsim"], signal.SIGSTOP)
status, answer = post(api_port, "/v1/sim/faults", {"fault": "region-down:us-east-1"})
os.kill(names["connectsim"], signal.SIGCONT)
tap.equal((status, "connectsim" in answer.get("detail", "")), (502, True), f"of one that does not answer: {answer}")
tap.equal(get(api_port, "/v1/sim/faults"), {"faults": []}, "what did not begin is not there")
tap.end("instances' faults are connectsim's")

demo.send_signal(signal.SIGTERM)
tap.equal(demo.wait(timeout=60), 0, "exit code of the demo")
said = logged()
tap.check("answered in target" in said and "BUG" not in said, said[-1500:])
tap.check(not os.path.exists(f"/proc/{names['connectsim']}"), "connectsim has ended")
tap.end("both end together")


class Other(http.server.BaseHTTPRequestHandler):
    """Whatever is at the endpoint and is no connectsim."""

    def do_GET(self):
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = do_GET

    def log_message(self, *args):
        pass


other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
threading.Thread(target=other.serve_forever, daemon=True).start()
write(text.replace(f"http://127.0.0.1:{sim_port}", f"http://127.0.0.1:{other.server_address[1]}"))
real = subprocess.Popen([TANDEM, "run", "--config", config, "--port", str(api_port), "--for", "60s"], stdout=log, stderr=log,
                        env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
demo = real
until("an answer", lambda: get(api_port, "/v1/health"), 30)
status, answer = post(api_port, "/v1/sim/faults", {"fault": "node-down:hub"})
tap.equal((status, answer.get("detail")), (403, "These instances are not simulated; there are no faults to be had."), "a fault at AWS")
real.send_signal(signal.SIGTERM)
tap.equal(real.wait(timeout=60), 0, "exit code")
tap.end("real instances have no faults to be had")
shutil.rmtree(folder)
tap.done()
