"""Every format gives the same rows, with any names and times."""

import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from usher.datasets.byte_ranges import Part, parts_of, profile_part, read_blocks
from usher.datasets.csv_reader import Block, UnreadableError
from usher.datasets.csv_writer import write_csv
from usher.datasets.dataset_files import dataset_files, read_files
from usher.datasets.duplicates import read_distinct
from usher.datasets.profile import Latest, merge_parts
from usher.datasets.read_limits import ReadLimits
from usher.datasets.reading import PLAIN, Reading, Unit
from usher.datasets.times import PER_SECOND, in_seconds, unix_seconds
from usher.errors import InputError
from usher.storage.bucket import File

from tests.unit.usher.world import World

NAMES = ("USER_ID", "ITEM_ID", "TIMESTAMP", "NOTE")
ROWS = [(f"u{n % 7}", f"i{n}", 1_600_000_000 + n, f'a "{n}", b|c\\') for n in range(300)]


def csv(rows: list[Any] = ROWS) -> bytes:
    def quoted(cell: object) -> str:
        return '"' + str(cell).replace("\\", "\\\\").replace('"', '\\"') + '"'

    return "\n".join([",".join(NAMES), *(",".join(map(quoted, row)) for row in rows), ""]).encode()


def jsonl(rows: list[Any] = ROWS) -> bytes:
    return b"".join(json.dumps(dict(zip(NAMES, row, strict=True))).encode() + b"\n" for row in rows)


def packed(rows: list[Any] = ROWS) -> bytes:
    table = pa.table({name: [row[place] for row in rows] for place, name in enumerate(NAMES)})
    sink = io.BytesIO()
    parquet.write_table(table, sink, row_group_size=50)
    return sink.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    ".csv": csv,
    ".csv.gz": lambda: gzip.compress(csv()),
    ".jsonl": jsonl,
    ".jsonl.gz": lambda: gzip.compress(jsonl()),
    ".parquet": packed,
}


def put(world: World, key: str, content: bytes) -> File:
    world.s3.put_object(Bucket=world.bucket.name, Key=key, Body=content)
    (file,) = world.bucket.files(key)
    return file


def rows_of(blocks: list[Block]) -> list[tuple[str, ...]]:
    return [row for block in blocks for row in zip(*(one.to_pylist() for one in block.columns.values()), strict=True)]


@pytest.mark.parametrize("part_bytes", [500, 4000, 1 << 20])
@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_has_the_same_rows_in_parts_of_any_size(world: World, suffix: str, part_bytes: int) -> None:
    file = put(world, f"films/interactions{suffix}", FORMATS[suffix]())
    limits = ReadLimits(part_bytes=part_bytes)
    parts = parts_of(file, limits)
    assert (len(parts) == 1) == (suffix.endswith(".gz") or file.size <= part_bytes)
    assert rows_of([block for part in parts for block in read_blocks(world.bucket, part, limits)]) == [
        tuple(map(str, row)) for row in ROWS
    ]
    found = merge_parts("interactions", [(file.key, profile_part(world.bucket, part, limits)) for part in parts])
    assert (found.rows, len(found.ids), found.read_errors) == (300, 7, [])
    assert found.columns["TIMESTAMP"].latest == Latest(1_600_000_299, file.key, 301 if ".csv" in suffix else 300)
    assert len(csv()) * 0.7 < found.size < len(csv()) * 1.1, "what is priced is the CSV, not the packed file"


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_file_for_personalize_is_a_csv_with_the_same_rows(world: World, suffix: str) -> None:
    file = put(world, f"films/interactions{suffix}", FORMATS[suffix]())
    (part,) = parts_of(file)
    assert write_csv(world.bucket, "films/items.csv", read_blocks(world.bucket, part), "a=b") == 300
    (copy,) = world.bucket.files("films/items.csv")
    assert rows_of(list(read_files(world.bucket, [copy]))) == [tuple(map(str, row)) for row in ROWS]


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_object_that_is_replaced_while_it_is_read_is_not_read_further(world: World, suffix: str) -> None:
    file = put(world, f"films/interactions{suffix}", FORMATS[suffix]())
    put(world, file.key, FORMATS[suffix]() + b"\n")
    with pytest.raises(world.s3.exceptions.ClientError):
        list(read_blocks(world.bucket, parts_of(file)[0]))


