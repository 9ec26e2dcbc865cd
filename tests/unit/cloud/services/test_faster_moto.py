"""The faster versions of moto's functions have the same results."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from string import digits
from typing import Any

import boto3
import botocore.utils
import pytest
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import backend_index, mock_aws
from moto.cloudwatch.models import cloudwatch_backends
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.core import utils
from moto.core.request import Request
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.moto_api._internal import mock_random
from moto.s3.responses import S3Response
from time_machine import travel

from usher_local.cloud.services.faster_moto import faster

KEYS = st.tuples(st.sampled_from("abc"), st.sampled_from("abcdef"))


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        yield boto3.resource("dynamodb", "us-east-1").create_table(
            TableName="table",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("p", "s")],
            KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-s",
                    "KeySchema": [{"AttributeName": "s", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )


def put(table: Any, keys: set[tuple[str, str]]) -> None:
    for one in table.scan()["Items"]:
        table.delete_item(Key=one)
    for p, s in keys:
        table.put_item(Item={"p": p, "s": s})


QUERIES: list[Callable[[Any], Any]] = [
    lambda table: table.query(KeyConditionExpression=Key("p").eq("b")),
    lambda table: table.query(
        KeyConditionExpression=Key("p").eq("b") & Key("s").between("b", "d"),
        ScanIndexForward=False,
        Limit=2,
    ),
    lambda table: table.query(
        KeyConditionExpression=Key("p").eq("a"),
        ExclusiveStartKey={"p": "a", "s": "c"},
    ),
    lambda table: table.query(IndexName="by-s", KeyConditionExpression=Key("s").eq("c")),
]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(KEYS))
def test_a_query_of_one_partition_equals_a_query_of_all(table: Any, keys: set[tuple[str, str]]) -> None:
    put(table, keys)
    found = []
    for how in (nullcontext(), faster()):
        with how:
            found.append([(one["Items"], one.get("LastEvaluatedKey")) for one in [ask(table) for ask in QUERIES]])
    assert found[0] == found[1]


def test_a_query_compares_no_item_of_another_partition(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put(table, {("a", "1"), ("b", "1"), ("b", "2")} | {("c", str(number)) for number in range(50)})
    seen = Counter[str]()
    less = DynamoType.__lt__
    monkeypatch.setattr(DynamoType, "__lt__", lambda one, other: seen.update([one.value]) or less(one, other))
    with faster():
        QUERIES[0](table)
    assert seen.total() < 10


@pytest.mark.usefixtures("table")
def test_the_time_and_the_backends_are_those_of_moto() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678, UTC).replace(tzinfo=None)
    before, backend = utils.unix_time(moment), dynamodb_backends["123456789012"]["us-east-1"]
    with faster():
        assert utils.unix_time(moment) == before
        assert dynamodb_backends["123456789012"]["us-east-1"] is backend
        assert "table" in backend.tables


def test_without_a_moment_the_time_is_now() -> None:
    with travel(datetime(2031, 1, 1, tzinfo=UTC), tick=False):
        stock = utils.unix_time()
        with faster():
            assert utils.unix_time() == stock == 1924992000


def test_a_request_is_for_the_service_that_moto_would_find() -> None:
    """For every service: the services that come first take no request of others."""
    names = [*boto3.Session().get_available_services(), "states", "bucket.s3", "queue", "monitoring"]
    urls = [f"https://{name}{region}.amazonaws.com/" for name in names for region in ("", ".us-east-1")]

    def services() -> list[str | None]:
        patterns = backend_index.backend_url_patterns
        return [next((name for name, pattern in patterns if pattern.match(url)), None) for url in urls]

    usual = services()
    assert {"s3", "sqs", "dynamodb", "sns", "personalize"} <= {*usual}
    with faster():
        assert services() == usual


def test_a_hosts_bucket_is_the_one_that_moto_would_find() -> None:
    hosts = ["s3.amazonaws.com", "s3.eu-west-1.amazonaws.com", "s3-fips.us-east-1.amazonaws.com", "s3.cn-north-1.a.cn"]
    hosts = [*hosts, *(f"films.{host}" for host in hosts), "localhost:80", "films", "10.0.0.1:80", "[::1]:80", "a.b"]
    requests = [Request.from_primitives("GET", f"https://{host}/k%2F?a=b%20c", {"Host": host}) for host in hosts]

    def found() -> list[tuple[bool, str]]:
        return [(S3Response.subdomain_based_buckets(request), request.raw_url) for request in requests]

    usual = found()
    assert {is_in_host for is_in_host, _ in usual} == {True, False}
    with faster():
        assert found() == usual == found()


def test_a_time_is_read_as_botocore_would() -> None:
    values: list[Any] = [
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20.123+01:00",
        "Tue, 14 Nov 2023 22:13:20 GMT",
        "1.5",
        1_700_000_000,
        0.25,
    ]

    def read() -> list[str]:
        return [repr(botocore.utils.parse_to_aware_datetime(value)) for value in values]

    usual = read()
    with faster():
        assert read() == usual == read()
        with pytest.raises(ValueError, match="Invalid timestamp"):
            botocore.utils.parse_to_aware_datetime("never")


CONDITIONS = [
    "attribute_not_exists(p)",
    "#a = :b AND (NOT a.#b <> :b OR a.b BETWEEN :b AND :c)",
    "#a IN (:b, :c) AND begins_with(#a, :b)",
    "size(a) >= :c",
    "#a = = :b",
    "a ! :b",
]


def test_a_condition_is_read_as_moto_would() -> None:
    def read(condition: str) -> str:
        try:
            return repr(get_filter_expression(condition, {"#a": "x", "#b": "y"}, {":b": {"S": "v"}, ":c": {"S": "w"}}))
        except Exception as error:
            return repr(error)

    usual = [read(condition) for condition in CONDITIONS]
    assert ["Error" in text for text in usual] == [False] * 4 + [True] * 2
    with faster():
        assert [read(condition) for condition in CONDITIONS * 2] == usual * 2


def test_an_error_has_the_shape_that_moto_would_find(table: Any) -> None:
    clients: Any = [boto3.client(service, "us-east-1") for service in ("s3", "sqs", "iam", "events")]
    s3, sqs, iam, events = clients
    calls: list[Callable[[], Any]] = [
        lambda: table.put_item(Item={"p": "a", "s": "b"}, ConditionExpression="attribute_exists(p)"),
        lambda: table.meta.client.describe_table(TableName="none"),
        lambda: s3.get_object(Bucket="none", Key="none"),
        lambda: sqs.get_queue_url(QueueName="none"),
        lambda: iam.get_role(RoleName="none"),
        lambda: events.describe_rule(Name="none"),
    ]

    def errors() -> list[tuple[Any, ...]]:
        found = []
        for call in calls:
            with pytest.raises(ClientError) as refused:
                call()
            answer: Any = refused.value.response
            metadata = answer["ResponseMetadata"]
            found.append((type(refused.value), answer["Error"], metadata["HTTPStatusCode"]))
        return found

    usual = errors()
    with faster():
        assert errors() == usual == errors()


def test_the_objects_of_a_querys_answer_are_freed(table: Any) -> None:
    put(table, {("b", "1"), ("b", "2")})
    with faster():
        before = len(Item.instances_tracked)
        QUERIES[0](table)
        assert len(Item.instances_tracked) == before
    QUERIES[0](table)
    assert len(Item.instances_tracked) > before, "moto forgets by itself now"


def test_an_answer_has_the_members_that_moto_would_find() -> None:
    """For every form of their names in objects: in Python's style, without a prefix, or by an alias."""

    def answers() -> list[object]:
        with mock_aws():
            sqs, iam = boto3.client("sqs", "us-east-1"), boto3.client("iam", "us-east-1")
            logs: Any = boto3.client("logs", "us-east-1")
            url = sqs.create_queue(QueueName="q")["QueueUrl"]
            iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}", Description="d")
            logs.create_log_group(logGroupName="g")
            found: list[Any] = [
                sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "VisibilityTimeout"])["Attributes"],
                iam.get_role(RoleName="r")["Role"],
                logs.describe_log_groups()["logGroups"],
            ]
            return [sorted(member) if isinstance(member, dict) else member[0].keys() for member in found]

    usual = answers()
    with faster():
        assert answers() == usual == answers()


