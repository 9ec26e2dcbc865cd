"""A cached profile is used only if it is valid; otherwise the part is read again."""

import base64
import io
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usher.datasets.byte_ranges import Part, parts_of, read_part
from usher.datasets.csv_reader import read_csv
from usher.datasets.diagnosis import diagnosis_report
from usher.datasets.profile import DatasetProfile, merge_parts, profile_blocks
from usher.datasets.profile_cache import ProfileCache
from usher.datasets.profile_file import dump_profile, load_profile, max_file_bytes
from usher.datasets.read_limits import LIMITS
from usher.formats.typed_json import UnfitError
from usher.storage.bucket import File

from tests.unit.usher.formats.test_typed_json import traced
from tests.unit.usher.world import World, interactions

KEY = "films/interactions/1.csv"
CONTENT = interactions().encode()
SIZE = len(CONTENT)
Json = dict[str, Any]


def table() -> DatasetProfile:
    found = profile_blocks("interactions", KEY, read_csv(KEY, [CONTENT]))
    found.size, found.digests = SIZE, ["0" * 64]
    return found


KEPT = dump_profile(table())


def load(content: bytes) -> DatasetProfile:
    return load_profile(content, "interactions", KEY, SIZE)


TEXT, _, ARRAYS = KEPT.partition(b"\n")
IDS = json.loads(TEXT)["ids"]["count"]


def with_json(change: Callable[[Json], Any]) -> bytes:
    """The file with another JSON."""
    content = json.loads(TEXT)
    change(content)
    return json.dumps(content).encode() + b"\n" + ARRAYS


def with_array(begin: int, array: Any) -> bytes:
    """The file with another array at a place among the arrays' bytes."""
    content: bytes = array.tobytes()
    return TEXT + b"\n" + ARRAYS[:begin] + content + ARRAYS[begin + len(content) :]


def rows(*values: int) -> str:
    return base64.b64encode(zlib.compress(np.array(values, "<i8").tobytes())).decode()


def sample(name: str, **change: Any) -> Callable[[Json], Any]:
    return lambda content: content["diagnosis"]["samples"][name].update(change)


def archive() -> bytes:
    """A zip bomb in numpy's own format."""
    file = io.BytesIO()
    np.savez_compressed(file, zeros=np.zeros(1 << 26, np.uint8))
    return file.getvalue()


def with_ids(**change: Any) -> bytes:
    return with_json(lambda one: one["ids"].update(change))


