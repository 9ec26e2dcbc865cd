"""What a plan takes and costs, before anything is spent. Pure.

The prices of PRICES are those of us-east-1 in US dollars; `prices:` in usher.yaml overrides them by name. What has no
known price is told as such and not as free.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol

from usher.config.price_list import DATE, PRICES, SOURCE
from usher.recipes import recipe_of
from usher.resources.kinds import KINDS, Resource

RECOMMENDER_USERS = 100_000
"""Up to so many users the price of a recommender's hour is known. It is a price for so many; more are cheaper, each."""
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
MOST_TRIALS = 40
"""Trainings of one solution version with HPO at most: service guide, "Hyperparameters and HPO"."""
INTERACTIONS_AN_HOUR = 2_000_000
"""That a v1 recipe trains on in a training hour, until one was billed: assumed, as AWS does not tell."""
RESULTS = 25
"""numResults where none is given."""
DEAREST = max(PRICES["batchThousand"], PRICES["batchThousandV2"])
"""For a thousand answers of a batch job whose own price is not known."""


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
    """That have interacted; those of files that were added count once more."""
    hours: Mapping[str, float]
    """Training hours that the service has billed, or usually takes, by resource id; else the table of kinds counts."""
    lines: Mapping[str, int]
    """Of batch jobs' inputs, by resource id."""
    items: int = 0
    """That somebody has met, or that have metadata."""


def size_of(
    report: Mapping[str, Any], hours: Mapping[str, float], lines: Mapping[str, int] = MappingProxyType({})
) -> Size:
    """The size of data as the run's record reports it."""
    sizes = {name: one.get("bytes", 0) for name, one in report.items()}
    for name, one in report.items():
        sizes |= {f"{name}/{file}": added["bytes"] for file, added in one.get("added", {}).items()}
    interactions = report.get("interactions", {})
    all_of_it = [interactions, *interactions.get("added", {}).values()]
    rows, users = (sum(one.get(fact, 0) for one in all_of_it) for fact in ("rows", "ids"))
    met = interactions.get("diagnosis", {}).get("items", {}).get("number", 0)
    with_metadata = report.get("items", {})
    items = met + with_metadata.get("ids", 0) + sum(one["ids"] for one in with_metadata.get("added", {}).values())
    return Size(sizes, rows, users, hours, lines, items)


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
        solution = solution_of(resource, by_id)
        seconds = usual.get(one.id, KINDS[resource.kind].minutes * 60) if one.action in TAKING_TIME else 0.0
        begins = max((ends.get(need, 0.0) for need in resource.needs), default=0.0)
        ends[one.id] = begins + seconds
        rows[one.id] = {
            "action": one.action,
            "why": one.reason,
            "minutes": round(seconds / 60, 1),
            "cost": cost(resource, solution, size, table) if one.action in SPENDING else 0.0,
            "monthlyCost": monthly_cost(resource, solution, size, table),
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
        cost(by_id[name], solution_of(by_id[name], by_id), size, foretold["prices"])
        if name in hours
        else rows[name]["cost"]
        for name in made
    ]
    return {"cost": math.fsum(filter(None, costs)), "monthlyCost": foretold["monthlyCost"]}


def cost(resource: Resource, solution: Mapping[str, Any], size: Size, prices: Mapping[str, float]) -> float | None:
    """What making a resource costs once, in US dollars; None where no price is known. `solution`: see solution_of."""
    if resource.kind in FREE:
        return 0.0
    if resource.kind == "dataset_import_job":
        return size.bytes.get(resource.id.partition("/")[2], 0) / 1e9 * prices["importGB"]
    if resource.kind == "batch_inference_job" and resource.id in size.lines and not _has_themes(resource):
        return size.lines[resource.id] / 1000 * prices["batchThousandV2" if is_v2(solution) else "batchThousand"]
    if resource.kind != "solution_version":
        return None
    if is_v2(solution):
        return trials(solution) * size.interactions / 1000 * prices["trainingThousandInteractionsV2"]
    usual = trials(solution) * max(KINDS[resource.kind].minutes / 60, size.interactions / INTERACTIONS_AN_HOUR)
    return size.hours.get(resource.id, usual) * prices["trainingHour"]


