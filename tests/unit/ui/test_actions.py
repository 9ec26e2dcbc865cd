"""The fields of a dialog become an action, or are refused with a message."""

from datetime import UTC, datetime
from typing import Any

import pytest
from usher.access.keys import Key
from usher.errors import UsherError

from usher_cli.ui import keys, live, versions

KEY = Key(
    "films", "k3f81u0zq2", "mail tool", ("POST events",), "2026-11-27T12:00:00+00:00", 60,
    ({"salt": "", "hash": "", "until": None}, {"salt": "", "hash": "", "until": 1795780800}),
)  # fmt: skip


def test_a_key_is_shown_with_its_rights_and_the_end_of_its_former_secret() -> None:
    told = keys.about(KEY)
    assert (told["Key"], told["May ask"], told["A minute at most"]) == ("k3f81u0zq2", "POST events", 60)
    assert f"{datetime.fromtimestamp(1795780800, UTC):%Y-%m-%d}" in str(told["Former secret ends"])


@pytest.mark.parametrize("text", ["", "-1", "1.5", "seven", "367", "9" * 30, "²"])
def test_an_invalid_number_of_days_is_refused(text: str) -> None:
    with pytest.raises(UsherError, match="Days: a number from 0 to 366"):
        keys.whole_number(text, "Days", 366)


def test_a_key_that_may_ask_nothing_is_refused() -> None:
    with pytest.raises(UsherError, match="Choose the routes of the key"):
        keys.new_key(Any, {"name": "mail", "routes": [], "per_minute": ""})  # type: ignore[arg-type]


def test_each_line_is_one_user() -> None:
    assert live.words(" u1 \n\nu 2\r\n") == ["u1", "u 2"]


def test_a_version_is_chosen_by_its_time_and_the_live_one_is_named() -> None:
    version: Any = {"arn": "arn:a/b", "trainedAt": "2026-11-27T12:00:00+00:00", "live": True}
    assert versions.choice_label(version) == "2026-11-27 12:00, serves now: b"
    assert versions.choice_label(version | {"live": False}) == "2026-11-27 12:00: b"
