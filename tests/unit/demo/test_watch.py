"""The terminal's view of a run."""

import json

from usher_local.demo.watch import cause


def execution(name: str, key: str = "", sequencer: str = "") -> dict[str, str]:
    given = {"detail": {"object": {"key": key, "sequencer": sequencer}}} if key else {"group": "films"}
    return {"executionArn": name, "input": json.dumps(given)}


def test_a_drop_with_two_events_is_one_cause() -> None:
    executions = [
        execution("first", "films/users.csv", "01"),
        execution("a second event", "films/users.csv", "01"),
        execution("dropped again", "films/users.csv", "02"),
        execution("at the same time", "films/items.csv", "02"),
        execution("by a person"),
        execution("by another"),
    ]
    assert len({*map(cause, executions)}) == 5
