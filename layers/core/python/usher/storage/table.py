"""Items of the stack's DynamoDB table: its partition key is `group`, its sort key `item`, the kind of the content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from usher.clients import DynamoDBClient

SERIALIZER, DESERIALIZER = TypeSerializer(), TypeDeserializer()


def serialized(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values in the form of DynamoDB's API. A number is an int or a Decimal, not a float."""
    return {name: SERIALIZER.serialize(value) for name, value in values.items()}


def deserialized(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Values from DynamoDB's API. Each number is a Decimal."""
    return {name: DESERIALIZER.deserialize(value) for name, value in attributes.items()}


def item_key(group: str, item: str) -> dict[str, Any]:
    """The key of an item in the form of DynamoDB's API."""
    return {"group": {"S": group}, "item": {"S": item}}


@dataclass(frozen=True, slots=True)
class Table:
    """The table. `dynamodb` is a boto3 client."""

    dynamodb: DynamoDBClient
    name: str

    def get(self, group: str, item: str, *, consistent: bool = True) -> dict[str, Any]:
        """An item's attributes, including its key; empty if it does not exist.

        `consistent`: with everything that was written before, at twice the price.
        """
        response = self.dynamodb.get_item(TableName=self.name, Key=item_key(group, item), ConsistentRead=consistent)
        return deserialized(response.get("Item", {}))

    def update(
        self,
        group: str,
        item: str,
        change: str,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
        condition: str = "",
    ) -> dict[str, Any] | None:
        """Change an item, or create it; return its attributes, or None if `condition` does not hold.

        `change` and `condition`: DynamoDB's expressions, with placeholders for `values` (`:value`) and for the `names`
        of attributes (`#name`).
        """
        try:
            response = self.dynamodb.update_item(
                TableName=self.name,
                Key=item_key(group, item),
                UpdateExpression=change,
                ReturnValues="ALL_NEW",
                **_condition(condition, values, names),
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return deserialized(response["Attributes"])

    def put(
        self,
        group: str,
        item: str,
        attributes: Mapping[str, Any],
        condition: str = "",
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Write an item, replacing an existing one; return whether `condition` holds, as in `update`."""
        content = serialized({**attributes, "group": group, "item": item})
        try:
            self.dynamodb.put_item(TableName=self.name, Item=content, **_condition(condition, values, names))
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def delete(
        self,
        group: str,
        item: str,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Delete an item, if it exists; return whether `condition` holds, as in `update`."""
        key = item_key(group, item)
        try:
            self.dynamodb.delete_item(TableName=self.name, Key=key, **_condition(condition, values, names))
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _condition(condition: str, values: Mapping[str, Any] | None, names: Mapping[str, str] | None) -> dict[str, Any]:
    """A call's members for a condition."""
    members = {
        "ConditionExpression": condition,
        "ExpressionAttributeValues": serialized(values or {}),
        "ExpressionAttributeNames": names,
    }
    return {name: value for name, value in members.items() if value}
