"""Events that AWS Network Manager pushes through EventBridge, from outside: who may send them, what of
them is applied, and that a poll and a push end in the same truth whichever comes first."""

import atexit
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from hub import ROOT, Hub, Tap
from transit import Route, Transit

tap = Tap()
KEY = "a-key-for-this-test-only"
CENTRE = """
hub: {name: hub, lat: 39, lon: -77}
sites: [{name: east, lat: 38.9, lon: -77.5}]
queues: [{name: service}]
profiles: [{name: general, queues: [service]}]
agents: [{site: east, count: 1, profile: general}]
workload: {load: 0.5, flat: true}
"""
NETWORK = CENTRE + """
network:
  sync_ms: 200
  routers:
    - {name: east, kind: tgw, as: 64601, attached_from_feed: true}
    - {name: west, kind: tgw, as: 64602, attached_from_feed: true}
  links:
    - {name: tgw-attach-peer, a: east, b: west, session: false}
  sites:
    - {name: hub, router: west, subnets: 10.2.0.0/16}
    - {name: east, router: east, subnets: 10.1.0.0/16}
  clouds:
    every_s: %d
    aws:
      - {router: east, region: us-east-1, gateway: tgw-east, tables: tgw-rtb-east}
      - {router: west, region: us-west-2, gateway: tgw-west, tables: tgw-rtb-west}
    aws_url: %s
    %s
"""
aws = Transit()
PEER = Route("", "tgw-attach-peer", "peering", "static")
aws.tables["tgw-rtb-east"] = [Route("10.1.0.0/16", "tgw-attach-vpc-1"), PEER._replace(prefix="10.2.0.0/16")]
aws.tables["tgw-rtb-west"] = [Route("10.2.0.0/16", "tgw-attach-vpc-2"), PEER._replace(prefix="10.1.0.0/16")]
aws.peerings = [("tgw-attach-peer", "tgw-east", "us-east-1", "tgw-west", "us-west-2", "available")]
files = []


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def start(every_s, door=""):
    config = tempfile.NamedTemporaryFile("w", suffix=".yaml")
    config.write(NETWORK % (every_s, aws.url, door))
    config.flush()
    files.append(config)
    return Hub(config=config.name, speed=1, env=dict(os.environ, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", TEST_KEY=KEY))


def event(number, change="INSTALLED", gateway="east", prefix="10.1.128.0/17", attachment="tgw-attach-peer", kind="peering",
          table=None, sequence=None, **more):
    """As "Monitor your global network using EventBridge" has it."""
    arn = "arn:aws:ec2:us-east-1:111122223333:"
    return {
        "version": "0", "id": f"a1b2c3d4-5678-90ab-cdef-{number:012}", "detail-type": "Network Manager Routing Update",
        "source": "aws.networkmanager", "account": "123456789012", "time": "2026-11-27T15:24:32Z", "region": "us-west-2",
        "resources": ["arn:aws:networkmanager::123456789012:global-network/global-network-1234567890abcdef0", f"{arn}transit-gateway/tgw-{gateway}"],
        "detail": {
            "changeType": f"TGW-ROUTE-{change}",
            "changeDescription": "Routes in one or more Transit Gateway route tables have been changed.",
            "region": "us-east-1" if gateway == "east" else "us-west-2",
            "transitGatewayRouteTableArns": [f"{arn}transit-gateway-route-table/{table or 'tgw-rtb-' + gateway}"],
            "sequenceNumber": sequence or int(time.time() * 1000),
            "routes": [{"destinationCidrBlock": prefix, "attachments": [{"tgwAttachmentId": attachment, "resourceId": "tgw-x", "attachmentType": kind}],
                        "routeType": "route_static", "routeState": "active"}],
            "transitGatewayArn": f"{arn}transit-gateway/tgw-{gateway}"}, **more}


def push(body, headers=None):
    return hub.request("POST", "/v1/net/aws-events", body, {"X-Api-Key": KEY} if headers is None else headers)


def taken(body):
    r = push(body)
    return (r.status, r.json().get("event"))


def verdicts():
    return {v["kind"]: v for v in hub.get("/v1/net").json()["verdicts"]}


def routes(prefix):
    return {(r["router"], r["prefix"]) for r in hub.get(f"/v1/net/routes?prefix={prefix}").json()["routes"]}


def heard():
    return all(r["heard"] for r in hub.get("/v1/net").json()["routers"])


# ---- who may send ----

hub = start(3600)
closed = push(event(1))
tap.equal((closed.status, closed.headers["content-type"]), (403, "application/problem+json"), "without a key in the configuration the door is closed")
tap.check("aws_events" in closed.detail(), closed.detail())
tap.equal(hub.stop()[0], 0, "exit code")
tap.end("the door is closed unless the configuration has a key")

hub = start(3600, "aws_events: {key_env: TEST_KEY}")
hub.wait_for(heard, "both gateways' tables")
tap.equal(verdicts(), {}, "nothing is wrong")
asked = aws.asked["SearchTransitGatewayRoutes"]
for headers in ({}, {"X-Api-Key": ""}, {"X-Api-Key": KEY[:-1]}, {"X-Api-Key": KEY + "x"}, {"X-Api-Key": KEY.upper()}, {"Authorization": KEY},
                {"Authorization": "Basic " + KEY}, {"Authorization": "Bearer"}, {"Authorization": "Bearer " + KEY[1:]}):
    r = push(event(2), headers)
    tap.equal((r.status, r.headers.get("www-authenticate")), (401, "Bearer"), f"with {headers}")
tap.equal(push(event(3, "EXPLODED"), {"Authorization": "Bearer " + KEY}).status, 400, "the key as EventBridge sends it, in either field")
tap.equal(push(b"x" * 300000).status, 413, "more than an event can be")
tap.equal(verdicts(), {}, "nothing has come of it")
tap.end("a wrong key opens nothing")

BAD = [(b"", "JSON"), (b"[]", "JSON"), (b"{", "JSON"), (event(4, source="aws.ec2"), "source"), (event(4, id=None), "id"), (event(4, id="x" * 200), "id"),
       (event(4, detail=7), "detail"), (event(4, "MOVED"), "changeType"), ({**event(4), "detail-type": ""}, "detail-type")]
for member, value in (("sequenceNumber", "x"), ("sequenceNumber", -1), ("routes", {}), ("transitGatewayRouteTableArns", "tgw-rtb-east"), ("transitGatewayArn", "")):
    BAD.append((event(4), member))
    BAD[-1][0]["detail"][member] = value
for body, field in BAD:
    r = push(body)
    tap.equal((r.status, field in r.detail()), (400, True), f"{str(body)[:300]}: {r.detail()}")
tap.end("a bad event is refused, with the field")

# ---- what is applied ----

aws.fail = {"SearchTransitGatewayRoutes"}  # so that nothing of what follows comes from a poll
formed = event(5)
tap.equal(taken(formed), (200, "applied"), "a static route back to the other gateway")
loop = hub.wait_for(lambda: verdicts().get("forwarding_loop"), "the loop")
tap.check("10.1.128.0/17" in loop["text"] and "east -tgw-attach-peer-> west" in loop["text"], f"the verdict: {loop}")
tap.check(any("forwarding_loop" in e["text"] for e in hub.get("/v1/timeline").json()["timeline"]), "in the timeline")
tap.equal(taken(formed), (200, "repeated"), "the same again")
old = event(6, "UNINSTALLED", sequence=formed["detail"]["sequenceNumber"] - 1)
tap.equal(taken(old), (200, "late"), "an older change that comes late")
tap.check("forwarding_loop" in verdicts(), "changes nothing")
tap.equal(taken(event(7, "UNINSTALLED")), (200, "applied"), "it is taken out")
hub.wait_for(lambda: verdicts() == {}, "the end of the loop")
tap.check(any("over: forwarding_loop" in e["text"] for e in hub.get("/v1/timeline").json()["timeline"]), "in the timeline too")
tap.end("a pushed route makes a loop and its verdict, and its withdrawal ends both")

tap.equal(taken(event(8, gateway="other")), (200, "elsewhere"), "a gateway that is not watched")
tap.equal(taken(event(9, table="tgw-rtb-other")), (200, "elsewhere"), "a table that is not watched")
tap.equal(taken(event(10, prefix="10.1.1.1/16")), (200, "applied"), "a prefix that is none is passed over")
tap.equal(taken({**event(11), "detail-type": "Network Manager Segment Update"}), (200, "unknown"), "a kind that says nothing here")
tap.equal(routes("10.1.128.0/17"), {("east", "10.1.0.0/16"), ("west", "10.1.0.0/16")}, "none of it is in the model")
count = {line.split('"')[1]: int(line.split()[-1]) for line in hub.get("/metrics").body.decode().splitlines() if line.startswith("tandem_net_aws_events_total{")}
tap.equal(count, {"bad": len(BAD) + 1, "applied": 3, "repeated": 1, "late": 1, "elsewhere": 2, "noted": 0, "unknown": 1}, "counted")
tap.end("what is not ours, or not known, is counted and changes nothing")
tap.check(KEY not in hub.logged() and "10.1.128" in hub.logged(), "the log has the verdict and no key")
tap.equal(hub.stop()[0], 0, "exit code")

# ---- polls beside it ----

aws.fail.clear()
hub = start(3600, "aws_events: {key_env: TEST_KEY}")  # by itself it would not ask again in this test
hub.wait_for(heard, "both gateways' tables")
asked = aws.asked["SearchTransitGatewayRoutes"]
tap.equal(taken({**event(20), "detail-type": "Network Manager Topology Change", "detail": {"changeType": "VPC-ATTACHMENT-DELETED", "region": "us-east-1",
          "transitGatewayArn": event(20)["detail"]["transitGatewayArn"]}}), (200, "noted"), "a change of what there is")
hub.wait_for(lambda: aws.asked["SearchTransitGatewayRoutes"] == asked + 1, "the question about it")
tap.end("what an event does not say, AWS is asked soon, in that region")

# A poll has begun, and its answer is of before the change that is pushed while it is under way.
waits = aws.hold["SearchTransitGatewayRoutes"] = threading.Event()
asked = aws.asked["SearchTransitGatewayRoutes"]
taken({**event(21), "detail-type": "Network Manager Topology Change"})
hub.wait_for(lambda: aws.asked["SearchTransitGatewayRoutes"] == asked + 1, "the poll to be under way")
tap.equal(taken(event(22)), (200, "applied"), "pushed while it is")
aws.tables["tgw-rtb-east"].append(PEER._replace(prefix="10.1.128.0/17"))
waits.set()
hub.wait_for(lambda: aws.asked["SearchTransitGatewayRoutes"] >= asked + 2, "the table to be asked for anew")
hub.wait_for(lambda: "forwarding_loop" in verdicts(), "the loop")
ended = [v for v in hub.get("/v1/net/verdicts?ended=true").json()["verdicts"] if v["ended_ms"]]
tap.equal(ended, [], "it was never taken back")
tap.end("an answer that a push has overtaken is asked for anew")

# A push that got lost: the next poll has the last word; and what is pushed of before it is late.
del aws.tables["tgw-rtb-east"][-1]
taken({**event(23), "detail-type": "Network Manager Topology Change"})
hub.wait_for(lambda: verdicts() == {}, "the poll")
tap.equal(taken(event(24, sequence=int(time.time() * 1000) - 60000)), (200, "late"), "of before the poll")
tap.equal(verdicts(), {}, "and nothing comes of it")
tap.end("a poll makes good what was lost, and outweighs what is older")

code, said = hub.stop()
tap.equal(code, 0, "exit code")
tap.check("BUG" not in hub.logged() and KEY not in hub.logged() + said + json.dumps(said), "the log")
tap.end("it ends cleanly")

# ---- a key that is none ----

for door in ("aws_events: {key_env: NO_SUCH_VARIABLE}", "aws_events: {key_file: /nonexistent/key}"):
    try:
        start(3600, door).kill()
        tap.check(False, f"{door}: it has started")
    except SystemExit as e:
        tap.check("network.clouds.aws_events: no key" in str(e), str(e))
with tempfile.NamedTemporaryFile("w") as key:
    key.write(KEY + "\n")
    key.flush()
    hub = start(3600, f"aws_events: {{key_file: {key.name}}}")
    tap.equal(taken(event(30, gateway="other")), (200, "elsewhere"), "the key of a file, without the line's end")
    tap.equal(hub.stop()[0], 0, "exit code")
tap.end("a key that is not there, or too short, is said at the start")

# ---- TLS before it, as deploy/nginx has it ----

def through_nginx():
    """The hub behind nginx, with a certificate of this test's; None: there is no nginx here."""
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if not nginx or not shutil.which("openssl"):
        return None
    key, cert = os.path.join(folder, "tls.key"), os.path.join(folder, "tls.crt")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert], check=True, capture_output=True)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    site = read("deploy", "nginx", "tandem-events.conf")
    for said, here in [("server 127.0.0.1:8400;", f"server {hub.host};"), ("listen 8444 ssl;", f"listen 127.0.0.1:{port} ssl;"),
                       ("/etc/tandem/events.crt", cert), ("/etc/tandem/events-tls.key", key), ("server_name tandem.example.com;", "server_name localhost;")]:
        tap.equal(site.count(said), 1, said)
        site = site.replace(said, here)
    temporary = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\n"
                f"http {{ access_log off; {temporary}\n{site}}}\n")
    process = subprocess.Popen([nginx, "-p", folder, "-c", path], stderr=subprocess.DEVNULL)
    atexit.register(process.kill)
    trust = ssl.create_default_context(cafile=cert)

    def ask(path="/v1/net/aws-events", method="POST", key=KEY, body=event(40, gateway="other")):
        c = http.client.HTTPSConnection("localhost", port, timeout=20, context=trust)
        try:
            c.request(method, path, json.dumps(body), {"Content-Type": "application/json; charset=utf-8", "X-Api-Key": key})
            return c.getresponse().status
        except ConnectionRefusedError:
            return 0
        finally:
            c.close()
    return ask


