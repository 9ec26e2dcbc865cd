"""The ledger of a group's months: use and cost of everything that is billed. Items of the table.

One item for each group and month (UTC, as AWS bills), kept for KEPT_DAYS:

    {"group": "films", "item": "month#2026-11", "measuredAt": "2026-11-26T12:00:00+00:00",
     "training.amount": 1.07, "training.dollars": 0.26, "training.atMost": 0.26, ...}

`watch` measures the service's own figures once an hour (metering); orders add the uses without such figures.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from usher.aws import now
from usher.storage.table import Table

PREFIX = "month#"
KEPT_DAYS = 400
MIN_VALUE = 1e-9
"""Smaller values are not added."""
UNITS = {
    "campaigns": "provisioned TPS-hours",
    "recommenders": "hours of recommenders",
    "requests": "requests to campaigns",
    "training": "training hours",
    "trainingV2": "interactions, for v2 recipes",
    "imports": "GB imported",
    "batch": "lines of batch jobs and exports",
    "evaluations": "evaluations",
    "storage": "GB-months in the bucket",
}
"""The unit of each counted use, by its name in the ledger."""
ORDERED = ("training", "trainingV2", "imports", "batch", "evaluations")
"""The uses that result from orders; all others last as long as their resources exist."""


@dataclass(frozen=True, slots=True)
class Use:
    """An amount of use, and its cost in US dollars."""

    amount: float = 0
    """The amount in the unit of UNITS."""
    dollars: float = 0
    """The known part of the cost."""
    at_most: float = 0
    """The most that it costs: the same as dollars if the price is known."""

    def __add__(self, other: "Use") -> "Use":
        return Use(self.amount + other.amount, self.dollars + other.dollars, self.at_most + other.at_most)

    def __bool__(self) -> bool:
        return any((self.amount, self.dollars, self.at_most))


Uses = Mapping[str, Use]
"""Uses by name in UNITS."""


def priced_use(amount: float, dollars: float) -> Use:
    """A use whose price is known."""
    return Use(amount, dollars, dollars)


def sum_uses(*parts: Uses) -> dict[str, Use]:
    """The sums of uses."""
    total: dict[str, Use] = {}
    for part in parts:
        for name, use in part.items():
            total[name] = total.get(name, Use()) + use
    return {name: total[name] for name in UNITS if total.get(name)}


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a group."""

    name: str
    """A name such as 2026-11."""
    uses: Uses = field(default_factory=dict)
    measured_at: datetime | None = None
    """The end of the measured time; None before the first measurement."""
    size: float = 0
    """The size of the group's files in bytes, as of `sized_on`."""
    sized_on: str = ""
    """The day of that count."""
    notified: float = 0
    """The largest share of the budget that people have been notified of."""

    @property
    def begin(self) -> datetime:
        """The first moment of the month."""
        return datetime.fromisoformat(f"{self.name}-01").replace(tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment of the next month."""
        return (self.begin + timedelta(days=32)).replace(day=1)

    @property
    def dollars(self) -> float:
        """The cost of all uses, without those of unknown price."""
        return sum(use.dollars for use in self.uses.values())

    @property
    def at_most(self) -> float:
        """The most that all uses cost."""
        return sum(use.at_most for use in self.uses.values())

    def spent(self, ordered: float) -> float:
        """US dollars until now, including unmeasured orders. `ordered`: all orders of the month."""
        return self.dollars + max(0.0, ordered - sum(self.uses[name].dollars for name in ORDERED if name in self.uses))

    def forecast(self, spent: float, a_month: float, at: datetime) -> float:
        """The forecast in US dollars for the end of the month, if nothing changes. `a_month`: the costs of 30 days."""
        return spent + max(0.0, (self.end - at) / timedelta(days=30)) * a_month


def name_of(at: datetime) -> str:
    """The name of a time's month."""
    return f"{at.astimezone(UTC):%Y-%m}"


@dataclass(frozen=True, slots=True)
class Months:
    """The months in the table."""

    table: Table
    clock: Callable[[], datetime] = now

    def of(self, group: str, name: str = "") -> Month:
        """A month of a group; the present one if none is named."""
        name = name or name_of(self.clock())
        item = self.table.get(group, f"{PREFIX}{name}")
        measured = item.get("measuredAt")
        return Month(
            name,
            dict(_uses(item)),
            datetime.fromisoformat(measured) if measured else None,
            float(item.get("fileBytes", 0)),
            str(item.get("sizedOn", "")),
            float(item.get("notified", 0)),
        )

    def measure(self, group: str, month: Month, until: datetime, uses: Uses, size: float, sized_on: str) -> bool:
        """Add the use since the last measurement; return False if another function has measured since `month`."""
        before = month.measured_at.isoformat() if month.measured_at else ""
        condition = "measuredAt = :before" if before else "attribute_not_exists(measuredAt)"
        values = {
            ":until": until.isoformat(), ":size": _decimal(size), ":day": sized_on,
            **({":before": before} if before else {}),
        }  # fmt: skip
        sets = "measuredAt = :until, fileBytes = :size, sizedOn = :day"
        return self._add(group, month.name, uses, sets, values, condition)

    def order(self, group: str, run: str, uses: Uses) -> None:
        """Add a run's uses without figures of the service, unless the month's last ones are of the same run."""
        if uses:
            condition = "attribute_not_exists(lastRun) OR lastRun <> :run"
            self._add(group, name_of(self.clock()), uses, "lastRun = :run", {":run": run}, condition)

    def mark_notified(self, group: str, name: str, share: float) -> bool:
        """Record the notification of a share of the budget; return whether it is the first time."""
        condition = "attribute_not_exists(notified) OR notified < :share"
        item = self.table.update(
            group, f"{PREFIX}{name}", "SET notified = :share", {":share": _decimal(share)}, condition=condition
        )
        return item is not None

    def _add(self, group: str, name: str, uses: Uses, sets: str, values: Mapping[str, Any], condition: str) -> bool:
        amounts = {
            f"{use}.{part}": value
            for use, one in uses.items()
            for part, value in (("amount", one.amount), ("dollars", one.dollars), ("atMost", one.at_most))
            if value >= MIN_VALUE
        }
        names = {f"#a{place}": attribute for place, attribute in enumerate(amounts)}
        adds = ", ".join(f"#a{place} :a{place}" for place in range(len(amounts)))
        expires = int((Month(name).begin + timedelta(days=KEPT_DAYS)).timestamp())
        item = self.table.update(
            group,
            f"{PREFIX}{name}",
            f"SET {sets}, expires = :expires" + (f" ADD {adds}" if adds else ""),
            {
                **values,
                ":expires": expires,
                **{f":a{place}": _decimal(value) for place, value in enumerate(amounts.values())},
            },
            names,
            condition,
        )
        return item is not None


def _uses(item: Mapping[str, Any]) -> Iterator[tuple[str, Use]]:
    for name in UNITS:
        use = Use(*(float(item.get(f"{name}.{part}", 0)) for part in ("amount", "dollars", "atMost")))
        if use:
            yield name, use


def _decimal(value: float) -> Decimal:
    return Decimal(f"{value:.12f}")
