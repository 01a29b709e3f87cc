"""Transit Gateways that answer tandem's questions (EC2's Query API, in XML) as they are set up, for tests.

Whether requests and answers are as AWS's models have them is checked by test_cloud.py; here they are
what a test wants them to be, and can change while tandem asks."""

import collections
import http.server
import threading
import urllib.parse
from xml.sax.saxutils import escape

Route = collections.namedtuple("Route", "prefix attachment kind type state", defaults=("vpc", "propagated", "active"))


def xml(of, **values):
    """An element of elements; lists become <item>s."""
    def one(name, v):
        if isinstance(v, dict):
            v = "".join(one(k, x) for k, x in v.items())
        elif isinstance(v, list):
            v = "".join(one("item", x) for x in v)
        else:
            v = escape(str(v))
        return f"<{name}>{v}</{name}>"
    return one(of, values)


class Transit:
    def __init__(self):
        self.tables = {}       # "tgw-rtb-1": [Route]
        self.attachments = []  # (attachment, gateway, resource type, resource, table, state)
        self.peerings = []     # (attachment, requester, region, accepter, region, state)
        self.vpns = {}         # "vpn-1": (gateway, {outside address: (status, message)})
        self.fail = set()      # operations that are refused
        self.hold = {}         # operation: an event that its next answer waits for
        self.asked = collections.Counter()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                status, text = outer.answer(form)
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def answer(self, form):
        operation = form["Action"]
        if operation in self.fail:
            self.asked[operation] += 1
            return 400, "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>"
        text = getattr(self, operation)(form)
        self.asked[operation] += 1
        if operation in self.hold:
            self.hold.pop(operation).wait(30)  # the answer is of before
        return 200, text

    def DescribeTransitGatewayAttachments(self, form):
        return xml("DescribeTransitGatewayAttachmentsResponse", transitGatewayAttachments=[
            {"transitGatewayAttachmentId": a, "transitGatewayId": g, "resourceType": k, "resourceId": r, "state": s,
             **({"association": {"transitGatewayRouteTableId": t, "state": "associated"}} if t else {})}
            for a, g, k, r, t, s in self.attachments])

    def DescribeTransitGatewayPeeringAttachments(self, form):
        return xml("DescribeTransitGatewayPeeringAttachmentsResponse", transitGatewayPeeringAttachments=[
            {"transitGatewayAttachmentId": a, "requesterTgwInfo": {"transitGatewayId": f, "region": fr},
             "accepterTgwInfo": {"transitGatewayId": t, "region": tr}, "state": s} for a, f, fr, t, tr, s in self.peerings])

    def DescribeTransitGatewayConnectPeers(self, form):
        return xml("DescribeTransitGatewayConnectPeersResponse", transitGatewayConnectPeerSet=[])

    def DescribeVpnConnections(self, form):
        return xml("DescribeVpnConnectionsResponse", vpnConnectionSet=[
            {"vpnConnectionId": v, "state": "available", "transitGatewayId": g, "customerGatewayConfiguration": "pre-shared-key-of-a-tunnel",
             "vgwTelemetry": [{"outsideIpAddress": a, "status": s, "statusMessage": m} for a, (s, m) in tunnels.items()]}
            for v, (g, tunnels) in self.vpns.items()])

    def SearchTransitGatewayRoutes(self, form):
        return xml("SearchTransitGatewayRoutesResponse", routeSet=[
            {"destinationCidrBlock": r.prefix, "type": r.type, "state": r.state,
             **({"transitGatewayAttachments": [{"transitGatewayAttachmentId": r.attachment, "resourceType": r.kind}]} if r.attachment else {})}
            for r in self.tables[form["TransitGatewayRouteTableId"]]], additionalRoutesAvailable="false")
