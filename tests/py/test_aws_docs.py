"""What docs/aws.md says: its policy is JSON and allows exactly the operations that tandem run calls,
its example of a configuration is one, and the flows of deploy/flows are whole."""

import glob
import json
import os
import re
import subprocess
import tempfile

from hub import ROOT, TANDEM, Tap

tap = Tap()


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


doc = read("docs", "aws.md")
policies = [json.loads(t) for t in re.findall(r"```json\n(.*?)```", doc, re.S)]
allowed, mirrors = ({a for s in p["Statement"] for a in s["Action"]} for p in policies)
services = dict((name, service) for service, name in re.findall(r"X\((\w+), (\w+), ", read("src", "aws", "operations.h")))
called = set()
for path in (p for d in ("instance", "streams") for p in glob.glob(os.path.join(ROOT, "src", "driver", d, "*.c"))):
    called |= set(re.findall(r"AWS_OP_(\w+)", read(path)))
wanted = {f"{services[name]}:{name}" for name in called}
tap.equal(allowed - {"ds:DescribeDirectories"}, wanted, "actions")
tap.check(all(a in doc for a in wanted), "all of them")
ops = {op for path in glob.glob(os.path.join(ROOT, "src", "amazon", "mirror*.c")) for op in re.findall(r"AWS_OP_(\w+)", read(path))}
tap.equal(mirrors, {f"{services[name]}:{name}" for name in ops}, "actions of tandem mirror")
tap.end("the policy allows what is called, and nothing else")

example = re.search(r"```yaml\n(.*?)```", doc, re.S).group(1)
centre = """hub: {name: hub, lat: 39, lon: -77}
sites: [{name: us-east-1, lat: 38.9, lon: -77.5}, {name: us-west-2, lat: 45.8, lon: -119.7}]
queues: [{name: support}]
profiles: [{name: general, queues: [support]}]
agents: [{site: us-east-1, count: 1, profile: general}]
"""
with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as f:
    f.write(centre + example)
    f.flush()
    done = subprocess.run([TANDEM, "check", f.name], capture_output=True, text=True, timeout=60)
tap.equal(done.returncode, 0, done.stderr)
tap.check("2 instances, 1 pairs" in done.stdout, done.stdout)
tap.end("the example is a configuration")

for name in ("tandem-entry.json", "tandem-wait.json"):
    flow = json.loads(read("deploy", "flows", name))
    known = {a["Identifier"] for a in flow["Actions"]}
    tap.equal(len(known), len(flow["Actions"]), f"{name}: identifiers")
    for a in flow["Actions"]:
        t = a["Transitions"]
        to = [t[k] for k in ("NextAction",) if k in t]
        to += [e["NextAction"] for k in ("Errors", "Conditions") for e in t.get(k, [])]
        tap.check(set(to) <= known, f"{name}: {a['Identifier']} leads to {to}")
    places = set(re.findall(r"{{(\w+)}}", json.dumps(flow)))
    tap.check(all("{{" + p + "}}" in doc for p in places), f"{name}: places not in docs/aws.md: {places}")
tap.end("the flows are whole")
tap.done()
