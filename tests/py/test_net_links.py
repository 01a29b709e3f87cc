"""Links that AWS says are down: peerings that two regions list, tunnels of a VPN, by poll and by push."""

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
    - {name: east, kind: tgw, as: 64601, attached_from_feed: true}
    - {name: west, kind: tgw, as: 64602, attached_from_feed: true}
    - {name: branch, kind: edge, as: 65001}
  links:
    - {name: tgw-attach-peer, a: east, b: west, session: false}
    - {name: branch-a, ids: [tgw-attach-vpn, vpn-1/198.51.100.3], a: east, b: branch, session: false}
    - {name: branch-b, ids: [vpn-1/198.51.100.4], a: east, b: branch, session: false}
  sites:
    - {name: hub, router: west, subnets: 10.2.0.0/16}
    - {name: east, router: east, subnets: 10.1.0.0/16}
    - {name: branch, router: branch, subnets: 10.3.0.0/16}
  clouds:
    every_s: 1
    aws:
      - {router: east, region: us-east-1, gateway: tgw-east, tables: tgw-rtb-east}
      - {router: west, region: us-west-2, gateway: tgw-west, tables: tgw-rtb-west}
    aws_url: %s
    aws_events: {key_env: TEST_KEY}
"""
aws = Transit()
PEER = Route("", "tgw-attach-peer", "peering", "static")
aws.tables["tgw-rtb-east"] = [Route("10.1.0.0/16", "tgw-attach-vpc-1"), PEER._replace(prefix="10.2.0.0/16"), Route("10.3.0.0/16", "tgw-attach-vpn", "vpn")]
aws.tables["tgw-rtb-west"] = [Route("10.2.0.0/16", "tgw-attach-vpc-2"), PEER._replace(prefix="10.1.0.0/16"), PEER._replace(prefix="10.3.0.0/16")]


def peering(state):
    aws.peerings = [("tgw-attach-peer", "tgw-east", "us-east-1", "tgw-west", "us-west-2", state)]


def tunnels(a, b):
    aws.vpns = {"vpn-1": ("tgw-east", {"198.51.100.3": a, "198.51.100.4": b})}


UP, DOWN, NO_BGP = ("UP", "2 BGP ROUTES"), ("DOWN", ""), ("DOWN", "IPSEC IS UP")
peering("available")
tunnels(UP, UP)
aws.attachments = [("tgw-attach-vpn", "tgw-east", "vpn", "vpn-1", "tgw-rtb-east", "available")]
config = tempfile.NamedTemporaryFile("w", suffix=".yaml")
config.write(NETWORK % aws.url)
config.flush()
hub = Hub(config=config.name, speed=1, env=dict(os.environ, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", TEST_KEY=KEY))


def verdicts(kind="link_down"):
    return {v["text"] for v in hub.get("/v1/net").json()["verdicts"] if v["kind"] == kind}


def down():
    return {t.split(" on ")[1].split()[0] for t in verdicts()}


def push(number, change, tunnel):
    arn = "arn:aws:ec2:us-east-1:111122223333:"
    return hub.request("POST", "/v1/net/aws-events", {
        "version": "0", "id": f"status-{number}", "detail-type": "Network Manager Status Update", "source": "aws.networkmanager",
        "account": "123456789012", "time": "2026-11-27T19:48:05Z", "region": "us-west-2", "resources": [f"{arn}vpn-connection/vpn-1"],
        "detail": {"changeType": change, "changeDescription": "A VPN connection has changed.", "region": "us-east-1",
                   "transitGatewayAttachmentArn": f"{arn}transit-gateway-attachment/tgw-attach-vpn", "vpnConnectionArn": f"{arn}vpn-connection/vpn-1",
                   "outsideIpAddress": tunnel, "transitGatewayArn": f"{arn}transit-gateway/tgw-east"}}, {"X-Api-Key": KEY}).json().get("event")


def rounds(n=2):
    asked = aws.asked["DescribeVpnConnections"]
    hub.wait_for(lambda: aws.asked["DescribeVpnConnections"] >= asked + n, "rounds of questions")
    time.sleep(0.2)  # the answer is read


hub.wait_for(lambda: all(r["heard"] for r in hub.get("/v1/net").json()["routers"] if r["name"] != "branch"), "both tables")
tap.equal(down(), set(), "no link is down")
tap.end("links that are well")

peering("failed")
hub.wait_for(lambda: down() == {"tgw-attach-peer"}, "what both regions list")
tap.check(any("failed" in t for t in verdicts()), f"the API's word: {verdicts()}")
hub.wait_for(lambda: any("from hub to east" in t for t in verdicts("no_path")), "what is lost by it")
aws.fail = {"DescribeTransitGatewayPeeringAttachments"}
peering("available")
rounds()
tap.equal(down(), {"tgw-attach-peer"}, "while nobody can be asked it is as it was")
aws.fail = set()
hub.wait_for(lambda: down() == set(), "that it is up again")
hub.wait_for(lambda: not verdicts("no_path"), "that nothing is lost any more")
aws.fail = {"DescribeTransitGatewayPeeringAttachments"}
peering("failed")
rounds()
tap.equal(down(), set(), "nor does it go down because nobody can be asked")
aws.fail = set()
peering("available")
aws.peerings, kept = [], aws.peerings
hub.wait_for(lambda: down() == {"tgw-attach-peer"}, "a peering that is no longer listed")
tap.check(any("gone" in t for t in verdicts()), f"the word: {verdicts()}")
aws.peerings = kept
hub.wait_for(lambda: down() == set(), "and is listed again")
tap.end("a peering is down when its regions say so, and only then")

tunnels(DOWN, UP)
hub.wait_for(lambda: down() == {"branch-a"}, "one tunnel")
tap.check(any("vpn-1/198.51.100.3: DOWN" in t for t in verdicts()), f"named: {verdicts()}")
tunnels(UP, NO_BGP)
hub.wait_for(lambda: down() == {"branch-b"}, "the other one")
tap.check(any("IPSEC IS UP" in t for t in verdicts()), f"why: {verdicts()}")
tunnels(UP, UP)
hub.wait_for(lambda: down() == set(), "both up")
aws.attachments = [("tgw-attach-vpn", "tgw-east", "vpn", "vpn-1", "tgw-rtb-east", "failed")]
hub.wait_for(lambda: down() == {"branch-a"}, "another of its names that is down")
aws.attachments = [("tgw-attach-vpn", "tgw-east", "vpn", "vpn-1", "tgw-rtb-east", "modifying")]
rounds()
tap.equal(down(), {"branch-a"}, "being changed is no news")
aws.attachments = [("tgw-attach-vpn", "tgw-east", "vpn", "vpn-1", "tgw-rtb-east", "available")]
hub.wait_for(lambda: down() == set(), "it too")
tap.end("a link is down while one of the things that it stands on is")

aws.fail = {"DescribeVpnConnections"}  # so that only what is pushed tells
rounds()
tap.equal(push(1, "VPN-CONNECTION-IPSEC-DOWN", "198.51.100.3"), "applied", "IPsec is down")
hub.wait_for(lambda: down() == {"branch-a"}, "the tunnel")
tap.check(any("IPsec down" in t for t in verdicts()), f"why: {verdicts()}")
tap.equal(push(1, "VPN-CONNECTION-IPSEC-DOWN", "198.51.100.3"), "repeated", "the same again")
tap.equal(push(2, "VPN-CONNECTION-IPSEC-UP", "198.51.100.3"), "noted", "IPsec is up")
tap.equal(down(), {"branch-a"}, "which is not BGP")
tap.equal(push(3, "VPN-CONNECTION-BGP-ESTABLISH", "198.51.100.3"), "applied", "BGP is up")
hub.wait_for(lambda: down() == set(), "the tunnel, up")
tap.equal(push(4, "VPN-CONNECTION-BGP-DOWN", "198.51.100.4"), "applied", "BGP is down")
hub.wait_for(lambda: down() == {"branch-b"}, "the other tunnel")
tap.equal(push(5, "VPN-CONNECTION-BGP-DOWN", "198.51.100.9"), "noted", "of a tunnel that nobody listed")
aws.fail = set()
hub.wait_for(lambda: down() == set(), "the poll, which knows better", 90)
tap.end("a tunnel is down or up as AWS pushes it, until AWS is asked")

code, said = hub.stop()
tap.equal(code, 0, "exit code")
tap.check("pre-shared-key-of-a-tunnel" not in hub.logged(), "no pre-shared key in the log")
tap.end("it ends cleanly")
tap.done()
