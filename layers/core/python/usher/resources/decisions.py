"""What to do about one resource: what is wanted against what is there. Pure, but for the time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from usher.aws import now
from usher.resources.inventory import Found
from usher.resources.kinds import KINDS, Resource

BROKEN = ("FAILED", "STOPPED")
FOREVER = 10**10
"""Seconds of rest that nothing but being asked ends."""
LATEST = "/$LATEST"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about one resource."""

    action: str
    """create, reuse, update, retrain, rebuild, promote, wait, hold or fail; a plan calls it replace where create has a
    predecessor."""
    why: str
    due: str = ""
    """When a rest ends, if it ends by itself: ISO time, UTC, to the second."""
    remedy: str = ""
    """What a person can do, where the reason is not the service's but the stack's own."""


def decide(resource: Resource, found: Found | None, wanted: Mapping[str, Any], excused: Mapping[str, str]) -> Decision:
    """What to do about a resource whose needs are met. Pure, but for the time.

    `wanted`: its Create members with the ARNs filled in. `excused`: failures that were there before the run, by ARN;
    they are built again, since a person has dropped something after them.
    """
    if found is None:
        return Decision("create", "It is not there yet.")
    outdated = found.inputs != resource.inputs
    if outdated and (rest := _rest(resource, found)):
        return rest
    if found.status.endswith(BROKEN):
        known = not outdated and failure(found) != excused.get(found.arn)
        reason = _failure_reason(resource, found)
        return Decision("fail", reason) if known else Decision("rebuild", f"It failed before: {reason}")
    if outdated:
        return Decision("retrain" if resource.kind == "solution_version" else "create", _news(resource, found))
    if found.status == "INACTIVE":
        return Decision("hold", "Somebody has stopped it; start it to have it serve again.")
    if found.status != "ACTIVE":
        return Decision("wait", f"It is in {found.status}.")
    return _decide_on_change(resource, found, wanted, excused)


def _rest(resource: Resource, found: Found) -> Decision | None:
    """What to do where one that is out of date is not to be followed by another yet."""
    if not resource.rest_seconds or _asked(resource.inputs) not in {"", _asked(found.inputs)}:
        return None
    due = found.details["creationDateTime"] + timedelta(seconds=min(resource.rest_seconds, FOREVER))
    if now() >= due:
        return None
    if not found.status.endswith((*BROKEN, "ACTIVE")):
        return Decision("wait", f"It is in {found.status}.")
    if not found.usable:
        return None
    if resource.rest_seconds >= FOREVER:
        return Decision("hold", f"{_news(resource, found)} It is trained when somebody asks for it.")
    end = f"{due + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}"
    return Decision("hold", f"{_news(resource, found)} It is trained again from {end} UTC on.", end)


def _asked(inputs: str) -> str:
    """When one was asked for, as its inputs tell."""
    return inputs.partition("@")[2]


def _news(resource: Resource, found: Found) -> str:
    same = found.inputs.partition("@")[0] == resource.inputs.partition("@")[0]
    return "Somebody, or a schedule, asks for it." if same else "What it is made from has changed."


def _decide_on_change(
    resource: Resource, found: Found, wanted: Mapping[str, Any], excused: Mapping[str, str]
) -> Decision:
    """What to do about one that is ACTIVE and up to date."""
    kind = KINDS[resource.kind]
    changed = [name for name in kind.mutable if name in wanted and not covers(found.details.get(name), wanted[name])]
    if not kind.job and any(found.tags.get(tag["tagKey"]) != tag["tagValue"] for tag in resource.tags):
        changed.append("tags")
    why = f"It differs in {', '.join(changed)}."
    lasting = [name for name in kind.fixed if found.details.get(name) != wanted.get(name)]
    if lasting:
        return Decision("fail", f"Its {lasting[0]} can't be changed; use a new folder, which becomes a new group.")
    if resource.held:
        return Decision("hold", resource.held)
    if not changed:
        return Decision("reuse", "It is as wanted.")
    update = found.details.get(kind.latest_update) or {}
    if update.get("status", "ACTIVE") == "ACTIVE" or not covers(update, {name: wanted.get(name) for name in changed}):
        return Decision("update", why)
    if update["status"].endswith(BROKEN):
        excusable = failure(found) == excused.get(found.arn)
        return Decision("update", why) if excusable else Decision("fail", _failure_reason(resource, found))
    return Decision("wait", f"It is in {update['status']}.")


def covers(there: Any, wanted: Any) -> bool:
    """Whether everything wanted is there; the service adds defaults of its own."""
    if isinstance(wanted, Mapping):
        return all(covers((there or {}).get(name), value) for name, value in wanted.items())
    if isinstance(wanted, str) and wanted.endswith(LATEST):
        return str(there).startswith(wanted.removesuffix(LATEST) + "/")
    if isinstance(wanted, list) and isinstance(there, list):
        return len(wanted) == len(there) and all(one in there for one in wanted)
    return bool(there == wanted)


def _failing(found: Found) -> Mapping[str, Any]:
    """The part of a description that tells of a failure: the resource itself or its last update; else empty."""
    updates = [value for name, value in found.details.items() if name.startswith("latest") and name.endswith("Update")]
    return next((part for part in [found.details, *updates] if str(part.get("status", "")).endswith(BROKEN)), {})


def failure(found: Found) -> str:
    """What tells one failure from the next: when the failed thing was created. Empty where nothing failed."""
    return str(_failing(found).get("creationDateTime", ""))


def _failure_reason(resource: Resource, found: Found) -> str:
    return str(_failing(found).get("failureReason") or f"Personalize gives no reason; see {resource.id} in its console")
