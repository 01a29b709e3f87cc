"""Several route tables of one Transit Gateway: what is in one of them concerns those packets only that
come by an attachment which is associated with it."""

import os
import tempfile
import time

from hub import Hub, Tap
from transit import Route, Transit

tap = Tap()
KEY = "a-key-for-this-test-only"
NETWORK = """
hub: {name: hub, lat: 39, lon: -77}
sites: [{name: east, lat: 38.9, lon: -77.5}]
queues: [{name: service}]
profiles: [{name: general, queues: [service]}]
agents: [{site: east, count: 1, profile: general}]
workload: {load: 0.5, flat: true}
network:
  sync_ms: 200
  routers:
    - {name: east, kind: tgw, as: 64601}
    - {name: west, kind: tgw, as: 64602, attached_from_feed: true}
  links:
    - {name: tgw-attach-peer, a: east, b: west, session: false}
  sites:
    - {name: hub, router: west, subnets: 10.2.0.0/16}
    - {name: east, router: east, attachment: tgw-attach-vpc-1, subnets: 10.1.0.0/16}
    - {name: lab, router: east, attachment: tgw-attach-vpc-3, subnets: 10.3.0.0/16}
  clouds:
    every_s: 1
    aws:
      - {router: east, region: us-east-1, gateway: tgw-east, tables: [tgw-rtb-main, tgw-rtb-lab]}
      - {router: west, region: us-west-2, gateway: tgw-west, tables: tgw-rtb-west}
    aws_url: %s
    aws_events: {key_env: TEST_KEY}
"""
aws = Transit()
PEER = Route("", "tgw-attach-peer", "peering", "static")
VPC1, VPC3 = Route("10.1.0.0/16", "tgw-attach-vpc-1"), Route("10.3.0.0/16", "tgw-attach-vpc-3")
aws.tables["tgw-rtb-main"] = [VPC1, VPC3, PEER._replace(prefix="10.2.0.0/16")]
aws.tables["tgw-rtb-lab"] = [VPC1, VPC3, PEER._replace(prefix="10.2.0.0/16")]
aws.tables["tgw-rtb-west"] = [Route("10.2.0.0/16", "tgw-attach-vpc-2"), PEER._replace(prefix="10.1.0.0/16"), PEER._replace(prefix="10.3.0.0/16")]


def associated(peer):
    aws.attachments = [("tgw-attach-vpc-1", "tgw-east", "vpc", "vpc-1", "tgw-rtb-main", "available"),
                       ("tgw-attach-vpc-3", "tgw-east", "vpc", "vpc-3", "tgw-rtb-lab", "available"),
                       ("tgw-attach-peer", "tgw-east", "peering", "tgw-west", peer, "available")]


