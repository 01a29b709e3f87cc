"""`tandem mirror` between two instances of connectsim that are no pair: what is missing is planned and
made, with ids of the other instance; what differs is told field by field and changed; what cannot be
copied is said. What is there in the end is read by boto3, in both."""

import json
import os
import subprocess
import sys
import tempfile

from hub import TANDEM, Tap

try:
    import aws
except ImportError:
    print("1..0 # SKIP boto3 is not installed, see requirements.txt")
    sys.exit(0)

tap = Tap()
EAST, LONDON = "us-east-1", "eu-west-2"
sim = aws.ConnectSim("--regions", f"{EAST},{LONDON}", "--seed", 3, "--no-arrivals", "--throttle", "off")
connect = {r: sim.client("connect", r) for r in (EAST, LONDON)}
instance = {r: c.list_instances()["InstanceSummaryList"][0]["Id"] for r, c in connect.items()}
config = tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8")
config.write(f"""hub: {{name: hub, lat: 39, lon: -77}}
sites: [{{name: {EAST}, lat: 38.9, lon: -77.5}}, {{name: {LONDON}, lat: 51.5, lon: 0}}]
queues: [{{name: support}}]
profiles: [{{name: voice, queues: [support]}}]
agents: [{{site: {EAST}, count: 1, profile: voice}}]
amazon:
  endpoint: {sim.url}
  instances: [{{site: {EAST}, instance: {instance[EAST]}}}, {{site: {LONDON}, instance: {instance[LONDON]}}}]
""")
config.flush()


ENV = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
details = []


def command(what):
    return [TANDEM, "mirror", what, "--config", config.name, "--from", EAST, "--to", LONDON]


def mirror(what, code):
    """What is said of each resource; of its fields, in `details`."""
    done = subprocess.run(command(what), capture_output=True, text=True, timeout=120, env=ENV, check=False)
    tap.equal(done.returncode, code, f"exit code of {what}: {done.stdout}{done.stderr}")
    lines = done.stdout.splitlines()
    details[:] = [line.strip() for line in lines if line.startswith(" ")]
    return [tuple(line[len(LONDON):].split(None)) for line in lines if not line.startswith(" ")]


def named(value, names):
    """With names for ids and ARNs."""
    text = json.dumps(value, sort_keys=True)
    for name, summary in names:
        text = text.replace(summary["Arn"], name).replace(summary["Id"], name)
    return json.loads(text)


def truth(region):
    """Everything that is mirrored, as boto3 reads it there."""
    k, i = connect[region], {"InstanceId": instance[region]}
    lists = {"hours": k.list_hours_of_operations(**i)["HoursOfOperationSummaryList"],
             "queue": k.list_queues(**i, QueueTypes=["STANDARD"])["QueueSummaryList"],
             "flow": k.list_contact_flows(**i)["ContactFlowSummaryList"],
             "profile": k.list_routing_profiles(**i)["RoutingProfileSummaryList"]}
    names = [(f"{kind} {x['Name']}", x) for kind, summaries in lists.items() for x in summaries]
    found = {}
    for name, x in names:
        kind = name.split()[0]
        if kind == "hours":
            d = k.describe_hours_of_operation(**i, HoursOfOperationId=x["Id"])["HoursOfOperation"]
            keep = ("Name", "Description", "TimeZone", "Config")
        elif kind == "queue":
            d = k.describe_queue(**i, QueueId=x["Id"])["Queue"]
            d["OutboundCallerConfig"] = {m: v for m, v in d.get("OutboundCallerConfig", {}).items() if m != "OutboundCallerIdNumberId"}
            keep = ("Name", "Description", "HoursOfOperationId", "MaxContacts", "Status", "OutboundCallerConfig")
        elif kind == "flow":
            d = k.describe_contact_flow(**i, ContactFlowId=x["Id"])["ContactFlow"]
            d["Content"] = {**json.loads(d["Content"]), "Metadata": None}
            keep = ("Name", "Type", "Content")
        else:
            d = k.describe_routing_profile(**i, RoutingProfileId=x["Id"])["RoutingProfile"]
            d["Queues"] = sorted(([r["QueueId"], r["Channel"], r["Priority"], r["Delay"]] for r in k.list_routing_profile_queues(
                **i, RoutingProfileId=x["Id"])["RoutingProfileQueueConfigSummaryList"]),
                key=lambda r: (dict((s["Id"], n) for n, s in names)[r[0]], r[1]))
            keep = ("Name", "Description", "DefaultOutboundQueueId", "MediaConcurrencies", "Queues")
        found[name] = named({m: d[m] for m in keep if m in d}, names)
    return found


