"""moto's backends of a service, in every account and region."""

from collections.abc import Iterator, Mapping
from typing import Any


def every(backends: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """The account, region and backend of each existing backend, from copies: other threads may add to moto's tables."""
    for account, regions in list(backends.items()):
        for region, backend in list(regions.items()):
            yield account, region, backend
