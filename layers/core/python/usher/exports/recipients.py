"""For whom an export is: the lines of its job's input, from the config, the group's own files or its data."""

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usher.batch.job_input import encoded_line, uploaded_keys
from usher.datasets.csv_reader import Block
from usher.datasets.files import dataset_keys, read_files
from usher.errors import InputError, Problem
from usher.limits import MAX_ID_LENGTH
from usher.recipes import BatchShape
from usher.storage.bucket import MAX_REQUEST_LENGTH, Bucket

SHOWN_LINES = 100
LONGEST = {"userId": MAX_ID_LENGTH, "itemId": MAX_ID_LENGTH, "itemAttributes": 1000}
COLUMNS = {"userId": "USER_ID", "itemId": "ITEM_ID"}


@dataclass(slots=True)
class Input:
    """The lines of an export."""

    solution: str
    wish: Mapping[str, Any]
    """The export, as the serving map has it."""
    shape: BatchShape
    refused: int = 0
    """Lines of the group's own files that can't be sent."""
    problems: list[Problem] = field(default_factory=list)
    """The first of them."""

    def lines(self, bucket: Bucket, group: str) -> Iterator[dict[str, Any]]:
        """Whom to ask for. Raises InputError where there is nothing to go by, or too much."""
        keys = bucket.keys(f"{group}/")
        given = uploaded_keys(keys, group, self.solution)
        named = next((option for option in ("users", "items", "attributes") if self.wish[option]), "")
        if given and named:
            said = f"stands beside exports.{self.solution}.{named}."
            raise InputError([Problem(given[0], said, "Keep one of the two.")])
        if not given and (said := self._lacking({})):
            remedy = f"Give it one, or put lines with values into {group}/export/{self.solution}/."
            raise InputError([Problem(f"usher.yaml: exports.{self.solution}.filterValues", said, remedy)])
        if given:
            yield from self._given(bucket, given)
        elif named == "users":
            yield from self._chosen(bucket, group, dataset_keys(keys, group, "users"))
        elif named:
            yield from ({self.shape.key: one} for one in self.wish[named])
        else:
            yield from self._everyone(bucket, keys, group)

    def _given(self, bucket: Bucket, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        for key in keys:
            for number, text in enumerate(bucket.lines(key), start=1):
                if not text.strip():
                    continue
                line, said, remedy = read_line(text, self.shape)
                if not said and (said := self._lacking(line)):
                    remedy = "Give it one in the line's filterValues, or in usher.yaml."
                if not said:
                    yield line
                    continue
                self.refused += 1
                if len(self.problems) < SHOWN_LINES:
                    self.problems.append(Problem(f"{key} line {number}", said, remedy))

    def _lacking(self, line: Mapping[str, Any]) -> str:
        """What is wrong with a line that lacks a value for the filter: it would fail, and be paid for."""
        values = line.get("filterValues", self.wish["filterValues"])
        return next((f"has no value for ${name}." for name in self.wish["needs"] if name not in values), "")

    def _chosen(self, bucket: Bucket, group: str, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Users whose last row is as asked for: as for Personalize, it is the one that counts."""
        wanted, asks = self.wish["users"], f"exports.{self.solution}.users asks for"
        if not keys:
            said = f"is not there, but {asks} it."
            raise InputError([Problem(f"{group}/users.csv", said, "Drop it, or remove `users` from the export.")])
        columns, chosen = {"USER_ID", *wanted}, dict[str, bool]()
        for key in keys:
            for block in read_files(bucket, [key]):
                if lacking := sorted(columns - set(block.columns)):
                    said = f"lacks the column {lacking[0]}, which {asks}."
                    raise InputError([Problem(key, said, f"Use one of: {', '.join(block.columns)}.")])
                found = (have(block.columns[name], values) for name, values in wanted.items())
                fits = functools.reduce(pc.and_, found)
                chosen.update(zip(block.columns["USER_ID"].to_pylist(), fits.to_pylist(), strict=True))
        yield from ({"userId": user} for user, is_chosen in chosen.items() if is_chosen)

    def _everyone(self, bucket: Bucket, keys: list[str], group: str) -> Iterator[dict[str, Any]]:
        """Everyone in the interactions; of items, also those that nobody has met yet."""
        column = COLUMNS.get(self.shape.key, "")
        if self.shape.list_member or self.shape.max_lines or not column:
            own = ", or name them in usher.yaml" if "items" in self.shape.options or not column else ""
            said, where = "has nothing to export for.", f"{group}/export/{self.solution}/*.jsonl"
            raise InputError([Problem(where, said, f"Put lines such as {example(self.shape)} there{own}.")])
        datasets = ("interactions", "items") if self.shape.key == "itemId" else ("interactions",)
        files = [key for name in datasets for key in dataset_keys(keys, group, name)]
        for one in distinct(read_files(bucket, files), column):
            yield {self.shape.key: one}


def have(column: pa.StringArray, values: Sequence[str]) -> pa.BooleanArray:
    """Which cells have one of some values. A categorical column's cell may have several, with | between them."""
    wanted, parts = pa.array(values, pa.string()), pc.split_pattern(column, "|")
    rows = pc.list_parent_indices(parts).filter(pc.is_in(pc.list_flatten(parts), wanted))
    return pc.or_(pc.is_in(column, wanted), pc.is_in(pa.array(np.arange(len(column))), rows))


def distinct(blocks: Iterable[Block], column: str) -> Iterator[str]:
    """Every different ID of a column, in order of appearance. What is held is the IDs: about 100 bytes for each."""
    seen: set[str] = set()
    for block in blocks:
        new = [one for one in pc.unique(block.columns[column]).to_pylist() if one not in seen]
        seen.update(new)
        yield from new


def example(shape: BatchShape) -> str:
    """A line as it should be."""
    value = {"userId": "u1", "itemId": "i1", "itemAttributes": 'ITEMS.GENRES = "Comedy"'}[shape.key]
    return json.dumps({shape.key: value, **({shape.list_member: ["i1", "i2"]} if shape.list_member else {})})


def read_line(text: bytes, shape: BatchShape) -> tuple[dict[str, Any], str, str]:
    """A line of a group's own, and, if it can't be sent, what is wrong with it and the remedy. Pure."""
    if len(text) > MAX_REQUEST_LENGTH:
        return {}, f"is longer than {MAX_REQUEST_LENGTH >> 20} MB.", f"Write {example(shape)}."
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, dict):
        return {}, "is no JSON object.", f"Write {example(shape)}."
    checks = (
        (not _is_text(line.get(shape.key), LONGEST[shape.key]),
         f"has no {shape.key} that is a text of 1 to {LONGEST[shape.key]} characters.", f"Write {example(shape)}."),
        (shape.list_member and not _are_texts(line.get(shape.list_member)),
         f"has no {shape.list_member} of texts.", f"Write {example(shape)}."),
        ("context" in line, "has a context, which Personalize's batch jobs don't take.", "Remove it."),
        (not _are_values(line.get("filterValues", {})),
         "has filterValues that are no texts.", r'Write {"GENRE": "\"Comedy\""}, with quotes inside the text.'),
        (not _is_whole(line), r"has half a character, such as \ud800.", "Write the whole one, in UTF-8."),
        (unknown := sorted(line.keys() - {shape.key, shape.list_member, "context", "filterValues"}),
         f"has {', '.join(unknown)}, which lines of this recipe don't have.", f"Write {example(shape)}."),
    )  # fmt: skip
    return line, *next(((said, remedy) for wrong, said, remedy in checks if wrong), ("", ""))


def _is_whole(line: Mapping[str, Any]) -> bool:
    """Whether a line can be written: JSON's escapes allow for lone surrogates, which UTF-8 has no bytes for."""
    try:
        encoded_line(line)
    except UnicodeEncodeError:
        return False
    return True


def _is_text(value: Any, longest: int = MAX_ID_LENGTH) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= longest


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _are_values(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
