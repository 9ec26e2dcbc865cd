"""What a group has ordered in the last 30 days, as estimated before it was made. Kept in the table.

One item for each group, with an attribute for each day: `{"group": <group>, "item": "spending", "@2026-11-26": 41.2}`.
What is ordered counts whatever comes of it: a training that fails is billed, too.
"""

from collections.abc import Callable
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
    serving: float = 0
    """US dollars a month for what serves, when a run of the pipeline was planned last."""
    users: int = 0
    """That have interacted, as of then."""


@dataclass(frozen=True, slots=True)
class Spending:
    """Groups' spending in the table. `dynamodb` is a boto3 client."""

    dynamodb: Any
    table: str
    clock: Callable[[], datetime] = now

    def of(self, group: str) -> Past:
        """A group's last 30 days."""
        item = self._item(group)
        oldest = self._day(WINDOW)
        ordered = sum(float(value["N"]) for name, value in item.items() if name.startswith(DAY) and name >= oldest)
        serving, users = (float(item[name]["N"]) if name in item else 0 for name in ("serving", "users"))
        return Past(ordered, serving, int(users))

    def order(self, group: str, run: str, dollars: float, **facts: float) -> None:
        """Add what a run orders to the day's sum, once however often it is tried. `facts`: serving and users."""
        old = [name for name in self._item(group) if name.startswith(DAY) and name < self._day(WINDOW)]
        names = {f"#old{number}": name for number, name in enumerate(old)}
        remove = f" REMOVE {', '.join(names)}" if names else ""
        values = {"expires": int((self.clock() + 2 * WINDOW).timestamp()), **facts}
        sets = "".join(f", #{name} = :{name}" for name in values)
        numbers = {f":{name}": {"N": f"{value:.6f}"} for name, value in {**values, "dollars": dollars}.items()}
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=_key(group),
                UpdateExpression=f"ADD #day :dollars SET lastRun = :run{sets}{remove}",
                ConditionExpression="attribute_not_exists(lastRun) OR lastRun <> :run",
                ExpressionAttributeNames={"#day": self._day(), **names, **{f"#{name}": name for name in values}},
                ExpressionAttributeValues={":run": {"S": run}, **numbers},
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def _day(self, before: timedelta = timedelta()) -> str:
        return f"{DAY}{self.clock() - before:%Y-%m-%d}"

    def _item(self, group: str) -> dict[str, Any]:
        answer = self.dynamodb.get_item(TableName=self.table, Key=_key(group), ConsistentRead=True)
        item: dict[str, Any] = answer.get("Item", {})
        return item


def _key(group: str) -> dict[str, dict[str, str]]:
    return {"group": {"S": group}, "item": {"S": ITEM}}
