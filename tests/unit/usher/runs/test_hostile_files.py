"""Any drop or request ends in a record and one notification, and soon."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from usher.errors import MAX_MESSAGE_LENGTH, MAX_PLACE_LENGTH
from usher.runs.outcome import MAX_SUMMARY_LENGTH
from usher.storage.layout import group_of, is_input
from usher.texts import visible

from tests.unit.fuzz.corpus import CONFIGS, GOOD, KEYS, TABLES
from usher_local.simulation.stack import Stack

pytestmark = pytest.mark.exhaustive


FEW = "".join(GOOD.splitlines(keepends=True)[:41])
"""Too few interactions to train on: even a valid config leads to nothing."""
CHEAP = "solutions: {p: {recipe: aws-popularity-count, campaign: false}}"
CASES: Mapping[str, Mapping[str, str | bytes]] = {
    **{
        f"config: {name}": {"films/usher.yaml": content, "films/interactions.csv": FEW}
        for name, content in CONFIGS[:105:5]
    },
    **{f"table: {name}": {"films/usher.yaml": CHEAP, "films/interactions.csv": one} for name, one in TABLES[::5]},
    **{f"key: {key[:60]!r}": {key: FEW} for key in KEYS if is_input(key) and group_of(key)},
}
"""The files of a drop, by their fault; the last one starts the run.

Every fifth config and table of the corpus: tests/unit/fuzz/test_corpus.py tests the refusals of all of them, and a run
only passes them on.
"""
REQUESTS: Mapping[str, Any] = {
    "nothing": {},
    "a list": ["films"],
    "a text": "films",
    "no name": {"group": ""},
    "a number": {"group": 5},
    "nobody": {"group": None},
    "a path": {"group": "films/out"},
    "half a character": {"group": "\ud800"},
    "a long name": {"group": "é" * 100_000},
    "another key": {"gruop": "films"},
    "an unknown task": {"group": "films", "task": "drop"},
    "a task that is none": {"group": "films", "task": ["import"]},
    "a task with more": {"group": "films", "task": "import", "solution": "s"},
    "a version without a solution": {"group": "films", "version": "latest"},
    "removing what can be no group": {"group": "my films", "task": "remove"},
    "an event without an object": {"detail": {}},
    "an event without a key": {"detail": {"object": {"key": None}}},
}
SECONDS = 90
"""A minute of them passes while a drop settles."""


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_drop_ends_in_a_record_and_a_notification(stack: Stack, name: str) -> None:
    stack.reset()
    for key, content in CASES[name].items():
        stack.put(key, content)
    execution = stack.drop(key)
    (record,) = stack.read(r".*/out/runs/.*/run\.json").values()
    assert "undelivered" not in record
    if record["outcome"] == "SUCCEEDED":  # it looks hostile, and is valid, or there is nothing to do yet
        assert execution.status == "SUCCEEDED"
        assert "resources" in record or record["note"].startswith("Nothing to do until")
    else:
        assert_reported(stack, record)
        assert not any(one["message"].startswith("broke off") for one in record["problems"])
        assert [arn for arn in stack.personalize.resources if ":::" not in arn] == [], "only recipes are there"
        assert execution.seconds <= SECONDS


@pytest.mark.parametrize("name", REQUESTS)
def test_a_hostile_request_is_reported(stack: Stack, name: str) -> None:
    stack.reset()
    execution, waits = stack.start(json.loads(json.dumps(REQUESTS[name])))
    for seconds in waits:
        stack.clock.shift(seconds)
    assert execution.status == "FAILED"
    assert execution.seconds <= SECONDS
    if records := stack.read(r"(.|\n)*/out/runs/.*/run\.json"):
        (record,) = records.values()
        assert_reported(stack, record)
    else:
        (message,) = stack.notifications()
        assert "Start it with" in message
        assert execution.arn in message


def assert_reported(stack: Stack, record: Mapping[str, Any]) -> None:
    """People got one notification, which names every place and remedy, and is fit to be shown."""
    assert record["outcome"] == "FAILED"
    assert record["problems"]
    for one in record["problems"]:
        assert 0 < len(one["place"]) <= MAX_PLACE_LENGTH
        assert 0 < len(one["message"]) <= MAX_MESSAGE_LENGTH
        assert 0 < len(one["remedy"]) <= MAX_MESSAGE_LENGTH
        assert all(text == visible(text) for text in one.values())
    (message,) = stack.notifications()
    first = record["problems"][0]
    assert message.startswith(f"{first['place']}: {first['message']} {first['remedy']}")
    assert len(record["summary"]) <= MAX_SUMMARY_LENGTH + 100
    assert len(message.encode()) <= 262_144
    assert record["run"] in message
