"""The terminal's view of running runs."""

import io
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from usher_cli import show
from usher_cli.costs import amount_text


def test_a_running_run_has_a_bar_a_sentence_and_its_expected_end() -> None:
    states = [
        {"id": f"solution_version/{number}", "status": status, "action": "create"}
        for number, status in enumerate(("READY", "PENDING"))
    ]
    record: Any = {"group": "films", "run": "r", "outcome": "RUNNING", "startedAt": "", "stage": "train"}
    record["resources"] = states
    text = io.StringIO()
    Console(file=text, width=200, force_terminal=True, color_system="standard").print(
        show.progress(record, "Expected end: 2026-11-27 12:00 UTC.")
    )
    last = Text.from_ansi(text.getvalue()).plain.splitlines()[-1]
    assert last.count("\u2501") + last.count("\u2578") + last.count("\u257a") == 20
    assert "1 of 2 resources are ready; at work on solution_version/1. Expected end: 2026-11-27 12:00 UTC." in last


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (7.7e-05, "under 0.001"),
        (1.0714, "1.07"),
        (99.96, "100"),
        (1827.4, "1,827"),
        (58_211_000, "58,211,000"),
    ],
)
def test_an_amount_is_a_plain_number(amount: float, text: str) -> None:
    assert amount_text(amount) == text
