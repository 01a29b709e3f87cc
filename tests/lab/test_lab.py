"""The network lab from end to end: real routers, tandem's hub and probes, and a BMP station of the test's.

Every fault of lab/faults.tsv is made and healed, and must show where that table says, to probes and to
BMP; tandem's hub must call it by its name and place, and take that back once it is healed. Nothing is
asserted about how long something takes; what was measured is printed as a comment. Names of faults as
arguments: only those. Without network namespaces or the routers' packages it is skipped."""

import atexit
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "py"))
from hub import TANDEM, Tap  # noqa: E402

ID = f"tt{os.getpid()}"
RUN = f"/run/tandem-lab/{ID}"
os.environ.update(TANDEM=TANDEM, TANDEM_LAB_ID=ID, TANDEM_LAB=os.path.join(ROOT, "lab"))
PATIENCE = 45

tap = Tap()


def lab(*args, wanted=0):
    done = subprocess.run([TANDEM, "lab", *args], capture_output=True, text=True, timeout=120)
    if wanted is not None:
        tap.equal(done.returncode, wanted, f"lab {' '.join(args)}\n{done.stdout}{done.stderr}")
    return done


def tables_are_theirs():
    """What the hub has as forwarding tables (FPM) is what the routers' kernels have: to each subnet, by the same neighbour."""
    told = {r["name"] for r in net("status")["routers"] if r["fib_counts"]}
    tap.equal(told, {r["router"] for r in status["routers"] if r["program"] == "frr"}, "routers that tell their forwarding tables")
    for subnet in [*address.values(), *six.values()]:
        routes = {r["router"].removesuffix("/fib"): r["next_hop"] for r in net("routes", subnet)["routes"] if r["router"].endswith("/fib")}
        for router in told & routes.keys():
            kernel = lab("exec", router, "ip", "-j", "route", "get", subnet).stdout
            tap.equal(routes[router], json.loads(kernel)[0].get("gateway"), f"{router} to {subnet}")
        tap.check(len(routes) >= 3, f"tables with a route to {subnet}: {routes}")
    tap.end("forwarding tables are as the kernels have them")


def a_table_is_lost():
    """A router stops telling its forwarding table: that is said, and nothing else is concluded from it."""
    lab("vty", "use1", "configure terminal", "no fpm address")
    end, said = time.time() + PATIENCE, []
    while not said and time.time() < end:
        time.sleep(0.3)
        said = [v["text"] for v in verdicts() if v["kind"] == "feed_stale" and v["ended_ms"] is None]
    tap.equal(said, ["feed_stale at use1; its forwarding table (FPM)"], "the lost table")
    hub_is_quiet("a table that is not told", 10, but=REMEMBERED | {"feed_stale"})
    lab("vty", "use1", "configure terminal", "fpm address 198.18.0.101 port 2620")
    hub_is_quiet("a table that is told again")
    tap.end("a router that no longer tells its table is named, and not misjudged")


