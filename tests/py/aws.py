"""Starts connectsim for a test, and speaks with it as AWS's SDK does: by boto3, and by requests
that are put together here with botocore's signer only, in JSON or CBOR.

CONNECTSIM names the program; meson sets it. A test that runs with AWS's limits, too, has "on" as its
argument then: clients wait and try again, as the SDK does it."""

import atexit
import collections
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.loaders
import botocore.model

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(os.environ.get("CONNECTSIM", os.path.join(ROOT, "build", "connectsim")))
LIMITS = "on" if sys.argv[1:2] == ["on"] else "off"
PATIENT = 40 if LIMITS == "on" else 1  # more attempts than any luck needs
CREDENTIALS = botocore.credentials.Credentials("test", "test")


class ConnectSim:
    """A running connectsim. Ends with the test, whatever happens."""

    def __init__(self, *options):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen([PROGRAM, "--port", "0", *map(str, options)],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        atexit.register(self.kill)
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+:\d+", line)
        if not found:
            raise SystemExit("connectsim did not start: " + line + self.logged())
        self.url = found.group(0)
        self.host = urllib.parse.urlsplit(self.url).netloc

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def throttled(self):
        """How many calls of each operation were refused because of AWS's limits."""
        state = self.control("GET", "/sim/state")[1]
        refused = collections.Counter(kinesis=state["kinesis_throttled"])
        for c in state["calls"]:
            refused[c["operation"]] += c["throttled"]
        return +refused

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def client(self, service, region="us-east-1", retries=PATIENT, **config):
        return boto3.Session("test", "test", region_name=region).client(
            service, endpoint_url=self.url,
            config=botocore.config.Config(retries={"total_max_attempts": retries, "mode": "standard"}, **config))

    def request(self, method, path, body=None, headers=None, timeout=30):
        """Unsigned; status, headers, body."""
        c = http.client.HTTPConnection(self.host, timeout=timeout)
        try:
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            return r.status, dict((k.lower(), v) for k, v in r.getheaders()), r.read()
        finally:
            c.close()

    def control(self, method, path, body=None):
        """A control of connectsim's own: status and what it says."""
        status, _, text = self.request(method, path, json.dumps(body) if body is not None else None,
                                       {"Content-Type": "application/json"} if body is not None else {})
        return status, json.loads(text) if text else None

    def signed(self, service, region, target, body, content_type):
        """One POST to "/" with a target, as JSON and CBOR services are called."""
        request = botocore.awsrequest.AWSRequest(
            "POST", self.url + "/", data=body,
            headers={"X-Amz-Target": target, "Content-Type": content_type})
        botocore.auth.SigV4Auth(CREDENTIALS, service, region).add_auth(request)
        return self.request("POST", "/", body, dict(request.headers.items()))


def service_model(service):
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(service, "service-2"), service)


def unknown_members(shape, value, path="", cbor=False):
    """What a reply has that is not as its model says: members it does not know, required ones that
    are missing, values of another type."""
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return [f"{path} is no object"]
        wrong = [f"{path}.{m} is not in the model" for m in value if m not in shape.members]
        wrong += [f"{path}.{m} is missing" for m in shape.required_members if m not in value]
        for m, s in shape.members.items():
            if m in value:
                wrong += unknown_members(s, value[m], f"{path}.{m}", cbor)
        return wrong
    if kind == "list":
        return [w for i, v in enumerate(value) for w in unknown_members(shape.member, v, f"{path}[{i}]", cbor)]
    if kind == "map":
        return [w for k, v in value.items() for w in unknown_members(shape.value, v, f"{path}.{k}", cbor)]
    types = {"string": str, "integer": int, "long": int, "boolean": bool, "double": (int, float), "float": (int, float),
             "timestamp": (int, float), "blob": bytes if cbor else str}
    if cbor and kind == "timestamp":
        return [] if hasattr(value, "timestamp") else [f"{path} is no time"]
    if not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{path} is {value!r}, not of type {kind}"]
    if "enum" in shape.metadata and value not in shape.metadata["enum"]:
        return [f"{path} is {value!r}"]
    return []


def until(holds, what, seconds=30):
    """Waits for something that has to come. The time is a guard, not an expectation."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = holds()
        if got:
            return got
        time.sleep(0.05)
    raise SystemExit("it did not come: " + what)
