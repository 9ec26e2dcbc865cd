"""Compares a group's data with the limits and needs of its recipes. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from usher.config.model import Config
from usher.datasets.data_rules import Finding
from usher.datasets.profile import DatasetProfile
from usher.datasets.schemas import Field, Schema, fields
from usher.errors import Problem
from usher.recipes import recipe_of
from usher.storage.layout import data_location


def above_recipe_limits(
    report: Mapping[str, Any], recipes: Collection[str], group: str
) -> Iterator[tuple[str, Finding]]:
    """Warnings, each with the dataset in whose report it belongs.

    `report`: on each dataset, from the run's record; `recipes`: the names of those that the group trains.
    """
    for counted, count in _counts(report).items():
        limits = {name: recipe_of(name).limits.get(counted, count) for name in sorted(recipes)}
        exceeded = ", ".join(f"{limit:,d} with {name}" for name, limit in limits.items() if count > limit)
        if exceeded:
            dataset = counted if counted in report else "interactions"
            place = data_location(group, dataset, report[dataset]["files"])
            message = f"has {count:,d} {counted}; a training considers {exceeded}."
            yield dataset, Finding(place, message, "Leave out the least important, or change the recipe.", "warning")


ATTRIBUTE_AFFINITY = "aws-item-attribute-affinity"
NO_FEATURES = ("ITEM_ID", "CREATION_TIMESTAMP")


def lacking_attributes(
    config: Config, items: DatasetProfile | None = None, schema: Schema | None = None
) -> list[Problem]:
    """The problems of solutions that train on attributes of items of which none groups items: their training would
    fail.

    All values of such an attribute are the same, or all are different
    (https://github.com/aws-samples/retail-demo-store/issues/393).
    """
    columns = fields(schema) if schema else {}
    message = "has no attribute to train on: no column of the items has a value that some items share and others don't."
    remedy = "Add a column to the items, such as GENRES; or remove the solution."
    return [
        Problem(f"usher.yaml: solutions.{one.name}", message, remedy)
        for one in config.solutions
        if one.recipe == ATTRIBUTE_AFFINITY
        and not (items and any(_groups_items(items, columns[name]) for name in columns if name in items.columns))
    ]


def _groups_items(items: DatasetProfile, column: Field) -> bool:
    profile = items.columns[column.name]
    if column.name in NO_FEATURES or not (column.categorical or column.numeric):
        return False
    if profile.values is None or profile.facts["several values"].rows:
        return True  # an attribute with too many values to count may group items
    values = [rows for value, rows in profile.values.items() if value]
    return len(values) > 1 and max(values) > 1


def _counts(report: Mapping[str, Any]) -> dict[str, int]:
    """The numbers of interactions, items and actions, including those in added files."""
    added = {name: one.get("added", {}).values() for name, one in report.items()}
    counts = {name: one["rows"] + sum(file["rows"] for file in added[name]) for name, one in report.items()}
    met = report.get("interactions", {}).get("diagnosis", {}).get("items", {}).get("number", 0)
    return {**counts, "items": max(counts.get("items", 0), met)}
