"""The ceilings of a group's cost: no file exceeds one, and a refused config makes nothing."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usher.config.model import Config, Recommender
from usher.costs.calculation import Size, max_cost, max_monthly_cost, trials
from usher.costs.ceilings import PARAMETERS, AboveCeilingError, Ceilings, Estimate
from usher.costs.ledger import Past, Spending
from usher.datasets.read_limits import ReadLimits
from usher.errors import InputError
from usher.limits import MAX_TRIALS
from usher.planning.draft import Draft
from usher.planning.estimate import check_input_sizes
from usher.planning.planner import Planner
from usher.prices import PRICES
from usher.resources.kinds import Resource
from usher.storage.bucket import File
from usher.storage.table import Table

from tests.unit.usher.world import TABLE, World, interactions, target
from usher_local.cloud.services.service_quotas import listed
from usher_local.personalize.core import environment

SIMS, V2 = {"recipe": "aws-sims"}, {"recipe": "aws-user-personalization-v2"}
HPO = {**SIMS, "performHPO": True}
MONTH = 2592 * PRICES["requestThousand"]
"""The price of a v1 campaign at one request per second."""
MONTH_V2 = 2592 * PRICES["requestThousandV2"]


def jobs(most_jobs: str) -> dict[str, Any]:
    return {"hpoConfig": {"hpoResourceConfig": {"maxNumberOfTrainingJobs": most_jobs}}}


def many(number: int, **settings: Any) -> dict[str, Any]:
    return {"solutions": {f"s{one}": settings for one in range(number)}, "exports": False}


HOSTILE: list[tuple[dict[str, Any], str, str]] = [
    # a config, the parameter in the message, and the place
    ({"solutions": {"s": {**SIMS, "campaign": {"minProvisionedTPS": 5000}}}},
     "MaxProvisionedTPS=5000.", "films/usher.yaml: solutions.s.campaign.minProvisionedTPS"),
    ({"solutions": {"s": {**V2, "campaign": {"minProvisionedTPS": 2**62}}}},
     "MaxProvisionedTPS=<number>.", "films/usher.yaml: solutions.s.campaign.minProvisionedTPS"),
    (many(9, **SIMS, campaign={"minProvisionedTPS": 10}), "MaxMonthlyDollars=12973.", "films/"),
    (many(15, **SIMS), "MaxMonthlyDollars=2166.", "films/"),
    ({"solutions": {"s": SIMS}, "schedules": {"retrain": "rate(1 minute)"}},
     "MinScheduleMinutes=1.", "films/usher.yaml: schedules.retrain"),
    ({"solutions": {"s": {**SIMS, "schedules": {"FULL": "cron(* * * * ? *)"}}}},
     "MinScheduleMinutes=1.", "films/usher.yaml: solutions.s.schedules.FULL"),
    ({"solutions": {"s": SIMS}, "schedules": {"import": {"ScheduleExpression": "cron(0,59 * * * ? *)"}}},
     "MinScheduleMinutes=1.", "films/usher.yaml: schedules.import"),
    ({"solutions": {"s": V2}, "exports": {"s": {"schedule": "rate(30 minutes)"}}},
     "MinScheduleMinutes=30.", "films/usher.yaml: exports.s.schedule"),
    ({"solutions": {"s": V2}, "batch": {"b": {"solution": "s", "schedule": "rate(5 minutes)"}}},
     "MinScheduleMinutes=5.", "films/usher.yaml: batch.b.schedule"),
    ({"solutions": {"s": HPO}, "schedules": {"retrain": "rate(1 hour)"}}, "MaxMonthlyDollars=7057.", "films/"),
    ({"solutions": {"s": HPO}, "schedules": {"retrain": "rate(1 hour)"}, "prices": {"trainingHour": 0}},
     "MaxMonthlyDollars=7057.", "films/"),
    ({"solutions": {"s": {**HPO, "solutionConfig": jobs("0000000000040")}}, "schedules": {"retrain": "rate(1 hour)"}},
     "MaxMonthlyDollars=7057.", "films/"),
    ({"solutions": {"s": {**HPO, "solutionConfig": jobs("NaN")}}, "schedules": {"retrain": "rate(1 hour)"}},
     "MaxMonthlyDollars=7057.", "films/"),
    ({"solutions": {"s": {**HPO, "solutionConfig": jobs("-1")}}, "schedules": {"retrain": "rate(1 hour)"}},
     "MaxMonthlyDollars=7057.", "films/"),
    (many(25, **HPO, campaign=False), "MaxRunDollars=241.", "films/"),
    ({"solutions": {"s": {"recipe": "aws-similar-items", "campaign": False}}, "batch": {"b": {
        "solution": "s", "schedule": "rate(1 hour)", "batchInferenceJobMode": "THEME_GENERATION", "numResults": 10**6,
        "input": "films/batch/items.jsonl",
     }}}, "MaxMonthlyDollars=216000.", "films/"),
    ({"solutions": {"f": {"recipe": "aws-item-affinity", "campaign": False}},
      "segments": {"b": {"solution": "f", "schedule": "rate(1 hour)", "input": "films/batch/large.jsonl"}}},
     "MaxMonthlyDollars=12960.", "films/"),
    ({"solutions": {"s": V2}, "batch": {"b": {"solution": "s", "input": "films/batch/huge.jsonl"}}},
     "MaxExportLines=3001.", "films/batch/huge.jsonl"),
    ({"solutions": {"own": V2}, "exports": {"own": {}}}, "MaxExportLines=3001.", "films/usher.yaml: exports.own"),
]  # fmt: skip


@pytest.fixture
def site(world: World) -> Iterator[World]:
    """A group with data, and files of lines, in an account with large quotas."""
    world.put("films/interactions.csv", interactions())
    world.put("films/batch/b.jsonl", '{"userId": "u1"}\n' * 2)
    world.put("films/batch/items.jsonl", '{"itemId": "i1"}\n' * 2)
    world.put("films/batch/large.jsonl", '{"itemId": "i1"}\n' * 2000)
    for key in ("films/batch/huge.jsonl", "films/export/own/users.jsonl"):
        world.put(key, '{"userId": "u1"}\n' * 3001)
    environment.current.quotas = {"Campaign": 50, "Solution": 50}
    with listed():
        yield world


def plan(world: World, config: Any, ceilings: Ceilings | None = None, **options: Any) -> Draft:
    world.put("films/usher.yaml", json.dumps(config))
    at = replace(target(), export_schedule="cron(0 3 * * ? *)")
    return Planner(world.bucket, at, world.inventory, {}, ceilings=ceilings or Ceilings(), **options).draft()


def refused(world: World, config: Any, **options: Any) -> list[tuple[str, str]]:
    """Place and remedy of each problem; checks that nothing was made."""
    with pytest.raises(InputError) as error:
        plan(world, config, **options)
    assert not world.creations()
    return [(one.place, one.remedy) for one in error.value.problems]


def test_a_file_that_asks_for_too_much_is_refused_with_the_parameter_named(site: World) -> None:
    for config, parameter, place in HOSTILE:
        config.setdefault("batch", {})
        ceilings = Ceilings(export_lines=3000)
        found = refused(site, config, ceilings=ceilings)
        expected = (place, f"Reduce it, or raise the ceiling when you deploy the stack: sam deploy "
                           f"--parameter-overrides {parameter}")  # fmt: skip
        assert expected in found, config


def test_users_who_are_too_many_to_be_held_are_not_taken_for_none(site: World) -> None:
    config = {"solutions": {"f": {"recipe": "aws-item-affinity", "campaign": False}}}
    job = {"solution": "f", "input": "films/batch/large.jsonl"}
    ((place, remedy),) = refused(
        site, {**config, "segments": {"b": job}}, ceilings=Ceilings(run_dollars=10), limits=ReadLimits(ids=10)
    )
    assert place == "films/"
    assert "MaxRunDollars" in remedy


def test_hpo_is_refused_where_the_stack_does_not_allow_it(site: World) -> None:
    ((place, remedy),) = refused(site, {"solutions": {"s": HPO}}, ceilings=Ceilings(hpo=False))
    assert place == "films/usher.yaml: solutions.s.performHPO"
    assert remedy.endswith("--parameter-overrides AllowHPO=ENABLED.")


def test_a_remedy_that_is_followed_works(site: World) -> None:
    config = {"solutions": {"s": HPO}, "schedules": {"retrain": "rate(1 hour)"}}
    assert plan(site, config, Ceilings(month_dollars=7057)).is_work


def test_an_ordinary_group_passes_the_defaults_and_its_record_has_the_used_amounts(site: World) -> None:
    drafted = plan(site, {})
    facts = drafted.findings["ceilings"]
    assert facts["run"] == pytest.approx(drafted.findings["estimate"]["cost"])
    assert drafted.findings["estimate"]["monthlyCost"] == pytest.approx(MONTH), (
        "v1's floor; what v2 answers is not known"
    )
    assert facts["serving"] == pytest.approx(MONTH + 2 * MONTH_V2)
    assert facts["repeated"] == pytest.approx(30 * 60 / 1000 * PRICES["batchThousandV2"]), "the nightly export"
    assert facts["month"] == pytest.approx(facts["serving"] + max(facts["repeated"], facts["run"]))
    assert (facts["runCeiling"], facts["monthCeiling"]) == (200, 2000)


def test_the_samples_of_the_aws_solution_pass(site: World) -> None:
    """Its README has performHPO, updates every hour, and campaigns of one request per second."""
    tuned = {"recipe": "aws-user-personalization", "performHPO": True, "schedules": {"FULL": "cron(0 0 ? * 1 *)"}}
    updated = {"recipe": "aws-user-personalization", "schedules": {"UPDATE": "cron(0 * * * ? *)"}}
    assert plan(site, {"solutions": {"tuned": tuned, "updated": updated}}).is_work


def test_orders_of_30_days_count_until_a_run_orders_nothing(site: World) -> None:
    config = {"solutions": {"s": {**SIMS, "campaign": False}}}
    ((place, remedy),) = refused(site, config, past=Past(1999.9))
    assert (place, remedy[-23:]) == ("films/", "MaxMonthlyDollars=2001.")
    assert Ceilings().check_estimate("films", Estimate({}, ordered=10**6)) == []


def test_a_campaign_that_is_no_longer_in_the_file_counts_as_long_as_it_is_there(site: World) -> None:
    site.settle(plan(site, {"solutions": {"old": SIMS}}).plan.resources)  # type: ignore[union-attr]
    facts = plan(site, {"solutions": {"new": SIMS}}).findings["ceilings"]
    assert facts["serving"] == pytest.approx(2 * MONTH)
    facts = plan(site, {"solutions": {"new": SIMS}, "prune": True}).findings["ceilings"]
    assert facts["serving"] == pytest.approx(MONTH)


def test_a_former_solution_that_is_trained_automatically_counts_as_long_as_it_is_there(site: World) -> None:
    daily = {
        "performAutoTraining": True,
        "solutionConfig": {"autoTrainingConfig": {"schedulingExpression": "rate(1 day)"}},
    }
    site.settle(plan(site, many(1, **SIMS, **daily, campaign=False)).plan.resources)  # type: ignore[union-attr]
    for changed in (
        {"solutions": {"new": V2 | {"campaign": False}}},
        many(1, **SIMS, campaign=False, performHPO=False),
    ):
        facts = plan(site, {**changed, "exports": False}).findings["ceilings"]
        assert facts["serving"] == pytest.approx(30 * PRICES["trainingHour"])


def test_added_files_are_imported_and_trained_on_at_their_price(site: World) -> None:
    config = {"solutions": {"s": V2}}
    before = plan(site, config).findings["ceilings"]["run"]
    site.put("films/interactions/incremental/a.csv", interactions(users=100))
    rows, size = 2000, len(interactions(users=100))
    more = rows / 1000 * PRICES["trainingThousandInteractionsV2"] + size / 1e9 * PRICES["importGB"]
    assert plan(site, config).findings["ceilings"]["run"] == pytest.approx(before + more)


def test_an_unknown_price_counts_as_the_highest_known_one() -> None:
    size = Size({}, 0, 250_000, {}, {"batch_segment_job/s": 10, "batch_inference_job/t": 100})
    segments = Resource("batch_segment_job/s", "batch_segment_job", "train")
    themes = {"batchInferenceJobMode": "THEME_GENERATION", "numResults": 20}
    assert max_cost(segments, {}, size) == pytest.approx(10 * 250 * 0.15)
    assert max_cost(
        Resource("batch_inference_job/t", "batch_inference_job", "train", themes), {}, size
    ) == pytest.approx(100 * 20 / 1000 * 0.15)
    assert max_monthly_cost(Resource("recommender/r", "recommender", "train"), {}, size) == pytest.approx(
        3 * 720 * 0.375
    )


@given(st.text() | st.integers().map(str))
def test_a_version_takes_no_more_trainings_than_personalize_allows(text: str) -> None:
    assert trials({"performHPO": True, "solutionConfig": jobs(text)}) in range(1, MAX_TRIALS + 1)
    assert trials({"solutionConfig": jobs(text)}) == 1


solutions = st.fixed_dictionaries(
    {"recipe": st.sampled_from(["aws-sims", "aws-user-personalization-v2", "aws-popularity-count"])},
    optional={
        "performHPO": st.booleans(),
        "campaign": st.just(False) | st.builds(lambda tps: {"minProvisionedTPS": tps}, st.integers(1, 20)),
        "performAutoTraining": st.booleans(),
        "schedules": st.builds(
            lambda hours: {"FULL": f"rate({hours} hours)"}, st.integers(1, 1000)
        ),
    },
)  # fmt: skip
configs = st.fixed_dictionaries(
    {"solutions": st.dictionaries(st.sampled_from("abcdefgh"), solutions, max_size=8)},
    optional={
        "prices": st.dictionaries(st.sampled_from(list(PRICES)), st.floats(0, 10)),
        "schedules": st.builds(lambda hours: {"retrain": f"rate({hours} hours)"}, st.integers(1, 1000)),
        "exports": st.just(False),
    },
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(configs, st.floats(1, 5000), st.floats(0, 100))
def test_no_plan_that_is_accepted_costs_more_than_its_ceilings(
    site: World, config: Any, month: float, run: float
) -> None:
    ceilings = Ceilings(month_dollars=month, run_dollars=run)
    try:
        drafted = plan(site, config, ceilings)
    except InputError:
        assert not site.creations()
        return
    without = plan(site, {name: block for name, block in config.items() if name != "prices"}, ceilings)
    assert drafted.findings["ceilings"] == without.findings["ceilings"], "prices change only what is shown"
    estimate = without.findings["estimate"]
    assert estimate["cost"] <= run
    trainings = math.fsum(month_of_training(one, config) for one in config["solutions"].values())
    assert estimate["monthlyCost"] + trainings <= month + 0.01
    assert all((one.get("campaign") or {}).get("minProvisionedTPS", 1) <= 10 for one in config["solutions"].values())


def month_of_training(solution: dict[str, Any], config: dict[str, Any]) -> float:
    """The cost of a config's repeated trainings in 30 days."""
    rates = [block[name] for block in (config, solution) for name in ("schedules",) if name in block]
    hours = [int(text[5:-7]) for one in rates for text in one.values()]
    times = sum(720 / one for one in hours) + (30 / 7 if solution.get("performAutoTraining") else 0)
    each = 1.2 * PRICES["trainingThousandInteractionsV2"] if solution["recipe"].endswith("-v2") else 0.24
    return times * each * (40 if solution.get("performHPO") else 1)


