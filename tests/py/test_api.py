"""The API against its document: every path, method and status in docs/openapi.yaml is answered by
the server, the server answers nothing that is not in it, and every reply is as its schema says,
with all members and no others. Then what no client should send."""

import http.server
import os
import re
import tempfile
import threading
import uuid

from hub import CONFIG, Hub, Tap, load

try:
    import jsonschema
    from openapi_spec_validator import validate as validate_document
except ImportError:
    jsonschema = None

tap = Tap()
hub = Hub()
document = hub.get("/openapi.json").json()
METHODS = ("get", "put", "post", "delete", "patch")

# ---- the document ----

LACKING = "pip install -r tests/py/requirements.txt"
if jsonschema:
    try:
        validate_document(document)
    except Exception as e:
        tap.check(False, f"not valid OpenAPI: {e}")
tap.end("the document is valid OpenAPI 3.1", skip=None if jsonschema else LACKING)

documented = {(path, m.upper(), int(status)) for path, item in document["paths"].items()
              for m in METHODS if m in item for status in item[m]["responses"]}
served = {(p["method"], p["path"]) for p in hub.get("/v1").json()["paths"]}
tap.equal({(m, p) for p, m, _ in documented} ^ served, set(), "paths served but not documented, or the reverse")
tap.end("the document has the server's paths and methods, and no others")


