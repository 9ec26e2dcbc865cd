"""Conditional writes of the local cloud's DynamoDB exclude each other."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models.table import Table

from usher_local.cloud.services.atomic_items import atomic

THREADS = 4


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A table whose items take a while to read, so that threads come between a condition and its write."""
    get_item = Table.get_item

    def slow(*arguments: Any, **named: Any) -> Any:
        item = get_item(*arguments, **named)
        time.sleep(0.02)
        return item

    monkeypatch.setattr(Table, "get_item", slow)
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="t",
            KeySchema=[{"AttributeName": "group", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "group", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def winners(dynamodb: Any) -> int:
    """The number of concurrent threads that lock a group successfully."""

    def lock(number: int) -> bool:
        try:
            dynamodb.update_item(
                TableName="t", Key={"group": {"S": "films"}}, UpdateExpression="SET holder = :me",
                ConditionExpression="attribute_not_exists(holder)",
                ExpressionAttributeValues={":me": {"N": str(number)}},
            )  # fmt: skip
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ConditionalCheckFailedException"
            return False
        return True

    with ThreadPoolExecutor(THREADS) as executor:
        return sum(executor.map(lock, range(THREADS)))


def test_one_of_two_exclusive_writes_succeeds(dynamodb: Any) -> None:
    with atomic():
        assert winners(dynamodb) == 1


def test_moto_alone_lets_several_succeed(dynamodb: Any) -> None:
    """If this fails, moto has fixed it: delete atomic_items.py."""
    assert winners(dynamodb) > 1
