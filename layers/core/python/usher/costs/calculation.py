"""Estimates of a plan's time and cost, and a run's actual cost. Pure.

PRICES are those of us-east-1 in US dollars; `prices:` in usher.yaml overrides them by name. A resource without a known
price is reported as unpriced, not as free. The table of kinds says how each kind is billed; `one_time_cost` and
`monthly_cost` compute the cost.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from usher.limits import DEFAULT_RESULTS, MAX_TRIALS
from usher.prices import DATE, PRICES, SOURCE
from usher.recipes import recipe_of
from usher.resources.kinds import KINDS, LIVE_VERSION, Resource
from usher.resources.plan import Plan
from usher.resources.states import State
from usher.run_record import CostRecord, MonthlyCost, PlanEstimate, ResourceEstimate, RunRecord, VersionRecord
from usher.run_summary import monthly_costs, monthly_totals

RECOMMENDER_USERS = 100_000
"""The number of users up to which a recommender's hourly price is known. Further users are cheaper."""
RECOMMENDER_REQUESTS = 4_000
"""The requests that a recommender's hour includes."""
PAID_ACTIONS = {"create", "replace", "retrain", "rebuild"}
TAKING_TIME = PAID_ACTIONS | {"update", "wait"}
MONTH_HOURS = 30 * 24
INTERACTIONS_PER_HOUR = 2_000_000
"""The interactions that a v1 recipe trains on in a training hour, until one was billed. An assumption: AWS gives no
number.
"""
HIGHEST_LINE_PRICE = max(PRICES["batchThousand"], PRICES["batchThousandV2"])
"""US dollars for a thousand results of a batch job without a known price."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of the data that a plan works on."""

    bytes: Mapping[str, int]
    """The bytes of each dataset's files."""
    interactions: int
    users: int
    """The number of users with interactions; those in added files are counted once more."""
    hours: Mapping[str, float]
    """The training hours billed by the service, by resource id; the table of kinds has the estimate for others."""
    lines: Mapping[str, int]
    """The lines of batch jobs' inputs, by resource id."""
    items: int = 0
    """The number of items with interactions or metadata."""


NO_DATA = Size({}, 0, 0, {}, {})


def size_of(
    report: Mapping[str, Any], hours: Mapping[str, float], lines: Mapping[str, int] = MappingProxyType({})
) -> Size:
    """The size of the data, from a run's record."""
    sizes = {name: dataset.get("bytes", 0) for name, dataset in report.items()}
    for name, dataset in report.items():
        sizes |= {f"{name}/{file}": added["bytes"] for file, added in dataset.get("added", {}).items()}
    interactions = report.get("interactions", {})
    all_parts = [interactions, *interactions.get("added", {}).values()]
    rows, users = (sum(part.get(fact, 0) for part in all_parts) for fact in ("rows", "ids"))
    known_items = interactions.get("diagnosis", {}).get("items", {}).get("number", 0)
    metadata = report.get("items", {})
    items = known_items + metadata.get("ids", 0) + sum(added["ids"] for added in metadata.get("added", {}).values())
    return Size(sizes, rows, users, hours, lines, items)