def strict(schema):
    """In a reply all members are there and no others, whatever a client may rely on."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    out = {k: strict(v) for k, v in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        out["additionalProperties"] = False
        out["required"] = sorted(schema["properties"])
    return out


strict_document = strict(document)


def resolve(thing):
    while "$ref" in thing:
        at = strict_document
        for part in thing["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        thing = at
    return thing


def check_reply(template, method, reply):
    response = strict_document["paths"].get(template, {}).get(method.lower(), {}).get("responses", {}).get(str(reply.status))
    if not tap.check(response, f"{method} {template} answered {reply.status}, which the document lacks: {reply.body[:300]}"):
        return
    content = resolve(response).get("content")
    kind = reply.headers.get("content-type")
    if content is None:
        tap.equal(reply.body, b"", f"{method} {template} {reply.status}: body")
        return
    if not tap.check(kind in content, f"{method} {template} {reply.status}: Content-Type {kind}, documented {list(content)}"):
        return
    if not jsonschema or "json" not in kind:
        return
    schema = {**content[kind]["schema"], "components": strict_document["components"]}
    for e in jsonschema.Draft202012Validator(schema).iter_errors(reply.json()):
        tap.check(False, f"{method} {template} {reply.status}: at {list(e.absolute_path)}: {e.message[:300]}")


answered = set()


def ask(method, template, status, body=None, query="", headers=None, **params):
    """One request; its status is checked, its reply against the document."""
    path = re.sub(r"{(\w+)}", lambda m: str(params[m.group(1)]), template)
    reply = hub.request(method, path + query, body, headers)
    answered.add((template, method, reply.status))
    tap.equal(reply.status, status, f"{method} {path}{query} {str(body)[:100]}: {reply.body[:200]}")
    check_reply(template, method, reply)
    if not template.startswith("/v1/sim/") and template not in ("/openapi.json", "/metrics") and reply.status < 500:
        tap.check(reply.headers.get("tandem-node"), f"{method} {path}: no Tandem-Node")
    return reply


def detail_names(reply, field):
    tap.check(field in reply.detail(), f"the detail does not name {field}: {reply.detail()}")


# ---- routing ----

america = ask("GET", "/v1/shares", 200).json()["groups"][0]["sites"]
total = sum(s["placed"] for s in america)
for s in america: # nothing was drained or set so far: the books are the plain counts
    tap.check(abs(s["off_contacts"] - (s["placed"] - total / 2)) < 0.01 and abs(s["off_contacts"]) <= 10, f"off its share: {s} of {total}")
tap.check(total > 50, f"{total} contacts were placed before")
tap.end("shares got are what was placed, and within the bound")

contact = str(uuid.uuid4())
first = ask("POST", "/v1/route", 200, {"contact": contact, "queue": "support", "from": "+12125550100",
                                       "customer": "ada@example.com", "priority": 3,
                                       "attributes": {"language": "en", "ünïcode": "\"✓\""}}).json()
tap.equal(first["contact"], contact, "contact")
tap.equal([c["site"] for c in first["candidates"]], ["east", "west", "middle"], "candidates")
tap.equal([c["excluded"] for c in first["candidates"]], [None, None, "residency"], "excluded")
# New York to Dulles: 40.71 -74.01 to 38.9 -77.5 is 359 km on the great circle.
tap.check(330 < first["candidates"][0]["distance_km"] < 390, f"distance {first['candidates'][0]}")
again = ask("POST", "/v1/route", 200, {"contact": contact.upper(), "queue": "support"}).json()
tap.equal(again, first, "the same contact again")
other = ask("POST", "/v1/route", 200, {"queue": "support", "customer": "ada@example.com", "npa": 415}).json()
tap.equal(other["customer"], first["customer"], "the same customer")
tap.check(other["contact"] != contact and uuid.UUID(other["contact"]).version == 4, "an id of its own")
tap.check("ada" not in hub.logged() and "2125550100" not in hub.logged(), "personal data in the log")
for body, site in [({"queue": "europe", "country": "DE"}, "middle"), ({"queue": "europe", "lat": 48.1, "lon": 11.6}, "middle"),
                   ({"queue": "mail", "channel": "email", "country": "us"}, None), ({"queue": "support"}, None)]:
    r = ask("POST", "/v1/route", 200, body).json()
    tap.check(site is None or r["site"] == site, f"{body} went to {r['site']}")
tap.end("contacts are placed; the same contact gets the same place")

got = ask("GET", "/v1/contacts/{contact}", 200, contact=contact).json()
tap.equal(got["attributes"] if got["live"] else {"language": "en", "ünïcode": "\"✓\""},
          {"language": "en", "ünïcode": "\"✓\""}, "attributes")
tap.equal(got["customer"], first["customer"], "customer")
explained = ask("GET", "/v1/contacts/{contact}/explain", 200, contact=contact).json()
tap.equal(explained["decisions"][0]["candidates"], first["candidates"], "the figures of the decision")
tap.check(explained["decisions"][0]["sentence"].startswith(f"hub sent it to {first['site']} because"), explained["decisions"][0]["sentence"])
hub.wait_for(lambda: hub.get(f"/v1/contacts/{contact}").json()["state"] == "ended", "the contact's end")
past = hub.wait_for(lambda: hub.get(f"/v1/customers/{first['customer']}/contacts").json()["contacts"], "the customer's history")
tap.check(contact in [c["contact"] for c in past], "the contact is in the customer's history")
tap.equal(ask("GET", "/v1/contacts/{contact}", 200, contact=contact).json()["attributes"], {}, "attributes after the end")
ask("GET", "/v1/contacts/{contact}/explain", 200, contact=contact)
detail_names(ask("POST", "/v1/route", 409, {"contact": contact, "queue": "support"}), "contact")
for _ in range(5): # some that have just ended, and are not in the history yet
    ended = hub.wait_for(lambda: hub.get("/v1/contacts?state=ended").json()["contacts"], "an ended contact")
    ask("POST", "/v1/route", 409, {"contact": ended[0]["contact"], "queue": "support"})
hub.wait_for(lambda: hub.get(f"/v1/contacts/{other['contact']}").json()["state"] == "ended", "the other contact's end")
page = hub.wait_for(lambda: (lambda p: p["next"] and p)(
    ask("GET", "/v1/customers/{customer}/contacts", 200, query="?limit=1", customer=first["customer"]).json()), "two contacts of the customer")
rest = ask("GET", "/v1/customers/{customer}/contacts", 200, query=f"?limit=1&after={page['next']}", customer=first["customer"]).json()
tap.equal({page["contacts"][0]["contact"], rest["contacts"][0]["contact"]}, {contact, other["contact"]}, "two pages of history")
tap.equal(rest["next"], None, "next of the last page")
tap.end("a contact can be read and explained, live and past")

# ---- reading ----

ask("GET", "/v1", 200)
ask("GET", "/v1/health", 200)
status = ask("GET", "/v1/status", 200).json()
tap.equal([s["name"] for s in status["sites"]], ["east", "west", "middle"], "sites")
tap.equal([n["name"] for n in status["nodes"]], ["hub", "east", "west", "middle"], "nodes")
tap.equal(status["answered_by"], "hub", "answered_by")
ask("GET", "/v1/sites", 200)
tap.equal(ask("GET", "/v1/sites/{site}", 200, site="west").json()["group"], "america", "group")
queues = ask("GET", "/v1/queues", 200).json()["queues"]
tap.equal([(q["name"], q["channel"]) for q in queues], [("support", "voice"), ("europe", "voice"), ("mail", "email")], "queues")
ask("GET", "/v1/timeline", 200)
nodes = ask("GET", "/v1/nodes", 200).json()
tap.equal(sorted((h["from"], h["to"]) for h in nodes["health"] if h["from"] == "hub"), [("hub", s) for s in ("east", "middle", "west")], "whom the hub hears")
tap.check(all(18 <= h["rtt_ms"] <= 26 for h in nodes["health"] if h["from"] == "hub"), f"round trips over links of 10 to 11 ms: {nodes['health']}")
state = ask("GET", "/v1/state", 200).json()
tap.equal([n["name"] for n in state["nodes"]], ["hub", "east", "west", "middle"], "nodes of the state")
tap.equal(state["agree"], len({n["state_hash"] for n in state["nodes"]}) == 1, "agreement")
tap.check(all(n["running"] and n["facts"]["hub"] > 0 and n["contacts_ended"] > 0 for n in state["nodes"]), f"what the nodes have: {state}")
hub.wait_for(lambda: hub.get("/v1/state").json()["agree"], "a quiet moment")
series = ask("GET", "/v1/arrivals", 200).json()["series"]
tap.equal(set(series["arrivals"]), {"east", "west", "middle"}, "sites of the series")
tap.check(len({len(v) for v in series["arrivals"].values()}) == 1 and len(series["arrivals"]["east"]) > 25, "minutes since what was played first")
ask("GET", "/v1/policies", 200)
ask("GET", "/v1/sim/faults", 200)
everyone, after = [], ""
while True:
    p = ask("GET", "/v1/agents", 200, query=f"?limit=7{after}").json()
    everyone += [a["name"] for a in p["agents"]]
    if not p["next"]:
        break
    after = f"&after={p['next']}"
tap.equal(sorted(everyone), sorted(f"{p}-{i:03}" for p, n in (("e", 12), ("w", 12), ("m", 6)) for i in range(1, n + 1)), "all agents, page by page")
tap.equal({a["site"] for a in ask("GET", "/v1/agents", 200, query="?site=middle").json()["agents"]}, {"middle"}, "agents of a site")
ask("GET", "/v1/agents", 200, query="?state=offline")
tap.equal(ask("GET", "/v1/agents/{agent}", 200, agent="m-003").json()["home_site"], "middle", "home site")
for _ in range(5):
    ask("POST", "/v1/route", 200, {"queue": "mail", "channel": "email"})
rows, after = [], ""
while True:
    p = ask("GET", "/v1/contacts", 200, query=f"?limit=3{after}").json()
    rows += [c["contact"] for c in p["contacts"]]
    if not p["next"]:
        break
    after = f"&after={p['next']}"
tap.equal(rows, sorted(set(rows)), "contacts, page by page, each once")
tap.check(len(rows) >= 5, f"{len(rows)} contacts")
for query in ("?state=connected", "?state=ended", "?site=east&queue=mail", "?queue=support"):
    for c in ask("GET", "/v1/contacts", 200, query=query).json()["contacts"]:
        tap.check(f"={c['state']}" in query or "state" not in query, f"{query} gave {c}")
        tap.check(f"={c['queue']}" in query or "queue" not in query, f"{query} gave {c}")
tap.end("what is can be read, in pages")

for node in ("hub", "east", "west", "middle"):
    for template, params in [("/v1/agents", {}), ("/v1/agents/{agent}", {"agent": "m-003"}), ("/v1/contacts", {})]:
        tap.equal(ask("GET", template, 200, query=f"?node={node}", **params).headers["tandem-node"], node, f"{template} of {node}")
tap.end("each node says what it knows itself")

for path in ("/v1", "/v1/shares", "/v1/policies", "/openapi.json"):
    etag = ask("GET", path, 200).headers["etag"]
    # shares change with every contact: what counts is that an equal body is not sent again
    for _ in range(200):
        r = hub.get(path, If_None_Match=etag)
        if r.status == 304:
            break
        etag = r.headers["etag"]
    tap.equal(r.status, 304, f"If-None-Match on {path}")
    answered.add((path, "GET", r.status))
    check_reply(path, "GET", r)
tap.end("an unchanged snapshot is not sent again")

# ---- the network ----

network = ask("GET", "/v1/net", 200).json()
tap.equal([r["name"] for r in network["routers"]], ["cloud", "e1"], "routers")
ask("GET", "/v1/net", 400, query="?x=1")
ask("GET", "/v1/net/verdicts", 200, query="?ended=true")
ask("GET", "/v1/net/verdicts", 400, query="?ended=maybe")
ask("GET", "/v1/net/routes", 200, query="?prefix=10.1.0.0/16")
for query in ("", "?prefix=10.1.2.3/16", "?prefix=east"):
    detail_names(ask("GET", "/v1/net/routes", 400, query=query), "prefix")
ask("GET", "/v1/net/path", 200, query="?from=hub&to=east")
detail_names(ask("GET", "/v1/net/path", 400, query="?from=hub"), "to")
ask("POST", "/v1/net/what-if", 200, {"changes": [{"change": "link_down", "link": "e1-a"}]})
plan = ask("GET", "/v1/net/plan", 200).json()
tap.check(plan["proved"] or plan["why_not"], f"a plan, or why there is none: {plan}")
detail_names(ask("GET", "/v1/net/plan", 400, query="?us_per_cost=much"), "us_per_cost")
CHANGES = [
    (b"", 400, "empty"), ({}, 400, "changes"), ({"changes": []}, 400, "changes"), ({"changes": [7]}, 400, "changes[0]"),
    ({"changes": [{"link": "e1-a"}]}, 400, "change"), ({"changes": [{"change": "explode"}]}, 422, "change"),
    ({"changes": [{"change": "link_down"}]}, 400, "changes[0].link"), ({"changes": [{"change": "link_down", "link": "x"}]}, 422, "link"),
    ({"changes": [{"change": "route_add", "router": "cloud", "link": "e1-a"}]}, 400, "changes[0].prefix"),
    ({"changes": [{"change": "static_add", "router": "cloud", "prefix": "10.1.2.3/16"}]}, 400, "prefix"),
    ({"changes": [{"change": "prefer", "router": "cloud", "link": "e1-a", "med": -1}]}, 400, "med"),
    ({"changes": [{"change": "prefer", "router": "cloud", "link": "e1-a", "community": "1:1"}]}, 400, "community"),
    ({"changes": [{"change": "link_down", "link": "e1-a"}] * 257}, 400, "changes"),
]
for body, status, field in CHANGES:
    detail_names(ask("POST", "/v1/net/what-if", status, body), field)
ONE = {"from": "hub", "to": "east", "kind": "stamp", "what": "span", "at_ms": 1}
ask("POST", "/v1/net/probes", 200, {"results": [ONE]})
for change, status, field in [({"from": "nowhere"}, 422, "from"), ({"to": "hub"}, 422, "results[0].to"), ({"kind": "smoke"}, 422, "kind"), ({"at_ms": -1}, 400, "at_ms"),
                              ({"at_ms": 1.5}, 400, "at_ms"), ({"hops_back": 255}, 400, "hops_back"), ({"two_way_us": 1 << 40}, 400, "two_way_us"), ({"loop_at": "x"}, 400, "loop_at")]:
    detail_names(ask("POST", "/v1/net/probes", status, {"results": [{**ONE, **change}]}), field)
tap.end("the network can be read and asked, and bad requests are named")

pushing = tempfile.NamedTemporaryFile("w", suffix=".yaml")
pushing.write(open(CONFIG).read().replace("    - {name: e1, kind: edge", "    - {name: t1, kind: tgw, as: 64602}\n    - {name: e1, kind: edge") + """
  clouds:
    aws: [{router: t1, region: us-east-1, gateway: tgw-1, tables: tgw-rtb-1}]
    aws_url: "http://127.0.0.1:9"
    aws_events: {key_env: TANDEM_TEST_KEY}
