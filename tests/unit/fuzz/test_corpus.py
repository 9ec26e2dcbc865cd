"""No case of the corpus, and no mutation of one, breaks a reader: each ends in a value or in problems.

FUZZ_SECONDS=600 python -m pytest tests/unit/fuzz tests each reader for ten minutes
"""

import io
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import IO, Any

import pytest
from botocore.exceptions import ClientError
from usher.datasets.byte_ranges import parts_of, profile_part
from usher.datasets.profile import merge_parts
from usher.datasets.read_limits import ReadLimits
from usher.errors import InputError, Problem
from usher.formats.documents import MAX_BYTES
from usher.planning.inputs import load_inputs
from usher.resources.inventory import Inventory
from usher.storage.bucket import Bucket, File
from usher.storage.layout import (
    DATASETS,
    as_own_key,
    dataset_of,
    group_of,
    is_config,
    is_data,
    is_request,
    is_unrecognized,
)
from usher.texts import visible

from tests.cases import check_each
from tests.unit.fuzz.corpus import CONFIGS, GOOD, KEYS, SIMS, TABLES

pytestmark = pytest.mark.exhaustive


SECONDS = float(os.environ.get("FUZZ_SECONDS", 1))
SEED = int(os.environ.get("FUZZ_SEED", 13))
RECIPES = ["aws-sims", "aws-user-personalization-v2", "aws-similar-items", "aws-personalized-ranking-v2"]
LONGEST = 4000
NO_S3: Any = None
"""The maximum number of characters of a problem."""
SLOWEST = 20
"""Processor seconds: many times those of any case, for a busy machine."""


