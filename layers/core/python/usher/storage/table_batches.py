"""Batches of items of the table."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usher.errors import RequestError
from usher.storage.table import Table, deserialized, item_key, serialized

READ_SIZE, WRITE_SIZE = 100, 25
"""The most items of BatchGetItem and BatchWriteItem requests."""
MAX_ATTEMPTS = 8
MAX_PAUSE_SECONDS = 0.5
"""The most seconds between two attempts: a caller waits for the answer."""


@dataclass(frozen=True, slots=True)
class TableBatches:
    """Reads and writes of many items. Items that DynamoDB can't take now are tried again; then the error is 503."""

    table: Table

    def get(self, keys: Sequence[tuple[str, str]], *names: str, consistent: bool = False) -> list[dict[str, Any]]:
        """The attributes `names` of the existing items; without names, all. `keys`: group and item, each once."""
        if not keys:
            return []
        placeholders = {f"#{number}": name for number, name in enumerate(names)}
        narrowed = {"ProjectionExpression": ", ".join(placeholders), "ExpressionAttributeNames": placeholders}
        options = {"ConsistentRead": consistent, **(narrowed if names else {})}
        found = []
        for start in range(0, len(keys), READ_SIZE):
            part = {**options, "Keys": [item_key(*key) for key in keys[start : start + READ_SIZE]]}
            for answer in self._until_all("batch_get_item", part, "UnprocessedKeys"):
                found += [deserialized(item) for item in answer["Responses"].get(self.table.name, [])]
        return found

    def put(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Write items, each with its key, replacing existing ones."""
        self._write([{"PutRequest": {"Item": serialized(item)}} for item in items])

    def delete(self, keys: Iterable[Mapping[str, Any]]) -> None:
        """Delete the existing ones of some items, by their keys."""
        self._write([{"DeleteRequest": {"Key": serialized(key)}} for key in keys])

    def _write(self, requests: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(requests), WRITE_SIZE):
            for _ in self._until_all("batch_write_item", requests[start : start + WRITE_SIZE], "UnprocessedItems"):
                pass

    def query(self, group: str, prefix: str = "") -> Iterator[dict[str, Any]]:
        """The items of a partition whose sort key has a prefix, as they were written last, in the order of the keys."""
        if not prefix:  # DynamoDB refuses an empty prefix
            return self._query(group, "", {})
        return self._query(group, " AND begins_with(#item, :prefix)", {":prefix": prefix})

    def newest(self, group: str, first: str, last: str) -> Iterator[dict[str, Any]]:
        """The items of a partition from one sort key to another, the last one first; read a hundred at a time."""
        between = " AND #item BETWEEN :first AND :last"
        return self._query(group, between, {":first": first, ":last": last}, ScanIndexForward=False, Limit=READ_SIZE)

    def _query(self, group: str, more: str, values: Mapping[str, str], **options: Any) -> Iterator[dict[str, Any]]:
        """The items of a partition whose sort key meets a condition."""
        names = {"#group": "group", **({"#item": "item"} if more else {})}
        place: dict[str, Any] = {}
        while True:
            page = self.table.dynamodb.query(
                TableName=self.table.name,
                KeyConditionExpression=f"#group = :group{more}",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=serialized({":group": group, **values}),
                ConsistentRead=True,
                **options,
                **place,
            )
            yield from map(deserialized, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            place = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _until_all(self, operation: str, request: Any, rest: str) -> Iterator[dict[str, Any]]:
        """The answers of an operation that is repeated with its unprocessed rest."""
        requests = {self.table.name: request}
        for attempt in range(MAX_ATTEMPTS):
            answer = getattr(self.table.dynamodb, operation)(RequestItems=requests)
            yield answer
            requests = answer.get(rest) or {}
            if not requests:
                return
            time.sleep(random.uniform(0, min(MAX_PAUSE_SECONDS, 0.02 * 2**attempt)))
        raise RequestError(503, "Unavailable", "The table is temporarily overloaded. Try again later.")
