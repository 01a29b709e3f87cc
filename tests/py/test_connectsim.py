"""test_connectsim.py on|off - connectsim as AWS's own SDK and command line see it: every operation that
it has, every answer held against AWS's model, every error, the rules of pairs and traffic distribution
groups. "off" is without throttles. "on" is all of it at AWS's default ones, where the SDK waits and tries
again: calls must have been throttled, and every answer must be that of a run without them."""

import collections
import datetime
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import time

from hub import Tap

try:
    import boto3  # noqa: F401
    from botocore.exceptions import ClientError
    import aws
    from aws import LIMITS, PATIENT
except ImportError:
    print("1..0 # SKIP boto3 is not installed, see requirements.txt")
    sys.exit(0)

EAST, WEST = "us-east-1", "us-west-2"
tap = Tap()
called, errors, answers = set(), {}, []
throttled_calls = collections.Counter()


def settled(value, start):
    """An answer without what no two runs share: times are since connectsim's start, but for those that
    the test gave itself, in whole seconds."""
    if isinstance(value, dict):
        return {k: settled(v, start) for k, v in value.items()
                if k not in ("ResponseMetadata", "ScheduledTimestamp", "MetricInterval")}
    if isinstance(value, list):
        return [settled(v, start) for v in value]
    return round(value.timestamp() - start, 3) if isinstance(value, datetime.datetime) else value


class Sim(aws.ConnectSim):
    """connectsim with or without throttles, whose clock goes on when the test says so."""

    def __init__(self, *options):
        super().__init__("--throttle", LIMITS, "--speed", "0", *options)
        self.start = self.now()

    def now(self):
        return self.control("GET", "/sim/clock")[1]["now_ms"] / 1000

    def stop(self):
        throttled_calls.update(self.throttled())
        return super().stop()


def look(sim, http_response, parsed, model, **_):
    """Every answer is looked at; what succeeded is remembered, and which errors there were."""
    status, body = http_response.status_code, http_response.content
    answers.append([model.name, settled(parsed, sim.start)])
    if status < 300:
        called.add(model.name)
        if model.output_shape is not None:
            for wrong in aws.unknown_members(model.output_shape, json.loads(body), model.name):
                tap.check(False, wrong)
        return
    name = http_response.headers.get("x-amzn-ErrorType", "")
    errors.setdefault(name, set()).add(model.name)
    known = {e.name: e for e in model.error_shapes}
    common = {"AccessDeniedException", "InvalidSignatureException", "UnrecognizedClientException", "SerializationException",
              "TooManyRequestsException", "ThrottlingException", "NotImplementedException", "ServiceUnavailableException",
              "ContactNotFoundException", "ResourceNotFoundException"}
    tap.check(name in known or name in common, f"{model.name}: {name} is not an error of it")
    if name in known:
        tap.equal(status, known[name].metadata["error"]["httpStatusCode"], f"{model.name}: status of {name}")
        for wrong in aws.unknown_members(known[name], json.loads(body), name):
            tap.check(False, f"{model.name}: {wrong}")


def client(sim, region=EAST, **config):
    c = sim.client("connect", region, **config)
    c.meta.events.register("after-call.connect", functools.partial(look, sim))
    return c


def at_once(c, sim, operation, **args):
    """An error that the SDK itself would try again: by a client that does not, unless it is throttled."""
    once = client(sim, c.meta.region_name, retries=1)
    while True:
        try:
            return getattr(once, operation)(**args)
        except ClientError as e:
            if e.response["Error"]["Message"] != "Rate exceeded":
                raise
        answers.pop()
        time.sleep(0.1)


def fails(code, fn, **args):
    """The call raises this error; its message."""
    try:
        fn(**args)
    except ClientError as e:
        tap.equal(e.response["Error"]["Code"], code, f"{getattr(fn, '__name__', fn)} {list(args)}")
        return e.response["Error"].get("Message", "")
    tap.check(False, f"{getattr(fn, '__name__', fn)} {args}: no {code}")
    return ""