""")
pushing.flush()
ask("POST", "/v1/net/aws-events", 403, {})
plain, hub = hub, Hub(config=pushing.name, env=dict(os.environ, TANDEM_TEST_KEY="0123456789abcdef", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x"))
ask("POST", "/v1/net/aws-events", 401, {})
KEY = {"X-Api-Key": "0123456789abcdef"}
EVENT = {"source": "aws.networkmanager", "id": "e-1", "detail-type": "Network Manager Topology Change", "detail": {}}
tap.equal(ask("POST", "/v1/net/aws-events", 200, EVENT, headers=KEY).json(), {"event": "elsewhere"}, "an event of another gateway")
for change, field in [({"source": "aws.ec2"}, "source"), ({"id": ""}, "id"), ({"id": "x" * 129}, "id"), ({"detail-type": 7}, "detail-type"), ({"detail": []}, "detail"),
                      ({"detail-type": "Network Manager Routing Update"}, "detail.changeType")]:
    detail_names(ask("POST", "/v1/net/aws-events", 400, {**EVENT, **change}, headers=KEY), field)
detail_names(ask("POST", "/v1/net/aws-events", 400, b"[]", headers=KEY), "object")
hub.kill()
hub = plain
tap.end("events that AWS pushes need a key, and bad ones are named")

# ---- operating ----

drained = ask("POST", "/v1/sites/{site}/drain", 200, {"reason": "test of the drain"}, site="west").json()
tap.check(drained["state"] in ("draining", "drained"), drained["state"])
ask("PUT", "/v1/sites/{site}/drain", 200, {}, site="west")
tap.equal(ask("POST", "/v1/route", 200, {"queue": "support", "npa": 206}).json()["site"], "east", "while the near site drains")
detail_names(ask("POST", "/v1/sites/{site}/drain", 409, {"reason": "the other too"}, site="east"), "force")
ask("PUT", "/v1/sites/{site}/drain", 409, site="east")
ask("POST", "/v1/sites/{site}/drain", 200, {"force": True}, site="middle")
for s in ("middle", "west"):
    ask("POST", "/v1/sites/{site}/restore", 200, {"reason": "over"}, site=s)
hub.wait_for(lambda: any("test of the drain" in e["text"] for e in hub.get("/v1/timeline").json()["timeline"]), "the timeline")
tap.end("a site is drained and restored")

hub.wait_for(lambda: all(s["state"] == "in-service" for s in hub.get("/v1/sites").json()["sites"]), "the sites' return")
set_ = ask("PUT", "/v1/shares", 200, {"group": "america", "shares": {"east": 60.1234, "west": 39.8766}, "reason": "sixty-forty"}).json()
tap.equal([(s["site"], s["wanted_percent"]) for s in set_["groups"][0]["sites"]], [("east", 60.1234), ("west", 39.8766)], "shares set")
tap.equal(set_["groups"][0]["set_by_operator"], True, "set_by_operator")
hub.wait_for(lambda: hub.get("/v1/shares").json()["groups"][0]["sites"][0]["in_force_percent"] == 60.1234, "the shares to be in force")
ask("PUT", "/v1/shares", 200, {"policy": "one", "shares": {"east": 50, "west": 25, "middle": 25}})
one = ask("PUT", "/v1/policy", 200, {"policy": "one", "reason": "for a test"}).json()
tap.equal((one["policy"], one["share_bound_contacts"], len(one["groups"])), ("one", 30, 1), "policy")
tap.equal([s["wanted_percent"] for s in one["groups"][0]["sites"]], [50, 25, 25], "shares of the other policy")
ask("PUT", "/v1/policy", 200, {"policy": "normal"})
hub.wait_for(lambda: [e for e in hub.get("/v1/timeline").json()["timeline"] if e["text"] == "policy is now one: for a test"], "the reason in the timeline")
tap.end("shares and policy are set, exactly")

# ---- events ----

batch = ask("GET", "/v1/events", 200, query="?limit=50").json()
tap.equal(len(batch), 50, "events")
tap.equal(len({e["id"] for e in batch}), 50, "ids of events, each once")
policies = ask("GET", "/v1/events", 200, query="?type=tandem.policy.").json()
tap.equal([p["data"]["policy"] for p in policies], ["one", "normal"], "events of the policy")
following = ask("GET", "/v1/events", 200, query=f"?limit=3&after={batch[10]['id']}").json()
tap.equal([e["id"] for e in following], [e["id"] for e in batch[11:14]], "events after one")
code, stream = hub.events("/v1/events/stream", 3, {"Last-Event-ID": batch[20]["id"]})
tap.equal([e["id"] for e in stream], [e["id"] for e in batch[21:24]], "the stream after one")
tap.equal([load(e["data"])["id"] for e in stream], [e["id"] for e in stream], "the stream's ids are the events'")
if jsonschema:
    v = jsonschema.Draft202012Validator({"$ref": "#/components/schemas/CloudEvent", "components": strict_document["components"]})
    for e in batch:
        for problem in v.iter_errors(e):
            tap.check(False, f"{e['type']}: {problem.message}")
code, stream = hub.events("/v1/events/stream?type=tandem.contact.placed", 2)
tap.equal([load(e["data"])["type"] for e in stream], ["tandem.contact.placed.v1"] * 2, "the stream of one type")
ask("GET", "/v1/events/stream", 200)
ask("GET", "/v1/stream", 200)
tap.end("facts can be read and followed")

code, board = hub.events("/v1/stream", 12)
tap.equal(board[0]["event"], "snapshot", "the first event")
whole = load(board[0]["data"])
tap.equal(sorted(whole), sorted(["revision", "now_ms", "speed", "name", "policy", "share_bound_contacts", "report_stale_ms",
                                 "nodes", "sites", "queues", "agents", "health", "totals", "alerts", "timeline", "series",
                                 "policies", "commands", "network"]), "sections of the snapshot (web/CONTRACT.md)")
revisions = [int(e["id"]) for e in board]
tap.equal(revisions, sorted(revisions), "revisions")
updates = [load(e["data"]) for e in board if e["event"] == "update"]
tap.check(all("revision" in u and "now_ms" in u and "timeline" not in u for u in updates), "updates")
tap.check(any("series_point" in u for u in updates), "a minute ends within three seconds at this speed")
tap.equal(sum(row[k] for row in whole["agents"]["by_state"] for k in ("available", "on_contact", "wrapup", "break", "missed", "offline", "moving")),
          30, "each agent is in exactly one state of one site")
for name, command in whole["commands"].items():
    tap.check(command.startswith("tandem "), f"command of {name}: {command}")
tap.end("the dashboard's stream keeps its contract")

# ---- metrics ----

text = ask("GET", "/metrics", 200).body.decode()
SAMPLE = re.compile(r'^([a-z_]+)(\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})? (-?[0-9.e+-]+|NaN)$')
names, samples, typed = set(), set(), {}
for line in text.splitlines():
    if line.startswith("# TYPE "):
        typed[line.split()[2]] = line.split()[3]
        tap.check(line.split()[2] not in names, f"{line}: its samples come before it")
    elif not line.startswith("# HELP "):
        m = SAMPLE.match(line)
        if tap.check(m, f"no sample: {line}"):
            names.add(m.group(1))
            tap.check(m.group(1, 2) not in samples, f"twice: {line}")
            samples.add(m.group(1, 2))
tap.equal(names ^ set(typed), set(), "samples without a type, or the reverse")
for name, kind in typed.items():
    tap.equal(name.endswith("_total"), kind == "counter", f"{name} is a {kind}")
tap.check(len(text.splitlines()) < 2000, "how many samples")
tap.end("metrics are in the format of Prometheus")

# ---- what no client should send ----

ROUTE = [
    (b"", 400, "empty"), (b"null", 400, "JSON"), (b"[]", 400, "object"), (b"{", 400, "JSON"), (b'{"queue":"support"', 400, "JSON"),
    (b'{"queue":"support"}x', 400, "JSON"), (b'{"queue":"support",}', 400, "JSON"), (b"{'queue':'support'}", 400, "JSON"),
    (b'{"queue":"support","queue":"support"}', 400, "twice"), (b'{"queue":"s\xff"}', 400, "UTF-8"), (b'{"queue":"\xc0\xaf"}', 400, "UTF-8"),
    (b'{"queue":"a\\u0000b"}', 400, "JSON"), (b'{"queue":"support","npa":1e400}', 400, "too large"),
    (b'{"queue":"support","npa":99999999999999999999}', 400, "too large"), (b"[" * 60000, 400, "JSON"),
    ({}, 400, "queue"), ({"queue": 7}, 400, "queue"), ({"queue": "nobody"}, 422, "queue"), ({"queue": ""}, 422, "queue"),
    ({"queue": "support", "colour": "red"}, 400, "not known"), ({"queue": "support", "channel": "pigeon"}, 400, "channel"),
    ({"queue": "support", "contact": "12"}, 400, "contact"), ({"queue": "support", "contact": "0" * 8 + "-0000" * 3 + "-" + "0" * 12}, 400, "contact"),
    ({"queue": "support", "from": "2125550100"}, 400, "from"), ({"queue": "support", "from": "+0125550100"}, 400, "from"),
    ({"queue": "support", "from": "+1212555010x"}, 400, "from"), ({"queue": "support", "npa": 199}, 400, "npa"),
    ({"queue": "support", "npa": 212.5}, 400, "npa"), ({"queue": "support", "npa": "212"}, 400, "npa"), ({"queue": "support", "npa": True}, 400, "npa"),
    ({"queue": "support", "country": "XX"}, 400, "country"), ({"queue": "support", "country": "DEU"}, 400, "country"),
    ({"queue": "support", "lat": 10}, 400, "lon"), ({"queue": "support", "lon": 10}, 400, "lat"),
    ({"queue": "support", "lat": 91, "lon": 0}, 400, "lat"), ({"queue": "support", "lat": 0, "lon": -181}, 400, "lon"),
    ({"queue": "support", "npa": 212, "country": "US"}, 400, "one of them"), ({"queue": "support", "npa": 212, "lat": 1, "lon": 1}, 400, "one of them"),
    ({"queue": "support", "priority": 0}, 400, "priority"), ({"queue": "support", "priority": 11}, 400, "priority"),
    ({"queue": "support", "customer": ""}, 400, "customer"), ({"queue": "support", "customer": "x" * 257}, 400, "customer"),
    ({"queue": "support", "customer": "a\nb"}, 400, "customer"), ({"queue": "support", "attributes": []}, 400, "attributes"),
    ({"queue": "support", "attributes": {"a": 1}}, 400, "attributes"), ({"queue": "support", "attributes": {"": "x"}}, 400, "attributes"),
    ({"queue": "support", "attributes": {"k" * 128: "x"}}, 400, "attributes"), ({"queue": "support", "attributes": {"k": "v" * 32768}}, 400, "attributes"),
]
for body, status, field in ROUTE:
    detail_names(ask("POST", "/v1/route", status, body), field)
for secret, body in [("4915112345678", {"queue": "support", "from": "4915112345678"}), ("grace", {"queue": "support", "customer": "grace\x01"}),
                     ("hopper", b'{"queue":"hopper'), ("lovelace", {"queue": "support", "lovelace": 1}), ("babbage", {"queue": "babbage"})]:
    tap.check(secret not in ask("POST", "/v1/route", 422 if secret == "babbage" else 400, body).body.decode(), f"{secret} is repeated in the error")
ask("POST", "/v1/route", 200, {"queue": "support", "attributes": {"k": "v" * 32767}})
tap.end("bad bodies of /v1/route are refused, and named")

SHARES = [
    ({}, 400, "shares"), ({"shares": {"east": 50, "west": 50}}, 400, "group"), ({"group": "asia", "shares": {}}, 422, "group"),
    ({"group": "america", "shares": {"east": 50}}, 422, "west"), ({"group": "america", "shares": {"east": 50, "west": 49}}, 422, "100"),
    ({"group": "america", "shares": {"east": 50, "west": 50.00001}}, 400, "west"), ({"group": "america", "shares": {"east": -1, "west": 101}}, 400, "shares.east"),
    ({"group": "america", "shares": {"east": 50, "west": 50, "middle": 0}}, 422, "america"), ({"group": "america", "shares": {"east": "50", "west": 50}}, 400, "shares.east"),
    ({"group": "america", "shares": {"east": 33.3333, "west": 66.6666}}, 422, "100"), ({"policy": "none", "group": "america", "shares": {}}, 422, "policy"),
    ({"group": "america", "shares": {"east": 50, "west": 50}, "reason": "x" * 128}, 400, "reason"),
    ({"group": "america", "shares": {"east": 50, "west": 50}, "reason": "a\tb"}, 400, "reason"), ({"group": "america", "shares": [50, 50]}, 400, "shares"),
]
for body, status, field in SHARES:
    detail_names(ask("PUT", "/v1/shares", status, body), field)
for body, status, field in [({}, 400, "policy"), ({"policy": "none"}, 422, "policy"), ({"policy": 1}, 400, "policy"), ({"policy": "one", "force": True}, 400, "not known")]:
    detail_names(ask("PUT", "/v1/policy", status, body), field)
for verb, method in (("drain", "POST"), ("drain", "PUT"), ("restore", "POST")):
    detail_names(ask(method, "/v1/sites/{site}/" + verb, 400, {"reason": ""}, site="east"), "reason")
    detail_names(ask(method, "/v1/sites/{site}/" + verb, 400, {"why": "x"}, site="east"), "not known")
    ask(method, "/v1/sites/{site}/" + verb, 404, {}, site="nowhere")
for body, status, field in [({}, 400, "fault"), ({"fault": "region-down:nowhere"}, 422, "fault"), ({"fault": "earthquake:east"}, 422, "fault"),
                            ({"fault": "flows:east@1m"}, 400, "fault"), ({"fault": "flows:east", "for_s": 0}, 400, "for_s"), ({"fault": "flows:east", "for_s": "1"}, 400, "for_s")]:
    detail_names(ask("POST", "/v1/sim/faults", status, body), field)
tap.end("bad bodies of the operators' paths are refused, and named")

ID = str(uuid.uuid4())
for template, params in [("/v1/sites/{site}", {"site": "nowhere"}), ("/v1/agents/{agent}", {"agent": "nobody"}),
                         ("/v1/contacts/{contact}", {"contact": ID}), ("/v1/contacts/{contact}/explain", {"contact": ID})]:
    ask("GET", template, 404, **params)
for template in ("/v1/contacts/{contact}", "/v1/contacts/{contact}/explain"):
    ask("GET", template, 400, contact="12")
ask("GET", "/v1/customers/{customer}/contacts", 400, customer="ada")
ask("GET", "/v1/customers/{customer}/contacts", 200, customer=ID)
ask("DELETE", "/v1/sim/faults/{fault}", 404, fault=77)
ask("DELETE", "/v1/sim/faults/{fault}", 404, fault="all")
QUERIES = [
    ("/v1/status", "?x=1"), ("/v1/sites", "?limit=1"), ("/v1/queues", "?x=1"), ("/v1/timeline", "?x=1"), ("/v1/nodes", "?x=1"), ("/v1/state", "?x=1"), ("/v1/arrivals", "?x=1"),
    ("/v1/agents", "?limit=0"), ("/v1/agents", "?limit=1001"), ("/v1/agents", "?limit=+5"), ("/v1/agents", "?limit=1&limit=2"),
    ("/v1/agents", "?site=nowhere"), ("/v1/agents", "?state=asleep"), ("/v1/agents", "?after=nobody"), ("/v1/agents", "?colour=red"),
    ("/v1/contacts", "?after=12"), ("/v1/contacts", "?queue=none"), ("/v1/contacts", "?state=lost"), ("/v1/contacts", "?limit=99999999999"),
    ("/v1/events", "?type=x"), ("/v1/events", "?limit=-1"), ("/v1/events", "?since=1"), ("/v1/events/stream", "?type=x"),
    ("/v1/agents", "?node=nowhere"), ("/v1/contacts", "?node=east&node=east"), ("/v1/contacts", "?node="), ("/v1/status", "?node=east"),
    ("/v1/agents", "?site=%zz"), ("/v1/agents", "?site"), ("/v1/agents", "?site=a%00b"),
]
for path, query in QUERIES:
    ask("GET", path, 400, query=query)
ask("GET", "/v1/customers/{customer}/contacts", 400, query="?after=12", customer=ID)
for query in ("?node=nowhere", "?x=1"):
    ask("GET", "/v1/agents/{agent}", 400, query=query, agent="m-003")
tap.end("unknown names are 404, bad queries 400")

for path, item in document["paths"].items():
    real = re.sub(r"{\w+}", "x", path)
    allowed = {m.upper() for m in METHODS if m in item} | ({"HEAD"} if "get" in item else set())
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        if method in allowed:
            continue
        r = hub.request(method, real, b"{}" if method not in ("GET", "OPTIONS") else None)
        tap.equal((r.status, set(r.headers.get("allow", "").split(", "))), (405, allowed), f"{method} {real}")
for path in ("/v1/", "/v1/nothing", "/v1/sites/", "/v1/sites/east/", "/v1/sites//drain", "/v1/sites/%2e%2e/drain", "/v2/route", "/nothing"):
    tap.equal(hub.get(path).status, 404, path)
for path in ("/v1/status", "/v1/route", "/metrics", "/"):
    r = hub.request("HEAD", path)
    tap.equal((r.status, r.body), (405 if path == "/v1/route" else 200, b""), f"HEAD {path}")
tap.end("other methods are 405 with Allow, other paths 404")

huge = hub.request("POST", "/v1/route", b'{"queue":"support","customer":"' + b"x" * 270000 + b'"}')
tap.equal(huge.status, 413, "a huge body")
tap.equal(hub.request("POST", "/v1/route", b"{}", {"Content-Type": "text/plain"}).status, 415, "a form's type")
tap.equal(hub.request("POST", "/v1/route", b"{}", {"Origin": "http://evil.example"}).status, 403, "another origin")
tap.equal(hub.request("GET", "/v1/status", headers={"Host": "evil.example"}).status, 421, "another host")
for r in (huge,):
    tap.equal(r.headers["content-type"], "application/problem+json", "type of a refusal")
tap.end("what the server refuses by itself")

# ---- faults ----

fault = ask("POST", "/v1/sim/faults", 201, {"fault": "isolate:middle", "for_s": 600}).json()
tap.equal((fault["state"], fault["until_ms"] - fault["from_ms"]), ("active", 600000), "a fault")
hub.wait_for(lambda: any(a["what"] in ("site-down", "site-unreachable") for a in hub.get("/v1/status").json()["alerts"]), "an alert")


def knows(node, contact):
    """Whether it is among those of the node's model that have not ended."""
    return contact in [c["contact"] for c in ask("GET", "/v1/contacts", 200, query=f"?limit=1000&node={node}").json()["contacts"]]


