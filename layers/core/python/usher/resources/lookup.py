"""Looks resources up: Describe, List and ListTagsForResource, for every kind alike."""

from collections.abc import Mapping
from typing import Any

from usher.aws import error_code
from usher.clients import Clients
from usher.resources.kinds import Kind

PAGE = {"PageSize": 100}
"""The largest page of a List operation, in either service."""


def describe(client: Any, kind: Kind, arn: str) -> dict[str, Any]:
    """A resource's members in Describe's response; empty if it does not exist. `client`: of the kind's service."""
    try:
        response = getattr(client, f"{kind.describe_verb}_{kind.name}")(**kind.key(arn))
    except client.exceptions.ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return {}
        raise
    details: dict[str, Any] = response.get(kind.member, response)
    more = _list_pages(client, kind.extra_list_operation, kind.key(arn)) if kind.extra_list_operation else {}
    return details | more


def is_being_deleted(details: Mapping[str, Any]) -> bool:
    """Whether a resource is being deleted. Personalize then refuses to list its tags."""
    return str(details.get("status", "")).startswith("DELETE")


def summaries(clients: Clients, kind: Kind, narrowed_by: Mapping[str, str]) -> list[dict[str, Any]]:
    """List's summaries of every resource of a kind. `narrowed_by`: List's members, such as its parent's ARN."""
    (listed,) = _list_pages(clients[kind.service], f"list_{kind.name}s", narrowed_by).values()
    return listed


def tags_of(clients: Clients, arn: str) -> dict[str, str]:
    """A resource's tags."""
    tags = clients["personalize"].list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["tagKey"]: tag["tagValue"] for tag in tags}


def _list_pages(client: Any, operation: str, narrowed_by: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The joined pages of a List operation, by the name of the response's member."""
    joined: dict[str, list[dict[str, Any]]] = {}
    for page in client.get_paginator(operation).paginate(PaginationConfig=PAGE, **narrowed_by):
        for name, part in page.items():
            if isinstance(part, list):
                joined.setdefault(name, []).extend(part)
    return joined
