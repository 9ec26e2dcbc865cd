"""Direct requests arrive as requests over HTTP do."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from time_machine import travel

from usher_local.simulation.transport import IGNORED, in_process

KEY = "a b/ü+%2F&?=.txt"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def ask(session: Any) -> Iterator[Any]:
    """Requests in every protocol: REST with XML and with JSON, JSON, and queries; two of them are refused."""
    s3 = session.client("s3")
    s3.create_bucket(Bucket="films")
    yield s3.put_object(Bucket="films", Key=KEY, Body=b"0123456789", Metadata={"a_b": "c"}, Tagging="d=e%20f")
    yield s3.head_object(Bucket="films", Key=KEY)
    with s3.get_object(Bucket="films", Key=KEY, Range="bytes=2-4")["Body"] as stream:
        yield stream.read()
    yield s3.copy_object(Bucket="films", Key="copy", CopySource={"Bucket": "films", "Key": KEY})
    yield [one["Key"] for one in s3.list_objects_v2(Bucket="films", Prefix="a ")["Contents"]]
    yield s3.delete_objects(Bucket="films", Delete={"Objects": [{"Key": KEY}]})
    with pytest.raises(s3.exceptions.ClientError) as refused:
        s3.get_object(Bucket="films", Key=KEY)
    yield refused.value.response["Error"]
    for name, head in (
        ("form", {"ContentType": "application/x-www-form-urlencoded"}),
        ("zip", {"ContentEncoding": "gzip"}),
    ):
        yield s3.put_object(Bucket="films", Key=name, Body=b"key=value", **head)
        yield s3.get_object(Bucket="films", Key=name)["LastModified"]
    dynamodb = session.client("dynamodb")
    keys = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}
    keys["KeySchema"] = [{"AttributeName": "id", "KeyType": "HASH"}]
    yield dynamodb.create_table(TableName="films", BillingMode="PAY_PER_REQUEST", **keys)["TableDescription"][
        "KeySchema"
    ]
    yield dynamodb.put_item(TableName="films", Item={"id": {"S": "ü"}})
    yield dynamodb.get_item(TableName="films", Key={"id": {"S": "ü"}})
    with pytest.raises(dynamodb.exceptions.ClientError) as refused:
        dynamodb.get_item(TableName="none", Key={"id": {"S": "ü"}})
    yield refused.value.response["Error"]
    iam = session.client("iam")
    yield iam.create_role(RoleName="films", AssumeRolePolicyDocument=TRUST, Description="ü & b")["Role"]["Arn"]
    yield session.client("sts").get_caller_identity()["Account"]
    scheduler = session.client("scheduler")
    yield scheduler.create_schedule_group(Name="films")["ScheduleGroupArn"]
    yield scheduler.list_schedules(GroupName="films")
    cloudwatch = session.client("cloudwatch")  # long content is compressed
    data = [{"MetricName": f"films-{number}", "Value": 1} for number in range(900)]
    yield cloudwatch.put_metric_data(Namespace="Usher", MetricData=data)
    yield cloudwatch.list_metrics()["Metrics"]


@travel(1_700_000_000, tick=False)
def test_requests_and_answers_are_unchanged() -> None:
    def answers() -> list[Any]:
        return [_without_ids(one) for one in ask(boto3.Session(region_name="us-east-1"))]

    with mock_aws():
        usual = answers()
    with mock_aws(), in_process():
        assert answers() == usual
    assert len(usual) == 21


def _without_ids(answer: Any) -> Any:
    """An answer without the parts that differ between any two requests."""
    if not isinstance(answer, dict) or "ResponseMetadata" not in answer:
        return answer
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return {**answer, "ResponseMetadata": {name: value for name, value in headers.items() if "id" not in name}}


def test_an_unknown_address_has_no_handler() -> None:
    with mock_aws(), in_process():
        client = boto3.client("sqs", "us-east-1", endpoint_url="https://nowhere.amazonaws.com")
        with pytest.raises(client.exceptions.ClientError, match="404"):
            client.list_queues()


def test_a_request_goes_where_botocore_would_send_it() -> None:
    """For any bucket, object and table, and after any other requests."""

    def addresses() -> list[str]:
        sent: list[str] = []
        session: Any = boto3.Session("key", "secret", region_name="eu-west-1", aws_account_id=ACCOUNT)
        s3, dynamodb = session.client("s3"), session.client("dynamodb")
        for client in (s3, dynamodb):
            client.meta.events.register_first("before-send", lambda request, **_: sent.append(request.url))
        for bucket in ("films", "shop.example", "films"):
            for key in ("a", "b/c"):
                where = {"Bucket": bucket, "Key": key}
                sent.append(s3.generate_presigned_url("get_object", where).partition("?")[0])
                for call in (s3.get_object, s3.head_object):
                    with suppress(ClientError):
                        call(**where)
            with suppress(ClientError):
                s3.get_bucket_location(Bucket=bucket)
        for table in ("films", "arn:aws:dynamodb:eu-west-1:999999999999:table/films"):
            with suppress(ClientError):
                dynamodb.get_item(TableName=table, Key={"id": {"S": "a"}})
            with suppress(ClientError):
                dynamodb.batch_get_item(RequestItems={table: {"Keys": [{"id": {"S": "a"}}]}})
        return sent

    with mock_aws():
        usual = addresses()
    with mock_aws(), in_process():
        assert addresses() == usual
    assert len({*usual}) == 10


def test_no_endpoint_rule_reads_an_ignored_parameter() -> None:
    rules = json.dumps(create_loader().load_service_model("s3", "endpoint-rule-set-1"))
    assert not [name for name in IGNORED if f'{{"ref": "{name}"}}' in rules]
    assert '{"ref": "Bucket"}' in rules


def test_the_caller_is_known() -> None:
    signatures: list[bytes] = []

    def listen(request: Any, **_: Any) -> None:
        signatures.append(request.headers["Authorization"])

    with mock_aws(), in_process():
        client = boto3.Session("AKIA1234567890123456", "x", region_name="us-east-1").client("sqs")
        client.meta.events.register_first("before-send", listen)
        client.list_queues()
    assert b"Credential=AKIA1234567890123456/" in signatures[0]
    assert b"/us-east-1/sqs/aws4_request" in signatures[0]
