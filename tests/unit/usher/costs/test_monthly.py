"""The monthly cost of existing resources, desired or not; unknown costs are reported as unknown."""

import math
from dataclasses import replace
from typing import Any

import pytest
from usher.costs.calculation import Size
from usher.costs.monthly import existing_cost, existing_costs, recurring_costs
from usher.costs.recurring import Repeated
from usher.prices import PRICES
from usher.resources.billed import Billed

ARN = "arn:aws:personalize:us-east-1:1"
RECIPE = "arn:aws:personalize:::recipe/"
SIZE = Size({}, 1_000_000, 500, {}, {})
V1, V2 = {"recipeArn": f"{RECIPE}aws-sims"}, {"recipeArn": f"{RECIPE}aws-user-personalization-v2"}
DAILY = {
    "performAutoTraining": True,
    "solutionConfig": {"autoTrainingConfig": {"schedulingExpression": "rate(1 day)"}},
}


def campaign(solution: Any = V1, **members: Any) -> Billed:
    return Billed("campaign", f"{ARN}:campaign/films-a-abcdefghijklmnop", {"status": "ACTIVE", **members}, solution)


def solution(**members: Any) -> Billed:
    return Billed("solution", f"{ARN}:solution/films-a-abcdefghijklmnop", {"status": "ACTIVE", **members}, members)


def recommender(**members: Any) -> Billed:
    return Billed("recommender", f"{ARN}:recommender/r", {"status": "ACTIVE", **members}, {})


def priced(one: Billed, size: Size | None = SIZE) -> Any:
    """The known part of a cost, and its maximum; None without a cost."""
    found = existing_cost(one, "x", size, PRICES, desired=False)
    return (found["dollars"], found["atMost"]) if found else None


@pytest.mark.parametrize(
    ("one", "known", "most"),
    [
        (campaign(), 144.1152, 144.1152),
        (campaign(minProvisionedTPS=3), 3 * 144.1152, 3 * 144.1152),
        (campaign(V2), None, 388.8),
        (recommender(), 270, 270),
        (solution(**V2, **DAILY), 30 * 2, 30 * 2),
        (solution(**V1, **DAILY), 30 * 0.24, 30 * 0.24),
    ],
)
def test_existing_resources_have_their_price(one: Billed, known: float | None, most: float) -> None:
    assert priced(one) == (known and pytest.approx(known), pytest.approx(most))


@pytest.mark.parametrize(
    "one",
    [
        recommender(status="INACTIVE"), campaign(status="CREATE FAILED"), solution(**V1),
        solution(**V1, performAutoTraining=False), solution(**V1, **DAILY, status="CREATE STOPPED"),
    ],
)  # fmt: skip
def test_failed_resources_cost_nothing(one: Billed) -> None:
    assert priced(one) is None


def test_without_the_size_of_the_data_dependent_costs_are_unknown() -> None:
    for one in (recommender(), solution(**V1, **DAILY)):
        assert priced(one, None) == (None, None)
    assert priced(campaign(), None) == (pytest.approx(144.1152), pytest.approx(144.1152))


def test_more_users_than_have_a_known_price_are_not_known_but_have_a_maximum() -> None:
    assert priced(recommender(), Size({}, 0, 250_000, {}, {})) == (None, pytest.approx(3 * 270))


def test_live_resources_are_desired_with_their_solution() -> None:
    served = {campaign().arn, f"{solution().arn}/v1"}
    found = existing_costs([campaign(), solution(**V1, **DAILY), recommender()], "films", SIZE, served)
    assert [(one["id"], one["what"], one["desired"]) for one in found] == [
        ("campaign/a", "serving", True),
        ("solution/a", "recurring", True),
        ("recommender/r", "serving", False),
    ]


def test_repeated_costs_are_summed_by_place_and_unknown_if_one_is_unknown() -> None:
    most = [
        Repeated("schedules.import", 30, 2, schedule="schedule/import"),
        Repeated("schedules.import", 10, 3, schedule="schedule/import"),
        Repeated("segments.s.schedule", 4, 50, schedule="schedule/segments-s"),
        Repeated("ExportSchedule", 30, 0.1),
    ]
    known = [replace(one, dollars=math.nan) if "segments" in one.place else one for one in most]
    found = recurring_costs(known, most, {"schedule/import": "arn:import", "schedule/segments-s": "arn:s"})
    assert [(one["id"], one["arn"], one["dollars"], one["atMost"]) for one in found] == [
        ("schedules.import", "arn:import", 90, 90),
        ("segments.s.schedule", "arn:s", None, 200),
        ("ExportSchedule", "", pytest.approx(3), pytest.approx(3)),
    ]
