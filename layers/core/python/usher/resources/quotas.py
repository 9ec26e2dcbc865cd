"""The quotas of resources: the service's defaults, or the account's if AWS has raised them."""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from usher.resources.kinds import Kind

SERVICE = "personalize"
OTHER_MEASURES = re.compile(r"\b(rate|tps|requests?|per (second|minute|hour|day)|pending|in progress)\b")
"""Parts of the names of quotas that do not count existing resources."""


def account_quotas(service_quotas: Any) -> dict[str, int]:
    """The account's quotas of Personalize, by their names in lower case; empty if they can't be listed."""
    try:
        pages = service_quotas.get_paginator("list_service_quotas").paginate(ServiceCode=SERVICE)
        return {one["QuotaName"].lower(): int(one["Value"]) for page in pages for one in page["Quotas"]}
    except (BotoCoreError, ClientError):
        return {}


def quota_of(kind: Kind, quotas: Mapping[str, int]) -> int:
    """The most resources of a kind that may exist. `quotas`: the account's.

    AWS publishes no list of their names: each name with the kind's words counts, except those of OTHER_MEASURES. A
    quota is never below the default.
    """
    counted = (value for name, value in quotas.items() if kind.words in name and not OTHER_MEASURES.search(name))
    return max([kind.quota, *counted])
