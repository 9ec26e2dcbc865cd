"""A stack: its resources, its events, and the target of its last change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from usher_local.cloud.cloudformation.templates import Template

STACK_TYPE = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A resource of a stack: its properties, and the object that the provider made."""

    logical_id: str
    kind: str
    properties: Mapping[str, Any]
    made: Any
    retained: bool = False
    retained_when_replaced: bool = False
    name: str = ""
    """The physical name that it was given."""
    changed: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def physical_id(self) -> str:
        """The value of Ref."""
        return str(self.made.physical_resource_id)


@dataclass(frozen=True, slots=True)
class Target:
    """The desired state of a stack: the template, as submitted and after its transforms, and the parameters' values."""

    body: str
    template: Template
    parameters: Mapping[str, Any]
    given: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one resource in a change set. `replacement` is True, False or Conditional for a modification."""

    action: str
    logical_id: str
    kind: str
    physical_id: str | None = None
    replacement: str | None = None
    properties: tuple[str, ...] = ()


@dataclass(eq=False)
class Stack:
    """A stack. `current` is its last target."""

    name: str
    id: str
    current: Target
    status: str = "REVIEW_IN_PROGRESS"
    reason: str | None = None
    resources: dict[str, Deployed] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    imported: frozenset[str] = frozenset()
    events: list[dict[str, Any]] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime | None = None
    change_sets: dict[str, Any] = field(default_factory=dict)

    @property
    def exports(self) -> dict[str, str]:
        """The exported values by name."""
        return {one["ExportName"]: one["OutputValue"] for one in self.outputs if "ExportName" in one}

    def record(self, logical_id: str, physical_id: str, kind: str, status: str, reason: str | None = None) -> None:
        """Record an event; times differ by at least a millisecond, since SAM CLI distinguishes events by them."""
        now = datetime.now(UTC)
        if self.events:
            now = max(now, self.events[-1]["Timestamp"] + timedelta(milliseconds=1))
        self.events.append(
            {
                "StackId": self.id,
                "StackName": self.name,
                "EventId": str(uuid4()),
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": physical_id,
                "ResourceType": kind,
                "Timestamp": now,
                "ResourceStatus": status,
                **({"ResourceStatusReason": reason} if reason else {}),
            }
        )

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Set a status, then record it: a reader of the event then finds the stack in that status."""
        self.status, self.reason = status, reason
        self.record(self.name, self.id, STACK_TYPE, status, reason)
