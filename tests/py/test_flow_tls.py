"""TLS before the port at which flows ask, as operators are told to put it there: deploy/nginx, with a
certificate of our own, before tandem run. The functions of deploy/lambda ask over it; who has no key, or
speaks no TLS, or wants something else gets nothing."""

import atexit
import contextlib
import http.client
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import warnings

from hub import ROOT, TANDEM, Tap

tap = Tap()
folder = tempfile.mkdtemp(prefix="tandem-tls-")
log = open(os.path.join(folder, "log"), "w+", encoding="utf-8")
started = []


def start(*command, **options):
    p = subprocess.Popen(command, stdout=log, stderr=log, **options)
    started.append(p)
    return p


@atexit.register
def end():
    """Whatever happens: what was stopped, too."""
    for p in started:
        if p.poll() is None:
            p.kill()
        p.wait()
    shutil.rmtree(folder, ignore_errors=True)


NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
try:
    import aws
except ImportError:
    aws = None
if not aws or not NGINX or not shutil.which("openssl"):
    print("1..0 # SKIP boto3, nginx or openssl is not installed")
    sys.exit(0)

EAST, KEY = "us-east-1", "a-key-of-the-test-0123456789"
CENTRE = f"""name: one
hub: {{name: hub, lat: 45, lon: -40}}
sites: [{{name: {EAST}, lat: 38.9, lon: -77.5}}]
queues: [{{name: support}}]
profiles: [{{name: general, queues: [support]}}]
agents: [{{site: {EAST}, count: 2, profile: general}}]
"""


def write(name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def certificate(name, *options):
    key, cert = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".crt")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-keyout", key, "-out", cert, *options], check=True, capture_output=True)
    return key, cert


root_key, root = certificate("root", "-subj", "/CN=root of a test", "-addext", "keyUsage=critical,keyCertSign")
leaf_key, leaf = certificate("leaf", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext",
                             "basicConstraints=critical,CA:false", "-CA", root, "-CAkey", root_key)
_, stranger = certificate("stranger", "-subj", "/CN=root of another")

flow_port, tls_port = free_port(), free_port()
sim = aws.ConnectSim("--config", write("centre.yaml", CENTRE), "--seed", 9, "--no-arrivals")
connect = sim.client("connect", retries=10)
instance = connect.list_instances()["InstanceSummaryList"][0]["Id"]
queue = next(q["Arn"] for q in connect.list_queues(InstanceId=instance, QueueTypes=["STANDARD"])["QueueSummaryList"])
config = write("run.yaml", CENTRE + f"""amazon:
  endpoint: {sim.url}
  port: {flow_port}
  key_file: {write("flow.key", KEY)}
  instances: [{{site: {EAST}, instance: {instance}}}]
""")
run = start(TANDEM, "run", "--config", config, "--port", "0", "--for", "240s",
            env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})

with open(os.path.join(ROOT, "deploy", "nginx", "tandem-flow.conf"), encoding="utf-8") as f:
    site = f.read()
for said, here in [("server 127.0.0.1:8401;", f"server 127.0.0.1:{flow_port};"), ("listen 8443 ssl;", f"listen 127.0.0.1:{tls_port} ssl;"),
                   ("/etc/tandem/flow.crt", leaf), ("/etc/tandem/flow-tls.key", leaf_key),
                   ("server_name tandem.example.com;", "server_name localhost;")]:
    tap.equal(site.count(said), 1, said)
    site = site.replace(said, here)
temporary = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
nginx_config = write("nginx.conf", f"""daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{ {temporary}
{site}}}
""")
done = subprocess.run([NGINX, "-t", "-p", folder, "-c", nginx_config], capture_output=True, text=True, check=False)
tap.equal(done.returncode, 0, done.stderr)
nginx = start(NGINX, "-p", folder, "-c", nginx_config)


def trust(ca=root, version=None):
    context = ssl.create_default_context(cafile=ca)
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is deprecated, which is why it is tried
            context.minimum_version = context.maximum_version = version
    return context


EVENT = {"Name": "ContactFlowEvent", "Details": {"Parameters": {"op": "route", "queue": "support"}, "ContactData": {
    "ContactId": "7d9f1c1e-52a5-4a4f-9d1b-0a3c9a6c2f10", "InitialContactId": "7d9f1c1e-52a5-4a4f-9d1b-0a3c9a6c2f10", "Channel": "VOICE",
    "InstanceARN": f"arn:aws:connect:{EAST}:123456789012:instance/{instance}", "InitiationMethod": "INBOUND", "Attributes": {},
    "CustomerEndpoint": {"Address": "+12125550100", "Type": "TELEPHONE_NUMBER"},
    "SystemEndpoint": {"Address": "+18005550100", "Type": "TELEPHONE_NUMBER"}, "Queue": {"ARN": queue, "Name": "support"}}}}


