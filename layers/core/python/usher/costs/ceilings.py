"""The ceilings on the costs of a group's files. Pure.

Ceilings are parameters of the stack, so only those who deploy it can raise them. The estimates that are compared with
them use the stack's own prices (prices.PRICES), not the `prices` of a group's config.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from usher.config.model import Budget, Config
from usher.config.schedule_expressions import starts
from usher.costs.ledger import Past, Spending
from usher.costs.months import Uses
from usher.costs.recurring import place_of
from usher.dollars import dollars
from usher.errors import InputError, Problem
from usher.run_record import CeilingsRecord

PARAMETERS = {
    "provisioned_tps": "MaxProvisionedTPS",
    "schedule_minutes": "MinScheduleMinutes",
    "export_lines": "MaxExportLines",
    "hpo": "AllowHPO",
    "run_dollars": "MaxRunDollars",
    "month_dollars": "MaxMonthlyDollars",
}
"""The stack parameter and the environment variable of each field."""
MAX_REPORTED = 3
"""The number of most expensive items in a message."""


class AboveCeilingError(InputError):
    """A group's files exceed a ceiling of the stack."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The maximum cost of a group's files, in US dollars."""

    run: Mapping[str, float]
    """The costs of the run, by resource id."""
    serving: Mapping[str, float] = field(default_factory=dict)
    """The costs of 30 days without any run, by campaign, recommender, and solution with automatic training."""
    repeated: Mapping[str, float] = field(default_factory=dict)
    """The recurring costs of 30 days, by their place in the config or the stack's parameter."""
    ordered: float = 0
    """The costs ordered in the last 30 days."""
    more_serving: float = 0
    """The cost, until the end of the month, of the resources that the run adds to serving."""
    spent: float = 0
    """The costs of the present calendar month."""
    budget: Budget | None = None
    uses: Uses = field(default_factory=dict)
    """The run's uses without figures of the service, for the ledger."""

    @classmethod
    def without_resources(cls, past: Past, run: Mapping[str, float], uses: Uses) -> "Estimate":
        """The estimate of a run that leaves the serving resources alone: an export or an evaluation."""
        return cls(
            run, {"serving": past.standing}, ordered=past.ordered, spent=past.spent, budget=past.budget, uses=uses
        )

    @property
    def of_run(self) -> float:
        """The cost of the run."""
        return math.fsum(self.run.values())

    @property
    def standing(self) -> float:
        """The cost of 30 days without any run."""
        return math.fsum(self.serving.values())

    @property
    def of_month(self) -> float:
        """The cost of 30 days: `standing`, plus the greater of recurring costs and the orders of the last 30 days and
        of the run. A run that costs nothing by itself does not count the orders.
        """
        ordered = self.ordered + self.of_run if self.of_run else 0
        return self.standing + max(math.fsum(self.repeated.values()), ordered)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The ceilings of a stack."""

    provisioned_tps: float = 10
    """Requests per second of one campaign or recommender."""
    schedule_minutes: float = 60
    """Minutes between two starts of a schedule."""
    export_lines: float = 1_000_000
    """Input lines of one export or batch job."""
    hpo: bool = True
    """Whether hyperparameter optimisation is allowed."""
    run_dollars: float = 200
    month_dollars: float = 2000
    """US dollars for one group."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Ceilings":
        """The ceilings that the template sets; defaults for the others."""
        texts = {name: environ[parameter] for name, parameter in PARAMETERS.items() if parameter in environ}
        values: dict[str, Any] = {
            name: text == "ENABLED" if name == "hpo" else float(text) for name, text in texts.items()
        }
        return cls(**values)

    def check(self, config: Config) -> list[Problem]:
        """The settings of a config that exceed a ceiling."""
        return [*self._provisioned(config), *self._trained(config), *self._scheduled(config)]

    def check_lines(self, place: str, lines: int) -> list[Problem]:
        """The problem of an export or a batch job with too many lines."""
        if lines <= self.export_lines:
            return []
        message = f"has {lines:,d} lines or more; the ceiling of an export or batch job is {self.export_lines:,.0f}."
        return [_above_ceiling("export_lines", place, message, lines)]

    def check_estimate(self, group: str, estimate: Estimate) -> list[Problem]:
        """The problems of a run or a month that costs too much."""
        problems = list(_above_budget(group, estimate))
        if estimate.of_run > self.run_dollars:
            cost, ceiling = dollars(estimate.of_run), dollars(self.run_dollars)
            message = f"would cost about {cost} in one run; the ceiling is {ceiling}"
            problems.append(
                _above_ceiling(
                    "run_dollars", f"{group}/", f"{message} ({_largest(estimate.run)}).", math.ceil(estimate.of_run)
                )
            )
        if estimate.of_month > self.month_dollars:
            parts = defaultdict(float, {"the last 30 days": estimate.ordered})
            for name, amount in (*estimate.serving.items(), *estimate.run.items(), *estimate.repeated.items()):
                parts[name] += amount
            cost, ceiling = dollars(estimate.of_month), dollars(self.month_dollars)
            message = f"would cost about {cost} a month; the ceiling is {ceiling}"
            problems.append(
                _above_ceiling(
                    "month_dollars", f"{group}/", f"{message} ({_largest(parts)}).", math.ceil(estimate.of_month)
                )
            )
        return problems

    def order(self, spending: Spending, group: str, run: str, estimate: Estimate, **facts: float) -> None:
        """Add a run's estimated cost to the ledger. `facts`: as Spending.order takes them.

        Raises AboveCeilingError, and adds nothing, if the cost and the other orders together exceed a ceiling.
        """
        others = spending.order(group, run, estimate.of_run, **facts)
        spent = max(spending.of(group).spent - estimate.of_run, 0) if estimate.budget else 0
        if above := self.check_estimate(group, replace(estimate, ordered=others, spent=spent)):
            spending.cancel(group, estimate.of_run)
            raise AboveCeilingError(above)
        spending.months.order(group, run, estimate.uses)

    def facts(self, estimate: Estimate) -> CeilingsRecord:
        """The estimate and its ceilings for a run's record, in US dollars."""
        return {
            "run": estimate.of_run,
            "runCeiling": self.run_dollars,
            "month": estimate.of_month,
            "monthCeiling": self.month_dollars,
            "serving": estimate.standing,
            "repeated": math.fsum(estimate.repeated.values()),
            "ordered": estimate.ordered,
        }

    def _provisioned(self, config: Config) -> Iterator[Problem]:
        rates = {
            f"solutions.{one.name}.campaign.minProvisionedTPS": (one.campaign or {}).get("minProvisionedTPS", 1)
            for one in config.solutions
        } | {
            f"recommenders.{one.name}.recommenderConfig.minRecommendationRequestsPerSecond":
                one.settings.get("recommenderConfig", {}).get("minRecommendationRequestsPerSecond", 1)
            for one in config.recommenders
        }  # fmt: skip
        for place, rate in rates.items():
            if rate > self.provisioned_tps:
                message = f"is above the ceiling of {self.provisioned_tps:g} provisioned requests per second."
                yield _above_ceiling("provisioned_tps", _in_config(config, place), message, rate)

    def _trained(self, config: Config) -> Iterator[Problem]:
        for one in config.solutions:
            if one.settings.get("performHPO") and not self.hpo:
                message = "trains many models for one version, which this stack does not allow."
                yield _above_ceiling("hpo", _in_config(config, f"solutions.{one.name}.performHPO"), message, "ENABLED")

    def _scheduled(self, config: Config) -> Iterator[Problem]:
        for schedule in config.schedules:
            shortest = starts(schedule.settings["ScheduleExpression"]).shortest
            if shortest < self.schedule_minutes:
                message = (
                    f"starts every {shortest:g} minutes; the shortest interval allowed is {self.schedule_minutes:g}."
                )
                yield _above_ceiling(
                    "schedule_minutes", _in_config(config, place_of(schedule)), message, math.floor(shortest)
                )


