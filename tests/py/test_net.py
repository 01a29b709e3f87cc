"""The watch of the network from outside: routers speak BMP to a running hub, sites tell what their
probes found, and verdicts come and go in the API, on the command line and in the log."""

import os
import re
import subprocess
import tempfile

from bmp import Router
from fpm import STATIC, Table
from hub import Hub, ROOT, TANDEM, Tap

tap = Tap()
text = open(os.path.join(ROOT, "examples", "network.yaml")).read()
text = text.replace("172.31.0.", "127.0.0.1").replace("port: 5000}", "port: 0}")
text = text.replace("network:\n", "network:\n  sync_ms: 300\n  fpm: {port: 0}\n", 1)
text = re.sub(r"bmp: (127[.0-9]+)}", r"bmp: \1, fpm: \1}", text)
text = text.replace("name: us-peering, ", "name: us-peering, a_address: 169.254.7.1, b_address: 169.254.7.2, ")
config = tempfile.NamedTemporaryFile("w", suffix=".yaml")
config.write(text)
config.flush()
hub = Hub(config=config.name, speed=1)
port = int(hub.wait_for(lambda: re.search(r"routers may speak BMP.*port=(\d+)", hub.logged()), "the station's port").group(1))
fpm_port = int(hub.wait_for(lambda: re.search(r"routers may speak FPM.*port=(\d+)", hub.logged()), "the other station's port").group(1))


def post(path, body):
    return hub.request("POST", path, body)


def net():
    return hub.get("/v1/net").json()


def verdicts():
    return {v["kind"]: v for v in net()["verdicts"]}


def cli(*words, code=0):
    done = subprocess.run([TANDEM, "net", *words, "--hub", hub.url], capture_output=True, text=True, timeout=60)
    tap.equal(done.returncode, code, f"tandem net {' '.join(words)}: {done.stdout[-300:]}{done.stderr[-300:]}")
    return done.stdout


empty = net()
tap.equal([r["feed"] for r in empty["routers"]], ["none"] * 5, "feeds before any router speaks")
tap.equal({ln["session"] for ln in empty["links"] if "peering" not in ln["name"]}, {"unknown"}, "sessions")
tap.equal(empty["verdicts"], [], "verdicts about what nobody has told")
tap.end("before routers speak nothing is said of them")

# ---- the healthy network ----

REGIONS = {"use1": (64601, "1", ["1", "2"]), "usw2": (64602, "2", ["3", "4"]), "euc1": (64603, "3", ["5"]), "euw2": (64604, "4", ["6"])}
gcp = Router(port, "127.0.0.11", "gcp", 16550)
spoke = {}
for i, (name, (asn, subnet, links)) in enumerate(REGIONS.items()):
    spoke[name] = Router(port, f"127.0.0.1{i + 2}", name, asn)
    for n in links:
        gcp.up(f"169.254.{n}.2", asn, f"169.254.{n}.1")
        spoke[name].up(f"169.254.{n}.1", 16550, f"169.254.{n}.2")
for name, (asn, subnet, links) in REGIONS.items():
    for n in links:
        gcp.routes(f"169.254.{n}.2", asn, [asn], [f"10.{subnet}.0.0/16"])
        gcp.end_of_rib(f"169.254.{n}.2", asn)
        others = [s for s in ("1", "2", "3", "4") if s != subnet]
        spoke[name].routes(f"169.254.{n}.1", 16550, [16550], ["10.100.0.0/16"])
        for o in others:
            spoke[name].routes(f"169.254.{n}.1", 16550, [16550, 64600 + int(o)], [f"10.{o}.0.0/16"])
        spoke[name].end_of_rib(f"169.254.{n}.1", 16550)
hub.wait_for(lambda: all(r["heard"] for r in net()["routers"]), "all routers to be heard")
told = net()
tap.equal({r["name"]: (r["feed"], r["sessions_up"], r["sessions"]) for r in told["routers"]},
          {"gcp": ("up", 6, 6), "use1": ("up", 2, 2), "usw2": ("up", 2, 2), "euc1": ("up", 1, 1), "euw2": ("up", 1, 1)}, "routers")
