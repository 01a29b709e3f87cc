"""`tandem mirror` between two instances of connectsim that are no pair: what is missing is planned and
made, with ids of the other instance; what changed is found; what cannot be copied is said."""

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


def mirror(what, code):
    done = subprocess.run([TANDEM, "mirror", what, "--config", config.name, "--from", EAST, "--to", LONDON],
                          capture_output=True, text=True, timeout=120,
                          env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
    tap.equal(done.returncode, code, f"exit code of {what}: {done.stdout}{done.stderr}")
    return [tuple(line[len(LONDON):].split(None)) for line in done.stdout.splitlines()]


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
drift = mirror("plan", 1)
for step in (("update", "hours", "Office"), ("differs", "queue", "Billing"), ("update", "flow", "A", "second")):
    tap.check(step in drift, f"{step} in {drift}")
mirror("apply", 0)
text = c.describe_contact_flow(**there, ContactFlowId=flows["A second"]["Id"])["ContactFlow"]["Content"]
tap.check(queues["support"]["Arn"] in text, "the flow is as the other one")
office = c.describe_hours_of_operation(**there, HoursOfOperationId=made["HoursOfOperationId"])["HoursOfOperation"]
tap.equal(office["Config"][0]["EndTime"]["Hours"], 20, "and the hours")
tap.equal([p[0] for p in mirror("plan", 1)], ["differs", "only", "cannot"], "queues are left to people")
tap.end("drift is found, and undone where it can be")
sim.stop()
tap.done()
