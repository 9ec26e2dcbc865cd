"""Resource providers of SNS, SQS, EventBridge and its Scheduler, and of event source mappings."""

# ruff: noqa: ARG001 - every handler of one kind has the same signature

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from usher_local.cloud.cloudformation.provider import Place, Properties, Provider, Resource
from usher_local.cloud.cloudformation.service_calls import Call, call, deleter, without

TOPIC_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId", "TracingConfig")


def create_topic(name: str, properties: Properties, place: Place) -> Resource:
    """Create a topic and its subscriptions."""
    given = {one: properties[one] for one in TOPIC_ATTRIBUTES if one in properties}
    rest = without(properties, *TOPIC_ATTRIBUTES, "Subscription", "TopicName")
    arn = call(place, ("sns", "create_topic"), {**rest, "Name": name, "Attributes": given})["TopicArn"]
    for one in properties.get("Subscription", []):
        call(place, ("sns", "subscribe"), {"TopicArn": arn, **one})
    return Resource(arn, {"TopicArn": arn, "TopicName": name})


def update_topic(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Update a topic's attributes."""
    for name in TOPIC_ATTRIBUTES:
        if old.get(name) != new.get(name):
            given = {"TopicArn": made.physical_resource_id, "AttributeName": name, "AttributeValue": new.get(name, "")}
            call(place, ("sns", "set_topic_attributes"), given)
    return made


def create_subscription(name: str, properties: Properties, place: Place) -> Resource:
    """Create a subscription; moto delivers to queues, functions and HTTP, and only stores mail."""
    main = {one: properties[one] for one in ("TopicArn", "Protocol", "Endpoint")}
    rest = without(properties, *main)
    given = {**main, "Attributes": rest, "ReturnSubscriptionArn": True}
    return Resource(call(place, ("sns", "subscribe"), given)["SubscriptionArn"])


def queue_attributes(properties: Properties) -> dict[str, Any]:
    """The attributes of a queue: all properties but name and tags."""
    return without(properties, "QueueName", "Tags")


def create_queue(name: str, properties: Properties, place: Place) -> Resource:
    """Create a queue. A generated name of a FIFO queue gets the suffix that SQS demands, as CloudFormation does."""
    if str(properties.get("FifoQueue")).lower() == "true" and "QueueName" not in properties:
        name = f"{name}.fifo"
    tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    given = {"QueueName": name, "Attributes": queue_attributes(properties), **({"tags": tags} if tags else {})}
    url = call(place, ("sqs", "create_queue"), given)["QueueUrl"]
    return Resource(url, {"Arn": place.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def update_queue(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Update a queue's attributes."""
    given = {"QueueUrl": made.physical_resource_id, "Attributes": queue_attributes(new)}
    call(place, ("sqs", "set_queue_attributes"), given)
    return made


def policy_of(of: Call, target: str, targets: str, none: str) -> Provider:
    """The provider of a resource policy in an attribute of topics or queues; the value `none` removes it."""

    def put_on(places: list[str], document: Any, place: Place) -> None:
        for one in places:
            named = {"AttributeName": "Policy", "AttributeValue": document} if of[0] == "sns" else {}
            call(place, of, {target: one, **(named or {"Attributes": {"Policy": document}})})

    def create(name: str, properties: Properties, place: Place) -> Resource:
        put_on(properties[targets], properties["PolicyDocument"], place)
        return Resource(name, {"Id": name, "Targets": json.dumps(properties[targets])})

    def update(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
        put_on([one for one in old[targets] if one not in new[targets]], none, place)
        return create(made.physical_resource_id, new, place)

    def delete(made: Resource, place: Place) -> None:
        put_on(json.loads(made.attributes["Targets"]), none, place)

    return Provider(create, delete, update)


# The values of a mapping's properties that the template leaves out
MAPPING: Mapping[str, Any] = MappingProxyType(
    {
        "BatchSize": 10,
        "Enabled": True,
        "FunctionResponseTypes": [],
        "MaximumBatchingWindowInSeconds": 0,
        "ScalingConfig": {},
    }
)


def create_mapping(name: str, properties: Properties, place: Place) -> Resource:
    """Create an event source mapping of a queue, which `usher_local.cloud.aws_lambda.triggers` serves."""
    tags = {"Tags": {tag["Key"]: tag["Value"] for tag in properties["Tags"]}} if "Tags" in properties else {}
    uuid = call(place, ("lambda", "create_event_source_mapping"), {**MAPPING, **properties, **tags})["UUID"]
    return Resource(uuid, {"Id": uuid, "EventSourceMappingArn": place.arn("lambda", f"event-source-mapping:{uuid}")})


def update_mapping(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Update all properties whose change does not replace the mapping."""
    given = {**MAPPING, **without(new, "EventSourceArn", "Tags"), "UUID": made.physical_resource_id}
    call(place, ("lambda", "update_event_source_mapping"), given)
    return made


def put_rule(name: str, properties: Properties, place: Place) -> Resource:
    """Put a rule and its targets."""
    bus = {one: properties[one] for one in ("EventBusName",) if one in properties}
    arn = call(place, ("events", "put_rule"), {**without(properties, "Targets"), "Name": name})["RuleArn"]
    if properties.get("Targets"):
        refused = call(place, ("events", "put_targets"), {**bus, "Rule": name, "Targets": properties["Targets"]})
        if refused.get("FailedEntries"):
            raise ValueError(refused["FailedEntries"][0]["ErrorMessage"])
    return Resource(name, {"Arn": arn})


def update_rule(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Update a rule, and remove targets that are no longer named."""
    kept = {one["Id"] for one in new.get("Targets", [])}
    gone = [one["Id"] for one in old.get("Targets", []) if one["Id"] not in kept]
    if gone:
        place.client("events").remove_targets(Rule=made.physical_resource_id, Ids=gone)
    return put_rule(made.physical_resource_id, new, place)


def delete_rule(made: Resource, place: Place) -> None:
    """Delete a rule; its targets must be removed first."""
    events, name = place.client("events"), made.physical_resource_id
    if ids := [one["Id"] for one in events.list_targets_by_rule(Rule=name)["Targets"]]:
        events.remove_targets(Rule=name, Ids=ids)
    events.delete_rule(Name=name)


def create_schedule(name: str, properties: Properties, place: Place) -> Resource:
    """Create a schedule; its name is unique in its group."""
    arn = call(place, ("scheduler", "create_schedule"), {**properties, "Name": name})["ScheduleArn"]
    return Resource(name, {"Arn": arn})


def update_schedule(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Update a schedule; a move to another group needs a new schedule."""
    if old.get("GroupName") != new.get("GroupName"):
        moved = create_schedule(made.physical_resource_id, new, place)
        delete_schedule(made, place)
        return moved
    call(place, ("scheduler", "update_schedule"), {**new, "Name": made.physical_resource_id})
    return made


def delete_schedule(made: Resource, place: Place) -> None:
    """Delete a schedule, whose ARN ends in group and name."""
    group, name = made.attributes["Arn"].split("/")[-2:]
    place.client("scheduler").delete_schedule(Name=name, GroupName=group)


def create_schedule_group(name: str, properties: Properties, place: Place) -> Resource:
    """Create a group of schedules."""
    arn = call(place, ("scheduler", "create_schedule_group"), {**properties, "Name": name})["ScheduleGroupArn"]
    return Resource(name, {"Arn": arn})


def delete_schedule_group(made: Resource, place: Place) -> None:
    """Delete a group with its schedules, as EventBridge does."""
    scheduler, name = place.client("scheduler"), made.physical_resource_id
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName=name)
    for schedule in [one for page in pages for one in page["Schedules"]]:
        scheduler.delete_schedule(Name=schedule["Name"], GroupName=name)
    scheduler.delete_schedule_group(Name=name)


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "AWS::Events::Rule": Provider(put_rule, delete_rule, update_rule, "Name"),
        "AWS::Lambda::EventSourceMapping": Provider(
            create_mapping, deleter(("lambda", "delete_event_source_mapping"), "UUID"), update_mapping
        ),
        "AWS::SNS::Subscription": Provider(create_subscription, deleter(("sns", "unsubscribe"), "SubscriptionArn")),
        "AWS::SNS::Topic": Provider(
            create_topic, deleter(("sns", "delete_topic"), "TopicArn"), update_topic, "TopicName"
        ),
        "AWS::SNS::TopicPolicy": policy_of(("sns", "set_topic_attributes"), "TopicArn", "Topics", "{}"),
        "AWS::SQS::Queue": Provider(
            create_queue, deleter(("sqs", "delete_queue"), "QueueUrl"), update_queue, "QueueName"
        ),
        "AWS::SQS::QueuePolicy": policy_of(("sqs", "set_queue_attributes"), "QueueUrl", "Queues", ""),
        "AWS::Scheduler::Schedule": Provider(create_schedule, delete_schedule, update_schedule),
        "AWS::Scheduler::ScheduleGroup": Provider(create_schedule_group, delete_schedule_group, None, "Name"),
    }
)
