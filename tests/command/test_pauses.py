"""A paused group: nothing is made for it until it is resumed, and the live resources remain."""

import json

import pytest

from tests.command.world import run_command
from tests.unit.usher.world import interactions
from usher_local.simulation.stack import Stack

WHY = ("--why", "we check the data")


def test_arrivals_during_a_pause_wait_and_are_done_after_it(
    exported: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "$144.12 a month" in run_command(capsys, "pause", "films", *WHY, status=5)
    assert "films is not paused." in run_command(capsys, "resume", "films", "--yes", status=1)
    run_command(capsys, "pause", "films", *WHY, "--yes")
    before, serving = set(exported.personalize.resources), exported.items("films")["serving"]
    exported.put("films/interactions.csv", interactions(users=70))
    assert exported.drop("films/interactions.csv").status == "SUCCEEDED"
    assert "To continue: usher resume films." in run_command(capsys, "export", "films", status=1)
    exported.run({}, "Exports")
    exported.run({"group": "films"}, "Exports")
    assert set(exported.personalize.resources) == before
    assert exported.items("films")["serving"] == serving
    text = run_command(capsys, "status", "films")
    assert "we check the data. New data waits. To continue: usher resume films." in text
    output = run_command(capsys, "resume", "films", status=5)
    assert "retrain" in output, "the plan of what has waited is shown first"
    run_command(capsys, "resume", "films", "--yes")
    assert exported.run_started().status == "SUCCEEDED"
    assert "retrained popular" in run_command(capsys, "status", "films")
    assert json.loads(run_command(capsys, "status", "films", "--json"))["paused"] is None


def test_a_group_with_broken_files_can_be_resumed_and_reports_them(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.put("films/interactions.csv", "USER_ID\nu1\n")
    run_command(capsys, "pause", "films", *WHY, "--yes")
    said = run_command(capsys, "resume", "films", "--yes")
    assert "The run makes nothing until these problems are mended:" in said
    assert "lacks the column ITEM_ID" in said
    assert [execution.given for execution, _ in stack.started] == [{"group": "films"}]


def test_a_paused_group_can_be_removed(live: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    run_command(capsys, "pause", "films", *WHY, "--yes")
    assert live.run({"group": "films", "task": "remove"}).status == "SUCCEEDED"
    assert "pause" not in live.items("films")
    assert not [one for one in live.personalize.resources if ":campaign/" in str(one)]


@pytest.mark.parametrize("hindrance", ["pause", "broken files"])
def test_a_rollback_is_live_at_once_during_a_pause_and_with_any_files(
    live: Stack, capsys: pytest.CaptureFixture[str], hindrance: str
) -> None:
    live.put("films/interactions.csv", interactions(users=70))
    assert live.drop("films/interactions.csv").status == "SUCCEEDED"
    live.put("films/interactions.csv", interactions(users=80) if hindrance == "pause" else "USER_ID\nu1\n")
    if hindrance == "pause":
        run_command(capsys, "pause", "films", *WHY, "--yes")
    before = json.loads(run_command(capsys, "status", "films", "--json"))["live"][0]["version"]
    resources = set(live.personalize.resources)
    output = run_command(capsys, "rollback", "films", "popular", "--why", "Odd results", status=5)
    assert "othing else is done" in output
    run_command(capsys, "rollback", "films", "popular", "--why", "Odd results", "--yes")
    live.run_started()
    status = json.loads(run_command(capsys, "status", "films", "--json", status=0 if hindrance == "pause" else 1))
    (model,) = status["live"]
    assert (model["version"] == before, model["why"]) == (False, "Odd results")
    assert status["last"]["done"][0].startswith("rolled back popular to ")
    assert set(live.personalize.resources) == resources
    (campaign,) = [one for arn, one in live.personalize.resources.items() if ":campaign/" in str(arn)]
    assert campaign.values["solutionVersionArn"] == model["version"]