tap.equal({ln["name"]: ln["session"] for ln in told["links"]},
          {"use1-a": "up", "use1-b": "up", "usw2-a": "up", "usw2-b": "up", "euc1-a": "up", "euw2-a": "up", "us-peering": "none", "eu-peering": "none"}, "sessions")
hub.wait_for(lambda: net()["verdicts"] == [], "a healthy network without a verdict")
path = hub.get("/v1/net/path?from=us-east-1&to=eu-west-2").json()
tap.equal([h["router"] for h in path["there"]["hops"]], ["use1", "gcp", "euw2"], "the way there")
tap.equal((path["there"]["end"], path["back"]["end"]), ("delivered", "delivered"), "both ways arrive")
routes = hub.get("/v1/net/routes?prefix=10.3.0.0/16").json()
tap.equal({(r["router"], r["path"]) for r in routes["routes"]},
          {("gcp", "64603"), ("use1", "16550 64603"), ("usw2", "16550 64603"), ("euw2", "16550 64603")}, "routes to a region")
tap.equal({w["end"] for w in routes["ways"]}, {"delivered"}, "ways from every site")
tap.check("Nothing is wrong." in cli("status"), "tandem net status")
tap.check("16550 64603" in cli("routes", "10.3.0.7"), "tandem net routes of an address")
tap.check("us-east-1 to eu-west-2: use1 -(use1-a)-> gcp -(euw2-a)-> euw2: delivered, 13.00 ms" in cli("path", "us-east-1", "eu-west-2"), "tandem net path")
tap.end("five routers are heard, and nothing is wrong")

# ---- what if, before it is done ----

sure = post("/v1/net/what-if", {"changes": [{"change": "link_down", "link": "use1-b"}]}).json()
tap.check(not sure["refused"], f"a backup link may go: {sure}")
loop = post("/v1/net/what-if", {"changes": [
    {"change": "static_add", "router": "euc1", "link": "eu-peering", "prefix": "10.9.0.0/16"},
    {"change": "static_add", "router": "euw2", "link": "eu-peering", "prefix": "10.9.0.0/16"}]}).json()
tap.check(loop["refused"] and "forwarding_loop" in [v["kind"] for v in loop["verdicts"] if v["raised"]], f"statics in a circle: {loop}")
tap.check("Refused" in cli("what-if", "static_add:router=euc1,link=eu-peering,prefix=10.9.0.0/16",
                           "static_add:router=euw2,link=eu-peering,prefix=10.9.0.0/16", code=1), "tandem net what-if")
tap.equal(net()["verdicts"], [], "nothing of it has happened")
tap.end("a change that would make a loop is refused, and leaves nothing behind")

# ---- the best preferences ----

plan = hub.get("/v1/net/plan").json()
tap.check(plan["proved"], f"a plan: {plan}")
tap.equal((plan["pairs"], plan["symmetric_after"], plan["best_after"]), (10, 10, 10), "with the plan all pairs have the best way, both ways")
tap.check(plan["best_before"] < 10 and plan["changes"], f"there is something to change: {plan}")
tried = post("/v1/net/what-if", {"changes": plan["changes"]}).json()
tap.check(not tried["refused"] and not [v for v in tried["verdicts"] if v["raised"]], f"what-if takes it: {tried}")
tap.check("prefer:router=" in cli("optimise") and "with this plan 10 and 10" in cli("optimise", "1000"), "tandem net optimise")
tap.end("preferences are proposed, and proved")

# ---- what goes wrong, and is mended ----

