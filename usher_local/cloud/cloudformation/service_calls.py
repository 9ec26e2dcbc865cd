"""Calls of a service's own API with a template's values."""

# ruff: noqa: ARG001 - every handler of one kind has the same signature

import json
from collections.abc import Callable
from typing import Any

from usher_local.cloud.cloudformation.provider import Place, Properties, Provider, Resource

Call = tuple[str, str]  # boto3's names of a service and of one of its operations


def call(place: Place, of: Call, given: Properties) -> dict[str, Any]:
    """Call a service with a template's values, converted to the types of the operation's parameters."""
    service, operation = of
    client = place.client(service)
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    answer: dict[str, Any] = getattr(client, operation)(**fitted(given, model.input_shape))
    return answer


def fitted(value: Any, shape: Any) -> Any:
    """A template's value converted to an API's type: templates write numbers and booleans as text, documents as
    mappings.

    Names of members may differ in the case of the first letter. ValueError for a name that the API does not have.
    """
    if shape.type_name == "structure":
        members = {name.lower(): name for name in shape.members}
        if extra := [name for name in value if name.lower() not in members]:
            raise ValueError(f"extraneous key {extra} is not permitted")
        return {members[name.lower()]: fitted(one, shape.members[members[name.lower()]]) for name, one in value.items()}
    if shape.type_name == "map":
        return {name: fitted(one, shape.value) for name, one in value.items()}
    if shape.type_name == "list":
        return [fitted(one, shape.member) for one in value]
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name in ("double", "float"):
        return float(value)
    if shape.type_name == "boolean":
        return str(value).lower() == "true"
    if shape.type_name == "string":
        return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
    return value


def without(properties: Properties, *names: str) -> dict[str, Any]:
    """The properties without those of the given names."""
    return {name: value for name, value in properties.items() if name not in names}


def put(of: Call, delete: Call, name: str, deleted: str = "", arn: str = "", fixed: bool = False) -> Provider:
    """The provider of a type that one idempotent operation creates and updates, and whose name is the physical ID.

    `deleted` is the delete operation's parameter (by default `name`), `arn` the prefix of the name in the resource's
    ARN. `fixed` is for types whose every change replaces the resource.
    """

    def create(physical: str, properties: Properties, place: Place) -> Resource:
        call(place, of, {**properties, name: physical})
        return Resource(physical, {"Arn": place.arn(of[0], f"{arn}{physical}")})

    def update(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
        call(place, of, {**new, name: made.physical_resource_id})
        return made

    def remove(made: Resource, place: Place) -> None:
        one = made.physical_resource_id
        call(place, delete, {deleted or name: [one] if (deleted or name).endswith("Names") else one})

    return Provider(create, remove, None if fixed else update, name)


def deleter(of: Call, parameter: str) -> Callable[[Resource, Place], None]:
    """A handler that deletes by physical ID alone."""

    def delete(made: Resource, place: Place) -> None:
        call(place, of, {parameter: made.physical_resource_id})

    return delete