@dataclass(frozen=True, slots=True)
class Memory(Bucket):
    """A bucket whose objects are in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def files(self, prefix: str) -> list[File]:
        return [File(key, len(self.objects[key]), "e") for key in sorted(self.objects) if key.startswith(prefix)]

    def open(self, key: str, **conditions: str) -> IO[bytes]:
        first, _, last = conditions.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        return io.BytesIO(self.objects[key][int(first) : int(last) + 1 if last else None])


class Recipes:
    """A Personalize that only has recipes."""

    class exceptions:  # noqa: N801 - as boto3's
        ClientError = ClientError

    def get_paginator(self, _: str) -> "Recipes":
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [{"recipes": [{"name": name} for name in RECIPES]}]

    def describe_dataset(self, **_: str) -> None:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeDataset")


def read_config(content: bytes) -> Iterator[Problem]:
    """Read a config under each of its possible names."""
    for key in ("films/usher.yaml", "films/usher.json", "train/films/config.json"):
        yield from taken_in({key: content})


def read_table(content: bytes) -> Iterator[Problem]:
    """Read a table as interactions and as one of the other datasets, in parts of any length."""
    for key in ("films/interactions.csv", "films/items.csv", "films/action_interactions/incremental/a.csv"):
        yield from taken_in({"films/interactions/1.csv": GOOD.encode(), key: content})
    file = File("films/users.csv", len(content), "e")
    bucket = Memory(NO_S3, "bucket", {file.key: content})
    found = []
    for length in (1 << 28, len(content) // 3 + 1):
        limits = ReadLimits(part_bytes=length)
        parts = ((file.key, profile_part(bucket, part, limits)) for part in parts_of(file, limits))
        found.append(merge_parts("users", parts))
    whole, cut = found
    assert whole.read_errors == cut.read_errors
    if not whole.read_errors:
        assert (whole.rows, whole.row_errors, list(whole.columns)) == (cut.rows, cut.row_errors, list(cut.columns))


def taken_in(objects: dict[str, bytes]) -> Iterator[Problem]:
    """The messages about a group with these objects."""
    try:
        inventory = Inventory({"personalize": Recipes()}, "")
        intake = load_inputs(Memory(NO_S3, "bucket", objects), "films", inventory, "arn:aws:personalize:us-east-1:1")
        yield from intake.notes if intake else ()
    except InputError as error:
        assert error.problems
        yield from error.problems


def read_key(key: str) -> None:
    """The results of all functions that read a key."""
    kinds = [is_config(key), is_data(key), is_request(key)]
    assert sum(kinds) <= 1
    assert not (any(kinds) and is_unrecognized(key))
    if is_data(key):
        assert dataset_of(key) in DATASETS
    assert as_own_key(key).startswith(group_of(key))


def calm(read: Callable[[bytes], Iterator[Problem]], content: bytes) -> None:
    """Read content, and check the messages about it."""
    start = time.process_time()
    for problem in read(content):
        assert problem.place
        assert problem.message
        assert problem.remedy
        assert visible(f"{problem}") == f"{problem}"
        assert len(f"{problem}") < LONGEST
    assert time.process_time() - start < SLOWEST


@pytest.mark.parametrize("part", range(4))
def test_every_config_is_read_or_refused(part: int) -> None:
    check_each(lambda case: calm(read_config, case[1]), CONFIGS[part::4], itemgetter(0))


@pytest.mark.parametrize("part", range(4))
def test_every_table_is_read_or_refused(part: int) -> None:
    check_each(lambda case: calm(read_table, case[1]), TABLES[part::4], itemgetter(0))


def test_every_key_is_something_or_nothing() -> None:
    check_each(read_key, KEYS)


def test_each_case_has_a_name_of_its_own() -> None:
    assert len(dict(CONFIGS)) == len(CONFIGS)
    assert len(dict(TABLES)) == len(TABLES)
    assert len(set(KEYS)) == len(KEYS)


def changed(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Content with a few mutations: bytes flipped, pieces removed, doubled, or taken from others."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        end = start + chance.choice((0, 1, 1, 2, 5, 20, 200))
        other = chance.choice(others)
        at = chance.randrange(len(other) + 1)
        piece = chance.choice(
            (
                b"",
                bytes([chance.randrange(256)]),
                chance.choice(PIECES),
                content[start:end] * chance.choice((2, 2, 50)),
                other[at : at + chance.choice((1, 5, 50))],
            )
        )
        content = content[:start] + piece + content[end:]
    return content


PIECES = [
    *(bytes([byte]) for byte in b"\x00\t\n\r \"'#%&*,-:;<=>?@[\\]`{|}~!0"), b"\r\n", b'""', b'\\"', b": ", b"- ", b"? ",
    b"<<: ", b"*a ", b"&a ", b"!!str ", b"|\n", b">\n", b"---\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xae",
    b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"null", b"true", b"NaN", b"1e999", b"-1", b"0", b"9" * 30, b"{}", b"[]",
]  # fmt: skip


@pytest.mark.timeout(SECONDS * 3 + 300)
@pytest.mark.parametrize(
    ("read", "cases", "more"),
    [(read_config, CONFIGS, [SIMS.encode()]), (read_table, TABLES, [GOOD.encode()])],
    ids=["configs", "tables"],
)
def test_no_change_of_the_corpus_breaks_a_reader(read: Any, cases: Any, more: list[bytes]) -> None:
    chance = random.Random(SEED)
    # Long cases take long, and hide new ones.
    seeds = [content[:30_000] for _, content in cases if len(content) < MAX_BYTES] + more * 20
    until = time.process_time() + SECONDS
    while time.process_time() < until:
        content = changed(chance.choice(seeds), seeds, chance)
        try:
            calm(read, content)
        except Exception as error:
            error.add_note(f"Add this to the corpus: {content!r}")
            raise


@pytest.mark.timeout(SECONDS * 3 + 300)
def test_no_change_of_a_key_makes_two_things_of_it() -> None:
    chance = random.Random(SEED)
    seeds = [key.encode() for key in KEYS]
    until = time.process_time() + SECONDS / 4
    while time.process_time() < until:
        read_key(changed(chance.choice(seeds), seeds, chance).decode("utf-8", "replace"))
