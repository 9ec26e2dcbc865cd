"""Reasons for an item in a list: Personalize's, the filter's or promotion's, and evidence in the data. Pure.

Amazon Personalize gives a `reason` of three words at most, for the v2 recipes (GetRecommendations). The rest is
evidence: the items that people like together (similar-items), and the properties that the item shares with the user's
items.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

REASONS = {
    "Promoted item": "a promotion put it here",
    "Exploration": "the campaign explores: it tries out items that few have met",
    "Popular item": "popular; too few other items were left",
}
"""Usher's words for Personalize's reasons."""
MAX_SHARED = 3


def evidence(
    entry: Mapping[str, Any],
    *,
    neighbours: Mapping[str, Sequence[str]],
    traits: Mapping[str, str],
    met_traits: Counter[str],
    met: int,
    known: bool = True,
) -> list[str]:
    """Sentences without full stop, the strongest first; none if there is no evidence.

    `entry`: of the list; `neighbours`: the IDs of similar items, by the title of one of the user's items; `traits`: the
    item's values by column; `met_traits`: the number of the `met` items with each trait; `known`: whether the list is
    about the user.
    """
    item = entry.get("itemId", entry.get("actionId", ""))
    found = [REASONS.get(reason, reason) for reason in entry.get("reason", [])]
    if promotion := entry.get("promotionName"):
        found.append(f"the promotion {promotion} put it here")
    if not known:
        return [*found, "nothing is known of this user, so the list is one for newcomers"]
    if like := [title for title, similar in neighbours.items() if item in similar]:
        found.append(f"similar to {', '.join(like[:MAX_SHARED])}")
    shared = sorted(
        (trait for trait in split_traits(traits) if met_traits[trait] > 1), key=lambda one: -met_traits[one]
    )
    if shared and met:
        named = ", ".join(f"{trait.partition('=')[2]} ({met_traits[trait]} of {met})" for trait in shared[:MAX_SHARED])
        found.append(f"in common with the history: {named}")
    return found


def count_traits(items: Iterable[Mapping[str, str]]) -> Counter[str]:
    """The number of items with each trait."""
    return Counter(trait for values in items for trait in split_traits(values))


def split_traits(values: Mapping[str, str]) -> set[str]:
    """The short values of an item, `COLUMN=value`; several in one cell are separated by bars."""
    return {
        f"{name}={one}"
        for name, text in values.items()
        if len(text) <= 200 and name != "CREATION_TIMESTAMP"
        for one in text.split("|")
        if one
    }