def monthly_cost(
    resource: Resource, solution: Mapping[str, Any], size: Size, prices: Mapping[str, float]
) -> float | None:
    """What a campaign or recommender costs in 30 days even if nobody asks it; None where no price is known.

    v1 recipes bill the provisioned requests per second, recommenders the hour, and provisioned requests above those
    that it includes.
    """
    if resource.kind == "recommender":
        return _recommender(resource, prices) if size.users <= RECOMMENDER_USERS else None
    if resource.kind != "campaign" or is_v2(solution):
        return 0.0
    return _provisioned(resource, prices["requestThousand"])


def _provisioned(campaign: Resource, price: float) -> float:
    """What a campaign's provisioned requests cost in 30 days. `price`: of a thousand."""
    return float(MONTH_HOURS * 3600 * campaign.params.get("minProvisionedTPS", 1) / 1000 * price)


def _recommender(resource: Resource, prices: Mapping[str, float]) -> float:
    """Of up to RECOMMENDER_USERS."""
    config = resource.params.get("recommenderConfig", {})
    requests = 3600 * config.get("minRecommendationRequestsPerSecond", 1)
    further = max(0, requests - RECOMMENDER_REQUESTS) / 1000 * prices["recommenderRequestThousand"]
    return float(MONTH_HOURS * (prices["recommenderHour"] + further))


def most(resource: Resource, solution: Mapping[str, Any], size: Size) -> float:
    """What making a resource costs at most, by PRICES: a ceiling holds what has no known price, too.

    A segment job looks at every user for each of its lines, and a job with themes writes one for each result: each
    counts as an answer at the highest price that is known of batch jobs. Without a count of lines, each user is one.
    """
    known = cost(resource, solution, size, PRICES)
    if known is not None:  # the data may be a multiple of what the last training was billed for
        return max(known, cost(resource, solution, replace(size, hours={}), PRICES) or 0)
    lines = size.lines.get(resource.id, size.users)
    if resource.kind == "batch_segment_job":
        lines *= max(size.users, 1)
    elif _has_themes(resource):
        lines *= max(int(resource.params.get("numResults", RESULTS)), 1)
    return lines / 1000 * DEAREST


def monthly_most(resource: Resource, solution: Mapping[str, Any], size: Size) -> float:
    """What a campaign or recommender costs in 30 days at most, by PRICES. Further users count as much as the first.

    A campaign of a v2 recipe is shown without costs, as its price is one of requests; but minProvisionedTPS "sets the
    minimum billing charge for the campaign", whatever the recipe: API_CreateCampaign.
    """
    if resource.kind == "campaign" and is_v2(solution):
        return _provisioned(resource, PRICES["requestThousandV2"])
    known = monthly_cost(resource, solution, size, PRICES)
    return math.ceil(size.users / RECOMMENDER_USERS) * _recommender(resource, PRICES) if known is None else known


def trials(solution: Mapping[str, Any]) -> int:
    """How many trainings a version of a solution takes at most: several with HPO."""
    if not solution.get("performHPO"):
        return 1
    given = solution.get("solutionConfig", {}).get("hpoConfig", {}).get("hpoResourceConfig", {})
    digits = str(given.get("maxNumberOfTrainingJobs", "")).lstrip("0")
    return min(int(digits[:9]), MOST_TRIALS) if digits.isdecimal() else MOST_TRIALS


def solution_of(resource: Resource, by_id: Mapping[str, Resource]) -> Mapping[str, Any]:
    """CreateSolution's members behind a solution, version, campaign or batch job; empty for anything else."""
    name = resource.refs.get("solutionVersionArn", resource.id).partition("/")[2]
    solution = by_id.get(f"solution/{name}")
    if solution is None or resource.kind not in {"solution", "solution_version", "campaign", "batch_inference_job"}:
        return {}
    return solution.params


def is_v2(solution: Mapping[str, Any]) -> bool:
    """Whether a solution's recipe is billed by interactions and requests."""
    return recipe_of(str(solution.get("recipeArn", "")).rpartition("/")[2]).is_v2


def _has_themes(resource: Resource) -> bool:
    return bool(resource.params.get("batchInferenceJobMode") == "THEME_GENERATION")