def known_without_middle():
    mail = ask("POST", "/v1/route", 200, {"queue": "mail", "channel": "email"}).json()["contact"]
    tap.check(not knows("middle", mail), "who is cut off knows what he was told, and no more")
    return knows("hub", mail) and knows("east", mail)


hub.wait_for(known_without_middle, "a contact that hub and east know of")
ask("GET", "/v1/sim/faults", 200)
ask("DELETE", "/v1/sim/faults/{fault}", 200, fault=fault["id"])
for _ in range(64):
    ask("POST", "/v1/sim/faults", 201, {"fault": "links:0%"})
ask("POST", "/v1/sim/faults", 409, {"fault": "links:0%"})
tap.equal(ask("DELETE", "/v1/sim/faults", 200).json()["faults"], [], "faults after mending")
hub.wait_for(lambda: hub.get("/v1/status").json()["alerts"] == [], "the end of all alerts")

ask("POST", "/v1/sim/faults", 201, {"fault": "node-down:hub"})
placed = ask("POST", "/v1/route", 200, {"queue": "support"})
tap.equal((placed.headers["tandem-node"], placed.json()["decided_by"]), ("east", "east"), "who answers while the hub is down")
tap.equal(ask("GET", "/v1/status", 200).json()["answered_by"], "east", "answered_by")
hub.wait_for(lambda: placed.json()["contact"] in [e["subject"] for e in hub.get("/v1/events?type=tandem.contact.placed&limit=50").json()], "the site's facts")
for s in ("east", "west", "middle"):
    ask("POST", "/v1/sim/faults", 201, {"fault": f"region-down:{s}"})
