"""Stacks: created, updated in place, rolled back and deleted, resource by resource.

moto's CloudFormation (5.2.5) can't: its types update and delete in part or not at all, a failure is never rolled back,
and a stack made by a change set has neither outputs nor exports.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from usher_local.cloud.cloudformation import templates
from usher_local.cloud.cloudformation.custom_resources import family
from usher_local.cloud.cloudformation.provider import Place, Provider, ResourceError
from usher_local.cloud.cloudformation.resource_changes import ResourceChanges, differing, reason
from usher_local.cloud.cloudformation.stack import Change, Deployed, Stack, Target
from usher_local.cloud.cloudformation.templates import Scope, TemplateError
from usher_local.cloud.state.stacks import KeptStacks

log = logging.getLogger(__name__)

UNREAL = {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"}
"""The statuses of stacks without resources."""


class Stacks:
    """Every stack of an account and region. Operations on different stacks may run at once."""

    def __init__(self, place: Place, providers: Mapping[str, Provider], kept: KeptStacks) -> None:
        self.place = place
        self.providers = providers
        self.kept = kept
        self.all: dict[str, Stack] = {}
        self.resources = ResourceChanges(place, providers, kept, self.all)

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
            replaced = self.resources.replacing(before, kind, changed)
            certain = (
                not replaced or before.kind != kind or any("{{" not in str(properties.get(one)) for one in replaced)
            )
            scope[logical_id] = templates.unresolved(logical_id) if replaced else before.made
            if changed:
                how = "False" if not replaced else "True" if certain else "Conditional"
                found.append(Change("Modify", logical_id, kind, before.physical_id, how, tuple(sorted(changed))))
        gone = (one for name, one in stack.resources.items() if name not in wanted)
        return found + [Change("Remove", one.logical_id, one.kind, one.physical_id) for one in gone]

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
                self.resources.remove(stack, one, retained=retained)
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
            if logical_id not in needed and self.resources.remove(
                stack, one, retained=one.retained or logical_id in retain
            ):
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
                now = self.resources.reconcile(stack, logical_id, body, scope, undo)
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