def until(sim, holds, what, step_ms=500):
    """Lets connectsim's own clock go on until something holds that must come within a day."""
    for _ in range(86400000 // step_ms):
        got = holds()
        if got:
            return got
        sim.control("PUT", "/sim/clock", {"skip_ms": step_ms})
    raise SystemExit("it did not come: " + what)


def sim_skip(sim, ms):
    tap.equal(sim.control("PUT", "/sim/clock", {"skip_ms": ms})[0], 200, "the clock goes on")


def pages(fn, member, **args):
    """All of a list, by as many calls as it takes."""
    found, token = [], None
    while True:
        r = fn(**args, **({"NextToken": token} if token else {}))
        found += r[member]
        token = r.get("NextToken")
        if not token:
            return found


CONTENT = json.dumps({"Version": "2019-10-30", "StartAction": "a", "Metadata": {}, "Actions": [
    {"Identifier": "a", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}]})


class World:
    """Clients of both regions, and what a test needs to name things."""

    def __init__(self, sim, **config):
        self.sim = sim
        self.east, self.west = client(sim, EAST, **config), client(sim, WEST, **config)
        self.id = self.east.list_instances()["InstanceSummaryList"][0]["Id"]
        self.i = {"InstanceId": self.id}
        self.queues = {q["Name"]: q for q in pages(self.east.list_queues, "QueueSummaryList", **self.i)}
        self.users = {u["Username"]: u for u in pages(self.east.list_users, "UserSummaryList", **self.i)}
        self.profiles = {p["Name"]: p for p in pages(self.east.list_routing_profiles, "RoutingProfileSummaryList", **self.i)}
        self.flows = {f["Name"]: f for f in pages(self.east.list_contact_flows, "ContactFlowSummaryList", **self.i)}
        self.statuses = {s["Name"]: s for s in pages(self.east.list_agent_statuses, "AgentStatusSummaryList", **self.i)}

    def chat(self, region=None, **more):
        return (region or self.east).start_chat_contact(ContactFlowId=self.flows["Enter chat"]["Id"], ParticipantDetails={
            "DisplayName": "Customer"}, **self.i, **more)["ContactId"]

    def contact(self, contact, region=None):
        return (region or self.east).describe_contact(ContactId=contact, **self.i)["Contact"]


# ---- instances ----

def instances(w):
    i = w.east.describe_instance(**w.i)
    tap.equal(i["Instance"]["Arn"], f"arn:aws:connect:{EAST}:123456789012:instance/{w.id}", "the ARN")
    tap.equal({s["Region"] for s in i["ReplicationConfiguration"]["ReplicationStatusSummaryList"]}, {EAST, WEST}, "regions")
    tap.equal(i["ReplicationConfiguration"]["GlobalSignInEndpoint"],
              f"https://{w.id}.{EAST}.sign-in.connect.aws/saml", "the global endpoint")
    tap.equal(w.west.describe_instance(**w.i)["Instance"]["Id"], w.id, "both have one id")
    tap.equal(w.west.describe_instance(InstanceId=i["Instance"]["Arn"])["Instance"]["Id"], w.id, "the source's ARN there")
    fails("ResourceNotFoundException", w.east.describe_instance, InstanceId="11111111-2222-4333-8444-555555555555")
    fails("ResourceConflictException", w.east.replicate_instance, ReplicaRegion=WEST, ReplicaAlias="again", **w.i)
    tap.end("instances of a pair share their id")

    names = pages(w.east.list_instance_attributes, "Attributes", MaxResults=3, **w.i)
    tap.check(len(names) >= 7 and len({a["AttributeType"] for a in names}) == len(names), "attributes come once")
    w.east.update_instance_attribute(AttributeType="OUTBOUND_CALLS", Value="false", **w.i)
    tap.equal(w.east.describe_instance_attribute(AttributeType="OUTBOUND_CALLS", **w.i)["Attribute"]["Value"], "false", "set")
    tap.equal(w.west.describe_instance_attribute(AttributeType="OUTBOUND_CALLS", **w.i)["Attribute"]["Value"], "true",
              "attributes are not mirrored")
    fails("OutboundContactNotPermittedException", w.east.start_outbound_voice_contact, DestinationPhoneNumber="+12125550100",
          ContactFlowId=w.flows["Enter support"]["Id"], QueueId=w.queues["support"]["Id"], **w.i)
    w.east.update_instance_attribute(AttributeType="OUTBOUND_CALLS", Value="true", **w.i)
    fails("InvalidParameterException", w.east.update_instance_attribute, AttributeType="OUTBOUND_CALLS", Value="maybe", **w.i)
    tap.end("attributes of an instance")

    stream = {"StorageType": "KINESIS_STREAM",
              "KinesisStreamConfig": {"StreamArn": f"arn:aws:kinesis:{EAST}:123456789012:stream/agents"}}
    at = dict(ResourceType="CHAT_TRANSCRIPTS", **w.i)
    s3 = {"StorageType": "S3", "S3Config": {"BucketName": "bucket", "BucketPrefix": "chats"}}
    a = w.east.associate_instance_storage_config(StorageConfig=s3, **at)["AssociationId"]
    fails("ResourceConflictException", w.east.associate_instance_storage_config, StorageConfig=s3, **at)
    fails("InvalidParameterException", w.east.associate_instance_storage_config, StorageConfig=stream, **at)
    fails("InvalidParameterException", w.east.associate_instance_storage_config,
          StorageConfig={"StorageType": "S3", **{k: v for k, v in stream.items() if k != "StorageType"}}, **at)
    tap.equal(w.east.list_instance_storage_configs(**at)["StorageConfigs"][0]["S3Config"]["BucketName"], "bucket", "listed")
    tap.equal(w.west.list_instance_storage_configs(**at)["StorageConfigs"], [], "storage is not mirrored")
    s3["S3Config"]["BucketName"] = "other"
    w.east.update_instance_storage_config(AssociationId=a, StorageConfig=s3, **at)
    tap.equal(w.east.describe_instance_storage_config(AssociationId=a, **at)["StorageConfig"]["S3Config"]["BucketName"],
              "other", "updated")
    w.east.disassociate_instance_storage_config(AssociationId=a, **at)
    fails("ResourceNotFoundException", w.east.describe_instance_storage_config, AssociationId=a, **at)
    tap.end("storage configurations, which are not mirrored")

    arn = f"arn:aws:lambda:{EAST}:123456789012:function:shim"
    w.east.associate_lambda_function(FunctionArn=arn, **w.i)
    fails("ResourceConflictException", w.east.associate_lambda_function, FunctionArn=arn, **w.i)
    fails("InvalidParameterException", w.west.associate_lambda_function, FunctionArn=arn, **w.i)
    tap.equal(w.east.list_lambda_functions(**w.i)["LambdaFunctions"], [arn], "listed")
    tap.equal(w.west.list_lambda_functions(**w.i)["LambdaFunctions"], [], "Lambda functions are not mirrored")
    w.east.disassociate_lambda_function(FunctionArn=arn, **w.i)
    fails("ResourceNotFoundException", w.east.disassociate_lambda_function, FunctionArn=arn, **w.i)
    tap.equal(w.east.get_cross_region_routing(**w.i)["IsolatedRegions"], [], "global routing is on")
    w.east.update_cross_region_routing(IsolatedAll=True, **w.i)
    tap.equal(sorted(w.west.get_cross_region_routing(**w.i)["IsolatedRegions"]), [EAST, WEST], "isolated")
    w.east.update_cross_region_routing(IsolatedAll=False, **w.i)
    tap.end("Lambda functions and cross-region routing")


# ---- traffic distribution groups ----

def shares(east, member="TelephonyConfig"):
    return {member: {"Distributions": [{"Region": EAST, "Percentage": east}, {"Region": WEST, "Percentage": 100 - east}]}}


def groups(w):
    listed = w.east.list_traffic_distribution_groups(InstanceId=w.id)["TrafficDistributionGroupSummaryList"]
    default = [g for g in listed if g["IsDefault"]]
    tap.equal(len(default), 1, "default groups")
    default = default[0]
    fails("ResourceNotFoundException", w.west.describe_traffic_distribution_group, TrafficDistributionGroupId=default["Id"])
    tap.equal(w.west.describe_traffic_distribution_group(TrafficDistributionGroupId=default["Arn"])
              ["TrafficDistributionGroup"]["Arn"], default["Arn"], "the replica needs the ARN, and it is the source's")
    fails("InvalidRequestException", w.east.delete_traffic_distribution_group, TrafficDistributionGroupId=default["Id"])
    made = w.east.create_traffic_distribution_group(Name="group", Description="one", ClientToken="t1", Tags={"a": "b"}, **w.i)
    again = w.east.create_traffic_distribution_group(Name="group", Description="one", ClientToken="t1", Tags={"a": "b"}, **w.i)
    tap.equal(again["Id"], made["Id"], "a token makes one group")
    fails("InvalidRequestException", w.east.create_traffic_distribution_group, Name="other", ClientToken="t1", **w.i)
    fails("ResourceConflictException", w.east.create_traffic_distribution_group, Name="group", **w.i)
    fails("InvalidRequestException", w.west.create_traffic_distribution_group, Name="west", **w.i)
    g = dict(Id=made["Id"])

    def state():
        return w.east.describe_traffic_distribution_group(TrafficDistributionGroupId=made["Id"])["TrafficDistributionGroup"]

    tap.check(state()["Status"] in ("CREATION_IN_PROGRESS", "ACTIVE"), "it is being made")
    until(w.sim, lambda: state()["Status"] == "ACTIVE", "an active group")
    tap.equal(state()["Tags"], {"a": "b"}, "its tags")
    tap.end("groups are made in the source region, once for a token")

    update = w.east.update_traffic_distribution
    for wrong in (shares(55), {"TelephonyConfig": {"Distributions": [{"Region": EAST, "Percentage": 100}]}},
                  {"TelephonyConfig": {"Distributions": [{"Region": EAST, "Percentage": 50},
                                                         {"Region": EAST, "Percentage": 50}]}},
                  {"TelephonyConfig": {"Distributions": [{"Region": EAST, "Percentage": 50},
                                                         {"Region": WEST, "Percentage": 40}]}},
                  {"TelephonyConfig": {"Distributions": [{"Region": EAST, "Percentage": 50},
                                                         {"Region": "eu-west-2", "Percentage": 50}]}},
                  shares(50, "AgentConfig"),
                  {**shares(50), "SignInConfig": {"Distributions": [{"Region": EAST, "Enabled": False},
                                                                    {"Region": WEST, "Enabled": True}]}}):
        fails("InvalidRequestException", update, **g, **wrong)
    update(**g, **shares(30), **shares(70, "AgentConfig"))
    fails("ResourceConflictException", update, **g, **shares(40))
    tap.equal(state()["Status"], "UPDATE_IN_PROGRESS", "its status")
    tap.equal(w.east.get_traffic_distribution(**g)["TelephonyConfig"], shares(100)["TelephonyConfig"], "not yet in force")
    until(w.sim, lambda: state()["Status"] == "ACTIVE", "the end of the update")
    got = w.west.get_traffic_distribution(Id=made["Arn"])
    tap.equal(got["TelephonyConfig"], shares(30)["TelephonyConfig"], "calls")
    tap.equal(got["AgentConfig"], shares(70)["TelephonyConfig"], "agents")
    sign_in = {"SignInConfig": {"Distributions": [{"Region": EAST, "Enabled": False}, {"Region": WEST, "Enabled": True}]}}
    w.west.update_traffic_distribution(Id=default["Arn"], **shares(50), **sign_in)
    until(w.sim, lambda: w.east.get_traffic_distribution(Id=default["Id"])["SignInConfig"] == sign_in["SignInConfig"],
              "sign-in as told")
    sign_in["SignInConfig"]["Distributions"][0]["Enabled"] = True
    w.east.update_traffic_distribution(Id=default["Id"], **shares(50), **sign_in)
    tap.end("distributions: multiples of ten, both regions, sum 100, active groups, sign-in in the default one")

    some = list(w.users.values())[:12]
    for u in some:
        w.east.associate_traffic_distribution_group_user(TrafficDistributionGroupId=made["Id"], UserId=u["Id"], **w.i)
    fails("ResourceConflictException", w.east.associate_traffic_distribution_group_user,
          TrafficDistributionGroupId=made["Id"], UserId=some[0]["Id"], **w.i)
    listed = pages(w.east.list_traffic_distribution_group_users, "TrafficDistributionGroupUserSummaryList",
                   TrafficDistributionGroupId=made["Id"], MaxResults=5)
    tap.equal(sorted(u["UserId"] for u in listed), sorted(u["Id"] for u in some), "users by pages")
    w.east.disassociate_traffic_distribution_group_user(TrafficDistributionGroupId=made["Id"], UserId=some[0]["Id"], **w.i)
    fails("ResourceNotFoundException", w.east.disassociate_traffic_distribution_group_user,
          TrafficDistributionGroupId=made["Id"], UserId=some[0]["Id"], **w.i)
    more = [w.east.create_traffic_distribution_group(Name=f"more {n}", **w.i)["Id"] for n in range(3)]
    tap.equal(len(pages(w.east.list_traffic_distribution_groups, "TrafficDistributionGroupSummaryList", MaxResults=2)), 5,
              "groups by pages")
    until(w.sim, lambda: all(g["Status"] == "ACTIVE" for g in
                          w.east.list_traffic_distribution_groups()["TrafficDistributionGroupSummaryList"]), "all active")
    for m in more:
        w.east.delete_traffic_distribution_group(TrafficDistributionGroupId=m)
    until(w.sim, lambda: len(w.east.list_traffic_distribution_groups()["TrafficDistributionGroupSummaryList"]) == 2, "deleted")
    tap.end("users of groups; groups that are deleted")
    return made["Id"], made["Arn"], default


# ---- users ----

def users(w):
    found = pages(w.east.list_users, "UserSummaryList", MaxResults=5, **w.i)
    tap.equal(len({u["Id"] for u in found}), 24, "users by pages of five")
    fails("InvalidParameterException", w.east.list_users, NextToken="made up", **w.i)
    u = w.users["us-east-1-voice-001"]
    at = dict(UserId=u["Id"], **w.i)
    d = w.east.describe_user(**at)["User"]
    tap.equal((d["Username"], d["RoutingProfileId"]), ("us-east-1-voice-001", w.profiles["voice"]["Id"]), "a user")
    tap.equal(w.west.describe_user(**at)["User"]["Arn"], u["Arn"].replace(EAST, WEST), "mirrored, under its region's ARN")
    tap.equal(w.east.describe_user(UserId=u["Arn"], **w.i)["User"]["Id"], u["Id"], "by ARN")
    search = w.east.search_users(SearchCriteria={"OrConditions": [
        {"StringCondition": {"FieldName": "Username", "Value": "us-east-1-v", "ComparisonType": "STARTS_WITH"}},
        {"StringCondition": {"FieldName": "RoutingProfileId", "Value": w.profiles["digital"]["Id"],
                             "ComparisonType": "EXACT"}}]}, **w.i)
    tap.equal((len(search["Users"]), search["ApproximateTotalCount"]), (16, 16), "eight of a prefix, eight of a profile")
    fails("InvalidParameterException", w.east.search_users,
          SearchCriteria={"StringCondition": {"FieldName": "Shoes", "Value": "x"}}, **w.i)
    fails("NotImplementedException", w.east.search_users, SearchCriteria={"ListCondition": {"TargetListType": "PROFICIENCIES"}},
          **w.i)
    tap.end("users, listed, described and searched for")

    w.east.update_user_routing_profile(RoutingProfileId=w.profiles["digital"]["Id"], **at)
    tap.equal(w.east.describe_user(**at)["User"]["RoutingProfileId"], w.profiles["digital"]["Id"], "another profile")
    w.east.update_user_routing_profile(RoutingProfileId=w.profiles["voice"]["Id"], **at)
    fails("ResourceNotFoundException", w.east.update_user_routing_profile, RoutingProfileId=w.id, **at)
    skill = dict(AttributeName="Language", AttributeValue="Welsh")
    w.east.associate_user_proficiencies(UserProficiencies=[{**skill, "Level": 3}], **at)
    fails("InvalidParameterException", w.east.associate_user_proficiencies, UserProficiencies=[{**skill, "Level": 3}], **at)
    w.east.update_user_proficiencies(UserProficiencies=[{**skill, "Level": 5}], **at)
    tap.equal(w.east.list_user_proficiencies(**at)["UserProficiencyList"], [{**skill, "Level": 5.0}], "a proficiency")
    w.east.disassociate_user_proficiencies(UserProficiencies=[skill], **at)
    tap.equal(w.east.list_user_proficiencies(**at)["UserProficiencyList"], [], "none")
    w.east.update_user_identity_info(IdentityInfo={"FirstName": "A", "LastName": "B", "Email": "a@example.com"}, **at)
    tap.equal(w.east.describe_user(**at)["User"]["IdentityInfo"]["Email"], "a@example.com", "identity")
    security = pages(w.east.list_security_profiles, "SecurityProfileSummaryList", **w.i)
    tap.equal(w.east.describe_security_profile(SecurityProfileId=security[0]["Id"], **w.i)["SecurityProfile"]
              ["SecurityProfileName"], security[0]["Name"], "a security profile")
    new = dict(SecurityProfileIds=[security[1]["Id"]], RoutingProfileId=w.profiles["voice"]["Id"], **w.i)
    made = w.east.create_user(Username="newcomer", **new)
    fails("DuplicateResourceException", w.east.create_user, Username="newcomer", **new)
    until(w.sim, lambda: any(x["Id"] == made["UserId"] for x in pages(w.west.list_users, "UserSummaryList", **w.i)),
              "the user in the replica")
    fails("InvalidParameterException", w.east.put_user_status, UserId=made["UserId"],
          AgentStatusId=w.statuses["Available"]["Id"], **w.i)
    w.east.delete_user(UserId=made["UserId"], **w.i)
    fails("ResourceNotFoundException", w.east.describe_user, UserId=made["UserId"], **w.i)
    tap.end("users, made, changed and deleted; a new one is mirrored after a while")

    def status():
        return w.east.get_current_user_data(Filters={"Agents": [u["Id"]]}, **w.i)["UserDataList"][0]["Status"]["StatusName"]

    w.east.put_user_status(AgentStatusId=w.statuses["Lunch"]["Id"], **at)
    tap.equal(status(), "Lunch", "his status")
    w.east.put_user_status(AgentStatusId=w.statuses["Available"]["Id"], **at)
    tap.equal(status(), "Available", "his status")
    fails("InvalidParameterException", w.west.put_user_status, AgentStatusId=w.statuses["Lunch"]["Id"], **at)
    s = w.east.create_agent_status(Name="Training", State="ENABLED", DisplayOrder=9, **w.i)["AgentStatusId"]
    fails("DuplicateResourceException", w.east.create_agent_status, Name="Training", State="ENABLED", **w.i)
    w.east.update_agent_status(AgentStatusId=s, State="DISABLED", Description="off", **w.i)
    tap.equal(w.east.describe_agent_status(AgentStatusId=s, **w.i)["AgentStatus"]["State"], "DISABLED", "disabled")
    fails("InvalidParameterException", w.east.put_user_status, AgentStatusId=s, **at)
    tap.equal({x["Name"] for x in w.east.list_agent_statuses(AgentStatusTypes=["ROUTABLE", "OFFLINE"], **w.i)
               ["AgentStatusSummaryList"]}, {"Available", "Offline"}, "by type")
    tap.end("agent statuses, set where the agent is")


# ---- queues and profiles ----

def queues(w):
    always = {"Hours": 0, "Minutes": 0}
    config = [{"Day": d, "StartTime": always, "EndTime": {"Hours": 23, "Minutes": 59}} for d in ("MONDAY", "TUESDAY")]
    hours = w.east.create_hours_of_operation(Name="Early week", TimeZone="America/New_York", Config=config, Tags={"k": "v"},
                                             **w.i)
    h = dict(HoursOfOperationId=hours["HoursOfOperationId"], **w.i)
    fails("DuplicateResourceException", w.east.create_hours_of_operation, Name="Early week", TimeZone="UTC", Config=config,
          **w.i)
    fails("InvalidParameterException", w.east.create_hours_of_operation, Name="Nowhere", TimeZone="Mars/Olympus",
          Config=config, **w.i)
    w.east.update_hours_of_operation(Name="Late week", Config=config[:1], **h)
    got = w.east.describe_hours_of_operation(**h)["HoursOfOperation"]
    tap.equal((got["Name"], got["Config"], got["TimeZone"]), ("Late week", config[:1], "America/New_York"), "hours")
    tap.check(len(pages(w.east.list_hours_of_operations, "HoursOfOperationSummaryList", MaxResults=1, **w.i)) >= 2, "listed")
    quick = w.east.create_quick_connect(Name="Elsewhere", QuickConnectConfig={
        "QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "+12125550123"}}, **w.i)
    k = dict(QuickConnectId=quick["QuickConnectId"], **w.i)
    fails("InvalidParameterException", w.east.create_quick_connect, Name="Wrong", QuickConnectConfig={
        "QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "12125550123"}}, **w.i)
    fails("InvalidParameterException", w.east.create_quick_connect, Name="Wrong", QuickConnectConfig={
        "QuickConnectType": "QUEUE", "PhoneConfig": {"PhoneNumber": "+12125550123"}}, **w.i)
    to_queue = {"QuickConnectType": "QUEUE", "QueueConfig": {"QueueId": w.queues["back-office"]["Id"],
                                                             "ContactFlowId": w.flows["Enter back-office"]["Id"]}}
    w.east.update_quick_connect_config(QuickConnectConfig=to_queue, **k)
    tap.equal(w.east.describe_quick_connect(**k)["QuickConnect"]["QuickConnectConfig"], to_queue, "a quick connect")
    q = w.east.create_queue(Name="Complaints", HoursOfOperationId=h["HoursOfOperationId"], MaxContacts=5,
                            QuickConnectIds=[k["QuickConnectId"]], **w.i)
    at = dict(QueueId=q["QueueId"], **w.i)
    fails("DuplicateResourceException", w.east.create_queue, Name="Complaints", HoursOfOperationId=h["HoursOfOperationId"],
          **w.i)
    fails("ResourceNotFoundException", w.east.create_queue, Name="Others", HoursOfOperationId=w.id, **w.i)
    tap.equal([x["Name"] for x in w.east.list_queue_quick_connects(**at)["QuickConnectSummaryList"]], ["Elsewhere"], "its")
    w.east.disassociate_queue_quick_connects(QuickConnectIds=[k["QuickConnectId"]], **at)
    tap.equal(w.east.list_queue_quick_connects(**at)["QuickConnectSummaryList"], [], "none")
    w.east.associate_queue_quick_connects(QuickConnectIds=[k["QuickConnectId"]], **at)
    tap.equal(len(w.east.list_quick_connects(QuickConnectTypes=["QUEUE"], **w.i)["QuickConnectSummaryList"]), 1, "by type")
    w.east.update_queue_name(Name="Praise", Description="never", **at)
    w.east.update_queue_max_contacts(MaxContacts=7, **at)
    w.east.update_queue_status(Status="DISABLED", **at)
    other = [x for x in pages(w.east.list_hours_of_operations, "HoursOfOperationSummaryList", **w.i)
             if x["Name"] == "Always open"][0]
    w.east.update_queue_hours_of_operation(HoursOfOperationId=other["Id"], **at)
    caller = {"OutboundCallerIdName": "Acme", "OutboundFlowId": w.flows["Enter support"]["Id"], "OutboundCallerIdNumberId": w.east.
              list_phone_numbers_v2(MaxResults=1)["ListPhoneNumbersSummaryList"][0]["PhoneNumberId"]}
    w.east.update_queue_outbound_caller_config(OutboundCallerConfig=caller, **at)
    tap.equal(w.east.describe_queue(**at)["Queue"]["OutboundCallerConfig"], caller, "what those see whom it calls")
    for wrong in ("OutboundFlowId", "OutboundCallerIdNumberId"):
        fails("ResourceNotFoundException", w.east.update_queue_outbound_caller_config,
              OutboundCallerConfig={**caller, wrong: w.id}, **at)
        fails("ResourceNotFoundException", w.east.create_queue, Name="Wrong", HoursOfOperationId=other["Id"],
              OutboundCallerConfig={wrong: w.id}, **w.i)
    w.east.update_queue_outbound_caller_config(OutboundCallerConfig={}, **at)
    tap.equal(w.east.describe_queue(**at)["Queue"].get("OutboundCallerConfig", {}), {}, "and nothing of it")
    got = w.east.describe_queue(**at)["Queue"]
    tap.equal((got["Name"], got["MaxContacts"], got["Status"], got["HoursOfOperationId"]),
              ("Praise", 7, "DISABLED", other["Id"]), "a queue")
    tap.equal(w.east.search_queues(SearchCriteria={"StringCondition": {"FieldName": "name", "Value": "rais",
                                                                       "ComparisonType": "CONTAINS"}}, **w.i)["Queues"][0]["Name"],
              "Praise", "found by its name")
    tap.equal(len(pages(w.east.list_queues, "QueueSummaryList", MaxResults=2, **w.i)), 5, "queues by pages")
    fails("ResourceNotFoundException", w.east.describe_queue, QueueId=w.id, **w.i)
    w.east.delete_quick_connect(**k)
    fails("ResourceNotFoundException", w.east.describe_quick_connect, **k)
    tap.end("hours, quick connects and queues")

    def config_of(queue, channel, priority):
        return {"QueueReference": {"QueueId": queue, "Channel": channel}, "Priority": priority, "Delay": 4}

    voice = [{"Channel": "VOICE", "Concurrency": 1}]
    p = w.east.create_routing_profile(Name="All", Description="all", DefaultOutboundQueueId=q["QueueId"],
                                      MediaConcurrencies=voice, QueueConfigs=[config_of(q["QueueId"], "VOICE", 1)], **w.i)
    at = dict(RoutingProfileId=p["RoutingProfileId"], **w.i)
    fails("DuplicateResourceException", w.east.create_routing_profile, Name="All", Description="all",
          DefaultOutboundQueueId=q["QueueId"], MediaConcurrencies=voice, **w.i)
    fails("InvalidParameterException", w.east.create_routing_profile, Name="Two calls", Description="no",
          DefaultOutboundQueueId=q["QueueId"], MediaConcurrencies=[{"Channel": "VOICE", "Concurrency": 2}], **w.i)
    fails("InvalidParameterException", w.east.associate_routing_profile_queues,
          QueueConfigs=[config_of(w.queues["chat"]["Id"], "CHAT", 1)], **at)
    w.east.update_routing_profile_concurrency(MediaConcurrencies=voice + [{"Channel": "CHAT", "Concurrency": 4}], **at)
    w.east.associate_routing_profile_queues(QueueConfigs=[config_of(w.queues["chat"]["Id"], "CHAT", 2)], **at)
    w.east.update_routing_profile_queues(QueueConfigs=[config_of(w.queues["chat"]["Id"], "CHAT", 9)], **at)
    fails("InvalidParameterException", w.east.update_routing_profile_queues,
          QueueConfigs=[config_of(w.queues["sales"]["Id"], "VOICE", 9)], **at)
    rows = pages(w.east.list_routing_profile_queues, "RoutingProfileQueueConfigSummaryList", MaxResults=1, **at)
    tap.equal([(r["QueueName"], r["Channel"], r["Priority"], r["Delay"]) for r in rows],
              [("Praise", "VOICE", 1, 4), ("chat", "CHAT", 9, 4)], "its queues")
    w.east.disassociate_routing_profile_queues(QueueReferences=[{"QueueId": q["QueueId"], "Channel": "VOICE"}], **at)
    w.east.update_routing_profile_name(Name="Chats", **at)
    w.east.update_routing_profile_default_outbound_queue(DefaultOutboundQueueId=w.queues["sales"]["Id"], **at)
    got = w.east.describe_routing_profile(**at)["RoutingProfile"]
    tap.equal((got["Name"], got["NumberOfAssociatedQueues"], got["DefaultOutboundQueueId"], got["AssociatedQueueIds"]),
              ("Chats", 1, w.queues["sales"]["Id"], [w.queues["chat"]["Id"]]), "a routing profile")
    tap.end("routing profiles")
    w.east.tag_resource(resourceArn=q["QueueArn"], tags={"team": "x", "y": "z"})
    w.east.untag_resource(resourceArn=q["QueueArn"], tagKeys=["y"])
    tap.equal(w.east.list_tags_for_resource(resourceArn=q["QueueArn"])["tags"], {"team": "x"}, "tags")
    fails("ResourceNotFoundException", w.east.list_tags_for_resource, resourceArn=q["QueueArn"][:-1] + "x")
    tap.end("tags of resources, whose ARNs are in the path")


# ---- flows and numbers ----

def flows(w):
    made = w.east.create_contact_flow(Name="Goodbye", Type="CONTACT_FLOW", Content=CONTENT, **w.i)
    at = dict(ContactFlowId=made["ContactFlowId"], **w.i)
    fails("DuplicateResourceException", w.east.create_contact_flow, Name="Goodbye", Type="CONTACT_FLOW", Content=CONTENT,
          **w.i)
    wrong = json.loads(CONTENT)
    wrong["Actions"][0]["Transitions"] = {"NextAction": "nowhere"}
    try:
        w.east.update_contact_flow_content(Content=json.dumps(wrong), **at)
        tap.check(False, "a flow that leads nowhere is taken")
    except ClientError as e:
        tap.equal(e.response["Error"]["Code"], "InvalidContactFlowException", "its error")
        tap.check("does not exist" in e.response["problems"][0]["message"], "problems tell what is wrong")
    fails("InvalidContactFlowException", w.east.create_contact_flow, Name="No JSON", Type="CONTACT_FLOW", Content="{", **w.i)
    longer = CONTENT.replace('"a"', '"first"')
    w.east.update_contact_flow_content(Content=longer, **at)
    w.east.update_contact_flow_name(Name="Farewell", **at)
    w.east.update_contact_flow_metadata(Description="ends", ContactFlowState="ARCHIVED", **at)
    got = w.east.describe_contact_flow(**at)["ContactFlow"]
    import hashlib
    tap.equal((got["Name"], got["State"], got["FlowContentSha256"]),
              ("Farewell", "ARCHIVED", hashlib.sha256(longer.encode()).hexdigest()), "a flow")
    saved = w.east.create_contact_flow(Name="Draft", Type="CUSTOMER_QUEUE", Content=CONTENT, Status="SAVED", **w.i)
    fails("ContactFlowNotPublishedException", w.east.describe_contact_flow, ContactFlowId=saved["ContactFlowId"], **w.i)
    tap.equal(w.east.describe_contact_flow(ContactFlowId=saved["ContactFlowId"] + ":$SAVED", **w.i)["ContactFlow"]["Status"],
              "SAVED", "by its alias")
    tap.equal([f["Name"] for f in w.east.list_contact_flows(ContactFlowTypes=["CUSTOMER_QUEUE"], **w.i)
               ["ContactFlowSummaryList"]], ["Draft"], "by type")
    w.east.delete_contact_flow(ContactFlowId=saved["ContactFlowId"], **w.i)
    fails("ResourceNotFoundException", w.east.describe_contact_flow, ContactFlowId=saved["ContactFlowId"], **w.i)
    tap.end("flows, and what is wrong with them")


def numbers(w, group_id, group_arn):
    want = dict(PhoneNumberCountryCode="US", PhoneNumberType="DID")
    first = w.east.search_available_phone_numbers(TargetArn=group_arn, MaxResults=3, **want)
    second = w.east.search_available_phone_numbers(TargetArn=group_arn, MaxResults=3, NextToken=first["NextToken"], **want)
    found = [n["PhoneNumber"] for n in first["AvailableNumbersList"] + second["AvailableNumbersList"]]
    tap.equal(len(set(found)), 6, "numbers by pages")
    fails("InvalidParameterException", w.east.claim_phone_number, TargetArn=group_arn, PhoneNumber="+4912345")
    n = w.east.claim_phone_number(TargetArn=group_arn, PhoneNumber=found[0], ClientToken="n1", Tags={"a": "b"})
    again = w.east.claim_phone_number(TargetArn=group_arn, PhoneNumber=found[0], ClientToken="n1", Tags={"a": "b"})
    tap.equal(again["PhoneNumberId"], n["PhoneNumberId"], "a token claims once")
    fails("IdempotencyException", w.east.claim_phone_number, TargetArn=group_arn, PhoneNumber=found[1], ClientToken="n1")
    fails("InvalidParameterException", w.east.claim_phone_number, TargetArn=group_arn, PhoneNumber=found[0])

    def state(c=w.east, i=n["PhoneNumberId"]):
        return c.describe_phone_number(PhoneNumberId=i)["ClaimedPhoneNumberSummary"]

    until(w.sim, lambda: state()["PhoneNumberStatus"]["Status"] == "CLAIMED", "a claimed number")
    fails("ResourceNotFoundException", w.west.describe_phone_number, PhoneNumberId=n["PhoneNumberId"])
    fails("ResourceNotFoundException", w.west.describe_phone_number, PhoneNumberId=n["PhoneNumberArn"])
    sim_skip(w.sim, 2000)
    tap.equal(state(w.west, n["PhoneNumberArn"])["PhoneNumber"], found[0], "there by its ARN, once it is mirrored")
    tap.equal(state()["TargetArn"], group_arn, "it belongs to the group")
    flow = w.flows["Enter support"]["Id"]
    w.east.associate_phone_number_contact_flow(PhoneNumberId=n["PhoneNumberId"], ContactFlowId=flow, **w.i)
    tap.check(n["PhoneNumberArn"] in [a["ResourceId"] for a in pages(
        w.east.list_flow_associations, "FlowAssociationSummaryList", ResourceType="VOICE_PHONE_NUMBER", MaxResults=2, **w.i)],
        "number and flow")
    tap.equal(len(w.east.batch_get_flow_association(ResourceIds=[n["PhoneNumberArn"]], **w.i)["FlowAssociationSummaryList"]),
              1, "one of a batch")
    w.east.disassociate_phone_number_contact_flow(PhoneNumberId=n["PhoneNumberId"], **w.i)
    fails("ResourceInUseException", w.east.delete_traffic_distribution_group, TrafficDistributionGroupId=group_id)
    instance = w.east.describe_instance(**w.i)["Instance"]["Arn"]
    w.east.associate_phone_number_contact_flow(PhoneNumberId=n["PhoneNumberId"], ContactFlowId=flow, **w.i)
    w.east.update_phone_number(PhoneNumberId=n["PhoneNumberId"], TargetArn=instance)
    tap.equal(w.east.batch_get_flow_association(ResourceIds=[n["PhoneNumberArn"]], **w.i)["FlowAssociationSummaryList"], [],
              "a flow does not follow its number")
    tap.equal([x["PhoneNumber"] for x in w.east.list_phone_numbers_v2(TargetArn=instance)["ListPhoneNumbersSummaryList"]],
              [found[0]], "of the instance now")
    tap.equal([x["PhoneNumber"] for x in w.east.list_phone_numbers(**w.i)["PhoneNumberSummaryList"]], [found[0]], "of old")
    tap.check(len(pages(w.east.list_phone_numbers_v2, "ListPhoneNumbersSummaryList", MaxResults=2)) == 5, "all by pages")
    w.east.release_phone_number(PhoneNumberId=n["PhoneNumberId"])
    fails("ResourceNotFoundException", w.east.describe_phone_number, PhoneNumberId=n["PhoneNumberId"])
    tap.end("phone numbers of groups and instances")


# ---- contacts ----

def contacts(w):
    a = w.chat(ClientToken="c1", Attributes={"plan": "gold"})
    tap.equal(w.chat(ClientToken="c1", Attributes={"plan": "gold"}), a, "a token starts one chat")
    started = w.east.start_chat_contact(ContactFlowId=w.flows["Enter chat"]["Id"],
                                        ParticipantDetails={"DisplayName": "x"}, **w.i)
    tap.check(started["ParticipantToken"] and started["ParticipantId"], "what the customer needs to connect")
    fails("ResourceNotFoundException", w.east.start_chat_contact, ContactFlowId=w.id, ParticipantDetails={"DisplayName": "x"},
          **w.i)
    until(w.sim, lambda: "AgentInfo" in w.contact(a), "an agent for the chat")
    k = w.contact(a)
    tap.equal((k["Channel"], k["InitiationMethod"], k["QueueInfo"]["Id"], k["Attributes"]),
              ("CHAT", "API", w.queues["chat"]["Id"], {"plan": "gold"}), "a chat")
    tap.equal((k["GlobalResiliencyMetadata"]["ActiveRegion"], k["GlobalResiliencyMetadata"]["OriginRegion"]), (EAST, EAST),
              "where it is")
    tap.equal(w.contact(a, w.west)["Id"], a, "described in either region")
    user = k["AgentInfo"]["Id"]
    data = w.east.get_current_user_data(Filters={"Agents": [user]}, **w.i)["UserDataList"][0]
    tap.check(a in [x["ContactId"] for x in data["Contacts"]], "it is on the agent's list")
    tap.equal(data["MaxSlotsByChannel"]["CHAT"], 3, "slots of the profile")
    tap.equal(data["AvailableSlotsByChannel"]["CHAT"] + data["ActiveSlotsByChannel"]["CHAT"], 3, "slots add up")
    tap.end("chats, and the agents they go to")

    here, there = dict(ContactId=a, **w.i), w.west
    for call, args in ((there.stop_contact, here), (there.tag_contact, {**here, "Tags": {"a": "b"}}),
                       (there.untag_contact, {**here, "TagKeys": ["a"]}), (there.update_contact, {**here, "Name": "x"}),
                       (there.update_contact_routing_data, {**here, "QueuePriority": 1}),
                       (there.update_contact_attributes, {"InitialContactId": a, "Attributes": {}, **w.i})):
        fails("InvalidActiveRegionException", call, **args)
    w.east.tag_contact(Tags={"a": "b", "c": "d"}, **here)
    w.east.untag_contact(TagKeys=["c"], **here)
    w.east.update_contact(Name="Named", Description="told", References={
        "page": {"Type": "URL", "Value": "https://example.com"}}, **here)
    w.east.update_contact_attributes(InitialContactId=a, Attributes={"seat": "12", "plan": "silver"}, **w.i)
    fails("InvalidParameterException", w.east.update_contact_attributes, InitialContactId=a,
          Attributes={f"k{n}": "x" * 4000 for n in range(9)}, **w.i)
    tap.equal(w.east.get_contact_attributes(InitialContactId=a, **w.i)["Attributes"], {"plan": "silver", "seat": "12"},
              "attributes")
    k = w.contact(a)
    tap.equal((k["Tags"], k["Name"], k["Description"]), ({"a": "b"}, "Named", "told"), "what was changed")
    fails("ResourceConflictException", w.east.update_contact_routing_data, QueuePriority=1, **here)
    w.east.stop_contact(**here)
    tap.equal(w.contact(a)["DisconnectReason"], "API", "why it ended")
    fails("ContactNotFoundException", w.east.stop_contact, **here)
    fails("ContactNotFoundException", w.east.stop_contact, ContactId=w.id, **w.i)
    fails("ResourceNotFoundException", w.east.describe_contact, ContactId=w.id, **w.i)
    tap.end("contacts are changed in their active region only")

    flow = w.flows["Enter back-office"]["Id"]
    later = w.east.start_task_contact(Name="Later", ContactFlowId=flow, ScheduledTime=int(w.sim.start) + 86400 * 3, **w.i)
    k = w.contact(later["ContactId"])
    tap.check("QueueInfo" not in k and "ScheduledTimestamp" in k, "a scheduled task waits nowhere yet")
    fails("InvalidParameterException", w.east.start_task_contact, Name="Never", ContactFlowId=flow, ScheduledTime=1000, **w.i)
    fails("InvalidParameterException", w.east.start_task_contact, Name="Where", **w.i)
    task = w.east.start_task_contact(Name="Refund", ContactFlowId=flow, Description="of a fee", Attributes={"n": "1"}, **w.i)
    to = dict(ContactId=task["ContactId"], ContactFlowId=flow, **w.i)
    fails("InvalidRequestException", w.east.transfer_contact, **to)
    fails("InvalidRequestException", w.east.transfer_contact, QueueId=w.queues["back-office"]["Id"],
          UserId=list(w.users.values())[0]["Id"], **to)
    moved = w.east.transfer_contact(QueueId=w.queues["back-office"]["Id"], ClientToken="m1", **to)
    new = w.contact(moved["ContactId"])
    tap.equal((new["PreviousContactId"], new["InitialContactId"], new["InitiationMethod"], new["Name"]),
              (task["ContactId"], task["ContactId"], "TRANSFER", "Refund"), "a transfer goes on as a new contact")
    tap.equal(w.contact(task["ContactId"])["DisconnectReason"], "TRANSFERRED", "the old one is over")
    tap.equal(w.east.get_contact_attributes(InitialContactId=task["ContactId"], **w.i)["Attributes"], {"n": "1"},
              "attributes go with it")
    agent = w.users["us-east-1-digital-001"]["Id"]
    for _ in range(10):
        moved = w.east.transfer_contact(UserId=agent, **{**to, "ContactId": moved["ContactId"]})
    fails("ServiceQuotaExceededException", w.east.transfer_contact, UserId=agent, **{**to, "ContactId": moved["ContactId"]})
    fails("InvalidRequestException", w.east.transfer_contact, QueueId=w.queues["chat"]["Id"], **{**to, "ContactId": w.chat()})
    tap.end("tasks, now and later, and their transfers")

    call = dict(ContactFlowId=w.flows["Enter support"]["Id"], QueueId=w.queues["support"]["Id"], **w.i)
    c = w.east.start_outbound_voice_contact(DestinationPhoneNumber="+12125550100", **call)["ContactId"]
    k = w.contact(c)
    tap.equal((k["InitiationMethod"], k["CustomerEndpoint"]["Address"]), ("OUTBOUND", "+12125550100"), "an outbound call")
    fails("DestinationNotAllowedException", w.east.start_outbound_voice_contact, DestinationPhoneNumber="+19005550100", **call)
    fails("InvalidParameterException", w.east.start_outbound_voice_contact, DestinationPhoneNumber="2125550100", **call)
    for _ in range(9):
        w.east.start_outbound_voice_contact(DestinationPhoneNumber="+12125550100", **call)
    fails("LimitExceededException", at_once, c=w.east, sim=w.sim, operation="start_outbound_voice_contact",
          DestinationPhoneNumber="+12125550100", **call)
    tap.end("outbound calls, ten at a time by default")

    # Both agents' statuses and waiting contacts: no chat agent is free for what waits now.
    for u in (n for n in w.users if "digital" in n and n.startswith(EAST)):
        w.east.put_user_status(UserId=w.users[u]["Id"], AgentStatusId=w.statuses["Lunch"]["Id"], **w.i)
    waits = [w.chat() for _ in range(3)]
    w.east.update_contact_routing_data(ContactId=waits[2], QueuePriority=1, QueueTimeAdjustmentSeconds=60,
                                       RoutingCriteria={"Steps": [{"Expression": {"AttributeCondition": {
                                           "Name": "Language", "Value": "Welsh", "ProficiencyLevel": 3,
                                           "ComparisonOperator": "NumberGreaterOrEqualTo"}}}]}, **w.i)
    k = w.contact(waits[2])
    tap.equal((k["QueuePriority"], k["QueueTimeAdjustmentSeconds"], k["RoutingCriteria"]["Steps"][0]["Status"]),
              (1, 60, "ACTIVE"), "routing data")
    metrics(w, waits)
    for s in waits:
        w.east.stop_contact(ContactId=s, **w.i)
    for u in (n for n in w.users if "digital" in n and n.startswith(EAST)):
        w.east.put_user_status(UserId=w.users[u]["Id"], AgentStatusId=w.statuses["Available"]["Id"], **w.i)
    search(w, a)


def metrics(w, waits):
    names = [{"Name": n, "Unit": "COUNT"} for n in (
        "AGENTS_ONLINE", "AGENTS_AVAILABLE", "AGENTS_STAFFED", "AGENTS_ON_CONTACT", "AGENTS_AFTER_CONTACT_WORK",
        "AGENTS_NON_PRODUCTIVE", "CONTACTS_IN_QUEUE", "SLOTS_AVAILABLE", "SLOTS_ACTIVE")]
    names += [{"Name": "OLDEST_CONTACT_AGE", "Unit": "SECONDS"}, {"Name": "ESTIMATED_WAIT_TIME", "Unit": "SECONDS"}]

    def ask(**more):
        r = w.east.get_current_metric_data(Filters={"Queues": [w.queues["chat"]["Id"]], "Channels": ["CHAT"]},
                                           CurrentMetrics=names, **w.i, **more)
        return {c["Metric"]["Name"]: c["Value"] for c in r["MetricResults"][0]["Collections"]}, r

    until(w.sim, lambda: ask()[0]["OLDEST_CONTACT_AGE"] > 1000, "a contact that has waited for a second")
    one, _ = ask()
    by, r = ask(Groupings=["QUEUE", "CHANNEL"])
    tap.equal(r["MetricResults"][0]["Dimensions"]["Queue"]["Id"], w.queues["chat"]["Id"], "the queue")
    tap.equal(r["MetricResults"][0]["Dimensions"]["Channel"], "CHAT", "the channel")
    tap.equal(by["CONTACTS_IN_QUEUE"], len(waits), "contacts in the queue")
    tap.equal(by["AGENTS_ONLINE"], 8.0, "agents of both regions: one centre")
    tap.equal(by["AGENTS_NON_PRODUCTIVE"] + by["AGENTS_ON_CONTACT"], 4.0, "at lunch, or so when their contacts are over")
    # Without groupings the oldest age is in milliseconds, though its unit says seconds.
    tap.check(one["OLDEST_CONTACT_AGE"] > 100 * by["OLDEST_CONTACT_AGE"] > 0, f"{one} against {by}")
    fails("InvalidParameterException", w.east.get_current_metric_data, Filters={"Channels": ["CHAT"]}, CurrentMetrics=names,
          **w.i)
    both = w.east.get_current_metric_data(
        Filters={"Queues": [q["Id"] for q in w.queues.values()], "Channels": ["VOICE", "CHAT"]}, MaxResults=3,
        Groupings=["QUEUE", "CHANNEL"], CurrentMetrics=names, **w.i)
    tap.equal((len(both["MetricResults"]), both["ApproximateTotalCount"], "NextToken" in both), (3, 8, True), "a page of eight")
    profile = w.east.get_current_metric_data(Filters={"RoutingProfiles": [w.profiles["digital"]["Id"]]},
                                             Groupings=["ROUTING_PROFILE"], CurrentMetrics=names, **w.i)
    tap.equal(profile["MetricResults"][0]["Dimensions"]["RoutingProfile"]["Id"], w.profiles["digital"]["Id"], "by profile")
    tap.end("current metrics, and the odd unit of the oldest age")

    for f in ({"Queues": [w.queues["chat"]["Id"]]}, {"RoutingProfiles": [w.profiles["digital"]["Id"]]},
              {"RoutingProfiles": [w.profiles["voice"]["Id"]], "ContactFilter": {"ContactStates": ["CONNECTED", "ENDED"]}}):
        got = pages(w.east.get_current_user_data, "UserDataList", Filters=f, MaxResults=3, **w.i)
        tap.equal(len({u["User"]["Id"] for u in got}), len(got), f"{f}: each agent once")
        tap.check(got, f"{f}: some agents")
    fails("InvalidParameterException", w.east.get_current_user_data, Filters={}, **w.i)
    tap.end("current user data by queue, profile and state of contacts")


def search(w, ended):
    now = w.sim.start
    span = dict(TimeRange={"Type": "INITIATION_TIMESTAMP", "StartTime": now - 86400, "EndTime": now + 86400 * 5}, **w.i)
    everything = w.east.search_contacts(MaxResults=100, **span)
    tap.equal(everything["TotalCount"], len(pages(w.east.search_contacts, "Contacts", MaxResults=15, **span)), "all by pages")
    chats = w.east.search_contacts(SearchCriteria={"Channels": ["CHAT"], "ActiveRegions": [EAST]}, **span)
    tap.check(0 < chats["TotalCount"] < everything["TotalCount"], "only chats")
    named = w.east.search_contacts(SearchCriteria={"Name": {"SearchText": ["Refund"], "MatchType": "MATCH_ANY"}}, **span)
    tap.equal(named["TotalCount"], 12, "a task and its eleven transfers")
    starts = [c["InitiationTimestamp"] for c in w.east.search_contacts(
        Sort={"FieldName": "INITIATION_TIMESTAMP", "Order": "ASCENDING"}, **span)["Contacts"]]
    tap.equal(starts, sorted(starts), "sorted")
    fails("NotImplementedException", w.east.search_contacts, SearchCriteria={"ContactAnalysis": {}}, **span)
    fails("InvalidParameterException", w.east.search_contacts,
          TimeRange={"Type": "INITIATION_TIMESTAMP", "StartTime": now, "EndTime": now - 1}, **w.i)
    tap.end("contacts searched for")

    report = w.east.get_metric_data_v2(
        ResourceArn=w.east.describe_instance(**w.i)["Instance"]["Arn"], StartTime=int(now) - 3600, EndTime=int(now) + 86400 * 5,
        Filters=[{"FilterKey": "QUEUE", "FilterValues": [q["Id"] for q in w.queues.values()]}],
        Groupings=["QUEUE", "CHANNEL"], Interval={"IntervalPeriod": "DAY"},
        Metrics=[{"Name": "CONTACTS_CREATED"}, {"Name": "CONTACTS_HANDLED"}, {"Name": "AVG_HANDLE_TIME"},
                 {"Name": "SERVICE_LEVEL", "Threshold": [{"Comparison": "LT", "ThresholdValue": 60}]}])
    tap.check(any(c["Metric"]["Name"] == "CONTACTS_CREATED" and c["Value"] > 0
                  for r in report["MetricResults"] for c in r["Collections"]), "figures")
    fails("NotImplementedException", w.east.get_metric_data_v2,
          ResourceArn=w.east.describe_instance(**w.i)["Instance"]["Arn"], StartTime=int(now) - 3600, EndTime=int(now),
          Filters=[{"FilterKey": "QUEUE", "FilterValues": ["x"]}], Metrics=[{"Name": "AVG_BOT_CONVERSATION_TIME"}])
    tap.end("metrics of what is over")

    fails("ResourceNotFoundException", w.east.dismiss_user_contact, UserId=list(w.users.values())[0]["Id"], ContactId=ended,
          **w.i)

    def in_wrapup():
        for d in w.east.get_current_user_data(Filters={"RoutingProfiles": [w.profiles["voice"]["Id"]], "ContactFilter": {
                "ContactStates": ["ENDED"]}}, **w.i)["UserDataList"]:
            for c in d["Contacts"]:
                if c["AgentContactState"] == "ENDED":
                    return dict(UserId=d["User"]["Id"], ContactId=c["ContactId"])
        return None

    found = until(w.sim, in_wrapup, "a call in wrap-up")
    w.east.dismiss_user_contact(**found, **w.i)
    tap.check("AfterContactWorkEndTimestamp" in w.contact(found["ContactId"])["AgentInfo"], "its wrap-up is over")
    tap.end("a contact dismissed from an agent's desk")


# ---- agents move, calls are shared ----

def moves(sim):
    """With arrivals: calls follow the shares at once, agents once their contacts are cleared."""
    w = World(sim)
    default = [g for g in w.east.list_traffic_distribution_groups()["TrafficDistributionGroupSummaryList"]
               if g["IsDefault"]][0]

    def calls(since, *regions):
        return w.west.search_contacts(
            TimeRange={"Type": "INITIATION_TIMESTAMP", "StartTime": since, "EndTime": since + 86400 * 30},
            SearchCriteria={"Channels": ["VOICE"], "ActiveRegions": regions}, MaxResults=1, **w.i)["TotalCount"]

    def now():
        return sim.control("PUT", "/sim/clock", {"skip_ms": 0})[1]["now_ms"] / 1000

    def busy():
        """How many agents of each region have contacts."""
        return {u["User"]["Id"] for u in pages(
            w.west.get_current_user_data, "UserDataList", Filters={"RoutingProfiles": [p["Id"] for p in w.profiles.values()]},
            **w.i) if u["Contacts"]}

    start = now()
    until(sim, lambda: calls(start, EAST, WEST) >= 200, "200 calls", 60000)
    tap.check(abs(calls(start, EAST) - calls(start, WEST)) <= 20, "half of the calls each, but for those that find ten others")
    east = sorted(u["Id"] for n, u in w.users.items() if n.startswith(EAST))
    until(sim, lambda: busy() & set(east), "an agent in the east with a contact", 1000)
    talking = busy() & set(east)
    w.west.update_traffic_distribution(Id=default["Arn"], **shares(0), **shares(0, "AgentConfig"))
    until(sim, lambda: w.west.get_traffic_distribution(Id=default["Arn"])["TelephonyConfig"] == shares(0)["TelephonyConfig"],
          "the shift in force", 100)

    def active_in(region, user):
        """His status can be set where he is active."""
        try:
            region.put_user_status(UserId=user, AgentStatusId=w.statuses["Available"]["Id"], **w.i)
            return True
        except ClientError as e:
            tap.check("active in" in e.response["Error"]["Message"], f"{e}")
            return False

    still = talking & busy()
    tap.check(still, "somebody talks on")
    for u in east:
        tap.equal(active_in(w.west, u), u not in still, "he has moved exactly when he had no contact")
    since = now()
    until(sim, lambda: calls(since, WEST) >= 50, "50 calls", 60000)
    tap.equal(calls(since, EAST), 0, "calls in the east")
    until(sim, lambda: all(active_in(w.west, u) for u in east), "all agents in the west", 60000)
    tap.end("a shift takes calls at once and agents when they are clear")


# ---- who may, and how often ----

def signatures(sim):
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials

    def send(region=EAST, service="connect", key="test", secret="test", path="/instance", host=None, tamper=None, token=None,
             method="GET", body=None):
        request = botocore.awsrequest.AWSRequest(method, sim.url + path, data=body,
                                                 headers={"Content-Type": "application/json"} if body else {})
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret, token), service, region).add_auth(request)
        headers = dict(request.headers.items())
        if tamper:
            tamper(headers)
        if host:
            headers["Host"] = host
        status, head, _ = sim.request(method, path, body, headers)
        return status, head.get("x-amzn-errortype", "")

    def old(headers):
        headers["X-Amz-Date"] = "20150830T123600Z"

    tap.equal(send(), (200, ""), "right")
    tap.equal(send(secret="wrong"), (403, "InvalidSignatureException"), "another secret")
    tap.equal(send(key="nobody"), (403, "UnrecognizedClientException"), "another key")
    tap.equal(send(region="eu-west-1"), (403, "UnrecognizedClientException"), "a region that is not here")
    tap.equal(send(token="x"), (403, "UnrecognizedClientException"), "a token that the key does not have")
    tap.equal(send(tamper=old), (403, "InvalidSignatureException"), "an old date")
    tap.equal(send(tamper=lambda h: h.pop("X-Amz-Date")), (400, "IncompleteSignatureException"), "no date")
    tap.equal(send(tamper=lambda h: h.update({"Authorization": "AWS4-HMAC-SHA256 x"})),
              (400, "IncompleteSignatureException"), "half an authorization")
    tap.equal(send(tamper=lambda h: h.pop("Authorization")), (403, "MissingAuthenticationTokenException"), "none")
    tap.equal(send(service="s3"), (501, "NotImplementedException"), "another service")
    tap.equal(send(path="/nothing"), (404, "UnknownOperationException"), "no operation")
    tap.equal(send(path="/bots/x"), send(path="/bots/x"), "the same twice")
    tap.equal(send(path="/instance/x/bots?lexVersion=V2"), (501, "NotImplementedException"), "one that AWS has")
    tap.equal(send(method="PUT", path="/contact/chat", body="[1]"), (400, "SerializationException"), "no object")
    tap.equal(send(tamper=lambda h: h.update({"X-Amz-Content-Sha256": "0" * 64})), (403, "InvalidSignatureException"),
              "another body")
    port = sim.host.rsplit(":", 1)[1]
    named = f"connect.{EAST}.localhost:{port}"
    c = sim.client("connect", EAST)
    c.meta.events.register("before-sign.connect", lambda request, **_: request.headers.__setitem__("Host", named))
    tap.check(c.list_instances()["InstanceSummaryList"], "by the host name of its region")
    c = sim.client("connect", WEST)
    c.meta.events.register("before-sign.connect", lambda request, **_: request.headers.__setitem__("Host", named))
    fails("InvalidSignatureException", c.list_instances)
    named = aws.ConnectSim("--name", "sim.example", "--no-arrivals")
    tap.equal(named.request("GET", "/sim/clock", headers={"Host": "sim.example"})[0], 200, "by a name of its own")
    tap.equal(named.request("GET", "/sim/clock", headers={"Host": "evil.example"})[0], 421, "by another one")
    named.stop()
    tap.end("signatures: secret, key, region, service, token, date, body")


KEYS = """connectsim:
  account: "210987654321"
  arrivals: false
  keys:
    - {id: all, secret: s1}
    - {id: reader, secret: s2, allow: ["connect:Describe*", "connect:ListInstances"]}
    - {id: temporary, secret: s3, token: tok, allow: "*"}
    - {id: stranger, secret: s4, account: "111111111111"}
"""
CENTRE = """name: acme
hub: {name: hub, lat: 0, lon: 0}
sites: [{name: us-east-1, lat: 39, lon: -77}, {name: us-west-2, lat: 46, lon: -120},
        {name: eu-west-2, lat: 51, lon: 0}, {name: ap-northeast-1, lat: 35, lon: 139}, {name: ap-northeast-3, lat: 34, lon: 135}]
queues: [{name: q}]
profiles: [{name: p, queues: [q]}]
agents: [{site: us-east-1, profile: p, count: 2, prefix: a}]
"""


def keys(folder):
    path = os.path.join(folder, "keys.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(CENTRE + KEYS)
    sim = Sim("--config", path, "--seed", "5")

    def of(key, secret, token=None, region=EAST):
        c = boto3.Session(key, secret, token, region_name=region).client(
            "connect", endpoint_url=sim.url, config=aws.botocore.config.Config(
                retries={"total_max_attempts": PATIENT, "mode": "standard"}))
        c.meta.events.register("after-call.connect", functools.partial(look, sim))
        return c

    mine = of("all", "s1").list_instances()["InstanceSummaryList"]
    tap.check(mine and ":210987654321:" in mine[0]["Arn"], "the account of the configuration")
    i = {"InstanceId": mine[0]["Id"]}
    reader = of("reader", "s2")
    reader.describe_instance(**i)
    fails("AccessDeniedException", reader.list_users, **i)
    of("temporary", "s3", "tok").list_users(**i)
    fails("UnrecognizedClientException", of("temporary", "s3").list_users, **i)
    tap.equal(of("stranger", "s4").list_instances()["InstanceSummaryList"], [], "another account sees nothing")
    fails("ResourceNotFoundException", of("stranger", "s4").describe_instance, **i)
    tap.end("keys of accounts, and what they may do")

    london = of("all", "s1", region="eu-west-2")
    fails("InvalidRequestException", london.replicate_instance, ReplicaRegion=WEST, ReplicaAlias="x",
          InstanceId=london.list_instances()["InstanceSummaryList"][0]["Id"])
    fails("ServiceQuotaExceededException", london.replicate_instance, ReplicaRegion="eu-central-1", ReplicaAlias="x",
          InstanceId=london.list_instances()["InstanceSummaryList"][0]["Id"])
    alone = london.list_instances()["InstanceSummaryList"][0]["Id"]
    fails("ResourceNotReadyException", london.create_traffic_distribution_group, Name="g", InstanceId=alone)
    tap.equal(london.list_traffic_distribution_groups()["TrafficDistributionGroupSummaryList"], [], "no groups")
    fails("InvalidRequestException", london.update_cross_region_routing, IsolatedAll=True, InstanceId=alone)
    sim.stop()
    sim = Sim("--regions", "ap-northeast-3,ap-northeast-1", "--no-arrivals", "--seed", "6")
    tokyo, osaka = client(sim, "ap-northeast-1"), client(sim, "ap-northeast-3")
    instance = tokyo.list_instances()["InstanceSummaryList"][0]["Id"]
    if instance != osaka.list_instances()["InstanceSummaryList"][0]["Id"]:
        r = tokyo.replicate_instance(InstanceId=instance, ReplicaRegion="ap-northeast-3", ReplicaAlias="osaka",
                                     ClientToken="r1")
        tap.equal(r["Id"], instance, "the same id")
        tap.equal(tokyo.replicate_instance(InstanceId=instance, ReplicaRegion="ap-northeast-3", ReplicaAlias="osaka",
                                           ClientToken="r1")["Arn"], r["Arn"], "once for a token")
        until(sim, lambda: tokyo.describe_instance(InstanceId=instance)["ReplicationConfiguration"][
            "ReplicationStatusSummaryList"][1]["ReplicationStatus"] == "INSTANCE_REPLICATION_COMPLETE", "replicated")
        tap.equal(len(osaka.list_users(InstanceId=instance)["UserSummaryList"]),
                  len(tokyo.list_users(InstanceId=instance)["UserSummaryList"]), "users are mirrored")
        groups_ = tokyo.list_traffic_distribution_groups(InstanceId=instance)["TrafficDistributionGroupSummaryList"]
        tap.equal([g["IsDefault"] for g in groups_], [True], "a default group was made")
    else:
        tap.check(False, "they were a pair from the beginning")
    tap.end("an instance is replicated to its region's partner")
    tap.equal(sim.stop(), 0, "it stops cleanly")


def busy(folder):
    """More contacts than the machine can play at this speed: the clock is late, clients are not."""
    path = os.path.join(folder, "busy.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(CENTRE + "workload: {contacts_per_day: 86400000, flat: true}\n")
    sim = aws.ConnectSim("--config", path, "--speed", "1000", "--throttle", LIMITS)
    for _ in range(3):
        tap.equal(sim.request("GET", "/sim/clock")[0], 200, "it answers")
    tap.equal(sim.stop(), 0, "and stops")
    tap.end("a centre that cannot keep up still answers and stops")


def throttled():
    """What a client meets that does not wait: a burst of five, then two a second."""
    sim = Sim("--regions", f"{EAST},{WEST}", "--no-arrivals", "--seed", "3")
    once = client(sim, retries=1)
    codes = []
    for _ in range(12):
        try:
            once.list_traffic_distribution_groups()
            codes.append("")
        except ClientError as e:
            codes.append(e.response["Error"]["Code"])
            tap.equal(e.response["ResponseMetadata"]["HTTPStatusCode"], 429, "the status")
    tap.equal(codes[:5], [""] * 5, "the burst")
    tap.check("ThrottlingException" in codes, "then it is throttled")
    client(sim, WEST, retries=1).list_traffic_distribution_groups()
    sim_skip(sim, 2500)
    for _ in range(5):
        once.list_traffic_distribution_groups()
    patient = client(sim, retries=12)
    for _ in range(8):
        patient.list_traffic_distribution_groups()
    for _ in range(12):
        try:
            once.list_instances()
        except ClientError as e:
            tap.equal(e.response["Error"]["Code"], "TooManyRequestsException", "the word where the model has none")
    tap.check("TooManyRequestsException" in errors, "instances are throttled, too")
    sim.stop()
    tap.end("throttles for each operation and region, which refill as time passes; the SDK waits and goes on")


# Those of AWS's errors that operations of connectsim have, and those that stand before the service.
RAISED = """AccessDenied ContactFlowNotPublished ContactNotFound DestinationNotAllowed DuplicateResource Idempotency
    InternalService InvalidActiveRegion InvalidContactFlow InvalidParameter InvalidRequest LimitExceeded NotImplemented
    OutboundContactNotPermitted ResourceConflict ResourceInUse ResourceNotFound ResourceNotReady ServiceQuotaExceeded
    UnrecognizedClient""".split() + (["Throttling", "TooManyRequests"] if LIMITS == "on" else [])


def outages(sim):
    """Errors that no request brings about: a fault does. The SDK tries those again that may pass."""
    def fault(**f):
        tap.equal(sim.control("PUT", "/sim/faults", f)[0] // 100, 2, f"{f}")

    c = client(sim)
    fault(fault="api_errors", service="connect", operation="ListInstances", rate=1, error="InternalServiceException")
    fails("InternalServiceException", at_once, c=c, sim=sim, operation="list_instances")
    sim.control("DELETE", "/sim/faults")
    fault(fault="api_errors", service="connect", operation="ListInstances", rate=0.5, error="InternalServiceException")
    patient = client(sim, retries=12)
    tap.check(patient.list_instances()["InstanceSummaryList"], "the SDK tries again")
    sim.control("DELETE", "/sim/faults")
    tap.end("errors of the service itself")


def every_error():
    tap.equal(sorted(n for n in RAISED if n + "Exception" not in errors), [], "errors that were never raised")
    tap.end("every error was raised, with the status that AWS's model gives it")


def coverage(program):
    text = subprocess.run([program, "--coverage"], capture_output=True, text=True, check=True).stdout
    have, lack = text.split("\n\n")[:2]
    names = set(re.findall(r"^  \w+ +(\w+) /", have, re.M))
    model = aws.service_model("connect")
    tap.equal(len(names) + len(re.findall(r"^  \w+ +(\w+) /", lack, re.M)), len(model.operation_names), "all of AWS's")
    tap.equal(sorted(names - called), [], "implemented, and never called with success by this test")
    tap.end("--coverage tells the truth")
    tools = os.path.join(aws.ROOT, "tools", "connect_model.py")
    tap.equal(subprocess.run([sys.executable, tools, "--check"], check=False).returncode, 0, "model.inc")
    tap.end("the model is that of the botocore that is installed")


def command_line(sim):
    """The AWS CLI shifts all calls, agents and sign-in to the west and looks at what came of it."""
    program = os.path.join(os.path.dirname(sys.executable), "aws")
    if not os.path.exists(program):
        tap.end("the AWS CLI shifts a pair", "awscli is not installed")
        return
    env = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL_CONNECT": sim.url,
           "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_PAGER": "",
           "AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": str(PATIENT)}

    def run(region, *args):
        r = subprocess.run([program, "--region", region, "--output", "json", "connect", *args], capture_output=True, text=True,
                           env=env, check=False)
        tap.equal(r.returncode, 0, f"aws connect {args[0]}: {r.stderr.strip()}")
        return json.loads(r.stdout) if r.stdout.strip() else {}

    instance = run(EAST, "list-instances")["InstanceSummaryList"][0]["Id"]
    found = run(EAST, "list-traffic-distribution-groups", "--instance-id", instance)
    arn = [g for g in found["TrafficDistributionGroupSummaryList"] if g["IsDefault"]][0]["Arn"]
    run(WEST, "update-traffic-distribution", "--id", arn, "--telephony-config",
        f"Distributions=[{{Region={EAST},Percentage=0}},{{Region={WEST},Percentage=100}}]", "--agent-config",
        f"Distributions=[{{Region={EAST},Percentage=0}},{{Region={WEST},Percentage=100}}]", "--sign-in-config",
        f"Distributions=[{{Region={EAST},Enabled=false}},{{Region={WEST},Enabled=true}}]")
    until(sim, lambda: run(WEST, "describe-traffic-distribution-group", "--traffic-distribution-group-id", arn)[
        "TrafficDistributionGroup"]["Status"] == "ACTIVE", "the end of the update")
    got = run(WEST, "get-traffic-distribution", "--id", arn)
    tap.equal([d["Percentage"] for d in got["TelephonyConfig"]["Distributions"]], [0, 100], "calls")
    tap.equal([d["Percentage"] for d in got["AgentConfig"]["Distributions"]], [0, 100], "agents")
    tap.equal([d["Enabled"] for d in got["SignInConfig"]["Distributions"]], [False, True], "sign-in")
    queue = run(WEST, "list-queues", "--instance-id", instance)["QueueSummaryList"][0]["Id"]
    run(WEST, "get-current-metric-data", "--instance-id", instance, "--filters", f"Queues={queue},Channels=VOICE",
        "--current-metrics", "Name=AGENTS_ONLINE,Unit=COUNT")
    tap.end("the AWS CLI shifts a pair")


def same_answers(other):
    """Throttles delay calls and do nothing else: every answer is that of the run without."""
    n, of = sum(throttled_calls.values()), len(throttled_calls)
    tap.check(n >= 40, f"only {n} calls were throttled")
    tap.check(of >= 6, f"of {of} operations")
    tap.equal(len(answers), len(other), "as many answers")
    for k, (mine, its) in enumerate(zip(answers, other)):
        if not tap.equal(mine, its, f"answer {k}"):
            break
    print(f"# {n} calls of {of} operations were throttled, {len(answers)} answered")
    tap.end("calls were throttled, and no answer differs from those without throttles")


def suite():
    sim = Sim("--regions", f"{EAST},{WEST}", "--no-arrivals", "--seed", "1")
    w = World(sim)
    instances(w)
    group_id, group_arn, _ = groups(w)
    users(w)
    queues(w)
    flows(w)
    numbers(w, group_id, group_arn)
    contacts(w)
    signatures(sim)
    outages(sim)
    tap.equal(sim.stop(), 0, "it stops cleanly")
    tap.end("it stops when told to")
    sim = Sim("--regions", f"{EAST},{WEST}", "--seed", "2")
    command_line(sim)
    sim.stop()
    sim = Sim("--regions", f"{EAST},{WEST}", "--seed", "4")
    moves(sim)
    sim.stop()
    with tempfile.TemporaryDirectory() as folder:
        keys(folder)
        busy(folder)


def main():
    """The answers go to the file that a second argument names, for who compares."""
    if LIMITS == "off":
        suite()
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "answers")
            with subprocess.Popen([sys.executable, __file__, "off", path], stdout=subprocess.PIPE, text=True) as without:
                suite()
                said = without.communicate()[0]
                tap.equal(without.returncode, 0, f"the run without throttles: {said}")
            with open(path, encoding="utf-8") as f:
                same_answers(json.load(f))
        throttled()
    if sys.argv[2:]:
        with open(sys.argv[2], "w", encoding="utf-8") as f:
            json.dump(answers, f)
    every_error()
    coverage(aws.PROGRAM)
    tap.done()


main()
