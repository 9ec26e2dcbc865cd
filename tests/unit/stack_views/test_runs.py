"""The expected end of a run, the stages of its resources, and its kind by its name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.resources.kinds import Resource
from usher.resources.plan import Plan

from usher_cli.stack_views.runs import SETTLED, expected_end, headline, kind_of_run, stages_of

NOW = datetime(2026, 11, 27, tzinfo=UTC)
CHAIN = ("dataset_import_job/interactions", "solution_version/popular", "campaign/popular")
STAGES = ("import", "train", "train")
MINUTES = (15.0, 60.0, 15.0)


def plan() -> Plan:
    resources = [
        Resource(id_, id_.partition("/")[0], stage, {}, after=[CHAIN[at - 1]] if at else [])
        for at, (id_, stage) in enumerate(zip(CHAIN, STAGES, strict=True))
    ]
    return Plan("films", [*resources, Resource("filter/seen", "filter", "train", {})])


def record(*statuses: str, waited: float = 0, minutes: Any = MINUTES) -> Any:
    """A run whose resources have these statuses, in order; pending ones have `waited` seconds."""
    states = [
        {"id": id_, "action": "create", "status": status, "waited": waited if status == "PENDING" else 0}
        for id_, status in zip(CHAIN, statuses, strict=False)
    ]
    rows = {
        id_: {"action": "create", "reason": "It does not exist yet.", "minutes": number, "cost": 0, "monthlyCost": 0}
        for id_, number in zip(CHAIN, minutes, strict=True)
    }
    return {"group": "films", "run": "r", "outcome": "RUNNING", "resources": states, "estimate": {"resources": rows}}


@pytest.mark.parametrize(
    ("statuses", "waited", "minutes"),
    [
        (("PLANNED", "PLANNED", "PLANNED"), 0, 90),
        (("PENDING", "WAITING", "WAITING"), 0, 90),
        (("PENDING", "WAITING", "WAITING"), 600, 80),
        (("READY", "PENDING", "WAITING"), 1800, 45),
        (("READY", "READY", "PENDING"), 60, 14),
        (("READY", "READY", "READY"), 0, 0),
        (("READY", "FAILED", "SKIPPED"), 0, 0),
    ],
)
def test_a_run_ends_after_the_longest_chain_of_unfinished_resources(
    statuses: tuple[str, ...], waited: float, minutes: float
) -> None:
    end = expected_end(plan(), record(*statuses, waited=waited), NOW)
    assert end is not None
    assert end.at == NOW + timedelta(minutes=minutes)
    assert not end.is_late


def test_a_resource_that_takes_longer_than_usual_is_reported() -> None:
    end = expected_end(plan(), record("READY", "PENDING", "WAITING", waited=3601), NOW)
    assert end is not None
    assert end.is_late
    assert end.at == NOW + timedelta(minutes=15), "it counts as about to be done"


def test_a_run_that_is_being_planned_has_no_end_yet() -> None:
    assert expected_end(plan(), {"group": "films", "run": "r", "outcome": "RUNNING"}, NOW) is None  # type: ignore[typeddict-item]


@given(
    st.lists(st.sampled_from(["PLANNED", "WAITING", "PENDING", *sorted(SETTLED)]), min_size=3, max_size=3),
    st.lists(st.floats(0, 1000), min_size=3, max_size=3),
    st.floats(0, 1e6),
)
def test_a_run_never_ends_before_now_nor_later_for_finished_resources(
    statuses: list[str], minutes: list[float], waited: float
) -> None:
    end = expected_end(plan(), record(*statuses, waited=waited, minutes=minutes), NOW)
    assert end is not None
    assert NOW <= end.at <= NOW + timedelta(minutes=sum(minutes) + 0.001)
    for place in range(3):
        further = [*statuses]
        further[place] = "READY"
        sooner = expected_end(plan(), record(*further, waited=waited, minutes=minutes), NOW)
        assert sooner is not None
        assert sooner.at <= end.at


def test_the_stages_have_the_planned_and_the_deleted_resources() -> None:
    run = record("READY", "FAILED", "SKIPPED")
    run["resources"][1] |= {"reason": "CreateFailed.", "remedy": "Drop more data."}
    run["deletions"] = [{"id": "campaign/old", "action": "delete", "status": "PENDING"}]
    imports, trains, deletes = stages_of(plan().resources, run)
    assert [imports["stage"], trains["stage"], deletes["stage"]] == ["import", "train", "delete"]
    (imported,) = imports["steps"]
    assert (imported["action"], imported["reason"], imported["minutes"]) == ("create", "It does not exist yet.", 15)
    assert [one["reason"] for one in trains["steps"]] == ["CreateFailed.", ""]
    assert trains["steps"][0]["remedy"] == "Drop more data."
    assert [one["id"] for one in deletes["steps"]] == ["campaign/old"]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("20261124T114403011Z-e758", "pipeline"),
        ("20261124T114403011Z-e758-again", "pipeline"),
        ("20261124T114403011Z-e758-for-you-export", "export for-you"),
        ("20261124T114403011Z-e758-evaluation", "evaluation"),
        ("20261124T114403011Z-e758-my-evaluation-export", "export my-evaluation"),
    ],
)
def test_a_runs_name_has_its_kind(name: str, what: str) -> None:
    assert kind_of_run(name) == what


def test_a_headline_has_the_worst_first() -> None:
    run: Any = {"problems": [], "held": [], "progress": "", "done": ["trained popular"], "notes": ["A note."]}
    assert headline(run) == "trained popular"
    run["held"] = [{"place": "campaign/popular", "message": "below the floor"}]
    assert headline(run) == "campaign/popular: below the floor"
    run["problems"] = [{"place": "films/usher.yaml", "message": "is not YAML."}]
    assert headline(run) == "films/usher.yaml: is not YAML."
    assert headline({"problems": [], "held": [], "progress": "", "done": [], "notes": []}) == ""  # type: ignore[typeddict-item]