BODIES = {"/v1/route": {"queue": "support"}, "/v1/shares": {"group": "america", "shares": {"east": 50, "west": 50}}, "/v1/policy": {"policy": "one"}}
for path, method, code in sorted(documented):
    if code == 503:
        r = ask(method, path, 503, BODIES.get(path, {}) if method != "GET" else None, site="east", agent="e-001", contact=ID, customer=ID)
        tap.check(r.headers.get("retry-after", "").isdigit(), f"{method} {path}: Retry-After")
ask("GET", "/metrics", 200)
ask("DELETE", "/v1/sim/faults", 200)
hub.wait_for(lambda: hub.get("/v1/health").status == 200, "the nodes' return")
tap.equal(ask("POST", "/v1/route", 200, {"queue": "support"}).headers["tandem-node"], "hub", "who answers then")
tap.end("while the hub is down a site answers; while all are down nobody does, and says so")

plain, hub = hub, Hub("--no-faults")
for method, template in (("GET", "/v1/sim/faults"), ("POST", "/v1/sim/faults"), ("DELETE", "/v1/sim/faults"), ("DELETE", "/v1/sim/faults/{fault}")):
    ask(method, template, 403, {"fault": "node-down:hub"} if method == "POST" else None, fault=1)
hub.kill()
small = tempfile.NamedTemporaryFile("w", suffix=".yaml")
small.write(open(CONFIG).read().split("\nnetwork:")[0])
small.flush()
hub = Hub(config=small.name)
for method, template in (("GET", "/v1/net"), ("GET", "/v1/net/verdicts"), ("GET", "/v1/net/routes"), ("GET", "/v1/net/path"), ("GET", "/v1/net/plan"),
                         ("POST", "/v1/net/what-if"), ("POST", "/v1/net/probes")):
    ask(method, template, 404, {} if method == "POST" else None)
