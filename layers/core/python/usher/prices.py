"""What a plan takes and costs, before anything is spent. Pure.

The prices of PRICES are those of us-east-1 in US dollars; `prices:` in usher.yaml overrides them by name. What has no
known price is told as such and not as free.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from usher.resources import KINDS, Resource

# docs/cost.md: copies of the price page made by others; the page itself is drawn by scripts that need a browser.
SOURCE = "https://aws.amazon.com/personalize/pricing/ (us-east-1; unverified copies of 2024 to 2026)"
DATE = "2026-11-24"
PRICES = {
    "importGB": 0.05,
    "trainingHour": 0.24,
    "trainingThousandInteractionsV2": 0.002,
    "requestThousand": 0.0556,
    "requestThousandV2": 0.15,
    "batchThousand": 0.067,
    "batchThousandV2": 0.15,
    "recommenderHour": 0.375,
    "recommenderRequestThousand": 0.0833,
}
"""US dollars. Without V2: recipes whose name does not end in -v2."""
RECOMMENDER_USERS = 100_000
"""Up to so many users the price of a recommender's hour is known."""
RECOMMENDER_REQUESTS = 4_000
"""That a recommender's hour includes."""

FREE = {
    "schema", "dataset_group", "dataset", "event_tracker", "filter", "solution", "metric_attribution", "schedule",
    "campaign", "recommender",
}  # fmt: skip
"""Kinds that cost nothing to make; two of them cost as long as they are there."""
SPENDING = {"create", "replace", "retrain", "rebuild"}
TAKING_TIME = SPENDING | {"update", "wait"}
MONTH_HOURS = 30 * 24


class Decided(Protocol):
    """What is to be done about one resource."""

    @property
    def id(self) -> str:
        """The resource's id."""

    @property
    def action(self) -> str:
        """What is to be done."""

    @property
    def reason(self) -> str:
        """Why."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to work on."""

    bytes: Mapping[str, int]
    """Of each dataset's files."""
    interactions: int
    users: int
    """That have interacted."""
    hours: Mapping[str, float]
    """Training hours that the service has billed, or usually takes, by resource id; else the table of kinds counts."""
    lines: Mapping[str, int]
    """Of batch jobs' inputs, by resource id."""


def size_of(
    report: Mapping[str, Any], hours: Mapping[str, float], lines: Mapping[str, int] = MappingProxyType({})
) -> Size:
    """The size of data as the run's record reports it."""
    sizes = {name: one.get("bytes", 0) for name, one in report.items()}
    interactions = report.get("interactions", {})
    return Size(sizes, interactions.get("rows", 0), interactions.get("ids", 0), hours, lines)


def foretell(
    wanted: Sequence[Resource],
    decided: Sequence[Decided],
    size: Size,
    prices: Mapping[str, float],
    usual: Mapping[str, float],
) -> dict[str, Any]:
    """What carrying a plan out takes and costs, per resource and in all, as the run's record keeps it.

    `prices`: the config's own; `usual`: seconds that resources took last time, by id. Minutes in all are those of the
    longest chain. `cost` is paid once (US dollars; null: not known), `monthlyCost` as long as the resource lives.
    """
    table = {**PRICES, **prices}
    by_id = {resource.id: resource for resource in wanted}
    ends: dict[str, float] = {}
    rows: dict[str, dict[str, Any]] = {}
    for one in decided:
        resource = by_id[one.id]
        recipe = recipe_of(resource, by_id)
        seconds = usual.get(one.id, KINDS[resource.kind].minutes * 60) if one.action in TAKING_TIME else 0.0
        begins = max((ends.get(need, 0.0) for need in resource.needs), default=0.0)
        ends[one.id] = begins + seconds
        rows[one.id] = {
            "action": one.action,
            "why": one.reason,
            "minutes": round(seconds / 60, 1),
            "cost": cost(resource, recipe, size, table) if one.action in SPENDING else 0.0,
            "monthlyCost": monthly_cost(resource, recipe, size, table),
        }
    return {
        "minutes": round(max(ends.values(), default=0.0) / 60, 1),
        "cost": math.fsum(row["cost"] or 0 for row in rows.values()),
        "monthlyCost": math.fsum(row["monthlyCost"] or 0 for row in rows.values()),
        "unpriced": [name for name, row in rows.items() if None in (row["cost"], row["monthlyCost"])],
        "prices": {"source": SOURCE, "date": DATE, "own": dict(prices), **table},
        "resources": rows,
    }