gcp.down("169.254.5.2", 64603)
spoke["euc1"].down("169.254.5.1", 16550)
lost = hub.wait_for(lambda: verdicts().get("session_down"), "the lost session")
tap.check("euc1-a" in lost["text"] and lost["severity"] == "critical" and lost["do"], f"the verdict: {lost}")
hub.wait_for(lambda: verdicts().get("route_missing"), "the missing route")
tap.equal({ln["name"]: ln["session"] for ln in net()["links"]}["euc1-a"], "down", "the session")
tap.check("session_down" in cli("verdicts"), "tandem net verdicts")
gcp.up("169.254.5.2", 64603, "169.254.5.1")
spoke["euc1"].up("169.254.5.1", 16550, "169.254.5.2")
gcp.routes("169.254.5.2", 64603, [64603], ["10.3.0.0/16"])
gcp.end_of_rib("169.254.5.2", 64603)
spoke["euc1"].routes("169.254.5.1", 16550, [16550], ["10.100.0.0/16"])
for o in ("1", "2", "4"):
    spoke["euc1"].routes("169.254.5.1", 16550, [16550, 64600 + int(o)], [f"10.{o}.0.0/16"])
spoke["euc1"].end_of_rib("169.254.5.1", 16550)
hub.wait_for(lambda: net()["verdicts"] == [], "the end of all verdicts")
over = [v["kind"] for v in hub.get("/v1/net/verdicts?ended=true").json()["verdicts"] if v["ended_ms"]]
tap.check({"session_down", "route_missing"} <= set(over), f"verdicts that are over: {over}")
tap.end("a lost session is told with what it costs, and taken back when it returns")

gcp.routes("169.254.4.2", 64602, [64602], ["10.1.77.0/24"])
leak = hub.wait_for(lambda: verdicts().get("more_specific"), "the more specific route")
tap.check("10.1.77.0/24" in leak["text"], f"the verdict: {leak}")
gcp.routes("169.254.4.2", 64602, [], withdrawn=["10.1.77.0/24"])
hub.wait_for(lambda: net()["verdicts"] == [], "the end of the leak")
tap.end("a leaked more specific route is named")

# ---- what routers do, whatever they say ----

BY = {"use1": ("169.254.1.1", "169.254.2.1"), "usw2": ("169.254.3.1", "169.254.4.1")} # both links, as BGP would


def tell_table(name, source, subnet):
    t = Table(fpm_port, source)
    t.route(f"10.{subnet}.0.0/16")
    for other in sorted({"100", "1", "2", "3", "4"} - {subnet}):
        t.route(f"10.{other}.0.0/16", *BY[name])
    return t


table = {"use1": tell_table("use1", "127.0.0.12", "1"), "usw2": tell_table("usw2", "127.0.0.13", "2")}
counted = hub.wait_for(lambda: {r["name"]: r for r in net()["routers"] if r["fib_counts"]}.keys() >= {"use1", "usw2"} and net(), "tables told")
tap.equal({r["name"]: (r["fib"], r["fib_routes"]) for r in counted["routers"]},
          {"gcp": ("none", 0), "use1": ("up", 9), "usw2": ("up", 9), "euc1": ("none", 0), "euw2": ("none", 0)}, "forwarding tables")
tap.equal(net()["verdicts"], [], "tables that say what BGP says")
table["use1"].route("10.3.0.0/16", "169.254.7.2", protocol=STATIC)
table["usw2"].route("10.3.0.0/16", "169.254.7.1", protocol=STATIC)
loop = hub.wait_for(lambda: verdicts().get("forwarding_loop"), "the loop of two static routes")
tap.check("10.3.0.0/16; round by use1 -us-peering-> usw2 -us-peering->; not by BGP at use1, usw2" in loop["text"], f"the verdict: {loop}")
tap.check("use1 -(us-peering)-> usw2 -(us-peering)-> use1: loop" in cli("path", "us-east-1", "eu-central-1"), "tandem net path")
tap.check(re.search(r"use1/fib .*static", cli("routes", "10.3.0.7")), "tandem net routes")
for name, t in table.items():
    t.route("10.3.0.0/16", *BY[name])
