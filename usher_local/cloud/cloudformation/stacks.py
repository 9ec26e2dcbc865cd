"""Stacks: created, updated in place, rolled back and deleted, resource by resource, by the table of providers.

moto's CloudFormation (5.2.5) can't: its types update and delete in part or not at all, a failure is never rolled back,
and a stack made by a change set has neither outputs nor exports.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

from botocore.exceptions import ClientError
from moto.cloudformation.utils import random_suffix

from usher_local.cloud.cloudformation import templates
from usher_local.cloud.cloudformation.custom_resources import family
from usher_local.cloud.cloudformation.provider import Place, Provider, ResourceError, Update
from usher_local.cloud.cloudformation.templates import Scope, Template, TemplateError
from usher_local.cloud.state.stacks import KeptStacks

log = logging.getLogger(__name__)

STACK_TYPE = "AWS::CloudFormation::Stack"
MAX_NAME_LENGTH = 63  # the maximum of a bucket; other names may be longer
UNREAL = {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"}
"""The statuses of stacks without resources."""


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


class Stacks:
    """Every stack of an account and region. Operations on different stacks may run at once."""

    def __init__(self, place: Place, providers: Mapping[str, Provider], kept: KeptStacks) -> None:
        self.place = place
        self.providers = providers
        self.kept = kept
        self.all: dict[str, Stack] = {}
        self._lock = threading.RLock()

    def find(self, name_or_id: str) -> Stack | None:
        """The stack with this name that is not deleted, or the stack with this ID, or None."""
        living = (one for one in self.all.values() if one.name == name_or_id and one.status != "DELETE_COMPLETE")
        return self.all.get(name_or_id) or next(living, None)

    def exports(self) -> dict[str, tuple[str, str]]:
        """The ID of the exporting stack and the value, by export name."""
        return {name: (one.id, value) for one in self.all.values() for name, value in one.exports.items()}

    def add(self, name: str, target: Target, stack_id: str | None = None) -> Stack:
        """A new stack without resources."""
        stack = Stack(name, stack_id or self.place.arn("cloudformation", f"stack/{name}/{uuid4()}"), target)
        self.all[stack.id] = stack
        return stack

    def scope(self, stack: Stack, target: Target) -> Scope:
        """The scope of a template's functions, without its resources."""
        return self._scope(target, stack.name, stack.id)

    def _scope(self, target: Target, name: str, arn: str) -> Scope:
        exports = {export: value for export, (_, value) in self.exports().items()}
        return Scope(target.template, target.parameters, (name, arn), self.place, exports)

    def check(self, target: Target) -> None:
        """Raise TemplateError if a type in the template has no provider, or if references are circular."""
        kinds = {family(str(one.get("Type"))) for one in target.template["Resources"].values()}
        if unknown := sorted(kinds - self.providers.keys()):
            raise TemplateError(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
        templates.resources_in_order(target.template, self._scope(target, "", ""))

    def changes(self, stack: Stack, target: Target) -> list[Change]:
        """The changes of a stack's resources that lead to `target`."""
        scope = self.scope(stack, target)
        found = []
        wanted = templates.resources_in_order(target.template, scope)
        for logical_id, body in wanted.items():
            kind, before = body["Type"], stack.resources.get(logical_id)
            properties = scope.resolve(body.get("Properties", {}))
            if before is None:
                scope[logical_id] = templates.unresolved(logical_id)
                found.append(Change("Add", logical_id, kind))
                continue
            changed = differing(before, kind, properties)
            replaced = self.replacing(before, kind, changed)
            certain = (
                not replaced or before.kind != kind or any("{{" not in str(properties.get(one)) for one in replaced)
            )
            scope[logical_id] = templates.unresolved(logical_id) if replaced else before.made
            if changed:
                how = "False" if not replaced else "True" if certain else "Conditional"
                found.append(Change("Modify", logical_id, kind, before.physical_id, how, tuple(sorted(changed))))
        gone = (one for name, one in stack.resources.items() if name not in wanted)
        return found + [Change("Remove", one.logical_id, one.kind, one.physical_id) for one in gone]

    def replacing(self, before: Deployed, kind: str, changed: frozenset[str]) -> frozenset[str]:
        """The changed properties that force a replacement of the resource."""
        fixed = before.kind != kind or self.providers[family(kind)].update is None
        return changed if fixed or not changed else changed & templates.create_only(kind)

    def create(self, stack: Stack, target: Target) -> None:
        """Make every resource; a failure deletes the earlier ones and ends in ROLLBACK_COMPLETE."""
        stack.set_status("CREATE_IN_PROGRESS", "User Initiated")
        undo: list[Callable[[], None]] = []
        try:
            self._change_resources(stack, target, undo)
        except Exception as error:
            stack.set_status("ROLLBACK_IN_PROGRESS", f"{reason(error)}. Rollback requested by user.")
            failed = roll_back(undo)
            stack.set_status("ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE", failed)
        else:
            self._keep(stack)
            stack.set_status("CREATE_COMPLETE")

    def update(self, stack: Stack, target: Target) -> None:
        """Change resources that differ; a failure restores everything and ends in UPDATE_ROLLBACK_COMPLETE."""
        stack.set_status("UPDATE_IN_PROGRESS", "User Initiated")
        stack.updated = datetime.now(UTC)
        former = stack.resources, stack.outputs, stack.current, stack.imported
        stack.resources = dict(stack.resources)
        undo: list[Callable[[], None]] = []
        try:
            leftovers = self._change_resources(stack, target, undo)
        except Exception as error:
            stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS", f"{reason(error)}.")
            failed = roll_back(undo)
            stack.resources, stack.outputs, stack.current, stack.imported = former
            stack.set_status("UPDATE_ROLLBACK_FAILED" if failed else "UPDATE_ROLLBACK_COMPLETE", failed)
        else:
            stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            for one, retained in leftovers:
                self._remove(stack, one, retained=retained)
            self._keep(stack)
            stack.set_status("UPDATE_COMPLETE")

    def delete(self, stack: Stack, retain: Sequence[str] = ()) -> None:
        """Delete every resource that is not retained. After a failure, the stack, the resource and its dependencies
        remain."""
        stack.set_status("DELETE_IN_PROGRESS", "User Initiated")
        importers = [one.name for one in self.all.values() if one is not stack and one.imported & stack.exports.keys()]
        if importers:
            names = ", ".join(sorted(stack.exports))
            stack.set_status(
                "DELETE_FAILED", f"Export {names} cannot be deleted as it is in use by {', '.join(importers)}"
            )
            return
        order = list(stack.resources)
        if stack.current.template:
            order = [*templates.resources_in_order(stack.current.template, self.scope(stack, stack.current))]
        failed, needed = [], set[str]()
        for logical_id in reversed([*(name for name in order if name in stack.resources)]):
            one = stack.resources[logical_id]
            if logical_id not in needed and self._remove(stack, one, retained=one.retained or logical_id in retain):
                del stack.resources[logical_id]
                continue
            needed.update(templates.references(stack.current.template.get("Resources", {}).get(logical_id)))
            if logical_id not in needed:
                failed.append(logical_id)
        if failed:
            stack.set_status("DELETE_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}].")
        else:
            stack.outputs, stack.imported = [], frozenset()
            self.kept.forget(stack.name)
            stack.set_status("DELETE_COMPLETE")

    def _keep(self, stack: Stack) -> None:
        now = stack.current
        self.kept.keep(stack.name, {"id": stack.id, "body": now.body, "given": dict(now.given), "tags": dict(now.tags)})

    def _change_resources(
        self, stack: Stack, target: Target, undo: list[Callable[[], None]]
    ) -> list[tuple[Deployed, bool]]:
        """Create, update and replace resources. Returns those left to delete, last first, with whether to retain
        each."""
        scope = self.scope(stack, target)
        wanted = templates.resources_in_order(target.template, scope)
        leftovers = []
        for logical_id, body in wanted.items():
            before = stack.resources.get(logical_id)
            try:
                now = self._reconcile(stack, logical_id, body, scope, undo)
            except Exception as error:
                status = "UPDATE_FAILED" if before else "CREATE_FAILED"
                stack.record(logical_id, before.physical_id if before else "", body["Type"], status, reason(error))
                raise ResourceError(f"The following resource(s) failed: [{logical_id}]") from error
            if before and before.made is not now.made and before.physical_id != now.physical_id:
                leftovers.append((before, now.retained_when_replaced))
            stack.resources[logical_id] = now
            scope[logical_id] = now.made
        for name in [name for name in stack.resources if name not in wanted]:
            gone = stack.resources.pop(name)
            leftovers.insert(0, (gone, gone.retained))
        stack.outputs = list(self._outputs(stack, target, scope))
        stack.imported = frozenset(templates.imports(target.template["Resources"], scope))
        stack.current = target
        return leftovers

    def _reconcile(
        self, stack: Stack, logical_id: str, body: Mapping[str, Any], scope: Scope, undo: list[Callable[[], None]]
    ) -> Deployed:
        """A resource as the template describes it: created, updated, replaced or unchanged."""
        before, kind = stack.resources.get(logical_id), body["Type"]
        properties = scope.resolve(body.get("Properties", {}))
        now = Deployed(
            logical_id,
            kind,
            properties,
            None,
            body.get("DeletionPolicy") == "Retain",
            body.get("UpdateReplacePolicy") == "Retain",
        )
        if before is None:
            return self._create(stack, now, undo)
        changed = differing(before, kind, properties)
        if not changed:
            return replace(now, made=before.made, changed=before.changed)
        if self.replacing(before, kind, changed):
            return self._replace(stack, before, now, undo)
        return self._update(stack, before, now, undo)

    def _create(self, stack: Stack, new: Deployed, undo: list[Callable[[], None]]) -> Deployed:
        stack.record(new.logical_id, "", new.kind, "CREATE_IN_PROGRESS")
        made = self._make(stack, new)
        stack.record(new.logical_id, made.physical_id, new.kind, "CREATE_COMPLETE")

        def back() -> None:
            if not self._remove(stack, made, retained=made.retained):
                raise ResourceError(made.logical_id)
            stack.resources.pop(made.logical_id, None)

        undo.append(back)
        return made

    def _replace(self, stack: Stack, before: Deployed, new: Deployed, undo: list[Callable[[], None]]) -> Deployed:
        why = "Requested update requires the creation of a new physical resource; hence creating one."
        stack.record(new.logical_id, before.physical_id, new.kind, "UPDATE_IN_PROGRESS", why)
        name = new.properties.get(self.providers[family(new.kind)].name)
        if (
            name is not None
            and before.kind == new.kind
            and before.properties.get(self.providers[family(new.kind)].name) == name
        ):
            raise ResourceError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )
        made = self._make(stack, new)
        stack.record(new.logical_id, made.physical_id, new.kind, "UPDATE_COMPLETE")

        def back() -> None:
            stack.record(before.logical_id, before.physical_id, before.kind, "UPDATE_COMPLETE")
            if not self._remove(stack, made, retained=False):
                raise ResourceError(made.logical_id)

        undo.append(back)
        return made

    def _make(self, stack: Stack, new: Deployed) -> Deployed:
        provider = self.providers[family(new.kind)]
        name = new.properties.get(provider.name)
        for other in self.all.values():
            for one in other.resources.values():
                if name is not None and one.kind == new.kind and one.properties.get(provider.name) == name:
                    raise ResourceError(f"{name} already exists in stack {other.id}")
        name = name or self._generated_name(stack, new.logical_id)
        return replace(new, made=provider.create(name, new.properties, self._place(stack, new)), name=name)

    def _place(self, stack: Stack, one: Deployed) -> Place:
        return replace(self.place, stack_id=stack.id, logical_id=one.logical_id)

    def _generated_name(self, stack: Stack, logical_id: str) -> str:
        """The name from an earlier process, if that made the resource; else a new one."""
        kept = None if logical_id in stack.resources else self.kept.name(stack.name, logical_id)
        name = kept or physical_name(stack.name, logical_id)
        self.kept.keep_name(stack.name, logical_id, name)
        return name

    def _update(self, stack: Stack, before: Deployed, new: Deployed, undo: list[Callable[[], None]]) -> Deployed:
        change = cast(Update, self.providers[family(new.kind)].update)  # a type without one is replaced
        stack.record(new.logical_id, before.physical_id, new.kind, "UPDATE_IN_PROGRESS")

        def back() -> None:
            stack.record(new.logical_id, before.physical_id, new.kind, "UPDATE_IN_PROGRESS")
            change(before.made, new.properties, before.properties, self._place(stack, new))
            stack.record(new.logical_id, before.physical_id, new.kind, "UPDATE_COMPLETE")

        undo.append(back)
        made = change(before.made, before.properties, new.properties, self._place(stack, new))
        stack.record(new.logical_id, before.physical_id, new.kind, "UPDATE_COMPLETE")
        return replace(new, made=made)

    def _remove(self, stack: Stack, one: Deployed, *, retained: bool) -> bool:
        """Whether the resource no longer belongs to the stack: it was deleted or retained."""
        if retained:
            stack.record(one.logical_id, one.physical_id, one.kind, "DELETE_SKIPPED")
            self.kept.forget_name(stack.name, one.logical_id, one.name)
            return True
        stack.record(one.logical_id, one.physical_id, one.kind, "DELETE_IN_PROGRESS")
        try:
            self.providers[family(one.kind)].delete(one.made, self._place(stack, one))
        except Exception as error:
            stack.record(one.logical_id, one.physical_id, one.kind, "DELETE_FAILED", reason(error))
            return False
        stack.record(one.logical_id, one.physical_id, one.kind, "DELETE_COMPLETE")
        self.kept.forget_name(stack.name, one.logical_id, one.name)
        return True

    def _outputs(self, stack: Stack, target: Target, scope: Scope) -> Iterator[dict[str, Any]]:
        others = {name for name, (owner, _) in self.exports().items() if owner != stack.id}
        for key, one in target.template.get("Outputs", {}).items():
            if not scope.holds(one.get("Condition")):
                continue
            output = {"OutputKey": key, "OutputValue": str(scope.resolve(one["Value"]))}
            if "Description" in one:
                output["Description"] = one["Description"]
            if "Export" in one:
                output["ExportName"] = str(scope.resolve(one["Export"]["Name"]))
                if output["ExportName"] in others:
                    raise ResourceError(f"Export with name {output['ExportName']} is already exported by another stack")
            yield output


