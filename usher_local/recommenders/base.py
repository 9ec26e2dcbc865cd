"""The interface between the service and the models: interactions and a query in, one score per item out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self, get_type_hints

import numpy as np
from numpy.typing import NDArray

from usher_local.python_parser import PARSER

TIE_BREAK = np.float32(1e-6)  # weight of popularity (0 to 1), which is added to a model's own scores


@dataclass(frozen=True, slots=True)
class Interactions:
    """Events of users with items, sorted by (user, timestamp, arrival). Build them with `of`."""

    user: NDArray[np.int32]  # (n,) index into user_ids
    item: NDArray[np.int32]  # (n,) index into item_ids
    timestamp: NDArray[np.int64]  # (n,) Unix seconds
    user_ids: list[str]
    item_ids: list[str]
    weight: NDArray[np.float32]  # (n,) weight of each event, 1 by default
    labels: Sequence[Sequence[str]] = ()  # (n_items,) attributes of each item, as `FIELD=value`; may be empty
    texts: Sequence[str] = ()  # (n_items,) a description of each item; may be empty

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
        """Number the IDs in alphabetical order and sort the events; events of equal time keep their order.

        `known` are items that exist, with or without events.
        """
        user, user_ids = _number(users)
        item, item_ids = _number(items, known)
        timestamp = np.fromiter(timestamps, np.int64, len(user))
        weight = np.ones(len(user), np.float32) if weights is None else weights
        order = np.lexsort((timestamp, user))
        return cls(user[order], item[order], timestamp[order], user_ids, item_ids, weight[order])

    def where(self, kept: NDArray[np.bool_]) -> Self:
        """The events of the mask `kept` (n,), with the same numbers of users and items."""
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
        """A query for each user's next item, after the whole history; `item` is the newest."""
        bounds = self._bounds()
        return [
            Query(self.item[start:end], int(self.item[end - 1]), int(self.timestamp[end - 1]))
            if start < end
            else Query(self.item[start:end])
            for start, end in pairwise(bounds.tolist())
        ]

    def _bounds(self) -> NDArray[np.intp]:
        """The place where each user's events begin, and the end (n_users + 1,)."""
        return np.searchsorted(self.user, np.arange(len(self.user_ids) + 1))


def _number(ids: Sequence[str], known: Iterable[str] = ()) -> tuple[NDArray[np.int32], list[str]]:
    names = sorted({*ids, *known})
    number = {name: index for index, name in enumerate(names)}
    return np.fromiter(map(number.__getitem__, ids), np.int32, len(ids)), names


@dataclass(frozen=True, slots=True)
class Query:
    """A request in the model's numbers. The caller leaves out items that the model does not know."""

    history: NDArray[np.int32]  # item indices, oldest first; empty for a new user; for segments, the liked items
    item: int | None = None  # for related items; None when unknown
    time: int | None = None  # Unix seconds of the history's newest event; None: the time of the newest training event


@dataclass(frozen=True)
class Recommender(ABC):
    """A fitted model: a frozen dataclass of arrays, stored as `.npy` files, and of other models, stored as folders."""

    @classmethod
    @abstractmethod
    def fit(cls, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:
        """Train on at least one interaction (or one text, if the recipe reads texts).

        `parameters` are Personalize's hyperparameters, all strings. A model ignores unknown ones, and raises ValueError
        for text where it needs a number.
        """

    def refit(self, interactions: Interactions, parameters: Mapping[str, str], seed: int = 0) -> Self:
        """Train on more data of the same kind; the model may keep learnt values that are costly and stable."""
        return type(self).fit(interactions, parameters, seed)

    @abstractmethod
    def score(self, query: Query) -> NDArray[np.float32]:
        """Finite scores (n_items,), higher is better; the caller filters, sorts (stably) and cuts.

        Models of segments score users instead: (n_users,).
        """

    def score_many(self, queries: Sequence[Query]) -> NDArray[np.float32]:
        """The scores of at least one query: (m, n_items)."""
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
        """The model in a folder of `save`, memory-mapped and read-only."""
        kinds = get_type_hints(cls)
        values: dict[str, Any] = {
            field.name: kinds[field.name].load(folder / field.name)
            if (folder / field.name).is_dir()
            else read_array(folder / f"{field.name}.npy", "r")
            for field in fields(cls)
        }
        return cls(**values)


def read_array(file: Path, mode: Literal["r", "c"]) -> NDArray[Any]:
    """The array in a `.npy` file, memory-mapped: read-only ("r"), or with changes that stay in memory ("c")."""
    with PARSER:
        return np.asarray(np.load(file, mmap_mode=mode))  # noqa: TID251


def count_later(user: NDArray[np.int32]) -> NDArray[np.intp]:
    """The number of later events by the same user, for each event (n,) of the sorted `user` (n,)."""
    return np.searchsorted(user, user, side="right") - np.arange(len(user)) - 1


def number(parameters: Mapping[str, str], name: str, default: float) -> float:
    """A hyperparameter as a number; ValueError if its text is none."""
    return float(parameters.get(name, default))


def count_users(interactions: Interactions) -> NDArray[np.float32]:
    """The number of different users of each item (n_items,): Personalize's definition of popularity."""
    items = len(interactions.item_ids)
    pairs = np.sort(interactions.user.astype(np.int64) * items + interactions.item)  # much faster than np.unique
    first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
    return np.bincount(pairs[first] % items, minlength=items).astype(np.float32)


def newest_tenth(interactions: Interactions) -> NDArray[np.bool_]:
    """A mask (n,) of each user's newest 10% of events, at least one."""
    length = np.bincount(interactions.user, minlength=len(interactions.user_ids))[interactions.user]
    return count_later(interactions.user) < length - 9 * length // 10
