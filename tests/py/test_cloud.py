"""The cloud feeds against servers that know the providers' own models.

AWS: every request is parsed with botocore's service model and validated by it, its signature is
made again by botocore, and every fixture that is answered with is read by botocore's own parser,
which must find in it all that is there. Where moto implements a call, moto answers. Google: the
server checks the key's token (its signature with the public key) and what is asked for.

At the end tandem itself asks both, by its configuration, and says what is wrong.

CLOUD_POLLS (tests/cloud_polls.c) and TANDEM name the programs; meson sets them."""

import base64
import http.server
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import xml.etree.ElementTree

from hub import Hub, Tap

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    import botocore.parsers
    import botocore.session
    import botocore.validate
except ImportError:
    print("1..0 # SKIP botocore is not installed, see requirements.txt")
    sys.exit(0)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "tests", "data", "cloud")
POLLS = os.path.abspath(os.environ.get("CLOUD_POLLS", os.path.join(ROOT, "build/tests/cloud_polls")))
SECRET = "do-not-keep-this-secret"
SESSION = botocore.session.get_session()
tap = Tap()
TOKENS = {"DescribeVirtualInterfaces": "next-1", "DescribeTransitGatewayAttachments": "a&b=c"}


def check(holds, what):
    tap.check(holds, what)
    tap.end(what)


def same(got, want, what):
    tap.equal(got, want, what)
    tap.end(what)


def fixture(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as f:
        return f.read()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, text, kind="application/json", **fields):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