FORGED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"x" * 999,
    "a zip bomb": archive,
    "arrays that are cut off": lambda: KEPT[:-1],
    "more behind the end": lambda: KEPT + b"\x00",
    "no JSON": lambda: b"{\n" + ARRAYS,
    "JSON that is deep": lambda: b"[" * 99999 + b"\n" + ARRAYS,
    "JSON that is large": lambda: b" " * max_file_bytes(SIZE) + KEPT,
    "another dataset": lambda: with_json(lambda one: one.update(dataset="items")),
    "another size": lambda: with_json(lambda one: one.update(size=SIZE + 1)),
    "more rows than bytes": lambda: with_json(lambda one: one.update(rows=SIZE + 9, lines=SIZE + 9)),
    "rows of text": lambda: with_json(lambda one: one.update(rows="9")),
    "an unknown member": lambda: with_json(lambda one: one.update(more=1)),
    "no diagnosis": lambda: with_json(lambda one: one.update(diagnosis={})),
    "a digest that is none": lambda: with_json(lambda one: one.update(digests=["../x"])),
    "another file's lines": lambda: with_json(
        lambda one: one["rowErrors"].update({"empty line": {"rows": 1, "lines": {"v": [1]}}})
    ),
    "an unknown fact": lambda: with_json(lambda one: one["columns"]["ITEM_ID"]["facts"].update(odd={"rows": 1})),
    "many lines": lambda: with_json(
        lambda one: one["rowErrors"].update({"empty line": {"rows": 200, "lines": {KEY: list(range(1, 201))}}})
    ),
    "a line before the first": lambda: with_json(
        lambda one: one["rowErrors"].update({"empty line": {"rows": 1, "lines": {KEY: [-1]}}})
    ),
    "a column without facts": lambda: with_json(lambda one: one["columns"].update(X={})),
    "counts below zero": lambda: with_json(lambda one: one["columns"]["ITEM_ID"].update(values={"i1": -1})),
    "many values": lambda: with_json(
        lambda one: one["columns"]["ITEM_ID"].update(values={f"v{n}": 1 for n in range(1002)})
    ),
    "a stop elsewhere": lambda: with_json(
        lambda one: one.update(readErrors=[{"key": "victim/x", "line": 1, "message": "m", "remedy": "r"}])
    ),
    "hashes in no order": lambda: with_array(0, np.zeros(IDS, np.uint64)),
    "places beyond all files": lambda: with_array(8 * IDS, np.full(IDS, 1 << 50, np.int64)),
    "places below zero": lambda: with_array(8 * IDS, np.full(IDS, -1, np.int64)),
    "more IDs than there are bytes": lambda: with_ids(count=1 << 60),
    "IDs below zero": lambda: with_ids(count=-1, reported=-1),
    "more IDs that are there again than rows": lambda: with_ids(duplicates=SIZE + 1),
    "fewer IDs that are there again than places": lambda: with_ids(duplicates=1),
    "IDs though there are too many": lambda: with_ids(overflowed=True),
    "a sample that is not base64": lambda: with_json(sample("users", rows="?")),
    "a sample that is not packed": lambda: with_json(sample("users", rows="AAAA")),
    "a sample that is a bomb": lambda: with_json(
        sample("pairs", rows=base64.b64encode(zlib.compress(bytes(1 << 26))).decode())
    ),
    "a sample of half a row": lambda: with_json(sample("users", rows=rows(1, 2))),
    "a sample with more behind": lambda: with_json(
        sample("users", rows=base64.b64encode(zlib.compress(bytes(24)) + b"more").decode())
    ),
    "a sample in no order": lambda: with_json(sample("users", rows=rows(2, 1, 0, 0, 1, 1))),
    "a sample with a key twice": lambda: with_json(sample("users", rows=rows(1, 1, 0, 0, 1, 1))),
    "a sample of nothing": lambda: with_json(sample("users", rows=rows(1, 0, 0))),
    "a sample of users with numbers": lambda: with_json(sample("users", rows=rows(1, 5, 1))),
    "a sample of periods far away": lambda: with_json(sample("periods", rows=rows(0, 1 << 60, 1))),
    "a sample of another size": lambda: with_json(sample("users", cap=1 << 40)),
    "a sample of a level too high": lambda: with_json(sample("users", level=64)),
    "keys that a level has not": lambda: with_json(sample("users", level=63)),
    "times in no order": lambda: with_json(lambda one: one["diagnosis"].update(first=2_000_000_000)),
    "times too far apart": lambda: with_json(lambda one: one["diagnosis"].update(step=0, last=1 << 40)),
    "a time beyond all": lambda: with_json(lambda one: one["diagnosis"].update(last=10**30)),
    "no such length of periods": lambda: with_json(lambda one: one["diagnosis"].update(step=999)),
    "many types": lambda: with_json(lambda one: one["diagnosis"].update(types={f"t{n}": 1 for n in range(101)})),
}


def test_stored_events_are_read_unchanged() -> None:
    assert dump_profile(load(KEPT)) == KEPT


@pytest.mark.parametrize("name", FORGED)
def test_impossible_profiles_are_refused_in_bounded_memory(name: str) -> None:
    content = FORGED[name]()
    with traced() as most, pytest.raises(UnfitError):
        load(content)
    assert most() < len(content) + (64 << 20)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(KEPT) - 1), st.integers(0, 255)), max_size=3))
def test_a_file_with_any_changed_bytes_is_refused_or_usable(changes: list[tuple[int, int]]) -> None:
    content = bytearray(KEPT)
    for place, byte in changes:
        content[place] = byte
    try:
        found = load(bytes(content))
    except UnfitError:
        return
    whole = merge_parts("interactions", [(KEY, found)])
    diagnosis_report(whole.diagnosis)


@pytest.fixture
def part(world: World) -> Iterator[Part]:
    world.put(KEY, CONTENT.decode())
    (file,) = world.bucket.files(KEY)
    yield parts_of(file)[0]


def test_a_part_is_read_again_if_its_stored_profile_differs(world: World, part: Part) -> None:
    file = File(part.key, part.end, part.etag)
    cache = ProfileCache(world.bucket)
    expected = cache.profile("interactions", [file], ())
    for content in (b"", FORGED["a zip bomb"](), bytes(max_file_bytes(SIZE) + 1)):
        world.bucket.write(cache.key(part), content)
        found = cache.profile("interactions", [file], {cache.key(part)})
        assert (found.rows, found.digest, found.columns) == (expected.rows, expected.digest, expected.columns)


@pytest.mark.parametrize(
    "change",
    [
        {"key": "films/usher.yaml"},
        {"key": "films/out/checks/x/interactions.csv"},
        {"start": -1},
        {"end": -1},
        {"end": LIMITS.part_bytes + 1},
        {"start": "0"},
        {"more": 1},
    ],
)
def test_files_outside_a_groups_data_are_not_checked(change: dict[str, Any]) -> None:
    good = {"key": KEY, "etag": "e", "start": 0, "end": 9}
    assert read_part(good) == Part(KEY, "e", 0, 9)
    with pytest.raises(UnfitError):
        read_part(good | change)
