"""The items that can be recommended now: those that the model knows, and new items without events."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from usher_local.personalize.core.algorithms import TRANSFORMATIONS
from usher_local.personalize.core.resources import Values
from usher_local.personalize.core.schemas import Field, Schema
from usher_local.personalize.data.datasets import Column, Mask, Table, members
from usher_local.personalize.data.interactions import InteractionLog

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BANDS = 10
"""The number of bands of a numeric field: numbers are compared by the tenth of their distribution."""
DAY = 86400.0
COLD_START = "aws-hrnn-coldstart"
NO_FEATURES = frozenset({"ITEM_ID", "CREATION_TIMESTAMP"})


def feature_fields(
    schema: Schema | None, excluded: Collection[str] = (), included: Collection[str] = ()
) -> list[Field]:
    """The fields by which items are compared: categories and numbers that the solution does not exclude."""
    return [
        field
        for field in (schema.fields if schema else ())
        if (field.categorical or field.numeric)
        and field.name not in {*NO_FEATURES, *excluded}
        and (not included or field.name in included)
    ]


def labels(table: Table, fields: Sequence[Field]) -> list[list[str]]:
    """The labels of each record, as `FIELD=value`."""
    item_labels: list[list[str]] = [[] for _ in table.index]
    for field in fields:
        column = table.column(field.name)
        for label, cells in zip(
            item_labels, _bands(column) if field.numeric else map(members, column.cells), strict=True
        ):
            label += [f"{field.name}={cell}" for cell in cells]
    return item_labels


def _bands(column: Column) -> list[list[str]]:
    known = ~np.isnan(column.numbers)
    if not known.any():
        return [[] for _ in column.cells]
    edges = np.unique(np.quantile(column.numbers[known], np.linspace(0, 1, BANDS + 1)[1:-1]))
    bands = np.searchsorted(edges, column.numbers)
    return [[str(band)] if there else [] for band, there in zip(bands.tolist(), known.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class ColdStart:
    """The definition of new items in the feature transformation of aws-hrnn-coldstart."""

    interactions: float
    """The maximum number of an item's interactions."""
    duration: float
    """The maximum age in days, since the item's creation time or else its first interaction."""
    relative_to: str
    """The time from which the age counts back: that of the `latestItem`, or `currentTime`."""

    @classmethod
    def of(cls, values: Values) -> "ColdStart":
        """The rules of a version with these members."""
        given = values.get("solutionConfig", {}).get("featureTransformationParameters", {})
        settings = TRANSFORMATIONS["featurize_coldstart"] | given
        most, duration = (float(settings[f"cold_start_max_{name}"]) for name in ("interactions", "duration"))
        return cls(most, duration, settings["cold_start_relative_from"])


@dataclass(frozen=True)
class Candidates:
    """The items of a model in its order, then the new items of the items table."""

    known: int
    """The number of items that the model scores."""
    ids: list[str]
    table: Table
    fields: Sequence[Field]

    @classmethod
    def of(cls, known: list[str], table: Table, fields: Sequence[Field], newcomers: bool) -> "Candidates":
        """The items that the model knows and, with `newcomers`, the others of the table."""
        held = set(known)
        return cls(len(known), known + [item for item in table.index if newcomers and item not in held], table, fields)

    @cached_property
    def masks(self) -> dict[object, Mask]:
        """A cache of the masks of conditions on items alone (see `filters.evaluation`)."""
        return {}

    @cached_property
    def index(self) -> dict[str, int]:
        """The position of each item by its ID."""
        return {item: position for position, item in enumerate(self.ids)}

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """The row of each item in the table; -1 without one."""
        return np.array([self.table.index.get(item, -1) for item in self.ids], np.intp)

    @cached_property
    def likeness(self) -> "csr_array":
        """Weights (newcomers, known) of the known items that are most similar to each newcomer."""
        # scipy's import is slow; the first newcomer pays for it, not every installation of the service.
        from usher_local.recommenders.content import nearest, tfidf

        item_labels = [*labels(self.table, self.fields), []]
        terms = tfidf(item_labels[row] for row in self.rows)
        return nearest(terms[self.known :], terms[: self.known])

    def spread(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores of all items from those of the known ones; a newcomer gets the scores of similar items."""
        if len(self.ids) == self.known:
            return scores
        whole: NDArray[np.float32] = np.concatenate([scores, self.likeness @ scores]).astype(np.float32)
        return whole

    @cached_property
    def born(self) -> NDArray[np.float64]:
        """The creation times in Unix seconds; infinite (now) for items without one."""
        numbers = np.append(self.table.column("CREATION_TIMESTAMP").numbers, np.nan)[self.rows]
        return np.where(np.isnan(numbers), np.inf, numbers)

    def cold(self, log: InteractionLog, rules: ColdStart) -> Mask:
        """The mask of the items that are new by these rules, computed once from the log at that time."""
        mask = self.masks.get(rules)
        if mask is None:
            mask = self.masks[rules] = self._cold(log, rules)
        return mask

    def _cold(self, log: InteractionLog, rules: ColdStart) -> Mask:
        met = log.frame().groupby("ITEM_ID", observed=True)["TIMESTAMP"].agg(["size", "min"]).reindex(self.ids)
        born = np.where(np.isinf(self.born), met["min"].fillna(np.inf), self.born)
        latest = born[np.isfinite(born)].max(initial=0) if rules.relative_to == "latestItem" else time.time()
        few, young = met["size"].fillna(0).to_numpy() <= rules.interactions, latest - born <= rules.duration * DAY
        return np.asarray(few & young, np.bool_)
