"""The ledger: the estimated cost of each group's orders in the last 30 days. An item of the table.

One item for each group, with an attribute for each day: `{"group": <group>, "item": "spending", "@2026-11-26": 41.2}`.
An order counts whether or not it succeeds: a failed training is billed, too. It is entered before it is compared with
a ceiling, so that two runs cannot exceed it together. Beside them are facts of the last plan and measurement.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from usher.aws import now
from usher.config.model import Budget
from usher.costs.calculation import NO_DATA, Size
from usher.costs.months import Month, Months
from usher.costs.traffic import Traffic
from usher.storage.table import Table

ITEM = "spending"
DAY = "@"
"""The prefix of a day's attribute."""
WINDOW = timedelta(days=30)
NO_MONTH = Month("1970-01")


@dataclass(frozen=True, slots=True)
class Past:
    """A group's spending until now."""

    ordered: float = 0
    """US dollars of the last 30 days."""
    standing: float = 0
    """US dollars a month for serving and automatic training, as of the pipeline's last plan."""
    users: int = 0
    """The number of users with interactions, as of the last plan; 0 before the first one."""
    interactions: int = 0
    """The number of interactions, as of the last plan."""
    month: Month = NO_MONTH
    """The present month, as measured so far."""
    ordered_in_month: float = 0
    """US dollars ordered in the present month."""
    budget: Budget | None = None
    """The budget as of the last plan."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """The config's own prices, as of the last plan."""
    idle: Sequence[str] = ()
    """The solutions whose idle campaigns the config removes, as of the last plan."""
    traffic: Mapping[str, Traffic] = field(default_factory=dict)
    """The traffic of campaigns, by ARN, as of the last measurement."""

    @property
    def spent(self) -> float:
        """US dollars of the present month until now."""
        return self.month.spent(self.ordered_in_month)

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
        """A group's spending in the last 30 days."""
        item = self.table.get(group, ITEM)
        numbers = {name: int(item.get(name, 0)) for name in ("users", "interactions")}
        budget = json.loads(item.get("budget", "null"))
        return Past(
            self._ordered(item),
            float(item.get("standing", 0)),
            **numbers,
            month=self.months.of(group),
            ordered_in_month=_sum(item, f"{DAY}{self.clock():%Y-%m}-01"),
            budget=Budget(**budget) if budget else None,
            prices=json.loads(item.get("prices", "{}")),
            idle=json.loads(item.get("idle", "[]")),
            traffic=json.loads(item.get("traffic", "{}")),
        )

    @property
    def months(self) -> Months:
        """The groups' months."""
        return Months(self.table, self.clock)

    def note_settings(
        self, group: str, budget: Budget | None, prices: Mapping[str, float], idle: Sequence[str] = ()
    ) -> None:
        """Store a config's settings about costs: exports, evaluations and measurements use them, too."""
        values = {
            ":budget": json.dumps(asdict(budget) if budget else None),
            ":prices": json.dumps(dict(prices)),
            ":idle": json.dumps(list(idle)),
        }
        self.table.update(group, ITEM, "SET budget = :budget, prices = :prices, idle = :idle", values)

    def note_traffic(self, group: str, traffic: Mapping[str, Traffic]) -> None:
        """Store the traffic of campaigns."""
        self.table.update(group, ITEM, "SET traffic = :traffic", {":traffic": json.dumps(dict(traffic))})

    def order(self, group: str, run: str, dollars: float, **facts: float) -> float:
        """Add a run's order to the day's sum, unless the group's last order is of the same run: a repetition changes
        nothing until another run orders. Returns the dollars of all other orders.

        If two runs order at the same time, the later one gets the sum of both. `facts`: Past's standing, users and
        interactions.
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
        """Cancel the last order after its refusal: another attempt orders again."""
        change, names = "ADD #day :dollars REMOVE lastRun", {"#day": self._day()}
        self.table.update(group, ITEM, change, {":dollars": _decimal(-dollars)}, names)

    def expire(self, group: str) -> None:
        """Set the expiry of a removed group's item to the time when its orders are too old to count."""
        if self.table.get(group, ITEM):  # an evaluation's own group orders nothing
            then = int((self.clock() + 2 * WINDOW).timestamp())
            self.table.update(group, ITEM, "SET expires = :then", {":then": then})

    def _ordered(self, item: Mapping[str, Any]) -> float:
        return _sum(item, self._day(WINDOW))

    def _day(self, before: timedelta = timedelta()) -> str:
        return f"{DAY}{self.clock() - before:%Y-%m-%d}"


def _sum(item: Mapping[str, Any], oldest: str) -> float:
    """The sum of the orders of a day and later ones."""
    return sum(float(value) for name, value in item.items() if name.startswith(DAY) and name >= oldest)


def _decimal(value: float) -> Decimal:
    return Decimal(f"{value:.6f}")