hub.wait_for(lambda: net()["verdicts"] == [], "the end of the loop")
table["use1"].no_route("10.3.0.0/16")
hole = hub.wait_for(lambda: verdicts().get("no_path"), "the route that is not there")
table["use1"].close()
lost = hub.wait_for(lambda: verdicts().get("feed_stale"), "the lost table")
tap.check("at use1" in lost["text"] and "FPM" in lost["text"], f"the verdict: {lost}")
hub.wait_for(lambda: {"no_path"} & verdicts().keys() == set(), "what BGP says counting again")
table["use1"] = tell_table("use1", "127.0.0.12", "1")
hub.wait_for(lambda: net()["verdicts"] == [], "a healthy network again")
tap.end("a loop that only forwarding tables show is named, and a lost table is not believed")

spoke["euw2"].close()
hub.wait_for(lambda: verdicts().get("feed_stale"), "the lost feed")
tap.equal({r["name"]: r["feed"] for r in net()["routers"]}["euw2"], "lost", "the feed")
tap.end("a router that no longer speaks is named")

# ---- probes ----

def probe(what, src, dst, **figures):
    return {"from": src, "to": dst, "kind": "stamp", "what": what, "at_ms": net_ms(), **figures}


def net_ms():
    import time
    return int(time.time() * 1000)


sent = post("/v1/net/probes", {"results": [
    probe("up", "gcp-us-east4", "us-east-1", since_ms=net_ms(), two_way_us=8100),
    probe("span", "gcp-us-east4", "us-east-1", two_way_us=8200, two_way_p99_us=9000, two_way_max_us=9100, there_us=4100, back_us=4100,
          sent=500, lost=5, lost_there=5, lost_back=0, hops_there=2, hops_back=2)]})
tap.equal((sent.status, sent.json()), (200, {"taken": 2, "refused": 0}), "results")
p = net()["paths"][0]
tap.equal((p["from"], p["to"], p["state"], p["two_way_ms"], p["loss"], p["hops_there"]), ("gcp-us-east4", "us-east-1", "up", 8.2, 0.01, 2), "the path")
post("/v1/net/probes", {"results": [probe("down", "gcp-us-east4", "us-east-1", since_ms=net_ms())]})
dead = hub.wait_for(lambda: [v for v in net()["verdicts"] if v["kind"] in ("data_plane", "firewall", "routing", "stale_model")], "a verdict of probe and model")
tap.check("us-east-1" in dead[0]["text"], f"the verdict: {dead}")
post("/v1/net/probes", {"results": [probe("up", "gcp-us-east4", "us-east-1", since_ms=net_ms())]})
hub.wait_for(lambda: not [v for v in net()["verdicts"] if v["kind"] in ("data_plane", "firewall", "routing", "stale_model")], "its end")
tap.end("a path that is dead while routes say it lives is told, until it lives")

# A site's request that was given up while the path was cut comes late, after the one that had it again.
late = probe("down", "gcp-us-east4", "us-east-1", since_ms=net_ms()) | {"at_ms": net_ms() - 5000}
tap.equal(post("/v1/net/probes", {"results": [late]}).json(), {"taken": 1, "refused": 0}, "taken, since it was right once")
tap.equal(net()["paths"][0]["state"], "up", "and not believed any more")
tap.end("what comes late does not undo what is known since")

# ---- hostile routers ----

import socket
for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x03\xff\xff\xff\xff\x00" + b"x" * 100, b"\x03\x00\x00\x00\x05\x00", b"\x03" * 4000):
    with socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.15", 0)) as s:
        s.settimeout(20)
        s.sendall(data)
        try:
            while s.recv(1000):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass
try:
    with socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.99", 0)) as s:
        s.settimeout(20)
        tap.equal(s.recv(1), b"", "a stranger is turned away")
except ConnectionResetError:
    pass
tap.equal({r["name"]: r["feed"] for r in net()["routers"]}["gcp"], "up", "the others' feeds")
tap.end("nonsense costs the session that sent it, and nobody else")

code, said = hub.stop()
tap.equal(code, 0, "exit code")
tap.check("BUG" not in hub.logged(), hub.logged()[-500:])
tap.end("it ends cleanly")
tap.done()
