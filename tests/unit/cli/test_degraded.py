"""The texts of the command and the page for incomplete answers."""

from typing import Any, get_args

import pytest
from rich.console import Console
from usher.serving.stored_filters import Mark

from usher_cli.api import show_list
from usher_cli.degraded import FILTERED, remarks


@pytest.mark.parametrize(
    ("degraded", "said"),
    [
        ({}, []),
        ({"reason": "Timeout"}, ["Personalize did not answer: Timeout."]),
        ({"reason": "Timeout", "filter": "applied", "ignored": ["context"]},
         ["Personalize did not answer: Timeout.", "The filter was applied.", "Ignored: context."]),
        ({"filter": "strict"}, ["The filter was applied; items for which its result is unknown are left out."]),
        ({"reason": "NoCatalogue"}, ["The table did not answer: the list may have items outside the catalogue."]),
    ],
)  # fmt: skip
def test_each_member_is_a_sentence(degraded: dict[str, Any], said: list[str]) -> None:
    assert list(remarks(degraded)) == said


def test_every_way_to_apply_a_filter_has_a_sentence() -> None:
    assert FILTERED.keys() == set(get_args(Mark))


def test_the_command_says_it_below_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {
        "itemList": [{"itemId": "a"}],
        "source": "export",
        "degraded": {"reason": "Timeout", "filter": "exported"},
    }
    show_list(Console(width=200), answer)
    shown = capsys.readouterr().out
    assert "From: export" in shown
    assert "Personalize did not answer: Timeout." in shown