@pytest.mark.parametrize(
    ("suffix", "content", "said"),
    [
        (".csv.gz", csv(), "is not a gzip file, although its name ends in .gz."),
        (".csv.gz", gzip.compress(csv())[:-40], "is damaged, or cut off: gzip can't unpack it."),
        (".csv.gz", b"", "is empty."),
        (".parquet", b"PAR1 no", "is a damaged Parquet file:"),
        (".parquet", csv(), "is a damaged Parquet file:"),
        (".parquet", b"", "is a damaged Parquet file:"),
        (".jsonl", csv(), "is not a JSON object with the columns."),
        (".jsonl", b"", "is empty."),
        (".jsonl", b'{"": 1}\n', "has the key '', which can't be a column."),
        (".jsonl", "{}".encode("utf-16"), "is UTF-16."),
        (".csv", gzip.compress(csv()), "is packed by gzip."),
        (".csv", packed(), "is a Parquet file."),
    ],
)
def test_files_with_another_format_than_their_name_are_reported(
    world: World, suffix: str, content: bytes, said: str
) -> None:
    file = put(world, f"films/interactions{suffix}", content)
    with pytest.raises(UnreadableError) as caught:
        list(read_files(world.bucket, [file]))
    assert caught.value.error.message.startswith(said)
    assert caught.value.error.remedy


def test_a_bomb_is_not_unpacked_to_its_end(world: World) -> None:
    file = put(world, "films/interactions.csv.gz", gzip.compress(csv() + b"u,i,1,\n" * 100_000))
    (part,) = parts_of(file)
    with pytest.raises(UnreadableError, match="holds more than"):
        list(read_blocks(world.bucket, part, ReadLimits(unpacked_bytes=1 << 17, block_bytes=1 << 12)))


def test_packed_json_has_a_limit_of_its_own(world: World) -> None:
    (part,) = parts_of(put(world, "films/interactions.jsonl.gz", gzip.compress(jsonl())))
    with pytest.raises(UnreadableError, match="holds more than"):
        list(read_blocks(world.bucket, part, ReadLimits(unpacked_json_bytes=1 << 12, block_bytes=1 << 10)))


def test_lines_of_json_that_are_no_rows_are_named(world: World) -> None:
    lines = [
        '{"ITEM_ID": "i1", "GENRES": ["Drama", "Crime"], "YEAR": 1999, "NEW": true, "PRICE": 1.50}',
        '{"ITEM_ID": "i2", "GENRES": null}',
        "[1]",
        '{"ITEM_ID": {"a": 1}}',
        '{"ITEM_ID": "i3", "OTHER": 1}',
        "",
        '{"ITEM_ID": "\\ud800"}',
        '{"ITEM_ID": NaN}',
        '{"ITEM_ID": 12345678901234567890}',
    ]
    file = put(world, "films/items.jsonl", "\n".join(lines).encode())
    blocks = list(read_files(world.bucket, [file]))
    assert rows_of(blocks) == [
        ("i1", "Drama|Crime", "1999", "true", "1.50"),
        ("i2", "", "", "", ""),
        ("12345678901234567890", "", "", "", ""),
    ]
    assert {error: lines for block in blocks for error, lines in block.row_errors.items()} == {
        "not an object": [3, 7, 8], "nested value": [4], "unknown key": [5], "empty line": [6]
    }  # fmt: skip


