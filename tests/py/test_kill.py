"""kill -9 in a loop: a demo over durable stores is killed at random moments while programs ask it for
places, and started again over what is left. All nodes agree again, nothing that was answered is lost,
and history has every contact once, the same at every node.

TANDEM_KILLS says how often (24), TANDEM_SEED draws the moments (any; it is printed)."""

import http.client
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import uuid

from hub import CONFIG, TANDEM, Hub, Tap

KILLS = int(os.environ.get("TANDEM_KILLS", "24"))
SEED = int(os.environ.get("TANDEM_SEED", str(time.time_ns() % 1000000)))
CLIENTS = 3
OLD_S = 120  # of virtual time: whoever ended before is in every store
DECISIONS_KEPT = 8  # of one contact; which eight depends on when they came

tap = Tap()
rng = random.Random(SEED)
folder = tempfile.mkdtemp(prefix="tandem-kill-")
data = os.path.join(folder, "data")
config = os.path.join(folder, "centre.yaml")
with open(CONFIG, encoding="utf-8") as f:
    text = f.read() + "store: {commit_ms: 200, snapshot_events: 700}\n"  # commits of some size, many snapshots


def configure(bound):
    """The operator edits the file, with or without a centre that runs."""
    with open(config, "w", encoding="utf-8") as f:
        f.write(text.replace("share_bound_contacts: 10", f"share_bound_contacts: {bound}"))
    return bound


print(f"# TANDEM_SEED={SEED} TANDEM_KILLS={KILLS}", flush=True)


class Answers:
    """What programs were told: contact -> site."""

    def __init__(self):
        self.site, self.lock = {}, threading.Lock()

    def ask(self, hub, pause):
        """Asks until the hub is gone."""
        while True:
            contact = str(uuid.UUID(int=pause.getrandbits(128), version=4))
            queue = pause.choice(["support", "support", "europe"])
            try:
                r = hub.request("POST", "/v1/route", {"contact": contact, "queue": queue})
            except (OSError, http.client.HTTPException):
                return
            if r.status == 200:
                with self.lock:
                    self.site[contact] = r.json()["site"]
            time.sleep(pause.uniform(0, 0.02))


def agreed(hub):
    return hub.wait_for(lambda: (s := hub.get("/v1/state").json())["agree"] and s, "the nodes to agree")


def check_known(hub, contacts):
    for c in contacts:
        r = hub.get(f"/v1/contacts/{c}/explain")
        if tap.equal(r.status, 200, f"contact {c}, which was answered"):
            sites = [d["site"] for d in r.json()["decisions"]]
            tap.check(answers.site[c] in sites, f"contact {c} was answered with {answers.site[c]}, and placed at {sites}")


def kill_at_start():
    """Killed while it reads its stores, or has not said a word yet."""
    p = subprocess.Popen([TANDEM, "demo", "--config", config, "--port", "0", "--data", data],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.uniform(0, 0.15))
    p.kill()
    p.wait()


bound = configure(10)
answers = Answers()
kills = 0
last = []
while kills < KILLS and not tap.problems:
    if kills and rng.random() < 0.25:
        kill_at_start()
        kills += 1
    if rng.random() < 0.3:
        bound = configure(rng.randrange(10, 30))
    hub = Hub("--data", data, config=config)
    agreed(hub)
    tap.equal(hub.get("/v1/status").json()["share_bound_contacts"], bound, "the bound as the file has it")
    if rng.random() < 0.2:
        bound = configure(rng.randrange(10, 30))
        hub.process.send_signal(signal.SIGHUP)
    check_known(hub, last + rng.sample(sorted(answers.site), min(20, len(answers.site))))
    before = set(answers.site)
    clients = [threading.Thread(target=answers.ask, args=(hub, random.Random(rng.getrandbits(64)))) for _ in range(CLIENTS)]
    for c in clients:
        c.start()
    time.sleep(rng.uniform(0.02, 0.8))
    hub.kill()
    kills += 1
    for c in clients:
        c.join()
    last = sorted(set(answers.site) - before)
tap.check(len(answers.site) > 5 * KILLS, f"only {len(answers.site)} answers in {kills} kills")
tap.end("what was answered before a kill is known after it, and the nodes agree again")

hub = Hub("--data", data, config=config)
agreed(hub)
check_known(hub, sorted(answers.site))
tap.end("at the end every answer is known")

now_ms = agreed(hub)["now_ms"]
live = {}
for c in sorted(answers.site):
    r = hub.get(f"/v1/contacts/{c}")
    live[c] = r.status == 200 and r.json()["state"] != "ended"
hub.kill()
records = {}
for name in ("hub", "east", "west", "middle"):
    db = sqlite3.connect(os.path.join(data, name + ".db"))
    rows = db.execute("SELECT lower(hex(contact)), epoch, version, ended_at, record FROM history").fetchall()
    db.close()
    mine = {}
    for contact, epoch, version, ended_at, record in rows:
        tap.check(contact not in mine, f"{name} has contact {contact} twice")
        whole = (version & 15) < DECISIONS_KEPT
        mine[contact] = (epoch, version, ended_at, record if whole else b"")
    records[name] = mine
    missing = [c for c in answers.site if not live[c] and c.replace("-", "") not in mine]
    old = [c for c in missing if records["hub"].get(c.replace("-", ""), (0, 0, now_ms))[2] < now_ms - OLD_S * 1000]
    tap.equal(old, [], f"ended contacts that {name} has no record of")
tap.check(len(records["hub"]) > len(answers.site) // 2, f"only {len(records['hub'])} records")
for name in ("east", "west", "middle"):
    for contact in set(records["hub"]) | set(records[name]):
        at_hub, here = records["hub"].get(contact), records[name].get(contact)
        ended_at = (at_hub or here)[2]
        if ended_at < now_ms - OLD_S * 1000:
            tap.check(at_hub == here, f"contact {contact}: the hub has {at_hub and at_hub[:3]}, {name} {here and here[:3]}")
tap.end("every store has every contact that ended once, and the same")
print(f"# {kills} kills, {len(answers.site)} answers, {len(records['hub'])} contacts in history")
shutil.rmtree(folder)
tap.done()
