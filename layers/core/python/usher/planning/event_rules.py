"""The rules by which the API checks events, for the serving map. Pure."""

import json
from collections.abc import Sequence

from usher.config.model import Config, Solution
from usher.planning.desired import EVENTS_CONFIG
from usher.recipes import recipe_of
from usher.resources.comparison import value_at
from usher.resources.kinds import Resource
from usher.serving.serving_map import EventRules

DATASETS = ("interactions", "action_interactions")


def event_rules(config: Config, desired: Sequence[Resource]) -> EventRules:
    """The columns of the datasets that take events, and the event types of the solutions that learn from some only.

    `desired`: all of the group's resources, including their schemas.
    """
    schemas = {one.id: json.loads(one.params["schema"]) for one in desired if one.kind == "schema"}
    columns = {
        dataset: {field["name"]: field["type"] for field in schemas[f"schema/{dataset}"]["fields"]}
        for dataset in DATASETS
        if f"schema/{dataset}" in schemas
    }
    types = {
        **{one.name: _event_types(one) for one in config.solutions},
        **{one.name: [recipe_of(one.recipe).event_type] for one in config.recommenders},
    }
    return {"columns": columns, "eventTypes": {name: some for name, some in types.items() if any(some)}}


def _event_types(solution: Solution) -> list[str]:
    """The event types that a solution is trained on; empty: all."""
    if event_type := solution.settings.get("eventType"):
        return [str(event_type)]
    weighted = value_at(solution.settings, EVENTS_CONFIG) or {}
    return [one["eventType"] for one in weighted.get("eventParametersList", ()) if "eventType" in one]
