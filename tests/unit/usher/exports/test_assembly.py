"""Assembled exports: the same rows as a plain loop over the answers, in every format."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import dataset, parquet
from usher.config.keys import FORMATS
from usher.exports.assembly import WRITERS, Counts, Metadata, assemble_file, tables
from usher.recipes import BY_ITEM, BY_USER, SEGMENT_BY_ATTRIBUTES, SEGMENT_BY_ITEM, BatchShape

from tests.unit.usher.world import World

OUTPUT = "out/output/part-0001.json.out"


def line(subject: str, items: list[str], scores: list[float | None] | None = None, error: Any = None) -> dict[str, Any]:
    output = None if error else {"recommendedItems": items, **({} if scores is None else {"scores": scores})}
    return {"input": {"userId": subject}, "output": output, "error": error}


def text(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


def naive(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The expected rows, by a plain loop."""
    rows = []
    for one in lines:
        if not one["error"]:
            scores = one["output"].get("scores") or []
            for number, item in enumerate(one["output"]["recommendedItems"]):
                score = scores[number] if number < len(scores) else None
                rows.append((one["input"]["userId"], number + 1, item, score))
    return rows


def rows(blocks: list[bytes], shape: BatchShape = BY_USER, counts: Counts | None = None) -> list[tuple[Any, ...]]:
    made = tables(iter(blocks), shape, counts or Counts())
    return [tuple(row.values()) for table in made for row in table.to_pylist()]


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
scored = st.lists(st.tuples(names, st.floats(0, 1)), max_size=4).flatmap(
    lambda pairs: st.integers(0, len(pairs)).map(
        lambda some: ([item for item, _ in pairs], [score for _, score in pairs][:some])
    )
)
answered = st.builds(lambda user, lists: line(user, *lists), names, scored)
failed = st.builds(
    lambda user, said: line(user, [], error=said), names, st.text(st.characters(codec="ascii"), min_size=1)
)


@given(st.lists(st.lists(answered | failed, min_size=1, max_size=5), max_size=4))
def test_rows_are_those_of_a_plain_loop(blocks: list[list[dict[str, Any]]]) -> None:
    counts, everything = Counts(), [one for block in blocks for one in block]
    found = rows(list(map(text, blocks)), counts=counts)
    assert found == naive(everything)
    assert (counts.lines, counts.rows) == (len(everything), len(found))
    assert counts.errors == sum(bool(one["error"]) for one in everything)
    assert counts.empty == sum(not one["error"] and not one["output"]["recommendedItems"] for one in everything)


def test_recipes_without_scores_have_none() -> None:
    assert rows([text([line("u", ["a", "b"])])]) == [("u", 1, "a", None), ("u", 2, "b", None)]


def test_empty_lines_and_empty_errors_are_nothing() -> None:
    counts = Counts()
    answer = {"input": {"userId": "u"}, "output": {"recommendedItems": ["a"]}, "error": ""}
    assert rows([b"\n", b"\n" + text([answer]) + b"\n", b" \n"], counts=counts) == [("u", 1, "a", None)]
    assert (counts.lines, counts.errors) == (1, 0)


@pytest.mark.parametrize("name", ["usersList", "recommendedUsers"])
def test_segments_are_read_by_either_name(name: str) -> None:
    answer = {"input": {"itemAttributes": 'ITEMS.G = "x"'}, "output": {name: ["u1", "u2"]}, "error": None}
    assert rows([text([answer])], SEGMENT_BY_ATTRIBUTES) == [('ITEMS.G = "x"', 1, "u1"), ('ITEMS.G = "x"', 2, "u2")]


@pytest.mark.parametrize("error", [{"code": 5}, ["x"], 7])
def test_an_error_that_is_no_text_is_kept_as_json(error: Any) -> None:
    counts = Counts()
    assert len(rows([text([line("u", ["a"]), line("v", [], error=error)])], counts=counts)) == 1
    assert (counts.errors, counts.first_error) == (1, json.dumps(error))


def test_files_of_an_answer_have_its_rows_and_its_metadata(world: World) -> None:
    answers = [line("u,1", ["a", 'b"'], [0.5, 0.25]), line("v", ["z"], [1.0]), line("w", [], error="no such user")]
    world.put(OUTPUT, text(answers).decode())
    blocks: list[dict[str, pa.StringArray]] = [
        {"ITEM_ID": pa.array(["a", 'b"']), "TITLE": pa.array(["old", "B\nb"]), "X": pa.array(["1", "2"])},
        {"ITEM_ID": pa.array(["a"]), "TITLE": pa.array(["A"]), "X": pa.array(["3"])},
    ]
    metadata = Metadata.of(iter(blocks), ["TITLE"])
    report = assemble_file(world.bucket, OUTPUT, "out/", BY_USER, ["csv", "parquet"], metadata)
    assert {name: getattr(report, name) for name in ("lines", "errors", "empty", "rows", "firstError")} == {
        "lines": 3, "errors": 1, "empty": 0, "rows": 3, "firstError": "no such user",
    }  # fmt: skip
    expected = [
        ("u,1", 1, "a", 0.5, "A"),
        ("u,1", 2, 'b"', 0.25, "B\nb"),
        ("v", 1, "z", 1.0, None),
    ]
    files = {one.key: world.bucket.read(one.key) or b"" for one in report.files}
    assert list(files) == ["out/csv/part-0001.csv", "out/parquet/part-0001.parquet", "out/errors/part-0001.json"]
    assert [one.bytes for one in report.files] == list(map(len, files.values()))
    read = parquet.read_table(io.BytesIO(files["out/parquet/part-0001.parquet"]))
    assert read.column_names == ["user_id", "rank", "item_id", "score", "TITLE"]
    assert [tuple(row.values()) for row in read.to_pylist()] == expected
    head, *texts = csv.reader(io.StringIO(files["out/csv/part-0001.csv"].decode()))
    assert head == read.column_names
    assert texts == [["" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in row]
                     for row in expected]  # fmt: skip
    assert json.loads(files["out/errors/part-0001.json"]) == answers[2]


