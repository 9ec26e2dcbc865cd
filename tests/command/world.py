"""How the command is called in tests."""

import pytest

from usher_cli.__main__ import main

POPULAR = {"solutions": {"popular": {"recipe": "aws-popularity-count"}}, "exports": False}


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    """What the command prints, in whichever way."""
    capsys.readouterr()
    assert main(arguments) == status
    return "".join(capsys.readouterr())