associated("tgw-rtb-main")
config = tempfile.NamedTemporaryFile("w", suffix=".yaml")
config.write(NETWORK % aws.url)
config.flush()
hub = Hub(config=config.name, speed=1, env=dict(os.environ, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", TEST_KEY=KEY))


def net():
    return hub.get("/v1/net").json()


def verdicts():
    return {v["kind"]: v["text"] for v in net()["verdicts"]}


def way(a, b):
    p = hub.get(f"/v1/net/path?from={a}&to={b}").json()["there"]
    return [h["router"] for h in p["hops"]], p["end"]


def push(number, change, table, **route):
    arn = "arn:aws:ec2:us-east-1:111122223333:"
    return hub.request("POST", "/v1/net/aws-events", {
        "version": "0", "id": f"route-{number}", "detail-type": "Network Manager Routing Update", "source": "aws.networkmanager",
        "account": "123456789012", "time": "2026-11-27T19:48:05Z", "region": "us-west-2", "resources": [],
        "detail": {"changeType": f"TGW-ROUTE-{change}", "region": "us-east-1", "sequenceNumber": int(time.time() * 1000),
                   "transitGatewayRouteTableArns": [f"{arn}transit-gateway-route-table/{table}"], "transitGatewayArn": f"{arn}transit-gateway/tgw-east",
                   "routes": [{"routeType": "route_static", "routeState": "active", "attachments": [], **route}]}}, {"X-Api-Key": KEY}).json()["event"]


hub.wait_for(lambda: all(r["heard"] for r in net()["routers"]), "all tables")
tap.equal([r["name"] for r in net()["routers"]], ["east", "west", "east/tgw-rtb-lab"], "the second table is a router of its own")
hub.wait_for(lambda: way("lab", "hub") == (["east/tgw-rtb-lab", "west"], "delivered"), "where each site's packets are looked up")
tap.equal(way("east", "hub"), (["east", "west"], "delivered"), "the other site")
tap.equal(way("hub", "lab"), (["west", "east"], "delivered"), "what comes by the peering")
hub.wait_for(lambda: verdicts() == {}, "nothing to be wrong")
tap.end("each table forwards by itself, for the attachments associated with it")

# A blackhole in one table only.
aws.tables["tgw-rtb-lab"].append(Route("10.2.128.0/17", "", "", "static", "blackhole"))
hub.wait_for(lambda: {r["router"] for r in hub.get("/v1/net/routes?prefix=10.2.128.0/17").json()["routes"] if r["prefix"] == "10.2.128.0/17"}
             == {"east/tgw-rtb-lab"}, "the route, in one table")
time.sleep(2)
tap.equal(verdicts(), {}, "nobody hands it packets")
associated("tgw-rtb-lab")
hub.wait_for(lambda: way("hub", "lab")[0] == ["west", "east/tgw-rtb-lab"], "the new association")
aws.tables["tgw-rtb-west"].append(PEER._replace(prefix="10.2.128.0/17"))
text = hub.wait_for(lambda: verdicts().get("blackhole"), "the blackhole")
tap.check("at east/tgw-rtb-lab" in text and "10.2.128.0/17" in text and "sent by west" in text, f"the verdict: {text}")
associated("tgw-rtb-main")
hub.wait_for(lambda: "blackhole" not in verdicts(), "its end, by the association")
hub.wait_for(lambda: "forwarding_loop" in verdicts(), "the loop of the other table")
tap.check("tgw-rtb-lab" not in verdicts()["forwarding_loop"], "which is another one")
del aws.tables["tgw-rtb-west"][-1], aws.tables["tgw-rtb-lab"][-1]
hub.wait_for(lambda: verdicts() == {}, "all as before")
tap.end("a blackhole, or a loop, is of one table")

# A push into one of them.
associated("tgw-rtb-lab")
hub.wait_for(lambda: way("hub", "lab")[0] == ["west", "east/tgw-rtb-lab"], "the association")
aws.fail = {"SearchTransitGatewayRoutes"}
back = [{"tgwAttachmentId": "tgw-attach-peer", "resourceId": "tgw-west", "attachmentType": "peering"}]
tap.equal(push(1, "INSTALLED", "tgw-rtb-lab", destinationCidrBlock="10.1.128.0/17", attachments=back), "applied", "a static route back")
text = hub.wait_for(lambda: verdicts().get("forwarding_loop"), "the loop")
tap.check("round by west -tgw-attach-peer-> east/tgw-rtb-lab" in text, f"the verdict: {text}")
tap.equal(way("east", "hub")[1], "delivered", "the other table has nothing of it")
tap.equal(push(2, "UNINSTALLED", "tgw-rtb-lab", destinationCidrBlock="10.1.128.0/17", attachments=back), "applied", "and out again")
hub.wait_for(lambda: "forwarding_loop" not in verdicts(), "its end")
tap.equal(push(3, "INSTALLED", "tgw-rtb-other", destinationCidrBlock="10.1.128.0/17", attachments=back), "elsewhere", "a third table")
tap.end("what is pushed goes into the table that it is about")

code, said = hub.stop()
tap.equal(code, 0, "exit code")
tap.end("it ends cleanly")
tap.done()
