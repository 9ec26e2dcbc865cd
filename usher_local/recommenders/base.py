"""What the service and the models say to each other: interactions in, a query, one score per item out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self, get_type_hints

import numpy as np
from numpy.typing import NDArray

from usher_local.python_parser import PARSER

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
        return np.split(self.item, self._bounds()[1:-1])

    def queries(self) -> "list[Query]":
        """What comes after each user's history (after its newest event, if an item is asked about)."""
        bounds = self._bounds()
        return [
            Query(self.item[start:end], int(self.item[end - 1]), int(self.timestamp[end - 1]))
            if start < end
            else Query(self.item[start:end])
            for start, end in pairwise(bounds.tolist())
        ]

    def _bounds(self) -> NDArray[np.intp]:
        """Where each user's events begin, and the end (n_users + 1,)."""
        return np.searchsorted(self.user, np.arange(len(self.user_ids) + 1))


def _number(ids: Sequence[str], known: Iterable[str] = ()) -> tuple[NDArray[np.int32], list[str]]:
    names = sorted({*ids, *known})
    number = {name: index for index, name in enumerate(names)}
    return np.fromiter(map(number.__getitem__, ids), np.int32, len(ids)), names


@dataclass(frozen=True, slots=True)
class Query:
    """A request in the model's numbers: items the model does not know are left out by whoever asks."""

    history: NDArray[np.int32]  # item indices, oldest first; empty for a new user; for segments, the items they like
    item: int | None = None  # for related items; None when unknown
    time: int | None = None  # Unix seconds of the history's newest event; None: as late as what was learnt from


@dataclass(frozen=True)
class Recommender(ABC):
    """A fitted model: a frozen dataclass of arrays, each stored as a `.npy` file, and of other models, in folders."""

    @classmethod
    @abstractmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:
        """Learn from at least one interaction (or one text, where that is what the recipe is about).

        `parameters` are Personalize's hyperparameters, all strings: those a model does not know are ignored, one that
        must be a number and is none raises ValueError.
        """

    def refit(self, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:
        """`fit` to more of the same; what took long to find out, and hardly changes, may be kept."""
        return type(self).fit(interactions, parameters, seed)

    @abstractmethod
    def score(self, query: Query) -> NDArray[np.float32]:
        """Finite scores (n_items,), higher is better; the caller filters, sorts (stably) and cuts.

        Models of segments score users instead: (n_users,).
        """

    def score_many(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """What `score` answers to each of at least one query: (m, n_items)."""
        return np.stack([self.score(query) for query in queries])

    def save(self, folder: Path) -> None:
        """Write the model into an existing folder."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Recommender):
                (folder / field.name).mkdir()
                value.save(folder / field.name)
            else:
                np.save(folder / f"{field.name}.npy", value, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote, memory-mapped and read-only."""
        kinds = get_type_hints(cls)
        values: dict[str, Any] = {
            field.name: kinds[field.name].load(folder / field.name)
            if (folder / field.name).is_dir()
            else read_array(folder / f"{field.name}.npy", "r")
            for field in fields(cls)
        }
        return cls(**values)


def read_array(file: Path, mode: Literal["r", "c"]) -> NDArray[Any]:
    """The array in a `.npy` file, memory-mapped: read-only, or ("c") with changes that stay in memory."""
    with PARSER:
        return np.asarray(np.load(file, mmap_mode=mode))  # noqa: TID251


def count_later(user: NDArray[np.int32]) -> NDArray[np.intp]:
    """How many later events each event (n,) of the sorted `user` (n,) has by the same user."""
    return np.searchsorted(user, user, side="right") - np.arange(len(user)) - 1


def number(parameters: Mapping[str, str], name: str, default: float) -> float:
    """A hyperparameter that Personalize sends as a string; ValueError where it is not a number."""
    return float(parameters.get(name, default))


def count_users(interactions: Interactions) -> NDArray[np.float32]:
    """How many different users met each item (n_items,): Personalize's idea of popularity."""
    items = len(interactions.item_ids)
    pairs = np.sort(interactions.user.astype(np.int64) * items + interactions.item)  # much faster than np.unique
    first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
    return np.bincount(pairs[first] % items, minlength=items).astype(np.float32)


def newest_tenth(interactions: Interactions) -> NDArray[np.bool_]:
    """Which events (n,) are the newest 10%, never less than one, of their user's."""
    length = np.bincount(interactions.user, minlength=len(interactions.user_ids))[interactions.user]
    return count_later(interactions.user) < length - 9 * length // 10