def test_parquets_types_become_those_of_personalize(world: World) -> None:
    when = datetime(2026, 11, 1, 12, tzinfo=UTC)
    table = pa.table(
        {
            "ITEM_ID": pa.array([1, 2], pa.int64()),
            "CREATION_TIMESTAMP": pa.array([when, None], pa.timestamp("ms", "Europe/Berlin")),
            "NAIVE": pa.array([when.replace(tzinfo=None), None], pa.timestamp("ns")),
            "DAY": pa.array([when.date(), None], pa.date32()),
            "YEAR": [1999.0, float("nan")],
            "PRICE": [1.25, None],
            "NEW": [True, None],
            "GENRES": [["Drama", "Crime"], None],
            "KIND": pa.array(["a", None]).dictionary_encode(),
            "BYTES": pa.array([b"x", None], pa.binary()),
        }
    )
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    file = put(world, "films/items.parquet", sink.getvalue())
    first, second = rows_of(list(read_files(world.bucket, [file])))
    assert first == (
        "1", "1793534400", "2026-11-01 12:00:00", "2026-11-01 00:00:00", "1999", "1.25", "true", "Drama|Crime", "a", "x"
    )  # fmt: skip
    assert second == ("2", *[""] * 9)
    for unit in ("ms", "iso"):
        reading = Reading(timestamps=unit)
        assert rows_of(list(read_files(world.bucket, [file], reading)))[0][1] == "1793534400", (
            "a typed time needs no unit"
        )


def test_a_parquet_column_that_is_no_text_and_no_number_is_named(world: World) -> None:
    sink = io.BytesIO()
    parquet.write_table(pa.table({"ITEM_ID": ["i"], "X": [{"a": 1}]}), sink)
    file = put(world, "films/items.parquet", sink.getvalue())
    with pytest.raises(UnreadableError, match="has the column X of the type struct"):
        list(read_files(world.bucket, [file]))


def test_columns_get_personalizes_names_or_are_left_out(world: World) -> None:
    file = put(world, "films/items.csv", b"id,Unnamed: 0,title\ni1,0,A\n")
    reading = Reading({"id": "ITEM_ID", "Unnamed: 0": "", "title": "TITLE", "missing": "X"})
    (block,) = read_files(world.bucket, [file], reading)
    assert {name: cells.to_pylist() for name, cells in block.columns.items()} == {"ITEM_ID": ["i1"], "TITLE": ["A"]}
    with pytest.raises(UnreadableError, match="has two columns that become ITEM_ID"):
        list(read_files(world.bucket, [file], Reading({"id": "ITEM_ID", "title": "ITEM_ID"})))


@pytest.mark.parametrize(
    ("unit", "written", "seconds"),
    [
        ("ms", ["1600000000999", "1600000000000.0", ""], ["1600000000", "1600000000", ""]),
        ("iso", ["2026-11-01T12:00:00Z", "2026-11-01T13:00:00+01:00"], ["1793534400", "1793534400"]),
        ("iso", ["2026-11-01", "2026-11-01 12:00", ""], ["1793491200", "1793534400", ""]),
        ("iso", ["2026-11-01", "2026-11-01T12:00:00.999Z"], ["1793491200", "1793534400"]),
        ("iso", ["1969-12-31T23:59:59.5Z"], ["-1"]),
    ],
)
def test_times_are_read_as_they_are_said_to_be_written(unit: Unit, written: list[str], seconds: list[str]) -> None:
    cells, unread = in_seconds(pa.array(written), unit)
    assert cells.to_pylist() == seconds
    assert not any(unread.to_pylist())


@pytest.mark.parametrize(
    ("unit", "cell"),
    [("ms", "2026-11-01"), ("ms", "1.5e12"), ("iso", "1600000000"), ("iso", "2026-02-30"), ("iso", "01.11.2026")],
)
def test_a_time_in_another_form_is_a_row_error(world: World, unit: Unit, cell: str) -> None:
    good = {"ms": "1600000000000", "iso": "2026-11-01"}[unit]
    file = put(world, "films/interactions.csv", f"USER_ID,ITEM_ID,TIMESTAMP\na,b,{good}\na,b,{cell}\n".encode())
    (block,) = read_files(world.bucket, [file], Reading(timestamps=unit))
    assert (len(block.lines), block.row_errors) == (1, {"unread time": [3]})


