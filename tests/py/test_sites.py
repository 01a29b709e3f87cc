"""Two sites of one machine: a hub that probes from one, and `tandem probe sites` at the other, which
tells the hub what it finds. The hub then knows the path both ways, and when the other site is gone."""

import atexit
import os
import signal
import socket
import subprocess
import tempfile
import time

from hub import Hub, ROOT, TANDEM, Tap

tap = Tap()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


text = open(os.path.join(ROOT, "tests", "data", "api.yaml")).read().split("\nnetwork:")[0]
text += f"""
network:
  probes: {{from: west, port: {free_port()}, pace_ms: 10}}
  routers: [{{name: r, kind: edge, as: 64600}}]
  sites:
    - {{name: west, router: r, address: 127.0.0.1, subnets: 10.1.0.0/16}}
    - {{name: east, router: r, address: 127.0.0.2, subnets: 10.2.0.0/16}}
"""
config = tempfile.NamedTemporaryFile("w", suffix=".yaml")
config.write(text)
config.flush()
hub = Hub(config=config.name, speed=1)


def paths():
    return {(p["from"], p["to"], p["kind"]): p["state"] for p in hub.get("/v1/net").json()["paths"]}


def sites(*more, code=None):
    process = subprocess.Popen([TANDEM, "probe", "sites", "--config", config.name, *more], stderr=subprocess.PIPE, text=True)
    atexit.register(process.kill)
    if code is None:
        return process
    said = process.communicate(timeout=60)[1]
    tap.equal(process.returncode, code, f"probe sites {' '.join(more)}: {said}")
    return said


def until(key, state):
    hub.wait_for(lambda: paths().get(key) == state, f"{key} {state}, now {paths()}")


east = sites("--from", "east", "--hub", hub.url)
until(("west", "east", "stamp"), "up")
until(("east", "west", "stamp"), "up")
tap.end("both ways are known, one measured by the hub, one told by the other site")

east.send_signal(signal.SIGTERM)
tap.equal(east.wait(timeout=30), 0, "exit code")
until(("west", "east", "stamp"), "down")
tap.end("a site that is gone is down for the hub")

silent = sites("--from", "east", "--hub", "http://127.0.0.1:1")
until(("west", "east", "stamp"), "up")
time.sleep(1.5)
tap.equal(silent.poll(), None, "a hub that is not there ends nothing")
silent.send_signal(signal.SIGTERM)
said = silent.communicate(timeout=30)[1]
tap.equal(said.count("the hub does not take what probes found"), 1, f"said once: {said}")
tap.end("without a hub it goes on probing, and says so once")

tap.check("site nowhere" in sites("--from", "nowhere", code=78), "which site")
tap.check("in use" in sites("--from", "west", code=74), "the hub has that port")
sites("--from", "east", "--hub", "ftp://127.0.0.1", code=2)
sites("--hub", hub.url, code=2)
tap.end("wrong use is told")
tap.done()