def the_same(what, only_there=("queue Local",), not_copied=("flow Foreign",)):
    east, london = truth(EAST), truth(LONDON)
    tap.equal({n for n in london if n not in east}, set(only_there), f"only there, {what}")
    tap.equal({n for n in east if n not in london}, set(not_copied), f"not copied, {what}")
    for n in set(east) & set(london):
        tap.equal(london[n], east[n], f"{n}, {what}")


tap.equal(mirror("plan", 0), [("has", "all", "of", "it")], "two instances of one configuration")
tap.end("nothing to do")

e = connect[EAST]
ids = {"InstanceId": instance[EAST]}
day = {"Day": "MONDAY", "StartTime": {"Hours": 8, "Minutes": 0}, "EndTime": {"Hours": 18, "Minutes": 30}}
hours = e.create_hours_of_operation(**ids, Name="Office", TimeZone="America/New_York", Config=[day])
queue = e.create_queue(**ids, Name="Billing", Description="Bills", HoursOfOperationId=hours["HoursOfOperationId"], MaxContacts=7)
e.create_routing_profile(
    **ids, Name="Accounts", Description="Accounts", DefaultOutboundQueueId=queue["QueueId"],
    MediaConcurrencies=[{"Channel": "VOICE", "Concurrency": 1}],
    QueueConfigs=[{"QueueReference": {"QueueId": queue["QueueId"], "Channel": "VOICE"}, "Priority": 2, "Delay": 9}])


def content(target, **more):
    actions = [{"Identifier": "set", "Type": "UpdateContactTargetQueue", "Parameters": {"QueueId": target},
                "Transitions": {"NextAction": "to", "Errors": [{"NextAction": "end", "ErrorType": "NoMatchingError"}]}},
               {"Identifier": "to", "Type": "TransferContactToQueue", "Parameters": {},
                "Transitions": {"NextAction": "end", "Errors": [{"NextAction": "end", "ErrorType": "QueueAtCapacity"},
                                                                {"NextAction": "end", "ErrorType": "NoMatchingError"}]}},
               {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}]
    return json.dumps({"Version": "2019-10-30", "StartAction": "set", "Actions": actions, **more})


