"""The options of an evaluation: every fault in an input is reported, and the defaults are the notebook's."""

from typing import Any

import pytest
from usher.errors import UsherError
from usher.evaluation.options import Options


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"group": 7},
        {"group": "films", "splt": "last-one"},
        {"group": "films", "split": "by magic"},
        {"group": "films", "share": 0},
        {"group": "films", "share": "much"},
        {"group": "films", "share": True},
        {"group": "films", "cut": 1_600_000_000},
        {"group": "films", "split": "global", "cut": "yesterday"},
        {"group": "films", "recipes": "all"},
        {"group": "films", "recipes": [1]},
        {"group": "films", "live": "no"},
        {"group": "films", "requestsPerSecond": 0},
    ],
)
def test_an_invalid_input_is_reported_with_the_valid_form(given: dict[str, Any]) -> None:
    with pytest.raises(UsherError, match="Start the evaluation with") as caught:
        Options.from_input(given)
    if wrong := [name for name in given if name != "group"]:
        assert any(f"{name} is " in str(caught.value) for name in wrong)


def test_options_have_the_defaults_of_the_notebook() -> None:
    options = Options.from_input({"group": "films", "split": "global", "cut": 1_600_000_000})
    assert (options.cut, options.live, options.recipes) == (1_600_000_000, True, ())
    assert (Options().split, Options().share) == ("last-tenth", 0.1)
