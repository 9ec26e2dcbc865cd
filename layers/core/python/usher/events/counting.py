"""Decides whether an accepted event counts for a group's solutions, and gives the reasons if not. Pure."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from usher.events.checks import KINDS, Columns, plain
from usher.events.messages import Event
from usher.serving.serving_map import ServingMap

AT_ONCE = frozenset({"USER_PERSONALIZATION", "PERSONALIZED_RANKING", "PERSONALIZED_ACTIONS"})
"""The types of recipes whose answers follow a user's events without a training (service guide, "Recording events")."""
TRENDING = frozenset({"aws-trending-now", "aws-vod-trending-now"})
"""Recipes whose lists follow the events at intervals, without a training."""


class Reason(NamedTuple):
    """A reason why an event counts less than its sender may expect."""

    code: str
    message: str
    prevents: bool = True
    """Whether the event counts for no solution."""


def columns_of(content: ServingMap, kind: str) -> Columns:
    """The columns of the dataset that events go to; empty for a map of a former release."""
    return content.get("events", {}).get("columns", {}).get(KINDS[kind].dataset, {})


@dataclass(frozen=True, slots=True)
class Counting:
    """Decides for which solutions events of a kind count, by a group's serving map and its catalogue."""

    kind: str
    content: ServingMap
    unknown_items: Collection[str] = ()
    """Items that are missing in the catalogue."""

    def reasons(self, event: Event) -> list[Reason]:
        """The reasons why an event does not count, or not fully."""
        found = list(self._prevented(event)) if self.kind == "events" else []
        return [*found, *_without_column(event, columns_of(self.content, self.kind))]

    def _prevented(self, event: Event) -> Iterable[Reason]:
        if "itemId" not in event:
            yield Reason("NoItem", "It names no item, and no solution learns from such events. Give an itemId.")
        elif event["itemId"] in self.unknown_items:
            remedy = "Check the ID, or add the item to items.csv or by PUT items."
            yield Reason("UnknownItem", f"The catalogue does not have its item. {remedy}")
        used = self._used_types()
        if used and event["eventType"] not in used:
            trained = f"but on: {', '.join(sorted(used))}."
            yield Reason("UnusedEventType", f"No solution is trained on {event['eventType'][:99]}, {trained}")

    @property
    def _served(self) -> Mapping[str, Any]:
        return {**self.content.get("solutions", {}), **self.content.get("recommenders", {})}

    def _used_types(self) -> set[str]:
        """The event types that any solution is trained on; empty if all types are."""
        by_name = self.content.get("events", {}).get("eventTypes", {})
        return (
            {one for name in self._served for one in by_name[name]} if by_name.keys() >= self._served.keys() else set()
        )

    def use_by_solution(self, event: Event, arrived: float, trained_at: Mapping[str, float]) -> dict[str, str]:
        """For each solution that learns from an event, the time from which it does, in words.

        `arrived`: Unix seconds; `trained_at`: the beginnings of the live versions' trainings, by ARN, likewise.
        """
        return {
            name: _when_it_counts(entry, arrived, trained_at)
            for name, entry in self._served.items()
            if self._learns(name, entry, event)
        }

    def _learns(self, name: str, entry: Mapping[str, Any], event: Event) -> bool:
        if self.kind != "events":
            return bool(entry["type"] == "PERSONALIZED_ACTIONS")
        types = self.content.get("events", {}).get("eventTypes", {})
        return event["eventType"] in types.get(name, [event["eventType"]])


def _without_column(event: Event, columns: Columns) -> Iterable[Reason]:
    names = {plain(column) for column in columns}
    lost = [name for name in json.loads(event.get("properties", "{}")) if plain(name) not in names]
    if "eventValue" in event and "eventvalue" not in names:
        lost.append("eventValue")
    if columns and lost:
        message = f"The schema has no column for {', '.join(lost)[:500]}, and Personalize does not keep it."
        yield Reason("UnknownProperty", message, prevents=False)


def _when_it_counts(entry: Mapping[str, Any], arrived: float, trained_at: Mapping[str, float]) -> str:
    if arrived < trained_at.get(entry.get("solutionVersionArn", ""), 0):
        return "trained"
    if entry["type"] in AT_ONCE:
        return "at once"
    return "at the next interval" if entry.get("recipe") in TRENDING else "after the next training"


def warnings(reasons: Sequence[Sequence[Reason]]) -> list[dict[str, Any]]:
    """The reasons of a request's events, each once, with the numbers of its events: for the answer."""
    numbers: dict[Reason, list[int]] = {}
    for number, some in enumerate(reasons, start=1):
        for reason in some:
            numbers.setdefault(reason, []).append(number)
    return [{"code": one.code, "message": one.message, "events": which} for one, which in numbers.items()]
