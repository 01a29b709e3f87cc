"""Our Signature Version 4 against botocore's: random requests, the same field Authorization."""

import datetime
import json
import os
import random
import subprocess
import sys
import urllib.parse

from hub import Tap

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
except ImportError:
    print("1..0 # SKIP boto3 is not installed, see requirements.txt")
    sys.exit(0)

tap = Tap()
rnd = random.Random(20261127)
TEXT = "abcXYZ019-_.~ /:+=&%?#@!$'()*,;\"<>[]{}|\\^`äλ語😀"


def text(most):
    return "".join(rnd.choice(TEXT) for _ in range(rnd.randrange(most)))


def request():
    path = "/" + "/".join(urllib.parse.quote(text(8) or "x", safe="-_.~") for _ in range(rnd.randrange(4)))
    query = "&".join(urllib.parse.quote(text(6) or "k", safe="-_.~") + "=" + urllib.parse.quote(text(6), safe="-_.~")
                     for _ in range(rnd.randrange(5)))
    fields = [["Host", "connect.us-east-1.amazonaws.com"]]
    if rnd.random() < 0.7:
        fields.append(["Content-Type", "application/json"])
    fields += [[f"X-{n}", " ".join(rnd.choice(["a", "b  c", "D"]) for _ in range(rnd.randrange(1, 4)))] for n in range(rnd.randrange(4))]
    rnd.shuffle(fields)
    return {"method": rnd.choice(["GET", "POST", "PUT", "DELETE"]), "path": path, "query": query, "fields": fields,
            "body": text(60), "key": "AKIDEXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "token": rnd.choice([None, "IQoJb3JpZ2luX2VjE//////////wEa+/="]), "region": rnd.choice(["us-east-1", "eu-west-2"]),
            "service": rnd.choice(["connect", "kinesis", "sts"]), "at_s": rnd.randrange(1, 4000000000)}


def botocore_signs(r):
    at = datetime.datetime.fromtimestamp(r["at_s"], datetime.timezone.utc)
    query = "?" + r["query"] if r["query"] else ""
    a = botocore.awsrequest.AWSRequest(r["method"], "https://connect.us-east-1.amazonaws.com" + r["path"] + query,
                                       data=r["body"].encode(), headers=dict(r["fields"]))
    auth = botocore.auth.SigV4Auth(botocore.credentials.Credentials(r["key"], r["secret"], r["token"]), r["service"], r["region"])
    a.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    a.headers["X-Amz-Date"] = a.context["timestamp"]
    if r["token"]:
        a.headers["X-Amz-Security-Token"] = r["token"]
    canonical = auth.canonical_request(a)
    signature = auth.signature(auth.string_to_sign(a, canonical), a)
    names = auth.signed_headers(auth.headers_to_sign(a))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(a)}, SignedHeaders={names}, Signature={signature}"


requests = [request() for _ in range(2000)]
done = subprocess.run([os.environ["SIGV4_TOOL"]], input="".join(json.dumps(r) + "\n" for r in requests), capture_output=True,
                      text=True, timeout=120)
ours = done.stdout.splitlines()
tap.equal(len(ours), len(requests), f"answers {done.stderr[:500]}")
for r, got in zip(requests, ours):
    want = botocore_signs(r)
    if not tap.equal(got, want, json.dumps(r)):
        break
tap.end("2000 random requests signed as botocore signs them")
tap.done()
