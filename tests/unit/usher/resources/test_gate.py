"""The gate: the choice of the live version."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.config.model import Job, Solution
from usher.planning.pins import Pin, with_pins
from usher.resources.gate import EPSILON, REMEDY, judge, version_to_serve, with_gates
from usher.resources.inventory import Existing
from usher.resources.kinds import Gate, Resource
from usher.resources.states import State
from usher.resources.versions import hours_since_training, metrics_of, usable_versions

from tests.unit.usher.world import World, interactions

METRIC = "normalized_discounted_cumulative_gain_at_25"
RULE = {"metric": "precision_at_10", "atLeast": 0.1, "versusLive": 0.9, "versusPopularity": 1.0}
METRICS = {"precision_at_10": 0.2, "coverage": 0.5}
NOT_CALLED: Any = None
CAMPAIGN = Resource("campaign/a", "campaign", "train", refs={"solutionVersionArn": "solution_version/a"})

values = st.floats(0, 1)
rules = st.fixed_dictionaries(
    {"metric": st.just(METRIC)},
    optional={name: st.floats(0, 2) for name in ("atLeast", "versusLive", "versusPopularity")},
)


@pytest.mark.parametrize(
    ("candidate", "live", "popularity", "why"),
    [
        (0.20, 0.20, 0.20, "precision_at_10 is 0.2000, at least 0.1000, atLeast"),
        (0.18, 0.20, 0.18, "at least"),
        (0.09, None, 0.05, "below 0.1000, atLeast: the floor"),
        (0.17, 0.20, 0.10, "below 0.1800, versusLive: the live version (0.9 of 0.2000)"),
        (0.19, None, 0.20, "below 0.2000, versusPopularity: the popularity solution (1 of 0.2000)"),
        (0.20, None, None, "the popularity solution has no metric precision_at_10; it has: none"),
    ],
)
def test_a_version_passes_where_it_reaches_everything_that_its_rule_asks(
    candidate: float, live: float | None, popularity: float | None, why: str
) -> None:
    def metrics(value: float | None) -> dict[str, float]:
        return {} if value is None else {"precision_at_10": value}

    verdict = judge(RULE, metrics(candidate), metrics(live), metrics(popularity))
    assert verdict.passes == ("at least" in why)
    assert why in verdict.reason


def test_the_first_version_passes_unless_a_floor_forbids() -> None:
    assert judge({"metric": METRIC, "versusLive": 5.0}, {METRIC: 0.1}, {}, {}).passes
    assert not judge({"metric": METRIC, "versusLive": 5.0, "atLeast": 0.2}, {METRIC: 0.1}, {}, {}).passes


def test_a_version_that_cannot_be_compared_is_held_back_and_reported() -> None:
    assert judge(RULE, {"coverage": 1}, {}, {}).reason == "this version has no metric precision_at_10; it has: coverage"
    assert not judge({"metric": METRIC, "versusLive": 0.0}, {METRIC: 1.0}, {"coverage": 1.0}, {}).passes
    assert not judge({"metric": METRIC, "atLeast": 0.0}, {METRIC: float("nan")}, {}, {}).passes


def test_without_a_rule_everything_passes() -> None:
    assert judge({}, {}, {}, {}).passes
    assert judge({"metric": "unknown"}, {}, METRICS, {}).passes


@given(rules, values, values, values, values)
def test_a_better_version_never_does_worse(
    rule: dict[str, Any], worse: float, gain: float, live: float, popularity: float
) -> None:
    others = {METRIC: live}, {METRIC: popularity}
    if judge(rule, {METRIC: worse}, *others).passes:
        assert judge(rule, {METRIC: worse + gain}, *others).passes


@given(rules, values, values, values)
def test_a_version_that_is_held_is_below_one_of_its_bars(
    rule: dict[str, Any], candidate: float, live: float, popularity: float
) -> None:
    bars = {"atLeast": 1.0, "versusLive": live, "versusPopularity": popularity}
    verdict = judge(rule, {METRIC: candidate}, {METRIC: live}, {METRIC: popularity})
    assert verdict.passes == all(
        candidate >= share * bars[name] - EPSILON for name, share in rule.items() if name in bars
    )


def gate_of(resource: Resource) -> Gate:
    """The gate of a gate target."""
    assert resource.gate
    return resource.gate


def guard(resource: Resource, rule: dict[str, Any], live: str = "", popular: str = "") -> Resource:
    """One campaign with its rule."""
    return with_gates([resource], {"a": rule}, {"a": live}, popular)[0]


def test_only_live_solutions_with_a_rule_have_a_gate() -> None:
    campaign = guard(CAMPAIGN, {"versusPopularity": 1.0}, "arn:live", "top")
    assert campaign.gate == Gate({"versusPopularity": 1.0}, "arn:live", "solution_version/top")
    assert campaign.needs == ["solution_version/a", "solution_version/top"]
    for other in (Resource("campaign/b", "campaign", "train"), Resource("solution/a", "solution", "train")):
        assert guard(other, {"versusPopularity": 1.0}) is other
    version = Resource("solution_version/a", "solution_version", "train")
    assert with_gates([version, CAMPAIGN], {"a": {"atLeast": 1}}, {}, "")[0] is version, "its campaign is"
    assert guard(version, {"atLeast": 1}).gate == Gate({"atLeast": 1})


def test_jobs_use_the_live_version_if_the_newest_may_be_held_back() -> None:
    """And come after it, also if it is compared with the popularity solution."""
    refs = {"solutionVersionArn": "solution_version/a"}
    job = Resource("batch_inference_job/j", "batch_inference_job", "train", refs=refs)
    top = Resource("solution_version/top", "solution_version", "train")
    assert with_gates([CAMPAIGN, job], {}, {}, "") == [CAMPAIGN, job]
    ordered = with_gates([CAMPAIGN, job, top], {"a": RULE}, {}, "top")
    assert [one.id for one in ordered] == [top.id, CAMPAIGN.id, job.id]
    assert ordered[-1].refs == {"solutionVersionArn": CAMPAIGN.id}
    version = Resource("solution_version/a", "solution_version", "train")
    assert with_gates([version, job], {"a": RULE}, {}, "")[-1].refs == refs


def test_a_solution_compared_with_the_popularity_solution_comes_after_it() -> None:
    top = Resource("solution_version/top", "solution_version", "train")
    assert [one.id for one in with_gates([CAMPAIGN, top], {"a": RULE}, {}, "top")] == [top.id, CAMPAIGN.id]
    assert [one.id for one in with_gates([CAMPAIGN, top], {"a": {"atLeast": 1}}, {}, "top")] == [CAMPAIGN.id, top.id]


def test_a_choice_of_a_person_comes_before_the_rule() -> None:
    """Without a client: nothing asks for metrics."""
    pins = {"a": Pin("arn:old", "me", "bad", "now", supersedes="arn:new")}
    resource = guard(with_pins([CAMPAIGN], pins)[0], RULE, "arn:new")
    found = Existing("arn:campaign", {"solutionVersionArn": "arn:new"})
    assert version_to_serve(NOT_CALLED, gate_of(resource), found, "arn:new", {}) == ("arn:old", "")


def test_personalize_gets_no_call_if_nothing_would_change() -> None:
    resource = guard(CAMPAIGN, RULE)
    assert (
        version_to_serve(
            NOT_CALLED, gate_of(resource), Existing("arn:c", {"solutionVersionArn": "arn:new"}), "arn:new", {}
        )[1]
        == ""
    )
    assert version_to_serve(NOT_CALLED, gate_of(resource), None, "", {}) == ("", "")


SOLUTION = Solution("top", "aws-popularity-count")


def trained(world: World, rule: dict[str, Any], users: int = 60) -> tuple[list[Resource], dict[str, Any]]:
    """The plan, with its gate, and the states after a run."""
    world.put("films/interactions.csv", interactions(users=users))
    wanted = with_gates(world.plan(SOLUTION, run=f"run-{users}"), {"top": rule}, {}, "")
    return wanted, world.settle(wanted)


def test_a_first_version_below_the_floor_is_not_deployed(world: World) -> None:
    _, states = trained(world, {"metric": METRIC, "atLeast": 2.0})
    held = states["campaign/top"]
    assert (held.action, held.status, held.remedy) == ("keep", "HELD", REMEDY)
    assert "below 2.0000, atLeast: the floor" in held.reason
    assert not world.personalize.list_campaigns()["campaigns"]


def test_a_worse_version_is_held_and_a_rule_that_is_loosened_lets_it_through(world: World) -> None:
    _, states = trained(world, {"metric": METRIC, "versusLive": 0.0})
    (first,) = world.personalize.list_campaigns()["campaigns"]
    served = states["campaign/top"].details["solutionVersionArn"]
    wanted, states = trained(world, {"metric": METRIC, "versusLive": 50.0}, users=61)
    held = states["campaign/top"]
    assert (held.status, held.arn) == ("HELD", first["campaignArn"])
    assert held.details == {"solutionVersionArn": served}
    updates = world.calls["UpdateCampaign"]
    assert world.settle(wanted)["campaign/top"].status == "HELD"
    assert world.calls["UpdateCampaign"] == updates == 0
    loose = with_gates(world.plan(SOLUTION, run="run-61"), {"top": {"metric": METRIC, "versusLive": 0.0}}, {}, "")
    moved = world.settle(loose)["campaign/top"]
    assert moved.status == "READY"
    assert moved.details == {"solutionVersionArn": states["solution_version/top"].arn}
    assert moved.details != {"solutionVersionArn": served}


SILENT = Solution("top", "aws-popularity-count", campaign=None)
JOB = Job("letter", "batch_inference_job", "top", input="films/batch/letter.jsonl")


def job_versions(world: World) -> list[str]:
    """The versions that jobs have worked with, in order."""
    jobs = world.personalize.list_batch_inference_jobs()["batchInferenceJobs"]
    return [one["solutionVersionArn"] for one in sorted(jobs, key=lambda one: one["creationDateTime"])]


def worked(world: World, rule: dict[str, Any], users: int, live: str = "", **pins: Pin) -> dict[str, State]:
    """The states after a run of a solution without a campaign, but with a job."""
    world.put("films/batch/letter.jsonl", '{"userId": "u1"}')
    world.put("films/interactions.csv", interactions(users=users))
    wanted = with_pins(world.plan(SILENT, run=f"run-{users}", jobs=(JOB,)), pins)
    return world.settle(with_gates(wanted, {"top": rule}, {"top": live}, ""))


def test_without_a_campaign_the_version_itself_is_held_and_jobs_go_on_with_the_former_one(world: World) -> None:
    first = worked(world, {"metric": METRIC, "versusLive": 0.0}, 60)
    version = first["solution_version/top"]
    assert (version.status, version.details) == ("READY", {"solutionVersionArn": version.arn})
    second = worked(world, {"metric": METRIC, "versusLive": 50.0}, 61, version.arn)
    held = second["solution_version/top"]
    assert (held.status, held.remedy) == ("HELD", REMEDY)
    assert held.arn != version.arn
    assert held.details == {"solutionVersionArn": version.arn}
    assert second["batch_inference_job/letter"].status == "READY"
    assert job_versions(world) == [version.arn]
    pin = Pin(held.arn, "Ann", "better", "now", held.arn)
    promoted = worked(world, {"metric": METRIC, "versusLive": 50.0}, 61, version.arn, top=pin)["solution_version/top"]
    assert (promoted.status, promoted.action) == ("READY", "promote")
    assert promoted.details == {"solutionVersionArn": held.arn}
    assert job_versions(world) == [version.arn, held.arn]


def test_without_a_campaign_and_a_version_that_passes_there_is_nothing_to_work_with(world: World) -> None:
    states = worked(world, {"metric": METRIC, "atLeast": 2.0}, 60)
    assert states["solution_version/top"].status == "HELD"
    assert states["batch_inference_job/letter"].status == "SKIPPED"
    assert not job_versions(world)


def test_jobs_of_a_held_campaign_use_its_version(world: World) -> None:
    world.put("films/batch/letter.jsonl", '{"userId": "u1"}')
    served = []
    for users, share in ((60, 0.0), (61, 50.0)):
        world.put("films/interactions.csv", interactions(users=users))
        rule = {"metric": METRIC, "versusLive": share}
        wanted = world.plan(SOLUTION, run=f"run-{users}", jobs=(JOB,))
        states = world.settle(with_gates(wanted, {"top": rule}, {}, ""))
        assert states["batch_inference_job/letter"].status == "READY"
        served.append(states["campaign/top"].details["solutionVersionArn"])  # type: ignore[index]
    assert states["campaign/top"].status == "HELD"
    assert served[0] == served[1]
    assert job_versions(world) == served[:1]


def test_the_known_facts_of_versions(world: World) -> None:
    _, states = trained(world, {})
    solution, version = states["solution/top"].arn, states["solution_version/top"].arn
    gone = version[:-1] + ("1" if version.endswith("0") else "0")
    assert usable_versions(world.personalize, solution) == [version]
    assert usable_versions(world.personalize, solution + "-gone") == []
    assert METRIC in metrics_of(world.personalize, version)
    assert metrics_of(world.personalize, "") == metrics_of(world.personalize, gone) == {}
    assert 0 <= hours_since_training(world.personalize, version) < 0.1
    assert not hours_since_training(world.personalize, gone) >= 0