with tempfile.TemporaryDirectory() as folder:
    hub = start(3600, "aws_events: {key_env: TEST_KEY}")
    ask = through_nginx()
    if ask:
        hub.wait_for(lambda: ask() == 200, "nginx")
        tap.equal(ask(key="wrong" * 4), 401, "a wrong key")
        tap.equal(ask(body={}), 400, "no event")
        tap.equal(ask(body={**event(41), "x": "y" * 250000}), 200, "a large one")
        tap.equal(ask(body={"x": "y" * 300000}), 413, "one that is too large")
        tap.equal(ask(method="PUT"), 403, "another method")
        tap.equal([ask("/v1/net"), ask("/v1/sites/east/drain"), ask("/v1/net/aws-events/"), ask("/V1/net/aws-events"), ask("/")], [404] * 5, "all else")
    tap.equal(hub.stop()[0], 0, "exit code")
tap.end("TLS before the door, and nothing else behind it", skip=None if ask else "nginx or openssl is not installed")

# ---- what docs/network.md tells to allow ----

doc = read("docs", "network.md")
reading, sending = ({a for s in json.loads(t)["Statement"] for a in s["Action"]} for t in re.findall(r"```json\n(.*?)```", doc, re.S))
services = dict((name, service) for service, name in re.findall(r"X\((\w+), (\w+), ", read("src", "aws", "operations.h")))
asked = set(re.findall(r"AWS_OP_(\w+)", read("src", "driver", "routes", "aws_poller.c")))
tap.equal(reading, {f"{services[name]}:{name}" for name in asked}, "actions of the pollers")
tap.equal(sending, {"events:InvokeApiDestination"}, "actions of EventBridge")
tap.end("the policies allow what is called, and nothing else")
tap.done()