def test_a_recommender_has_the_same_ceiling_as_a_campaign() -> None:
    settings = {"recommenderConfig": {"minRecommendationRequestsPerSecond": 11}}
    config = Config((), {}, {}, None, recommenders=(Recommender("r", "aws-ecomm-popular-items-by-views", settings),))
    (problem,) = Ceilings().check(config)
    assert problem.place == "usher.yaml: recommenders.r.recommenderConfig.minRecommendationRequestsPerSecond"
    assert problem.remedy.endswith("MaxProvisionedTPS=11.")


def test_ceilings_are_read_from_the_environment_and_default_to_the_templates() -> None:
    assert Ceilings.from_env({}) == Ceilings()
    given = {"MaxProvisionedTPS": "3", "AllowHPO": "DISABLED", "MaxRunDollars": "0.5"}
    assert Ceilings.from_env(given) == Ceilings(provisioned_tps=3, hpo=False, run_dollars=0.5)
    assert set(PARAMETERS) == {*Ceilings.__slots__}


def test_exports_that_each_fit_are_refused_once_they_do_not_fit_together(world: World) -> None:
    """All exports of a schedule begin at the same time, so no estimate includes another's cost."""
    spending, ceilings = Spending(Table(world.dynamodb, TABLE)), Ceilings(month_dollars=100)
    spending.order("films", "run-1", 0, standing=20, users=60)
    estimate = Estimate.without_resources(spending.of("films"), {"films/: exports.s": 30}, {})
    for number in range(2):
        ceilings.order(spending, "films", f"export-{number}", estimate)
    with pytest.raises(AboveCeilingError, match=r"MaxMonthlyDollars=110\."):
        ceilings.order(spending, "films", "export-2", estimate)
    assert spending.of("films").ordered == 60, "what is refused is not ordered"


