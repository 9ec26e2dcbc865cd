"""The summary of a run for people: its work, the live versions, and the group's cost."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.run_record import MonthlyCost
from usher.run_summary import cost_sentences, current_cost, has_acted, monthly_costs, monthly_totals, summarize

VERSION = "arn:aws:personalize:us-east-1:1:solution/films-similar/v"
RECORD: Any = {"group": "films", "run": "r", "execution": "e", "startedAt": "2026-11-22T10:00:00+00:00"}


def cost(id_: str, dollars: float | None = 144.12, arn: str = "", **more: Any) -> Any:
    one = {
        "id": id_, "arn": arn or f"arn:{id_}", "what": "serving", "desired": True, "dollars": dollars, "atMost": 388.8,
    }  # fmt: skip
    return one | more


def state(id_: str, status: str = "READY", **more: Any) -> dict[str, Any]:
    return {"id": id_, "action": "reuse", "status": status, "arn": f"arn:{id_}", **more}


def record(
    planned: dict[str, str], states: list[Any], before: list[MonthlyCost], after: list[MonthlyCost], **more: Any
) -> Any:
    """A record with a plan: `planned`: actions by id."""
    rows = {
        id_: {"action": action, "reason": more.pop("reason", "Because."), "minutes": 1, "cost": 0, "monthlyCost": 0}
        for id_, action in planned.items()
    }
    estimate = {"cost": 1.5, "monthly": after, "resources": rows}
    ended = {"outcome": "SUCCEEDED", "stage": "train", "costsNow": before, "estimate": estimate, "resources": states}
    return RECORD | ended | more


def ids(costs: list[MonthlyCost]) -> list[str]:
    return [one["id"] for one in costs]


OLD, NEW, KEPT = cost("campaign/old", desired=False), cost("campaign/new"), cost("campaign/kept", desired=False)


def test_an_undesired_resource_costs_as_long_as_it_exists() -> None:
    planned = {"campaign/new": "create"}
    run = record(planned, [state("campaign/new")], [OLD, KEPT], [NEW, KEPT])
    assert ids(monthly_costs(run)) == ["campaign/new", "campaign/old", "campaign/kept"], "it was not deleted"
    run["deletions"] = [state("campaign/old", "DELETED")]
    assert ids(monthly_costs(run)) == ["campaign/new", "campaign/kept"]
    run["deletions"] = [state("campaign/old", "SKIPPED")]
    assert "campaign/old" in ids(monthly_costs(run)), "its deletion failed"


@pytest.mark.parametrize("status", ["PLANNED", "PENDING", "FAILED", "SKIPPED"])
def test_resources_that_are_not_made_cost_nothing_yet(status: str) -> None:
    run = record({"campaign/new": "create"}, [state("campaign/new", status)], [OLD], [NEW])
    assert ids(monthly_costs(run)) == ["campaign/old"]


@pytest.mark.parametrize(("status", "dollars"), [("PENDING", 144.12), ("READY", 288.24)])
def test_a_changed_resource_costs_as_before_until_its_change(status: str, dollars: float) -> None:
    run = record({"campaign/new": "update"}, [state("campaign/new", status)], [NEW], [NEW | {"dollars": 288.24}])
    assert [one["dollars"] for one in monthly_costs(run)] == [dollars]


def test_trainings_that_are_switched_off_cost_nothing_any_more() -> None:
    trained = cost("solution/a", 3, what="recurring")
    run = record({"solution/a": "update"}, [state("solution/a", "PENDING")], [trained], [])
    assert ids(monthly_costs(run)) == ["solution/a"]
    run["resources"] = [state("solution/a")]
    assert monthly_costs(run) == []


def test_a_refused_run_costs_its_existing_resources() -> None:
    refused: Any = RECORD | {"outcome": "FAILED", "costsNow": [OLD, NEW], "problems": []}
    assert current_cost(refused)["monthlyCost"] == pytest.approx(288.24)
    assert "cost" not in current_cost(refused)


def test_a_removed_group_costs_its_remaining_resources() -> None:
    removal: Any = RECORD | {"outcome": "RUNNING", "removal": True, "costsNow": [OLD, NEW], "resources": []}
    assert current_cost(removal)["monthlyCost"] == pytest.approx(288.24)
    removal["deletions"] = [state("campaign/old", "DELETED")]
    assert ids(monthly_costs(removal)) == ["campaign/new"]


costs = st.builds(
    cost,
    st.sampled_from(["campaign/a", "campaign/b", "recommender/c", "solution/d"]),
    st.none() | st.floats(0.01, 1000),
    what=st.sampled_from(["serving", "recurring"]),
    desired=st.booleans(),
)
parts = st.lists(costs, max_size=4, unique_by=lambda one: one["arn"])


@given(parts, parts, st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["READY", "PENDING", "FAILED"])))
def test_nothing_that_exists_is_left_out_and_nothing_counts_twice(
    before: list[MonthlyCost], after: list[MonthlyCost], statuses: dict[str, str]
) -> None:
    states = [state(one["id"], statuses.get(one["id"][-1], "PENDING")) for one in after if one["desired"]]
    run = record({}, states, before, after)
    made = {one["arn"] for one in states if one["status"] == "READY"}
    found = monthly_costs(run)
    arns = [one["arn"] for one in found]
    assert len(arns) == len(set(arns))
    assert {one["arn"] for one in before} - made <= set(arns)
    assert all(one["arn"] in made for one in after if one["desired"] and one in found and one not in before)
    sums = monthly_totals(found)
    assert sums["monthlyCost"] + sums["recurringCost"] == pytest.approx(math.fsum(one["dollars"] or 0 for one in found))
    assert sums["unpriced"] == [one["id"] for one in found if one["dollars"] is None]


def test_an_unknown_price_is_named_and_never_nothing() -> None:
    unknown = [cost("campaign/v2", None), cost("recommender/r", None, atMost=None)]
    (_, _, sentence) = cost_sentences({"cost": 0, **monthly_totals(unknown)})
    assert sentence == (
        "Not included, as the price is not known: campaign/v2 (at most $388.80 a month), recommender/r."
    )
    assert monthly_totals(unknown)["monthlyAtMost"] is None


def test_costs_are_reported_with_unused_resources() -> None:
    schedule = cost("schedules.retrain", 2, what="recurring")
    assert list(cost_sentences({"cost": 1.5, **monthly_totals([NEW, OLD, schedule])})) == [
        "This run: about $1.50.",
        "Serving, even when idle: $288.24 a month.",
        "Not in usher.yaml, but still billed: campaign/old ($144.12 a month).",
        "Trainings, exports and jobs on schedules: $2.00 a month.",
    ]


def test_a_run_reports_its_work() -> None:
    planned = {
        "schema/items": "create", "dataset_import_job/interactions": "create", "dataset_import_job/items": "create",
        "solution_version/for-you": "retrain", "solution_version/new": "create", "filter/seen": "replace",
        "campaign/a": "create", "campaign/b": "create", "campaign/c": "create", "campaign/d": "create",
        "campaign/for-you": "update", "campaign/failed": "create", "dataset_group/films": "reuse",
    }  # fmt: skip
    states = [state(id_, "FAILED" if id_.endswith("failed") else "READY") for id_ in planned]
    run = record(planned, states, [], [], deletions=[state("campaign/films-old", "DELETED")])
    assert list(summarize(run)["done"]) == [
        "imported interactions, items",
        "retrained for-you",
        "trained new",
        "replaced 1 filter (seen)",
        "made 4 campaigns",
        "updated 1 campaign (for-you)",
        "deleted 1 campaign (films-old)",
        "set up 1 further resource",
    ]


@pytest.mark.parametrize(("supersedes", "verb"), [("w", "rolled back"), ("v", "promoted")])
def test_a_choice_is_reported_with_its_author_and_reason(supersedes: str, verb: str) -> None:
    pin = {"version": VERSION, "who": "Ann", "why": "odd", "at": "x", "supersedes": VERSION[:-1] + supersedes}
    serving = state("campaign/similar", details={"solutionVersionArn": VERSION})
    reason = "It differs in solutionVersionArn."
    run = record({"campaign/similar": "update"}, [serving], [], [], pins={"similar": pin}, reason=reason)
    summary = summarize(run)
    assert list(summary["done"]) == [f"{verb} similar to v, by Ann: odd"]
    run["estimate"]["resources"]["campaign/similar"]["reason"] = "It differs in minProvisionedTPS."
    assert list(summarize(run)["done"]) == ["updated 1 campaign (similar)"], "the choice was made before"


@pytest.mark.parametrize(("execution", "live", "is_own"), [("e", "v", True), ("f", "v", False), ("e", "w", False)])
def test_a_choice_of_the_runs_own_execution_is_reported_after_it_is_live(
    execution: str, live: str, is_own: bool
) -> None:
    """Whatever else the run did: the version is live before the run plans anything."""
    pin = {"version": VERSION, "who": "Ann", "why": "odd", "at": "x", "execution": execution}
    serving = [{"name": "similar", "version": VERSION[:-1] + live}]
    run = record({}, [], [], [], pins={"similar": pin}, live=serving, execution="e", outcome="FAILED")
    del run["stage"]
    assert has_acted(run) == is_own
    assert list(summarize(run)["done"]) == (["rolled back similar to v, by Ann: odd"] if is_own else [])


def test_a_version_that_a_gate_holds_was_trained_but_nothing_was_deployed() -> None:
    planned = {"solution_version/a": "retrain", "campaign/a": "update"}
    run = record(planned, [state("solution_version/a"), state("campaign/a", "HELD")], [], [], outcome="HELD")
    assert list(summarize(run)["done"]) == ["retrained a"]
    assert [one["place"] for one in summarize(run)["held"]] == ["campaign/a"]


def test_a_run_that_only_looked_did_nothing() -> None:
    run = record({"campaign/a": "reuse"}, [state("campaign/a")], [], [])
    del run["stage"]
    assert list(summarize(run)["done"]) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"stage": "train"}, "1 of 2 resources are ready; at work on campaign/b."),
        ({"stage": "delete", "deletions": [state("campaign/c", "DELETED")]}, "Deleting: 1 of 1 resources are deleted."),
    ],
)
def test_a_running_run_shows_its_progress(more: dict[str, Any], said: str) -> None:
    states = [state("campaign/a"), state("campaign/b", "PENDING")]
    assert summarize(record({}, states, [], [], outcome="RUNNING", **more))["progress"] == said


def test_unmanaged_resources_are_listed_with_their_price() -> None:
    unmanaged = [{"id": one["id"], "arn": one["arn"], "reason": "not desired", "deleted": False} for one in (OLD, KEPT)]
    unmanaged.append({"id": "filter/f", "arn": "arn:f", "reason": "not desired", "deleted": True})
    run = record({}, [], [OLD, KEPT], [], unmanaged=unmanaged, deletions=[state("campaign/old", "DELETED")])
    rows = [(one["id"], one["status"], one["monthly"]) for one in summarize(run)["unmanaged"]]
    assert rows == [
        ("campaign/old", "DELETED", None), ("campaign/kept", "kept", KEPT), ("filter/f", "to be deleted", None),
    ]  # fmt: skip
