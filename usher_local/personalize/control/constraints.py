"""Constraints of every kind: references to other resources, quotas, and resources that forbid a deletion."""

from collections.abc import Iterator
from typing import Any

from moto.core.utils import get_service_model

from usher_local.personalize.control.kinds import BY_ARN_MEMBER
from usher_local.personalize.core import environment
from usher_local.personalize.core.errors import InvalidInputError, LimitExceededError, ResourceInUseError
from usher_local.personalize.core.resources import Backend, Dependent, Kind, Quota, Resource, Values

USABLE_EARLY = frozenset({"Solution"})
"""Kinds that a request may name while they are being created: notebooks train a solution right after creating it."""


def operation(name: str) -> Any:
    """botocore's model of an operation of the control plane."""
    return get_service_model("personalize").operation_model(name)


def references(values: Values) -> dict[str, str]:
    """The members that name other resources, with the ARNs."""
    return dict(_references(values))


def _references(values: Values) -> Iterator[tuple[str, str]]:
    if "recipeType" not in values:  # a recipe names itself and its parts, which always exist
        for member, value in values.items():
            if member in BY_ARN_MEMBER and not value.endswith("/$LATEST"):
                yield member, value


def check_references(backend: Backend, name: str, values: Values) -> None:
    """Raise an error unless every resource that a request of the operation `name` names by ARN exists and is ACTIVE."""
    errors = {shape.name for shape in operation(name).error_shapes}
    for member, arn in references(values).items():
        found = backend.get(BY_ARN_MEMBER[member].name, arn)
        early = found.kind.name in USABLE_EARLY and found.life.pending
        if found.status != "ACTIVE" and not early:
            refusal = found.refusal("is not ACTIVE")
            raise refusal if refusal.code in errors else InvalidInputError(refusal.message)


def check_quota(backend: Backend, kind: Kind, quota: Quota, group: str | None) -> None:
    """Raise LimitExceededError if another resource of a kind would exceed the quota of its region or dataset group."""
    limit = environment.current.quotas.get(kind.name, quota.limit)
    counted = backend.find(kind.name, group if quota.group else None)
    if quota.pending:
        if sum(resource.life.pending for resource in counted) >= limit:
            raise LimitExceededError(f"More than {limit} resources with PENDING or IN_PROGRESS status.")
    elif len(counted) >= limit:
        article = "an" if kind.words[0] in "aeiou" else "a"
        raise LimitExceededError(
            f"Cannot create {article} {kind.words}. More than {limit} resources in ACTIVE state. "
            "Please delete some and try again."
        )


def check_dependent(backend: Backend, resource: Resource, dependent: Dependent) -> None:
    """Raise ResourceInUseError if there is a resource that forbids the deletion of `resource`."""
    if not dependent.of.items() <= resource.values.items():
        return
    for other in backend.find(dependent.kind, backend.group_of(resource) if dependent.group else resource.arn):
        if not dependent.pending or other.busy:
            raise ResourceInUseError(f"{resource.arn} cannot be deleted; it is in use by {other.arn}.")
