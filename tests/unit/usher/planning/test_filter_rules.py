"""The rules of filters for the API, and the event types in them that no file has."""

import pytest
from usher.config.model import Config
from usher.planning.desired import Data
from usher.planning.filter_rules import filter_rules

EXPRESSIONS = {
    "bought": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Buy")',
    "met": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")',
    "other": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE NOT IN ("buy")',
    "parameter": "EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ($TYPE)",
    "taken": 'EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("taken")',
}


@pytest.mark.parametrize(
    ("types", "from_events"),
    [(["view"], {"bought", "taken"}), ([], {"bought", "taken"}), (["buy", "view"], {"taken"}), (None, {"taken"})],
)
def test_event_types_that_no_file_has_are_learnt_from_sent_events(
    types: list[str] | None, from_events: set[str]
) -> None:
    config = Config((), {name: {"filterExpression": text} for name, text in EXPRESSIONS.items()}, {}, None)
    rules = filter_rules(config, {"interactions": Data("s3://b/films/interactions.csv", "d", event_types=types)})
    assert rules.keys() == EXPRESSIONS.keys()
    assert {name for name, [rule] in rules.items() if "'notInFiles': True" in str(rule)} == from_events
