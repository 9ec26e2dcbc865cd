"""What a group has ordered in the last 30 days, as estimated before it was made. Kept in the table.

One item for each group, with an attribute for each day: `{"group": <group>, "item": "spending", "@2026-11-26": 41.2}`.
What is ordered counts whatever comes of it: a training that fails is billed, too. It is ordered before it is held
against a ceiling, so that no two can pass that are too much together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from usher.aws import now

ITEM = "spending"
DAY = "@"
"""Stands before a day's name."""
WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a group's spending."""

    ordered: float = 0
    """US dollars in the last 30 days."""
    standing: float = 0
    """US dollars a month for what serves and is trained automatically, when a run of the pipeline was planned last."""
    users: int = 0
    """That have interacted, as of then; 0 as long as none was."""


@dataclass(frozen=True, slots=True)
class Spending:
    """Groups' spending in the table. `dynamodb` is a boto3 client."""

    dynamodb: Any
    table: str
    clock: Callable[[], datetime] = now

    def of(self, group: str) -> Past:
        """A group's last 30 days."""
        item = self._item(group)
        standing, users = (float(item[name]["N"]) if name in item else 0 for name in ("standing", "users"))
        return Past(self._ordered(item), standing, int(users))

    def order(self, group: str, run: str, dollars: float, **facts: float) -> float:
        """Add what a run orders to the day's sum, once however often it is tried; return the dollars of all others.

        Of two that order at the same time, the later one is told of both. `facts`: standing and users.
        """
        old = [name for name in self._item(group) if name.startswith(DAY) and name < self._day(WINDOW)]
        names = {f"#old{number}": name for number, name in enumerate(old)}
        sets = "".join(f", #{name} = :{name}" for name in facts)
        numbers = {f":{name}": {"N": f"{value:.6f}"} for name, value in {**facts, "dollars": dollars}.items()}
        try:
            item = self.dynamodb.update_item(
                TableName=self.table,
                Key=_key(group),
                UpdateExpression=f"ADD #day :dollars SET lastRun = :run{sets} REMOVE {', '.join(['expires', *names])}",
                ConditionExpression="attribute_not_exists(lastRun) OR lastRun <> :run",
                ExpressionAttributeNames={"#day": self._day(), **names, **{f"#{name}": name for name in facts}},
                ExpressionAttributeValues={":run": {"S": run}, **numbers},
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            item = self._item(group)
        return max(self._ordered(item) - dollars, 0)

    def cancel(self, group: str, dollars: float) -> None:
        """Take back what was ordered last, as it is refused: another try orders anew."""
        self.dynamodb.update_item(
            TableName=self.table,
            Key=_key(group),
            UpdateExpression="ADD #day :dollars REMOVE lastRun",
            ExpressionAttributeNames={"#day": self._day()},
            ExpressionAttributeValues={":dollars": {"N": f"{-dollars:.6f}"}},
        )

    def expire(self, group: str) -> None:
        """Let the table forget a group that is removed, once it has ordered nothing for long enough."""
        if not self._item(group):  # an evaluation's own group orders nothing
            return
        self.dynamodb.update_item(
            TableName=self.table,
            Key=_key(group),
            UpdateExpression="SET expires = :then",
            ExpressionAttributeValues={":then": {"N": str(int((self.clock() + 2 * WINDOW).timestamp()))}},
        )

    def _ordered(self, item: Mapping[str, Any]) -> float:
        oldest = self._day(WINDOW)
        return sum(float(value["N"]) for name, value in item.items() if name.startswith(DAY) and name >= oldest)

    def _day(self, before: timedelta = timedelta()) -> str:
        return f"{DAY}{self.clock() - before:%Y-%m-%d}"

    def _item(self, group: str) -> dict[str, Any]:
        answer = self.dynamodb.get_item(TableName=self.table, Key=_key(group), ConsistentRead=True)
        item: dict[str, Any] = answer.get("Item", {})
        return item


def _key(group: str) -> dict[str, dict[str, str]]:
    return {"group": {"S": group}, "item": {"S": ITEM}}
