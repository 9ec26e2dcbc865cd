"""Compares a desired resource with an existing one, and finds the changes that Update can make in place. Pure."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from usher.resources.kinds import Kind

LATEST = "/$LATEST"
"""The end of a campaign's solutionVersionArn that follows the newest version: CreateCampaign."""


def covers(existing: Any, desired: Any) -> bool:
    """Whether an existing value includes a desired one. Services add defaults of their own, and people add spaces."""
    if isinstance(desired, Mapping):
        parts: Mapping[str, Any] = existing if isinstance(existing, Mapping) else {}
        return all(covers(parts.get(name), part) for name, part in desired.items())
    if isinstance(desired, list) and isinstance(existing, list):
        return len(desired) == len(existing) and all(any(covers(one, part) for one in existing) for part in desired)
    if isinstance(desired, str) and isinstance(existing, str):
        if desired.endswith(LATEST):
            return existing.startswith(desired.removesuffix(LATEST) + "/")
        return bool(_essence(existing) == _essence(desired))
    return bool(existing == desired)


def _essence(text: str) -> Any:
    """The words of a text, such as a filter's expression; the fields of a schema, as its other members have
    no effect.
    """
    try:
        return json.loads(text)["fields"]
    except (ValueError, TypeError, KeyError):
        return text.split()


def changed_in_place(kind: Kind, existing: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
    """The columns of `kind.mutable` in which an existing resource differs from Create's desired members."""
    missing = object()
    changed = [
        path
        for path in kind.mutable
        if (value := value_at(desired, path, missing)) is not missing and not covers(value_at(existing, path), value)
    ]
    if not kind.config_of_update:
        return changed
    # AWS does not say whether an update's changes are in Describe's solutionConfig or only in latestSolutionUpdate.
    last = existing.get(kind.latest_update) or {}
    applied = last if last.get("status") == "ACTIVE" else {}
    return [path for path in changed if not covers(applied, changed_members(kind, desired, [path]))]


def changed_members(kind: Kind, desired: Mapping[str, Any], changed: Collection[str]) -> dict[str, Any]:
    """The desired members at some paths of `kind.mutable`, in the form of Update and Describe."""
    config, config_of_update = kind.config_of_update or ("", "")
    members: dict[str, Any] = {}
    for path in changed:
        outer, _, inner = path.partition(".")
        if inner and outer == config:
            members.setdefault(config_of_update, {})[inner] = value_at(desired, path)
        else:
            members[path] = value_at(desired, path)
    return members


def members_of_update(kind: Kind, existing: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """The members for Update; empty if nothing has changed. `desired`: Create's members.

    A solution's update has only the changed ones: a training schedule, even the same, would reset the timer and train
    within the hour (service guide, "Updating a solution"). Other kinds get all mutable members.
    """
    changed = changed_in_place(kind, existing, desired)
    if kind.config_of_update or not changed:
        return changed_members(kind, desired, changed)
    members = {name: desired[name] for name in kind.mutable if name in desired}
    if kind.added_and_removed:
        name, additions, removals = kind.added_and_removed
        wanted, present = members.pop(name), existing[name]
        added = [one for one in wanted if one not in present]
        removed = [one["metricName"] for one in present if one not in wanted]
        members |= {**({removals: removed} if removed else {}), **({additions: added} if added else {})}
    return members


def immutable_members(kind: Kind, desired: Mapping[str, Any]) -> dict[str, Any]:
    """Create's members without those that Update changes in place."""
    return _without(desired, {tuple(path.split(".")) for path in kind.mutable})


def value_at(members: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """The value at a path of `kind.mutable`; `default` if there is none."""
    value: Any = members
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return default
        value = value[name]
    return value


def _without(members: Mapping[str, Any], paths: Collection[tuple[str, ...]]) -> dict[str, Any]:
    """The members without those at some paths, and without members that become empty."""
    kept = {}
    for name, value in members.items():
        inner = [path[1:] for path in paths if path[:1] == (name,)]
        if not inner:
            kept[name] = value
        elif all(inner) and (rest := _without(value, inner)):
            kept[name] = rest
    return kept
