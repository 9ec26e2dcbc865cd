"""Notes on a degraded answer."""

from collections.abc import Iterator, Mapping
from typing import Any

FILTERED = {
    "applied": "The filter was applied.",
    "strict": "The filter was applied; items for which its result is unknown are left out.",
    "exported": "The export was made with this filter; items that are known to fail it now are left out.",
}
"""The sentence for each value of `degraded.filter`."""


def remarks(degraded: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on the member `degraded` of an answer."""
    reason = degraded.get("reason", "")
    if reason == "NoCatalogue":
        yield "The table did not answer: the list may have items outside the catalogue."
    elif reason:
        yield f"Personalize did not answer: {reason}."
    if degraded.get("filter") in FILTERED:
        yield FILTERED[degraded["filter"]]
    if ignored := degraded.get("ignored"):
        yield f"Ignored: {', '.join(ignored)}."
