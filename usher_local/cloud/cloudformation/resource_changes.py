"""Changes of a stack's resources by the table of providers: each is created, updated, replaced, removed, or left."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from botocore.exceptions import ClientError
from moto.cloudformation.utils import random_suffix

from usher_local.cloud.cloudformation import templates
from usher_local.cloud.cloudformation.custom_resources import family
from usher_local.cloud.cloudformation.provider import Place, Provider, ResourceError, Update
from usher_local.cloud.cloudformation.stack import Deployed, Stack
from usher_local.cloud.cloudformation.templates import Scope, TemplateError
from usher_local.cloud.state.stacks import KeptStacks

MAX_NAME_LENGTH = 63  # the maximum of a bucket; other names may be longer


@dataclass(frozen=True, slots=True)
class ResourceChanges:
    """Changes resources. `stacks`: every stack of the account and region, by ID."""

    place: Place
    providers: Mapping[str, Provider]
    kept: KeptStacks
    stacks: Mapping[str, Stack]

    def reconcile(
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

    def remove(self, stack: Stack, one: Deployed, *, retained: bool) -> bool:
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

    def replacing(self, before: Deployed, kind: str, changed: frozenset[str]) -> frozenset[str]:
        """The changed properties that force a replacement of the resource."""
        fixed = before.kind != kind or self.providers[family(kind)].update is None
        return changed if fixed or not changed else changed & templates.create_only(kind)

    def _create(self, stack: Stack, new: Deployed, undo: list[Callable[[], None]]) -> Deployed:
        stack.record(new.logical_id, "", new.kind, "CREATE_IN_PROGRESS")
        made = self._make(stack, new)
        stack.record(new.logical_id, made.physical_id, new.kind, "CREATE_COMPLETE")

        def back() -> None:
            if not self.remove(stack, made, retained=made.retained):
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
            if not self.remove(stack, made, retained=False):
                raise ResourceError(made.logical_id)

        undo.append(back)
        return made

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

    def _make(self, stack: Stack, new: Deployed) -> Deployed:
        provider = self.providers[family(new.kind)]
        name = new.properties.get(provider.name)
        for other in self.stacks.values():
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


def reason(error: Exception) -> str:
    """CloudFormation's text for a failure."""
    if isinstance(error, ResourceError | TemplateError):
        return str(error)
    if isinstance(error, ClientError):
        problem = error.response["Error"]
        return f'Resource handler returned message: "{problem["Message"]} ({error.operation_name}, {problem["Code"]})"'
    return f'Resource handler returned message: "{type(error).__name__}: {error}"'
