"""Exports in the table, from which the API answers without a campaign.

One item for each user (or item, for similar ones), whose key is spread over all partitions: `{"group":
"<group>#<solution>#<user>", "item": "export"}`. It names the filter of its export, if it has one. It expires, so that
answers for users who are no longer exported disappear; the removal of a group deletes its items.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from usher.aws import now
from usher.errors import UsherError
from usher.storage.bucket import Bucket
from usher.storage.table import Table, serialized

ITEM = "export"
LIFETIME = timedelta(days=62)
"""The time for which an item answers after its export began: a monthly export may fail once."""
WRITES_PER_SECOND = 1000
BATCH_SIZE = 25
"""The most items of a BatchWriteItem request."""
MAX_ATTEMPTS = 12
MAX_PAUSE_SECONDS = 10.0
"""The most seconds between two attempts."""
WORK_SECONDS = 600.0
"""The seconds after which a call returns its place."""


@dataclass(frozen=True, slots=True)
class ExportStore:
    """Exports in the table."""

    table: Table
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def look_up(self, group: str, solution: str, subject: str) -> dict[str, Any]:
        """Personalize's answer for a subject; empty if it was not exported.

        Its member `filterArn` is Usher's: the filter of the export, if it has one.
        """
        item = self.table.get(_partition(group, solution, subject), ITEM, consistent=False)
        if not item or item["expires"] < now().timestamp():  # expired items may stay for some days
            return {}
        output: dict[str, Any] = json.loads(item["answer"])
        return {**output, "filterArn": item["filter"]} if "filter" in item else output

    def first_answer(self, bucket: Bucket, files: Sequence[str], member: str) -> list[str]:
        """The items of the first answered line of a job's files. `member`: the member of a line that names
        its subject.
        """
        lines = (line for file in files for block in bucket.blocks(file, 0) for line in block.splitlines())
        answers = (answered[1] for line in lines if (answered := _answer(line, member)))
        return list(next(answers, {}).get("recommendedItems", ()))

    def load(
        self, bucket: Bucket, files: Sequence[str], begun: datetime, place: Mapping[str, int], key: Mapping[str, str]
    ) -> dict[str, int] | None:
        """Write the answers of a job's files, from a place on; return the place to continue from, or None at the end.

        Loading an export again writes the same items. `begun`: the time of the export's beginning; `place`: the numbers
        of the file and of the byte in it; `key`: group, solution, the member of a line that names its subject, and the
        ARN of the filter, if there is one.
        """
        expires, start, written = int((begun + LIFETIME).timestamp()), self.clock(), 0
        for batch, file, byte in _batches(bucket, files, place, key):
            self._write([{"PutRequest": {"Item": serialized({**item, "expires": expires})}} for item in batch])
            written += len(batch)
            passed = self.clock() - start
            if passed > WORK_SECONDS:
                return {"file": file, "byte": byte}
            if (rest := written / WRITES_PER_SECOND - passed) > 0:
                self.sleep(rest)
        return None

    def delete_group(
        self, group: str, start: Mapping[str, Any] | None, require_open: Callable[[], None]
    ) -> dict[str, Any] | None:
        """Delete a group's items in partitions of their own, from a key on; return the key to continue after, or None.

        `require_open` is called before each page of deletions; an error of it ends them. These are exported answers,
        the catalogue's items and users, sessions, events and pages. Each has a partition of its own, so the whole table
        is read; a gigabyte costs about 2 cents.
        """
        begun, written, place = self.clock(), 0, start
        while True:
            after: dict[str, Any] = {"ExclusiveStartKey": place} if place else {}
            page = self.table.dynamodb.scan(
                TableName=self.table.name,
                FilterExpression="begins_with(#group, :group)",
                ProjectionExpression="#group, #item",
                ExpressionAttributeNames={"#group": "group", "#item": "item"},
                ExpressionAttributeValues=serialized({":group": f"{group}#"}),
                **after,
            )
            keys, place = page["Items"], page.get("LastEvaluatedKey")
            require_open()
            for first in range(0, len(keys), BATCH_SIZE):
                self._write([{"DeleteRequest": {"Key": key}} for key in keys[first : first + BATCH_SIZE]])
            if not place:
                return None
            written, passed = written + len(keys), self.clock() - begun
            if passed > WORK_SECONDS:
                return dict(place)
            if (rest := written / WRITES_PER_SECOND - passed) > 0:
                self.sleep(rest)

    def _write(self, batch: Sequence[Mapping[str, Any]]) -> None:
        requests: dict[str, Any] = {self.table.name: batch}
        for attempt in range(MAX_ATTEMPTS):
            requests = self.table.dynamodb.batch_write_item(RequestItems=requests)["UnprocessedItems"]
            if not requests:
                return
            self.sleep(random.uniform(0, min(MAX_PAUSE_SECONDS, 0.05 * 2**attempt)))
        raise UsherError("DynamoDB throttles the writes of this export. Start it again later.")


def _partition(group: str, solution: str, subject: str) -> str:
    return f"{group}#{solution}#{subject}"


def _answer(text: bytes, member: str) -> tuple[str, Mapping[str, Any]] | None:
    """The subject and the answer of a line; None for a failed or malformed line, which is among the errors."""
    try:
        match json.loads(text):
            case {"input": dict(line_input), "output": dict(output), **rest} if output and not rest.get("error"):
                subject = line_input.get(member)
                return (subject, output) if isinstance(subject, str) and subject else None
    except (ValueError, RecursionError):
        pass
    return None


def _batches(
    bucket: Bucket, files: Sequence[str], place: Mapping[str, int], key: Mapping[str, str]
) -> Iterator[tuple[list[dict[str, Any]], int, int]]:
    """Items to write together, each time with the file and byte where the next ones begin. Failed lines have none."""
    for number in range(place["file"], len(files)):
        byte = place["byte"] if number == place["file"] else 0
        items: dict[str, dict[str, Any]] = {}
        for block in bucket.blocks(files[number], byte):
            for text in block.splitlines(keepends=True):
                if len(items) == BATCH_SIZE:
                    yield list(items.values()), number, byte
                    items = {}
                byte += len(text)
                if answered := _answer(text, key["member"]):
                    subject, output = answered
                    partition = _partition(key["group"], key["solution"], subject)
                    answer = json.dumps(output, separators=(",", ":"))
                    made_with = {"filter": key["filter"]} if "filter" in key else {}
                    items[subject] = {"group": partition, "item": ITEM, "answer": answer, **made_with}
        if items:
            yield list(items.values()), number + 1, 0
