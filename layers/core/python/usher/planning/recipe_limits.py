"""Whether a group has more data than its recipes consider in a training. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from usher.datasets.rules import Finding
from usher.recipes import recipe_of
from usher.storage.layout import data_location


def above_recipe_limits(
    report: Mapping[str, Any], recipes: Collection[str], group: str
) -> Iterator[tuple[str, Finding]]:
    """Warnings, each with the dataset in whose report it belongs.

    `report`: on each dataset, as the run's record keeps it; `recipes`: the names of those that the group trains.
    """
    for counted, count in _counts(report).items():
        limits = {name: recipe_of(name).limits.get(counted, count) for name in sorted(recipes)}
        exceeded = ", ".join(f"{limit:,d} with {name}" for name, limit in limits.items() if count > limit)
        if exceeded:
            dataset = counted if counted in report else "interactions"
            place = data_location(group, dataset, report[dataset]["files"])
            message = f"has {count:,d} {counted}; a training considers {exceeded}."
            yield dataset, Finding("warning", place, message, "Leave out the least important, or change the recipe.")


def _counts(report: Mapping[str, Any]) -> dict[str, int]:
    """How many interactions, items and actions there are, those in added files included."""
    added = {name: one.get("added", {}).values() for name, one in report.items()}
    counts = {name: one["rows"] + sum(file["rows"] for file in added[name]) for name, one in report.items()}
    met = report.get("interactions", {}).get("diagnosis", {}).get("items", {}).get("number", 0)
    return {**counts, "items": max(counts.get("items", 0), met)}
