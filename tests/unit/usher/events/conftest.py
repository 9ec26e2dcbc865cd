"""The stack's table and the queues of events, in moto."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from usher.storage.table import Table

from tests.unit.usher.world import TABLE


@pytest.fixture
def table() -> Iterator[Table]:
    with mock_aws():
        yield make_table()


def make_table() -> Table:
    dynamodb = boto3.client("dynamodb", region_name="us-east-1")
    keys: dict[str, Any] = {"group": "HASH", "item": "RANGE"}
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    return Table(dynamodb, TABLE)