@given(
    st.integers(0, 10**10).map(lambda seconds: datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)),
    st.sampled_from(["", "Z", "+05:30"]),
)
def test_a_date_is_the_same_time_by_either_way(when: datetime, zone: str) -> None:
    cells, unread = in_seconds(pa.array([f"{when.isoformat()}{zone}", f"{when.isoformat()}{zone}"]), "iso")
    assert cells.to_pylist() == [str(unix_seconds(f"{when.isoformat()}{zone}"))] * 2
    assert not any(unread.to_pylist())


@given(st.lists(st.integers(-(10**18), 9 * 10**18 - 1), min_size=1), st.sampled_from(sorted(PER_SECOND)))
def test_ticks_of_any_unit_are_seconds_rounded_down(ticks: list[int], unit: Unit) -> None:
    cells, unread = in_seconds(pa.array(list(map(str, ticks))), unit)
    assert cells.to_pylist() == [str(one // PER_SECOND[unit]) for one in ticks]
    assert not any(unread.to_pylist())


def distinct(world: World, key: str, content: str, **limits: Any) -> list[tuple[str, ...]]:
    parts = parts_of(put(world, key, content.encode()), ReadLimits(part_bytes=40))
    assert len(parts) > 1
    return rows_of(list(read_distinct(world.bucket, parts, ReadLimits(part_bytes=40, **limits))))


def test_the_first_of_equal_events_is_kept(world: World) -> None:
    rows = ["a,b,1,view", "a,b,1,buy", "a,b,1,view", "c,b,1,view", "a,b,1,buy"]
    content = "\n".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *rows])
    assert distinct(world, "films/interactions.csv", content) == [tuple(rows[n].split(",")) for n in (0, 1, 3)]


def test_the_last_item_of_an_id_is_kept_as_by_personalize(world: World) -> None:
    content = "ITEM_ID,TITLE\ni1,old\ni2,only\ni1,new with a long title\n"
    assert distinct(world, "films/items.csv", content) == [("i2", "only"), ("i1", "new with a long title")]


def test_more_rows_than_are_compared_are_refused(world: World) -> None:
    with pytest.raises(InputError, match="has more than 2 rows"):
        distinct(world, "films/items.csv", "ITEM_ID,TITLE\n" + "i1,a title of some length\n" * 3, equal_rows=2)


def test_the_files_of_a_dataset_are_those_of_any_format(world: World) -> None:
    for name in ("items/a.csv", "items/b.jsonl", "items/incremental/c.parquet", "items/_SUCCESS", "items.txt"):
        put(world, f"films/{name}", b"")
    found = [file.key for file in dataset_files(world.bucket, "films", "items")]
    assert found == ["films/items/a.csv", "films/items/b.jsonl", "films/items/incremental/c.parquet"]


def test_the_files_of_a_group_of_the_aws_solution_are_those_in_its_folder(world: World) -> None:
    """An export of such a group, too, has its items and users."""
    for key in ("train/films/items.csv", "train/films/users/a.csv", "train/music/items.csv"):
        put(world, key, b"")
    found = [file.key for name in ("items", "users") for file in dataset_files(world.bucket, "films", name)]
    assert found == ["train/films/items.csv", "train/films/users/a.csv"]


def test_a_part_of_other_rows_has_no_block_of_its_own(world: World) -> None:
    """A row group may begin in the part before."""
    file = put(world, "films/interactions.parquet", packed())
    part = Part(file.key, file.etag, file.size - 1, file.size, file.size, PLAIN)
    (block,) = read_blocks(world.bucket, part)
    assert list(block.columns) == list(NAMES)
    assert not np.any(block.lines)