second = e.create_contact_flow(**ids, Name="A second", Type="CONTACT_FLOW", Content=content(queue["QueueArn"]))
e.create_contact_flow(**ids, Name="Bills", Type="CONTACT_FLOW", Content=json.dumps({
    "Version": "2019-10-30", "StartAction": "go", "Actions": [
        {"Identifier": "go", "Type": "TransferToFlow", "Parameters": {"ContactFlowId": second["ContactFlowArn"]},
         "Transitions": {"NextAction": "end", "Errors": [{"NextAction": "end", "ErrorType": "NoMatchingError"}]}},
        {"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}]}))
e.create_contact_flow(**ids, Name="Foreign", Type="CONTACT_FLOW", Content=content(
    f"arn:aws:connect:{EAST}:123456789012:instance/{instance[EAST]}/queue/agent/00000000-1111-2222-3333-444444444444"))
connect[LONDON].create_queue(InstanceId=instance[LONDON], Name="Local", HoursOfOperationId=connect[LONDON].
                             list_hours_of_operations(InstanceId=instance[LONDON])["HoursOfOperationSummaryList"][0]["Id"])
planned = mirror("plan", 1)
want = [("create", "hours", "Office"), ("create", "queue", "Billing"), ("only", "there", "queue", "Local"),
        ("create", "flow", "A", "second"), ("create", "flow", "Bills"), ("create", "profile", "Accounts")]
foreign = [p for p in planned if "Foreign:" in p]
tap.equal(sorted(p for p in planned if p not in foreign), sorted(want), "the plan")
tap.equal(len(foreign), 1, "what cannot be copied")
tap.check("cannot be copied" in " ".join(foreign[0]) and "/queue/agent/" in foreign[0][-1], f"and why: {foreign}")
tap.check([k[1] for k in planned if k[0] == "create"] == ["hours", "queue", "flow", "flow", "profile"], "in an order that works")
tap.check(not any(q["Name"] == "Billing" for q in connect[LONDON].list_queues(InstanceId=instance[LONDON], QueueTypes=["STANDARD"])
                  ["QueueSummaryList"]), "a plan does nothing")
tap.end("a plan")

mirror("apply", 0)
c, there = connect[LONDON], {"InstanceId": instance[LONDON]}
queues = {q["Name"]: q for q in c.list_queues(**there, QueueTypes=["STANDARD"])["QueueSummaryList"]}
made = c.describe_queue(**there, QueueId=queues["Billing"]["Id"])["Queue"]
office = c.describe_hours_of_operation(**there, HoursOfOperationId=made["HoursOfOperationId"])["HoursOfOperation"]
tap.equal((office["Name"], office["TimeZone"], made["MaxContacts"], made["Description"]), ("Office", "America/New_York", 7, "Bills"),
          "queue and hours")
flows = {f["Name"]: f for f in c.list_contact_flows(**there)["ContactFlowSummaryList"]}
text = c.describe_contact_flow(**there, ContactFlowId=flows["A second"]["Id"])["ContactFlow"]["Content"]
tap.check(queues["Billing"]["Arn"] in text and instance[EAST] not in text and EAST not in text, "the flow names this instance's queue")
text = c.describe_contact_flow(**there, ContactFlowId=flows["Bills"]["Id"])["ContactFlow"]["Content"]
tap.check(flows["A second"]["Arn"] in text, "and this instance's flow")
tap.check("Foreign" not in flows, "what cannot be copied is not")
profile = next(p for p in c.list_routing_profiles(**there)["RoutingProfileSummaryList"] if p["Name"] == "Accounts")
q = c.list_routing_profile_queues(**there, RoutingProfileId=profile["Id"])["RoutingProfileQueueConfigSummaryList"]
tap.equal([(x["QueueId"], x["Priority"], x["Delay"]) for x in q], [(queues["Billing"]["Id"], 2, 9)], "the profile's queues")
tap.equal([p[:2] for p in mirror("plan", 1)], [("only", "there"), ("cannot", "be")], "nothing else is left")
tap.end("applied")

e.update_contact_flow_content(**ids, ContactFlowId=second["ContactFlowId"],
                              Content=content(queue["QueueArn"], Metadata={"entryPointPosition": {"x": 1, "y": 2}}))
tap.equal([p[:2] for p in mirror("plan", 1)], [("only", "there"), ("cannot", "be")], "looks are no difference")
day["EndTime"]["Hours"] = 20
e.update_hours_of_operation(**ids, HoursOfOperationId=hours["HoursOfOperationId"], Name="Office", TimeZone="America/New_York",
                            Config=[day])
e.update_queue_max_contacts(**ids, QueueId=queue["QueueId"], MaxContacts=8)
support = next(q for q in e.list_queues(**ids, QueueTypes=["STANDARD"])["QueueSummaryList"] if q["Name"] == "support")
e.update_contact_flow_content(**ids, ContactFlowId=second["ContactFlowId"], Content=content(support["Arn"]))
other = e.list_phone_numbers_v2(TargetArn=e.describe_instance(**ids)["Instance"]["Arn"])["ListPhoneNumbersSummaryList"][0]
e.update_queue_outbound_caller_config(**ids, QueueId=queue["QueueId"], OutboundCallerConfig={
    "OutboundCallerIdName": "Acme", "OutboundCallerIdNumberId": other["PhoneNumberId"], "OutboundFlowId": second["ContactFlowId"]})
e.update_queue_name(**ids, QueueId=queue["QueueId"], Name="Billing", Description="All bills")
e.update_queue_status(**ids, QueueId=queue["QueueId"], Status="DISABLED")
own = connect[LONDON].list_phone_numbers_v2(TargetArn=connect[LONDON].describe_instance(**there)["Instance"]["Arn"])[
    "ListPhoneNumbersSummaryList"][0]["PhoneNumberId"]
c.update_queue_outbound_caller_config(**there, QueueId=queues["Billing"]["Id"], OutboundCallerConfig={
    "OutboundCallerIdName": "Bills", "OutboundCallerIdNumberId": own})
by_name = {q["Name"]: q for q in e.list_queues(**ids, QueueTypes=["STANDARD"])["QueueSummaryList"]}
accounts = next(p["Id"] for p in e.list_routing_profiles(**ids)["RoutingProfileSummaryList"] if p["Name"] == "Accounts")
at = dict(RoutingProfileId=accounts, **ids)


def row(name, channel="VOICE", priority=1, delay=0):
    return {"QueueReference": {"QueueId": by_name[name]["Id"], "Channel": channel}, "Priority": priority, "Delay": delay}


# One queue gone, one changed, some new, voice for chat: the other's profile has to come by all of that.
e.update_routing_profile_concurrency(MediaConcurrencies=[{"Channel": "VOICE", "Concurrency": 1}, {"Channel": "CHAT", "Concurrency": 3}], **at)
e.associate_routing_profile_queues(QueueConfigs=[row("sales"), row("chat", "CHAT", 3, 5), row("support")], **at)
e.disassociate_routing_profile_queues(QueueReferences=[{"QueueId": queue["QueueId"], "Channel": "VOICE"}], **at)
e.update_routing_profile_default_outbound_queue(DefaultOutboundQueueId=by_name["sales"]["Id"], **at)
drift = mirror("plan", 1)
for step in (("update", "hours", "Office"), ("update", "queue", "Billing"), ("update", "flow", "A", "second"),
             ("update", "profile", "Accounts")):
    tap.check(step in drift, f"{step} in {drift}")
tap.equal(sorted(details), sorted([
    "opening MONDAY 08:00-20:30: none -> open", "opening MONDAY 08:00-18:30: open -> none",
    'description: "Bills" -> "All bills"', "max contacts: 7 -> 8", 'status: "ENABLED" -> "DISABLED"',
    'outbound caller name: "Bills" -> "Acme"', 'outbound flow: none -> "A second"',
    "content: 1 actions changed, 0 new, 0 gone",
    'default outbound queue: "Billing" -> "sales"', "concurrency of CHAT: none -> 3",
    'queue "sales" for VOICE: none -> priority 1, delay 0 s', 'queue "support" for VOICE: none -> priority 1, delay 0 s',
    'queue "chat" for CHAT: none -> priority 3, delay 5 s',
    'queue "Billing" for VOICE: priority 2, delay 9 s -> none']), "each field, old and new")
before = truth(LONDON)
tap.equal(truth(LONDON), before, "a plan does nothing")
mirror("apply", 0)
the_same("applied")
tap.equal(c.describe_queue(**there, QueueId=queues["Billing"]["Id"])["Queue"]["OutboundCallerConfig"]["OutboundCallerIdNumberId"], own,
          "the number that calls show is the instance's own")
tap.equal([p[:2] for p in mirror("plan", 1)], [("only", "there"), ("cannot", "be")], "nothing else is left")
tap.end("drift is told field by field, and undone")


def calls():
    """What was called that changes anything there."""
    return {k["operation"]: k["calls"] for k in sim.control("GET", "/sim/state")[1]["calls"]
            if k["region"] == LONDON and not k["operation"].startswith(("connect:List", "connect:Describe"))}


made = calls()
mirror("apply", 0)
tap.equal(calls(), made, "no call changes anything")
tap.end("applied again, it does nothing")

# A profile of more queues than a call takes, and a queue that creation alone cannot make as it is.
odd = e.create_queue(**ids, Name="Odd", HoursOfOperationId=hours["HoursOfOperationId"], OutboundCallerConfig={
    "OutboundFlowId": second["ContactFlowId"]})
e.update_queue_status(**ids, QueueId=odd["QueueId"], Status="DISABLED")
by_name = {q["Name"]: q for q in e.list_queues(**ids, QueueTypes=["STANDARD"])["QueueSummaryList"]}
wide = [row(n, ch, p + 1) for p, n in enumerate(sorted(by_name)) for ch in ("VOICE", "CHAT")]
tap.check(len(wide) > 10, f"{len(wide)} rows")
big = e.create_routing_profile(**ids, Name="Wide", Description="Wide", DefaultOutboundQueueId=queue["QueueId"], QueueConfigs=wide[:10],
                               MediaConcurrencies=[{"Channel": "VOICE", "Concurrency": 1}, {"Channel": "CHAT", "Concurrency": 2}])
e.associate_routing_profile_queues(**ids, RoutingProfileId=big["RoutingProfileId"], QueueConfigs=wide[10:])
sim.control("PUT", "/sim/faults", {"fault": "api_errors", "region": LONDON, "operation": "AssociateRoutingProfileQueues",
                                   "error": "AccessDeniedException"})
said = mirror("apply", 1)
tap.check(any("AccessDenied" in " ".join(k) and "Wide:" in k for k in said), f"what did not work is said: {said}")
sim.control("DELETE", "/sim/faults")
london = truth(LONDON)
tap.equal((len(london["profile Wide"]["Queues"]), len(truth(EAST)["profile Wide"]["Queues"])), (10, len(wide)), "half of it is there")
tap.equal(london["queue Odd"], truth(EAST)["queue Odd"], "the queue is as the other")
tap.check(("update", "profile", "Wide") in mirror("plan", 1), "and the rest is planned")
mirror("apply", 0)
the_same("after a failure in the middle")
tap.end("more queues than a call takes; what failed half-way is made good by the next run")

# Killed in the middle: calls are slow until it is.
for n, name in enumerate(("Billing", "sales", "support")):
    e.update_queue_name(**ids, QueueId=by_name[name]["Id"], Name=name, Description=f"Changed {n}")
    e.update_queue_max_contacts(**ids, QueueId=by_name[name]["Id"], MaxContacts=20 + n)
e.update_routing_profile_queues(**ids, RoutingProfileId=big["RoutingProfileId"], QueueConfigs=[
    {**wide[0], "Priority": 9}])
e.disassociate_routing_profile_queues(**ids, RoutingProfileId=big["RoutingProfileId"],
                                      QueueReferences=[k["QueueReference"] for k in wide[2:6]])
sim.control("PUT", "/sim/faults", {"fault": "api_slow", "region": LONDON, "operation": "Update*", "delay_ms": 500})
made = calls()
with subprocess.Popen(command("apply"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV) as p:
    aws.until(lambda: calls()["connect:UpdateQueueName"] > made["connect:UpdateQueueName"] or p.poll() is not None, "its first change", 120)
    tap.check(p.poll() is None, "it is at work")
    p.kill()
sim.control("DELETE", "/sim/faults")
tap.check(truth(LONDON)["profile Wide"] != truth(EAST)["profile Wide"], "it was killed before its end")
mirror("apply", 0)
the_same("after a run that was killed")
tap.equal([p[:2] for p in mirror("plan", 1)], [("only", "there"), ("cannot", "be")], "nothing else is left")
tap.end("a run that is killed is made good by the next")
sim.stop()
tap.done()
