"""Costs in 30 days, of existing resources and of recurring tasks. Pure."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from usher.costs.calculation import (
    NO_DATA,
    PAID_ACTIONS,
    Size,
    max_cost,
    max_monthly_cost,
    monthly_cost,
    one_time_cost,
    solution_of,
)
from usher.costs.recurring import Repeated, automatic_trainings
from usher.prices import PRICES
from usher.resources.billed import Billed
from usher.resources.kinds import Resource
from usher.resources.states import State
from usher.run_record import MonthlyCost

STANDING = {"campaign", "recommender", "solution"}
"""The kinds of resources that may cost money as long as they exist."""
UNBILLED = ("FAILED", "STOPPED", "INACTIVE")
"""The endings of statuses of resources that cost nothing, as they do not serve."""


def planned_costs(
    resources: Sequence[Resource],
    states: Sequence[State],
    size: Size,
    prices: Mapping[str, float],
    existing: Mapping[str, Billed] = MappingProxyType({}),
) -> list[MonthlyCost]:
    """The costs of desired resources after a run. `states`: of a dry run; `existing`: resources, by ARN."""
    by_id, actions = {one.id: one for one in resources}, {state.id: state.action for state in states}

    def planned(resource: Resource) -> Billed:
        before = existing[resource.arn].members if resource.arn in existing else {}
        kept = {} if actions.get(resource.id) in PAID_ACTIONS else {"status": before.get("status", "")}
        solution = resource.params if resource.kind == "solution" else solution_of(resource, by_id)
        return Billed(resource.kind, resource.arn, {**resource.params, **kept}, solution)

    costs = (
        existing_cost(planned(one), one.id, size, prices, desired=True) for one in resources if one.kind in STANDING
    )
    return [cost for cost in costs if cost]


def existing_cost(
    one: Billed, id_: str, size: Size | None, prices: Mapping[str, float], *, desired: bool
) -> MonthlyCost | None:
    """The cost of an existing resource; None if it costs nothing.

    `size`: of the group's data; None if it is not known: costs that depend on it are then unknown, too.
    """
    if str(one.members.get("status", "")).endswith(UNBILLED):
        return None
    known, most = _training(one, size, prices) if one.kind == "solution" else _serving(one, size, prices)
    if most == 0:
        return None
    what: Literal["serving", "recurring"] = "recurring" if one.kind == "solution" else "serving"
    return {"id": id_, "arn": one.arn, "what": what, "desired": desired, "dollars": known, "atMost": most}


def existing_costs(
    billed: Iterable[Billed], group: str, size: Size | None, served: Collection[str]
) -> list[MonthlyCost]:
    """The costs of a group's existing resources, by the known prices.

    `served`: the ARNs that its serving map names; they are desired, and so are the solutions behind them.
    """

    def is_served(arn: str) -> bool:
        return any(one == arn or one.startswith(f"{arn}/") for one in served)

    costs = (existing_cost(one, one.id_in(group), size, PRICES, desired=is_served(one.arn)) for one in billed)
    return [cost for cost in costs if cost]


def _training(solution: Billed, size: Size | None, prices: Mapping[str, float]) -> tuple[float | None, float | None]:
    """The cost of a solution's automatic trainings, and the most that they cost."""
    times = automatic_trainings(solution.members)
    if not times or not size:
        return (None, None) if times else (0, 0)
    version = Resource(f"solution_version/{solution.arn}", "solution_version", "train")
    each = one_time_cost(version, solution.members, size, prices)
    return each and times * each, times * max_cost(version, solution.members, size)


def _serving(one: Billed, size: Size | None, prices: Mapping[str, float]) -> tuple[float | None, float | None]:
    """The cost of a campaign or a recommender, and the most that it costs. The former does not depend on the data."""
    if not size and one.kind != "campaign":
        return None, None
    resource, counted = Resource(one.arn, one.kind, "train", one.members), size or NO_DATA
    known = monthly_cost(resource, one.solution, counted, prices)
    return known, max(max_monthly_cost(resource, one.solution, counted), known or 0)


def recurring_costs(known: Sequence[Repeated], most: Sequence[Repeated], arns: Mapping[str, str]) -> list[MonthlyCost]:
    """The costs of schedules, by their place in the config or the stack's parameter.

    `known`, `most`: the same recurring costs by the group's prices (NaN: not known) and at most; `arns`: by id of the
    schedule.
    """
    costs: dict[str, MonthlyCost] = {}
    for one, limit in zip(known, most, strict=True):
        before = costs.get(one.place)
        dollars = (_nan_if_unknown(before["dollars"]) if before else 0) + one.a_month
        costs[one.place] = {
            "id": one.place,
            "arn": arns.get(one.schedule, ""),
            "what": "recurring",
            "desired": True,
            "dollars": None if math.isnan(dollars) else dollars,
            "atMost": ((before and before["atMost"]) or 0) + limit.a_month,
        }
    return list(costs.values())


def cost_or_nan(resource: Resource, solution: Mapping[str, Any], size: Size, prices: Mapping[str, float]) -> float:
    """one_time_cost, with NaN for unknown costs: every sum with one is then unknown."""
    return _nan_if_unknown(one_time_cost(resource, solution, size, prices))


def _nan_if_unknown(cost: float | None) -> float:
    return math.nan if cost is None else cost
