"""Items that similar sessions had next: nearest sessions, after STAN (Garg et al., SIGIR 2019).

A user's whole history is one session. The model is an index of the events without learnt values, and works for any
number of items.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from usher_local.recommenders.base import Interactions, Query, Recommender, number

RECENT, FORGETTING = 10, 3.0  # newest events of the history that count, and the age, in events, at which one weighs 1/e
RARITY = 0.25  # exponent of an item's number of events, which reduces the weight of its match
OCCURRENCES = 1000  # newest events of one item that are compared
NEIGHBOURS, SHARPNESS = 100, 1.5  # sessions that vote, and the exponent of their similarity in the vote
WINDOW, NEARNESS = 30, 15.0  # events around the match that get votes, and the distance, in events, that weighs 1/e
ERA = 30 * 86400.0  # seconds between two sessions after which their similarity begins to fade


@dataclass(frozen=True)
class Sessions(Recommender):
    """All n events, and the occurrences of each item among them."""

    user: NDArray[np.int32]  # (n,)
    item: NDArray[np.int32]  # (n,)
    timestamp: NDArray[np.int64]  # (n,) Unix seconds
    user_start: NDArray[np.int64]  # (n_users + 1,) where each user's events begin
    occurrence: NDArray[np.int32]  # (up to n,) events by item, an item's oldest first
    item_start: NDArray[np.int64]  # (n_items + 1,) where each item's occurrences begin
    rarity: NDArray[np.float32]  # (n_items,)
    recent: NDArray[np.int32]  # () newest events of a history that are looked up
    fading: NDArray[np.float32]  # () how strongly the time between sessions counts

    @classmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:  # noqa: ARG003
        """Sort the events. Obeys bptt, and recency_mask ("false": the age of a session does not count)."""
        events = np.bincount(interactions.item, minlength=len(interactions.item_ids))
        ends = np.cumsum(events)
        by_item = np.lexsort((interactions.timestamp, interactions.item)).astype(np.int32)
        newest = np.repeat(ends, events) - np.arange(len(by_item)) <= OCCURRENCES
        users = np.bincount(interactions.user, minlength=len(interactions.user_ids))
        return cls(
            interactions.user,
            interactions.item,
            interactions.timestamp,
            np.concatenate(([0], np.cumsum(users))),
            by_item[newest],
            np.concatenate(([0], np.cumsum(np.minimum(events, OCCURRENCES)))),
            (np.maximum(1, events) ** -RARITY).astype(np.float32),
            np.array(min(RECENT, number(parameters, "bptt", RECENT)), np.int32),
            np.array(0 if parameters.get("recency_mask") == "false" else 0.5, np.float32),
        )

    def score(self, query: Query) -> NDArray[np.float32]:
        """Votes of the nearest sessions for the items around their newest match; 0 for the history's own items."""
        sessions, likeness, match = self._nearest(query)
        offset = np.arange(-WINDOW, WINDOW + 1)
        event = match[:, None] + offset
        inside = (event >= self.user_start[sessions][:, None]) & (event < self.user_start[sessions + 1][:, None])
        votes = (likeness**SHARPNESS)[:, None] * np.exp(-np.abs(offset) / NEARNESS)
        items = len(self.rarity)
        scores = np.bincount(self.item[event[inside]], votes[inside], items).astype(np.float32)
        scores[query.history] = 0
        return scores

    def _nearest(self, query: Query) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.int64]]:
        """Users (k,), the similarity of their sessions, and in each the event that matches the newest of `query`."""
        recent = query.history[-int(self.recent) :]
        starts, ends = self.item_start[recent], self.item_start[recent + 1]
        spans = [self.occurrence[start:end] for start, end in zip(starts, ends, strict=True)]
        events = np.concatenate([*spans, np.empty(0, np.int32)])
        weight = np.exp(np.arange(1 - len(recent), 1) / FORGETTING) * self.rarity[recent]
        user = self.user[events]
        weights = np.repeat(weight, ends - starts).astype(np.float64)
        likeness = np.bincount(user, weights, len(self.user_start) - 1).astype(
            np.float64
        )  # bincount of nothing counts integers
        match = np.zeros(len(likeness), np.int64)
        match[user] = events  # of several matches, the last one stays: the newest of the history
        met = np.flatnonzero(likeness)
        if query.time is not None:
            distance = np.abs(self.timestamp[match[met]] - query.time)
            likeness[met] = likeness[met] * (1 + distance / ERA) ** -float(self.fading)
        if len(met) > NEIGHBOURS:
            met = met[np.argpartition(-likeness[met], NEIGHBOURS)[:NEIGHBOURS]]
        return met, likeness[met], match[met]
