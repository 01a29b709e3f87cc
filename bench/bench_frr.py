"""bench_frr.py [ROUTES] - is a live FRR heard as fast as it speaks? A bgpd without zebra has a full table
from one neighbour and tells it in two views by BMP: twice as many messages as routes. First to a sink,
which reads and throws away; then to `tandem demo`, station, RIBs, model and verdicts included; then to
the sink again. Each time from the first byte to the last route.

Needs FRR (Debian: frr), whose bgpd need not run as a service, and build/tandem (TANDEM). 577,500 routes
are 1.155 million messages. Ends what it starts."""

import json
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "py"))
from bmp import attribute, bgp, open_  # noqa: E402
from hub import Hub  # noqa: E402

ROUTES = int(sys.argv[1]) if len(sys.argv) > 1 else 577500
SETS = 75000  # distinct sets of attributes, as a full table has
BGPD, MODULES = "/usr/lib/frr/bgpd", "/usr/lib/x86_64-linux-gnu/frr/modules"
if not os.path.exists(BGPD):
    sys.exit("bench_frr.py: FRR is not installed (Debian: frr)")
folder = tempfile.mkdtemp(prefix="tandem-frr-")
os.chmod(folder, 0o777)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


bgp_port, bmp_port = free_port(), free_port()
with open(os.path.join(folder, "bgpd.conf"), "w", encoding="utf-8") as f:
    f.write(f"""router bgp 65001
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor 127.0.0.2 remote-as 65002
 neighbor 127.0.0.2 passive
 neighbor 127.0.0.2 disable-connected-check
 address-family ipv4 unicast
  neighbor 127.0.0.2 activate
  neighbor 127.0.0.2 soft-reconfiguration inbound
 exit-address-family
 bmp targets station
  bmp monitor ipv4 unicast pre-policy
  bmp monitor ipv4 unicast post-policy
  bmp connect 127.0.0.1 port {bmp_port} min-retry 100 max-retry 500
 exit
""")
router = subprocess.Popen([BGPD, "-Z", "-n", "-S", "-p", str(bgp_port), "-l", "127.0.0.1", "-P", "0", "-f", f"{folder}/bgpd.conf",
                           "-i", f"{folder}/bgpd.pid", "--vty_socket", folder, "-M", "bmp", "--moduledir", MODULES,
                           "--log", f"file:{folder}/bgpd.log"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def routes_known():
    done = subprocess.run(["vtysh", "--vty_socket", folder, "-d", "bgpd", "-c", "show bgp ipv4 unicast summary json"],
                          capture_output=True, text=True, timeout=30)
    try:
        return json.loads(done.stdout)["peers"]["127.0.0.2"]["pfxRcd"]
    except (ValueError, KeyError):
        return 0


def updates():
    """Some seven routes share a set of attributes, as in a table of the Internet's; each set is one UPDATE."""
    draw, left, n = random.Random(1), ROUTES, 0
    while left > 0:
        sets_left = max(1, SETS - n)
        here = min(left, max(1, round(left / sets_left)), 250)
        path = [65002] + [draw.randrange(100000, 400000) for _ in range(draw.randrange(1, 6))]
        a = attribute(0x40, 1, b"\0")
        a += attribute(0x40, 2, struct.pack("!BB", 2, len(path)) + b"".join(struct.pack("!I", x) for x in path))
        a += attribute(0x40, 3, socket.inet_aton("192.0.2.2"))
        a += attribute(0xc0, 8, struct.pack("!HH", 3356, n & 0xffff) + struct.pack("!HH", 174, n >> 16))
        nlri = b""
        for i in range(ROUTES - left, ROUTES - left + here):  # /24s, the first octet from 1 on
            nlri += struct.pack("!BBBB", 24, 1 + (i >> 16), i >> 8 & 255, i & 255)
        yield bgp(2, struct.pack("!HH", 0, len(a)) + a + nlri)
        left, n = left - here, n + 1


def neighbour():
    for _ in range(200):
        try:
            s = socket.create_connection(("127.0.0.1", bgp_port), source_address=("127.0.0.2", 0))
            break
        except OSError:
            time.sleep(0.1)
    s.sendall(open_(65002, "127.0.0.2") + bgp(4, b""))
    threading.Thread(target=lambda: [None for _ in iter(lambda: s.recv(65536), b"")], daemon=True).start()
    time.sleep(1)
    for u in updates():
        s.sendall(u)
    while True:
        s.sendall(bgp(4, b""))
        time.sleep(20)


def sink():
    """Seconds from the first byte to the last one, bytes, what bgpd's processor did meanwhile."""
    with socket.create_server(("127.0.0.1", bmp_port)) as server:
        server.settimeout(120)
        s, _ = server.accept()
        before, first, last, size = cpu_s(router.pid), 0, 0, 0
        s.settimeout(5)
        while True:
            try:
                data = s.recv(1 << 20)
            except TimeoutError:
                break
            if not data:
                break
            last = time.monotonic()
            first, size = first or last, size + len(data)
        s.close()
    return last - first, size, cpu_s(router.pid) - before


CONFIG = """name: frr
hub: {name: hub, lat: 39, lon: -77.5}
sites: [{name: here, lat: 38.9, lon: -77.5}]
queues: [{name: service}]
profiles: [{name: general, queues: [service]}]
agents: [{site: here, count: 1, profile: general}]
workload: {load: 0.1, flat: true}
network:
  bmp: {listen: 127.0.0.1, port: %d}
  routers:
    - {name: frr, kind: edge, as: 65001, bmp: 127.0.0.1}
    - {name: feeder, kind: edge, as: 65002}
  links: [{name: feed, a: frr, b: feeder, a_address: 127.0.0.1, b_address: 127.0.0.2}]
  sites: [{name: here, router: frr, address: 192.0.2.10, subnets: 192.0.2.0/24}]
"""


def station():
    path = os.path.join(folder, "tandem.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(CONFIG % bmp_port)
    hub = Hub(config=path, speed=1)
    pid = hub.process.pid
    told = hub.wait_for(lambda: row(hub)["routes"] and (row(hub), time.monotonic(), cpu_s(pid), cpu_s(router.pid)), "the first route")
    first, before, bgpd_before = told[1], told[2], told[3]
    count, last = 0, first
    while time.monotonic() < last + 5:
        r = row(hub)
        if r["routes"] != count:
            count, last = r["routes"], time.monotonic()
            ended, bgpd_ended = cpu_s(pid), cpu_s(router.pid)
        time.sleep(0.05)
    memory = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) // 1024
    verdicts = [v["kind"] for v in hub.get("/v1/net").json()["verdicts"]]
    code, said = hub.stop()
    return last - first, count, ended - before, bgpd_ended - bgpd_before, memory, verdicts


def row(hub):
    return next(r for r in hub.get("/v1/net").json()["routers"] if r["name"] == "frr")


try:
    threading.Thread(target=neighbour, daemon=True).start()
    end = time.monotonic() + 300
    while routes_known() < ROUTES and time.monotonic() < end:
        time.sleep(1)
    print(f"FRR has {routes_known():,} routes", flush=True)
    for turn in ("sink", "tandem", "sink"):
        if turn == "sink":
            s, size, frr = sink()
            print(f"to a sink    {s:6.2f} s, {size / 1e6:.0f} MB; bgpd {frr:.2f} s of processor time", flush=True)
        else:
            s, count, ours, frr, memory, verdicts = station()
            print(f"to tandem    {s:6.2f} s, {count:,} routes; bgpd {frr:.2f} s, tandem {ours:.2f} s of processor time, "
                  f"{memory} MB; verdicts {verdicts}", flush=True)
finally:
    router.kill()
    router.wait()
    shutil.rmtree(folder, ignore_errors=True)
