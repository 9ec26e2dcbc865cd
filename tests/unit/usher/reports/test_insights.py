"""Insights: each applies from its threshold on, and not below."""

from collections.abc import Callable
from typing import Any

import pytest
from usher.reports.insights import INSIGHTS, insights, period_name

Change = Callable[[dict[str, Any]], None]


def sound() -> Any:
    """A diagnosis to which no insight applies."""
    return {
        "events": 4000, "duplicates": 0.0, "repeats": 0.2,
        "users": {"single": 0.1, "median": 9, "withoutMetadata": 0.0},
        "items": {"top1": 0.2, "withoutMetadata": 0.0, "withoutEvents": 0.1},
        "periods": {
            "seconds": 604_800, "events": [100] * 40, "newUsers": [1.0, *[0.1] * 39], "newItems": [1.0, *[0.1] * 39],
            "likeBefore": [None, *[0.9] * 39],
        },
    }  # fmt: skip


def put(value: Any, *path: str) -> Change:
    def change(report: dict[str, Any]) -> None:
        for name in path[:-1]:
            report = report[name]
        report[path[-1]] = value

    return change


CASES: list[tuple[Change, str | None]] = [
    (put([3961, *[1] * 39], "periods", "events"), "99 % of the events lie in 2%"),
    (put([3961, *[1] * 10], "periods", "events"), None),
    (put(0.01, "duplicates"), "1.0% of the events are duplicates"),
    (put(0.009, "duplicates"), None),
    (put(0.5, "users", "single"), "50% of the users have a single event"),
    (put(0.49, "users", "single"), None),
    (put(2.0, "users", "median"), "Half of the users have 2 events or fewer"),
    (put(2.5, "users", "median"), None),
    (put(0.6, "items", "top1"), "The top 1 % of the items have 60%"),
    (put(0.49, "items", "top1"), None),
    (put([1.0, *[0.2] * 39], "periods", "newItems"), "20% of the events are on items that are new in the same week"),
    (put([1.0, *[0.19] * 39], "periods", "newItems"), None),
    (put([1.0, *[0.5] * 39], "periods", "newUsers"), "50% of the events are by users who are new in the same week"),
    (put([1.0, *[0.49] * 39], "periods", "newUsers"), None),
    (put([None, *[0.5] * 39], "periods", "likeBefore"), "from one week to the next: the mean similarity is 0.50 of 1"),
    (put([None, None, *[0.51] * 38], "periods", "likeBefore"), None),
    (put(0.5, "repeats"), "50% of the events are on an item that the user has met before"),
    (put(0.49, "repeats"), None),
    (put(0.1, "items", "withoutMetadata"), "10% of the items with events are not in items.csv"),
    (put(0.5, "items", "withoutEvents"), "50% of the items in items.csv have no event"),
    (put(0.1, "users", "withoutMetadata"), "10% of the users with events are not in users.csv"),
]


@pytest.mark.parametrize(("change", "message"), CASES)
def test_an_insight_applies_from_its_threshold_on(change: Change, message: str | None) -> None:
    report = sound()
    change(report)
    if "events" in report["periods"] and len(report["periods"]["events"]) != 40:
        for name in ("newUsers", "newItems", "likeBefore"):
            report["periods"][name] = report["periods"][name][: len(report["periods"]["events"])]
    found = insights(report)
    assert [message in one["message"] for one in found if message] == [True] * (message is not None)
    assert all(one["remedy"] for one in found)
    assert bool(found) == (message is not None)


def test_every_insight_has_a_case() -> None:
    assert len([message for _, message in CASES if message]) == len(INSIGHTS)


def test_no_insight_applies_to_sound_data() -> None:
    assert insights(sound()) == []
    assert insights(sound() | {"events": 0}) == []


def test_no_insight_applies_to_an_unknown_value() -> None:
    report = sound()
    for name in ("users", "items"):
        del report[name]["withoutMetadata"]
    del report["items"]["withoutEvents"]
    assert insights(report) == []


def test_a_single_period_is_compared_with_none() -> None:
    report = sound()
    report["periods"] |= {"events": [7], "newUsers": [1.0], "newItems": [1.0], "likeBefore": [None]}
    assert insights(report) == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "second"), (600, "10 minutes"), (3600, "hour"), (86_400, "day"), (604_800, "week"), (14_515_200, "24 weeks")],
)
def test_periods_have_names(seconds: int, words: str) -> None:
    assert period_name(seconds) == words
