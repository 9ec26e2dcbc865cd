"""ListServiceQuotas for Personalize, which moto lacks, with the limits of the local Personalize."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.responses import ServiceQuotasResponse

from usher_local.personalize.control.kinds import KINDS
from usher_local.personalize.core import environment

RATES = {
    "Maximum transaction rate (TPS) across all your campaigns and recommenders": 2500,
    "Rate of requests for filters": 10000,
}
"""Quotas on requests, without resources."""
NAME = "list_service_quotas"
"""The name of moto's method for it."""


@contextmanager
def listed() -> Iterator[None]:
    """Answer ListServiceQuotas inside the block. AWS publishes no list of the names; these are its guide's words."""
    former = vars(ServiceQuotasResponse).get(NAME)  # of a cloud around this one
    setattr(ServiceQuotasResponse, NAME, _list_service_quotas)
    try:
        yield
    finally:
        if former is None:
            delattr(ServiceQuotasResponse, NAME)
        else:
            setattr(ServiceQuotasResponse, NAME, former)


def _list_service_quotas(response: Any) -> str:
    if json.loads(response.body)["ServiceCode"] != "personalize":
        raise NoSuchResource
    raised = environment.current.quotas
    counts = {
        f"Total number of {'pending or in progress' if quota.pending else 'active'} {kind.words}s": (
            raised.get(kind.name, quota.limit)
        )
        for kind in KINDS.values()
        for quota in kind.quotas
    }
    quotas = [
        {"ServiceCode": "personalize", "QuotaName": name, "Value": float(value)}
        for name, value in {**counts, **RATES}.items()
    ]
    return json.dumps({"Quotas": quotas})
