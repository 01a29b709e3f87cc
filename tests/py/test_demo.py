"""The life of a demo: signals, a configuration read again, kill -9 and a start over the same data."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid

from hub import CONFIG, ROOT, TANDEM, Hub, Tap

tap = Tap()
folder = tempfile.mkdtemp(prefix="tandem-demo-")
config = os.path.join(folder, "centre.yaml")
shutil.copy(CONFIG, config)


def edit(old, new):
    text = open(config, encoding="utf-8").read()
    assert old in text
    open(config, "w", encoding="utf-8").write(text.replace(old, new))


# ---- reading the configuration again ----

hub = Hub(config=config)
edit("share_bound_contacts: 10", "share_bound_contacts: ten")
edit("{site: middle, count: 6", "{site: nowhere, count: 6")
hub.process.send_signal(signal.SIGHUP)
hub.wait_for(lambda: hub.logged().count("level=error") >= 2, "two errors in the log")
tap.equal(len(re.findall(r"error=\"[^\"]*centre\.yaml:\d+:\d+: ", hub.logged())), 2, f"errors with file and line\n{hub.logged()}")
tap.equal(hub.get("/v1/status").json()["share_bound_contacts"], 10, "the bound after a bad file")
tap.end("a bad file changes nothing, and says where it is bad")

shutil.copy(CONFIG, config)
edit("share_bound_contacts: 10", "share_bound_contacts: 12")
edit("{name: support,", "{name: claims, residency: us}\n  - {name: support,")
edit("queues: [support,", "queues: [claims, support,")
hub.process.send_signal(signal.SIGHUP)
hub.wait_for(lambda: hub.get("/v1/status").json()["share_bound_contacts"] == 12, "the new bound")
r = hub.request("POST", "/v1/route", {"queue": "claims"})
tap.equal(r.status, 200, "a contact of the new queue")
tap.check("claims" in [q["name"] for q in hub.get("/v1/queues").json()["queues"]], "the new queue")
tap.check(hub.get("/v1/events?type=tandem.config.").json()[0]["data"]["bytes"] > 100, "the fact")
os.remove(config)
hub.process.send_signal(signal.SIGHUP)
hub.wait_for(lambda: "cannot be read" in hub.logged(), "a word on the missing file")
tap.equal(hub.get("/v1/health").status, 200, "health without the file")
code, said = hub.stop(signal.SIGINT)
tap.equal(code, 0, "exit code")
tap.end("a good file is in force at once")

# ---- durable ----

data = os.path.join(folder, "data")
hub = Hub("--data", data)
contacts = [str(uuid.uuid4()) for _ in range(20)]
places = {}
for c in contacts:
    r = hub.request("POST", "/v1/route", {"contact": c, "queue": "support", "customer": "ada"})
    places[c] = r.json()["site"]
customer = r.json()["customer"]
hub.request("PUT", "/v1/shares", {"group": "america", "shares": {"east": 70, "west": 30}})
now = hub.get("/v1/status").json()["now_ms"]
hub.kill() # SIGKILL, right after the last answer
again = Hub("--data", data)
for c in contacts:
    r = again.get(f"/v1/contacts/{c}")
    if tap.equal(r.status, 200, f"contact {c} after kill -9"):
        first = again.get(f"/v1/contacts/{c}/explain").json()["decisions"][0]
        tap.equal(first["site"], places[c], "its first place")
tap.equal(again.get("/v1/shares").json()["groups"][0]["sites"][0]["wanted_percent"], 70, "shares after kill -9")
r = again.request("POST", "/v1/route", {"queue": "support", "customer": "ada"})
tap.equal(r.json()["customer"], customer, "the same customer after a restart")
tap.end("what was answered is there after kill -9")

later = again.get("/v1/status").json()["now_ms"]
code, said = again.stop()
tap.equal(code, 0, "exit code")
third = Hub("--data", data)
tap.check(third.get("/v1/status").json()["now_ms"] > later, "the clock goes on where it was")
busy = subprocess.run([TANDEM, "demo", "--config", CONFIG, "--port", "0", "--data", data, "--for", "5s"], capture_output=True, text=True, timeout=60)
tap.equal(busy.returncode, 74, f"a second one on the same data: {busy.stderr}")
third.stop()
tap.end("a demo goes on where it was stopped")

# ---- a node that goes down under a request ----

slow = os.path.join(folder, "slow.yaml")
with open(CONFIG, encoding="utf-8") as f:
    text = f.read()
with open(slow, "w", encoding="utf-8") as f:
    f.write(text + "store: {commit_ms: 10000}\n")
hub = Hub(config=slow, speed=1)
answer = []
waiting = threading.Thread(target=lambda: answer.append(hub.request("POST", "/v1/route", {"queue": "support"})))
waiting.start()
hub.wait_for(lambda: 'tandem_route_requests_total{outcome="placed"} 1' in hub.get("/metrics").body.decode(), "the request's decision")
tap.equal(answer, [], "a reply before it is durable")
hub.request("POST", "/v1/sim/faults", {"fault": "node-down:hub"})
waiting.join(20)
if tap.check(answer, "no reply after the node went down"):
    tap.equal(answer[0].status, 503, "a reply that was never durable")
    tap.check("went down" in answer[0].detail() and answer[0].headers.get("retry-after"), answer[0].body)
hub.kill()
tap.end("a decision that was not durable is not given away")

# ---- more than the machine can do ----

hub = Hub(config=os.path.join(ROOT, "examples", "four-regions.yaml"), speed=100000)
hub.wait_for(lambda: "cannot keep up" in hub.logged(), "a word on running late")
for _ in range(20):
    tap.equal(hub.get("/v1/health").status, 200, "health while late")
    tap.equal(hub.request("POST", "/v1/route", {"queue": "us-cards"}).status, 200, "a place while late")
code, said = hub.stop()
tap.equal(code, 0, "exit code")
tap.end("a machine that cannot keep up says so, and serves")

# ---- the end by itself, and wrong usage ----

done = subprocess.run([TANDEM, "demo", "--config", CONFIG, "--port", "0", "--for", "2s", "--speed", "600",
                       "--fault", "region-down:west@1m+5m", "--fault", "node-down:hub@8m+1m"], capture_output=True, text=True, timeout=60)
tap.equal(done.returncode, 0, "exit code")
tap.check("west is down" in done.stderr and "is up" in done.stderr, f"the faults\n{done.stderr}")
tap.check(re.search(r"\d+ contacts placed, .* answered in target", done.stdout), done.stdout)
tap.end("it ends by itself, after its faults")

for args, code in [(["--config", "/nowhere.yaml"], 78), ([], 2), (["--config", CONFIG, "--speed", "0"], 2), (["--config", CONFIG, "--port", "99999"], 2),
                   (["--config", CONFIG, "--for", "5"], 2), (["--config", CONFIG, "--start", "25:00"], 2), (["--config", CONFIG, "--fault", "x"], 2),
                   (["--config", CONFIG, "--seed", "-1"], 2), (["--config", CONFIG, "extra"], 2), (["--config", CONFIG, "--trace", "/nowhere.csv"], 78),
                   (["--config", CONFIG, "--port", "0", "--listen", "203.0.113.1"], 74), (["--config", CONFIG, "--data", "/proc/none"], 74), (["--help"], 0)]:
    done = subprocess.run([TANDEM, "demo", *args], capture_output=True, text=True, timeout=60)
    tap.equal(done.returncode, code, f"demo {args}: {done.stderr}")
    tap.check(done.stderr or code == 0, f"demo {args} says nothing")
tap.end("wrong usage has its exit code and its word")
shutil.rmtree(folder)
tap.done()
