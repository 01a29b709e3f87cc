"""connectsim's Kinesis beside another emulator of it, kinesalite, that others wrote against Amazon's:
the same calls to both, and the same answers but for names and times. Skipped without it:

    npm install --no-save --ignore-scripts kinesalite@3.3.3

Known to differ, and not asked for: kinesalite looks at an ExplicitHashKey and SequenceNumberForOrdering
less closely than Amazon's model says, ignores MaxResults of ListShards, splits and merges shards that
are closed, and notices the end of a closed shard only a second after its iterator was made."""

import os
import random
import subprocess
import sys
import time

from hub import ROOT, Tap

tap = Tap()
if not os.path.isdir(os.path.join(ROOT, "node_modules", "kinesalite")):
    print("1..0 # SKIP kinesalite is not installed")
    sys.exit(0)
try:
    import boto3
    import botocore.config
    from botocore.exceptions import ClientError
    from aws import ConnectSim
except ImportError:
    print("1..0 # SKIP boto3 is not installed, see requirements.txt")
    sys.exit(0)

START = ("const s = require('kinesalite')({createStreamMs: 0, updateStreamMs: 0, deleteStreamMs: 0, shardLimit: 100});"
         "s.listen(0, '127.0.0.1', () => console.log(s.address().port))")
peer = subprocess.Popen(["node", "-e", START], cwd=ROOT, stdout=subprocess.PIPE, text=True)
sim = ConnectSim("--no-arrivals", "--throttle", "off")
config = botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=False)
clients = {name: boto3.Session("test", "test", region_name="us-east-1").client("kinesis", endpoint_url=url, config=config)
           for name, url in (("peer", "http://127.0.0.1:" + peer.stdout.readline().strip()), ("sim", sim.url))}


def both(operation, args, take=lambda reply, name: "ok"):
    """Calls both; what `take` makes of the replies, or their errors, must be the same."""
    out = {}
    for name, client in clients.items():
        a = args(name) if callable(args) else args
        try:
            out[name] = take(getattr(client, operation)(**a), name)
        except ClientError as e:
            out[name] = e.response["Error"]["Code"]
    tap.equal(out["sim"], out["peer"], f"{operation} {a}")
    return out["sim"]


def shards(reply, name):
    return [(s["ShardId"], s.get("ParentShardId"), s.get("AdjacentParentShardId"), s["HashKeyRange"],
             "EndingSequenceNumber" in s["SequenceNumberRange"])
            for s in (reply.get("Shards") or reply["StreamDescription"]["Shards"])]


sequence = {"peer": {}, "sim": {}}


def put(i, **explicit):
    def take(reply, name):
        tap.equal(len(reply["SequenceNumber"]), 56, "digits of a sequence number")
        sequence[name][i] = (reply["ShardId"], reply["SequenceNumber"])
        return reply["ShardId"]
    both("put_record", dict(StreamName="s", PartitionKey=f"k{draw.randrange(12)}", Data=b"d%d" % i, **explicit), take)


iterator = {}


def read(kind, shard, extra=lambda name: {}, closed=False):
    def begin(reply, name):
        iterator[name] = reply["ShardIterator"]

    def page(reply, name):
        iterator[name] = reply.get("NextShardIterator")
        return [(r["PartitionKey"], r["Data"]) for r in reply["Records"]]

    iterator.clear()
    both("get_shard_iterator", lambda name: dict(StreamName="s", ShardId=shard, ShardIteratorType=kind, **extra(name)), begin)
    for _ in range(9):
        if len(iterator) < 2 or not iterator["sim"] or not iterator["peer"]:
            break
        both("get_records", lambda name: dict(ShardIterator=iterator[name], Limit=7), page)
    if len(iterator) == 2 and not closed:
        tap.check(iterator["sim"] and iterator["peer"], "an open shard goes on")
    if closed:
        tap.check(not iterator["sim"], "a closed one ends")


draw = random.Random(4)
both("create_stream", dict(StreamName="s", ShardCount=3))
for _ in range(100):
    if clients["peer"].describe_stream(StreamName="s")["StreamDescription"]["StreamStatus"] == "ACTIVE":
        break
    time.sleep(0.05)
both("list_shards", dict(StreamName="s"), shards)
both("describe_stream", dict(StreamName="s"), shards)
for i in range(60):
    put(i, **({"ExplicitHashKey": str(draw.randrange(2 ** 128))} if i % 7 == 0 else {}))
