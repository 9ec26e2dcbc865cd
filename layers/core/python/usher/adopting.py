"""Resources that were in Personalize before Usher, and take the place of its own: `adopt` in a group's config."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from usher.aws import digest
from usher.config import NAME_LENGTH
from usher.inventory import Inventory
from usher.resources import KINDS, Resource

NOT_COMPARED = ("name", "tags")


def short_name(name: str, group: str) -> str:
    """The name by which people ask here for what has this name in Personalize: shortened where Usher has no room."""
    room = NAME_LENGTH - len(group) - 8
    return name if len(name) <= room else f"{name[: room - 5]}-{digest(name, 4)}"


def still_as_wanted(inventory: Inventory, wanted: Sequence[Resource], adopt: Mapping[str, str]) -> dict[str, str]:
    """Of all that is to be adopted, what is there and can be made what is wanted without building it anew.

    `wanted`: the resources with the adopted names. The rest of them is left alone, and Usher makes its own.
    """
    kept: dict[str, str] = {}
    for resource in wanted:
        if resource.id in adopt:
            details = inventory.describe(KINDS[resource.kind], resource.arn)
            if details and _covers(details, _immutable(resource)) and _is_at_home(resource, details, kept):
                kept[resource.id] = adopt[resource.id]
    return kept


def _immutable(resource: Resource) -> dict[str, Any]:
    left_out = {*NOT_COMPARED, *KINDS[resource.kind].mutable}
    return {name: value for name, value in resource.params.items() if name not in left_out}


def _covers(there: Any, wanted: Any) -> bool:
    """Whether everything wanted is there; the service adds defaults, and people spaces."""
    if isinstance(wanted, Mapping):
        parts: Mapping[str, Any] = there if isinstance(there, Mapping) else {}
        return all(_covers(parts.get(name), part) for name, part in wanted.items())
    if isinstance(there, str) and isinstance(wanted, str):
        return bool(_text(there) == _text(wanted))
    return bool(there == wanted)


def _text(text: str) -> Any:
    """Filter expressions but for spaces; of schemas, the fields, as the rest of them makes no difference."""
    try:
        return json.loads(text)["fields"]
    except (ValueError, TypeError, KeyError):
        return text.split()


def _is_at_home(resource: Resource, details: Mapping[str, Any], kept: Mapping[str, str]) -> bool:
    """A campaign can only serve versions of its own solution, which must have been adopted, too."""
    if resource.kind != "campaign":
        return True
    solution = kept.get(f"solution/{resource.id.partition('/')[2]}")
    return bool(solution) and f":solution/{solution}/" in str(details["solutionVersionArn"])
