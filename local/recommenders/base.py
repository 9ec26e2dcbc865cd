"""What the service and the models say to each other: interactions in, a query, one score per item out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

TIE_BREAK = np.float32(1e-6)  # weight of popularity (0 to 1) beneath a model's own scores


@dataclass(frozen=True, slots=True)
class Interactions:
    """Who met what and when, sorted by (user, timestamp, arrival). Build one with `of`."""

    user: NDArray[np.int32]  # (n,) index into user_ids
    item: NDArray[np.int32]  # (n,) index into item_ids
    timestamp: NDArray[np.int64]  # (n,) Unix seconds
    user_ids: list[str]
    item_ids: list[str]
    weight: NDArray[np.float32]  # (n,) how much an event counts; 1 unless the caller knows better
    labels: Sequence[Sequence[str]] = ()  # (n_items,) attributes of each item, as `FIELD=value`; empty: none known
    texts: Sequence[str] = ()  # (n_items,) what is written about each item; empty: nothing

    @classmethod
    def of(
        cls,
        users: Sequence[str],
        items: Sequence[str],
        timestamps: Iterable[int],
        *,
        weights: NDArray[np.float32] | None = None,
        known: Iterable[str] = (),
    ) -> Self:
        """Number the ids in alphabetical order, sort the events; those of equal time keep their order of arrival.

        `known` are items that exist, whether or not somebody met them.
        """
        user, user_ids = _number(users)
        item, item_ids = _number(items, known)
        timestamp = np.fromiter(timestamps, np.int64, len(user))
        weight = np.ones(len(user), np.float32) if weights is None else weights
        order = np.lexsort((timestamp, user))
        return cls(user[order], item[order], timestamp[order], user_ids, item_ids, weight[order])

    def where(self, kept: NDArray[np.bool_]) -> Self:
        """Only the events of the mask `kept` (n,), under the same numbers of users and items."""
        return replace(
            self,
            user=self.user[kept],
            item=self.item[kept],
            timestamp=self.timestamp[kept],
            weight=self.weight[kept],
        )

    def histories(self) -> list[NDArray[np.int32]]:
        """Each user's items, oldest first, in the order of `user_ids`; empty for a user without events."""
        return np.split(self.item, np.searchsorted(self.user, np.arange(1, len(self.user_ids))))


def _number(ids: Sequence[str], known: Iterable[str] = ()) -> tuple[NDArray[np.int32], list[str]]:
    names = sorted({*ids, *known})
    number = {name: index for index, name in enumerate(names)}
    return np.fromiter(map(number.__getitem__, ids), np.int32, len(ids)), names


@dataclass(frozen=True, slots=True)
class Query:
    """A request in the model's numbers: items the model does not know are left out by whoever asks."""

    history: NDArray[np.int32]  # item indices, oldest first; empty for a new user; for segments, the items they like
    item: int | None = None  # for related items; None when unknown


@dataclass(frozen=True)
class Recommender(ABC):
    """A fitted model: a frozen dataclass whose every field is an array, stored as one `.npy` file per field."""

    @classmethod
    @abstractmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:
        """Learn from at least one interaction (or one text, where that is what the recipe is about).

        `parameters` are Personalize's hyperparameters, all strings: those a model does not know are ignored, one that
        must be a number and is none raises ValueError.
        """

    @abstractmethod
    def score(self, query: Query) -> NDArray[np.float32]:
        """Finite scores (n_items,), higher is better; the caller filters, sorts (stably) and cuts.

        Models of segments score users instead: (n_users,).
        """

    def save(self, folder: Path) -> None:
        """Write the model into an existing folder."""
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote, memory-mapped and read-only."""
        arrays: dict[str, Any] = {
            field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(cls)
        }
        return cls(**arrays)


def count_later(user: NDArray[np.int32]) -> NDArray[np.intp]:
    """How many later events each event (n,) of the sorted `user` (n,) has by the same user."""
    return np.searchsorted(user, user, side="right") - np.arange(len(user)) - 1


def number(parameters: Mapping[str, str], name: str, default: float) -> float:
    """A hyperparameter that Personalize sends as a string; ValueError where it is no number."""
    return float(parameters.get(name, default))


def count_users(interactions: Interactions) -> NDArray[np.float32]:
    """How many different users met each item (n_items,): Personalize's idea of popularity."""
    items = len(interactions.item_ids)
    pairs = np.unique(interactions.user.astype(np.int64) * items + interactions.item)
    return np.bincount(pairs % items, minlength=items).astype(np.float32)
