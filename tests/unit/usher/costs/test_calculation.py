"""The duration and the cost of plans."""

import math
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.costs.calculation import (
    PAID_ACTIONS,
    Size,
    actual_cost,
    estimate_plan,
    is_v2,
    max_cost,
    max_monthly_cost,
    size_of,
)
from usher.costs.monthly import planned_costs
from usher.prices import DATE, PRICES, SOURCE
from usher.resources.kinds import KINDS, Resource
from usher.resources.plan import Plan
from usher.resources.states import State
from usher.run_record import PlanEstimate

RECIPE = "arn:aws:personalize:::recipe/"
WANTED = [
    Resource("dataset_group/g", "dataset_group", "import"),
    Resource("dataset_import_job/interactions", "dataset_import_job", "import", after=["dataset_group/g"]),
    Resource("solution/new", "solution", "train", {"recipeArn": f"{RECIPE}aws-user-personalization-v2"}),
    Resource("solution/old", "solution", "train", {"recipeArn": f"{RECIPE}aws-sims"}),
    *(
        Resource(
            f"solution_version/{name}", "solution_version", "train",
            refs={"solutionArn": f"solution/{name}"}, after=["dataset_import_job/interactions"],
        )
        for name in ("new", "old")
    ),
    Resource("campaign/new", "campaign", "train", refs={"solutionVersionArn": "solution_version/new"}),
    Resource(
        "campaign/old", "campaign", "train", {"minProvisionedTPS": 2}, {"solutionVersionArn": "solution_version/old"}
    ),
    *(
        Resource(f"batch_inference_job/{name}", "batch_inference_job", "train", refs={"solutionVersionArn": f"{of}"})
        for name, of in {"b": "solution_version/old", "c": "solution_version/new", "d": "solution_version/old"}.items()
    ),
]  # fmt: skip
DATA = {"interactions": {"bytes": 3_000_000_000, "rows": 500_000, "ids": 100_000}}
LINES = {"batch_inference_job/b": 2000, "batch_inference_job/c": 3000}
SIZE = size_of(DATA, {}, LINES)
MONTH = 2 * 2592 * 0.0556


CHAIN = ("dataset_group", "dataset_import_job", "solution_version", "campaign")


def chain(*kinds: str) -> float:
    return sum(KINDS[kind].minutes for kind in kinds)


def decided(action: str) -> list[State]:
    return [State(one.id, action, "PLANNED", f"arn:{one.id}", reason="Because.") for one in WANTED]


def estimated(
    resources: list[Resource], states: list[State], size: Size, prices: dict[str, float], seconds: dict[str, float]
) -> PlanEstimate:
    """The estimate of a plan in an otherwise empty account."""
    monthly = planned_costs(resources, states, size, {**PRICES, **prices})
    return estimate_plan(resources, states, size, prices, seconds, monthly)


def test_a_first_run_costs_the_sum_of_the_price_table() -> None:
    estimate = estimated(WANTED, decided("create"), SIZE, {}, {})
    costs = {name: row["cost"] for name, row in estimate["resources"].items()}
    assert costs == {
        "dataset_group/g": 0, "solution/new": 0, "solution/old": 0, "campaign/new": 0, "campaign/old": 0,
        "dataset_import_job/interactions": pytest.approx(3 * 0.05),
        "solution_version/new": pytest.approx(500 * 0.002),
        "solution_version/old": pytest.approx(KINDS["solution_version"].minutes / 60 * 0.24),
        "batch_inference_job/b": pytest.approx(2 * 0.067),
        "batch_inference_job/c": pytest.approx(3 * 0.15),
        "batch_inference_job/d": None,
    }  # fmt: skip
    assert estimate["cost"] == pytest.approx(math.fsum(filter(None, costs.values())))
    assert estimate["unpriced"] == ["campaign/new", "batch_inference_job/d"], "idle campaigns of v2 recipes among them"
    assert estimate["monthlyCost"] == pytest.approx(MONTH)
    assert estimate["resources"]["campaign/old"] == {
        "action": "create", "reason": "Because.", "minutes": KINDS["campaign"].minutes, "cost": 0,
        "monthlyCost": pytest.approx(MONTH),
    }  # fmt: skip


def test_a_run_takes_as_long_as_its_longest_chain() -> None:
    assert estimated(WANTED, decided("create"), SIZE, {}, {})["minutes"] == chain(*CHAIN)
    usual = {"solution_version/new": 18000.0}
    learned = estimated(WANTED, decided("create"), SIZE, {}, usual)
    assert learned["minutes"] == chain(*CHAIN) - chain("solution_version") + 300


def test_existing_resources_take_no_time_and_only_campaigns_continue_to_cost() -> None:
    estimate = estimated(WANTED, decided("reuse"), SIZE, {}, {})
    assert (estimate["minutes"], estimate["cost"], estimate["unpriced"]) == (0, 0, ["campaign/new"])
    assert estimate["monthlyCost"] == pytest.approx(MONTH)


def test_prices_of_the_config_override_and_the_others_are_shown_with_date_and_source() -> None:
    estimate = estimated(WANTED, decided("create"), SIZE, {"trainingThousandInteractionsV2": 1.0}, {})
    assert estimate["resources"]["solution_version/new"]["cost"] == 500
    assert estimate["prices"] == {
        **PRICES, "trainingThousandInteractionsV2": 1.0,
        "source": SOURCE, "date": DATE, "own": {"trainingThousandInteractionsV2": 1.0},
    }  # fmt: skip


