"""The stack's table and the queues of events, in moto."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from usher.storage.table import Table

from tests.unit.usher.world import TABLE


@pytest.fixture
def table() -> Iterator[Table]:
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="us-east-1")
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "group", "AttributeType": "S"},
                {"AttributeName": "item", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "group", "KeyType": "HASH"},
                {"AttributeName": "item", "KeyType": "RANGE"},
            ],
        )
        yield Table(dynamodb, TABLE)
