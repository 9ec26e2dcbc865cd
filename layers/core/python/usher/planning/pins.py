"""Pins: versions that people have chosen for solutions (a promotion or a rollback), with the person and the reason.

The pipeline takes a choice as its input, `{group, solution, version, who, why}`; version is an ARN, `previous` (the
newest one older than the live one) or `latest`. A pin holds until a newer version has been trained, which then goes
through the gate. Pins are one item of the table, an attribute for each solution.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from usher.aws import now
from usher.clients import PersonalizeClient
from usher.errors import MAX_MESSAGE_LENGTH, Problem, UsherError
from usher.resources.gate import gate_targets
from usher.resources.kinds import LIVE_VERSION, Gate, Resource
from usher.resources.versions import usable_versions
from usher.storage.table import Table
from usher.texts import clean

ITEM = "pins"
PREFIX = "@"
"""The prefix of a solution's name, which may be that of a key attribute."""
MEMBERS = {"solution": 63, "version": 256, "who": 200, "why": MAX_MESSAGE_LENGTH}
"""The members of a request, and their maximum lengths."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A chosen version, which overrides the gate."""

    version: str
    """The version as requested; its ARN once it is resolved."""
    who: str
    why: str
    at: str
    supersedes: str = ""
    """The ARN of the newest version when the pin was resolved, which the pin holds back; empty until then."""
    live: str = ""
    """The ARN of the version that was live at the request; empty if none was."""
    execution: str = ""
    """The ARN of the execution whose input is the request."""


@dataclass(frozen=True, slots=True)
class Pins:
    """The pins in the table."""

    table: Table

    def record_request(
        self,
        personalize: PersonalizeClient,
        group: str,
        request: Mapping[str, Any],
        live: Mapping[str, str],
        execution: str,
    ) -> bool:
        """Record the version that an execution's input requests, if any; return whether it can serve now.

        `previous` and `latest` are resolved to an ARN here, once for each execution: later, another version may be the
        newest one, or this one may be live. `live`: the ARN of each solution's live version. Raises UsherError for a
        malformed request.
        """
        if "group" not in request or not request.keys() & MEMBERS.keys():  # S3's events have a version, too
            return False
        if not all(isinstance(request.get(name), str) and request[name].strip() for name in MEMBERS):
            raise UsherError(
                'To promote or to roll back, start the pipeline with {"group": "...", "solution": "...", '
                '"version": "previous, latest or an ARN", "who": "...", "why": "..."}, all of them texts.'
            )
        solution, version, who, why = (clean(request[name].strip(), length) for name, length in MEMBERS.items())
        known = self._read(group).get(solution)
        if known and known.execution == execution:
            return bool(known.supersedes)
        pin = Pin(version, who, why, now().isoformat(), live=live.get(solution, ""), execution=execution)
        versions = usable_versions(personalize, pin.live.rpartition("/")[0]) if pin.live else []
        arn = choose_version(version, versions, pin.live)
        self._write(group, solution, replace(pin, version=arn, supersedes=versions[0]) if arn else pin)
        return bool(arn)

    def holding(self, personalize: PersonalizeClient, group: str) -> dict[str, Pin]:
        """The pins that hold now, by solution, if they have been resolved."""
        resolved = {solution: pin for solution, pin in self._read(group).items() if pin.supersedes}
        newest = {
            solution: usable_versions(personalize, pin.version.rpartition("/")[0])[:1]
            for solution, pin in resolved.items()
        }
        return {solution: pin for solution, pin in resolved.items() if newest[solution] == [pin.supersedes]}

    def resolve(
        self, personalize: PersonalizeClient, group: str, desired: Iterable[Resource], live: Mapping[str, str]
    ) -> tuple[dict[str, Pin], list[Problem]]:
        """The pins that hold now, each with its version's ARN, and the problems of new ones that can't hold.

        Pins that have lapsed, or can't hold, are deleted. `live`: the ARN of each solution's live version.
        """
        by_id = {resource.id: resource for resource in desired}
        holding: dict[str, Pin] = {}
        problems: list[Problem] = []
        for solution, pin in sorted(self._read(group).items()):
            of = by_id.get(f"solution/{solution}")
            versions = usable_versions(personalize, of.arn) if of else []
            if pin.supersedes and versions[:1] == [pin.supersedes]:
                holding[solution] = pin
                continue
            arn = "" if pin.supersedes else choose_version(pin.version, versions, pin.live or live.get(solution, ""))
            if arn:
                holding[solution] = replace(pin, version=arn, supersedes=versions[0])
                self._write(group, solution, holding[solution])
                continue
            self._forget(group, solution)
            if not pin.supersedes:
                problems.append(_impossible(solution, pin, versions))
        return holding, problems

    def of(self, group: str) -> dict[str, Pin]:
        """A group's pins by solution, as requested or resolved."""
        return self._read(group)

    def of_execution(self, group: str, execution: str) -> dict[str, Pin]:
        """The pins that an execution's input has requested, and that could be resolved."""
        return {name: pin for name, pin in self._read(group).items() if pin.execution == execution and pin.supersedes}

    def clear(self, group: str) -> None:
        """Delete all pins of a group, whose versions are gone."""
        self.table.delete(group, ITEM)

    def _read(self, group: str) -> dict[str, Pin]:
        return pins_in(self.table.get(group, ITEM))

    def _write(self, group: str, solution: str, pin: Pin) -> None:
        names = {"#solution": PREFIX + solution}
        self.table.update(group, ITEM, "SET #solution = :pin", {":pin": json.dumps(asdict(pin))}, names)

    def _forget(self, group: str, solution: str) -> None:
        self.table.update(group, ITEM, "REMOVE #solution", names={"#solution": PREFIX + solution})


def pins_in(item: Mapping[str, Any]) -> dict[str, Pin]:
    """The pins in a group's item, by solution. Pure."""
    pins = {name: text for name, text in item.items() if name.startswith(PREFIX)}
    return {name.removeprefix(PREFIX): Pin(**json.loads(text)) for name, text in pins.items()}


def live_versions(serving: Mapping[str, Any]) -> dict[str, str]:
    """The ARN of each solution's live version. `serving`: the group's serving map. Pure."""
    return {name: str(solution[LIVE_VERSION]) for name, solution in serving.get("solutions", {}).items()}


def with_pins(desired: Sequence[Resource], pins: Mapping[str, Pin]) -> list[Resource]:
    """The desired resources, with the pins in the gates of those that serve pinned solutions. Pure."""
    pin_of = {resource_id: pins[name] for name, resource_id in gate_targets(desired).items() if name in pins}

    def with_pin(resource: Resource, pin: Pin) -> Resource:
        gate = resource.gate or Gate(live=pin.live)
        return replace(resource, gate=replace(gate, pinned=pin.version, supersedes=pin.supersedes))

    return [with_pin(one, pin_of[one.id]) if one.id in pin_of else one for one in desired]


def choose_version(version: str, versions: Sequence[str], live: str) -> str:
    """The version to choose of a solution's usable ones (newest first); empty if there is none. Pure."""
    if version == "previous":
        older = versions[versions.index(live) + 1 :] if live in versions else []
        return next(iter(older), "")
    return next(iter(versions), "") if version == "latest" else version if version in versions else ""


def _impossible(solution: str, pin: Pin, versions: Sequence[str]) -> Problem:
    message = f"has no version {pin.version} that could serve now."
    known = ", ".join(versions) or "none is trained"
    remedy = f"Use one of: {known}. To use one that was trained with former settings, restore those settings first."
    return Problem(f"solution {solution}", message, remedy)
