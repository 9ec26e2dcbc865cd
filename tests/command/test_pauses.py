"""A paused group: nothing is made for it until it is resumed, and what serves goes on."""

import json
from typing import Any

import pytest

from tests.command.world import POPULAR, told
from tests.unit.usher.world import interactions
from usher_local.simulation.stack import Stack

WHY = ("--why", "we check the data")


def test_what_arrives_during_a_pause_waits_and_is_done_after_it(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.put("films/usher.yaml", json.dumps(POPULAR | {"exports": {"popular": {}}}))
    stack.put("films/interactions.csv", interactions())
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"
    assert "$144.12 a month" in told(capsys, "pause", "films", *WHY, status=5)
    assert "films is not paused." in told(capsys, "resume", "films", "--yes", status=1)
    told(capsys, "pause", "films", *WHY, "--yes")
    before, serving = set(stack.personalize.resources), stack.items("films")["serving"]
    stack.put("films/interactions.csv", interactions(users=70))
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"
    stack.run({}, "Exports")
    stack.run({"group": "films"}, "Exports")
    assert set(stack.personalize.resources) == before
    assert stack.items("films")["serving"] == serving
    text = told(capsys, "status", "films")
    assert "we check the data What has arrived waits. To go on: usher resume films." in text
    asked = told(capsys, "resume", "films", status=5)
    assert "retrain" in asked, "the plan of what has waited is shown first"
    started: list[dict[str, str]] = []

    def start(_: Any, **request: str) -> str:
        started.append(request)
        return "arn:aws:states:us-east-1:123456789012:execution:usher-pipeline:new"

    monkeypatch.setattr("usher_cli.deployed_stack.DeployedStack.start", start)
    told(capsys, "resume", "films", "--yes")
    assert stack.run(started[0]).status == "SUCCEEDED"
    assert "retrained popular" in told(capsys, "status", "films")
    assert json.loads(told(capsys, "status", "films", "--json"))["paused"] is None


def test_a_paused_group_can_be_removed(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.put("films/usher.yaml", json.dumps(POPULAR))
    stack.put("films/interactions.csv", interactions())
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"
    told(capsys, "pause", "films", *WHY, "--yes")
    assert stack.run({"group": "films", "task": "remove"}).status == "SUCCEEDED"
    assert "pause" not in stack.items("films")
    assert not [one for one in stack.personalize.resources if ":campaign/" in str(one)]