def ask(path=f"/flow/{EAST}", method="POST", key=KEY, body=None, context=None):
    """The status and body, or what went wrong with TLS. On a machine with much else to do the node may be
    late, which is nginx's 504: then it is asked again."""
    got = (504, b"")
    while got[0] == 504:
        got = ask_once(path, method, key, body, context)
    return got


def ask_once(path=f"/flow/{EAST}", method="POST", key=KEY, body=None, context=None):
    c = http.client.HTTPSConnection("localhost", tls_port, timeout=20, context=context or trust())
    try:
        c.request(method, path, json.dumps(EVENT) if body is None else body,
                  {"Content-Type": "application/json", **({"Authorization": "Bearer " + key} if key else {})})
        r = c.getresponse()
        return r.status, r.read()
    except (ssl.SSLError, ConnectionResetError) as e:
        return type(e).__name__, b""
    except OSError:
        return 0, b""
    finally:
        c.close()


aws.until(lambda: ask()[0] == 200, "the node behind nginx", 60)
answer = aws.until(lambda: (a := json.loads(ask()[1]))["queue"] and a, "an answer with a queue", 60)
tap.equal((answer["action"], answer["queue"]), ("LOCAL", queue), "what the node says of a call")
tap.end("a flow's question comes through TLS to the node")


def in_python(ca):
    spec = importlib.util.spec_from_file_location("shim", os.path.join(ROOT, "deploy", "lambda", "tandem.py"))
    shim = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shim)
    os.environ.update(TANDEM_URL=f"https://localhost:{tls_port}/flow/{EAST}", TANDEM_KEY=KEY, SSL_CERT_FILE=ca)
    with contextlib.redirect_stdout(sys.stderr):
        return shim.handler(EVENT, None)


def in_node(ca):
    script = ("import(process.argv[1]).then(m => m.handler(JSON.parse(process.argv[2])))"
              ".then(a => process.stdout.write('\\n' + JSON.stringify(a) + '\\n'))")
    done = subprocess.run(["node", "-e", script, os.path.join(ROOT, "deploy", "lambda", "tandem.mjs"), json.dumps(EVENT)],
                          env={**os.environ, "TANDEM_URL": f"https://localhost:{tls_port}/flow/{EAST}", "TANDEM_KEY": KEY,
                               "NODE_EXTRA_CA_CERTS": ca}, capture_output=True, text=True, timeout=60, check=False)
    return json.loads(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else done.stderr


for name, function in [("python", in_python)] + ([("node", in_node)] if shutil.which("node") else []):
    tap.equal(aws.until(lambda f=function: (a := f(root))["queue"] and a, "the function's answer", 60),
              {k: answer[k] for k in ("action", "number", "txn", "queue")}, f"{name} trusts the root")
    tap.equal(function(stranger), {"action": "LOCAL", "number": "", "txn": "", "queue": ""}, f"{name} does not trust another")
tap.end("the functions ask over it, and nobody whose certificate they do not trust")

tap.equal(ask(key=None)[0], 401, "no key: nginx")
tap.equal(ask(key="another-key-of-the-test")[0], 401, "a wrong key: tandem")
tap.equal(ask(path="/flow/nowhere")[0], 404, "no such site")
for path in ("/", "/health", "/events/x", "/flow", "/v1/status"):
    tap.equal(ask(path=path)[0], 404, path)
tap.equal(ask(method="GET", body="")[0], 403, "another method")
tap.equal(ask(body=json.dumps({"x": "y" * 300000}))[0], 413, "a body that no flow sends")
tap.equal(ask(path="/events", body=json.dumps({"source": "aws.connect", "detail-type": "other"}))[0], 404, "an event that is none")
tap.end("no key, another path, another method, too much: refused")

for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    tap.equal(ask(context=trust(version=version))[0], 200, f"{version}")
tap.equal(ask(context=trust(version=ssl.TLSVersion.TLSv1_1))[0], "SSLError", "TLS 1.1")
c = http.client.HTTPConnection("127.0.0.1", tls_port, timeout=20)
c.request("POST", f"/flow/{EAST}", json.dumps(EVENT), {"Content-Type": "application/json", "Authorization": "Bearer " + KEY})
tap.equal(c.getresponse().status, 400, "no TLS")
c.close()
with open(os.path.join(folder, "error.log"), encoding="utf-8") as f:
    said = f.read()
tap.check(not re.search(r"2125550100|" + KEY, said), "no number and no key in the log")
tap.end("TLS 1.2 or newer only; nothing personal is logged")

run.send_signal(signal.SIGSTOP)
tap.check(ask_once()[0] == 504, "a node that does not answer: 504, and the function says LOCAL")
tap.equal(in_python(root)["action"], "LOCAL", "as it does")
run.send_signal(signal.SIGCONT)
aws.until(lambda: ask()[0] == 200, "the node again", 60)
nginx.send_signal(signal.SIGQUIT)
tap.equal(nginx.wait(timeout=30), 0, "nginx ends")
run.send_signal(signal.SIGTERM)
tap.equal(run.wait(timeout=60), 0, "the node ends")
sim.stop()
tap.end("a node that hangs is not waited for")
tap.done()
