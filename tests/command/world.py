"""Calls of the command in tests, and the groups that it works on."""

import json
import time
from collections.abc import Callable

import pytest

from tests.unit.usher.world import interactions
from usher_cli.__main__ import main
from usher_cli.deployed_stack import DeployedStack
from usher_local.simulation.stack import Stack

POPULAR = {"solutions": {"popular": {"recipe": "aws-popularity-count"}}, "exports": False}
EXPORTED = POPULAR | {"exports": {"popular": {"numResults": 5}}}


def films(stack: Stack) -> None:
    """Make a group live."""
    _serve(stack, POPULAR)


def exported_films(stack: Stack) -> None:
    """Make a group live that has an export."""
    _serve(stack, EXPORTED)


def _serve(stack: Stack, config: object) -> None:
    stack.put("films/usher.yaml", json.dumps(config))
    stack.put("films/interactions.csv", interactions())
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"


def run_command(
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
    status: int = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """The output of the command, from stdout and stderr. `sleep` replaces its waiting."""
    capsys.readouterr()
    assert main(arguments, lambda name: DeployedStack(name, sleep)) == status
    return "".join(capsys.readouterr())


def going_on(stack: Stack) -> Callable[[float], None]:
    """A sleep in which the executions that the command started take their next steps."""
    return lambda seconds: stack.clock.shift(max([seconds, *(next(steps, 0) for _, steps in stack.started)]))
