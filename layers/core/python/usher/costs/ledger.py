"""The ledger: the estimated cost of each group's orders in the last 30 days. An item of the table.

One item for each group, with an attribute for each day: `{"group": <group>, "item": "spending", "@2026-11-26": 41.2}`.
An order counts whether or not it succeeds: a failed training is billed, too. It is entered before it is compared with
a ceiling, so that two runs cannot exceed it together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from usher.aws import now
from usher.costs.calculation import NO_DATA, Size
from usher.storage.table import Table

ITEM = "spending"
DAY = "@"
"""The prefix of a day's attribute."""
WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Past:
    """A group's spending until now."""

    ordered: float = 0
    """US dollars in the last 30 days."""
    standing: float = 0
    """US dollars a month for serving and automatic training, as of the pipeline's last plan."""
    users: int = 0
    """Users who have interacted, as of the last plan; 0 before the first one."""
    interactions: int = 0
    """As of the last plan."""

    @property
    def size(self) -> Size | None:
        """The size of the data as of the last plan; None before the first one."""
        return replace(NO_DATA, users=self.users, interactions=self.interactions) if self.users else None


@dataclass(frozen=True, slots=True)
class Spending:
    """Groups' spending in the table."""

    table: Table
    clock: Callable[[], datetime] = now

    def of(self, group: str) -> Past:
        """A group's last 30 days."""
        item = self.table.get(group, ITEM)
        numbers = {name: int(item.get(name, 0)) for name in ("users", "interactions")}
        return Past(self._ordered(item), float(item.get("standing", 0)), **numbers)

    def order(self, group: str, run: str, dollars: float, **facts: float) -> float:
        """Add a run's order to the day's sum, once even if it is repeated; return the dollars of all other orders.

        Of two that order at the same time, the later one gets the sum of both. `facts`: Past's
        standing, users and interactions.
        """
        old = [name for name in self.table.get(group, ITEM) if name.startswith(DAY) and name < self._day(WINDOW)]
        names = {f"#old{number}": name for number, name in enumerate(old)}
        sets = "".join(f", #{name} = :{name}" for name in facts)
        item = self.table.update(
            group,
            ITEM,
            f"ADD #day :dollars SET lastRun = :run{sets} REMOVE {', '.join(['expires', *names])}",
            {":run": run, **{f":{name}": _decimal(value) for name, value in {**facts, "dollars": dollars}.items()}},
            {"#day": self._day(), **names, **{f"#{name}": name for name in facts}},
            "attribute_not_exists(lastRun) OR lastRun <> :run",
        )
        return max(self._ordered(item or self.table.get(group, ITEM)) - dollars, 0)

    def cancel(self, group: str, dollars: float) -> None:
        """Take back the last order, which is refused: another attempt orders anew."""
        change, names = "ADD #day :dollars REMOVE lastRun", {"#day": self._day()}
        self.table.update(group, ITEM, change, {":dollars": _decimal(-dollars)}, names)

    def expire(self, group: str) -> None:
        """Let the item of a removed group expire, once its orders are too old to count."""
        if self.table.get(group, ITEM):  # an evaluation's own group orders nothing
            then = int((self.clock() + 2 * WINDOW).timestamp())
            self.table.update(group, ITEM, "SET expires = :then", {":then": then})

    def _ordered(self, item: Mapping[str, Any]) -> float:
        oldest = self._day(WINDOW)
        return sum(float(value) for name, value in item.items() if name.startswith(DAY) and name >= oldest)

    def _day(self, before: timedelta = timedelta()) -> str:
        return f"{DAY}{self.clock() - before:%Y-%m-%d}"


def _decimal(value: float) -> Decimal:
    return Decimal(f"{value:.6f}")