def _above_budget(group: str, estimate: Estimate) -> Iterator[Problem]:
    """The problem of a run that costs more than the rest of the group's budget. Running resources never stop."""
    budget, wanted = estimate.budget, estimate.of_run + estimate.more_serving
    if not budget or not wanted:
        return
    limit, after = budget.monthly * budget.stop_at, estimate.spent + wanted
    if after <= limit:
        return
    spent = f"{dollars(estimate.spent)} are spent, and this would add about {dollars(wanted)}"
    message = f"allows {dollars(limit)} a month. {spent}"
    remedy = f"Raise it in usher.yaml, for example monthly: {math.ceil(after / (budget.stop_at or 1))}; or wait until "
    yield Problem(f"{group}/: budget", f"{message}.", f"{remedy}the next month. Serving continues.")


def _above_ceiling(name: str, place: str, message: str, needed: object) -> Problem:
    parameter = PARAMETERS[name]
    remedy = "Reduce it, or raise the ceiling when you deploy the stack: sam deploy --parameter-overrides "
    # a number of thousands of digits can't be printed
    value = str(needed) if not isinstance(needed, int) or needed < 10**12 else "<number>"
    return Problem(place, message, f"{remedy}{parameter}={value}.")


def _in_config(config: Config, path: str) -> str:
    return f"{config.file}: {path}"


def _largest(parts: Mapping[str, float]) -> str:
    ordered = sorted(parts.items(), key=lambda one: one[1], reverse=True)
    return ", ".join(f"{name}: {dollars(amount)}" for name, amount in ordered[:MAX_REPORTED] if amount)