def test_a_runs_cost_counts_existing_resources_by_their_hours() -> None:
    plan = Plan("films", WANTED)
    states = [asdict(one) | {"status": "READY"} for one in decided("reuse")]
    states[1]["status"] = "FAILED"
    record: Any = {
        "estimate": estimated(WANTED, decided("create"), SIZE, {}, {}),
        "resources": states,
        "data": DATA,
    }
    versions: Any = [{"arn": "arn:solution_version/old", "trainingHours": 2.5}, {"arn": "arn:else", "trainingHours": 9}]
    cost = actual_cost(plan, record, versions)
    assert cost["cost"] == pytest.approx(500 * 0.002 + 2.5 * 0.24 + 2 * 0.067 + 3 * 0.15)
    assert cost["monthlyCost"] == pytest.approx(MONTH)
    without: Any = {}
    assert actual_cost(plan, without, versions) == {}
    without_a_plan = actual_cost(None, record, versions)
    assert "cost" not in without_a_plan
    assert without_a_plan["monthlyCost"] == pytest.approx(MONTH), "what serves is paid for all the same"


@given(st.lists(st.sampled_from([*PAID_ACTIONS, "reuse", "keep", "update", "wait", "fail"]), min_size=11, max_size=11))
def test_costs_and_minutes_add_up_and_are_never_negative(actions: list[str]) -> None:
    states = [State(one.id, action, "PLANNED") for one, action in zip(WANTED, actions, strict=True)]
    estimate = estimated(WANTED, states, SIZE, {}, {})
    rows = estimate["resources"].values()
    assert estimate["cost"] == pytest.approx(math.fsum(row["cost"] or 0 for row in rows))
    assert max(row["minutes"] for row in rows) <= estimate["minutes"] <= sum(row["minutes"] for row in rows) + 0.1
    assert all(row["cost"] is None or row["cost"] >= 0 for row in rows)
    assert estimate["monthlyCost"] == pytest.approx(MONTH)


@pytest.mark.parametrize(
    ("users", "config", "month"),
    [
        (100_000, {}, 720 * 0.375),
        (25, {"minRecommendationRequestsPerSecond": 2}, 720 * (0.375 + 3.2 * 0.0833)),
        (100_001, {}, None),
    ],
)
def test_a_recommender_is_paid_for_by_the_hour_as_far_as_its_price_is_known(
    users: int, config: dict[str, int], month: float | None
) -> None:
    resource = Resource("recommender/x", "recommender", "train", {"recommenderConfig": config} if config else {})
    size = size_of({"interactions": {"ids": users}}, {})
    for action in ("create", "reuse"):
        estimate = estimated([resource], [State(resource.id, action, "PLANNED")], size, {}, {})
        row = estimate["resources"][resource.id]
        assert (row["cost"], row["monthlyCost"]) == (0, month and pytest.approx(month))
        assert estimate["monthlyCost"] == (pytest.approx(month) if month else 0)
        assert estimate["unpriced"] == ([] if month else [resource.id])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_priced_or_is_reported_as_unpriced(kind: str) -> None:
    resource = Resource(f"{kind}/x", kind, "train")
    estimate = estimated([resource], [State(resource.id, "create", "PLANNED")], SIZE, {}, {})
    assert (estimate["resources"][resource.id]["cost"] is None) == (estimate["unpriced"] == [resource.id])


def test_the_recipe_decides_the_billing() -> None:
    assert is_v2({"recipeArn": f"{RECIPE}aws-personalized-ranking-v2"})
    assert not is_v2({"recipeArn": f"{RECIPE}aws-similar-items"})


def test_a_training_of_a_v1_recipe_counts_by_its_data_and_trials_or_its_bill() -> None:
    resource, hpo = WANTED[5], {"recipeArn": f"{RECIPE}aws-sims", "performHPO": True}
    size = size_of({"interactions": {"rows": 10_000_000}}, {})
    assert max_cost(resource, {"recipeArn": f"{RECIPE}aws-sims"}, size) == pytest.approx(5 * 0.24)
    assert max_cost(resource, hpo, size) == pytest.approx(40 * 5 * 0.24)
    assert max_cost(resource, hpo, replace(size, hours={resource.id: 205})) == pytest.approx(205 * 0.24)


def test_a_campaign_of_any_recipe_counts_at_most_with_its_provisioned_rate() -> None:
    """As it "sets the minimum billing charge for the campaign": API_CreateCampaign."""
    campaign = Resource("campaign/c", "campaign", "train", {"minProvisionedTPS": 3})
    for recipe, price in (("aws-sims", "requestThousand"), ("aws-user-personalization-v2", "requestThousandV2")):
        found = max_monthly_cost(campaign, {"recipeArn": f"{RECIPE}{recipe}"}, SIZE)
        assert found == pytest.approx(3 * 2592 * PRICES[price])


def test_a_further_training_counts_at_most_by_its_data_however_little_the_last_was_billed_for() -> None:
    version, sims = Resource("solution_version/old", "solution_version", "train"), {"recipeArn": f"{RECIPE}aws-sims"}
    small, large = ({"interactions": {"rows": rows}} for rows in (1000, 500_000_000))
    assert max_cost(version, sims, size_of(large, {version.id: 0.1})) == pytest.approx(250 * PRICES["trainingHour"])
    assert max_cost(version, sims, size_of(small, {version.id: 7})) == pytest.approx(7 * PRICES["trainingHour"])