for n in range(3):
    shard = f"shardId-{n:012}"
    mine = [i for i in range(60) if sequence["sim"][i][0] == shard]
    other = next(i for i in range(60) if sequence["sim"][i][0] != shard)
    read("TRIM_HORIZON", shard)
    read("LATEST", shard)
    read("AT_TIMESTAMP", shard, lambda name: {"Timestamp": time.time() - 30})
    for i in (mine[0], mine[len(mine) // 2], mine[-1], other):
        for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
            read(kind, shard, lambda name: {"StartingSequenceNumber": sequence[name][i][1]})
tap.end("records go to the same shards, and are read from the same positions")


def active():
    """kinesalite reshards a moment later."""
    for _ in range(100):
        if clients["peer"].describe_stream(StreamName="s")["StreamDescription"]["StreamStatus"] == "ACTIVE":
            return
        time.sleep(0.05)


both("split_shard", dict(StreamName="s", ShardToSplit="shardId-000000000001",
                         NewStartingHashKey="170141183460469231731687303715884105728"))
active()
both("list_shards", dict(StreamName="s"), shards)
both("merge_shards", dict(StreamName="s", ShardToMerge="shardId-000000000000", AdjacentShardToMerge="shardId-000000000003"))
active()
both("list_shards", dict(StreamName="s"), shards)
both("list_shards", dict(StreamName="s", ExclusiveStartShardId="shardId-000000000002"), shards)
for i in range(60, 90):
    put(i)
for n in range(6):
    read("TRIM_HORIZON", f"shardId-{n:012}", closed=n in (0, 1, 3))
tap.end("shards are cut and joined alike, and read to their end")

ITERATOR = dict(StreamName="s", ShardId="0")
for operation, args in [
        ("describe_stream", dict(StreamName="nope")),
        ("describe_stream_summary", dict(StreamName="nope")),
        ("list_shards", dict(StreamName="nope")),
        ("get_shard_iterator", dict(StreamName="s", ShardId="shardId-000000000099", ShardIteratorType="LATEST")),
        ("get_shard_iterator", dict(StreamName="s", ShardId="x", ShardIteratorType="LATEST")),
        ("get_shard_iterator", dict(StreamName="s", ShardId="0", ShardIteratorType="LATEST")),
        ("get_shard_iterator", dict(StreamName="nope", ShardId="0", ShardIteratorType="LATEST")),
        ("get_shard_iterator", dict(StreamName="s", ShardId="0", ShardIteratorType="X")),
        ("get_shard_iterator", dict(StreamName="s", ShardIteratorType="LATEST")),
        ("get_shard_iterator", dict(StreamName="s", ShardId="0", ShardIteratorType="AT_SEQUENCE_NUMBER")),
        ("get_shard_iterator", dict(StreamName="s", ShardId="0", ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="5")),
        ("get_shard_iterator", dict(StreamName="s", ShardId="0", ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="abc")),
        ("get_shard_iterator", dict(StreamName="s", ShardId="0", ShardIteratorType="TRIM_HORIZON", StartingSequenceNumber="5")),
        ("get_shard_iterator", dict(StreamName="s", ShardId="0", ShardIteratorType="AT_TIMESTAMP")),
        ("get_shard_iterator", dict(ITERATOR, ShardIteratorType="AT_TIMESTAMP", Timestamp=time.time() + 1000)),
        ("get_records", dict(ShardIterator="x")),
        ("get_records", dict(ShardIterator="AAAA", Limit=0)),
        ("get_records", dict(ShardIterator="AAAA", Limit=10001)),
        ("get_records", dict()),
        ("put_record", dict(StreamName="s", PartitionKey="", Data=b"")),
        ("put_record", dict(StreamName="s", PartitionKey="x" * 257, Data=b"")),
        ("put_record", dict(StreamName="s", PartitionKey="x", Data=b"", ExplicitHashKey="340282366920938463463374607431768211456")),
        ("put_record", dict(StreamName="nope", PartitionKey="x", Data=b"")),
        ("put_records", dict(StreamName="s", Records=[])),
        ("put_records", dict(StreamName="nope", Records=[dict(PartitionKey="x", Data=b"")])),
        ("create_stream", dict(StreamName="s", ShardCount=1)),
        ("create_stream", dict(StreamName="a b", ShardCount=1)),
        ("create_stream", dict(StreamName="t", ShardCount=0)),
        ("split_shard", dict(StreamName="s", ShardToSplit="shardId-000000000002", NewStartingHashKey="0")),
        ("split_shard", dict(StreamName="s", ShardToSplit="shardId-000000000077", NewStartingHashKey="0")),
        ("split_shard", dict(StreamName="nope", ShardToSplit="0", NewStartingHashKey="0")),
        ("merge_shards", dict(StreamName="s", ShardToMerge="shardId-000000000002", AdjacentShardToMerge="shardId-000000000002")),
        ("delete_stream", dict(StreamName="nope")),
        ("list_shards", dict(StreamName="s", MaxResults=0)),
        ("list_streams", dict(Limit=0)),
        ("list_streams", dict(Limit=10001)),
        ("put_records", dict(StreamName="s", Records=[dict(PartitionKey="x", Data=b"")] * 501))]:
    both(operation, args)
tap.end("what is refused is refused in the same words")
peer.terminate()
peer.wait()
tap.equal(sim.stop(), 0, "stops")
tap.end("connectsim stops cleanly")
tap.done()
