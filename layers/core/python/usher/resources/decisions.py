"""Decides on one resource: the desired one against the existing one. Pure, apart from the time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from usher.aws import now
from usher.resources.comparison import changed_in_place, changed_members, covers
from usher.resources.inventory import Existing
from usher.resources.kinds import KINDS, Resource

BROKEN = ("FAILED", "STOPPED")
"""The endings of failed resources' statuses."""
ONLY_ON_REQUEST = 10**10
"""A min_retrain_interval, in seconds, for training on request only."""
Action = Literal["create", "reuse", "update", "retrain", "rebuild", "promote", "wait", "keep", "fail"]
UNCHANGING: frozenset[Action] = frozenset({"reuse", "keep"})
"""The actions that change nothing."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The action for one resource.

    create    it does not exist, or is out of date; a plan calls it `replace` if it has a predecessor
    retrain   likewise, of a solution version
    rebuild   it failed before this run: delete it if that is possible, and create it again
    update    change it in place
    promote   another version serves from now on
    reuse     it is as desired
    keep      it stays as it is, although it is out of date; `reason` says why
    wait      the service is working on it
    fail      it failed in this run, or can't be changed
    """

    action: Action
    reason: str
    resume_at: str = ""
    """The time at which a `keep` ends by itself: ISO time, UTC, to the second; empty if it does not."""
    remedy: str = ""
    """A remedy for people; empty: the reason is the service's, and remedies.remedy_for has the remedy."""


def decide(
    resource: Resource, existing: Existing | None, desired: Mapping[str, Any], known_failures: Mapping[str, str]
) -> Decision:
    """Decide on a resource whose needs are met.

    `desired`: its Create members with the ARNs filled in; `known_failures`: the failures (failure_id) before the run,
    by ARN, which are retried, since a person has dropped something after them.
    """
    if existing is None:
        return Decision("create", "It does not exist yet.")
    outdated = existing.fingerprint != resource.fingerprint
    if outdated and (throttled := _throttle(resource, existing)):
        return throttled
    if existing.status.endswith(BROKEN):
        reason = _failure_reason(resource, existing)
        if outdated or failure_id(existing) == known_failures.get(existing.arn):
            return Decision("rebuild", f"It failed before: {reason}")
        return Decision("fail", reason)
    if outdated:
        return Decision(KINDS[resource.kind].successor, _outdated_reason(resource, existing))
    if existing.status == "INACTIVE":
        return Decision("keep", "Somebody has stopped it; start it to serve again.")
    if existing.status != "ACTIVE":
        return Decision("wait", f"Its status is {existing.status}.")
    return _decide_on_change(resource, existing, desired, known_failures)


def _throttle(resource: Resource, existing: Existing) -> Decision | None:
    """The decision on an outdated resource within its min_retrain_interval; None outside of it, or on request."""
    request = _requested_at(resource.fingerprint)
    if not resource.min_retrain_interval or request not in {"", _requested_at(existing.fingerprint)}:
        return None
    interval = timedelta(seconds=min(resource.min_retrain_interval, ONLY_ON_REQUEST))
    resume_at = existing.details["creationDateTime"] + interval
    if now() >= resume_at:
        return None
    if not existing.status.endswith((*BROKEN, "ACTIVE")):
        return Decision("wait", f"Its status is {existing.status}.")
    if not existing.usable:
        return None
    reason = _outdated_reason(resource, existing)
    if resource.min_retrain_interval >= ONLY_ON_REQUEST:
        return Decision("keep", f"{reason} It is trained only on request.")
    text = f"{resume_at + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}"
    return Decision("keep", f"{reason} It is trained again from {text} UTC on.", text)


def _requested_at(fingerprint: str) -> str:
    """The time of the request in a Resource's fingerprint; empty if there is none."""
    return fingerprint.partition("@")[2]


def _outdated_reason(resource: Resource, existing: Existing) -> str:
    same = existing.fingerprint.partition("@")[0] == resource.fingerprint.partition("@")[0]
    return "A person or a schedule has requested it." if same else "Its inputs have changed."


def _decide_on_change(
    resource: Resource, existing: Existing, desired: Mapping[str, Any], known_failures: Mapping[str, str]
) -> Decision:
    """The decision on a resource that is ACTIVE and up to date."""
    kind, details = KINDS[resource.kind], existing.details
    if unchangeable := [name for name in kind.immutable if details.get(name) != desired.get(name)]:
        return Decision("fail", f"Its {unchangeable[0]} can't be changed; use a new folder, which becomes a new group.")
    if resource.frozen:
        return Decision("keep", resource.frozen)
    changed = changed_in_place(kind, details, desired)
    new_tags = not kind.job and any(existing.tags.get(tag["tagKey"]) != tag["tagValue"] for tag in resource.tags)
    if not changed and not new_tags:
        return Decision("reuse", "It is up to date.")
    reason = f"It differs in {', '.join([*changed, *(['tags'] if new_tags else [])])}."
    update = details.get(kind.latest_update) or {}
    is_this_one = covers(update, changed_members(kind, desired, changed))
    if update.get("status", "ACTIVE") == "ACTIVE" or not is_this_one:
        return Decision("update", reason)
    if update["status"].endswith(BROKEN):
        is_known = failure_id(existing) == known_failures.get(existing.arn)
        return Decision("update", reason) if is_known else Decision("fail", _failure_reason(resource, existing))
    return Decision("wait", f"Its status is {update['status']}.")


def _failed_part(existing: Existing) -> Mapping[str, Any]:
    """The failed part in Describe's response: the resource itself, or its last update; empty if nothing failed."""
    details = existing.details
    updates = [value for name, value in details.items() if name.startswith("latest") and name.endswith("Update")]
    return next((part for part in [details, *updates] if str(part.get("status", "")).endswith(BROKEN)), {})


def failure_id(existing: Existing) -> str:
    """The identity of a failure: the time at which the failed part was created. Empty if nothing failed."""
    return str(_failed_part(existing).get("creationDateTime", ""))


def _failure_reason(resource: Resource, existing: Existing) -> str:
    reason = _failed_part(existing).get("failureReason")
    return str(reason or f"Personalize gives no reason; see {resource.id} in its console")
