"""The recipients of an export: the group's own lines, those that the config selects, or all users or items
in the data.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usher.batch.job_input import uploaded_keys
from usher.batch.lines import example, lacking, read_lines
from usher.config.model import DesiredExport
from usher.datasets.columns import texts_of
from usher.datasets.csv_reader import Block
from usher.datasets.dataset_files import dataset_files, read_files
from usher.datasets.reading import PLAIN, Reading
from usher.errors import InputError, Problem
from usher.recipes import BatchShape
from usher.storage.bucket import Bucket, File

MAX_REPORTED = 100
COLUMNS = {"userId": "USER_ID", "itemId": "ITEM_ID"}


@dataclass(slots=True)
class Recipients:
    """The recipients of an export, as lines of its jobs' input."""

    solution: str
    spec: DesiredExport
    shape: BatchShape
    refused: int = 0
    """The number of the group's own lines that can't be sent."""
    problems: list[Problem] = field(default_factory=list)
    """The problems of the first of those lines."""

    def lines(self, bucket: Bucket, group: str) -> Iterator[dict[str, Any]]:
        """Yield the lines. Raises InputError for missing or contradictory sources of recipients."""
        keys = bucket.keys(f"{group}/")
        uploaded = uploaded_keys(keys, group, self.solution)
        options = {"users": self.spec["users"], "items": self.spec["items"], "attributes": self.spec["attributes"]}
        named = next((option for option, values in options.items() if values), "")
        if uploaded and named:
            message = f"conflicts with exports.{self.solution}.{named}."
            raise InputError([Problem(uploaded[0], message, "Keep one of the two.")])
        if not uploaded and (message := lacking(self.spec["filterValues"], self.spec["needs"])):
            remedy = f"Give it one, or put lines with values into {group}/export/{self.solution}/."
            raise InputError([Problem(f"usher.yaml: exports.{self.solution}.filterValues", message, remedy)])
        if uploaded:
            yield from self._uploaded(bucket, uploaded)
        elif named == "users":
            yield from self._selected_users(bucket, group, dataset_files(bucket, group, "users"))
        elif named:
            yield from ({self.shape.key: one} for one in options[named])
        else:
            yield from self._everyone(bucket, group)

    def _uploaded(self, bucket: Bucket, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        for key in keys:
            lines = read_lines(bucket.lines(key), self.shape, self.spec["needs"], self.spec["filterValues"])
            for number, line, message, remedy in lines:
                if not message:
                    yield line
                    continue
                self.refused += 1
                if len(self.problems) < MAX_REPORTED:
                    self.problems.append(Problem(f"{key} line {number}", message, remedy))

    def _selected_users(self, bucket: Bucket, group: str, files: Sequence[File]) -> Iterator[dict[str, Any]]:
        """The users whose last row has the values: Personalize, too, keeps the last row of a user."""
        values_by_column, asks = self.spec["users"], f"exports.{self.solution}.users asks for"
        if not files:
            message = f"does not exist, but {asks} it."
            raise InputError([Problem(f"{group}/users.csv", message, "Drop it, or remove `users` from the export.")])
        columns, chosen = {"USER_ID", *values_by_column}, dict[str, bool]()
        for file in files:
            for block in read_files(bucket, [file], self._reading("users")):
                if lacking := sorted(columns - set(block.columns)):
                    message = f"lacks the column {lacking[0]}, which {asks}."
                    raise InputError([Problem(file.key, message, f"Use one of: {', '.join(block.columns)}.")])
                matches = (have_value(block.columns[name], values) for name, values in values_by_column.items())
                fits: Any = functools.reduce(pc.and_, matches)
                chosen.update(zip(texts_of(block.columns["USER_ID"]), fits.to_pylist(), strict=True))
        yield from ({"userId": user} for user, is_chosen in chosen.items() if is_chosen)

    def _everyone(self, bucket: Bucket, group: str) -> Iterator[dict[str, Any]]:
        """All users of the interactions, or all items, including those of the metadata."""
        column = COLUMNS.get(self.shape.key, "")
        if self.shape.list_member or self.shape.max_lines or not column:
            own = ", or name them in usher.yaml" if "items" in self.shape.options or not column else ""
            message, where = "has no recipients.", f"{group}/export/{self.solution}/*.jsonl"
            raise InputError([Problem(where, message, f"Put lines such as {example(self.shape)} there{own}.")])
        datasets = ("interactions", "items") if self.shape.key == "itemId" else ("interactions",)
        blocks = (read_files(bucket, dataset_files(bucket, group, name), self._reading(name)) for name in datasets)
        for one in distinct(chain.from_iterable(blocks), column):
            yield {self.shape.key: one}

    def _reading(self, dataset: str) -> Reading:
        return self.spec.get("readings", {}).get(dataset, PLAIN)


def have_value(column: pa.StringArray, values: Sequence[str]) -> Any:
    """Whether cells have one of some values. A cell of a categorical column may have several, separated by |."""
    wanted, parts = pa.array(values, pa.string()), pc.split_pattern(column, "|")
    rows = pc.list_parent_indices(parts).filter(pc.is_in(pc.list_flatten(parts), wanted))
    return pc.or_(pc.is_in(column, wanted), pc.is_in(pa.array(np.arange(len(column))), rows))


def distinct(blocks: Iterable[Block], column: str) -> Iterator[str]:
    """The distinct IDs of a column, in order of appearance. They take about 100 bytes each."""
    seen: set[str] = set()
    for block in blocks:
        new = [one for one in texts_of(pc.unique(block.columns[column])) if one not in seen]
        seen.update(new)
        yield from new
