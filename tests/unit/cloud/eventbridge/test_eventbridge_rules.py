"""EventBridge's rules: validation, and the input of targets."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends
from moto.events.exceptions import InvalidEventPatternException

from usher_local.clock import Clock
from usher_local.cloud.eventbridge.rules import fill, ruling, target_input
from usher_local.cloud.eventbridge.targets import Deliveries

EVENT = {"id": "e1", "detail-type": "Object Created", "detail": {"object": {"key": 'a "b".csv', "size": 3}}}
ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"constant": true}'}, {"constant": True}),
        ({"InputPath": "$.detail.object"}, {"key": 'a "b".csv', "size": 3}),
        ({"InputPath": "$.detail.nothing"}, None),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"key": "$.detail.object.key", "size": "$.detail.object.size"},
                    "InputTemplate": '{"file": <key>, "text": "<key> has <size> bytes", "size": <size>}',
                }
            },
            {"file": 'a "b".csv', "text": 'a "b".csv has 3 bytes', "size": 3},
        ),
        ({"InputTransformer": {"InputTemplate": '{"all": <aws.events.event.json>}'}}, {"all": EVENT}),
    ],
)
def test_a_target_gets_the_part_of_the_event_that_it_asks_for(target: dict[str, Any], expected: object) -> None:
    assert json.loads(target_input(target, EVENT)) == expected


def test_a_template_with_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("<unknown>", {})


@pytest.fixture
def events() -> Iterator[Any]:
    with mock_aws(), Deliveries(Clock()) as deliveries, ruling(deliveries):
        yield boto3.client("events", region_name="us-east-1")


def of_key(*matches: Any) -> str:
    return json.dumps({"source": ["aws.s3"], "detail": {"object": {"key": list(matches)}}})


@pytest.mark.parametrize(
    "matches",
    [
        ("a", 1, None, True),
        ({"prefix": "a"}, {"suffix": {"equals-ignore-case": ".CSV"}}, {"wildcard": "*/a*.csv"}),
        ({"wildcard": r"\\*a*b\\\\*"},),
        ({"anything-but": ["a", 1]}, {"anything-but": {"wildcard": "*a"}}, {"exists": False}),
        ({"numeric": [">", 0, "<=", 5.5]}, {"cidr": "10.0.0.0/24"}, {"equals-ignore-case": "A"}),
    ],
)
def test_a_pattern_of_operators_that_exist_is_taken(events: Any, matches: tuple[Any, ...]) -> None:
    events.put_rule(Name="r", EventPattern=of_key(*matches))
    assert events.describe_rule(Name="r")["EventPattern"] == of_key(*matches)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (of_key({"regex": "a"}), "Unrecognized match type regex"),
        (of_key({"prefix": "a", "suffix": "b"}), "Only one key allowed in match expression"),
        (of_key({"wildcard": "a**"}), "wildcard match pattern"),
        (of_key({"wildcard": "a\\b"}), "wildcard match pattern"),
        (of_key({"exists": "yes"}), "exists match pattern"),
        (of_key({"numeric": [">", "1"]}), "numeric match pattern"),
        (of_key({"prefix": 1}), "prefix match pattern"),
        (of_key({"anything-but": {"numeric": [1]}}), "anything-but match pattern"),
        (of_key(["a"]), "Match value must be"),
        (json.dumps({"$or": [{"source": ["a"]}, {"detail": {"x": [{"regexp": "a"}]}}]}), "match type regexp"),
        (of_key(*({"wildcard": f"*/{name}*.csv"} for name in ("a", "b", "c", "d"))), "Rule is too complex"),
    ],
)
def test_a_pattern_that_eventbridge_does_not_take_is_refused(events: Any, pattern: str, reason: str) -> None:
    with pytest.raises(ClientError, match=f"InvalidEventPatternException.*Reason: .*{reason}"):
        events.put_rule(Name="r", EventPattern=pattern)


def test_a_rule_of_cloudformation_is_checked_as_well(events: Any) -> None:  # noqa: ARG001
    rule = {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": json.loads(of_key({"regex": "a"}))}}
    backend = cloudformation_backends["123456789012"]["us-east-1"]
    with pytest.raises(InvalidEventPatternException, match="Unrecognized match type regex"):
        backend.create_stack("s", json.dumps({"Resources": {"Rule": rule}}), {})


def target(number: int, **rest: Any) -> dict[str, Any]:
    return {"Id": str(number), "Arn": "arn:aws:sqs:us-east-1:123456789012:q", **rest}


def test_a_rule_has_five_targets_at_most(events: Any) -> None:
    events.put_rule(Name="r", EventPattern=of_key("a"))
    events.put_targets(Rule="r", Targets=[target(number) for number in range(5)])
    events.put_targets(Rule="r", Targets=[target(4)])
    with pytest.raises(ClientError, match="LimitExceededException"):
        events.put_targets(Rule="r", Targets=[target(5)])


def test_an_event_too_long_for_eventbridge_is_refused(events: Any) -> None:
    events.put_rule(Name="r", EventPattern=of_key("a"))
    events.put_targets(Rule="r", Targets=[target(1, Input=json.dumps("x" * 8190))])
    with pytest.raises(ClientError, match=r"targets\.1\.member\.input"):
        events.put_targets(Rule="r", Targets=[target(1, Input=json.dumps("x" * 8191))])
    entry = {"Source": "s", "DetailType": "t", "Detail": json.dumps({"x": "é" * 131_072})}
    with pytest.raises(ClientError, match="Total size of the entries in the request is over the limit"):
        events.put_events(Entries=[entry])