def serve(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, "http://127.0.0.1:%d" % server.server_address[1]


def polls(*arguments):
    done = subprocess.run([POLLS, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


# ---- what AWS's models say of the fixtures ----

AWS = {
    "DescribeVirtualInterfaces": ("directconnect", "virtual_interfaces.json"),
    "DescribeDirectConnectGatewayAssociations": ("directconnect", "gateway_associations.json"),
    "SearchTransitGatewayRoutes": ("ec2", "tgw_routes.xml"),
    "DescribeTransitGatewayAttachments": ("ec2", "tgw_attachments.xml"),
    "DescribeTransitGatewayPeeringAttachments": ("ec2", "tgw_peerings.xml"),
    "DescribeTransitGatewayConnectPeers": ("ec2", "tgw_connect_peers.xml"),
    "DescribeVpnConnections": ("ec2", "vpn_connections.xml"),
}


def model(operation):
    return SESSION.get_service_model(AWS[operation][0]).operation_model(operation)


def leaves(value):
    """How many values there are in what botocore has read."""
    if isinstance(value, dict):
        return sum(leaves(v) for k, v in value.items() if k != "ResponseMetadata")
    if isinstance(value, list):
        return sum(leaves(v) for v in value)
    return 1


def leaves_of_text(operation, text):
    if AWS[operation][0] == "directconnect":
        return leaves(json.loads(text))
    root = xml.etree.ElementTree.fromstring(text)
    return sum(1 for e in root.iter() if len(e) == 0 and e.text and not e.tag.endswith("requestId"))


def enums_hold(shape, value, where=""):
    """No value that the model does not have, except "not a prefix" and the like, which are texts."""
    if value is None:
        return []
    if shape.type_name == "structure":
        return [b for k, v in value.items() if k in shape.members
                for b in enums_hold(shape.members[k], v, where + "." + k)]
    if shape.type_name == "list":
        return [b for v in value for b in enums_hold(shape.member, v, where + "[]")]
    words = getattr(shape, "enum", None)
    return [] if not words or value in words else ["%s: %s" % (where, value)]


for operation, (service, name) in AWS.items():
    protocol = "json" if service == "directconnect" else "ec2"
    parser = botocore.parsers.create_parser(protocol)
    text = fixture(name)
    read = parser.parse({"status_code": 200, "headers": {}, "body": text.encode()}, model(operation).output_shape)
    same(leaves(read), leaves_of_text(operation, text), "%s: botocore reads all of the fixture" % operation)
    same(enums_hold(model(operation).output_shape, read), [], "%s: only words of the model" % operation)


# ---- what AWS's models say of our requests ----

class Aws(Handler):
    asked, wrong = [], []
    fail = set()  # operations that are refused
    changed = []  # what is otherwise in fixtures than it is written: (as written, as told)

    def check_signature(self, body):
        given = self.headers["Authorization"]
        signed = re.search(r"SignedHeaders=([^,]+)", given).group(1).split(";")
        scope = re.search(r"Credential=test/\d+/([^/]+)/([^/]+)/", given)
        request = botocore.awsrequest.AWSRequest(
            "POST", "http://" + self.headers["Host"] + self.path, data=body,
            headers={k: self.headers[k] for k in signed if k not in ("host", "x-amz-date")})
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials("test", "test"),
                                         scope.group(2), scope.group(1))
        text = signer.canonical_request(self.with_date(request))
        if signer.signature(signer.string_to_sign(request, text), request) not in given:
            self.wrong.append("signature: " + self.path)
        return scope.group(2)

    def with_date(self, request):
        request.headers["X-Amz-Date"] = self.headers["X-Amz-Date"]
        return request

    def form(self, body):
        """The parameters of a form as the model names them."""
        pairs = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
        operation = pairs.pop("Action")
        if pairs.pop("Version") != SESSION.get_service_model("ec2").api_version:
            self.wrong.append("version")
        parameters = {}
        for name, shape in model(operation).input_shape.members.items():
            wire = shape.serialization.get("queryName") or shape.serialization.get("name", name)
            wire = wire[0].upper() + wire[1:]
            if shape.type_name == "list":
                items = {}
                for key in [k for k in pairs if k.startswith(wire + ".")]:
                    _, number, *rest = key.split(".")
                    items.setdefault(int(number), {})[tuple(rest)] = pairs.pop(key)
                if items:
                    parameters[name] = [{"Name": i[("Name",)],
                                         "Values": [v for k, v in sorted(i.items()) if k[0] == "Value"]}
                                        for _, i in sorted(items.items())]
            elif wire in pairs:
                value = pairs.pop(wire)
                parameters[name] = int(value) if shape.type_name == "integer" else value
        if pairs:
            self.wrong.append("%s: unknown %s" % (operation, sorted(pairs)))
        return operation, parameters

    def do_POST(self):
        body = self.body()
        service = self.check_signature(body)
        if service == "ec2":
            operation, parameters = self.form(body)
        else:
            prefix, operation = self.headers["X-Amz-Target"].split(".")
            parameters = json.loads(body)
            if prefix != SESSION.get_service_model(service).metadata["targetPrefix"]:
                self.wrong.append("target " + prefix)
        report = botocore.validate.ParamValidator().validate(parameters, model(operation).input_shape)
        if report.has_errors():
            self.wrong.append(operation + ": " + report.generate_report())
        self.asked.append((operation, parameters))
        if operation in self.fail:
            self.answer(400, "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>", "text/xml")
            return
        text = fixture(AWS[operation][1])
        for old, new in self.changed:
            text = text.replace(old, new)
        token = TOKENS.get(operation)
        if token and (parameters.get("nextToken") or parameters.get("NextToken")) == token:
            text = text.replace(token, "").replace(token.replace("&", "&amp;"), "")  # the last page
        self.answer(200, text, "text/xml" if service == "ec2" else "application/x-amz-json-1.1")


server, url = serve(Aws)
code, out, err = polls("aws", url, 2, "tgw-0aaa/tgw-rtb-1")
same(code, 0, "aws: the poller ends well")
same(Aws.wrong, [], "aws: botocore finds nothing wrong with the requests")
operations = [o for o, _ in Aws.asked]
same({o: operations.count(o) for o in AWS},
         {o: 4 if o in TOKENS else 2 for o in AWS}, "aws: each is asked once a round, page by page")
check("rounds 2 questions 14 failed 0 pages 18 cut 0" in out, "aws: two rounds without a failure")
same(dict(Aws.asked)["SearchTransitGatewayRoutes"]["Filters"],
         [{"Name": "state", "Values": ["active", "blackhole"]}], "aws: routes by their state")
check("announce tgw-0aaa" in out and "via tgw-attach-3" in out, "aws: routes are told")
check(out.startswith("feed-up tgw-0aaa\n"), "aws: that the feed works, before all else")
check(not re.search(r"feed-\w+ 11460968", out), "aws: none of a Direct Connect gateway, whose routes nobody tells")
same(len(re.findall("^peer-up", out, re.M)), 2, "aws: sessions are told once in two rounds")
check(SECRET in fixture("virtual_interfaces.json") and SECRET not in out + err,
          "aws: no authKey in what is told or logged")
check(SECRET in fixture("vpn_connections.xml") and "link tunnel vpn-1/198.51.100.4 of tgw-0aaa down" in out,
      "aws: tunnels, and no pre-shared key of theirs")
check("tgw-connect-peer-1" in out, "aws: Connect peers, whose attachment was asked for before")

Aws.asked.clear()
Aws.fail = {"SearchTransitGatewayRoutes", "DescribeVirtualInterfaces"}
code, out, err = polls("aws", url, 4, "tgw-0aaa/tgw-rtb-1")
check("feed-lost tgw-0aaa\n" in out, "aws: a table that fails three times loses its feed")
check("end-of-rib tgw-0aaa" not in out, "aws: and no end of it is told")
check("DescribeVirtualInterfaces" in err and "UnauthorizedOperation" in err and SECRET not in err,
          "aws: the log says which call failed, and why")
check("link attachment tgw-attach-1" in out, "aws: other questions go on")
server.shutdown()


# ---- moto ----

def moto():
    try:
        import boto3
        import moto.server
        import werkzeug.serving
    except ImportError as e:
        tap.end("moto", skip="it is not installed: %s" % e)
        return
    app = moto.server.DomainDispatcherApplication(moto.server.create_backend_app)
    def without_most(environ, start_response):
        """moto 5.2.5 fails on MaxResults of SearchTransitGatewayRoutes: its routes are no list."""
        form = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if b"SearchTransitGatewayRoutes" in form:
            form = form.replace(b"&MaxResults=1000", b"")
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(form), str(len(form))
        return app(environ, start_response)

    served = werkzeug.serving.make_server("127.0.0.1", 0, without_most, threaded=True)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    at = "http://127.0.0.1:%d" % served.port
    ec2 = boto3.Session("test", "test", region_name="us-east-1").client("ec2", endpoint_url=at)
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    table = ec2.create_transit_gateway_route_table(TransitGatewayId=gateway)[
        "TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    attachment = ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=gateway, VpcId=vpc, SubnetIds=[subnet])[
            "TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    ec2.create_transit_gateway_route(TransitGatewayRouteTableId=table, DestinationCidrBlock="10.1.0.0/16",
                                     TransitGatewayAttachmentId=attachment)
    ec2.create_transit_gateway_route(TransitGatewayRouteTableId=table, DestinationCidrBlock="10.66.0.0/16",
                                     Blackhole=True)
    code, out, err = polls("aws", at, 1, "%s/%s" % (gateway, table))
    same(code, 0, "moto: the poller ends well")
    # (which moto 5.2.5 does not name in its answer)
    check(re.search(r"announce %s .*10\.1\.0\.0/16 id \d+ static path" % gateway, out),
          "moto: a static route through an attachment")
    check(re.search(r"announce %s .*10\.66\.0\.0/16 id 0 static path \[\] origin 0 blackhole" % gateway, out),
              "moto: one that leads nowhere")
    check("link attachment %s of %s up [available] far %s" % (attachment, gateway, vpc) in out,
              "moto: the attachment")
    served.shutdown()


moto()


# ---- Google ----

def make_key(folder):
    pem = subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                         capture_output=True, text=True, check=True).stdout
    path = os.path.join(folder, "key.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"type": "service_account", "project_id": "p", "private_key_id": "k-1", "private_key": pem,
                   "client_email": "watch@p.iam.gserviceaccount.com"}, f)
    public = subprocess.run(["openssl", "pkey", "-pubout"], input=pem, capture_output=True, text=True, check=True).stdout
    with open(os.path.join(folder, "public.pem"), "w", encoding="utf-8") as f:
        f.write(public)
    return path, pem


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check_jwt(token, audience, folder):
    head, claims, signature = token.split(".")
    with open(os.path.join(folder, "signature"), "wb") as f:
        f.write(unbase64url(signature))
    verified = subprocess.run(["openssl", "dgst", "-sha256", "-verify", os.path.join(folder, "public.pem"),
                               "-signature", os.path.join(folder, "signature")],
                              input=(head + "." + claims).encode(), capture_output=True)
    c = json.loads(unbase64url(claims))
    return (verified.returncode == 0 and json.loads(unbase64url(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k-1"}
            and c["iss"] == c["sub"] == "watch@p.iam.gserviceaccount.com" and c["aud"] == audience
            and c["exp"] - c["iat"] == 3600 and abs(c["iat"] - time.time()) < 60)


class Google(Handler):
    asked, tokens = [], set()
    statuses = []  # to answer with first
    unprovisioned = False  # the first attachment
    metadata = 0

    def do_GET(self):
        where = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(where.query, strict_parsing=True)) if where.query else {}
        if where.path.startswith("/computeMetadata/"):
            Google.metadata += 1
            good = (where.path == "/computeMetadata/v1/instance/service-accounts/default/token"
                    and self.headers["Metadata-Flavor"] == "Google")
            self.answer(200 if good else 403, json.dumps(
                {"access_token": "ya29.token-%d" % Google.metadata, "expires_in": 3599, "token_type": "Bearer"}),
                Metadata_Flavor="Google")
            return
        self.tokens.add(self.headers["Authorization"])
        self.asked.append((where.path, query))
        if self.statuses:
            status = self.statuses.pop(0)
            self.answer(status, json.dumps({"error": {"code": status, "errors": [{"reason": "rateLimitExceeded"}]}}))
        elif where.path.endswith("/getRouterStatus"):
            self.answer(200, fixture("router_status.json"))
        elif where.path.endswith("/listBgpRoutes"):
            self.answer(200, fixture("bgp_routes_2.json" if "pageToken" in query else "bgp_routes_1.json"))
        elif where.path.endswith("/interconnectAttachments"):
            text = fixture("attachments.json")
            self.answer(200, text.replace("OS_ACTIVE", "OS_UNPROVISIONED", 1) if self.unprovisioned else text)
        else:
            self.answer(404, "{}")


BASE = "/compute/v1/projects/p/regions/us-east4"
server, url = serve(Google)
with tempfile.TemporaryDirectory() as folder:
    key, pem = make_key(folder)
    Google.statuses = [429, 503, 403]
    code, out, err = polls("gcp", url, 1, key)
    same(code, 0, "gcp: the poller ends well")
    same(len(Google.tokens), 1, "gcp: one token for all requests")
    token = next(iter(Google.tokens)).removeprefix("Bearer ")
    check(check_jwt(token, url + "/", folder), "gcp: a JSON Web Token that the key has signed for this API")
    check(token not in out + err and pem.split("\n")[1] not in out + err, "gcp: no key or token is told or logged")
views = {(q["addressFamily"], q["routeType"], q["policyApplied"]) for p, q in Google.asked if p == BASE + "/routers/edge/listBgpRoutes"}
same(views, {(f, t, p) for f in ("IPV4", "IPV6") for t in ("LEARNED", "ADVERTISED") for p in ("true", "false")},
         "gcp: four views of both families")
pages = [q for p, q in Google.asked if p.endswith("listBgpRoutes")]
check(all(q["maxResults"] == "500" and q["peer"] == "to-dx-a" for q in pages), "gcp: 500 a page, of the session that is up")
same(sorted({q.get("pageToken", "") for q in pages}), ["", "page/2+="], "gcp: page by page")
same(Google.asked[0][0], BASE + "/routers/edge/getRouterStatus", "gcp: the status first")
same([p for p, _ in Google.asked][-1], BASE + "/interconnectAttachments", "gcp: the attachments last")
check("rounds 1 questions 10 failed 0 requests 21 retries 3" in out, "gcp: throttled, down, throttled: asked again")
check("announce p/us-east4/edge peer 1 169.254.10.2 in-pre 10.20.0.0/16" in out and
          "announce p/us-east4/edge peer 1 169.254.10.2 out-post 10.21.0.0/16" in out, "gcp: routes of the views")
check("feed-up p/us-east4/edge" in out and "link interconnect p/us-east4/vlan-a" in out, "gcp: feed and links")

Google.asked.clear(), Google.tokens.clear()
Google.statuses = [401]
code, out, err = polls("gcp", url, 1, url.removeprefix("http://"))
same(Google.tokens, {"Bearer ya29.token-1", "Bearer ya29.token-2"}, "gcp: the metadata server's token, a new one after 401")
check("failed 0" in out and "ya29" not in out + err, "gcp: and it is not told or logged")

Google.statuses = [404] * 1000
code, out, err = polls("gcp", url, 3, url.removeprefix("http://"))
check("feed-lost p/us-east4/edge\n" in out and "feed-up" not in out, "gcp: a router that is refused three times is lost")
check("404" in err, "gcp: the log has the status")


# ---- tandem ----

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
    - {name: cloud-router, kind: hub, as: 16550}
    - {name: dx, kind: dxgw, as: 64512}
    - {name: tgw, kind: tgw, as: 64513, attached_from_feed: true}
  links:
    - {name: vlan-a, ids: dxvif-aaaa1111, a: cloud-router, b: dx, a_address: 169.254.10.1, b_address: 169.254.10.2}
    - {name: vlan-c, a: cloud-router, b: dx, a_address: 169.254.11.1, b_address: 169.254.11.2}
    - {name: tgw-attach-2, a: tgw, b: dx, session: false}
  sites:
    - {name: hub, router: cloud-router, subnets: 10.100.0.0/16}
    - {name: east, router: tgw, subnets: 10.1.0.0/16}
  clouds:
    every_s: 1
    google: [{router: cloud-router, project: p, region: us-east4, name: edge}]
    aws:
      - {router: tgw, region: us-east-1, gateway: tgw-0aaa, tables: tgw-rtb-1}
      - {router: dx, region: us-east-1, gateway: 11460968-4ac1-4fd3-bdb2-00599EXAMPLE}
    google_url: %s
    aws_url: %s
"""
Google.statuses = []
Aws.asked.clear()
Aws.fail = set()
aws_server, aws_url = serve(Aws)
with tempfile.TemporaryDirectory() as folder:
    key, _ = make_key(folder)
    path = os.path.join(folder, "network.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(NETWORK % (url, aws_url))
    hub = Hub(config=path, env=dict(os.environ, GOOGLE_APPLICATION_CREDENTIALS=key,
                                    AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test"))

    def verdicts():
        return {(v["kind"], v["text"]) for v in hub.get("/v1/net/verdicts").json()["verdicts"]}

    hub.wait_for(lambda: any(n == "link_down" for n, _ in verdicts()), "what the attachment says")
    check(any(n == "link_down" and "vlan-c" in t and "ADMIN_DISABLED" in t for n, t in verdicts()), "tandem: a link that Google says is down")
    hub.wait_for(lambda: any(n == "session_down" for n, _ in verdicts()), "what the router says")
    check(any(n == "session_down" and "vlan-c" in t for n, t in verdicts()), "tandem: and its session")
    routes = hub.get("/v1/net/routes?prefix=10.9.0.0/16").json()
    check("tgw-attach-2" in json.dumps(routes) or "direct-connect" in json.dumps(routes), "tandem: the Transit Gateway's routes")
    hub.wait_for(lambda: next(r for r in hub.get("/v1/net").json()["routers"] if r["name"] == "tgw")["heard"], "the gateway's table")
    time.sleep(4)  # a dead end is told after three seconds
    check(not any(n in ("dead_end", "blackhole") for n, _ in verdicts()), "tandem: nothing of routes that nobody tells")

    def down(link):
        return [t for n, t in verdicts() if n == "link_down" and f" on {link} " in t]

    # Each end's cloud has its own name for the link, and either may say that it is down.
    same(down("vlan-a"), [], "tandem: a link of which both ends are well")
    Aws.changed = [('"virtualInterfaceState": "available"', '"virtualInterfaceState": "down"')]
    hub.wait_for(lambda: down("vlan-a"), "what Direct Connect says")
    check("dxvif-aaaa1111: down" in down("vlan-a")[0], "tandem: Direct Connect says that its virtual interface is down")
    Aws.fail = {"DescribeVirtualInterfaces"}
    Aws.changed = []
    asked = len(Aws.asked)
    hub.wait_for(lambda: [o for o, _ in Aws.asked[asked:]].count("DescribeVirtualInterfaces") >= 2, "two rounds in which it does not answer")
    check(down("vlan-a"), "tandem: that it does not answer is no news of the link")
    Aws.fail = set()
    hub.wait_for(lambda: not down("vlan-a"), "that it is up again", 90)
    Google.unprovisioned = True
    hub.wait_for(lambda: down("vlan-a"), "what Google says")
    check("OS_UNPROVISIONED" in down("vlan-a")[0], "tandem: Google says that its attachment is not provisioned")
    Google.unprovisioned = False
    hub.wait_for(lambda: not down("vlan-a"), "that it is again")
    Google.statuses = [404] * 1000
    hub.wait_for(lambda: any(n == "feed_stale" for n, _ in verdicts()), "the router's feed to be lost", 90)
    same(down("vlan-a"), [], "tandem: a link of which nobody can be asked is not down")
    check(down("vlan-c"), "tandem: and one that was down stays so")
    Google.statuses = []
    check(SECRET not in hub.logged() and SECRET not in json.dumps(routes), "tandem: no secret in log and answers")
    same(hub.stop()[0], 0, "tandem: ends well")
same(Aws.wrong, [], "tandem: botocore finds nothing wrong with its requests")
server.shutdown()
aws_server.shutdown()
tap.done()
