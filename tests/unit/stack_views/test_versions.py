"""The gate's verdict on the newest version, and its drawing on the page."""

from dataclasses import replace
from typing import Any

import pytest
from usher.resources.kinds import Gate

from usher_cli.stack_views.versions import gate_of
from usher_cli.ui.versions import chart, of_gate

RULE = {"metric": "coverage", "atLeast": 0.5}
GATE = Gate(RULE, popularity="solution_version/hits")


def version(name: str, coverage: float | None, *, live: bool = False) -> Any:
    return {
        "arn": f"arn:aws:personalize:us-east-1:1:solution/{name}",
        "status": "ACTIVE",
        "trainedAt": "2026-11-27T10:00:00+00:00",
        "live": live,
        "metrics": {} if coverage is None else {"coverage": coverage},
    }


OLD, NEW, UNTRAINED = version("a/1", 0.8, live=True), version("a/2", 0.6), version("a/3", None)
HITS = version("hits/1", 0.4, live=True)


@pytest.mark.parametrize(
    ("more", "passes", "verdict"),
    [
        ({}, True, "coverage is 0.6000, at least 0.5000, atLeast: the floor"),
        ({"atLeast": 0.7}, False, "coverage is 0.6000, below 0.7000, atLeast: the floor"),
        ({"versusLive": 0.9}, False, "below 0.7200, versusLive: the live version"),
        ({"versusLive": 0.5, "versusPopularity": 1}, True, "0.4000, versusPopularity: the popularity solution"),
        ({"versusPopularity": 2}, False, "below 0.8000, versusPopularity"),
    ],
)
def test_the_newest_trained_version_is_compared_with_the_live_one(more: Any, passes: bool, verdict: str) -> None:
    gate = gate_of(replace(GATE, rule=RULE | more), "a", {"a": [OLD, NEW, UNTRAINED], "hits": [HITS]})
    assert gate is not None
    assert gate["passes"] is passes
    assert verdict in gate["verdict"]
    assert verdict.split(",")[0] in of_gate(gate)


@pytest.mark.parametrize("versions", [[OLD], [UNTRAINED], []])
def test_there_is_nothing_to_judge_where_the_newest_serves_or_nothing_is_trained(versions: list[Any]) -> None:
    gate = gate_of(GATE, "a", {"a": versions})
    assert gate is not None
    assert not gate["verdict"]
    assert "coverage atLeast 0.5" in of_gate(gate)


def test_a_person_s_choice_stands_above_the_gate() -> None:
    gate = gate_of(replace(GATE, rule=RULE | {"atLeast": 0.7}, supersedes=NEW["arn"]), "a", {"a": [OLD, NEW]})
    assert gate is not None
    assert (gate["verdict"], gate["passes"]) == ("", True)


@pytest.mark.parametrize("planned", [None, Gate(live="arn", pinned="arn")])
def test_a_solution_without_a_rule_has_no_gate(planned: Gate | None) -> None:
    assert gate_of(planned, "a", {"a": [OLD, NEW]}) is None


def test_the_chart_has_the_versions_the_live_one_and_the_floor() -> None:
    gate = gate_of(GATE, "a", {"a": [OLD, NEW, UNTRAINED]})
    svg = chart([OLD, NEW, UNTRAINED], "coverage", gate)
    assert all(word in svg for word in ("coverage", "live", "floor of the gate"))
    assert "floor" not in chart([OLD, NEW], "coverage", None)
    assert chart([UNTRAINED], "coverage", None).startswith("<svg")