def test_a_random_string_has_the_characters_that_moto_would_draw() -> None:
    with faster():
        made = {(digits_too, lower): mock_random.get_random_string(500, digits_too, lower)
                for digits_too in (True, False) for lower in (True, False)}  # fmt: skip
    for (has_digits, is_lower), text in made.items():
        assert len(text) == 500
        assert set(text) & set(digits) == (set(digits) if has_digits else set())
        assert text.islower() == is_lower


def test_data_points_of_a_metric_share_their_dimensions_and_are_found_by_them() -> None:
    with mock_aws(), faster():
        cloudwatch = boto3.client("cloudwatch", "us-east-1")
        for name in "aab":
            datum: Any = {"MetricName": "m", "Value": 1, "Dimensions": [{"Name": "Group", "Value": name}]}
            cloudwatch.put_metric_data(Namespace="Usher", MetricData=[datum])
        first, second, other = cloudwatch_backends[ACCOUNT]["us-east-1"].metric_data
        assert first.dimensions is second.dimensions is not other.dimensions
        found = cloudwatch.list_metrics(Dimensions=[{"Name": "Group", "Value": "b"}])["Metrics"]
        assert [metric["Dimensions"] for metric in found] == [[{"Name": "Group", "Value": "b"}]]


def test_a_message_that_was_kept_as_long_as_its_queue_keeps_it_is_not_received() -> None:
    with mock_aws(), faster():
        sqs = boto3.client("sqs", "us-east-1")
        url = sqs.create_queue(QueueName="q", Attributes={"MessageRetentionPeriod": "60"})["QueueUrl"]
        with travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
            for seconds, is_there in ((59, True), (60, False)):
                sqs.send_message(QueueUrl=url, MessageBody="x")
                clock.shift(seconds)
                assert bool(sqs.receive_message(QueueUrl=url).get("Messages")) is is_there
                sqs.purge_queue(QueueUrl=url)
                clock.shift(60)