def test_automatic_training_counts_beside_the_orders() -> None:
    estimate = Estimate({"x": 5}, {"campaign/c": 100, "solution/s": 300}, {"schedules.retrain": 30}, ordered=200)
    assert (estimate.standing, estimate.of_month) == (400, 605)
    assert replace(estimate, ordered=0).of_month == 430


def test_a_refusal_names_the_most_expensive_resource_of_a_month_even_if_free_to_make() -> None:
    (problem,) = Ceilings().check_estimate("films", Estimate({"campaign/c": 0}, {"campaign/c": 2500}))
    assert "(campaign/c: $2,500.00)" in problem.message


@pytest.mark.parametrize("ceiling", ["export_lines", "month_dollars"])
def test_an_automatic_export_is_left_out_if_it_would_exceed_the_limit(site: World, ceiling: str) -> None:
    facts = plan(site, {}).findings["ceilings"]
    assert facts["repeated"] > facts["run"] + 0.01
    limits: dict[str, Any] = {ceiling: 59 if ceiling == "export_lines" else facts["month"] - 0.01}
    ceilings = replace(Ceilings(), **limits)
    drafted = plan(site, {}, ceilings)
    assert drafted.plan
    assert drafted.plan.exports == {}
    (note,) = [one for one in drafted.findings["notes"] if one.place == "films/: exports.user-personalization"]
    assert "is left out" in note.message
    assert "--parameter-overrides M" in note.remedy
    assert drafted.findings["ceilings"]["repeated"] == 0
    assert refused(site, {"exports": {"user-personalization": {}}}, ceilings=ceilings), "what a config asks for"