def estimate_plan(
    resources: Sequence[Resource],
    states: Sequence[State],
    size: Size,
    prices: Mapping[str, float],
    expected_seconds: Mapping[str, float],
    monthly: Sequence[MonthlyCost],
) -> PlanEstimate:
    """The time and cost of carrying out a plan, per resource and in total.

    `states`: of a dry run; `prices`: the config's own; `expected_seconds`: the last duration, by id; `monthly`: the
    monthly costs after the run.
    """
    table = {**PRICES, **prices}
    by_id = {resource.id: resource for resource in resources}
    serving = {one["id"]: one["dollars"] for one in monthly if one["what"] == "serving" and one["desired"]}
    others = [one for one in monthly if one["id"] not in serving or not one["desired"]]
    ends: dict[str, float] = {}
    rows: dict[str, ResourceEstimate] = {}
    for state in states:
        resource = by_id[state.id]
        solution = solution_of(resource, by_id)
        usual = expected_seconds.get(state.id, KINDS[resource.kind].minutes * 60)
        seconds = usual if state.action in TAKING_TIME else 0.0
        begins = max((ends.get(need, 0.0) for need in resource.needs), default=0.0)
        ends[state.id] = begins + seconds
        rows[state.id] = {
            "action": state.action,
            "reason": state.reason,
            "minutes": round(seconds / 60, 1),
            "cost": one_time_cost(resource, solution, size, table) if state.action in PAID_ACTIONS else 0.0,
            "monthlyCost": serving.get(state.id, 0.0),
        }
    return {
        "minutes": round(max(ends.values(), default=0.0) / 60, 1),
        "cost": math.fsum(row["cost"] or 0 for row in rows.values()),
        "monthlyCost": monthly_totals(monthly)["monthlyCost"],
        "monthly": list(monthly),
        "unpriced": [
            *(id_ for id_, row in rows.items() if None in (row["cost"], row["monthlyCost"])),
            *(one["id"] for one in others if one["dollars"] is None),
        ],
        "prices": {"source": SOURCE, "date": DATE, "own": dict(prices), **table},
        "resources": rows,
    }


def actual_cost(plan: Plan | None, record: RunRecord, versions: Sequence[VersionRecord]) -> CostRecord:
    """The actual cost of a run, with the training hours that were billed, and the group's present monthly cost.

    `record`: the run's; `versions`: the record's, of the resources. Empty if nothing is known of either.
    """
    estimate = record.get("estimate")
    if not estimate and "costsNow" not in record:
        return {}
    totals = monthly_totals(monthly_costs(record))
    if not plan or not estimate:
        return totals
    by_id = {resource.id: resource for resource in plan.resources}
    ready = [state for state in record.get("resources", []) if state["status"] in {"READY", "HELD"} and "arn" in state]
    ids = {state["arn"]: state["id"] for state in ready}
    billed = {version["arn"]: version.get("trainingHours") for version in versions}
    hours = {ids[arn]: trained for arn, trained in billed.items() if arn in ids and trained}
    size, rows = size_of(record.get("data", {}), hours), estimate["resources"]
    paid = [id_ for id_ in ids.values() if id_ in rows and rows[id_]["action"] in PAID_ACTIONS]
    costs = [
        one_time_cost(by_id[id_], solution_of(by_id[id_], by_id), size, estimate["prices"])
        if id_ in hours
        else rows[id_]["cost"]
        for id_ in paid
    ]
    return {"cost": math.fsum(filter(None, costs)), **totals}


def one_time_cost(
    resource: Resource, solution: Mapping[str, Any], size: Size, prices: Mapping[str, float]
) -> float | None:
    """The cost of creating a resource, in US dollars; None if it is not known. `solution`: see solution_of."""
    match KINDS[resource.kind].cost:
        case "free":
            return 0.0
        case "per GB":
            return size.bytes.get(resource.id.partition("/")[2], 0) / 1e9 * prices["importGB"]
        case "per training":
            return training_cost(resource, solution, size, prices)
        case "per line":
            if resource.id not in size.lines or _has_themes(resource):
                return None
            return size.lines[resource.id] / 1000 * prices["batchThousandV2" if is_v2(solution) else "batchThousand"]
        case "per segment":
            return None


def training_cost(version: Resource, solution: Mapping[str, Any], size: Size, prices: Mapping[str, float]) -> float:
    """The price of a training: v2 recipes bill the interactions, v1 recipes the training hours."""
    if is_v2(solution):
        return trials(solution) * size.interactions / 1000 * prices["trainingThousandInteractionsV2"]
    one_training = max(KINDS[version.kind].minutes / 60, size.interactions / INTERACTIONS_PER_HOUR)
    hours = size.hours.get(version.id, trials(solution) * one_training)
    return hours * prices["trainingHour"]