class Stream:
    """A program in the lab that prints a line of JSON for each thing that happens."""

    def __init__(self, where, *command):
        self.lines = []
        self.marked = 0
        self.process = subprocess.Popen([TANDEM, "lab", "exec", where, *command], stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def until(self, holds, what):
        """Waits until the lines satisfy, or patience ends, which is a failure."""
        end = time.time() + PATIENCE
        while not (found := holds(list(self.lines))) and time.time() < end and self.process.poll() is None:
            time.sleep(0.05)
        tap.check(found or holds(list(self.lines)), f"{what}; the last lines: {self.lines[-5:]}")
        return found

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.thread.join()
        return self.lines


class Stamp(Stream):
    def __init__(self, host, to, *more):
        super().__init__(f"h-{host}", TANDEM, "probe", "stamp", to, "--json", *more)

    def mark(self):
        """What was before does not count."""
        self.marked = len(self.lines)

    def saw(self, what, lines=None):
        lines = lines if lines is not None else list(self.lines)
        return [x for x in lines[self.marked:] if x["what"] == what]


def trace(host, to):
    done = subprocess.run([TANDEM, "lab", "exec", f"h-{host}", TANDEM, "probe", "trace", to, "--json", "--flow", "40000"],
                          capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


def place_of(address):
    """The router (or host) that has an address."""
    return owners.get(address) or hosts.get(address) or address


# ---- what the hub says ----

# What tells that something was, for a while, and not that something is.
REMEMBERED = {"one_way_shift", "session_flapping", "detection_skew"}


def net(*question):
    done = subprocess.run([TANDEM, "lab", "exec", "mon", TANDEM, "net", *question, "--json"], capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


def verdicts():
    done = subprocess.run([TANDEM, "lab", "exec", "mon", TANDEM, "net", "verdicts", "--json"], capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)["verdicts"] if done.returncode == 0 else [{"kind": "no hub", "text": done.stderr, "ended_ms": None}]


def names(verdict, router):
    said = json.dumps(verdict)
    if "/" in router:
        return router in verdict["text"]
    return f'"{router}"' in said or any(f'"{a}"' in said or f" {a}" in verdict["text"] for a in owners_of(router)) or router in verdict["text"].split()


def hub_says(row, since_ms):
    """The verdict of the table, raised since then, that names all of its places."""
    end, said = time.time() + PATIENCE, []
    while time.time() < end:
        said = [v for v in verdicts() if v["kind"] == row["verdict"] and (v.get("raised_ms") or 0) >= since_ms]
        found = [v for v in said if all(names(v, r) for r in row["place"].split(","))]
        if found:
            print(f"# {row['fault']}: {found[0]['text']}, {min(v['raised_ms'] for v in found) - since_ms:.0f} ms after it was begun")
            return
        time.sleep(0.3)
    others = {v["kind"] for v in verdicts() if v["ended_ms"] is None}
    tap.check(False, f"no {row['verdict']} at {row['place']}: {[v['text'] for v in said]}; the hub says {others}")


def hub_is_quiet(what, seconds=0, patience=PATIENCE, but=REMEMBERED):
    """No verdict is raised, or not any more, and that for so long."""
    end, quiet = time.time() + patience + seconds, time.time()
    while time.time() < end:
        left = [v["text"] for v in verdicts() if v["ended_ms"] is None and v["kind"] not in but]
        if left:
            quiet = time.time()
        elif time.time() - quiet >= seconds:
            return
        time.sleep(0.3)
    tap.check(False, f"{what}: {left}")


def way(host, to):
    return [place_of(h) if h else None for h in trace(host, to)["hops"]]


def until_way(host, to, want):
    end = time.time() + PATIENCE
    while (got := way(host, to)) != want and time.time() < end:
        time.sleep(0.2)
    tap.equal(got, want, f"the way from {host} to {to} afterwards")


def nothing_lost(stamp, what):
    """Ends it. A processor that had no time makes answers late, even three in a row, but loses none; the last may be under way."""
    total = stamp.end()[-1]
    tap.check(total["missed"] <= 5 and total["lost_there"] + total["lost_back"] <= 1, f"{what}: {total}")
    if stamp.saw("down"):
        print(f"# {what}: {total['late']} answers of {total['answered']} were late; this machine is busy")


# ---- what the table says of probes ----

def p_loop(stamp, row, routers):
    stamp.until(lambda x: stamp.saw("down", x), "no answers")
    for _ in range(20):
        if (t := trace(row["from"], row["to"])).get("loop_at"):
            break
        time.sleep(0.5)
    wanted = set(routers.split(","))
    tap.equal(t["end"], "loop", f"traceroute {t}")
    tap.equal(t.get("loop_hops"), len(wanted), "routers in the loop")
    cycle = [place_of(h) for h in t["hops"]][-len(wanted):]
    tap.equal(set(cycle), wanted, "which routers")


def p_silent(stamp, row, _):
    stamp.until(lambda x: stamp.saw("down", x), "no answers")
    tap.equal(trace(row["from"], row["to"])["end"], "silent", "traceroute")


def p_down(stamp, row, _):
    stamp.until(lambda x: stamp.saw("down", x), "no answers")
    tap.check(trace(row["from"], row["to"])["end"] != "reached", "traceroute reaches what probes do not")


def p_refused(stamp, row, _):
    """The router says so about once a second, whoever asks (the kernel's error_cost), and probes ask all the time."""
    stamp.until(lambda x: stamp.saw("down", x), "no answers")
    end = time.time() + PATIENCE
    while (set(way(row["from"], row["to"])) - {None, row["from"]}) and time.time() < end:
        time.sleep(0.5)
    got = trace(row["from"], row["to"])
    tap.check(got["end"] in ("unreachable", "silent"), f"traceroute {got}")
    tap.equal({place_of(h) for h in got["hops"] if h} - {row["from"]}, set(), "routers beyond the first")


def shifted(stamp, longer, same):
    found = stamp.until(lambda x: [s for s in stamp.saw("shift", x) if s[f"shift_{longer}_us"] > 5000], f"a longer way {longer}")
    for s in found or []:
        tap.equal(s["shift"], longer, "which way")
        tap.check(abs(s[f"shift_{same}_us"]) < 2500, f"the other way moved: {s}")


def p_back(stamp, row, _):
    shifted(stamp, "back", "there")


def p_there(stamp, row, _):
    shifted(stamp, "there", "back")


def p_lost_there(stamp, row, _):
    stamp.until(lambda x: stamp.saw("down", x), "no answers")
    stamp.until(lambda x: stamp.saw("up", x), "another way")
    time.sleep(0.5)
    total = stamp.end()[-1]
    tap.check(total["lost_there"] > 20 and total["lost_back"] <= 3, f"losses {total}")


def p_moved(stamp, row, _):
    end = time.time() + PATIENCE
    while way(row["from"], row["to"]) == row["way"] and time.time() < end:
        time.sleep(0.2)
    tap.check(way(row["from"], row["to"]) != row["way"], "the way is the same")


def p_fine(stamp, row, _):
    stamp.until(lambda x: len(stamp.saw("span", x)) >= 5, "probes go on")
    nothing_lost(stamp, "a path that should not care")


# ---- what the table says of BMP ----

def b_down(bmp, since, router):
    bmp.until(lambda x: [m for m in x[since:] if m["type"] == "down" and place_of(m["router"]) == router], f"a session of {router} down")


def b_announced(bmp, since, who_prefix):
    who, prefix = who_prefix.split(":")
    bmp.until(lambda x: [m for m in x[since:] if m["type"] == "route" and prefix in m["announced"] and place_of(m["peer"]) == who],
              f"{prefix} from {who}")


def b_refused(bmp, since, who_prefix):
    """The router's count of updates refused for a loop of AS numbers (statistic 4) rises, and the route is withdrawn. FRR sends
    what it refuses before policy too, but only when the station connects: a live one sees the withdrawal."""
    who, prefix = who_prefix.split(":")

    def refused(lines):
        last = {m["peer"]: m["stats"].get("4", 0) for m in lines if m["type"] == "stats" and place_of(m["router"]) == who}
        return sum(last.values())

    bmp.until(lambda x: refused(x) > refused(x[:since]), f"updates refused by {who}")
    bmp.until(lambda x: [m for m in x[since:] if m["type"] == "route" and place_of(m["router"]) == who and m["view"] == "post"
                         and prefix in m["announced"] + m["withdrawn"]][-1:][0]["withdrawn"], f"{prefix} withdrawn at {who}")


PROBES = {"loop": p_loop, "silent": p_silent, "down": p_down, "refused": p_refused, "back+": p_back, "there+": p_there,
          "lost-there": p_lost_there, "moved": p_moved, "fine": p_fine}
BMP = {"down": b_down, "announced": b_announced, "refused": b_refused}


def cut_is_seen():
    """A silent cut of the link that is in use; BGP goes on believing in it until BFD says otherwise."""
    stamp = Stamp("gcp", "10.1.0.10")
    stamp.until(lambda x: stamp.saw("up", x), "up")
    time.sleep(1)
    at = time.time()
    lab("link", "cea", "use1", "a", "cut", "both")
    found = stamp.until(lambda x: stamp.saw("down", x), "the cut")
    if found:
        took = found[0]["at_ms"] - at * 1000
        down = [m for m in bmp.lines if m["type"] == "down" and m["at"] > at]
        tap.equal(down, [], "BGP knew before the probes")
        print(f"# a cut link is seen {took:.0f} ms after the command")
    stamp.until(lambda x: len(stamp.saw("up", x)) >= 2, "the other way")
    print(f"# and the other way is used {stamp.saw('up')[-1]['at_ms'] - at * 1000:.0f} ms after it")
    lab("link", "cea", "use1", "a", "heal", "both")
    lab("ready")
    for (host, to), usual in ways.items():
        until_way(host, to, usual)
    stamp.end()
    tap.end("a cut link is seen by probes before any router knows")


def bfd_ends_apart():
    since, at = len(bmp.lines), time.time()
    lab("link", "gcp", "cea", "a", "cut", "both")
    ends = {"gcp": owners_of("cea"), "cea": owners_of("gcp")}
    first = {}
    for router, peers in ends.items():
        found = bmp.until(lambda x: [m for m in x[since:] if m["type"] == "down" and place_of(m["router"]) == router and m["peer"] in peers],
                          f"{router} drops the session")
        first[router] = found[0]["at"] - at if found else 0
    tap.check(first["gcp"] < first["cea"], f"the hub waits for three times of one second, the edge for five: {first}")
    print(f"# after a silent cut the hub moves at {first['gcp']:.2f} s, the edge at {first['cea']:.2f} s")
    lab("link", "gcp", "cea", "a", "heal", "both")


def owners_of(router):
    return {a for a, r in owners.items() if r == router}


def fault(row):
    since = len(bmp.lines)
    row["way"] = ways[row["from"], row["to"]]
    stamp = Stamp(row["from"], row["to"])
    stamp.until(lambda x: len(stamp.saw("span", x)) >= 3, "a healthy path before")
    tap.equal(stamp.saw("shift"), [], "before it is broken")
    stamp.mark()
    lab("break", row["fault"])
    broken_ms = float(open(f"{RUN}/broken/{row['fault']}", encoding="ascii").read()) * 1000
    print(f"# {row['fault']}: it took {time.time() * 1000 - broken_ms:.0f} ms to make")
    lab("break", row["fault"], wanted=1)
    kind, _, about = row["probes"].partition("=")
    PROBES[kind](stamp, row, about)
    kind, _, about = row["bmp"].partition("=")
    if kind != "nothing":
        BMP[kind](bmp, since, about)
    if row["fault"] == "bfd-mismatch":
        bfd_ends_apart()
    if row["fault"] == "flapping-peer":
        bmp.until(lambda x: len([m for m in x[since:] if m["type"] == "down" and place_of(m["router"]) == "gcp"]) >= 2, "down again")
    hub_says(row, broken_ms)
    lab("heal", row["fault"])
    lab("ready")
    until_way(row["from"], row["to"], row["way"])
    stamp.end()
    again = Stamp(row["from"], row["to"])
    again.until(lambda x: again.saw("up", x), "up after healing")
    again.end()
    hub_is_quiet("after healing")
    tap.end(f"{row['fault']}: {row['summary']}")


def healthy():
    """Every ordered pair of hosts, both ways, for some seconds; the ways are symmetric."""
    names = [r["router"] for r in status["routers"] if r["subnet"] != "-"]
    stamps = {(a, b): Stamp(a, address[b], "--pace", "50ms") for a in names for b in names if a != b}
    for (a, b), s in stamps.items():
        s.until(lambda x: len(s.saw("span", x)) >= 3 and not sum(y["lost"] for y in s.saw("span", x)[-3:]), f"{a} to {b} without loss")
        last = s.saw("span")[-1]
        tap.equal(last.get("hops_there"), last.get("hops_back"), f"hops {a} to {b}")
        there = way(a, address[b])
        back = way(b, address[a])
        tap.equal(there[:-1], back[:-1][::-1], f"routers {a} to {b}, and back")
    for s in stamps.values():
        s.end()
    hub_is_quiet("a healthy network", 10)
    tap.end(f"healthy: {len(stamps)} ordered pairs have answers and symmetric ways")


def leftovers():
    left = [n for n in os.listdir("/run/netns") if n.startswith(ID)] if os.path.isdir("/run/netns") else []
    return left + [p for p in ("/run/tandem-lab", "/var/run/frr") for n in (os.listdir(p) if os.path.isdir(p) else []) if ID in n]


began = time.time()
up = lab("up", wanted=None)
if up.returncode == 69:
    tap.end("the network lab", skip=up.stderr.strip())
    tap.done()
atexit.register(lambda: subprocess.run([TANDEM, "lab", "down"], check=False))
tap.equal(up.returncode, 0, f"lab up\n{up.stdout}{up.stderr}")
if up.returncode:
    tap.end("the lab comes up")
    tap.done()
print(f"# up and ready after {time.time() - began:.1f} s")
status = json.loads(lab("status", "--json").stdout)
tap.check(status["up"] and all(r["up"] for r in status["routers"]), f"routers: {status['routers']}")
lab("up", wanted=1)
tap.end("the lab comes up, and not twice")

address = {r["router"]: r["subnet"].replace(".0.0/16", ".0.10") for r in status["routers"] if r["subnet"] != "-"}
hosts = {a: f"h-{r}" for r, a in address.items()}
hosts |= {a.replace(".0.10", ".200.1"): f"h-{r}" for r, a in address.items()}
six = {r["router"]: re.sub(r"10\.(\d+)\..*", r"fd00:\1::10", r["subnet"]) for r in status["routers"] if r["program"] == "frr" and r["subnet"] != "-"}
hosts |= {a: f"h-{r}" for r, a in six.items()}
owners = {a.replace(".0.10", ".0.1"): r for r, a in address.items()}
owners |= {a.removesuffix("0"): r for r, a in six.items()}
owners |= {f"198.18.0.{i + 1}": r["router"] for i, r in enumerate(status["routers"])}
for line in open(f"{RUN}/links", encoding="ascii"):
    a, b, _, x, y = line.split()
    n = x.split(".")[2]
    owners |= {x: a, y: b, f"fd69:{n}::1": a, f"fd69:{n}::2": b}
bmp = Stream("mon", sys.executable, os.path.join(ROOT, "tests", "lab", "bmp.py"), "11019")
talking = {r["router"] for r in status["routers"] if r["program"] in ("frr", "gobgp")}
bmp.until(lambda x: {place_of(m["router"]) for m in x if m["type"] == "route"} >= talking, f"BMP from {talking}")
tap.end("every router that has BMP sends its routes")

healthy()
tables_are_theirs()
a_table_is_lost()
ways = {(r["from"], r["to"]): way(r["from"], r["to"]) for r in status["faults"]}
cut_is_seen()
for row in status["faults"]:
    if not sys.argv[1:] or row["fault"] in sys.argv[1:]:
        fault(row)
status = json.loads(lab("status", "--json").stdout)
tap.check(not any(f["broken"] for f in status["faults"]) and all(r["up"] for r in status["routers"]), f"afterwards: {status}")
# The minute of the hub's memory for flapping sessions goes by; ten of it for delays are not waited for.
hub_is_quiet("all is healed", patience=120, but={"one_way_shift"})
tap.end("nothing is left broken")

bmp.end()
lab("down")
tap.equal(leftovers(), [], "left behind")
lab("down")
lab("up")
tap.equal(json.loads(lab("status", "--json").stdout)["up"], True, "up again")
lab("down")
tap.equal(leftovers(), [], "left behind")
lab("status", wanted=1)
lab("heal", wanted=1)
tap.end("down leaves nothing, and it comes up again")
print(f"# {time.time() - began:.0f} s in all")
tap.done()
