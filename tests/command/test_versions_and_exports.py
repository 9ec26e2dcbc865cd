"""The command's view of a group's versions, exports and running executions; and unknown names."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import chain

import pytest

from tests.command.world import going_on, run_command
from tests.unit.usher.world import interactions
from usher_cli.__main__ import main
from usher_cli.arguments import commands
from usher_cli.command import FAILED, UNCONFIRMED
from usher_local.simulation.stack import Stack


def test_versions_are_shown_newest_first_with_the_live_one(exported: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    exported.put("films/interactions.csv", interactions(users=70))
    assert exported.drop("films/interactions.csv").status == "SUCCEEDED"
    rows = [
        line.split() for line in run_command(capsys, "versions", "films").splitlines() if line.startswith("popular ")
    ]
    assert len(rows) == 2
    (solution,) = json.loads(run_command(capsys, "versions", "films", "popular", "--json"))
    assert [row[1] for row in rows] == [one["arn"] for one in reversed(solution["versions"])]
    assert [one["live"] for one in solution["versions"]] == [False, True]
    assert "Its solutions: popular." in run_command(capsys, "versions", "films", "popula", status=1)


def test_an_export_asks_first_and_is_waited_for(exported: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    output = run_command(capsys, "export", "films", status=5)
    assert "A batch job of Personalize" in output
    assert "Repeat with --yes." in output
    assert not exported.started
    found = run_command(capsys, "export", "films", "popular", "--yes", "--wait", sleep=going_on(exported))
    [(execution, _)] = exported.started
    assert (execution.machine, execution.given) == ("Exports", {"group": "films", "solution": "popular"})
    assert "popular: SUCCEEDED." in found
    assert "It exports: popular." in run_command(capsys, "export", "films", "hits", "--yes", status=1)


def test_a_run_is_watched_to_its_end_also_by_programs(exported: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    exported.put("films/interactions.csv", interactions(users=70))
    _, steps = exported.start({"group": "films"})
    exported.clock.shift(next(steps))
    watched = run_command(capsys, "watch", "films", "--json", sleep=lambda _: exported.clock.shift(next(steps, 5)))
    lines = [json.loads(line) for line in watched.splitlines()]
    assert [one["outcome"] for one in lines][-2:] == ["RUNNING", "SUCCEEDED"]
    assert "retrained popular" in lines[-1]["done"]


OPTIONS = {"--routes": "GET popular"}
"""Values of options that do not accept any word."""


def with_a_misspelt_group() -> Iterator[list[str]]:
    """The command lines of all commands that take a group, with all that they require."""
    for command in commands():
        parser = ArgumentParser()
        command.add_arguments(parser)
        actions = {action.dest: action for action in parser._actions}
        if "group" in actions and not actions["group"].option_strings:
            given = [command.name.split()]
            for name, action in actions.items():
                option = next(iter(action.option_strings), "")
                if name == "group":
                    given.append(["flims"])
                elif action.required:
                    given.append([option, OPTIONS.get(option, "word")] if option else ["word"])
            yield list(chain(*given))


def test_every_command_suggests_the_group_for_a_misspelt_name(
    exported: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = list(with_a_misspelt_group())
    assert len(lines) > 20
    for line in lines:
        capsys.readouterr()
        assert main(line) in {FAILED, UNCONFIRMED}, line
        assert "Did you mean films?" in capsys.readouterr().err, line
    assert len(exported.executions) == 1, "nothing is started"


@pytest.mark.usefixtures("exported")
def test_a_failure_is_json_where_a_program_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "flims", "--json"]) == 1
    said = capsys.readouterr()
    (problem,) = json.loads(said.out)["problems"]
    assert problem["message"] in said.err.strip()
