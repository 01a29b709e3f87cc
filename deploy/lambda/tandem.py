"""Passes a flow's question on to the site node of its region, and says LOCAL when that cannot be:
a caller must not wait for us. Python 3.9 or newer, nothing to install.

TANDEM_URL   where the node answers flows, with the site: https://node.internal:8401/flow/us-east-1
TANDEM_KEY   the key of amazon.key_file (from Secrets Manager, by the function's environment)"""

import json
import os
import urllib.request

TIMEOUT_S = 1.8  # the flow's block should have 3 s or more; the node answers within 1.5 s


def handler(event, context):
    try:
        request = urllib.request.Request(
            os.environ["TANDEM_URL"], data=json.dumps(event).encode(), method="POST",
            headers={"Content-Type": "application/json", "Authorization": "Bearer " + os.environ.get("TANDEM_KEY", "")})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
            answer = json.loads(reply.read(32768))
        if answer.get("action") in ("LOCAL", "TRANSFER", "END"):
            return {k: str(answer.get(k, "")) for k in ("action", "number", "txn", "queue")}
    except Exception as e:  # whatever it is: the instance goes on by itself
        print("tandem does not answer:", type(e).__name__)
    return {"action": "LOCAL", "number": "", "txn": "", "queue": ""}
