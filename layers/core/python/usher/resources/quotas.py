"""How many resources of a kind may exist: the service's figures, or the account's where AWS has raised them."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from usher.resources.kinds import KINDS, Kind

SERVICE = "personalize"


def account_quotas(service_quotas: Any) -> dict[str, int]:
    """The account's quotas of Personalize, by their names in lower case; empty if they can't be listed."""
    try:
        pages = service_quotas.get_paginator("list_service_quotas").paginate(ServiceCode=SERVICE)
        return {one["QuotaName"].lower(): int(one["Value"]) for page in pages for one in page["Quotas"]}
    except (BotoCoreError, ClientError):
        return {}


def quota_of(kind: Kind, quotas: Mapping[str, int]) -> int:
    """How many of a kind may exist. `quotas`: the account's.

    AWS publishes no list of their names: each that has the kind's words counts. A quota is never below the default.
    """
    return max([kind.quota, *(value for name, value in quotas.items() if kind.words in name)])


def in_dataset_group(kind: Kind) -> str:
    """Where a quota holds, in words."""
    return "in a dataset group" if kind.in_dataset_group else "in a region"


LIMITED = {name: kind for name, kind in KINDS.items() if kind.quota}
"""The kinds of which only so many may exist."""