ask("POST", "/v1/net/aws-events", 404, {})
tap.equal(load(hub.events("/v1/stream", 1)[1][0]["data"])["network"], None, "the section of a network that is not there")
hub.kill()
hub = plain
tap.end("faults can be switched off; without a network there is none")

# ---- instances that another program plays ----


class Unwilling(http.server.BaseHTTPRequestHandler):
    """A connectsim that takes no fault; as an Amazon Connect it knows nothing."""

    def answer(self):
        clock = self.path == "/sim/clock"
        body = b'{"now_ms":1800000000000,"speed":1}' if clock else b""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200 if clock else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *args):
        pass


other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Unwilling)
threading.Thread(target=other.serve_forever, daemon=True).start()
wire = tempfile.NamedTemporaryFile("w", suffix=".yaml")
wire.write(open(CONFIG).read() + f"\namazon:\n  endpoint: http://127.0.0.1:{other.server_address[1]}\n  port: 0\n  instances:\n")
for i, s in enumerate(("east", "middle", "west")):
    wire.write(f"    - {{site: {s}, region: us-east-{i + 1}, instance: i-{i}}}\n")
wire.flush()
hub = Hub(config=wire.name, command="run", env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
tap.check("connectsim" in ask("POST", "/v1/sim/faults", 502, {"fault": "region-down:west"}).detail(), "who did not take it")
tap.equal(ask("GET", "/v1/sim/faults", 200).json()["faults"], [], "what did not begin")
ask("POST", "/v1/sim/faults", 201, {"fault": "node-down:west", "for_s": 60})
ask("GET", "/v1/net", 200) # the network is watched, too
tap.equal(hub.stop()[0], 0, "exit code")
hub = plain
tap.end("a fault that connectsim does not take has not begun; those of nodes are had without it")

# ---- both ways ----

tap.equal(sorted(documented - answered), [], "documented, but never answered here")
tap.equal(sorted(answered - documented), [], "answered, but not documented")
tap.end("every documented path, method and status was answered, and no other")
code, said = hub.stop()
tap.equal(code, 0, "exit code")
tap.check("answered in target" in said and "east" in said, f"the summary: {said}")
tap.check("BUG" not in hub.logged(), hub.logged()[-500:])
tap.end("it ends cleanly")
tap.done()
