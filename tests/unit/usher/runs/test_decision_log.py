"""The log of a run has each decision once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usher.runs.decision_log import decisions, log_decisions

STATE = {"id": "campaign/for-you", "action": "create", "status": "PENDING"}
RECORD: Any = {"group": "films", "run": "r", "execution": "e", "startedAt": "s", "outcome": "RUNNING"}
STATES = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["campaign/a", "filter/b"]),
            "action": st.sampled_from(["create", "wait", "reuse"]),
            "status": st.sampled_from(["PENDING", "READY"]),
        }
    ),
    max_size=4,
)


def test_a_run_begins_decides_and_ends() -> None:
    planned = {**RECORD, "resources": [STATE | {"status": "PLANNED", "reason": "it does not exist"}]}
    assert list(decisions({}, RECORD)) == [{"action": "begin"}]
    assert list(decisions(RECORD, planned)) == [
        {"action": "create", "resource": "campaign/for-you", "status": "PLANNED", "reason": "it does not exist"}
    ]
    ended = {**planned, "outcome": "FAILED", "endedAt": "e", "summary": "It failed.", "problems": [PROBLEM]}
    assert list(decisions(planned, ended)) == [
        {"action": "refuse", "reason": "films/usher.yaml: is wrong. Mend it."},
        {"action": "end", "status": "FAILED", "reason": "It failed."},
    ]


PROBLEM = {"place": "films/usher.yaml", "message": "is wrong.", "remedy": "Mend it."}


@given(STATES, STATES)
def test_the_log_has_the_changes(before: list[Any], after: list[Any]) -> None:
    entries = list(decisions({**RECORD, "resources": before}, {**RECORD, "resources": after}))
    assert list(decisions({**RECORD, "resources": after}, {**RECORD, "resources": after})) == []
    assert [one["resource"] for one in entries] == [state["id"] for state in after if state not in before]


def test_a_line_is_json_with_group_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    log_decisions(RECORD, {**RECORD, "resources": [STATE]})
    line = json.loads(capsys.readouterr().out)
    assert line == {
        "level": "INFO",
        "message": "create campaign/for-you PENDING",
        "group": "films",
        "run": "r",
        "resource": "campaign/for-you",
        "action": "create",
        "status": "PENDING",
    }


def test_ten_thousand_resources_are_compared_at_once() -> None:
    """Each with each would take a minute."""
    before = [STATE | {"id": f"import/{number}"} for number in range(10_000)]
    after = [*before[1:], STATE | {"id": "import/0", "status": "READY"}]
    entries = list(decisions({**RECORD, "resources": before}, {**RECORD, "resources": after}))
    assert [(one["resource"], one["status"]) for one in entries] == [("import/0", "READY")]
