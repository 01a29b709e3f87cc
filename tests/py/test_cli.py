"""The commands that speak with a hub: what they print, and how they end."""

import json
import os
import subprocess
import uuid

from hub import TANDEM, Hub, Tap

tap = Tap()
hub = Hub()
AWAY = "http://127.0.0.1:1"


def run(*args, url=None, env=None):
    return subprocess.run([TANDEM, *args], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "TANDEM_HUB": url or hub.url, "NO_COLOR": "", **(env or {})})


def expect(code, *args, **how):
    done = run(*args, **how)
    tap.equal(done.returncode, code, f"exit code of {' '.join(args)}\n{done.stdout[:300]}{done.stderr[:300]}")
    tap.check("\033" not in done.stdout, f"{args}: colours without a terminal")
    return done.stdout if code == 0 else done.stderr


def columns_line_up(text):
    """Every cell of a table begins, or ends when it is aligned to the right, where its heading does."""
    lines = [l for l in text.splitlines() if l.strip()]
    head = lines[0]
    gaps = [i for i in range(len(head) - 1) if head[i:i + 2] == "  " and all(len(l) <= i + 1 or l[i + 1] == " " or l[i] == " " for l in lines[1:])]
    return bool(gaps) or "  " not in head


READ = {"status": "/v1/status", "shares": "/v1/shares", "queues": "/v1/queues", "agents": "/v1/agents",
        "contacts": "/v1/contacts", "nodes": "/v1/nodes", "arrivals": "/v1/arrivals", "timeline": "/v1/timeline", "events": "/v1/events"}
for command, path in READ.items():
    text = expect(0, command)
    tap.check(text.strip(), f"{command} prints nothing")
    tap.equal(type(json.loads(expect(0, command, "--json"))), type(hub.get(path).json()), f"{command} --json")
tap.check("api-test, policy normal" in expect(0, "status") and "hub answers" in expect(0, "status"), "status")
agents = expect(0, "agents", "--site", "middle", "-n", "4")
tap.equal([l.split()[0] for l in agents.splitlines()[1:5]], ["m-001", "m-002", "m-003", "m-004"], "agents of a site")
tap.check("--after m-004" in agents, "how to go on")
tap.check(columns_line_up(agents.rsplit("\n", 2)[0]), "columns line up")
tap.check(expect(0, "agents", "e-007").splitlines()[1].startswith("e-007"), "one agent")
tap.end("what reads prints tables, and JSON as the hub said it")

contact = str(uuid.uuid4())
placed = expect(0, "route", "--queue", "support", "--from", "+12125550100", "--contact", contact, "--customer", "ada",
                "--attribute", "language=en", "--attribute", "vip=a=b", "--priority", "2")
tap.check(placed.startswith(f"{contact} goes to "), placed)
tap.equal(hub.get(f"/v1/contacts/{contact}").json()["attributes"].get("vip", "a=b"), "a=b", "attributes")
tap.check("because" in expect(0, "explain", contact), "explain")
tap.check(contact in expect(0, "contacts", contact), "one contact")
for where in (["--npa", "415"], ["--country", "DE"], ["--lat", "1.5", "--lon", "-7"]):
    tap.check("goes to" in expect(0, "route", "-q", "support", *where), f"route {where}")
tap.check("west is drain" in expect(0, "drain", "west", "--reason", "a drill"), "drain")
tap.check("force" in expect(1, "drain", "east"), "the hub's refusal in its words")
expect(0, "drain", "middle", "--force")
expect(0, "restore", "west", "-r", "drill over")
expect(0, "restore", "middle")
tap.check("60.5 %" in expect(0, "set-share", "east=60.5", "west=39.5", "--group", "america", "--reason", "test"), "set-share")
tap.check("policy one" in expect(0, "set-policy", "one"), "set-policy")
expect(0, "set-policy", "normal")
hub.wait_for(lambda: "a drill" in run("timeline").stdout, "the reason in the timeline")
tap.end("what changes something does so")

tap.check("isolate:west" in expect(0, "fault", "isolate:west", "--for", "10m"), "fault")
tap.check("isolate:west" in expect(0, "fault"), "faults")
expect(0, "fault", "--end", "1")
tap.check("isolate" not in expect(0, "fault"), "faults after the end")
expect(0, "fault", "--end", "all")
expect(1, "fault", "--end", "77")
tap.end("faults begin and end")

follow = subprocess.Popen([TANDEM, "events", "--follow", "--json", "--type", "tandem.contact."], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "TANDEM_HUB": hub.url})
ids = [json.loads(follow.stdout.readline())["id"] for _ in range(5)]
follow.kill()
follow.wait()
tap.equal(len(set(ids)), 5, "events followed")
piped = subprocess.run(f"{TANDEM} events --follow | head -n 3", shell=True, capture_output=True, text=True, timeout=60,
                       env={**os.environ, "TANDEM_HUB": hub.url})
tap.equal(len(piped.stdout.splitlines()), 3, "events into a pipe that ends")
tap.end("events are followed, and end with their reader")

for args in (["status"], ["drain", "east"], ["events", "--follow"], ["route", "-q", "x"]):
    tap.check("not reached" in expect(69, *args, url=AWAY), f"{args} without a hub")
tap.check("not reached" in expect(69, "status", "--hub", AWAY), "--hub")
for args in (["shares", "extra"], ["explain"], ["drain"], ["status", "--force"], ["status", "--hub", "ftp://x"], ["route"], ["set-share", "east"],
             ["set-share", "east=x"], ["route", "-q", "support", "--npa", "x"], ["route", "-q", "support", "--attribute", "x"],
             ["fault", "--for", "1m", "--end", "1"], ["fault", "flows:east", "--for", "x"], ["events", "-f", "-n", "3"], ["status", "--nothing"], ["nothing"]):
    expect(2, *args)
tap.check("one change or more" in expect(2, "net", "what-if"), "net what-if without a change")
for args, word in ((["explain", str(uuid.uuid4())], "no such contact"), (["explain", "12"], "UUID"), (["drain", "nowhere"], "no site"),
                   (["set-policy", "none"], "normal, one"), (["set-share", "east=50", "west=49", "--group", "america"], "100"),
                   (["agents", "--state", "asleep"], "available"), (["route", "-q", "none"], "support")):
    tap.check(word in expect(1, *args), f"{args}: {word}")
refused = run("set-policy", "none", "--json")
tap.equal((refused.returncode, json.loads(refused.stdout)["status"]), (1, 422), "a refusal as JSON")
tap.end("exit codes: 1 refused, 2 wrong usage, 69 no hub")

from urllib.parse import urlsplit # noqa: E402
import http.server # noqa: E402
import threading # noqa: E402


class Stranger(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>not a hub</html>")

    def log_message(self, *args):
        pass


stranger = http.server.HTTPServer(("127.0.0.1", 0), Stranger)
threading.Thread(target=stranger.serve_forever, daemon=True).start()
tap.check("no tandem" in expect(69, "status", url=f"http://127.0.0.1:{stranger.server_port}"), "another server")
stranger.shutdown()
for proxy in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
    expect(0, "status", env={proxy: AWAY})
tap.check(urlsplit(hub.url).port, "a port")
tap.end("another server is no hub, and a proxy is not asked")
tap.done()
