"""The rules for events: the columns of their datasets, and the types that solutions are trained on."""

import json
from typing import Any

import pytest
from usher.config.model import Config, Recommender, Solution
from usher.planning.event_rules import event_rules
from usher.resources.kinds import Resource


def schema(dataset: str, **columns: Any) -> Resource:
    fields = [{"name": name, "type": kind} for name, kind in columns.items()]
    return Resource(f"schema/{dataset}", "schema", "import", {"schema": json.dumps({"fields": fields})})


def config(*solutions: Solution, recommenders: tuple[Recommender, ...] = ()) -> Config:
    return Config(solutions, {}, {}, None, recommenders=recommenders)


def test_the_columns_of_datasets_that_take_events_are_known() -> None:
    desired = [
        schema("interactions", USER_ID="string", EVENT_VALUE=["null", "float"]),
        schema("items", ITEM_ID="string"),
        schema("action_interactions", ACTION_ID="string"),
    ]
    assert event_rules(config(), desired)["columns"] == {
        "interactions": {"USER_ID": "string", "EVENT_VALUE": ["null", "float"]},
        "action_interactions": {"ACTION_ID": "string"},
    }


@pytest.mark.parametrize(
    ("settings", "types"),
    [
        ({}, {}),
        ({"eventType": "buy"}, {"s": ["buy"]}),
        (
            {"solutionConfig": {"eventsConfig": {"eventParametersList": [{"eventType": "buy"}, {"eventType": "see"}]}}},
            {"s": ["buy", "see"]},
        ),
        ({"solutionConfig": {"eventsConfig": {"eventParametersList": [{"weight": 1}]}}}, {}),
    ],
)
def test_a_solution_is_trained_on_the_types_that_it_names(settings: dict[str, Any], types: dict[str, Any]) -> None:
    assert event_rules(config(Solution("s", "aws-user-personalization-v2", settings)), [])["eventTypes"] == types


def test_a_use_case_is_trained_on_its_own_type() -> None:
    recommenders = (
        Recommender("bought", "aws-ecomm-popular-items-by-purchases"),
        Recommender("for-you", "aws-ecomm-recommended-for-you"),
    )
    assert event_rules(config(recommenders=recommenders), [])["eventTypes"] == {"bought": ["Purchase"]}