def spent(plan: Mapping[str, Any], record: Mapping[str, Any], versions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a run has cost: as foretold, for what has come to be, by the hours that training took. Empty without a plan.

    `plan` and `record`: the run's files; `versions`: as the record tells them.
    """
    foretold = record.get("plan")
    if not plan or not foretold:
        return {}
    by_id = {one["id"]: Resource(**one) for one in plan["resources"]}
    there = [one for one in record.get("resources", []) if one["status"] in {"READY", "HELD"} and "arn" in one]
    arns = {state["arn"]: state["id"] for state in there}
    hours = {
        arns[one["arn"]]: one["trainingHours"] for one in versions if one["arn"] in arns and one.get("trainingHours")
    }
    size, rows = size_of(record.get("data", {}), hours), foretold["resources"]
    made = [name for name in arns.values() if rows.get(name, {}).get("action") in SPENDING]
    costs = [
        cost(by_id[name], recipe_of(by_id[name], by_id), size, foretold["prices"])
        if name in hours
        else rows[name]["cost"]
        for name in made
    ]
    return {"cost": math.fsum(filter(None, costs)), "monthlyCost": foretold["monthlyCost"]}


def cost(resource: Resource, recipe: str, size: Size, prices: Mapping[str, float]) -> float | None:
    """What making a resource costs once, in US dollars; None where no price is known."""
    if resource.kind in FREE:
        return 0.0
    if resource.kind == "dataset_import_job":
        return size.bytes.get(resource.id.partition("/")[2], 0) / 1e9 * prices["importGB"]
    if resource.kind == "batch_inference_job" and resource.id in size.lines:
        return size.lines[resource.id] / 1000 * prices["batchThousandV2" if is_v2(recipe) else "batchThousand"]
    if resource.kind != "solution_version":
        return None
    if is_v2(recipe):
        return size.interactions / 1000 * prices["trainingThousandInteractionsV2"]
    return size.hours.get(resource.id, KINDS[resource.kind].minutes / 60) * prices["trainingHour"]


def monthly_cost(resource: Resource, recipe: str, size: Size, prices: Mapping[str, float]) -> float | None:
    """What a campaign or recommender costs in 30 days even if nobody asks it; None where no price is known.

    v1 recipes bill the provisioned requests per second, recommenders the hour, and provisioned requests above those
    that it includes.
    """
    if resource.kind == "recommender":
        requests = 3600 * resource.params.get("recommenderConfig", {}).get("minRecommendationRequestsPerSecond", 1)
        further = max(0, requests - RECOMMENDER_REQUESTS) / 1000 * prices["recommenderRequestThousand"]
        return MONTH_HOURS * (prices["recommenderHour"] + further) if size.users <= RECOMMENDER_USERS else None
    if resource.kind != "campaign" or is_v2(recipe):
        return 0.0
    requests = 3600 * resource.params.get("minProvisionedTPS", 1)
    return float(MONTH_HOURS * requests / 1000 * prices["requestThousand"])


def recipe_of(resource: Resource, by_id: Mapping[str, Resource]) -> str:
    """The name of the recipe behind a solution, version, campaign or batch job; empty for anything else."""
    name = resource.refs.get("solutionVersionArn", resource.id).partition("/")[2]
    solution = by_id.get(f"solution/{name}")
    if solution is None or resource.kind not in {"solution", "solution_version", "campaign", "batch_inference_job"}:
        return ""
    return str(solution.params.get("recipeArn", "")).rpartition("/")[2]


def is_v2(recipe: str) -> bool:
    """Whether a recipe is billed by interactions and requests."""
    return recipe.endswith("-v2")
