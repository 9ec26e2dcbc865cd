"""Measurement of a group's use, from the service's own figures.

Campaigns and recommenders are billed from their creation on: an existing one counts since the last measurement, or
since its creation. Trainings count when they end. Resources that were created and deleted between two measurements are
not counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from usher.clients import CloudWatchClient
from usher.costs.calculation import NO_DATA, Size, is_v2, recommender_month, training_cost
from usher.costs.ledger import Spending
from usher.costs.monthly import UNBILLED
from usher.costs.months import Month, Use, name_of, priced_use, sum_uses
from usher.costs.traffic import HOUR, WINDOW, ByHour, requests_by_hour, traffic
from usher.prices import PRICES
from usher.resources.billed import Billed, find_billed
from usher.resources.inventory import Inventory
from usher.resources.kinds import KINDS, Resource
from usher.storage.bucket import Bucket

STORAGE_GB_MONTH = 0.023
"""US dollars: S3 Standard, us-east-1 (https://aws.amazon.com/s3/pricing/)."""
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a month."""

    since: datetime
    until: datetime

    def hours(self, begun: datetime) -> float:
        """The hours of the span for which something existed. `begun`: the time of its creation."""
        return max(0.0, (self.until - max(self.since, begun)) / timedelta(hours=1))


def spans(former: Month, present: Month, at: datetime) -> Iterator[tuple[Month, Span]]:
    """The months, each with its part that is to be measured. Pure.

    The former month is measured to its end, unless it was never measured: nothing is known about that time.
    """
    if former.measured_at and former.measured_at < former.end:
        yield former, Span(former.measured_at, former.end)
    yield present, Span(present.measured_at or present.begin, at)


def uses_of_span(
    billed: list[Billed],
    trained: Mapping[str, list[Mapping[str, Any]]],
    requests: Mapping[str, ByHour],
    size: Size,
    stored: float,
    prices: Mapping[str, float],
    span: Span,
) -> dict[str, Use]:
    """The use of a group within a span. Pure.

    `trained`: Describe's members of the versions whose training has ended, by solution; `requests`: by campaign;
    `stored`: bytes.
    """
    table = {**PRICES, **prices}
    parts: list[dict[str, Use]] = []
    for one in billed:
        if one.kind == "solution":
            parts += [_trained(one, version, size, table) for version in trained.get(one.arn, ())]
        elif not str(one.members.get("status", "")).endswith(UNBILLED):
            hours = span.hours(one.members["creationDateTime"])
            if one.kind == "campaign":
                parts.append(_campaign(one, hours, requests.get(one.arn, {}), table, span))
            else:
                resource = Resource(one.arn, one.kind, "train", one.members)
                cost = recommender_month(resource, table) * hours / (MONTH / timedelta(hours=1))
                parts.append({"recommenders": priced_use(hours, cost)})
    months = (span.until - span.since) / MONTH * stored / 1e9
    return sum_uses(*parts, {"storage": priced_use(months, months * STORAGE_GB_MONTH)})


def _campaign(
    campaign: Billed, hours: float, by_hour: ByHour, prices: Mapping[str, float], span: Span
) -> dict[str, Use]:
    """The use of a campaign: each hour bills its requests, or the provisioned ones if those are more.

    For v2 recipes it is not known whether unused ones are billed (costs.calculation).
    """
    is_known = not is_v2(campaign.solution)
    price = prices["requestThousand" if is_known else "requestThousandV2"] / 1000
    tps_hours = hours * campaign.members.get("minProvisionedTPS", 1)
    per_hour = HOUR * campaign.members.get("minProvisionedTPS", 1)
    counted = [number for time, number in by_hour.items() if span.since <= time < span.until]
    beyond = sum(max(0.0, number - per_hour) for number in counted)
    floor, requests = tps_hours * HOUR * price, sum(counted)
    if is_known:
        return {
            "campaigns": priced_use(tps_hours, floor),
            "requests": priced_use(requests, beyond * price),
        }
    unused = max(0.0, floor - (requests - beyond) * price)
    return {"campaigns": Use(tps_hours, 0, unused), "requests": priced_use(requests, requests * price)}


def _trained(solution: Billed, version: Mapping[str, Any], size: Size, prices: Mapping[str, float]) -> dict[str, Use]:
    """The use of a training: v1 recipes bill hours, v2 recipes interactions."""
    resource = Resource(f"solution_version/{solution.arn}", "solution_version", "train")
    if is_v2(solution.solution):
        cost = training_cost(resource, solution.solution, size, prices)
        return {"trainingV2": priced_use(cost / prices["trainingThousandInteractionsV2"] * 1000, cost)} if cost else {}
    hours = float(version.get("trainingHours") or 0)
    return {"training": priced_use(hours, hours * prices["trainingHour"])}


@dataclass(frozen=True, slots=True)
class Meter:
    """Measures groups. `cloudwatch` is a boto3 client."""

    inventory: Inventory
    cloudwatch: CloudWatchClient
    spending: Spending
    bucket: Bucket

    def measure(self, group: str, group_arn: str, at: datetime) -> Month:
        """Add a group's use until the last full hour to its months; return the present month.

        `group_arn`: of its dataset group. May be repeated, and be called twice at the same time.
        """
        until = at.replace(minute=0, second=0, microsecond=0)
        months, past = self.spending.months, self.spending.of(group)
        former = months.of(group, name_of(months.of(group, name_of(until)).begin - timedelta(days=1)))
        billed = list(find_billed(self.inventory, group_arn))
        campaigns = [one for one in billed if one.kind == "campaign"]
        requests = requests_by_hour(self.cloudwatch, [one.arn for one in campaigns], until - WINDOW, until)
        self.spending.note_traffic(group, {one.arn: traffic(one, requests[one.arn], until) for one in campaigns})
        size = past.size or NO_DATA
        for month, span in spans(former, months.of(group, name_of(until)), until):
            if span.until <= span.since:
                continue
            stored, day = month.size, f"{until:%Y-%m-%d}"
            if month.sized_on != day:
                stored = sum(file.size for file in self.bucket.files_of(group))
            trained = trainings(self.inventory, billed, span)
            uses = uses_of_span(billed, trained, requests, size, stored, past.prices, span)
            months.measure(group, month, span.until, uses, stored, day)
        return months.of(group)


def trainings(inventory: Inventory, billed: list[Billed], span: Span) -> dict[str, list[Mapping[str, Any]]]:
    """Describe's members of the versions whose training has succeeded within a span, by solution."""
    kind = KINDS["solution_version"]
    return {
        one.arn: [
            inventory.describe(kind, summary["solutionVersionArn"])
            for summary in inventory.summaries(kind, {"solutionArn": one.arn})
            if summary["status"] == "ACTIVE" and span.since < summary["lastUpdatedDateTime"] <= span.until
        ]
        for one in billed
        if one.kind == "solution"
    }
