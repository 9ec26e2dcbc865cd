"""CloudFormation: several stacks, updated in place, rolled back and deleted."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from usher_local.clock import Clock
from usher_local.cloud.server import LocalCloud

POLL = {"Delay": 1, "MaxAttempts": 60}
ASSUMED = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}
TABLE = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": "40"}}
BROKEN = {
    "Type": "AWS::SQS::QueuePolicy",
    "DependsOn": "Queue",
    "Properties": {"Queues": ["http://no"], "PolicyDocument": {}},
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(None, 0, 0, Clock.parse("instant")) as cloud:
        yield cloud


@pytest.fixture
def cf(cloud: LocalCloud) -> Iterator[Any]:
    """A client; the stacks of a test are deleted after it."""
    client = cloud.client("cloudformation")
    yield client
    for stack in client.describe_stacks()["Stacks"]:
        client.delete_stack(StackName=stack["StackName"])
        client.get_waiter("stack_delete_complete").wait(StackName=stack["StackId"], WaiterConfig=POLL)


def template(parameters: Mapping[str, Any] = {}, outputs: Mapping[str, Any] = {}, **resources: Any) -> str:
    return json.dumps({"Parameters": parameters, "Resources": resources, "Outputs": outputs})


def create(cf: Any, name: str, body: str, **given: Any) -> dict[str, Any]:
    cf.create_stack(StackName=name, TemplateBody=body, **given)
    cf.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=POLL)
    return stack(cf, name)


def update(cf: Any, name: str, body: str, **given: Any) -> dict[str, Any]:
    cf.update_stack(StackName=name, TemplateBody=body, **given)
    cf.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=POLL)
    return stack(cf, name)


def stack(cf: Any, name: str) -> dict[str, Any]:
    (found,) = cf.describe_stacks(StackName=name)["Stacks"]
    assert isinstance(found, dict)
    return found


def ids(cf: Any, name: str) -> dict[str, str]:
    listed = cf.list_stack_resources(StackName=name)["StackResourceSummaries"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}


def settled(cf: Any, name: str) -> dict[str, Any]:
    """A stack after the end of its operation, successful or not."""
    for _ in range(600):
        found = stack(cf, name)
        if not found["StackStatus"].endswith("IN_PROGRESS"):
            return found
        time.sleep(0.1)
    raise TimeoutError(found["StackStatus"])


def events(cf: Any, name: str) -> list[tuple[str, str]]:
    found = cf.describe_stack_events(StackName=name)["StackEvents"]
    return [(one["LogicalResourceId"], one["ResourceStatus"]) for one in reversed(found)]


def changes(cf: Any, name: str, body: str, **given: Any) -> list[tuple[str, str, str | None]]:
    """The changes of a change set, which is then deleted."""
    cf.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=body, **given)
    found = cf.describe_change_set(StackName=name, ChangeSetName="c")
    cf.delete_change_set(StackName=name, ChangeSetName="c")
    listed = [one["ResourceChange"] for one in found["Changes"]]
    return [(one["Action"], one["LogicalResourceId"], one.get("Replacement")) for one in listed]


def test_two_stacks_of_one_template_share_no_name(cf: Any) -> None:
    body = template(Queue=QUEUE, Role={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ASSUMED}})
    for name in ("one", "two"):
        create(cf, name, body, Capabilities=["CAPABILITY_IAM"])
    assert not set(ids(cf, "one").values()) & set(ids(cf, "two").values())
    assert ids(cf, "one")["Role"].startswith("one-Role-")


def test_a_fifo_queue_without_a_name_gets_one_that_sqs_takes(cf: Any) -> None:
    create(cf, "one", template(It={"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}}))
    assert ids(cf, "one")["It"].endswith(".fifo")


@pytest.mark.parametrize(
    "resource",
    [
        {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "mine"}},
        {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "mine"}},
        {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "mine", **TABLE}},
    ],
    ids=lambda one: one["Type"],
)
def test_a_name_that_another_stack_has_is_refused_and_the_other_keeps_it(cf: Any, resource: Any) -> None:
    create(cf, "one", template(It=resource))
    cf.create_stack(StackName="two", TemplateBody=template(It=resource))
    found = settled(cf, "two")
    assert found["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cf.describe_stack_events(StackName="two")["StackEvents"]
    (reason,) = (one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == "CREATE_FAILED")
    assert "already exists in stack" in reason
    assert stack(cf, "one")["StackStatus"] == "CREATE_COMPLETE"


def test_only_differences_are_written(cf: Any) -> None:
    other = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 10}}
    before = create(cf, "one", template(Queue=QUEUE, Other=other))
    had, seen = ids(cf, "one"), len(events(cf, "one"))
    slower = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 50}}
    assert changes(cf, "one", template(Queue=slower, Other=other)) == [("Modify", "Queue", "False")]
    after = update(cf, "one", template(Queue=slower, Other=other))
    assert after["StackStatus"] == "UPDATE_COMPLETE"
    assert (after["StackId"], ids(cf, "one")) == (before["StackId"], had)
    assert {name for name, _ in events(cf, "one")[seen:]} == {"one", "Queue"}


def test_an_update_reaches_the_resource(cf: Any, cloud: LocalCloud) -> None:
    create(cf, "one", template(Queue=QUEUE))
    update(cf, "one", template(Queue={"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 50}}))
    url = ids(cf, "one")["Queue"]
    queue = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert queue["Attributes"]["VisibilityTimeout"] == "50"


def test_a_property_that_is_fixed_at_creation_replaces_the_resource(cf: Any) -> None:
    def named(name: str) -> str:
        group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}
        return template({}, {"Arn": {"Value": {"Fn::GetAtt": ["Group", "Arn"]}}}, Group=group)

    create(cf, "one", named("former"))
    assert changes(cf, "one", named("later")) == [("Modify", "Group", "True")]
    after = update(cf, "one", named("later"))
    assert ids(cf, "one") == {"Group": "later"}
    assert after["Outputs"][0]["OutputValue"].endswith("log-group:later:*")
    assert events(cf, "one")[-3:-1] == [("Group", "DELETE_IN_PROGRESS"), ("Group", "DELETE_COMPLETE")]


def test_dependents_of_a_replaced_resource_change_with_it(cf: Any) -> None:
    def named(name: str) -> str:
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}
        policy = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {}}}
        return template(Policy=policy, Queue=queue)

    create(cf, "one", named("former"))
    assert changes(cf, "one", named("later")) == [("Modify", "Queue", "True"), ("Modify", "Policy", "False")]


def test_resources_missing_in_a_template_are_deleted_unless_retained(cf: Any, cloud: LocalCloud) -> None:
    kept = {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain", "Properties": {"LogGroupName": "kept"}}
    gone = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "gone"}}
    create(cf, "one", template(Queue=QUEUE, Kept=kept, Gone=gone))
    body = template(Queue=QUEUE)
    assert {*changes(cf, "one", body)} == {("Remove", "Kept", None), ("Remove", "Gone", None)}
    update(cf, "one", body)
    logs = cloud.client("logs")
    assert [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]] == ["kept"]
    assert ("Kept", "DELETE_SKIPPED") in events(cf, "one")
    logs.delete_log_group(logGroupName="kept")


def test_a_failed_creation_leaves_nothing_and_reports_the_reason(cf: Any, cloud: LocalCloud) -> None:
    cf.create_stack(StackName="one", TemplateBody=template(Queue=QUEUE, Broken=BROKEN))
    found = settled(cf, "one")
    assert found["StackStatus"] == "ROLLBACK_COMPLETE"
    assert ("Broken", "CREATE_FAILED") in events(cf, "one")
    assert ("Queue", "DELETE_COMPLETE") in events(cf, "one")
    assert "QueueUrls" not in cloud.client("sqs").list_queues()
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        cf.update_stack(StackName="one", TemplateBody=template(Queue=QUEUE))


def test_a_failed_update_leaves_everything_as_it_was(cf: Any, cloud: LocalCloud) -> None:
    gone = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "gone"}}
    create(cf, "one", template(Queue=QUEUE, Gone=gone))
    had = ids(cf, "one")
    slower = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 50}}
    new = {"Type": "AWS::SNS::Topic"}
    cf.update_stack(
        StackName="one", TemplateBody=template(Queue=slower, New=new, Broken={**BROKEN, "DependsOn": ["Queue", "New"]})
    )
    assert settled(cf, "one")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ids(cf, "one") == had
    queue = cloud.client("sqs").get_queue_attributes(QueueUrl=had["Queue"], AttributeNames=["VisibilityTimeout"])
    assert queue["Attributes"]["VisibilityTimeout"] == "40"
    assert cloud.client("sns").list_topics()["Topics"] == []
    assert update(cf, "one", template(Queue=slower))["StackStatus"] == "UPDATE_COMPLETE"


def test_a_bucket_that_is_not_empty_is_not_deleted_until_it_is_retained(cf: Any, cloud: LocalCloud) -> None:
    create(cf, "one", template(Bucket={"Type": "AWS::S3::Bucket"}, Queue=QUEUE))
    bucket, s3 = ids(cf, "one")["Bucket"], cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="k")
    cf.delete_stack(StackName="one")
    with pytest.raises(WaiterError, match="DELETE_FAILED"):
        cf.get_waiter("stack_delete_complete").wait(StackName="one", WaiterConfig=POLL)
    assert "failed to delete: [Bucket]" in stack(cf, "one")["StackStatusReason"]
    assert ids(cf, "one") == {"Bucket": bucket}
    cf.delete_stack(StackName="one", RetainResources=["Bucket"])
    cf.get_waiter("stack_delete_complete").wait(StackName="one", WaiterConfig=POLL)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)


def test_dependents_are_deleted_before_their_dependencies(cf: Any) -> None:
    policy = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {}}}
    made = create(cf, "one", template(Policy=policy, Queue=QUEUE))
    cf.delete_stack(StackName="one")
    cf.get_waiter("stack_delete_complete").wait(StackName=made["StackId"], WaiterConfig=POLL)
    deleted = [name for name, status in events(cf, made["StackId"]) if status == "DELETE_COMPLETE"]
    assert deleted == ["Policy", "Queue", "one"]
    with pytest.raises(ClientError, match="Stack with id one does not exist"):
        cf.describe_stacks(StackName="one")


def test_an_export_holds_its_stack_while_another_imports_it(cf: Any) -> None:
    create(cf, "one", template({}, {"Url": {"Value": {"Ref": "Queue"}, "Export": {"Name": "url"}}}, Queue=QUEUE))
    policy = {"Queues": [{"Fn::ImportValue": "url"}], "PolicyDocument": {}}
    create(cf, "two", template(Policy={"Type": "AWS::SQS::QueuePolicy", "Properties": policy}))
    assert [one["Name"] for one in cf.list_exports()["Exports"]] == ["url"]
    cf.delete_stack(StackName="one")
    assert "in use by two" in settled(cf, "one")["StackStatusReason"]
    cf.delete_stack(StackName="two")
    cf.get_waiter("stack_delete_complete").wait(StackName="two", WaiterConfig=POLL)


@pytest.mark.parametrize(
    ("resource", "capability"),
    [
        ({"AssumeRolePolicyDocument": ASSUMED}, "CAPABILITY_IAM"),
        ({"AssumeRolePolicyDocument": ASSUMED, "RoleName": "r"}, "CAPABILITY_NAMED_IAM"),
    ],
)
def test_iam_resources_must_be_acknowledged(cf: Any, resource: Any, capability: str) -> None:
    body = template(Role={"Type": "AWS::IAM::Role", "Properties": resource})
    with pytest.raises(ClientError, match=rf"Requires capabilities : \[{capability}\]"):
        cf.create_change_set(StackName="one", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body)
    assert create(cf, "one", body, Capabilities=[capability])["StackStatus"] == "CREATE_COMPLETE"


def test_a_transform_must_be_acknowledged_where_no_change_set_shows_it(cf: Any) -> None:
    body = json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Queue": QUEUE}})
    with pytest.raises(ClientError, match="CAPABILITY_AUTO_EXPAND"):
        cf.create_stack(StackName="one", TemplateBody=body)
    cf.create_change_set(StackName="one", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body)
    assert stack(cf, "one")["StackStatus"] == "REVIEW_IN_PROGRESS"
    cf.execute_change_set(StackName="one", ChangeSetName="c")
    cf.get_waiter("stack_create_complete").wait(StackName="one", WaiterConfig=POLL)
    assert "Transform" in cf.get_template(StackName="one")["TemplateBody"]
    assert "Transform" not in cf.get_template(StackName="one", TemplateStage="Processed")["TemplateBody"]


def test_the_change_set_reports_a_failed_transform(cf: Any) -> None:
    body = json.dumps(
        {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Nameless": {"Type": "AWS::Serverless::Function"}}}
    )
    cf.create_change_set(StackName="one", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body)
    found = cf.describe_change_set(StackName="one", ChangeSetName="c")
    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert found["StatusReason"].startswith("Transform AWS::Serverless-2016-10-31 failed with: ")
    assert "Nameless" in found["StatusReason"]


def test_a_change_set_without_changes_fails_and_an_update_without_changes_is_refused(cf: Any) -> None:
    body = template(Queue=QUEUE)
    create(cf, "one", body)
    cf.create_change_set(StackName="one", ChangeSetName="c", TemplateBody=body)
    found = cf.describe_change_set(StackName="one", ChangeSetName="c")
    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in found["StatusReason"]
    with pytest.raises(ClientError, match="No updates are to be performed"):
        cf.update_stack(StackName="one", TemplateBody=body)


def test_parameters_keep_their_values_and_secrets_are_not_shown(cf: Any) -> None:
    parameters = {"Seconds": {"Type": "Number", "MaxValue": 60}, "Key": {"Type": "String", "NoEcho": True}}
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": {"Ref": "Seconds"}}}
    body = template(parameters, {"Key": {"Value": {"Ref": "Key"}}}, Queue=queue)
    given = [{"ParameterKey": "Seconds", "ParameterValue": "20"}, {"ParameterKey": "Key", "ParameterValue": "s3cret"}]
    made = create(cf, "one", body, Parameters=given)
    shown = {one["ParameterKey"]: one["ParameterValue"] for one in made["Parameters"]}
    assert shown == {"Seconds": "20", "Key": "****"}
    longer = [{"ParameterKey": "Seconds", "ParameterValue": "30"}, {"ParameterKey": "Key", "UsePreviousValue": True}]
    after = update(cf, "one", body, Parameters=longer)
    assert after["Outputs"] == [{"OutputKey": "Key", "OutputValue": "s3cret"}]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ([], r"Parameters: \[Size\] must have values"),
        ([("Size", "9")], "Parameter 'Size' must be between"),
        ([("Size", "x")], "Parameter 'Size' must be a number"),
        ([("Size", "2"), ("Mode", "C")], "Parameter 'Mode' must be one of AllowedValues"),
        ([("Size", "2"), ("Other", "1")], r"Parameters: \[Other\] do not exist in the template"),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused(cf: Any, parameters: list[tuple[str, str]], said: str) -> None:
    declared = {
        "Size": {"Type": "Number", "MaxValue": 3},
        "Mode": {"Type": "String", "Default": "A", "AllowedValues": ["A", "B"]},
    }
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters]
    with pytest.raises(ClientError, match=said):
        cf.create_stack(StackName="one", TemplateBody=template(declared, Queue=QUEUE), Parameters=given)


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ({"It": {"Type": "AWS::No::Such"}}, r"Unrecognized resource types: \[AWS::No::Such\]"),
        ({}, "At least one Resources member must be defined"),
    ],
)
def test_an_invalid_template_is_refused(cf: Any, resources: Any, said: str) -> None:
    with pytest.raises(ClientError, match=said):
        cf.create_stack(StackName="one", TemplateBody=template(**resources))


def test_a_circle_of_references_is_refused(cf: Any) -> None:
    one = {"Type": "AWS::SNS::Topic", "DependsOn": "Two"}
    two = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": "${One.TopicName}"}}}
    with pytest.raises(ClientError, match=r"Circular dependency between resources: \[One, Two\]"):
        cf.create_change_set(
            StackName="one", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=template(One=one, Two=two)
        )


def test_a_property_that_the_api_does_not_have_fails_the_resource(cf: Any) -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"Colour": "red"}}
    cf.create_stack(StackName="one", TemplateBody=template(Topic=topic))
    assert settled(cf, "one")["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cf.describe_stack_events(StackName="one")["StackEvents"]
    assert any("Colour" in one.get("ResourceStatusReason", "") for one in events)