def differing(before: Deployed, kind: str, properties: Mapping[str, Any]) -> frozenset[str]:
    """The properties that a template changes; all of them, if the type changes."""
    names = before.properties.keys() | properties.keys()
    return frozenset(
        name for name in names if before.kind != kind or before.properties.get(name) != properties.get(name)
    )


def physical_name(stack: str, logical_id: str) -> str:
    """A unique name for a resource of a stack; a long stack name is cut."""
    tail = f"-{logical_id}-{random_suffix()}"
    return f"{stack[: max(1, MAX_NAME_LENGTH - len(tail))]}{tail}"[:MAX_NAME_LENGTH]


def roll_back(undo: Sequence[Callable[[], None]]) -> str | None:
    """Run the undo steps, last first. Returns what could not be undone, or None."""
    failed = []
    for back in reversed(undo):
        try:
            back()
        except Exception as error:
            log.warning("can't be rolled back: %s", reason(error))
            failed.append(reason(error))
    return "; ".join(failed) or None


def reason(error: Exception) -> str:
    """CloudFormation's text for a failure."""
    if isinstance(error, ResourceError | TemplateError):
        return str(error)
    if isinstance(error, ClientError):
        problem = error.response["Error"]
        return f'Resource handler returned message: "{problem["Message"]} ({error.operation_name}, {problem["Code"]})"'
    return f'Resource handler returned message: "{type(error).__name__}: {error}"'