@pytest.mark.parametrize("escape", [False, True])
@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_a_text_that_a_spreadsheet_would_run_is_escaped_in_csv_if_wanted(
    world: World, begins: str, *, escape: bool
) -> None:
    cell, title = f"{begins}1+1", f'{begins}HYPERLINK("x")'
    world.put(OUTPUT, text([line(cell, [cell, "a=b"], [0.5, -1.0])]).decode())
    metadata = Metadata({"TITLE": pa.array([title])}, {cell: 0})
    formats = ["csv", "parquet"]
    report = assemble_file(world.bucket, OUTPUT, "out/", BY_USER, formats, metadata, escape_formulas=escape)
    files = [world.bucket.read(one.key) or b"" for one in report.files]
    mark = "'" if escape else ""
    _, *rows = csv.reader(io.StringIO(files[0].decode(), newline=""))
    assert rows == [
        [mark + cell, "1", mark + cell, "0.5", mark + title],
        [mark + cell, "2", "a=b", "-1", ""],
    ]
    assert parquet.read_table(io.BytesIO(files[1]))["TITLE"].to_pylist() == [title, None]


@pytest.mark.parametrize(("shape", "columns"), [
    (BY_ITEM, ["item_id", "rank", "similar_item_id"]),
    (SEGMENT_BY_ITEM, ["item_id", "rank", "user_id"]),
    (SEGMENT_BY_ATTRIBUTES, ["item_attributes", "rank", "user_id"]),
])  # fmt: skip
def test_an_answer_of_nothing_makes_files_of_nothing_but_columns(
    world: World, shape: BatchShape, columns: list[str]
) -> None:
    world.put(OUTPUT, "")
    report = assemble_file(world.bucket, OUTPUT, "out/", shape, ["csv", "parquet"])
    assert report.rows == 0
    assert (world.bucket.read("out/csv/part-0001.csv") or b"").decode() == ",".join(
        f'"{name}"' for name in columns
    ) + "\n"
    assert parquet.read_table(io.BytesIO(world.bucket.read("out/parquet/part-0001.parquet") or b"")).num_rows == 0


def test_a_line_may_be_longer_than_a_block(world: World) -> None:
    users = [f"u{number}" for number in range(2000)]
    answers = [{"input": {"itemId": item}, "output": {"usersList": users}, "error": None} for item in "ab"]
    world.put(OUTPUT, text(answers).decode())
    blocks = list(world.bucket.blocks(OUTPUT, size=1000))
    assert len(blocks) == 2
    assert np.array([row[1:] for row in rows(blocks, SEGMENT_BY_ITEM)]).tolist() == [
        [str(rank), user] for _ in "ab" for rank, user in enumerate(users, start=1)
    ]


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ('{"input": "{broken", "output": null, "error": "no JSON"}', "no JSON"),
        (
            '{"input": {"userId": 7}, "output": {"recommendedItems": ["a"]}, "error": null}',
            "is not a prediction: JSON parse",
        ),
        ('{"input": {"userId": 7}, "output": null, "error": ""}', "is not a prediction: JSON parse"),
        ("<xml>", "is not a prediction: JSON parse"),
        ("[]", "is not a prediction: JSON parse"),
    ],
)
def test_a_line_that_is_odd_is_an_error_and_costs_no_other(world: World, odd: str, said: str) -> None:
    world.put(OUTPUT, f"{text([line('u', ['a'])]).decode()}{odd}\n\n{text([line('v', ['b'])]).decode()}")
    report = assemble_file(world.bucket, OUTPUT, "out/", BY_USER, ["csv"])
    assert (report.lines, report.errors, report.rows) == (3, 1, 2)
    assert report.firstError.startswith(said)
    assert world.bucket.read("out/errors/part-0001.json") == f"{odd}\n".encode()


def test_an_interrupted_write_leaves_no_file(world: World) -> None:
    world.put(OUTPUT, text([line("u", ["a"])]).decode())
    broken = Metadata({"TITLE": pa.array(["A"])}, {"a": 1})
    with pytest.raises(IndexError):
        assemble_file(world.bucket, OUTPUT, "out/", BY_USER, ["csv"], broken)
    assert world.bucket.keys("out/csv") == []


@pytest.mark.parametrize("kind", FORMATS)
def test_a_format_of_the_config_holds_every_row(world: World, tmp_path: Path, kind: str) -> None:
    world.put(OUTPUT, text([line("u", ["a", "b"], [0.9, 0.1]), line("v", ["b"], [0.5])]).decode())
    (file,) = assemble_file(world.bucket, OUTPUT, "out/", BY_USER, [kind]).files
    path = tmp_path / f"part.{kind}"
    path.write_bytes(world.bucket.read(file.key) or b"")
    open_dataset: Any = dataset.dataset
    read = open_dataset(path, format=kind).to_table().to_pylist()
    assert [tuple(row.values()) for row in read] == [("u", 1, "a", 0.9), ("u", 2, "b", 0.1), ("v", 1, "b", 0.5)]


def test_formats_are_those_of_the_config() -> None:
    assert WRITERS.keys() == set(FORMATS)