def monthly_cost(
    resource: Resource, solution: Mapping[str, Any], size: Size, prices: Mapping[str, float]
) -> float | None:
    """The cost of a resource in 30 days without requests, in US dollars; None if it is not known.

    A campaign of a v1 recipe bills the provisioned requests per second; a recommender bills the hour, and provisioned
    requests above those that it includes. For v2 recipes the price page has a price of requests only, while
    API_CreateCampaign calls minProvisionedTPS "the minimum billing charge for the campaign", whatever the recipe: the
    cost without requests is therefore not known. Trainings on a timer are counted elsewhere (recurring, monthly).
    """
    match KINDS[resource.kind].monthly_cost:
        case "per hour":
            return recommender_month(resource, prices) if size.users <= RECOMMENDER_USERS else None
        case "per provisioned request":
            return None if is_v2(solution) else provisioned_month(_provisioned(resource), prices["requestThousand"])
    return 0.0


def provisioned_month(per_second: float, price: float) -> float:
    """The cost in 30 days of provisioned requests. `per_second`: their rate; `price`: of a thousand."""
    return float(MONTH_HOURS * 3600 * per_second / 1000 * price)


def _provisioned(campaign: Resource) -> float:
    return float(campaign.params.get("minProvisionedTPS", 1))


def recommender_month(resource: Resource, prices: Mapping[str, float]) -> float:
    """The cost of a recommender of up to RECOMMENDER_USERS in 30 days."""
    config = resource.params.get("recommenderConfig", {})
    requests = 3600 * config.get("minRecommendationRequestsPerSecond", 1)
    further = max(0, requests - RECOMMENDER_REQUESTS) / 1000 * prices["recommenderRequestThousand"]
    return float(MONTH_HOURS * (prices["recommenderHour"] + further))


def max_cost(resource: Resource, solution: Mapping[str, Any], size: Size) -> float:
    """The most that creating a resource costs, by PRICES: a ceiling also counts resources without a known price.

    A segment job looks at every user for each of its lines, and a job with themes writes one for each result: each
    counts as a line at the highest known price. Without a count of lines, each user is one.
    """
    known = one_time_cost(resource, solution, size, PRICES)
    if known is not None:  # the data may be a multiple of those for which the last training was billed
        return max(known, one_time_cost(resource, solution, replace(size, hours={}), PRICES) or 0)
    lines = size.lines.get(resource.id, size.users)
    if KINDS[resource.kind].cost == "per segment":
        lines *= max(size.users, 1)
    elif _has_themes(resource):
        lines *= max(int(resource.params.get("numResults", DEFAULT_RESULTS)), 1)
    return lines / 1000 * HIGHEST_LINE_PRICE


def max_monthly_cost(resource: Resource, solution: Mapping[str, Any], size: Size) -> float:
    """The most that a resource costs in 30 days, by PRICES. Further users count as much as the first.

    A campaign of a v2 recipe counts with its provisioned requests: see monthly_cost.
    """
    if KINDS[resource.kind].monthly_cost == "per provisioned request" and is_v2(solution):
        return provisioned_month(_provisioned(resource), PRICES["requestThousandV2"])
    known = monthly_cost(resource, solution, size, PRICES)
    if known is None:
        return math.ceil(size.users / RECOMMENDER_USERS) * recommender_month(resource, PRICES)
    return known


def trials(solution: Mapping[str, Any]) -> int:
    """The most trainings for a version of a solution: several with HPO."""
    if not solution.get("performHPO"):
        return 1
    resources = solution.get("solutionConfig", {}).get("hpoConfig", {}).get("hpoResourceConfig", {})
    digits = str(resources.get("maxNumberOfTrainingJobs", "")).lstrip("0")
    return min(int(digits[:9]), MAX_TRIALS) if digits.isdecimal() else MAX_TRIALS


def solution_of(resource: Resource, by_id: Mapping[str, Resource]) -> Mapping[str, Any]:
    """The CreateSolution members of the solution behind a version, campaign or batch job; empty if there is none."""
    name = resource.refs.get(LIVE_VERSION, resource.id).partition("/")[2]
    solution = by_id.get(f"solution/{name}")
    return solution.params if solution else {}


def is_v2(solution: Mapping[str, Any]) -> bool:
    """Whether a solution's recipe is billed by interactions and requests."""
    return recipe_of(str(solution.get("recipeArn", "")).rpartition("/")[2]).is_v2


def _has_themes(job: Resource) -> bool:
    return bool(job.params.get("batchInferenceJobMode") == "THEME_GENERATION")
