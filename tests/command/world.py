"""How the command is called in tests, and the groups that it finds."""

import json

import pytest

from tests.unit.usher.world import interactions
from usher_cli.__main__ import main
from usher_local.simulation.stack import Stack

POPULAR = {"solutions": {"popular": {"recipe": "aws-popularity-count"}}, "exports": False}
EXPORTED = POPULAR | {"exports": {"popular": {"numResults": 5}}}


def films(stack: Stack) -> None:
    """Let a group serve."""
    _serve(stack, POPULAR)


def exported_films(stack: Stack) -> None:
    """Let a group serve that has an export."""
    _serve(stack, EXPORTED)


def _serve(stack: Stack, config: object) -> None:
    stack.put("films/usher.yaml", json.dumps(config))
    stack.put("films/interactions.csv", interactions())
    assert stack.drop("films/interactions.csv").status == "SUCCEEDED"


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    """What the command prints, in whichever way."""
    capsys.readouterr()
    assert main(arguments) == status
    return "".join(capsys.readouterr())