def test_a_file_of_lines_is_read_no_further_than_the_ceiling(site: World) -> None:
    assert site.bucket.count_lines("films/batch/huge.jsonl") == 3001
    assert 50 < site.bucket.count_lines("films/batch/huge.jsonl", 50, chunk_bytes=1000) < 150


@pytest.mark.parametrize(("sizes", "place"), [([10**9, 10**9 + 1], "films/batch/1.jsonl"), ([10**9] * 11, "films/")])
def test_files_of_lines_that_are_too_large_are_refused(sizes: list[int], place: str) -> None:
    files = [File(f"films/batch/{number}.jsonl", size, "etag") for number, size in enumerate(sizes)]
    with pytest.raises(InputError) as caught:
        check_input_sizes("films", files)
    assert [(one.place, one.remedy) for one in caught.value.problems] == [
        (place, "Ask for less, in files of their own.")
    ]
    check_input_sizes("films", files[:1])


def test_a_schedule_of_the_stack_that_can_not_be_counted_is_noted_and_counts_as_daily(site: World) -> None:
    site.put("films/usher.yaml", "{}")
    expected, found = (
        Planner(site.bucket, replace(target(), export_schedule=schedule), site.inventory, {}).draft()
        for schedule in ("rate(1 day)", "cron(0 3 ? * MON@1 *)")
    )
    assert found.findings["ceilings"] == expected.findings["ceilings"]
    (note,) = (one for one in found.findings["notes"] if one.place == "ExportSchedule")
    assert note.message.startswith("is cron(0 3 ? * MON@1 *), which Usher can't read.")
